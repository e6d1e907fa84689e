//! The signed utilities that are watched, and which one a process is.

use sandtrap_sdk::windows::{ProcessName, path};

/// File names of all utilities that can be watched as parents.
///
/// `mshta.exe`, `wmic.exe`, `cmstp.exe` and `rundll32.exe` with anything but a control
/// panel item are other techniques (T1218, T1220) and have analytics of their own.
pub const UTILITIES: &[&str] = &[
    "wscript.exe",
    "cscript.exe",
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
    "regsvr32.exe",
    "msbuild.exe",
    "control.exe",
    "rundll32.exe",
    "syncappvpublishingserver.exe",
];

/// What kind of code a utility runs on somebody's behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utility {
    /// Windows Script Host: scripts.
    ScriptHost,
    /// The .NET installer tool: installer classes of an assembly.
    InstallUtil,
    /// Registration of .NET assemblies for COM: their registration functions.
    Registration,
    /// Registration of COM servers: libraries and scriptlets.
    Regsvr32,
    /// Builds: projects, whose tasks are code.
    MsBuild,
    /// The control panel and what loads its items: libraries.
    ControlPanel,
    /// App-V publishing, which hands its argument to PowerShell.
    AppV,
}

impl Utility {
    /// The utility a process is, by either of its names.
    ///
    /// The loader of libraries counts only where it loads a control panel item.
    pub fn of(name: &ProcessName, command_line: &str) -> Option<Self> {
        if name.is_any(&["wscript.exe", "cscript.exe"]) {
            return Some(Self::ScriptHost);
        }
        if name.is("installutil.exe") {
            return Some(Self::InstallUtil);
        }
        if name.is_any(&["regasm.exe", "regsvcs.exe"]) {
            return Some(Self::Registration);
        }
        if name.is("regsvr32.exe") {
            return Some(Self::Regsvr32);
        }
        if name.is("msbuild.exe") {
            return Some(Self::MsBuild);
        }
        if name.is("syncappvpublishingserver.exe") {
            return Some(Self::AppV);
        }
        let may_load_items = name.is_any(&["control.exe", "rundll32.exe"]);
        let names_item = command_line.to_ascii_lowercase().contains(".cpl");
        (may_load_items && names_item).then_some(Self::ControlPanel)
    }

    /// What an interpreter or another tool of Windows as its child adds to the score.
    ///
    /// Scripts and builds start tools all day; the others have no reason to.
    pub fn tool_score(self) -> i32 {
        match self {
            Self::ScriptHost => 15,
            Self::MsBuild => 0,
            Self::ControlPanel | Self::AppV => 20,
            Self::InstallUtil | Self::Registration | Self::Regsvr32 => 25,
        }
    }

    /// Whether any child at all is out of the ordinary.
    pub fn is_childless(self) -> bool {
        matches!(
            self,
            Self::InstallUtil | Self::Registration | Self::Regsvr32 | Self::ControlPanel
        )
    }

    /// Whether it has no business on the network.
    pub fn is_offline(self) -> bool {
        !matches!(self, Self::ScriptHost | Self::AppV | Self::MsBuild)
    }
}

/// Whether an image is the copy of a tool that comes with the .NET Framework, and not one
/// that developers install.
pub fn is_framework_copy(image: &str) -> bool {
    path::place(image) == path::Place::DotNet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(image: &str, original: &str, command_line: &str) -> Option<Utility> {
        Utility::of(&ProcessName::of(image, original), command_line)
    }

    #[test]
    fn a_utility_is_known_by_either_name() {
        let host = Some(Utility::ScriptHost);
        assert_eq!(of("C:\\Windows\\System32\\cscript.exe", "", ""), host);
        assert_eq!(of("C:\\Temp\\a.exe", "wscript.exe", ""), host);
        assert_eq!(of("C:\\Temp\\a.exe", "a.exe", "wscript.exe"), None);
    }

    #[test]
    fn the_loader_counts_only_with_a_control_panel_item() {
        let image = "C:\\Windows\\System32\\rundll32.exe";
        assert_eq!(of(image, "", "rundll32.exe shell32.dll,Run"), None);
        let line = "rundll32.exe Shell32.dll,Control_RunDLL C:\\ProgramData\\x.CPL";
        assert_eq!(of(image, "", line), Some(Utility::ControlPanel));
    }
}
