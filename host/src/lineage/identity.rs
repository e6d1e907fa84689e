//! What makes two reports be about the same process: handles, the time in a
//! Sysmon GUID, paths and command lines written differently.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Milliseconds by which the clocks of two logs, or the order of two events,
/// may differ.
pub(super) const SLACK: i64 = 2_000;

/// Milliseconds between two reports of one start.
pub(super) const SAME_START: i64 = 10_000;

/// No Sysmon existed before; a time before it is not one.
const EARLIEST_GUID_TIME: i64 = 946_684_800_000;

/// Milliseconds a process may have been running when it is first mentioned.
const LONGEST_UPTIME: i64 = 366 * 24 * 3_600_000;

/// A device's part of all its handles.
pub(super) fn device_seed(device: &str) -> u64 {
    xxh3_64(device.as_bytes())
}

/// The handle of a process with a GUID.
pub(super) fn handle_of_guid(device: u64, guid: &str) -> u64 {
    not_zero(xxh3_64_with_seed(guid.as_bytes(), device))
}

/// The handle of a process that has no GUID, by its id and when it started, or
/// was first mentioned where nobody saw it start.
pub(super) fn handle_of_pid(device: u64, pid: u32, time: i64) -> u64 {
    let mut bytes = [0; 12];
    let (front, back) = bytes.split_at_mut(4);
    front.copy_from_slice(&pid.to_le_bytes());
    back.copy_from_slice(&time.to_le_bytes());
    not_zero(xxh3_64_with_seed(&bytes, device))
}

/// The handle of a process of which only the command line is known.
pub(super) fn handle_of_command(device: u64, command_key: u64, time: i64) -> u64 {
    let mut bytes = [0; 16];
    let (front, back) = bytes.split_at_mut(8);
    front.copy_from_slice(&command_key.to_le_bytes());
    back.copy_from_slice(&time.to_le_bytes());
    not_zero(xxh3_64_with_seed(&bytes, device))
}

fn not_zero(hash: u64) -> u64 {
    hash.max(1)
}

/// When the process of a Sysmon GUID started, milliseconds since 1970 UTC by
/// the clock of its device: the GUID's second and third group hold the
/// seconds, low half first.
pub(super) fn guid_time(guid: &str) -> Option<i64> {
    let mut groups = guid.split('-').skip(1);
    let low = groups.next().filter(|group| group.len() == 4)?;
    let high = groups.next().filter(|group| group.len() == 4)?;
    let low = u32::from_str_radix(low, 16).ok()?;
    let high = u32::from_str_radix(high, 16).ok()?;
    let time = i64::from(high << 16 | low) * 1_000;
    (time >= EARLIEST_GUID_TIME).then_some(time)
}

/// Whether a process mentioned at a time may have started at another. In some
/// recordings the clock behind the GUIDs is hours off.
pub(super) fn is_plausible_start(start: i64, mentioned: i64) -> bool {
    start <= mentioned.saturating_add(SLACK) && start >= mentioned.saturating_sub(LONGEST_UPTIME)
}

/// Whether two image paths cannot be of the same file. Case does not count,
/// nor does a drive, which Security's device paths lack. An unknown image
/// contradicts nothing.
pub(super) fn images_differ(one: &str, other: &str) -> bool {
    let (one, other) = (without_drive(one), without_drive(other));
    !one.is_empty() && !other.is_empty() && !one.eq_ignore_ascii_case(other)
}

fn without_drive(path: &str) -> &str {
    match path.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => path.get(2..).unwrap_or_default(),
        _ => path,
    }
}

/// An image path as a report gives it, empty where it says that it does not
/// know.
pub(super) fn known_image(image: &str) -> &str {
    match image {
        "-" | "<unknown process>" => "",
        known => known,
    }
}

/// A number that is equal for command lines that differ only in white space,
/// case and quotes; 0 for an empty one.
///
/// PowerShell reports its host's command line put together from its arguments,
/// so that quotes and the backslashes that escape them are gone.
pub(super) fn command_key(command_line: &str) -> u64 {
    let mut bytes = Vec::with_capacity(command_line.len());
    for byte in command_line.bytes() {
        match byte {
            b'"' => {
                while bytes.last() == Some(&b'\\') {
                    bytes.pop();
                }
            }
            byte if byte.is_ascii_whitespace() || byte == 0 => {}
            byte => bytes.push(byte.to_ascii_lowercase()),
        }
    }
    if bytes.is_empty() {
        0
    } else {
        not_zero(xxh3_64(&bytes))
    }
}

/// Whether a process with that image may have the command line that a
/// PowerShell engine reports of its host.
pub(super) fn may_host(image: &str, host_application: &str) -> bool {
    let name = image.rsplit(['\\', '/']).next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let (stem, host) = (stem.as_bytes(), host_application.as_bytes());
    stem.is_empty()
        || host.is_empty()
        || host
            .windows(stem.len())
            .any(|window| window.eq_ignore_ascii_case(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guid_holds_the_start() {
        let time = guid_time("b59756a9-b239-5f17-5307-000000000400");
        assert_eq!(time, Some(0x5f17_b239 * 1_000));
        for odd in ["", "b59756a9", "a-b-c-d", "b59756a9-0000-0000-5307-0"] {
            assert_eq!(guid_time(odd), None);
        }
    }

    #[test]
    fn images_and_command_lines_compare_as_windows_does() {
        assert!(!images_differ(r"C:\Windows\a.exe", r"\windows\A.EXE"));
        assert!(!images_differ("", r"\windows\A.EXE"));
        assert!(images_differ(r"C:\Windows\a.exe", r"C:\Windows\b.exe"));
        let typed = r#""C:\Program Files\PS\pwsh.exe"  -c "iex \"a b\"""#;
        let joined = r#"c:\Program Files\PS\pwsh.exe -c iex "a b""#;
        assert_eq!(command_key(typed), command_key(joined));
        assert_eq!(command_key(" \t"), 0);
        assert!(may_host(r"C:\a\PowerShell.exe", "powershell -nop"));
        assert!(!may_host(r"C:\a\chrome.exe", "powershell -nop"));
    }
}
