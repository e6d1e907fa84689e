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
