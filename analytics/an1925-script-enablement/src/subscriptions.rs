//! What the analytic wants to see. The predicates leave out nearly everything:
//! most launches, and all but a handful of registry, file, module and network
//! events.

mod names;

use sandtrap_sdk::{Description, Predicate, Subscription, all, any, class, field, fields, not};

use crate::{
    directive::HINTS,
    effect::CONTROLLER_PORTS,
    interpreter::FOREIGN,
    proxy::{ICS_HINTS, PROXIES, PROXY_HINTS},
    switchboard::SWITCHES,
};
use names::{
    BATCH, DOWNLOADS, ENGINES, INTERPRETERS, LOADERS, MANAGED, OPEN_PLACES, ORIGINALS, PROGRAMS,
    SCRIPT_HOSTS, SCRIPTS,
};

/// Adds the subscriptions to a description.
pub fn describe(description: Description) -> Description {
    description
        .subscribe(launches())
        .subscribe(registry_values())
        .subscribe(registry_keys())
        .subscribe(script_blocks())
        .subscribe(pipelines())
        .subscribe(engines())
        .subscribe(connections())
        .subscribe(files())
        .subscribe(marks_of_the_web())
        .subscribe(modules())
}

fn below(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("\\{name}")).collect()
}

fn launches() -> Subscription {
    let image = field::PROCESS_FILE_PATH;
    let line = field::PROCESS_CMD_LINE;
    let parent = field::PROCESS_PARENT_PROCESS_FILE_PATH;
    let proxies = below(PROXIES);
    let parents = INTERPRETERS.iter().map(|name| (*name).to_owned()).chain(
        proxies
            .iter()
            .filter(|name| *name != "\\explorer.exe")
            .cloned(),
    );
    let started_by_script = any([
        parent.ends_with(parents),
        all([
            parent.ends_with(["\\cmd.exe"]),
            field::PROCESS_PARENT_PROCESS_CMD_LINE.contains(BATCH.iter().copied()),
        ]),
    ]);
    let wanted = any([
        image.ends_with(INTERPRETERS.iter().copied()),
        field::PROCESS_FILE_INTERNAL_NAME.is_one_of(ORIGINALS.iter().copied()),
        all([
            image.ends_with(["\\cmd.exe"]),
            line.contains(BATCH.iter().copied()),
        ]),
        image.ends_with(below(FOREIGN)),
        all([
            image.ends_with(proxies),
            line.contains(PROXY_HINTS.iter().copied()),
        ]),
        image.contains(["\\scil"]),
        image.ends_with([
            "\\gscrt.exe",
            "\\pdlrt.exe",
            "\\rsview32.exe",
            "\\ctedit32.exe",
            "\\citect32.exe",
        ]),
        line.contains(ICS_HINTS.iter().copied()),
        all([started_by_script, not(image.ends_with(["\\conhost.exe"]))]),
        line.contains(HINTS.iter().copied()),
    ]);
    Subscription::to(class::PROCESS_LAUNCH)
        .when(wanted)
        .fields(fields![
            field::DEVICE_HOSTNAME,
            field::PROCESS_HANDLE,
            image,
            field::PROCESS_FILE_INTERNAL_NAME,
            line,
            field::PROCESS_WORKING_DIRECTORY,
            field::PROCESS_USER_NAME,
            field::PROCESS_PARENT_PROCESS_HANDLE,
            parent,
            field::PROCESS_PARENT_PROCESS_CMD_LINE,
        ])
}

fn registry_values() -> Subscription {
    Subscription::to(class::REGISTRY_VALUE)
        .when(names_a_switch())
        .fields(fields![
            field::DEVICE_HOSTNAME,
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::ACTOR_USER_NAME,
            field::REG_TARGET_PATH,
            field::REG_TARGET_DATA,
            field::REG_TARGET_PREVIOUS_DATA,
            field::REG_TARGET_OPERATION,
        ])
}

fn registry_keys() -> Subscription {
    let path = field::REG_TARGET_PATH;
    let is_key = any([
        path.ends_with([
            "\\windows script host\\settings",
            "\\powershell\\scriptblocklogging",
            "\\powershell\\modulelogging",
            "\\powershell\\transcription",
            "\\windows\\srpv2",
        ]),
        path.contains(["\\windows\\srpv2\\", "\\amsi\\providers\\"]),
    ]);
    let wanted = all([
        field::REG_TARGET_OPERATION.starts_with(["Delete"]),
        any([is_key, names_a_switch()]),
    ]);
    Subscription::to(class::REGISTRY_KEY)
        .when(wanted)
        .fields(fields![
            field::DEVICE_HOSTNAME,
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::ACTOR_USER_NAME,
            path,
            field::REG_TARGET_OPERATION,
        ])
}

