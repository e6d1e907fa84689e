//! One spelling for each path.

/// How much of a path is read, in bytes: Windows allows 32,767 UTF-16 units.
pub const MAX_LENGTH: usize = 96 * 1024;

/// Environment variables and where they point by default. `*` stands for a user's name.
const VARIABLES: &[(&str, &str)] = &[
    ("windir", "c:/windows"),
    ("systemroot", "c:/windows"),
    ("systemdrive", "c:"),
    ("temp", "c:/users/*/appdata/local/temp"),
    ("tmp", "c:/users/*/appdata/local/temp"),
    ("appdata", "c:/users/*/appdata/roaming"),
    ("localappdata", "c:/users/*/appdata/local"),
    ("userprofile", "c:/users/*"),
    ("public", "c:/users/public"),
    ("programdata", "c:/programdata"),
    ("allusersprofile", "c:/programdata"),
    ("programfiles", "c:/program files"),
    ("programw6432", "c:/program files"),
    ("programfiles(x86)", "c:/program files (x86)"),
    ("commonprogramfiles", "c:/program files/common files"),
    ("comspec", "c:/windows/system32/cmd.exe"),
];

/// 8.3 names that mean one thing on a default installation.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("progra~1", "program files"),
    ("progra~2", "program files (x86)"),
    ("progra~3", "programdata"),
    ("docume~1", "documents and settings"),
    ("window~1", "windowspowershell"),
    ("downlo~1", "downloads"),
];

/// The path in one spelling: lower case (ASCII), `/` between components, no quotes
/// around it, and resolved as far as that needs no file system.
///
/// - `\\?\`, `\\.\` and `\??\` prefixes disappear, `\\?\UNC\` becomes `//`;
/// - `\Device\HarddiskVolume3\x` becomes `/x`, without a drive, since the volume's
///   letter is unknown; `\Device\Mup\host` becomes `//host`; `\SystemRoot` is `c:/windows`;
/// - `%variable%` and `$env:variable` at the start take their default value, with `*`
///   for a user's name, and `~/` is the user's profile;
/// - well-known 8.3 names (`PROGRA~1`) take their long form;
/// - `.`, `..` and repeated separators are resolved.
///
/// Blanks within components stay, so `C:\Windows \System32` is not `C:\Windows`.
#[must_use]
pub fn normalise(path: &str) -> String {
    let path = path
        .get(..path.floor_char_boundary(MAX_LENGTH))
        .unwrap_or(path);
    let lower = path
        .trim()
        .trim_matches('"')
        .to_ascii_lowercase()
        .replace('\\', "/");
    let (root, rest) = root(expand(without_prefix(&lower)));
    join(&root, &rest)
}

/// Whether two paths can be the same file: equal once normalised, where a path
/// without a drive (from a `\Device\` path) agrees with any drive.
#[must_use]
pub fn is_same_file(a: &str, b: &str) -> bool {
    let (a, b) = (normalise(a), normalise(b));
    let (drive_a, rest_a) = split_drive(&a);
    let (drive_b, rest_b) = split_drive(&b);
    !rest_a.is_empty()
        && rest_a == rest_b
        && (drive_a == drive_b || drive_a.is_empty() || drive_b.is_empty())
}

/// The `c:` of a normalised path, or nothing, and the rest.
pub(super) fn split_drive(path: &str) -> (&str, &str) {
    match path.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => {
            path.split_at_checked(2).unwrap_or(("", path))
        }
        _ => ("", path),
    }
}

