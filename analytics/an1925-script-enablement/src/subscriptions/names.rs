//! Names by which the predicates tell what matters.

/// The interpreters of Windows, by path.
pub(super) const INTERPRETERS: &[&str] = &[
    "\\wscript.exe",
    "\\cscript.exe",
    "\\mshta.exe",
    "\\powershell.exe",
    "\\pwsh.exe",
];

/// The same by the name in their version resource, for renamed copies.
pub(super) const ORIGINALS: &[&str] = &[
    "wscript.exe",
    "cscript.exe",
    "MSHTA.EXE",
    "PowerShell.EXE",
    "pwsh.dll",
];

pub(super) const BATCH: &[&str] = &[".bat", ".cmd"];

/// Endings of the scripts whose writing is remembered.
pub(super) const SCRIPTS: &[&str] = &[
    ".vbs", ".vbe", ".jse", ".wsf", ".wsh", ".hta", ".sct", ".ps1", ".bat", ".cmd",
];

/// What script hosts have little reason to write.
pub(super) const PROGRAMS: &[&str] = &[".exe", ".dll", ".scr", ".vbs", ".js", ".ps1", ".bat"];

/// Places where any user can write, as parts of a path.
pub(super) const OPEN_PLACES: &[&str] = &[
    "\\Users\\",
    "\\ProgramData\\",
    "\\Temp\\",
    "\\Tmp\\",
    "\\PerfLogs\\",
    "\\Windows\\Tasks\\",
    "\\Windows\\Debug\\",
    "\\Windows\\Tracing\\",
];

/// Where JavaScript lands that is not some program's own.
pub(super) const DOWNLOADS: &[&str] = &[
    "\\Downloads\\",
    "\\Desktop\\",
    "\\Public\\",
    "\\AppData\\Local\\Temp\\",
];

/// Libraries that run script text.
pub(super) const ENGINES: &[&str] = &[
    "\\vbscript.dll",
    "\\jscript.dll",
    "\\jscript9.dll",
    "\\scrobj.dll",
];

pub(super) const SCRIPT_HOSTS: &[&str] = &["\\wscript.exe", "\\cscript.exe", "\\mshta.exe"];

/// Libraries that run .NET code.
pub(super) const MANAGED: &[&str] = &[
    "\\clr.dll",
    "\\coreclr.dll",
    "\\mscorwks.dll",
    "\\system.management.automation.dll",
    "\\system.management.automation.ni.dll",
];

/// Programs that load libraries for others.
pub(super) const LOADERS: &[&str] = &[
    "\\rundll32.exe",
    "\\regsvr32.exe",
    "\\installutil.exe",
    "\\regasm.exe",
    "\\regsvcs.exe",
    "\\msbuild.exe",
    "\\wmic.exe",
    "\\cmstp.exe",
];
