//! Who can write where.

use super::normalise::{normalise, split_drive};

/// What kind of location a path is in; the first that applies, top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// A share or WebDAV folder: `\\host\share`, `\\host@SSL\DavWWWRoot`.
    Network,
    /// A drive other than `C:`, as removable media and mounted images get, or a CD device.
    Removable,
    /// Neither drive nor leading separator: relative to a directory not known here.
    Relative,
    /// A location on the system drive where a standard user can put files, or that
    /// only malware is run from; see [`is_user_writable`].
    UserWritable,
    /// `System32`, `SysWOW64`, `Sysnative` and the component store `WinSxS`.
    System,
    /// The .NET Framework below `\Windows\Microsoft.NET` and `\Windows\assembly`.
    DotNet,
    /// Anywhere else below `\Windows`.
    Windows,
    /// `Program Files` in either width.
    ProgramFiles,
    /// Elsewhere on the system drive, such as `C:\Tools`.
    Other,
    /// No path at all.
    Unknown,
}

/// Directories below `\Windows` that standard users can write to, or that have no
/// business holding programs.
const OPEN_WINDOWS: &[&str] = &[
    "temp/",
    "tasks/",
    "fonts/",
    "ime/",
    "addins/",
    "debug/",
    "tracing/",
    "registration/crmlog/",
    "system32/tasks/",
    "system32/fxstmp/",
    "system32/com/dmp/",
    "system32/spool/drivers/color/",
    "system32/config/systemprofile/",
    "syswow64/tasks/",
    "syswow64/fxstmp/",
    "syswow64/com/dmp/",
    "syswow64/config/systemprofile/",
];

/// Directories of the system drive's root that standard users can write to.
const OPEN_ROOT: &[&str] = &[
    "users/",
    "documents and settings/",
    "programdata/",
    "perflogs/",
    "$recycle.bin/",
    "recycler/",
];

/// The kind of location a path is in.
///
/// The system drive is taken to be `C:`; a path without a drive but with a leading
/// separator (from `\Device\HarddiskVolumeN`) is taken to be on it.
#[must_use]
pub fn place(path: &str) -> Place {
    let path = normalise(path);
    let (drive, rest) = split_drive(&path);
    if path.is_empty() {
        return Place::Unknown;
    }
    if rest.starts_with("//") {
        return Place::Network;
    }
    if !matches!(drive, "" | "c:") || rest.starts_with("/device/cdrom") {
        return Place::Removable;
    }
    let Some(rest) = rest.strip_prefix('/') else {
        return Place::Relative;
    };
    let below_windows = rest.strip_prefix("windows/");
    let is_open = starts_with_any(rest, OPEN_ROOT)
        || below_windows.is_some_and(|rest| starts_with_any(rest, OPEN_WINDOWS))
        || has_temporary_component(rest)
        || has_trailing_blank(rest);
    match below_windows {
        _ if is_open => Place::UserWritable,
        Some(rest)
            if starts_with_any(rest, &["system32/", "syswow64/", "sysnative/", "winsxs/"]) =>
        {
            Place::System
        }
        Some(rest) if starts_with_any(rest, &["microsoft.net/", "assembly/"]) => Place::DotNet,
        Some(_) => Place::Windows,
        None if starts_with_any(rest, &["program files/", "program files (x86)/"]) => {
            Place::ProgramFiles
        }
        None => Place::Other,
    }
}

/// Whether a path is where an attacker without privileges would put a file: in a
/// user-writable directory of the system drive, on removable media or on a share.
///
/// That covers everything below `\Users`, `\ProgramData`, `\PerfLogs` and
/// `\$Recycle.Bin`, any `\Temp\` or `\Tmp\`, the open directories below `\Windows`
/// (`Temp`, `Tasks`, `System32\Tasks`, `Fonts`, `IME`, `addins`, `debug`, `Tracing`, the
/// spooler's `color`, `config\systemprofile`, ...), and look-alikes of system directories
/// with a trailing blank (`C:\Windows \System32`). [`place`] tells these cases apart.
#[must_use]
pub fn is_user_writable(path: &str) -> bool {
    matches!(
        place(path),
        Place::UserWritable | Place::Removable | Place::Network
    )
}

