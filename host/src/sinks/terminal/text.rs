//! Text that others wrote, made safe and short enough for a terminal.
//!
//! A command line or a script comes from the machine under attack and is shown
//! on the analyst's screen. It must not be able to move the cursor, set the
//! window's title, turn the reading direction, hide characters or write lines
//! of its own: every such character is shown as a sign instead.

use unicode_width::UnicodeWidthChar;

/// How many combining marks in a row are shown as such. Languages need two;
/// more of them draw over the lines above and below.
const MAX_MARKS: u8 = 2;

/// How many columns text takes once it is neutral.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text with everything that is not plainly visible shown as a sign.
pub(crate) fn neutral(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = MAX_MARKS;
    for c in text.chars() {
        push(&mut out, c, &mut marks);
    }
    out
}

/// The text made neutral and no wider than `room`. Of what is too long the
/// middle is left out, as both ends of command lines and paths tell most.
pub(super) fn shorten(text: &str, room: usize) -> String {
    let (whole, taken) = head(text, room);
    if taken == text.len() {
        return whole;
    }
    let total = text.chars().count();
    let note = |left_out: usize| {
        if room < 72 {
            "…".to_owned()
        } else {
            format!("…[{} more]…", grouped(left_out))
        }
    };
    let room = room.saturating_sub(width(&note(total)));
    let (mut out, start) = head(text, room - room / 3);
    let (end, kept) = tail(text.get(start..).unwrap_or_default(), room / 3);
    let left_out = text.get(start..text.len() - kept).unwrap_or_default();
    out.push_str(&note(left_out.chars().count()));
    out.push_str(&end);
    out
}

/// The start of the text, neutral and no wider than `room`, and how many bytes
/// of it that took.
pub(super) fn head(text: &str, room: usize) -> (String, usize) {
    let (mut out, mut used, mut marks) = (String::new(), 0, MAX_MARKS);
    for (position, c) in text.char_indices() {
        let before = out.len();
        push(&mut out, c, &mut marks);
        used += width(out.get(before..).unwrap_or_default());
        if used > room {
            out.truncate(before);
            return (out, position);
        }
    }
    (out, text.len())
}

/// The end of the text, likewise.
fn tail(text: &str, room: usize) -> (String, usize) {
    let (mut start, mut used) = (text.len(), 0);
    for (position, c) in text.char_indices().rev() {
        let mut sign = String::new();
        // The mark might end up alone at the front, so all count as too many.
        push(&mut sign, c, &mut { MAX_MARKS });
        used += width(&sign);
        if used > room {
            break;
        }
        start = position;
    }
    let end = text.get(start..).unwrap_or_default();
    (neutral(end), end.len())
}

/// Where a line may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// At a space, where that leaves the line no less than half full.
    AtSpaces,
    /// Where the line is full.
    Anywhere,
}

/// Neutral text in lines no wider than `room`.
pub(super) fn wrap(text: &str, room: usize, at: Break) -> Vec<String> {
    let (mut lines, mut line, mut used, mut space) = (Vec::new(), String::new(), 0, None);
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns > room {
            let fills = |end: &usize| {
                line.get(..*end)
                    .is_some_and(|start| width(start) * 2 > room)
            };
            let rest = line.split_off(space.filter(fills).unwrap_or(line.len()));
            lines.push(line.trim_end().to_owned());
            line = rest.trim_start().to_owned();
            used = width(&line);
            space = None;
        }
        if c == ' ' && line.is_empty() && !lines.is_empty() {
            continue;
        }
        line.push(c);
        used += columns;
        if c == ' ' && at == Break::AtSpaces {
            space = Some(line.len());
        }
    }
    if !line.trim_end().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// A text of several lines as at most `count` neutral lines no wider than
