//! Which events the analytic wants. The host tests the predicates; what they leave
//! out costs nothing, so they are as narrow as one event allows.

use sandtrap_sdk::{
    Description, Predicate, Subscription, all, any, class, field, fields, not,
    windows::process_name::{LOLBINS, POWERSHELL_HOSTS, SCRIPT_HOSTS, SHELLS},
};

use crate::{
    defaults::MODULES,
    effect::DISCOVERY,
    watched::{
        DROPPED, ENCODED, HOMES, INTERNAL_NAMES, SCRIPT_NAMES, TALKERS, THREAD_STARTERS,
        USER_WRITABLE,
    },
};

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
