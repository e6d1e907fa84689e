//! Which program a process runs, whatever its file is called.
//!
//! The file name is chosen by whoever copied the file. `OriginalFileName` comes from
//! the version resource of the image: a plain copy keeps it, so a renamed tool is
//! recognised by it. Both can be forged by building the file anew; only a signature or
//! a hash settles that.

mod families;
mod homes;

use super::path;

pub use families::{
    BROWSERS, DATABASE_SERVERS, DOTNET_UTILITIES, INTERMEDIARIES, LOLBINS, MAIL_AND_DOCUMENTS,
    OFFICE, POWERSHELL_HOSTS, PROXIES, SCRIPT_HOSTS, SHELLS, WEB_SERVERS,
};

/// How much of a name is read, in bytes: a path component has at most 255 UTF-16 units.
const MAX_NAME: usize = 1024;

/// Pairs of file name and original name that come this way from their vendor.
const VENDOR_PAIRS: &[(&str, &str)] = &[
    ("microsoftedgeupdate.exe", "msedgeupdate.exe"),
    ("googleupdate.exe", "goopdate.exe"),
    ("gpresult.exe", "gprslt.exe"),
    ("systeminfo.exe", "sysinfo.exe"),
    ("psexec.exe", "psexec.c"),
    ("psexec64.exe", "psexec.c"),
];

/// A program by its file name and its `OriginalFileName`, either of which may be unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessName {
    image: String,
    file_name: String,
    original: String,
}

impl ProcessName {
    /// From a path or command-line spelling of the program, quoted or not, and the
    /// `OriginalFileName` of its version resource, empty if unknown (`-` and `?`, as
    /// Sysmon writes, count as empty).
    ///
    /// Case, quotes anywhere (`pow"er"shell`), carets and backticks, a missing `.exe`
    /// and a `.mui` after the original name are ignored. An original name that ends in
    /// `.dll` is that of a .NET program (`pwsh.dll`) unless the image is a library too.
    #[must_use]
    pub fn of(image: &str, original_file_name: &str) -> Self {
        let image: String = image
            .trim()
            .chars()
            .filter(|c| !matches!(c, '"' | '\'' | '^' | '`'))
            .take(path::MAX_LENGTH)
            .collect();
        let file_name = with_extension(path::file_name(&image));
        let mut original = with_extension(path::file_name(original_file_name));
        if !file_name.ends_with(".dll")
            && let Some(stem) = original.strip_suffix(".dll")
        {
            original = format!("{stem}.exe");
        }
        Self {
            image,
            file_name,
            original,
        }
    }

    /// The file name, in lower case and with its extension.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The original file name, in lower case and with its extension, or empty.
    #[must_use]
    pub fn original_file_name(&self) -> &str {
        &self.original
    }

    /// Whether the file name or the original file name is this one (any case, `.exe`
    /// may be left off). A short 8.3 name (`POWERS~1.EXE`) matches if its stem begins
    /// the name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let (stem, extension) = split_extension(name);
        [&self.file_name, &self.original].iter().any(|own| {
            let (own_stem, own_extension) = split_extension(own);
            !own.is_empty()
                && own_extension.eq_ignore_ascii_case(extension)
                && (own_stem.eq_ignore_ascii_case(stem) || is_short_for(own_stem, stem))
        })
    }

    /// Whether [`ProcessName::is`] holds for one of these, such as a family of this module.
    #[must_use]
    pub fn is_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is(name))
    }

    /// Whether both names are known and differ by more than spelling.
    ///
    /// A width in the name (`tool64.exe` for `tool.exe`), short names and a few pairs
    /// that vendors ship this way do not count.
    #[must_use]
    pub fn is_renamed(&self) -> bool {
        if self.file_name.is_empty() || self.original.is_empty() {
            return false;
        }
        let (file, _) = split_extension(&self.file_name);
        let (original, _) = split_extension(&self.original);
        without_width(file) != without_width(original)
            && !is_short_for(file, original)
            && !VENDOR_PAIRS.contains(&(self.file_name.as_str(), self.original.as_str()))
    }

    /// Whether a program of Windows lies where Windows keeps it: `powershell.exe` in
    /// `System32\WindowsPowerShell`, `installutil.exe` below `Microsoft.NET`, and so on.
    ///
    /// `None` if this module does not know where that program belongs, or the image is
    /// a bare name. A renamed copy is looked up by its original name.
    #[must_use]
    pub fn is_expected_place(&self) -> Option<bool> {
        let expected = homes::of(&self.original).or_else(|| homes::of(&self.file_name))?;
        homes::is_within(&self.image, expected)
    }
}

