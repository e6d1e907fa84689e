//! What is said about the site.

use crate::config::{Site, problem::Problems};

/// Longest glob, in bytes; analytics refuse longer ones.
const LONGEST_GLOB: usize = 1024;

pub(super) fn check(site: &Site, problems: &mut Problems) {
    for (number, window) in site.maintenance_windows.iter().flatten().enumerate() {
        let key = format!("site.maintenance_windows[{number}]");
        for (name, time) in [("from", &window.from), ("to", &window.to)] {
            if !is_clock(time) {
                problems.error(
                    format!("{key}.{name}"),
                    format!("`{time}` is no time of day"),
                    "write hours and minutes such as 22:00",
                );
            }
        }
        if let Some(offset) = &window.utc_offset
            && !offset.strip_prefix(['+', '-']).is_some_and(is_clock)
        {
            problems.error(
                format!("{key}.utc_offset"),
                format!("`{offset}` is no offset from UTC"),
                "write one such as +02:00",
            );
        }
        if window.days.is_empty() {
            problems.warn(
                format!("{key}.days"),
                "it names no day, so the window never opens",
                "write such as days = [\"sat\", \"sun\"]",
            );
        }
    }
    let lists = [
        ("approved_script_paths", &site.approved_script_paths),
        ("approved_deployment_paths", &site.approved_deployment_paths),
        ("administrators", &site.administrators),
    ];
    for (name, globs) in lists {
        for (number, text) in globs.iter().flatten().enumerate() {
            glob(problems, format!("site.{name}[{number}]"), text);
        }
    }
    for (number, role) in site.asset_roles.iter().flatten().enumerate() {
        let key = format!("site.asset_roles[{number}].device");
        glob(problems, key, &role.device);
    }
}

fn glob(problems: &mut Problems, key: String, glob: &str) {
    if glob.is_empty() {
        problems.error(key, "it is empty", "write a glob, or leave the entry out");
    } else if glob.len() > LONGEST_GLOB {
        problems.error(
            key,
            format!("it is longer than {LONGEST_GLOB} bytes"),
            "shorten it",
        );
    } else if glob.bytes().all(|byte| byte == b'*') {
        problems.warn(
            key,
            "it fits everything, so the analytics pass over everything",
            "narrow it",
        );
    }
}

fn is_clock(time: &str) -> bool {
    let number = |text: &str, below: u32| {
        text.len() == 2
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse().is_ok_and(|number: u32| number < below)
    };
    time.split_once(':')
        .is_some_and(|(hours, minutes)| number(hours, 24) && number(minutes, 60))
}
