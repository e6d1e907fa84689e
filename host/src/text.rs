//! Text of guests, made fit to be shown.

use crate::budget::TEXT;

/// Whether a character stands for itself. Some are commands to a terminal,
/// others are not seen and have the text around them read the other way round.
pub fn is_printable(char: char) -> bool {
    let turns = matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !char.is_control() && !turns
}

/// Whether an analytic may be called so. Its identifier becomes a metric label,
/// a table name, a key of the configuration and part of file names.
pub fn is_identifier(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(is_plain) && !id.starts_with('.')
}

/// Text of a guest made fit for a message: short, one line, no control
/// characters.
pub fn clean(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .map(|char| if is_printable(char) { char } else { ' ' })
        .take(TEXT / 4)
        .collect();
    clean.truncate(clean.trim_end().len());
    clean
}
