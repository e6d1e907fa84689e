//! Undoing the cheap disguises of script text.

use super::MAX_LENGTH;

/// Fewest numbers in a row that are taken for text written as character codes.
const MIN_CODES: usize = 16;

/// The text in lower case (ASCII), with the usual tricks undone:
///
/// - backticks are dropped, except at the end of a line;
/// - `[char]0x41`, `[char]65` and `[char](65)` become the character in quotes;
/// - adjoining string literals joined by `+` become one (`'a' + "b"` is `'ab"`);
/// - 16 or more printable character codes in a row (`(105, 101, 120, ...)`) are decoded
///   and appended on a line of their own.
///
/// At most [`MAX_LENGTH`] bytes are read; the result is at most twice as long.
#[must_use]
pub fn normalise(text: &str) -> String {
    let text = text
        .get(..text.floor_char_boundary(MAX_LENGTH))
        .unwrap_or(text);
    let lower = text.to_ascii_lowercase();
    let mut joined = join_literals(&decode_casts(&lower));
    append_codes(&lower, &mut joined);
    joined
}

/// Drops backticks and replaces `[char]` casts of numbers.
fn decode_casts(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '[']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        plain.push_str(before);
        if let Some(after) = from.strip_prefix('`') {
            rest = after;
        } else if let Some((character, after)) = cast(from) {
            plain.push('\'');
            plain.push(character);
            plain.push('\'');
            rest = after;
        } else {
            plain.push('[');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    plain.push_str(rest);
    plain
}

/// A cast at the beginning of the text, and what follows it.
fn cast(text: &str) -> Option<(char, &str)> {
    let rest = text
        .strip_prefix("[char]")
        .or_else(|| text.strip_prefix("[system.char]"))?
        .trim_start();
    let inner = rest.strip_prefix('(').map(str::trim_start);
    let number = inner.unwrap_or(rest);
    let (digits, radix) = match number.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let length = digits
        .bytes()
        .take(5)
        .take_while(|b| char::from(*b).is_digit(radix))
        .count();
    let (digits, after) = digits.split_at_checked(length)?;
    let code = u32::from_str_radix(digits, radix).ok()?;
    let character = char::from_u32(code).filter(|c| !c.is_control())?;
    let after = match inner {
        Some(_) => after.trim_start().strip_prefix(')')?,
        None => after,
    };
    Some((character.to_ascii_lowercase(), after))
}

/// Drops every `' + '` between two string literals, whichever quotes they use.
fn join_literals(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        joined.push_str(before);
        let (quote, after) = from.split_at_checked(1).unwrap_or((from, ""));
        let next = after
            .trim_ascii_start()
            .strip_prefix('+')
            .and_then(|after| after.trim_ascii_start().strip_prefix(['\'', '"']));
        if let Some(next) = next {
            rest = next;
        } else {
            joined.push_str(quote);
            rest = after;
        }
    }
    joined.push_str(rest);
    joined
}

/// Appends the text that long runs of decimal character codes stand for.
fn append_codes(text: &str, joined: &mut String) {
    let mut run = String::new();
    let mut flush = |run: &mut String| {
        if run.len() >= MIN_CODES {
            joined.push('\n');
            joined.push_str(&run.to_ascii_lowercase());
        }
        run.clear();
    };
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (gap, from) = rest.split_at_checked(at).unwrap_or(("", rest));
        if !gap.bytes().all(|b| b.is_ascii_whitespace() || b == b',') {
            flush(&mut run);
        }
        let length = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (digits, after) = from.split_at_checked(length).unwrap_or((from, ""));
        match digits.parse::<u8>() {
            Ok(code @ (9 | 10 | 13 | 32..=126)) => run.push(char::from(code)),
            _ => flush(&mut run),
        }
        rest = after;
    }
    flush(&mut run);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tricks_are_undone() {
        for (text, plain) in [
            ("I`E`X", "iex"),
            ("'Down' + \"loadString\"", "'downloadstring\""),
            ("'a'+\n 'b'+'c' + $d", "'abc' + $d"),
            ("[Char]0x53 + 'ystem'", "'system'"),
            ("[char] 73+[CHAR]( 69 )+'x'", "'iex'"),
            ("[char]$x + [chart]", "[char]$x + [chart]"),
            ("é'+'ü", "éü"),
        ] {
            assert_eq!(normalise(text), plain, "{text}");
        }
    }

    #[test]
    fn codes_are_appended() {
        let codes: Vec<String> = "Net.WebClient 123".bytes().map(|b| b.to_string()).collect();
        let text = normalise(&format!("-join (({}) | x)", codes.join(" ,")));
        assert!(text.ends_with("\nnet.webclient 123"), "{text}");
        assert!(!normalise("1,2,3,65,66,67").contains('\n'));
    }

    #[test]
    fn the_bound_holds() {
        let long = "65,".repeat(MAX_LENGTH) + "iex";
        assert!(normalise(&long).len() <= 2 * MAX_LENGTH);
    }
}
