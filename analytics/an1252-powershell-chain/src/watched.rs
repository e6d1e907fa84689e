//! The names and paths that the predicates of the subscriptions look for.

/// What the version resource of PowerShell says, for renamed copies.
pub(crate) const INTERNAL_NAMES: &[&str] = &[
    "PowerShell.EXE",
    "PowerShell.EXE.MUI",
    "pwsh.dll",
    "powershell_ise.EXE",
    "SQLPS.exe",
];

/// The encoded command in spellings that a renamed copy gives itself away by.
pub(crate) const ENCODED: &[&str] = &[
    " -e",
    " /e",
    " \u{2013}e",
    " \u{2014}e",
    " \u{2015}e",
    " --e",
];

/// Parts of paths that users can write to.
pub(crate) const USER_WRITABLE: &[&str] = &[
    "\\users\\",
    "\\programdata\\",
    "\\temp\\",
    "\\tmp\\",
    "\\perflogs\\",
    "\\windows\\tasks\\",
    "\\$recycle.bin\\",
    "\\windows\\tracing\\",
    "\\windows\\debug\\",
    "\\fonts\\",
];

/// Where hosts of the engine belong; only there are they left out.
pub(crate) const HOMES: &[&str] = &[
    "\\windows\\system32\\windowspowershell\\v1.0\\powershell.exe",
    "\\windows\\syswow64\\windowspowershell\\v1.0\\powershell.exe",
    "\\windows\\system32\\windowspowershell\\v1.0\\powershell_ise.exe",
    "\\windows\\system32\\wsmprovhost.exe",
    "\\windows\\system32\\wbem\\wmiprvse.exe",
    "\\windows\\system32\\sdiagnhost.exe",
    "\\microsoft.net\\framework64\\v4.0.30319\\mscorsvw.exe",
    "\\microsoft.net\\framework\\v4.0.30319\\mscorsvw.exe",
    "\\program files\\powershell\\7\\pwsh.exe",
];

/// The busiest talkers of Windows and of users' profiles, which host no engine.
pub(crate) const TALKERS: &[&str] = &[
    "\\svchost.exe",
    "\\lsass.exe",
    "\\system",
    "\\dns.exe",
    "\\spoolsv.exe",
    "\\services.exe",
    "\\searchapp.exe",
    "\\smartscreen.exe",
    "\\teams.exe",
    "\\ms-teams.exe",
    "\\onedrive.exe",
    "\\chrome.exe",
    "\\msedge.exe",
    "\\firefox.exe",
    "\\brave.exe",
    "\\msedgewebview2.exe",
    "\\slack.exe",
    "\\discord.exe",
    "\\zoom.exe",
    "\\spotify.exe",
    "\\msmpeng.exe",
    "\\nissrv.exe",
    "\\mpdefendercoreservice.exe",
    "\\update.exe",
    "\\onedrivestandaloneupdater.exe",
    "\\wsmprovhost.exe",
    "\\wmiprvse.exe",
    "\\dfsrs.exe",
    "\\ismserv.exe",
    "\\taskhostw.exe",
    "\\ccmexec.exe",
    "\\backgroundtaskhost.exe",
];

/// Who starts threads in others as a matter of course.
pub(crate) const THREAD_STARTERS: &[&str] = &[
    "\\system32\\csrss.exe",
    "\\system32\\wininit.exe",
    "\\system32\\winlogon.exe",
    "\\system32\\services.exe",
    "\\system32\\dwm.exe",
    "\\system32\\werfault.exe",
    "\\msmpeng.exe",
    "\\vmtoolsd.exe",
    "\\system32\\wbem\\wmiprvse.exe",
    "\\system32\\svchost.exe",
];

/// Names in recorded scripts that are worth a closer look, in the form they have
/// after the cheap disguises; and the signs of the disguises themselves.
pub(crate) const SCRIPT_NAMES: &[&str] = &[
    "amsi",
    "cachedgrouppolicysettings",
    "etwprovider",
    "scriptblocklogging",
    "disablerealtime",
    "mimikatz",
    "sekurlsa",
    "minidump",
    "lsass",
    "kerberoast",
    "dcsync",
    "frombase64string",
    "gzipstream",
    "deflatestream",
    "assembly]::load",
    "reflection.emit",
    "virtualalloc",
    "getdelegateforfunctionpointer",
    "createthread",
    "getprocaddress",
    "writeprocessmemory",
    "net.webclient",
    "downloadstring",
    "downloaddata",
    "invoke-expression",
    "iex(",
    "iex (",
    "| iex",
    "|iex",
    "tcpclient",
    "net.sockets",
    "-bxor",
    "win32_process",
    "invoke-wmimethod",
    "[char]",
    "'+'",
    "\"+\"",
    "-join",
];

/// Extensions of what PowerShell may drop and something may run.
pub(crate) const DROPPED: &[&str] = &[
    ".exe", ".dll", ".scr", ".vbs", ".vbe", ".js", ".jse", ".hta", ".bat", ".sct", ".wsf",
];