fn names_a_switch() -> Predicate {
    let mut tails: Vec<String> = SWITCHES.iter().map(|switch| switch.tail()).collect();
    tails.sort_unstable();
    tails.dedup();
    field::REG_TARGET_PATH.ends_with(tails)
}

fn script_blocks() -> Subscription {
    let wanted = any([
        field::SCRIPT_CONTENT.contains(HINTS.iter().copied()),
        field::SCRIPT_PATH.contains(OPEN_PLACES.iter().copied()),
        field::SCRIPT_PATH.starts_with(["\\\\"]),
    ]);
    Subscription::to(class::SCRIPT_EXECUTE)
        .when(wanted)
        .fields(fields![
            field::DEVICE_HOSTNAME,
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_USER_NAME,
            field::SCRIPT_CONTENT,
            field::SCRIPT_PATH,
        ])
}

fn pipelines() -> Subscription {
    let wanted = field::SCRIPT_CONTENT.contains(["CommandInvocation(Set-ExecutionPolicy)"]);
    Subscription::to(class::SCRIPT_COMMAND)
        .when(wanted)
        .fields(fields![
            field::DEVICE_HOSTNAME,
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_USER_NAME,
            field::SCRIPT_CONTENT,
            field::SCRIPT_HOST_APPLICATION,
        ])
}

fn engines() -> Subscription {
    let wanted = field::SCRIPT_HOST_APPLICATION.contains(["bypass", "unrestricted"]);
    Subscription::to(class::SCRIPT_ENGINE)
        .when(wanted)
        .fields(fields![
            field::DEVICE_HOSTNAME,
            field::ACTOR_PROCESS_HANDLE,
            field::SCRIPT_HOST_APPLICATION,
        ])
}

fn connections() -> Subscription {
    let wanted = all([
        field::CONNECTION_INFO_OUTBOUND.equals(1),
        any([
            field::ACTOR_PROCESS_FILE_PATH.ends_with(INTERPRETERS.iter().copied()),
            field::DST_ENDPOINT_PORT.is_one_of(CONTROLLER_PORTS.iter().copied()),
        ]),
    ]);
    Subscription::to(class::NETWORK_OPEN)
        .when(wanted)
        .fields(fields![
            field::DEVICE_HOSTNAME,
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::DST_ENDPOINT_IP,
            field::DST_ENDPOINT_PORT,
        ])
}

fn files() -> Subscription {
    let path = field::FILE_PATH;
    let is_script = any([
        path.ends_with(SCRIPTS.iter().copied()),
        all([
            path.ends_with([".js"]),
            path.contains(DOWNLOADS.iter().copied()),
        ]),
    ]);
    let is_dropped = all([
        field::ACTOR_PROCESS_FILE_PATH.ends_with(SCRIPT_HOSTS.iter().copied()),
        path.ends_with(PROGRAMS.iter().copied()),
    ]);
    let wanted = all([
        any([is_script, is_dropped]),
        not(path.contains([
            "\\__PSScriptPolicyTest_",
            "\\node_modules\\",
            "\\site-packages\\",
        ])),
    ]);
    Subscription::to(class::FILE_CREATE)
        .when(wanted)
        .fields(fields![
            field::DEVICE_HOSTNAME,
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            path,
        ])
}

fn marks_of_the_web() -> Subscription {
    let streams: Vec<String> = SCRIPTS
        .iter()
        .chain(&[".js"])
        .map(|ending| format!("{ending}:Zone.Identifier"))
        .collect();
    let wanted = all([
        field::FILE_PATH.ends_with(streams),
        field::FILE_CONTENTS.contains(["ZoneId=3", "ZoneId=4"]),
    ]);
    Subscription::to(class::FILE_STREAM)
        .when(wanted)
        .fields(fields![field::FILE_PATH, field::ACTOR_PROCESS_FILE_PATH])
}

fn modules() -> Subscription {
    let actor = field::ACTOR_PROCESS_FILE_PATH;
    let module = field::MODULE_FILE_PATH;
    let wanted = any([
        all([
            actor.ends_with(LOADERS.iter().copied()),
            module.ends_with(ENGINES.iter().copied()),
        ]),
        all([
            actor.ends_with(SCRIPT_HOSTS.iter().copied()),
            module.ends_with(MANAGED.iter().copied()),
        ]),
        all([
            field::MODULE_FILE_SIGNATURE_SIGNED.equals(0),
            any([
                module.ends_with([".exe"]),
                actor.ends_with(LOADERS.iter().copied()),
            ]),
            not(module.contains(["\\assembly\\NativeImages_"])),
        ]),
    ]);
    Subscription::to(class::MODULE_LOAD)
        .when(wanted)
        .fields(fields![
            field::DEVICE_HOSTNAME,
            field::ACTOR_PROCESS_HANDLE,
            actor,
            module,
            field::MODULE_FILE_SIGNATURE_SIGNED,
        ])
}
