//! The shape of a launch: starter and command line without what changes from run to
//! run. Management jobs repeat theirs for weeks and on many devices; an attack does
//! not, and one with new code has a new shape.

use sandtrap_sdk::{Row, baselines, windows::Invocation};

use crate::{settings::Policy, stage::Stage};

/// On so many devices a shape is the site's own.
const DEVICES: u32 = 3;
/// So often on one device, too.
const RUNS: u64 = 10;

/// Counts the launch, and says whether its shape is an old acquaintance.
pub(crate) fn known(
    row: &Row<'_>,
    starter: &str,
    line: &str,
    invocation: &Invocation,
    policy: &Policy,
) -> Option<Stage> {
    let key = key(starter, line, invocation);
    let known = baselines::lookup_one(row, "shape", &key);
    let _ = baselines::observe(row, &[("shape", &key)]);
    let maturity = i64::try_from(policy.maturity.as_millis()).unwrap_or(i64::MAX);
    let is_old = known
        .fleet
        .first_seen
        .is_some_and(|first| row.time().saturating_sub(first) >= maturity);
    let is_common = known.devices >= DEVICES || known.device.count >= RUNS;
    (is_old && is_common).then(|| {
        let note = format!(
            "the same command was seen {} times on {} devices before",
            known.fleet.count, known.devices
        );
        Stage::new("known.shape", -30, note)
    })
}

fn key(starter: &str, line: &str, invocation: &Invocation) -> String {
    let script = invocation.script().unwrap_or(line);
    let switches = [
        invocation.encoded_command.is_some(),
        invocation.window_hidden,
        invocation.no_profile,
        invocation.non_interactive,
        invocation.is_policy_bypassed(),
    ];
    // Job numbers, dates and the like change; runs of digits are all the same.
    let mut was_digit = false;
    let script = script.bytes().filter_map(|byte| {
        let is_digit = byte.is_ascii_digit();
        let is_more = is_digit && std::mem::replace(&mut was_digit, is_digit);
        was_digit = is_digit;
        let byte = if is_digit { b'#' } else { byte };
        (!is_more && !byte.is_ascii_whitespace()).then_some(byte)
    });
    let switches = switches.map(u8::from);
    let key = starter.bytes().chain(switches).chain(script);
    format!("{:016x}", fingerprint(key))
}

/// FNV-1a of bytes in lower case: short, the same in every version, and nothing
/// secret hangs on it.
pub(crate) fn fingerprint(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(line: &str) -> String {
        key("C:\\a.exe", line, &Invocation::parse(line))
    }

    #[test]
    fn numbers_do_not_change_the_shape_but_code_does() {
        let one = key_of("powershell -File C:\\jobs\\run-17.ps1 -Day 2026-01-02");
        assert_eq!(
            one,
            key_of("powershell -File C:\\Jobs\\run-9.ps1 -Day 2026-11-30")
        );
        assert_ne!(
            one,
            key_of("powershell -nop -File C:\\jobs\\run-17.ps1 -Day 2026-01-02")
        );
        assert_ne!(
            one,
            key_of("powershell -File C:\\jobs\\run-17.ps1 -Night 2026-01-02")
        );
    }
}
