//! What the host is asked to show: small shares of each class of events.

use sandtrap_sdk::{Predicate, Subscription, Text, all, any, class, field, fields, not};

use crate::{dropped, shell_script::NAMED_SCRIPTS, utility::UTILITIES};

/// Directories where users write, as they occur in paths.
const OPEN_DIRECTORIES: &[&str] = &["\\users\\", "\\programdata\\", "\\temp\\"];
/// Modules that betray code in a process that should hold none.
const TELLING_MODULES: &[&str] = &[
    "\\clr.dll",
    "\\coreclr.dll",
    "\\mscorwks.dll",
    "\\scrobj.dll",
    "\\jscript.dll",
    "\\jscript9.dll",
    "\\vbscript.dll",
    "\\system.management.automation.dll",
    "\\system.management.automation.ni.dll",
];

/// Starts of the utilities, of their children, of children of command shells below them,
/// of signed scripts by name, and of programs where users write.
pub fn launches() -> Subscription {
    Subscription::to(class::PROCESS_LAUNCH)
        .when(any([
            is_utility(field::PROCESS_FILE_PATH),
            field::PROCESS_FILE_INTERNAL_NAME.is_one_of(UTILITIES.iter().copied()),
            is_utility(field::PROCESS_PARENT_PROCESS_FILE_PATH),
            field::PROCESS_PARENT_PROCESS_FILE_PATH.ends_with(["\\cmd.exe"]),
            // Older records do not name the parent; lineage may know it.
            not(field::PROCESS_PARENT_PROCESS_FILE_PATH.is_present()),
            field::PROCESS_CMD_LINE.contains(NAMED_SCRIPTS.iter().copied()),
            field::PROCESS_FILE_PATH.contains(OPEN_DIRECTORIES.iter().copied()),
        ]))
        .fields(fields![
            field::PROCESS_HANDLE,
            field::PROCESS_FILE_PATH,
            field::PROCESS_FILE_INTERNAL_NAME,
            field::PROCESS_CMD_LINE,
            field::PROCESS_WORKING_DIRECTORY,
            field::PROCESS_PARENT_PROCESS_HANDLE,
            field::PROCESS_PARENT_PROCESS_FILE_PATH,
            field::PROCESS_PARENT_PROCESS_CMD_LINE,
        ])
}

/// Connections that the utilities open.
pub fn connections() -> Subscription {
    Subscription::to(class::NETWORK_OPEN)
        .when(all([
            is_utility(field::ACTOR_PROCESS_FILE_PATH),
            not(field::CONNECTION_INFO_OUTBOUND.equals(0)),
        ]))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::DST_ENDPOINT_IP,
            field::DST_ENDPOINT_PORT,
        ])
}

/// Names that the utilities look up.
pub fn lookups() -> Subscription {
    Subscription::to(class::DNS_QUERY)
        .when(is_utility(field::ACTOR_PROCESS_FILE_PATH))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::QUERY_HOSTNAME,
        ])
}

/// Telling and unsigned modules in the utilities, and unsigned programs that load
/// themselves where users write, some of which a utility started.
pub fn modules() -> Subscription {
    let unsigned = || field::MODULE_FILE_SIGNATURE_SIGNED.equals(0);
    Subscription::to(class::MODULE_LOAD)
        .when(any([
            all([
                is_utility(field::ACTOR_PROCESS_FILE_PATH),
                any([
                    field::MODULE_FILE_PATH.ends_with(TELLING_MODULES.iter().copied()),
                    all([
                        unsigned(),
                        not(field::MODULE_FILE_PATH.contains(["\\assembly\\nativeimages_"])),
                    ]),
                ]),
            ]),
            all([
                unsigned(),
                field::MODULE_FILE_PATH.ends_with([".exe", ".scr", ".com"]),
            ]),
        ]))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::MODULE_FILE_PATH,
            field::MODULE_FILE_SIGNATURE_SIGNED,
        ])
}

/// Programs and scripts that the utilities write.
pub fn files() -> Subscription {
    Subscription::to(class::FILE_CREATE)
        .when(all([
            is_utility(field::ACTOR_PROCESS_FILE_PATH),
            field::FILE_PATH.ends_with(dropped::EXTENSIONS.iter().copied()),
        ]))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::FILE_PATH,
        ])
}

/// Processes that the utilities open.
pub fn accesses() -> Subscription {
    Subscription::to(class::PROCESS_OPEN)
        .when(is_utility(field::ACTOR_PROCESS_FILE_PATH))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::PROCESS_HANDLE,
            field::PROCESS_FILE_PATH,
            field::ACTUAL_PERMISSIONS,
        ])
}

/// Threads that the utilities start in other processes.
pub fn injections() -> Subscription {
    Subscription::to(class::PROCESS_INJECT)
        .when(is_utility(field::ACTOR_PROCESS_FILE_PATH))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::PROCESS_HANDLE,
            field::PROCESS_FILE_PATH,
        ])
}

/// Script blocks that name a signed script which can be a proxy.
pub fn script_blocks() -> Subscription {
    Subscription::to(class::SCRIPT_EXECUTE)
        .when(field::SCRIPT_CONTENT.contains(NAMED_SCRIPTS.iter().copied()))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::SCRIPT_CONTENT,
            field::SCRIPT_PATH,
            field::SCRIPT_UID,
        ])
}

/// Pipelines of engines that the utilities host.
pub fn pipelines() -> Subscription {
    Subscription::to(class::SCRIPT_COMMAND)
        .when(is_hosted())
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::SCRIPT_HOST_APPLICATION,
        ])
}

/// Engines of PowerShell that the utilities host.
pub fn engines() -> Subscription {
    Subscription::to(class::SCRIPT_ENGINE)
        .when(is_hosted())
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::SCRIPT_HOST_APPLICATION,
        ])
}

fn is_utility(image: Text) -> Predicate {
    image.ends_with(UTILITIES.iter().map(|name| format!("\\{name}")))
}

fn is_hosted() -> Predicate {
    field::SCRIPT_HOST_APPLICATION.contains(UTILITIES.iter().copied())
}
