//! Windows command lines, split the way the started program splits them.
//!
//! A Windows process receives one string and cuts it up itself. Nearly all
//! programs use the rules of the Microsoft C runtime, which [`arguments`] follows
//! (documented by Microsoft under "Parsing C++ command-line arguments"):
//!
//! - blanks and tabs separate arguments, except between double quotes;
//! - `2n` backslashes before a quote are `n` backslashes and the quote opens or
//!   closes a quoted part; `2n+1` are `n` backslashes and a literal quote;
//!   backslashes elsewhere stand for themselves;
//! - `""` inside a quoted part is one literal quote and the part goes on;
//! - in the program name quotes only toggle and backslashes are never special.
//!
//! A logged line may be cut anywhere, so a quote that never closes simply runs to
//! the end. At most [`MAX_LENGTH`] bytes are read.

mod cmd;
mod executable;
mod obfuscation;

use std::borrow::Cow;

pub use cmd::{remove_carets, shell_command};
pub use executable::{executable, split_executable};
pub use obfuscation::{Obfuscation, obfuscation};

/// How much of a command line is read, in bytes.
///
/// Windows allows 32,767 UTF-16 units, which is at most three bytes each in UTF-8.
pub const MAX_LENGTH: usize = 96 * 1024;

/// One argument as the program receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument<'a> {
    /// The text with its quotes and escapes resolved.
    pub text: Cow<'a, str>,
    /// Where the argument begins in the command line, in bytes; an opening quote counts.
    pub start: usize,
    /// Whether any part of it stood between quotes.
    pub was_quoted: bool,
}

/// The arguments of a command line, the program name first.
///
/// Leading blanks are skipped; the C runtime would report an empty name there.
#[must_use]
pub fn arguments(line: &str) -> Arguments<'_> {
    Arguments {
        line: clip(line),
        at: 0,
        is_program: true,
    }
}

/// The arguments after the program, where the program is what [`executable`] finds.
///
/// Unlike dropping the first of [`arguments`], this survives an unquoted program
/// path with blanks in it.
#[must_use]
pub fn arguments_after_executable(line: &str) -> Arguments<'_> {
    let line = clip(line);
    let (_, rest) = split_executable(line);
    Arguments {
        line,
        at: line.len() - rest.len(),
        is_program: false,
    }
}

/// Iterator over the arguments of a command line; see [`arguments`].
#[derive(Debug, Clone)]
pub struct Arguments<'a> {
    line: &'a str,
    at: usize,
    is_program: bool,
}

impl<'a> Iterator for Arguments<'a> {
    type Item = Argument<'a>;

    fn next(&mut self) -> Option<Argument<'a>> {
        let bytes = self.line.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let start = self.at;
        bytes.get(start)?;
        let is_program = std::mem::take(&mut self.is_program);

        let mut text = Cow::Borrowed("");
        let mut piece = start;
        let mut at = start;
        let mut is_quoted = false;
        let mut was_quoted = false;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b' ' | b'\t' if !is_quoted => break,
                b'\\' if !is_program => {
                    let run = bytes.iter().skip(at).take_while(|b| **b == b'\\').count();
                    let after = at + run;
                    if bytes.get(after) == Some(&b'"') {
                        append(&mut text, self.line.get(piece..at + run / 2));
                        piece = after;
                        // An odd run escapes the quote, an even one leaves it to the next round.
                        at = after + run % 2;
                    } else {
                        at = after;
                    }
                }
                b'"' => {
                    append(&mut text, self.line.get(piece..at));
                    was_quoted = true;
                    if is_quoted && !is_program && bytes.get(at + 1) == Some(&b'"') {
                        piece = at + 1;
                        at += 2;
                    } else {
                        is_quoted = !is_quoted;
                        at += 1;
                        piece = at;
                    }
                }
                _ => at += 1,
            }
        }
        append(&mut text, self.line.get(piece..at));
        self.at = at;
        Some(Argument {
            text,
            start,
            was_quoted,
        })
    }
}

