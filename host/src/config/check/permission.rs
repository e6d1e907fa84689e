//! What analytics and keys are permitted.

use wildmatch::WildMatch;

use super::within;
use crate::{
    config::{BudgetConfig, Permission, problem::Problems},
    vocabulary::{FieldNames, RAW_PREFIX, vocabulary},
};

/// Least and most of each number of a budget, in the order of
/// [`BudgetConfig::entries`].
const BOUNDS: [(u32, u32); 12] = [
    (10, 600_000),
    (1, 100),
    (1, 4_096),
    (1, 10_000_000),
    (1, 1_024),
    (1, 1_000_000_000),
    (1, 1_000_000),
    (1, 16_384),
    (0, 1_000_000),
    (0, 100_000_000),
    (0, 100_000_000),
    (1, 65_536),
];

/// Whether the numbers of a budget are within their bounds. `prefix` goes
/// before their keys.
pub fn budget(prefix: &str, budget: &BudgetConfig, problems: &mut Problems) {
    for ((key, number), (least, most)) in budget.entries().into_iter().zip(BOUNDS) {
        if let Some(number) = number {
            within(problems, format!("{prefix}{key}"), number, least..=most);
        }
    }
}

pub(super) fn check(section: &str, permission: &Permission, problems: &mut Problems) {
    budget(&format!("{section}.budget."), &permission.budget, problems);
    let is_class = |name: &str| {
        let glob = WildMatch::new_case_insensitive(name);
        let mut classes = vocabulary().classes();
        vocabulary().class(name).is_some()
            || is_glob(name) && classes.any(|class| glob.matches(&class.name))
    };
    let events = permission.events.iter().flatten();
    names(
        &format!("{section}.events"),
        "class",
        events,
        is_class,
        problems,
    );
    let is_field = |name: &str| {
        let glob = WildMatch::new_case_insensitive(name);
        let mut fields = vocabulary().fields();
        FieldNames::default().resolve(name).is_some()
            || is_glob(name) && (may_be_raw(name) || fields.any(|(field, _)| glob.matches(field)))
    };
    let fields = permission.fields.iter().flatten();
    names(
        &format!("{section}.fields"),
        "field",
        fields,
        is_field,
        problems,
    );
    for (number, device) in permission.devices.iter().flatten().enumerate() {
        if device.is_empty() {
            let key = format!("{section}.devices[{number}]");
            problems.error(key, "it is empty", "write a glob, or leave the entry out");
        }
    }
}

fn is_glob(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// Whether a glob may match raw fields, whose names only records know.
fn may_be_raw(glob: &str) -> bool {
    let plain: &str = glob.split(['*', '?']).next().unwrap_or_default();
    plain.starts_with(RAW_PREFIX) || RAW_PREFIX.starts_with(plain)
}

/// A name that is none is a slip that would only show when nothing is granted.
fn names<'a>(
    list: &str,
    what: &str,
    names: impl Iterator<Item = &'a String>,
    is_known: impl Fn(&str) -> bool,
    problems: &mut Problems,
) {
    for (number, name) in names.enumerate() {
        if !is_known(name) {
            let wrong = if is_glob(name) { "fits" } else { "is" };
            problems.error(
                format!("{list}[{number}]"),
                format!("`{name}` {wrong} no {what}"),
                "`sandtrap vocabulary` lists them; globs such as `process.*` are possible",
            );
        }
    }
}
