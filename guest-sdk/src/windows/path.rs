//! Windows paths: one spelling for each, and who can write there.
//!
//! The classes are those public rule sets agree on for "suspicious location", joined.
//! Functions that take a path accept any spelling and normalise it themselves. At most
//! [`MAX_LENGTH`] bytes of a path are read.

mod normalise;
mod place;

pub use normalise::{MAX_LENGTH, is_same_file, normalise};
pub use place::{Place, is_native_image, is_user_writable, place};

/// Extensions, without the dot, of files that an interpreter of Windows runs.
///
/// `exe`, `dll` and other compiled files are not among them.
pub const SCRIPT_EXTENSIONS: &[&str] = &[
    "ps1", "psm1", "psd1", "ps1xml", "psc1", "bat", "cmd", "vbs", "vbe", "js", "jse", "wsf", "wsh",
    "wsc", "sct", "hta", "xsl", "chm", "inf", "url", "lnk", "py", "pyw", "au3", "ahk", "reg",
];

/// The file name of a path: what follows the last separator, in its own spelling,
/// without quotes around the whole.
#[must_use]
pub fn file_name(path: &str) -> &str {
    let path = path.trim().trim_matches('"');
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// The extension of a path's file name, in its own spelling and without the dot; empty
/// if there is none.
///
/// A stream name after `:` and the trailing dots and blanks that Windows ignores are
/// left out.
#[must_use]
pub fn extension(path: &str) -> &str {
    let name = file_name(path).split(':').next().unwrap_or_default();
    name.trim_end_matches(['.', ' '])
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension)
}

/// Whether an extension, with or without its dot, is one of [`SCRIPT_EXTENSIONS`], in any case.
#[must_use]
pub fn is_script_extension(extension: &str) -> bool {
    let extension = extension.trim_start_matches('.');
    SCRIPT_EXTENSIONS
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_extensions() {
        assert_eq!(file_name(r#""C:\A b\Run.VBS""#), "Run.VBS");
        assert_eq!(file_name("run.vbs"), "run.vbs");
        assert_eq!(file_name(r"C:\a\"), "");
        assert_eq!(extension(r"C:\a.b\Run.VBS"), "VBS");
        assert_eq!(extension(r"C:\a.b\run"), "");
        assert_eq!(extension(r"C:\a\x.txt:s.js"), "txt");
        assert_eq!(extension("x.hta. "), "hta");
        assert!(is_script_extension("WSF") && is_script_extension(".ps1"));
        assert!(!is_script_extension("exe") && !is_script_extension(""));
    }

    proptest! {
        #[test]
        fn any_path_is_survived(path in any::<String>()) {
            let _ = (file_name(&path), extension(&path), place(&path), is_native_image(&path));
        }

        #[test]
        fn normalising_twice_changes_nothing(path in "(c:|)([a-c\\\\/.]|progra~1){0,40}") {
            let once = normalise(&path);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
