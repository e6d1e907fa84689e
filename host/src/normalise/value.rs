//! Brings raw text into the one form that the vocabulary says.

use std::{fmt::Write as _, net::Ipv6Addr};

use crate::{
    event::Fields,
    vocabulary::{FieldId, Kind, ValueType},
};

/// Sets a field from raw text; text that says nothing leaves it absent.
pub(super) fn set(fields: &mut Fields, field: FieldId, value: ValueType, kind: Kind, text: &str) {
    if text.is_empty() || text == "-" {
        return;
    }
    if value == ValueType::Unsigned {
        let number = match kind {
            Kind::Truth => truth(text),
            Kind::Outbound => outbound(text),
            _ => number(text),
        };
        if let Some(number) = number {
            fields.set_number(field, number);
        }
        return;
    }
    match kind {
        Kind::Path => fields.set_text(field, path(text)),
        Kind::Guid => fields.set_text_with(field, |buffer| push_guid(buffer, text)),
        Kind::Sha256 => {
            if let Some(hash) = sha256(text) {
                fields.set_text_with(field, |buffer| push_lower(buffer, hash));
            }
        }
        Kind::Registry => {
            let (hive, rest) = registry(text);
            fields.set_text_with(field, |buffer| {
                buffer.push_str(hive);
                buffer.push_str(rest);
            });
        }
        Kind::Ip => fields.set_text_with(field, |buffer| push_address(buffer, text)),
        Kind::Protocol => fields.set_text_with(field, |buffer| match text {
            "6" => buffer.push_str("tcp"),
            "17" => buffer.push_str("udp"),
            _ => push_lower(buffer, text),
        }),
        Kind::Text | Kind::Number | Kind::Truth | Kind::Outbound => fields.set_text(field, text),
    }
}

/// A decimal or hexadecimal number.
pub(super) fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn truth(text: &str) -> Option<u64> {
    let is_any = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_any(&["true", "1", "yes"]) {
        Some(1)
    } else if is_any(&["false", "0", "no"]) {
        Some(0)
    } else {
        None
    }
}

fn outbound(text: &str) -> Option<u64> {
    match text {
        "%%14593" => Some(1),
        "%%14592" => Some(0),
        _ => match text.to_ascii_lowercase().as_str() {
            "outbound" | "egress" => Some(1),
            "inbound" | "ingress" => Some(0),
            _ => truth(text),
        },
    }
}

