//! Whether a utility usually starts such a child for such a target.

use sandtrap_sdk::{Row, baselines, windows::path};

use crate::{
    settings::Tuning,
    stage::{Stage, brief},
};

/// The baseline of targets with their children.
const CHILDREN: &str = "target and child";
/// On so many devices of the fleet, or so often on one, nothing is unusual.
const MANY_DEVICES: u32 = 5;
const OFTEN: u64 = 30;

/// Compares a child with the past, and counts it.
pub fn compare(row: &Row<'_>, target: &str, child: &str, tuning: &Tuning) -> Option<Stage> {
    let key = format!("{} > {}", generic(target), generic(child));
    let known = baselines::lookup_one(row, CHILDREN, &key);
    // A refusal is counted by the host and costs only this observation.
    let _ = baselines::observe(row, &[(CHILDREN, key.as_str())]);
    let age = tuning.baseline_age;
    let is_fleet_mature = known.fleet.learning_for(row) >= age;
    let is_device_mature = known.device.learning_for(row) >= age;
    let has_history = |first_seen: Option<i64>| {
        let since = first_seen.map(|first| row.time().saturating_sub(first));
        since.is_some_and(|since| u128::try_from(since).is_ok_and(|ms| ms >= age.as_millis()))
    };
    let is_common =
        is_fleet_mature && known.devices >= MANY_DEVICES && has_history(known.fleet.first_seen);
    let is_routine =
        is_device_mature && known.device.count >= OFTEN && has_history(known.device.first_seen);
    if is_common || is_routine {
        let note = format!(
            "has long started {} for this",
            brief(path::file_name(child))
        );
        return Some(Stage::new("usual.child", -20, note));
    }
    let is_new = is_fleet_mature && known.fleet.count == 0 && known.device.count == 0;
    is_new.then(|| {
        let note = format!(
            "never before started {} for this anywhere",
            brief(path::file_name(child))
        );
        Stage::new("child.first-seen", 10, note)
    })
}

/// A path without what differs from user to user and from run to run.
fn generic(file: &str) -> String {
    let path = path::normalise(file);
    let parts = path.split('/').scan("", |before, part| {
        let is_user = *before == "users";
        *before = part;
        let is_number = part.len() > 3 && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        Some(if is_user || is_number { "*" } else { part })
    });
    let mut generic = parts.collect::<Vec<_>>().join("/");
    generic.truncate(generic.floor_char_boundary(200));
    generic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_numbers_are_taken_out_of_paths() {
        assert_eq!(
            generic("C:\\Users\\alice\\AppData\\Local\\Temp\\{1}\\0123-89ab\\a.exe"),
            "c:/users/*/appdata/local/temp/{1}/*/a.exe"
        );
        assert_eq!(generic("C:\\Tools\\feed\\a.vbs"), "c:/tools/*/a.vbs");
    }
}