fn append<'a>(text: &mut Cow<'a, str>, piece: Option<&'a str>) {
    match piece {
        None | Some("") => {}
        Some(piece) if text.is_empty() => *text = Cow::Borrowed(piece),
        Some(piece) => text.to_mut().push_str(piece),
    }
}

fn clip(line: &str) -> &str {
    line.get(..line.floor_char_boundary(MAX_LENGTH))
        .unwrap_or(line)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Vec<String> {
        arguments(line).map(|a| a.text.into_owned()).collect()
    }

    /// Quotes one argument so that the rules above give it back.
    pub(in crate::windows) fn quote(argument: &str) -> String {
        let mut quoted = String::from('"');
        let mut backslashes = 0;
        for character in argument.chars() {
            if character == '"' {
                quoted.extend(std::iter::repeat_n('\\', backslashes + 1));
            }
            backslashes = if character == '\\' {
                backslashes + 1
            } else {
                0
            };
            quoted.push(character);
        }
        quoted.extend(std::iter::repeat_n('\\', backslashes));
        quoted.push('"');
        quoted
    }

    #[test]
    fn quotes_and_backslashes() {
        for (line, expected) in [
            ("a.exe b  c", vec!["a.exe", "b", "c"]),
            (r#"a "b c" d"#, vec!["a", "b c", "d"]),
            (r#"a b\"c d"#, vec!["a", "b\"c", "d"]),
            (r#"a "b\\" c"#, vec!["a", "b\\", "c"]),
            (r#"a \\x\y"#, vec!["a", r"\\x\y"]),
            (r#"a "say ""hi"" now""#, vec!["a", r#"say "hi" now"#]),
            (r#"a "" b"#, vec!["a", "", "b"]),
            (r#"pow"er"shell.exe -e"#, vec!["powershell.exe", "-e"]),
            (r#""C:\a b\" c"#, vec![r"C:\a b\", "c"]),
            ("a\tb", vec!["a", "b"]),
        ] {
            assert_eq!(split(line), expected, "{line}");
        }
    }

    #[test]
    fn a_truncated_line_keeps_what_is_there() {
        assert_eq!(split(r#"a "b c"#), ["a", "b c"]);
        assert_eq!(split(r#"a b\\\"#), ["a", r"b\\\"]);
        assert_eq!(split("   "), [""; 0]);
    }

    #[test]
    fn positions_and_quoting_are_reported() {
        let found: Vec<_> = arguments(r#"x "é y" z"#).collect();
        let shape: Vec<_> = found.iter().map(|a| (a.start, a.was_quoted)).collect();
        assert_eq!(shape, [(0, false), (2, true), (9, false)]);
        assert!(found.iter().all(|a| matches!(a.text, Cow::Borrowed(_))));
        let after: Vec<_> = arguments_after_executable(r"C:\Program Files\x.exe -a").collect();
        assert_eq!(after.first().map(|a| a.start), Some(23));
    }

    proptest! {
        #[test]
        fn quoting_round_trips(list in prop::collection::vec("[ -~é\\\\\"]{0,20}", 0..6)) {
            let mut line = String::from("p.exe");
            for argument in &list {
                line.push(' ');
                line.push_str(&quote(argument));
            }
            let found = split(&line);
            prop_assert_eq!(&found[1..], &list[..]);
        }

        #[test]
        fn any_text_is_survived(line in any::<String>()) {
            let total: usize = arguments(&line).map(|a| a.text.len()).sum();
            prop_assert!(total <= line.len());
            let _ = arguments_after_executable(&line).count();
            let _ = (executable(&line), remove_carets(&line), shell_command(&line));
            let _ = obfuscation(&line).is_dense();
        }

        #[test]
        fn the_awkward_characters_are_survived(line in "[\\\\\"^` /.a-c:'+é]{0,60}") {
            let _ = arguments(&line).chain(arguments_after_executable(&line)).count();
            let _ = (executable(&line), remove_carets(&line), shell_command(&line));
            let _ = obfuscation(&line);
        }
    }
}