/// A path without the prefixes that name its device.
fn path(text: &str) -> &str {
    // Most paths begin with a drive.
    if !text.starts_with('\\') {
        return text;
    }
    let text = text
        .strip_prefix(r"\\?\")
        .or_else(|| text.strip_prefix(r"\??\"))
        .unwrap_or(text);
    let Some(volume) = strip_prefix_ignoring_case(text, r"\Device\HarddiskVolume") else {
        return text;
    };
    let rest = volume.trim_start_matches(|digit: char| digit.is_ascii_digit());
    if rest.len() < volume.len() && (rest.is_empty() || rest.starts_with('\\')) {
        rest
    } else {
        text
    }
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn push_guid(buffer: &mut String, text: &str) {
    let text = text.trim().trim_matches(['{', '}']);
    if text.bytes().any(|byte| !matches!(byte, b'0' | b'-')) {
        push_lower(buffer, text);
    }
}

fn push_lower(buffer: &mut String, text: &str) {
    let from = buffer.len();
    buffer.push_str(text);
    if let Some(pushed) = buffer.get_mut(from..) {
        pushed.make_ascii_lowercase();
    }
}

/// The hash alone, or the one out of `SHA1=..,SHA256=..`.
fn sha256(text: &str) -> Option<&str> {
    text.split(',')
        .map(|hash| strip_prefix_ignoring_case(hash.trim(), "SHA256=").unwrap_or(hash.trim()))
        .find(|hash| hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// The short name of the hive, and what follows.
fn registry(text: &str) -> (&'static str, &str) {
    const HIVES: [(&str, &str); 8] = [
        (r"\REGISTRY\MACHINE", "HKLM"),
        (r"\REGISTRY\USER", "HKU"),
        (r"HKEY_LOCAL_MACHINE", "HKLM"),
        (r"HKEY_USERS", "HKU"),
        (r"HKEY_CURRENT_USER", "HKCU"),
        (r"HKEY_CLASSES_ROOT", "HKCR"),
        (r"HKEY_CURRENT_CONFIG", "HKCC"),
        (r"REGISTRY\MACHINE", "HKLM"),
    ];
    HIVES
        .iter()
        .find_map(|(long, short)| {
            let rest = strip_prefix_ignoring_case(text, long)?;
            (rest.is_empty() || rest.starts_with('\\')).then_some((*short, rest))
        })
        .unwrap_or(("", text))
}

fn push_address(buffer: &mut String, text: &str) {
    if !text.contains(':') {
        return push_lower(buffer, text);
    }
    // A zone says through which of the computer's interfaces; it is not part of
    // the address.
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    match address.parse::<Ipv6Addr>() {
        // Writing to a string cannot fail.
        Ok(address) => drop(write!(buffer, "{address}")),
        Err(_) => push_lower(buffer, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_form_of_their_kind() {
        for (kind, raw, expected) in [
            (Kind::Path, r"\\?\C:\a.exe", r"C:\a.exe"),
            (Kind::Path, r"\??\C:\a.exe", r"C:\a.exe"),
            (
                Kind::Path,
                r"\device\harddiskvolume12\windows\x.exe",
                r"\windows\x.exe",
            ),
            (
                Kind::Path,
                r"\Device\HarddiskVolumeShadowCopy1\x",
                r"\Device\HarddiskVolumeShadowCopy1\x",
            ),
            (Kind::Path, r"\\server\share", r"\\server\share"),
            (Kind::Path, "-", ""),
            (Kind::Guid, "{AB-1}", "ab-1"),
            (Kind::Guid, "{00000000-0000-0000-0000-000000000000}", ""),
            (
                Kind::Registry,
                r"\REGISTRY\MACHINE\SOFTWARE",
                r"HKLM\SOFTWARE",
            ),
            (Kind::Registry, r"HKEY_LOCAL_MACHINE", "HKLM"),
            (Kind::Registry, r"HKLM\System", r"HKLM\System"),
            (Kind::Ip, "FE80:0:0:0:0:0:0:1%5", "fe80::1"),
            (Kind::Ip, "0:0:0:0:0:0:0:1", "::1"),
            (Kind::Ip, "10.0.0.1", "10.0.0.1"),
            (Kind::Protocol, "6", "tcp"),
            (Kind::Protocol, "UDP", "udp"),
        ] {
            let mut fields = Fields::default();
            set(&mut fields, FieldId(0), ValueType::Text, kind, raw);
            assert_eq!(fields.text(FieldId(0)), expected, "{raw}");
        }
        let hash = "AB".repeat(32);
        let mut fields = Fields::default();
        let raw = format!("SHA1=CD,MD5=EF,SHA256={hash}");
        set(&mut fields, FieldId(0), ValueType::Text, Kind::Sha256, &raw);
        assert_eq!(fields.text(FieldId(0)), hash.to_lowercase());
        for (kind, raw, expected) in [
            (Kind::Number, "0x1410", Some(0x1410)),
            (Kind::Number, "4688", Some(4688)),
            (Kind::Number, "-1", None),
            (Kind::Truth, "True", Some(1)),
            (Kind::Outbound, "%%14592", Some(0)),
            (Kind::Outbound, "true", Some(1)),
        ] {
            let mut fields = Fields::default();
            set(&mut fields, FieldId(0), ValueType::Unsigned, kind, raw);
            assert_eq!(fields.number(FieldId(0)), expected, "{raw}");
        }
    }
}
