//! What `cmd.exe` does to text before another program sees it.

use std::borrow::Cow;

/// The text with the carets gone that `cmd.exe` takes as its escape character.
///
/// Outside double quotes `^` makes the next character literal and disappears, `^^`
/// is one caret, and a caret before a line break joins the lines. Inside quotes it is
/// an ordinary character. The child never sees these carets, so look for them in the
/// command line of the parent `cmd.exe`, after [`shell_command`] has removed the
/// quotes around the whole.
#[must_use]
pub fn remove_carets(text: &str) -> Cow<'_, str> {
    if !text.contains('^') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '^' if !is_quoted => {
                let escaped = characters.next();
                match escaped {
                    Some('\r') => {
                        let _ = characters.next_if_eq(&'\n');
                    }
                    Some('\n') | None => {}
                    Some(escaped) => plain.push(escaped),
                }
            }
            _ => {
                is_quoted ^= character == '"';
                plain.push(character);
            }
        }
    }
    Cow::Owned(plain)
}

/// What a `cmd.exe` command line tells the shell to run: the text after `/c`, `/k` or `/r`.
///
/// `None` without such a switch. Other switches may stand before it or be glued to
/// it (`/v:on/c`, `/ccalc`). One pair of quotes around the whole is removed, as
/// `cmd /c "..."` does; `cmd.exe` keeps them in the rare case of exactly two quotes
/// around the name of an existing file, which cannot be told from here.
#[must_use]
pub fn shell_command(line: &str) -> Option<&str> {
    let (_, mut rest) = super::split_executable(line);
    loop {
        rest = rest.trim_start();
        let switch = rest.strip_prefix('/')?;
        let letter = switch.chars().next()?;
        let after = switch.get(letter.len_utf8()..)?;
        if matches!(letter.to_ascii_lowercase(), 'c' | 'k' | 'r') {
            let command = after.trim();
            let inner = command.strip_prefix('"').map(|inner| {
                // The closing quote is missing where the line was cut.
                inner.strip_suffix('"').unwrap_or(inner)
            });
            return Some(inner.unwrap_or(command));
        }
        let end = after.find(|c: char| c == '/' || c.is_whitespace())?;
        rest = after.get(end..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_escape_outside_quotes_only() {
        for (text, plain) in [
            ("p^ow^er^shell", "powershell"),
            ("a^^b", "a^b"),
            ("\"a^b\" c^d", "\"a^b\" cd"),
            ("a^\r\nb", "ab"),
            ("a^", "a"),
            ("^\"a^b", "\"ab"),
        ] {
            assert_eq!(remove_carets(text), plain, "{text}");
        }
    }

    #[test]
    fn the_shell_command_is_found() {
        for (line, command) in [
            ("cmd /c p^ing", Some("p^ing")),
            (r#"C:\w\cmd.exe /d /s /c "a "b c"""#, Some(r#"a "b c""#)),
            ("cmd.exe /V:ON/C\"set x\"", Some("set x")),
            ("cmd/ccalc", Some("calc")),
            ("cmd /K \"cut here", Some("cut here")),
            ("cmd", None),
            ("cmd /q", None),
        ] {
            assert_eq!(shell_command(line), command, "{line}");
        }
    }
}