/// `room`, and how many of its characters were left out.
pub(super) fn block(text: &str, room: usize, count: usize) -> (Vec<String>, usize) {
    let text = text.trim_end();
    let (mut lines, mut shown) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        let left = count.saturating_sub(lines.len());
        if left == 0 {
            break;
        }
        let content = line.trim_end_matches(['\r', '\n']);
        // Breaking at spaces may need one line more than breaking anywhere.
        let (start, taken) = head(content, room * left);
        let wrapped = wrap(&start, room, Break::AtSpaces);
        let is_whole = taken == content.len() && wrapped.len() <= left;
        lines.extend(wrapped.into_iter().take(left));
        shown += if is_whole {
            line.chars().count()
        } else {
            start.chars().count()
        };
        if !is_whole {
            break;
        }
    }
    (lines, text.chars().count().saturating_sub(shown))
}

/// A number with its thousands set apart.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Appends a character or its sign; `marks` counts combining marks in a row.
fn push(out: &mut String, c: char, marks: &mut u8) {
    let code = u32::from(c);
    match c.width() {
        // The control pictures stand in the order of the controls.
        _ if code < 0x20 => out.extend(char::from_u32(0x2400 + code)),
        _ if code == 0x7f => out.push('␡'),
        Some(0) if !deceives(code) && *marks < MAX_MARKS => {
            *marks += 1;
            out.push(c);
            return;
        }
        Some(1..) if !deceives(code) => {
            *marks = 0;
            out.push(c);
            return;
        }
        _ => out.push_str(&format!("‹U+{code:04X}›")),
    }
    // A mark on a sign would make it unreadable.
    *marks = MAX_MARKS;
}

/// Characters that are invisible, turn the reading direction, join or reshape
/// their neighbours, break lines, or pass for a space without being one.
fn deceives(code: u32) -> bool {
    matches!(
        code,
        0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
            | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164
            | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_become_signs() {
        assert_eq!(neutral("a\u{1b}[31mb\r\n\t\u{7f}"), "a␛[31mb␍␊␉␡");
        assert_eq!(neutral("\u{9b}31m"), "‹U+009B›31m");
        assert_eq!(neutral("cod\u{202e}exe"), "cod‹U+202E›exe");
        assert_eq!(neutral("a\u{200b}b\u{feff}"), "a‹U+200B›b‹U+FEFF›");
    }

    #[test]
    fn languages_stay_readable() {
        for text in ["Grüße", "Zażółć", "実行", "ไฟล์ที่", "cafe\u{301}", "שלום"]
        {
            assert_eq!(neutral(text), text);
        }
        assert_eq!(neutral("e\u{301}\u{301}\u{301}"), "e\u{301}\u{301}‹U+0301›");
    }

    #[test]
    fn the_middle_is_left_out() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("abcdefghij", 7), "abcd…ij");
        let short = shorten(&"x".repeat(1_000), 80);
        assert!((76..=80).contains(&width(&short)), "{short}");
        assert_eq!(short.trim_matches('x'), "…[934 more]…");
        assert_eq!(shorten("実行実行実行", 5), "実…");
        assert_eq!(shorten("abc", 0), "…");
    }

    #[test]
    fn lines_break_at_spaces() {
        let soft = |text, room| wrap(text, room, Break::AtSpaces);
        assert_eq!(soft("one two three", 9), ["one two", "three"]);
        assert_eq!(soft("unbreakable", 4), ["unbr", "eaka", "ble"]);
        assert_eq!(soft("", 4), [""]);
        assert_eq!(soft("abcd efgh", 4), ["abcd", "efgh"]);
        assert_eq!(
            wrap("one two three", 9, Break::Anywhere),
            ["one two t", "hree"]
        );
    }

    #[test]
    fn blocks_say_how_much_is_missing() {
        assert_eq!(block("a\r\nb\n", 10, 5), (vec!["a".into(), "b".into()], 0));
        assert_eq!(block("a\nb\nc", 10, 2), (vec!["a".into(), "b".into()], 1));
        let (lines, left_out) = block(&"y".repeat(100), 10, 3);
        assert_eq!((lines.len(), left_out), (3, 70));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