/// Whether a module is a native image that the .NET Framework generated on this host.
///
/// These are never signed, so "unsigned" says nothing about them.
#[must_use]
pub fn is_native_image(path: &str) -> bool {
    let path = normalise(path);
    let (_, rest) = split_drive(&path);
    rest.starts_with("/windows/assembly/nativeimages_")
}

fn starts_with_any(path: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}

/// Directories only: the last component is the file.
fn has_temporary_component(path: &str) -> bool {
    let mut components = path.rsplit('/');
    let _file = components.next();
    components.any(|component| matches!(component, "temp" | "tmp"))
}

fn has_trailing_blank(path: &str) -> bool {
    let mut components = path.rsplit('/');
    let _file = components.next();
    components.any(|component| component.ends_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place() {
        for (path, expected) in [
            (r"C:\Windows\System32\cmd.exe", Place::System),
            (
                r"\Device\HarddiskVolume3\Windows\SysWOW64\cmd.exe",
                Place::System,
            ),
            (r"%systemroot%\WinSxS\amd64_x\cmd.exe", Place::System),
            (
                r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\MSBuild.exe",
                Place::DotNet,
            ),
            (r"C:\Windows\explorer.exe", Place::Windows),
            (r"C:\Windows\diagnostics\system\x.ps1", Place::Windows),
            (r"C:\PROGRA~1\x\y.exe", Place::ProgramFiles),
            (r"C:\Tools\x.exe", Place::Other),
            (r"E:\autorun.exe", Place::Removable),
            (r"\Device\CdRom0\x.exe", Place::Removable),
            (r"\\host\c$\x.exe", Place::Network),
            (r"\\host@SSL\DavWWWRoot\x.dll", Place::Network),
            ("x.exe", Place::Relative),
            ("", Place::Unknown),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
    }

    #[test]
    fn user_writable_places() {
        for path in [
            r"C:\Users\a\AppData\Local\x.exe",
            r"C:\Users\Public\x.exe",
            r"C:\Users\Default\x.exe",
            r"C:\Users\a\Downloads\x.exe",
            r"C:\ProgramData\x.dll",
            r"C:\Windows\Temp\x.exe",
            r"C:\WINDOWS\tasks\x.xml",
            r"C:\Windows\System32\Tasks\x",
            r"C:\Windows\Fonts\x.exe",
            r"C:\Windows\Tracing\x.exe",
            r"C:\Windows\System32\config\systemprofile\x.exe",
            r"C:\Windows\System32\spool\drivers\color\x.exe",
            r"C:\PerfLogs\x.exe",
            r"C:\$Recycle.Bin\S-1\x.exe",
            r"C:\Temp\x.exe",
            r"C:\a\tmp\x.exe",
            r"C:\Windows \System32\x.exe",
            r"C:\Windows\System32\..\Temp\x.exe",
            "%temp%\\x.exe",
            "$env:appdata/x.ps1",
            r"D:\x.exe",
            r"\\host@8080\x\y.dll",
        ] {
            assert!(is_user_writable(path), "{path}");
        }
        for path in [
            r"C:\Windows\System32\cmd.exe",
            r"C:\Program Files\x\y.exe",
            "temp",
        ] {
            assert!(!is_user_writable(path), "{path}");
        }
    }

    #[test]
    fn native_images() {
        assert!(is_native_image(
            r"C:\Windows\assembly\NativeImages_v4.0.30319_64\a\a.ni.dll"
        ));
        assert!(!is_native_image(
            r"C:\Users\a\Windows\assembly\NativeImages_x\a.ni.dll"
        ));
    }
}
