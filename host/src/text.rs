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
