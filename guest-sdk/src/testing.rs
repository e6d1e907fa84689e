//! Native stand-ins for the host, so that `cargo test` runs an analytic.
//!
//! [`run`] shows events to an analytic the way the host does: it applies the
//! analytic's own predicates and projection, sends the matching rows through
//! the same columns and the same decoding as in a component, and answers
//! questions about lineage, signatures, baselines and marks as of each event.
//!
//! It does so three times, with batches of one event, of three and of all, the
//! first with a new instance for each batch. The findings must be the same: an
//! analytic that keeps something to itself between events fails here.
//!
//! ```
//! # use sandtrap_sdk::{Analytic, Description, Finding, Findings, Row, Severity, Site};
//! # use sandtrap_sdk::{Subscription, class, field, fields, lineage, testing};
//! use serde_json::json;
//! # struct FromWord;
//! # impl Analytic for FromWord {
//! #     type Settings = serde_json::Map<String, serde_json::Value>;
//! #     fn description() -> Description {
//! #         let fields = fields![field::PROCESS_HANDLE];
//! #         Description::new("from-word", "From Word", "1.0.0")
//! #             .subscribe(Subscription::to(class::PROCESS_LAUNCH).fields(fields))
//! #     }
//! #     fn new(_: Self::Settings, _: Site) -> Result<Self, String> { Ok(Self) }
//! #     fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
//! #         let Some(process) = row.process(field::PROCESS_HANDLE) else { return };
//! #         let parents = lineage::ancestors(row, process, 1);
//! #         if parents.iter().any(|parent| parent.file_name() == "winword.exe") {
//! #             findings.report(Finding::new("From Word", Severity::Low, row.event()));
//! #         }
//! #     }
//! # }
//!
//! let world = testing::World::new()
//!     .process(testing::process(3).image("C:\\Program Files\\Office\\winword.exe"));
//! let events = [
//!     testing::launch(7).child_of(3).image("C:\\Windows\\System32\\cmd.exe").at(1_000),
//!     testing::event(class::DNS_QUERY).by(7).set(field::QUERY_HOSTNAME, "example.org"),
//! ];
//! let found = testing::run::<FromWord>(world, json!({}), json!({}), events);
//! assert_eq!(found.len(), 1);
//! ```
//!
//! Events are numbered from 1 in the order given, which is how findings cite
//! them. Launches, ends and self-loads among them are learnt as the host does,
//! so that most tests need events only; a [`World`] holds what was before.
//!
//! Absent from components.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it runs in tests only, where a panic is how to say what is wrong"
)]

mod current;
mod delivery;
mod event;
mod world;

pub(crate) mod baselines;
pub(crate) mod lineage;
pub(crate) mod log;
pub(crate) mod signatures;

pub use event::{Settable, TestEvent, event, launch, terminate};
pub use world::{ProcessSpec, World, process};

use serde_json::Value;

use crate::{
    Analytic, Finding, Row,
    adapter::Configured,
    bindings::exports::sandtrap::analytic::detector::{Description, SettingsError},
    lineage::{Mark, Subject},
    vocabulary::Field,
};
use current::Current;

/// What is left of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The findings in the order they were reported.
    pub findings: Vec<Finding>,
    /// The messages for the operator.
    pub messages: Vec<(crate::log::Level, String)>,
    /// The marks that had not expired at the last event.
    pub marks: Vec<(Subject, Mark)>,
}

/// The findings of an analytic with these settings and this site knowledge
/// about these events.
///
/// # Panics
///
/// If the settings are refused, if the findings depend on the batch size, if
/// the analytic reads a field it did not ask for, or if its description is one
/// that the host would refuse.
pub fn run<A: Analytic>(
    world: World,
    settings: Value,
    site: Value,
    events: impl IntoIterator<Item = TestEvent>,
) -> Vec<Finding> {
    outcome::<A>(world, settings, site, events).findings
}

/// As [`run`], but with the messages and the marks that are left.
///
/// # Panics
///
/// As [`run`].
pub fn outcome<A: Analytic>(
    world: World,
    settings: Value,
    site: Value,
    events: impl IntoIterator<Item = TestEvent>,
) -> Outcome {
    check::<A>();
    let (settings, site) = (settings.to_string(), site.to_string());
    let start = || match Configured::<A>::new(&settings, &site) {
        Ok(configured) => configured,
        Err(refused) => panic!("the settings were refused: {refused:?}"),
    };
    let subscriptions = A::description().into_wire().subscriptions;
    let (world, events) = world.with_events(events);

    let run = |size: usize, renew: bool| {
        let _current = Current::enter(world.clone());
        let mut configured = start();
        let mut findings = Vec::new();
        for first in (0..events.len()).step_by(size) {
            let end = events.len().min(first + size);
            current::set_batch(first, end);
            let batch = delivery::batch(&subscriptions, &events[first..end], first);
            match configured.inspect(&batch) {
                Ok(found) => findings.extend(found),
                Err(error) => panic!("the batch was refused: {error:?}"),
            }
            if renew {
                configured = start();
            }
        }
        let world = current::world();
        let marks = world.marks_left();
        Outcome {
            findings,
            messages: world.messages,
            marks,
        }
    };
    let outcome = run(1, true);
    for size in [3, events.len().max(4)] {
        let other = run(size, false);
        if other.findings != outcome.findings {
            panic!(
                "the findings depend on the batch size\none by one: {:#?}\nby {size}: {:#?}",
                outcome.findings, other.findings
            );
        }
    }
    outcome
}

/// Why an analytic refuses these settings and this site knowledge, if it does.
pub fn refusal<A: Analytic>(settings: Value, site: Value) -> Option<String> {
    match Configured::<A>::new(&settings.to_string(), &site.to_string()) {
        Ok(_) => None,
        Err(SettingsError::Malformed(reason) | SettingsError::Rejected(reason)) => Some(reason),
    }
}

/// Checks a description as the host does when it loads a component, and that
/// `{}` and the described defaults are acceptable settings.
///
/// # Panics
///
/// If they are not.
pub fn check<A: Analytic>() {
    let description = A::description().into_wire();
    if let Err(reason) = delivery::check(&description) {
        panic!("the description is not acceptable: {reason}");
    }
    let defaults = match defaults(&description) {
        Ok(defaults) => defaults,
        Err(reason) => panic!("{reason}"),
    };
    for settings in [Value::Object(serde_json::Map::new()), defaults] {
        if let Some(reason) = refusal::<A>(settings.clone(), Value::Object(serde_json::Map::new()))
        {
            panic!("settings {settings} are not acceptable: {reason}");
        }
    }
}

fn defaults(description: &Description) -> Result<Value, String> {
    let mut defaults = serde_json::Map::new();
    for setting in &description.settings {
        let value = serde_json::from_str(&setting.default_value)
            .map_err(|error| format!("the default of `{}`: {error}", setting.name))?;
        if defaults.insert(setting.name.clone(), value).is_some() {
            return Err(format!("`{}` is described twice", setting.name));
        }
    }
    Ok(Value::Object(defaults))
}

/// A row was asked for a field that its subscription does not list.
pub(crate) fn field_was_not_asked_for(row: &Row<'_>, field: Field) {
    if current::is_running() {
        panic!(
            "`{}` is read, but subscription {} ({}) does not ask for it: add it to `.fields(…)`, \
             or look with `row.has(…)` first",
            field.name(),
            row.subscription(),
            row.class().name()
        );
    }
}

#[cfg(test)]
mod tests;
