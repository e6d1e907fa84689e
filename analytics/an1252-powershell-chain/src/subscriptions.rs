//! Which events the analytic wants. The host tests the predicates; what they leave
//! out costs nothing, so they are as narrow as one event allows.

use sandtrap_sdk::{
    Description, Predicate, Subscription, all, any, class, field, fields, not,
    windows::process_name::{LOLBINS, POWERSHELL_HOSTS, SCRIPT_HOSTS, SHELLS},
};

use crate::{effect::DISCOVERY, settings::MODULES};

/// What the version resource of PowerShell says, for renamed copies.
const INTERNAL_NAMES: &[&str] = &[
    "PowerShell.EXE",
    "PowerShell.EXE.MUI",
    "pwsh.dll",
    "powershell_ise.EXE",
    "SQLPS.exe",
];

/// The encoded command in spellings that a renamed copy gives itself away by.
const ENCODED: &[&str] = &[
    " -e",
    " /e",
    " \u{2013}e",
    " \u{2014}e",
    " \u{2015}e",
    " --e",
];

/// Parts of paths that users can write to.
const USER_WRITABLE: &[&str] = &[
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
const HOMES: &[&str] = &[
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
const TALKERS: &[&str] = &[
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
const THREAD_STARTERS: &[&str] = &[
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
const SCRIPT_NAMES: &[&str] = &[
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
const DROPPED: &[&str] = &[
    ".exe", ".dll", ".scr", ".vbs", ".vbe", ".js", ".jse", ".hta", ".bat", ".sct", ".wsf",
];

/// Adds all subscriptions to the description.
pub(crate) fn add(description: Description) -> Description {
    let of_powershell =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| format!("\\{name}")).collect() };
    let powershell = of_powershell(POWERSHELL_HOSTS);
    let by_powershell = field::ACTOR_PROCESS_FILE_PATH.ends_with(powershell.clone());
    let is_at_home = field::ACTOR_PROCESS_FILE_PATH.ends_with(HOMES.iter().copied());
    let actor = fields![field::ACTOR_PROCESS_HANDLE, field::ACTOR_PROCESS_FILE_PATH];
    description
        .subscribe(launches(&powershell))
        .subscribe(
            Subscription::to(class::MODULE_LOAD)
                .when(modules(by_powershell.clone(), is_at_home.clone()))
                .fields(actor)
                .fields(fields![
                    field::MODULE_FILE_PATH,
                    field::MODULE_FILE_SIGNATURE_SIGNED,
                ]),
        )
        .subscribe(
            Subscription::to(class::PIPE_CREATE)
                .when(all([
                    field::FILE_PATH.starts_with(["\\PSHost."]),
                    not(is_at_home),
                ]))
                .fields(actor)
                .fields([field::FILE_PATH]),
        )
        .subscribe(
            Subscription::to(class::PROCESS_INJECT)
                .when(all([
                    not(field::ACTOR_PROCESS_FILE_PATH.ends_with(THREAD_STARTERS.iter().copied())),
                    not(field::START_FUNCTION.is_one_of(["CtrlRoutine", "DbgUiRemoteBreakin"])),
                ]))
                .fields(actor)
                .fields(fields![field::PROCESS_HANDLE, field::PROCESS_FILE_PATH]),
        )
        .subscribe(
            Subscription::to(class::NETWORK_OPEN)
                .when(connections(by_powershell.clone()))
                .fields(actor)
                .fields(fields![
                    field::DST_ENDPOINT_IP,
                    field::DST_ENDPOINT_PORT,
                    field::DST_ENDPOINT_HOSTNAME,
                ]),
        )
        .subscribe(
            Subscription::to(class::DNS_QUERY)
                .when(by_powershell.clone())
                .fields(actor)
                .fields([field::QUERY_HOSTNAME]),
        )
        .subscribe(
            Subscription::to(class::FILE_CREATE)
                .when(all([
                    by_powershell,
                    field::FILE_PATH.ends_with(DROPPED.iter().copied()),
                ]))
                .fields(actor)
                .fields([field::FILE_PATH]),
        )
        .subscribe(
            Subscription::to(class::SCRIPT_ENGINE)
                .when(field::METADATA_EVENT_CODE.equals(400))
                .fields(engine_fields()),
        )
        .subscribe(
            Subscription::to(class::SCRIPT_EXECUTE)
                .when(field::SCRIPT_CONTENT.contains(SCRIPT_NAMES.iter().copied()))
                .fields(fields![
                    field::ACTOR_PROCESS_HANDLE,
                    field::SCRIPT_CONTENT,
                    field::SCRIPT_PATH,
                ]),
        )
        .subscribe(
            Subscription::to(class::SCRIPT_COMMAND)
                .when(commands())
                .fields(engine_fields())
                .fields(fields![field::SCRIPT_CONTENT, field::SCRIPT_PATH]),
        )
}

fn engine_fields() -> [sandtrap_sdk::Field; 6] {
    fields![
        field::ACTOR_PROCESS_HANDLE,
        field::METADATA_EVENT_CODE,
        field::SCRIPT_HOST_NAME,
        field::SCRIPT_HOST_VERSION,
        field::SCRIPT_HOST_APPLICATION,
        field::SCRIPT_ENGINE_VERSION,
    ]
}

/// PowerShell itself, whatever its file is called, and what may be a child of an
/// engine's host.
fn launches(powershell: &[String]) -> Subscription {
    let tools: Vec<String> = [LOLBINS, SCRIPT_HOSTS, SHELLS, DISCOVERY]
        .iter()
        .flat_map(|family| family.iter())
        .map(|name| format!("\\{name}"))
        .collect();
    Subscription::to(class::PROCESS_LAUNCH)
        .when(all([
            not(field::PROCESS_FILE_PATH.ends_with(["\\conhost.exe"])),
            any([
                field::PROCESS_FILE_PATH.ends_with(powershell.to_vec()),
                field::PROCESS_FILE_INTERNAL_NAME.is_one_of(INTERNAL_NAMES.iter().copied()),
                field::PROCESS_CMD_LINE.contains(ENCODED.iter().copied()),
                field::PROCESS_PARENT_PROCESS_FILE_PATH.ends_with(powershell.to_vec()),
                field::PROCESS_FILE_PATH.ends_with(tools),
            ]),
        ]))
        .fields(fields![
            field::PROCESS_HANDLE,
            field::PROCESS_FILE_PATH,
            field::PROCESS_FILE_INTERNAL_NAME,
            field::PROCESS_CMD_LINE,
            field::PROCESS_PARENT_PROCESS_HANDLE,
            field::PROCESS_PARENT_PROCESS_FILE_PATH,
            field::PROCESS_PARENT_PROCESS_CMD_LINE,
        ])
}

fn modules(by_powershell: Predicate, is_at_home: Predicate) -> Predicate {
    let engines = [
        "\\System.Management.Automation.dll",
        "\\System.Management.Automation.ni.dll",
    ];
    let listed: Vec<String> = MODULES.iter().map(|name| format!("\\{name}")).collect();
    any([
        all([field::MODULE_FILE_PATH.ends_with(engines), not(is_at_home)]),
        all([
            by_powershell,
            any([
                field::MODULE_FILE_PATH.ends_with(listed),
                not(field::MODULE_FILE_PATH.contains([
                    "\\Windows\\",
                    "\\Program Files",
                    "\\ProgramData\\Microsoft\\Windows Defender\\",
                ])),
            ]),
        ]),
    ])
}

fn connections(by_powershell: Predicate) -> Predicate {
    all([
        field::CONNECTION_INFO_OUTBOUND.equals(1),
        not(field::DST_ENDPOINT_IP.starts_with(["127.", "::1"])),
        any([
            by_powershell,
            all([
                any([
                    field::ACTOR_PROCESS_FILE_PATH.contains(USER_WRITABLE.iter().copied()),
                    field::ACTOR_PROCESS_FILE_PATH.starts_with(["C:\\Windows\\", "\\Windows\\"]),
                ]),
                not(field::ACTOR_PROCESS_FILE_PATH.ends_with(TALKERS.iter().copied())),
            ]),
        ]),
    ])
}

/// Pipelines that mention something, or that run where PowerShell is not at home or
/// was started oddly: recordings that begin in the middle have nothing else.
fn commands() -> Predicate {
    any([
        field::SCRIPT_CONTENT.contains(SCRIPT_NAMES.iter().copied()),
        field::SCRIPT_HOST_APPLICATION.contains([" -e", " /e", "hidden", " -w 1"]),
        all([
            field::SCRIPT_HOST_APPLICATION.is_present(),
            not(field::SCRIPT_HOST_APPLICATION.contains([
                "powershell",
                "pwsh",
                "wsmprovhost",
                "wmiprvse",
                "sdiagnhost",
            ])),
        ]),
    ])
}
