//! How hard a command line or script tries not to be read.

/// Letters, digits and signs of base64 in a row from this length on are data, not spelling.
const BLOB: usize = 40;

/// Counts of the usual ways to break up words; see [`obfuscation`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Obfuscation {
    /// `^`, the escape of `cmd.exe`.
    pub carets: u32,
    /// A backtick before a letter or digit it does not turn into a control character:
    /// PowerShell drops it. Line continuations and escapes such as `` `n `` do not count.
    pub backticks: u32,
    /// Two string literals joined by `+`.
    pub concatenations: u32,
    /// `[char]` casts, and `chr(` and `fromCharCode(` of the script hosts.
    pub char_casts: u32,
    /// `-f` straight after a string or a closing parenthesis.
    pub format_operators: u32,
    /// `-join` and `-replace`.
    pub joins_and_replaces: u32,
    /// Words whose letters change case where no name does, as in `SYStEm`.
    /// Long base64 runs are left out.
    pub mixed_case_words: u32,
}

impl Obfuscation {
    /// Whether at least one count is beyond what people write.
    ///
    /// 9 carets, 4 backticks, 4 concatenations, 3 casts, 3 format operators, 6 joins or
    /// replacements, or 3 mixed-case words. Carets and backticks follow the figures
    /// public rule sets settled on; the others are working values.
    #[must_use]
    pub fn is_dense(&self) -> bool {
        self.carets >= 9
            || self.backticks >= 4
            || self.concatenations >= 4
            || self.char_casts >= 3
            || self.format_operators >= 3
            || self.joins_and_replaces >= 6
            || self.mixed_case_words >= 3
    }
}

/// Counts the signs of obfuscation in a command line or script.
///
/// Reads at most [`MAX_LENGTH`](super::MAX_LENGTH) bytes, once.
#[must_use]
pub fn obfuscation(text: &str) -> Obfuscation {
    let bytes = super::clip(text).as_bytes();
    let mut found = Obfuscation::default();
    // The last byte that was not blank, and the one before it.
    let (mut last, mut before_last) = (0, 0);
    for (at, &byte) in bytes.iter().enumerate() {
        let rest = bytes.get(at..).unwrap_or_default();
        match byte {
            b'^' => found.carets += 1,
            b'`' => {
                let plain = |next: &u8| {
                    next.is_ascii_alphanumeric()
                        && !matches!(next, b'0' | b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v')
                };
                found.backticks += u32::from(rest.get(1).is_some_and(plain));
            }
            b'\'' | b'"' => {
                let joined = last == b'+' && matches!(before_last, b'\'' | b'"');
                found.concatenations += u32::from(joined);
            }
            b'[' => found.char_casts += u32::from(starts_with(rest, b"[char]")),
            b'c' | b'C' => found.char_casts += u32::from(starts_with(rest, b"chr(")),
            b'f' | b'F' => found.char_casts += u32::from(starts_with(rest, b"fromcharcode(")),
            b'-' => {
                let is_format = starts_with(rest, b"-f")
                    && !rest.get(2).is_some_and(u8::is_ascii_alphanumeric)
                    && matches!(last, b'\'' | b'"' | b')');
                found.format_operators += u32::from(is_format);
                let is_join = starts_with(rest, b"-join") || starts_with(rest, b"-replace");
                found.joins_and_replaces += u32::from(is_join);
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            (last, before_last) = (byte, last);
        }
    }
    found.mixed_case_words = bytes
        .split(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')))
        .filter(|run| run.len() < BLOB)
        .flat_map(|run| run.split(|b| !b.is_ascii_alphabetic()))
        .map(|word| u32::from(is_mixed_case(word)))
        .sum();
    found
}

/// At least five letters, among them two small ones that stand alone after a capital.
///
/// Names written by people put two small letters or more after a capital, so that
/// `PowerShell` and `IOException` have no such letter; `SYStEm` and `MaJOr` have two.
fn is_mixed_case(word: &[u8]) -> bool {
    let alone = word
        .chunk_by(|a, b| a.is_ascii_uppercase() == b.is_ascii_uppercase())
        .skip(1)
        .filter(|run| run.len() == 1 && run.iter().all(u8::is_ascii_lowercase))
        .count();
    word.len() >= 5 && alone >= 2
}

fn starts_with(text: &[u8], lower: &[u8]) -> bool {
    text.get(..lower.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_lines_are_not_dense() {
        for text in [
            r#"powershell.exe -NoProfile -ExecutionPolicy Bypass -File "C:\Tools\Get-Inventory.ps1""#,
            "Get-ChildItem `\r\n -Recurse `\r\n | Write-Host \"a`nb`tc\"",
            "$path = $root + '\\' + $name; ConvertTo-Json -Depth 3 -InputObject $x",
            "powershell -enc VwByAGkAdABlAC0ASABvAHMAdAAgAEgAZQBsAGwAbwAsACAAVwBvAHIAbABkAA==",
        ] {
            assert!(
                !obfuscation(text).is_dense(),
                "{text}: {:?}",
                obfuscation(text)
            );
        }
    }

    #[test]
    fn each_trick_is_counted() {
        assert_eq!(obfuscation("p^o^w^e^r^s^h^e^l^l").carets, 9);
        assert_eq!(obfuscation("I`E`X N`ew-Obj`ect").backticks, 4);
        assert_eq!(obfuscation("'a'+'b' + \"c\"").concatenations, 2);
        assert_eq!(obfuscation("[CHAR]65+[char] 66; Chr(7)").char_casts, 3);
        assert_eq!(
            obfuscation("\"{1}{0}\" -f 'b','a'; ls -Force").format_operators,
            1
        );
        assert_eq!(obfuscation("-Join ($a -REPLACE 'x')").joins_and_replaces, 2);
        assert_eq!(
            obfuscation("SYStEm.SECURiTY cRyPtOgRaPhY").mixed_case_words,
            2
        );
    }
}
