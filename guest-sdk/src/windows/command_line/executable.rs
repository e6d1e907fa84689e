//! Where the program ends and its arguments begin.

/// How many further words an unquoted program path may take up.
const MAX_WORDS: usize = 8;

/// The program a command line starts, as written there, without enclosing quotes
/// and without a `\\?\` or `\??\` before a drive letter.
///
/// `CreateProcess` accepts an unquoted path with blanks (`C:\Program Files\x\y.exe -a`)
/// and tries each prefix; the file system is not at hand here, so the words of a
/// path are joined up to the first that ends in an executable extension, as long as
/// no word looks like a switch, a quoted argument or a second path. A first word
/// that is no path, or already ends in such an extension, stands alone. Inner quotes
/// (`pow"er"shell`) are left in; [`ProcessName`](crate::windows::ProcessName) drops them.
#[must_use]
pub fn executable(line: &str) -> &str {
    split_executable(line).0
}

/// What [`executable`] returns, and the rest of the line after it.
#[must_use]
pub fn split_executable(line: &str) -> (&str, &str) {
    let line = super::clip(line).trim_start();
    if let Some(inner) = line.strip_prefix('"') {
        let (name, rest) = inner.split_once('"').unwrap_or((inner, ""));
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '"');
        if !rest.starts_with(goes_on) {
            return (without_prefix(name), rest);
        }
    }
    let end = unquoted_end(line);
    let (name, rest) = line.split_at_checked(end).unwrap_or((line, ""));
    (without_prefix(name), rest)
}

fn unquoted_end(line: &str) -> usize {
    let mut is_quoted = false;
    let first = line
        .find(|c: char| {
            is_quoted ^= c == '"';
            c.is_whitespace() && !is_quoted
        })
        .unwrap_or(line.len());
    let name = line.get(..first).unwrap_or(line);
    if let Some(end) = glued_switch(name) {
        return end;
    }
    let is_path = name.contains(['\\', '/']) || name.as_bytes().get(1) == Some(&b':');
    if !is_path || has_executable_extension(name) {
        return first;
    }
    let mut end = first;
    for _ in 0..MAX_WORDS {
        let rest = line.get(end..).unwrap_or_default().trim_start();
        let start = line.len() - rest.len();
        let word = rest.split(char::is_whitespace).next().unwrap_or_default();
        if word.is_empty() || word.starts_with(['-', '/', '"', '\'']) || word.contains(':') {
            break;
        }
        end = start + word.len();
        if has_executable_extension(word) {
            return end;
        }
    }
    first
}

/// `cmd/c` needs no blank: the end of the name where a switch is glued to it.
fn glued_switch(name: &str) -> Option<usize> {
    let end = name.rfind(['\\', '"']).map_or(0, |at| at + 1);
    let file = name.get(end..)?;
    let slash = file.find('/')?;
    let program = file.get(..slash)?;
    ["cmd", "cmd.exe"]
        .iter()
        .any(|known| program.eq_ignore_ascii_case(known))
        .then_some(end + slash)
}

fn has_executable_extension(word: &str) -> bool {
    let word = word.trim_end_matches('"');
    let extension = word.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["exe", "com", "bat", "cmd", "scr", "pif", "msc", "cpl"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

fn without_prefix(name: &str) -> &str {
    [r"\\?\", r"\??\"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .filter(|rest| rest.as_bytes().get(1) == Some(&b':'))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found() {
        for (line, name, rest) in [
            (r#""C:\a b\c.exe" -x"#, r"C:\a b\c.exe", " -x"),
            (
                r"C:\Program Files\x\y.exe -a b",
                r"C:\Program Files\x\y.exe",
                " -a b",
            ),
            (
                r"\\?\C:\Program Files\y.exe -a",
                r"C:\Program Files\y.exe",
                " -a",
            ),
            (r#""\\?\C:\w\y.exe" -a"#, r"C:\w\y.exe", " -a"),
            (r"\??\C:\w\conhost.exe 0x4", r"C:\w\conhost.exe", " 0x4"),
            ("powershell -c calc.exe", "powershell", " -c calc.exe"),
            (r"C:\w\cmd /c a.exe", r"C:\w\cmd", " /c a.exe"),
            ("cmd/c a", "cmd", "/c a"),
            (r"C:\w\CMD.EXE/c a", r"C:\w\CMD.EXE", "/c a"),
            (
                r"C:\t\nc 10.0.0.1 -e cmd.exe",
                r"C:\t\nc",
                " 10.0.0.1 -e cmd.exe",
            ),
            (r#"pow"er"shell -e x"#, r#"pow"er"shell"#, " -e x"),
            (r#""power"shell.exe -e x"#, r#""power"shell.exe"#, " -e x"),
            (r#""C:\never closed -e x"#, r"C:\never closed -e x", ""),
            ("", "", ""),
        ] {
            assert_eq!(split_executable(line), (name, rest), "{line}");
        }
    }
}
