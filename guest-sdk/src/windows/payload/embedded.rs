//! The base64 inside a script.

use super::{MAX_SCRIPT, decode_base64, deflate, shannon_entropy, utf8, utf16};

/// Shortest run that is taken for a payload, in symbols.
const MIN_RUN: usize = 40;

/// How many payloads of one script are reported.
const MAX_RUNS: usize = 16;

/// A base64 run found in a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// Where it begins, in bytes.
    pub start: usize,
    /// How long it is, in bytes, without padding.
    pub length: usize,
    /// What it holds.
    pub content: Content,
}

/// What a payload holds, by its text or its first bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Readable text, UTF-16LE or UTF-8.
    Text(String),
    /// A Windows executable or library (`MZ`; base64 `TVqQ`, `TVpQ`, ...).
    Executable,
    /// A gzip member (RFC 1952; base64 `H4sI`).
    Gzip,
    /// A zlib stream (RFC 1950).
    Zlib,
    /// A raw deflate stream (RFC 1951), as `DeflateStream` writes: it has no magic
    /// number, so the code lengths at its start must form a complete code.
    Deflate,
    /// A ZIP archive (`PK`).
    Zip,
    /// Something else, with its entropy in bits per byte.
    Binary(f64),
}

/// The base64 runs of at least 40 symbols in a script, in order.
///
/// At most 16 of them, from the first [`MAX_SCRIPT`] bytes. Runs that are more likely
/// names or hashes (only hexadecimal digits, or lacking capitals, small letters or
/// digits) are left out unless they decode to text or to a known format.
#[must_use]
pub fn find_base64(script: &str) -> Vec<Embedded> {
    let script = script
        .get(..script.floor_char_boundary(MAX_SCRIPT))
        .unwrap_or(script);
    let is_symbol = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = script.get(at..).and_then(|rest| rest.find(is_symbol)) {
        let start = at + offset;
        let rest = script.get(start..).unwrap_or_default();
        let length = rest.find(|c| !is_symbol(c)).unwrap_or(rest.len());
        at = start + length;
        if length < MIN_RUN {
            continue;
        }
        let Some(run) = rest.get(..length) else { break };
        if let Some(content) = content(run) {
            found.push(Embedded {
                start,
                length,
                content,
            });
        }
        if found.len() == MAX_RUNS {
            break;
        }
    }
    found
}

fn content(run: &str) -> Option<Content> {
    let (bytes, _) = decode_base64(run);
    if let Some(text) = utf16(&bytes).or_else(|| utf8(&bytes)) {
        return Some(Content::Text(text));
    }
    match bytes.as_slice() {
        [b'M', b'Z', ..] => return Some(Content::Executable),
        [0x1f, 0x8b, 8, ..] => return Some(Content::Gzip),
        [b'P', b'K', 3, 4, ..] => return Some(Content::Zip),
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => return Some(Content::Zlib),
        _ => {}
    }
    let has = |wanted: fn(&u8) -> bool| run.as_bytes().iter().any(wanted);
    let is_random = has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && !run.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_random {
        None
    } else if deflate::is_deflate(&bytes) {
        Some(Content::Deflate)
    } else {
        Some(Content::Binary(shannon_entropy(&bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::payload::tests::encode;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn only(script: &str) -> Option<Content> {
        let mut found = find_base64(script);
        assert!(found.len() < 2);
        found.pop().map(|embedded| embedded.content)
    }

    #[test]
    fn text_is_decoded_in_place() {
        let inner = "Write-Output 'hello there'";
        let script = format!("é iex('{}')", encode(inner));
        let found = find_base64(&script);
        assert_eq!(found[0].content, Content::Text(inner.into()));
        assert_eq!(found[0].start, 8);
        let plain = STANDARD.encode("Write-Output 'hello there, world'");
        let expected = Content::Text("Write-Output 'hello there, world'".into());
        assert_eq!(only(&plain), Some(expected));
    }

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let noise: Vec<u8> = (0u32..200).map(|n| (n * n * 31 + 129) as u8).collect();
        let with = |magic: &[u8]| only(&STANDARD.encode([magic, &noise].concat()));
        assert_eq!(with(b"MZ\x90\0"), Some(Content::Executable));
        assert_eq!(with(b"\x1f\x8b\x08\0"), Some(Content::Gzip));
        assert_eq!(with(b"PK\x03\x04"), Some(Content::Zip));
        assert_eq!(with(b"\x78\x9c"), Some(Content::Zlib));
        assert!(matches!(with(b"\x03"), Some(Content::Binary(bits)) if bits > 4.0));
    }

    #[test]
    fn names_and_hashes_are_passed_over() {
        assert_eq!(only(&"a1b2".repeat(16)), None);
        assert_eq!(
            only("microsoft/windows/currentversion/policies/explorer"),
            None
        );
    }
}
