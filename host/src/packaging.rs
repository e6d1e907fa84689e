//! Tests of what is in `host/packaging`: it must go with the program.

mod dashboard;
mod example;

use crate::config::Daemon;

/// The service manager must not kill a daemon that is still draining.
#[test]
fn the_unit_leaves_time_to_drain() {
    let unit = include_str!("../packaging/sandtrap.service");
    let stop = unit
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="))
        .unwrap();
    assert!(stop.parse::<u64>().unwrap() > Daemon::default().drain_seconds);
    assert!(unit.contains("\nMemoryDenyWriteExecute=no\n"));
}

/// The service restricts itself further, which takes calls that are in none of
/// the groups it is allowed.
#[test]
fn the_unit_lets_the_service_harden_itself() {
    let unit = include_str!("../packaging/sandtrap.service");
    let lines = |key: &str| -> Vec<&str> {
        let lines = unit.lines();
        lines.filter_map(|line| line.strip_prefix(key)).collect()
    };
    assert!(lines("ExecStart=").concat().contains(" --harden "));
    let allowed: Vec<&str> = lines("SystemCallFilter=")
        .into_iter()
        .filter(|calls| !calls.starts_with('~'))
        .flat_map(str::split_whitespace)
        .collect();
    for call in [
        "landlock_create_ruleset",
        "landlock_add_rule",
        "landlock_restrict_self",
        "seccomp",
    ] {
        assert!(allowed.contains(&call), "{call}");
    }
}
