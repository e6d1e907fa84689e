//! Write detection analytics for the Sandtrap host.
//!
//! An analytic is a function from events to findings. It says which events and
//! which of their fields it wants, looks at one row at a time, asks the host
//! about lineage, signatures and baselines, and reports what it found. It ships
//! as one WebAssembly component; the host that loads it needs no rebuild.
//!
//! A complete one:
//!
//! ```
//! use std::time::Duration;
//!
//! use sandtrap_sdk::{
//!     Analytic, Caps, Chain, Description, Findings, Row, Severity, Site, Subscription, any,
//!     class, field, fields, signatures,
//! };
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields, default)]
//! pub struct Settings {
//!     #[serde(rename = "TimeWindow")]
//!     time_window: u64,
//!     threshold: i32,
//! }
//!
//! impl Default for Settings {
//!     fn default() -> Self {
//!         Self { time_window: 300, threshold: 40 }
//!     }
//! }
//!
//! pub struct OfficeShell {
//!     settings: Settings,
//!     caps: Caps,
//!     site: Site,
//! }
//!
//! impl Analytic for OfficeShell {
//!     type Settings = Settings;
//!
//!     fn description() -> Description {
//!         Description::new("office-shell", "Shell started by Office", "1.0.0")
//!             .summary("A shell that a document started, and that then connects outwards.")
//!             .technique("T1059", "Command and Scripting Interpreter")
//!             .tactics(["execution"])
//!             .platforms(["Windows"])
//!             .official_setting("TimeWindow", 300, "Seconds for which a stage counts.")
//!             .setting("threshold", 40, "Score from which a chain is reported.")
//!             .subscribe(
//!                 Subscription::to(class::PROCESS_LAUNCH)
//!                     .when(any([
//!                         field::PROCESS_FILE_PATH.ends_with(["\\cmd.exe", "\\powershell.exe"]),
//!                         field::PROCESS_FILE_INTERNAL_NAME.is_one_of(["Cmd.Exe"]),
//!                     ]))
//!                     .fields(fields![
//!                         field::PROCESS_HANDLE,
//!                         field::PROCESS_PARENT_PROCESS_HANDLE,
//!                         field::PROCESS_PARENT_PROCESS_FILE_PATH,
//!                     ]),
//!             )
//!             .subscribe(
//!                 Subscription::to(class::NETWORK_OPEN)
//!                     .when(field::CONNECTION_INFO_OUTBOUND.equals(1))
//!                     .fields(fields![field::ACTOR_PROCESS_HANDLE, field::DST_ENDPOINT_IP]),
//!             )
//!             .input(class::MODULE_LOAD, "the signature of the parent is unknown")
//!     }
//!
//!     fn new(settings: Settings, site: Site) -> Result<Self, String> {
//!         if settings.threshold <= 0 {
//!             return Err("`threshold` must be positive".to_owned());
//!         }
//!         let caps = Caps::new([("lineage", 40), ("effect", 20)]);
//!         Ok(Self { settings, caps, site })
//!     }
//!
//!     fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
//!         let handle = match row.class() {
//!             class::PROCESS_LAUNCH => field::PROCESS_HANDLE,
//!             _ => field::ACTOR_PROCESS_HANDLE,
//!         };
//!         let Some(process) = row.process(handle) else { return };
//!         let window = Duration::from_secs(self.settings.time_window);
//!         let mut chain = Chain::on(row, process, window);
//!         match row.class() {
//!             class::PROCESS_LAUNCH => self.launched(row, &mut chain),
//!             _ => self.connected(row, &mut chain),
//!         }
//!         let verdict = chain.settle(&self.caps, |tally| {
//!             let is_enough = tally.classes() >= 2 && tally.score() >= self.settings.threshold;
//!             is_enough.then_some(Severity::High)
//!         });
//!         if let Some(verdict) = verdict {
//!             findings.report(verdict.finding("A document started a shell that connects"));
//!         }
//!     }
//! }
//!
//! impl OfficeShell {
//!     fn launched(&self, row: &Row<'_>, chain: &mut Chain<'_, '_>) {
//!         let parent = row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH);
//!         if parent.to_ascii_lowercase().ends_with("\\winword.exe") {
//!             chain.add("lineage.office", 30, format!("started by {parent}"));
//!         }
//!         if let Some(parent) = row.process(field::PROCESS_PARENT_PROCESS_HANDLE)
//!             && signatures::of_process(row, parent).is_unsigned()
//!         {
//!             chain.add("lineage.unsigned", 20, "its parent is unsigned");
//!         }
//!     }
//!
//!     fn connected(&self, row: &Row<'_>, chain: &mut Chain<'_, '_>) {
//!         let ip = row.text(field::DST_ENDPOINT_IP);
//!         let score = if self.site.is_internal(ip) { 10 } else { 20 };
//!         chain.add("effect.connection", score, format!("connected to {ip}"));
//!     }
//! }
//!
//! sandtrap_sdk::export_analytic!(OfficeShell);
//!
//! // `cargo test` runs it without a host.
//! use sandtrap_sdk::testing;
//! use serde_json::json;
//!
//! let word = testing::process(3).image("C:\\Program Files\\Office\\WINWORD.EXE");
//! let found = testing::run::<OfficeShell>(
//!     testing::World::new().process(word),
//!     json!({ "TimeWindow": 60 }),
//!     json!({}),
//!     [
//!         testing::launch(7).child_of(3).image("C:\\Windows\\System32\\cmd.exe").at(0),
//!         testing::event(class::NETWORK_OPEN)
//!             .by(7)
//!             .set(field::CONNECTION_INFO_OUTBOUND, 1)
//!             .set(field::DST_ENDPOINT_IP, "203.0.113.9")
//!             .at(30_000),
//!     ],
//! );
//! assert_eq!(found.len(), 1);
//! assert_eq!((found[0].score, found[0].process), (50, Some(7)));
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! | --- | --- |
//! | say what it is and wants | [`Description`], [`Subscription`], [`predicate`] |
//! | name fields and classes | [`field`], [`class`] |
//! | read an event | [`Row`] |
//! | add weak stages up | [`Chain`], [`chain`] |
//! | ask about processes, and remember | [`lineage`] |
//! | ask who signed what | [`signatures`] |
//! | ask what is usual | [`baselines`] |
//! | ask about the place | [`Site`] |
//! | understand Windows | [`windows`] |
//! | tell the operator something | [`log`] |
//! | test it | [`testing`] |
//!
//! # Rules of the house
//!
//! The same events give the same findings, whatever the batch size, after a
//! reload and after a crash. So an analytic keeps nothing between events but
//! marks and baselines, and knows no clock but [`Row::time`].
//!
//! The imports of a component are its request for capabilities: one that calls
//! nothing in [`baselines`] does not ask for baselines. What the operator does
//! not grant is not linked, and the component is refused.
//!
//! A panic ends the call; the host drops the instance and everything it wrote
//! in the batch. Events are hostile: use `get`, not `[…]`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod baselines;
pub mod chain;
pub mod lineage;
pub mod log;
pub mod predicate;
pub mod signatures;
pub mod site;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod windows;

