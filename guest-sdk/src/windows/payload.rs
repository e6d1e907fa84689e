//! Base64 as it turns up on command lines and in scripts: cut off, spaced out, unpadded.
//!
//! Only the standard alphabet is read (PowerShell's `-EncodedCommand` and .NET's
//! `FromBase64String` know no other). At most [`MAX_SYMBOLS`] symbols of one payload
//! and [`MAX_SCRIPT`] bytes of one script are looked at.

mod deflate;
mod embedded;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

pub use embedded::{Content, Embedded, find_base64};

/// How many symbols of one payload are decoded: more than a command line can hold.
pub const MAX_SYMBOLS: usize = 256 * 1024;

/// How many bytes of a script are searched for payloads.
pub const MAX_SCRIPT: usize = 1024 * 1024;

const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A decoded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text; what could not be decoded at a cut end is left off.
    pub text: String,
    /// Whether the payload ended early: in the middle of a group or character, without
    /// its padding, or at a character that base64 does not have.
    pub truncated: bool,
}

/// The bytes of the longest valid prefix, and whether the payload ended early.
///
/// Blanks and line breaks anywhere and quotes around the whole are ignored, as is
/// missing padding.
#[must_use]
pub fn decode_base64(payload: &str) -> (Vec<u8>, bool) {
    let payload = payload.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let mut symbols = Vec::new();
    let mut rest = payload.bytes().filter(|b| !b.is_ascii_whitespace());
    let mut padding = 0;
    let mut is_cut = false;
    for byte in rest.by_ref() {
        match byte {
            _ if symbols.len() == MAX_SYMBOLS => is_cut = true,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                symbols.push(byte);
                continue;
            }
            b'=' => padding = 1 + rest.by_ref().take_while(|b| *b == b'=').count(),
            _ => is_cut = true,
        }
        break;
    }
    // One symbol over is six bits of a byte whose rest is gone.
    is_cut |= !(symbols.len() + padding).is_multiple_of(4);
    if symbols.len() % 4 == 1 {
        symbols.pop();
    }
    match TOLERANT.decode(&symbols) {
        Ok(bytes) => (bytes, is_cut),
        Err(_) => (Vec::new(), true),
    }
}

/// The text of a PowerShell `-EncodedCommand` payload: base64 of UTF-16LE.
///
/// `None` if it does not decode to plausible text: at least one character, nine in ten
/// of them printable and half of them ASCII, as PowerShell's own syntax is. That keeps
/// out ordinary words, nearly all of which happen to be valid base64.
#[must_use]
pub fn decode_encoded_command(payload: &str) -> Option<Decoded> {
    let (bytes, is_cut) = decode_base64(payload);
    let text = utf16(&bytes)?;
    Some(Decoded {
        text,
        truncated: is_cut || bytes.len() % 2 == 1,
    })
}

/// Shannon entropy in bits per byte, from 0 (one value only, or nothing) to 8.
///
/// `H = -sum(p_i * log2(p_i))` over the share `p_i` of each byte value (Shannon, "A
/// Mathematical Theory of Communication", 1948). It is an estimate that grows with
/// the sample: 256 random bytes measure about 7.2, 1 KiB about 7.8, so compare only
/// samples of at least 1 KiB with a fixed threshold.
#[must_use]
pub fn shannon_entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let total = bytes.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let units = bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u16::from_le_bytes(*pair));
    let text: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    is_plausible(&text).then_some(text)
}

fn utf8(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // Only a character cut at the very end is forgiven.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    is_plausible(text).then(|| text.to_owned())
}

fn is_plausible(text: &str) -> bool {
    let (mut total, mut printable, mut ascii) = (0u64, 0u64, 0u64);
    for character in text.chars() {
        total += 1;
        let is_ascii =
            character.is_ascii_graphic() || matches!(character, ' ' | '\t' | '\r' | '\n');
        ascii += u64::from(is_ascii);
        let is_other = !character.is_ascii()
            && !character.is_control()
            && character != char::REPLACEMENT_CHARACTER;
        printable += u64::from(is_ascii || is_other);
    }
    total > 0 && printable * 10 >= total * 9 && ascii * 2 >= total
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    /// A text as `-EncodedCommand` wants it.
    pub(in crate::windows) fn encode(text: &str) -> String {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        STANDARD.encode(bytes)
    }

    #[test]
    fn whole_payloads_decode() {
        let payload = encode("Write-Host 'Grüße'");
        let decoded = decode_encoded_command(&payload).unwrap();
        assert_eq!(decoded.text, "Write-Host 'Grüße'");
        assert!(!decoded.truncated);
        let spaced = format!(" \"{}\r\n {}\" ", &payload[..10], &payload[10..]);
        assert_eq!(decode_encoded_command(&spaced), Some(decoded));
    }

    #[test]
    fn every_cut_keeps_a_prefix() {
        let text = "Get-Process | Out-Null; exit";
        let payload = encode(text);
        for end in 3..payload.trim_end_matches('=').len() {
            let decoded = decode_encoded_command(&payload[..end]).unwrap();
            assert!(text.starts_with(&decoded.text), "{end}: {}", decoded.text);
            // A cut between two groups, after a whole character, cannot be seen.
            assert!(decoded.truncated || end % 8 == 0, "{end}");
        }
        let marked = format!("{}…(cut)", &payload[..16]);
        assert!(decode_encoded_command(&marked).unwrap().truncated);
    }

    #[test]
    fn words_are_not_payloads() {
        for word in [
            "Bypass",
            "RemoteSigned",
            "hidden",
            "C:\\a.ps1",
            "",
            "=",
            "AAAA",
            "ICAg",
        ] {
            assert_eq!(decode_encoded_command(word), None, "{word}");
        }
    }

    #[test]
    fn entropy_of_known_samples() {
        assert_eq!(shannon_entropy(b""), 0.0);
        assert_eq!(shannon_entropy(b"aaaa"), 0.0);
        assert!((shannon_entropy(b"abab") - 1.0).abs() < 1e-9);
        let all: Vec<u8> = (0..=255).collect();
        assert!((shannon_entropy(&all) - 8.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _ = decode_encoded_command(&text);
            let _ = find_base64(&text);
        }

        #[test]
        fn printable_text_round_trips(text in "[ -~]{1,80}") {
            let decoded = decode_encoded_command(&encode(&text)).unwrap();
            prop_assert_eq!(decoded, Decoded { text, truncated: false });
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 30..200)) {
            prop_assert!(find_base64(&STANDARD.encode(bytes)).len() <= 1 + 200 / 30);
        }
    }
}