fn with_extension(name: &str) -> String {
    let name = name
        .get(..name.floor_char_boundary(MAX_NAME))
        .unwrap_or(name);
    let name = name.trim_end_matches(['.', ' ']).to_ascii_lowercase();
    let name = name.strip_suffix(".mui").unwrap_or(&name);
    match name {
        "" | "-" | "?" => String::new(),
        _ if name.contains('.') => name.to_owned(),
        _ => format!("{name}.exe"),
    }
}

fn split_extension(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or((name, "exe"))
}

/// `powers~1` is short for `powershell`: at most six letters, then the number.
fn is_short_for(short: &str, long: &str) -> bool {
    short.split_once('~').is_some_and(|(stem, number)| {
        stem.len() >= 2
            && stem.len() < long.len()
            && long.len() > 8
            && number.bytes().all(|b| b.is_ascii_digit())
            && long
                .get(..stem.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(stem))
    })
}

fn without_width(stem: &str) -> &str {
    ["_x64", "_x86", "-x64", "-x86", "x64", "x86", "64", "32"]
        .iter()
        .find_map(|width| stem.strip_suffix(width))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spelling_does_not_matter() {
        for (image, original) in [
            (
                r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
                "",
            ),
            (r"C:\Users\a\notes.exe", "PowerShell.EXE"),
            ("POWERSHELL", "-"),
            (r#"pow"er"shell.exe"#, "?"),
            (r#""C:\a b\PowerShell.exe""#, ""),
            ("p^ower^shell", ""),
            (r"C:\a\POWERS~1.EXE", ""),
            (r"C:\a\x.exe", "PowerShell.EXE.MUI"),
            ("powershell.exe. ", ""),
        ] {
            assert!(
                ProcessName::of(image, original).is("powershell.exe"),
                "{image}"
            );
        }
        assert!(ProcessName::of("x.exe", "pwsh.dll").is("pwsh.exe"));
        assert!(ProcessName::of("x.exe", "Cmd.Exe").is_any(SHELLS));
        assert!(!ProcessName::of("powershell.exe.txt", "").is("powershell.exe"));
        assert!(!ProcessName::of("", "").is(""));
    }

    #[test]
    fn renamed_copies() {
        for (image, original, renamed) in [
            ("powershell.exe", "PowerShell.EXE", false),
            ("pwsh.exe", "pwsh.dll", false),
            ("cmd.exe", "Cmd.Exe.MUI", false),
            ("procdump64.exe", "procdump", false),
            ("rundll32.exe", "RUNDLL32.EXE", false),
            ("a.exe", "", false),
            ("a.exe", "-", false),
            ("psexec.exe", "psexec.c", false),
            ("scrobj.dll", "scrobj.dll", false),
            ("notepad.exe", "PowerShell.EXE", true),
            ("svchost.exe", "REGSVR32.EXE", true),
        ] {
            assert_eq!(
                ProcessName::of(image, original).is_renamed(),
                renamed,
                "{image}"
            );
        }
    }

    #[test]
    fn places() {
        for (image, original, expected) in [
            (
                r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
                "",
                Some(true),
            ),
            (
                r"\Device\HarddiskVolume2\Windows\SysWOW64\WindowsPowerShell\v1.0\powershell.exe",
                "",
                Some(true),
            ),
            (r"C:\Windows\System32\powershell.exe", "", Some(false)),
            (r"C:\Users\a\x.exe", "PowerShell.EXE", Some(false)),
            (
                r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\InstallUtil.exe",
                "InstallUtil.exe",
                Some(true),
            ),
            (
                r"C:\ProgramData\InstallUtil.exe",
                "InstallUtil.exe",
                Some(false),
            ),
            (
                r"C:\Program Files\PowerShell\7\pwsh.exe",
                "pwsh.dll",
                Some(true),
            ),
            (r"C:\Windows\explorer.exe", "EXPLORER.EXE", Some(true)),
            (r"C:\Windows\System32\wbem\WMIC.exe", "wmic.exe", Some(true)),
            (r"\\host\share\wscript.exe", "", Some(false)),
            ("wscript.exe", "", None),
            (r"C:\Tools\mine.exe", "mine.exe", None),
        ] {
            let name = ProcessName::of(image, original);
            assert_eq!(name.is_expected_place(), expected, "{image}");
        }
    }

    proptest! {
        #[test]
        fn any_names_are_survived(image in any::<String>(), original in any::<String>()) {
            let name = ProcessName::of(&image, &original);
            let _ = (name.is(&original), name.is_renamed(), name.is_expected_place());
        }
    }
}
