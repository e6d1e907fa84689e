//! Patterns with `*`, matched in linear time whatever the pattern.

use serde::Deserialize;

/// A text in which `*` stands for any text, also none. ASCII case does not
/// matter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    /// Lower case.
    pattern: String,
}

impl Pattern {
    /// A pattern of at most 1,024 bytes.
    pub fn new(pattern: &str) -> Result<Self, String> {
        Ok(Self {
            pattern: super::bounded(pattern)?.to_ascii_lowercase(),
        })
    }

    /// The pattern in lower case.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the whole text fits.
    ///
    /// Each part between two stars is taken where it first occurs behind the
    /// one before it. That never spoils a fit, as a star takes anything, and
    /// never looks at a character of the text twice.
    pub fn fits(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let Some((first, parts)) = self.pattern.split_once('*') else {
            return text == self.pattern;
        };
        let (middle, last) = parts.rsplit_once('*').unwrap_or(("", parts));
        let Some(rest) = text.strip_prefix(first) else {
            return false;
        };
        let Some(mut rest) = rest.strip_suffix(last) else {
            return false;
        };
        for part in middle.split('*') {
            let Some((_, behind)) = rest.split_once(part) else {
                return false;
            };
            rest = behind;
        }
        true
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        Self::new(&pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does not care how long it takes.
    fn fits_slowly(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                (0..=text.len()).any(|taken| fits_slowly(rest, &text[taken..]))
            }
            ([p, pattern @ ..], [t, text @ ..]) => {
                p.eq_ignore_ascii_case(t) && fits_slowly(pattern, text)
            }
            _ => false,
        }
    }

    #[test]
    fn stars_take_anything_and_case_does_not_matter() {
        let fits = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().fits(text);
        assert!(fits("C:\\Scripts\\*", "c:\\scripts\\a\\b.ps1"));
        assert!(fits("*\\ccm\\*.exe", "C:\\Windows\\CCM\\CcmExec.exe"));
        assert!(!fits("*\\ccm\\*.exe", "C:\\Windows\\CCM\\CcmExec.dll"));
        assert!(!fits("ab*ba", "aba"));
        assert!(fits("*", "") && fits("", "") && !fits("", "a"));
    }

    #[test]
    fn hostile_patterns_are_fast() {
        let pattern = Pattern::new(&"*a".repeat(512)).unwrap();
        assert!(!pattern.fits(&format!("{}b", "a".repeat(1 << 20))));
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_obvious_matcher(pattern in "[ab*]{0,8}", text in "[abAB]{0,8}") {
            let fast = Pattern::new(&pattern).unwrap().fits(&text);
            proptest::prop_assert_eq!(fast, fits_slowly(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