fn without_prefix(path: &str) -> String {
    for prefix in ["//?/unc/", "//./unc/", "/??/unc/", "/device/mup/"] {
        if let Some(rest) = path.strip_prefix(prefix) {
            return format!("//{rest}");
        }
    }
    let path = ["//?/globalroot", "//./globalroot"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .unwrap_or(path);
    for prefix in ["//?/", "//./", "/??/"] {
        if let Some(rest) = path.strip_prefix(prefix) {
            return rest.to_owned();
        }
    }
    if let Some(rest) = path.strip_prefix("/device/harddiskvolume") {
        return rest
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .to_owned();
    }
    match path.strip_prefix("/systemroot/") {
        Some(rest) => format!("c:/windows/{rest}"),
        None => path.to_owned(),
    }
}

fn expand(path: String) -> String {
    let variable = if let Some(rest) = path.strip_prefix('%') {
        rest.split_once('%')
    } else if let Some(rest) = path.strip_prefix("$env:") {
        let end = rest.find('/').unwrap_or(rest.len());
        rest.split_at_checked(end)
    } else {
        path.strip_prefix('~')
            .filter(|rest| rest.starts_with('/'))
            .map(|rest| ("userprofile", rest))
    };
    let value = variable.and_then(|(name, rest)| {
        let (_, value) = VARIABLES.iter().find(|(known, _)| *known == name)?;
        Some(format!("{value}{rest}"))
    });
    value.unwrap_or(path)
}

/// The part that `..` cannot leave (`c:/`, `//`, `/` or nothing), and the components after it.
fn root(path: String) -> (String, String) {
    let (drive, rest) = split_drive(&path);
    let separators = match (drive.is_empty(), rest.starts_with("//")) {
        (true, true) => "//",
        _ if rest.starts_with('/') => "/",
        _ => "",
    };
    (format!("{drive}{separators}"), rest.to_owned())
}

fn join(root: &str, rest: &str) -> String {
    let mut components: Vec<&str> = Vec::new();
    for component in rest.split('/') {
        match component {
            "" | "." => {}
            ".." if components.last().is_some_and(|last| *last != "..") => {
                components.pop();
            }
            ".." if root.ends_with('/') => {}
            _ => {
                let long = SHORT_NAMES.iter().find(|(short, _)| *short == component);
                components.push(long.map_or(component, |(_, long)| long));
            }
        }
    }
    let joined = components.join("/");
    format!("{root}{joined}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_each() {
        for (path, expected) in [
            (
                r"C:\Windows\System32\CMD.exe",
                "c:/windows/system32/cmd.exe",
            ),
            (r#""C:\A b\x""#, "c:/a b/x"),
            (r"\\?\C:\Windows\x", "c:/windows/x"),
            (r"\??\C:\Windows\x", "c:/windows/x"),
            (r"\\?\UNC\host\share\x", "//host/share/x"),
            (r"\Device\HarddiskVolume12\Windows\x", "/windows/x"),
            (r"\\?\GLOBALROOT\Device\HarddiskVolume1\x", "/x"),
            (r"\Device\Mup\host\x", "//host/x"),
            (r"\SystemRoot\System32\x", "c:/windows/system32/x"),
            (r"%WinDir%\x", "c:/windows/x"),
            (r"%TEMP%\x", "c:/users/*/appdata/local/temp/x"),
            (r"$env:PUBLIC\x", "c:/users/public/x"),
            (r"~\x", "c:/users/*/x"),
            (r"%nothing%\x", "%nothing%/x"),
            (r"C:\PROGRA~2\x", "c:/program files (x86)/x"),
            (r"C:\Windows\Temp\..\System32\.\\x", "c:/windows/system32/x"),
            (r"C:\..\..\x", "c:/x"),
            (r"..\a\..\..\x", "../../x"),
            (r"\\host@8080\share\x", "//host@8080/share/x"),
            (r"C:\Windows \x", "c:/windows /x"),
            ("", ""),
        ] {
            assert_eq!(normalise(path), expected, "{path}");
        }
    }

    #[test]
    fn a_device_path_is_the_same_file() {
        let device = r"\device\harddiskvolume2\windows\system32\svchost.exe";
        assert!(is_same_file(device, r"C:\Windows\System32\svchost.exe"));
        assert!(!is_same_file(r"D:\a.exe", r"C:\a.exe"));
        assert!(!is_same_file("", ""));
    }
}