#[doc(hidden)]
pub mod adapter;
#[doc(hidden)]
pub mod bindings;

mod analytic;
mod batch;
mod description;
mod finding;
mod row;
mod vocabulary;

pub use analytic::{Analytic, Findings};
pub use chain::{Caps, Chain, Tally, Verdict};
pub use description::{Description, Subscription};
pub use finding::{Detail, Finding, Severity, Stage};
pub use predicate::{Predicate, all, any, not};
pub use row::{Event, Row};
pub use serde_json::json;
pub use site::{Role, Scope, Site};
pub use vocabulary::{Class, Field, Text, Unsigned, class, field};

/// Exports an analytic, once in a crate whose `crate-type` is
/// `["cdylib", "rlib"]`. Natively it only checks the type.
#[macro_export]
macro_rules! export_analytic {
    ($analytic:ty) => {
        const _: () = {
            const fn is_analytic<A: $crate::Analytic>() {}
            is_analytic::<$analytic>();
        };

        #[cfg(target_family = "wasm")]
        const _: () = {
            ::std::thread_local! {
                static STATE: $crate::adapter::State<$analytic> =
                    const { $crate::adapter::State::new() };
            }

            struct Slot;

            impl $crate::adapter::Slot for Slot {
                type Analytic = $analytic;

                fn with<R>(visit: impl FnOnce(&$crate::adapter::State<$analytic>) -> R) -> R {
                    STATE.with(visit)
                }
            }

            type Exported = $crate::adapter::Exported<Slot>;
    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}
