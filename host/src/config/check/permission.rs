//! What analytics and keys are permitted.

use super::within;
use crate::{
    config::{Permission, problem::Problems},
    vocabulary::{FieldNames, vocabulary},
};

/// Least and most of each number of a budget, in the order of
/// [`BudgetConfig::entries`](crate::config::BudgetConfig::entries).
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

pub(super) fn check(section: &str, permission: &Permission, problems: &mut Problems) {
    for ((key, number), (least, most)) in permission.budget.entries().into_iter().zip(BOUNDS) {
        if let Some(number) = number {
            within(
                problems,
                format!("{section}.budget.{key}"),
                number,
                least..=most,
            );
        }
    }
    let is_class = |name: &str| vocabulary().class(name).is_some();
    let events = permission.events.iter().flatten();
    names(
        &format!("{section}.events"),
        "class",
        events,
        is_class,
        problems,
    );
    let is_field = |name: &str| FieldNames::default().resolve(name).is_some();
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

/// A name that is none is a slip that would only show when nothing is granted.
fn names<'a>(
    list: &str,
    what: &str,
    names: impl Iterator<Item = &'a String>,
    is_known: impl Fn(&str) -> bool,
    problems: &mut Problems,
) {
    for (number, name) in names.enumerate() {
        if !name.contains(['*', '?']) && !is_known(name) {
            problems.error(
                format!("{list}[{number}]"),
                format!("`{name}` is no {what}"),
                "`sandtrap vocabulary` lists them; globs such as `process.*` are possible",
            );
        }
    }
}
