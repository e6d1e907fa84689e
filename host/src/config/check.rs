//! Checks of values that a type cannot express. [`values`] looks at the
//! configuration alone, [`places`] at the files and folders it names.

mod endpoints;
mod permission;
mod places;
mod site;
mod sources;
mod trust;

pub use permission::budget;
pub use places::places;

use std::{collections::BTreeSet, fmt::Display, ops::RangeInclusive};

use super::{Config, problem::Problems};

/// A day; nobody waits longer for anything here.
const DAY: u64 = 86_400;

/// What is wrong with the values, wherever the configuration is used.
pub fn values(config: &Config) -> Problems {
    let mut problems = Problems::default();
    bounds(config, &mut problems);
    if let Some(level) = &config.log.level
        && let Err(error) = tracing_subscriber::EnvFilter::try_new(level)
    {
        problems.error(
            "log.level",
            format!("`{level}` is no filter ({error})"),
            "write error, warn, info, debug or trace, or such as `sandtrap=debug,warn`",
        );
    }
    sources::check(config, &mut problems);
    endpoints::check(&config.sinks, &mut problems);
    site::check(&config.site, &mut problems);
    for (id, own) in &config.analytics {
        permission::check(&format!("analytics.{id}"), &own.permission(), &mut problems);
    }
    for (name, key) in &config.trust.keys {
        let section = format!("trust.keys.{name}.most");
        permission::check(&section, &key.most, &mut problems);
    }
    trust::check(&config.trust, &mut problems);
    problems
}

fn bounds(config: &Config, problems: &mut Problems) {
    let daemon = &config.daemon;
    within(problems, "daemon.shards", daemon.shards, 1..=256);
    within(problems, "daemon.batch", daemon.batch, 1..=65_536);
    within(problems, "daemon.queue_mib", daemon.queue_mib, 1..=65_536);
    within(
        problems,
        "daemon.remembered_records",
        daemon.remembered_records,
        1..=100_000_000,
    );
    within(
        problems,
        "daemon.drain_seconds",
        daemon.drain_seconds,
        1..=DAY,
    );
    within(
        problems,
        "daemon.poll_seconds",
        daemon.poll_seconds,
        1..=DAY,
    );
    let http = &config.http;
    within(problems, "http.max_body_mib", http.max_body_mib, 1..=4_096);
    within(
        problems,
        "http.max_connections",
        http.max_connections,
        1..=65_536,
    );
    within(problems, "http.read_seconds", http.read_seconds, 1..=DAY);
    within(
        problems,
        "http.commit_seconds",
        http.commit_seconds,
        1..=DAY,
    );
    if http.max_body_mib > daemon.queue_mib {
        problems.warn(
            "http.max_body_mib",
            format!(
                "a body of {} MiB takes more than the whole queue of {} MiB",
                http.max_body_mib, daemon.queue_mib
            ),
            "lower it, or raise daemon.queue_mib",
        );
    }
    let tokens = [&http.token_file, &http.ingest_token_file];
    if let [Some(api), Some(ingest)] = tokens
        && api == ingest
    {
        problems.warn(
            "http.ingest_token_file",
            "shippers get the token that also opens the API",
            "name a file of its own, or leave the key out and one is made",
        );
    }
}

fn within<T: PartialOrd + Display + Copy>(
    problems: &mut Problems,
    key: impl Into<String>,
    value: T,
    range: RangeInclusive<T>,
) {
    if !range.contains(&value) {
        let (least, most) = (range.start(), range.end());
        problems.error(
            key,
            format!("{value} is out of bounds"),
            format!("write a number from {least} to {most}"),
        );
    }
}

/// Reports values that were there already.
fn distinct<T: Ord>(
    problems: &mut Problems,
    values: impl IntoIterator<Item = (String, T)>,
    what: &str,
    instead: &str,
) {
    let mut seen = BTreeSet::new();
    for (key, value) in values {
        if !seen.insert(value) {
            problems.error(key, what, instead);
        }
    }
}

#[cfg(test)]
mod tests;
