//! Finds where JSON values end, and takes escapes out of strings.

use super::{MAX_DEPTH, Malformed};

/// How many bytes of a string are looked at word by word before the search for
/// its quote is left to `memchr`, whose start-up only pays for longer ones.
const SHORT: usize = 32;

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Where the string that starts behind its quote at `start` ends, and whether
/// it has escapes; nothing if it does not end. For long strings the latter
/// is taken for granted.
pub(super) fn string_end(bytes: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut at = start;
    while at < start + SHORT {
        let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            break;
        };
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ (LOW_BITS * u64::from(b'"')))
            | zero_bytes(word ^ (LOW_BITS * u64::from(b'\\')));
        if found == 0 {
            at += 8;
            continue;
        }
        at += found.trailing_zeros() as usize / 8;
        if bytes.get(at) == Some(&b'"') {
            return Some((at, false));
        }
        break;
    }
    loop {
        at += memchr::memchr(b'"', bytes.get(at..)?)?;
        // The quote is escaped if an odd number of backslashes stands before it.
        let before = bytes.get(start..at).unwrap_or_default();
        let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
        if backslashes.count() % 2 == 0 {
            return Some((at, true));
        }
        at += 1;
    }
}

/// A high bit in each byte that is zero; exact up to the first one.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS
}

/// Where the object or array that starts at `start` ends; `depth` is how deep
/// it lies itself. It takes no stack, however deep the nesting.
pub(super) fn nested_end(bytes: &[u8], start: usize, depth: u32) -> Result<usize, Malformed> {
    let mut at = start;
    let mut open = 0;
    // A bit for each open bracket, the innermost lowest: set for a brace.
    let mut braces: u128 = 0;
    loop {
        match bytes.get(at).ok_or(Malformed::Truncated)? {
            b'"' => {
                let (end, _) = string_end(bytes, at + 1).ok_or(Malformed::Truncated)?;
                at = end;
            }
            bracket @ (b'{' | b'[') => {
                open += 1;
                if depth + open > MAX_DEPTH {
                    return Err(Malformed::TooDeep);
                }
                braces = braces << 1 | u128::from(*bracket == b'{');
            }
            bracket @ (b'}' | b']') => {
                if (braces & 1 == 1) != (*bracket == b'}') {
                    return Err(Malformed::Unexpected(at));
                }
                braces >>= 1;
                open -= 1;
                if open == 0 {
                    return Ok(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the number or word at `start` ends, if it is one.
pub(super) fn literal(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let length = rest
        .iter()
        .position(|byte| matches!(byte, b',' | b'}' | b']') || is_space(*byte))
        .unwrap_or(rest.len());
    let word = rest.get(..length)?;
    let is_literal = match word {
        b"true" | b"false" | b"null" => true,
        [b'-' | b'0'..=b'9', tail @ ..] => tail
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')),
        _ => false,
    };
    is_literal.then_some(start + length)
}

/// Whether JSON takes the byte for white space.
pub(in crate::sources) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Appends the inside of a string, its escapes taken out. What is no escape
/// stays as it is; half a surrogate pair becomes a replacement character.
pub(in crate::sources) fn unescape(raw: &[u8], text: &mut String) {
    let lossy = String::from_utf8_lossy(raw);
    let mut rest: &str = &lossy;
    while let Some(position) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (plain, escape) = rest.split_at(position);
        // Backslashes are by far the most frequent: take the plain text and the
        // first of the two as one piece.
        if escape.starts_with("\\\\") {
            text.push_str(rest.get(..=position).unwrap_or_default());
            rest = rest.get(position + 2..).unwrap_or_default();
            continue;
        }
        text.push_str(plain);
        let simple = match escape.as_bytes().get(1) {
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'"') => '"',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let (character, length) = unicode(escape);
                text.push(character);
                rest = escape.get(length..).unwrap_or_default();
                continue;
            }
            _ => {
                text.push('\\');
                rest = escape.get(1..).unwrap_or_default();
                continue;
            }
        };
        text.push(simple);
        rest = escape.get(2..).unwrap_or_default();
    }
    text.push_str(rest);
}

/// The character that `\uXXXX` or a pair of them stands for, and how long the
/// escape is.
fn unicode(escape: &str) -> (char, usize) {
    let Some(first) = code_unit(escape) else {
        return (char::REPLACEMENT_CHARACTER, 2);
    };
    if let Some(character) = char::from_u32(first) {
        return (character, 6);
    }
    let second = escape.get(6..).and_then(code_unit).unwrap_or_default();
    if (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second) {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        if let Some(character) = char::from_u32(code) {
            return (character, 12);
        }
    }
    (char::REPLACEMENT_CHARACTER, 6)
}

fn code_unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hundred_thousand_brackets_neither_nest_nor_recurse() {
        let deep = "[".repeat(100_000);
        let error = nested_end(deep.as_bytes(), 0, 1).unwrap_err();
        assert_eq!(error, Malformed::TooDeep);
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        let mut text = String::new();
        unescape(br"a\ud83d\ude00b\ud83dc\u00e9\q\u12", &mut text);
        assert_eq!(text, "a\u{1f600}b\u{fffd}cé\\q\u{fffd}12");
    }

    proptest! {
        #[test]
        fn strings_come_back_as_they_were_written(text in ".*", after in ".*") {
            let written = serde_json::to_string(&text).unwrap();
            let record = format!("{written}{after}");
            let (end, _) = string_end(record.as_bytes(), 1).unwrap();
            prop_assert_eq!(end + 1, written.len());
            let mut read = String::new();
            unescape(&record.as_bytes()[1..end], &mut read);
            prop_assert_eq!(read, text);
        }
    }
}
