//! Registry data as logs write it.

/// The number in `DWORD (0x00000001)`, `QWORD (0x00000000-0x00000001)`, `0x1` or `1`.
pub(super) fn number(data: &str) -> Option<u64> {
    let data = data.trim();
    let inner = data
        .split_once('(')
        .map_or(data, |(_, inner)| inner.trim_end_matches(')'));
    let mut parts = inner.split('-').map(part);
    let first = parts.next()??;
    match parts.next() {
        Some(low) => Some((first << 32) | low?),
        None => Some(first),
    }
}

fn part(text: &str) -> Option<u64> {
    let text = text.trim();
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_number() {
        for (data, expected) in [
            ("DWORD (0x00000001)", Some(1)),
            ("DWORD (0xFFFFFFFF)", Some(0xffff_ffff)),
            ("QWORD (0x00000001-0x00000002)", Some(0x1_0000_0002)),
            ("1", Some(1)),
            ("0x40000", Some(0x40000)),
            ("Binary Data", None),
            ("", None),
            ("(Empty)", None),
        ] {
            assert_eq!(number(data), expected, "{data}");
        }
    }
}
