//! Which events this analytic asks for. The host evaluates the predicates, so
//! they leave out whatever one event can tell to be of no use.

use sandtrap_sdk::{Predicate, Subscription, all, any, class, field, fields, not};

use crate::program::{ORIGINAL_NAMES, TUNNEL_CLIENTS, WATCHED};
use sandtrap_sdk::windows::process_name::WEB_SERVERS;

/// Endings of names of services that carry tunnels over the public internet.
const TUNNEL_SERVICES: &[&str] = &[
    "ngrok.io",
    "ngrok-free.app",
    "ngrok.app",
    "trycloudflare.com",
    "serveo.net",
    "localhost.run",
    "lhr.life",
    "loca.lt",
    "localtunnel.me",
    "portmap.io",
    "playit.gg",
    "pinggy.io",
    "pinggy.link",
    "devtunnels.ms",
    "bore.pub",
    "packetriot.net",
    "telebit.cloud",
];

/// What follows `-R`, `-L` or `-D`, or stands for them, when a tool is told to
/// forward connections.
const FORWARDING_MARKS: &[&str] = &[
    ":127.0.0.1:",
    ":localhost:",
    ":3389",
    ":445",
    ":5985",
    ":22 ",
    " r:",
    ":socks",
    "0.0.0.0:",
];

/// Where programs of Windows and installed ones lie, with and without a drive.
const PROTECTED: &[&str] = &[
    "c:\\windows\\",
    "c:\\program files\\",
    "c:\\program files (x86)\\",
    "\\windows\\",
    "\\program files\\",
    "\\program files (x86)\\",
];

/// Processes that start threads in others as part of their work.
const USUAL_INJECTORS: &[&str] = &[
    "\\csrss.exe",
    "\\wininit.exe",
    "\\winlogon.exe",
    "\\services.exe",
    "\\dwm.exe",
    "\\werfault.exe",
    "\\vboxtray.exe",
    "\\msmpeng.exe",
];

/// Ports that service hosts listen on and connect to as a matter of course.
/// The web's are not among them: a false service host likes them best.
const SERVICE_PORTS: &[u64] = &[
    53, 67, 68, 88, 123, 135, 137, 138, 139, 389, 445, 464, 500, 546, 547, 636, 1900, 3268, 3389,
    3544, 3702, 4500, 5353, 5355, 5357, 5985, 7680,
];

/// All of them. The order is that of the kinds of events.
pub fn subscriptions() -> [Subscription; 7] {
    [
        launches(),
        outbound(),
        inbound(),
        listeners(),
        registry(),
        injections(),
        names(),
    ]
}

fn launches() -> Subscription {
    let path = field::PROCESS_FILE_PATH;
    let line = field::PROCESS_CMD_LINE;
    let is_service = all([
        field::PROCESS_PARENT_PROCESS_FILE_PATH.ends_with(["\\services.exe"]),
        line.contains([" -k "]),
    ]);
    let by_script = field::PROCESS_PARENT_PROCESS_FILE_PATH.ends_with([
        "\\powershell.exe",
        "\\wscript.exe",
        "\\cscript.exe",
        "\\mshta.exe",
        "\\rundll32.exe",
        "\\regsvr32.exe",
        "\\wmiprvse.exe",
        "\\wsmprovhost.exe",
        "\\winword.exe",
        "\\excel.exe",
        "\\outlook.exe",
        "\\w3wp.exe",
    ]);
    Subscription::to(class::PROCESS_LAUNCH)
        .when(any([
            path.ends_with(behind_separator(WATCHED)),
            field::PROCESS_FILE_INTERNAL_NAME.is_one_of(ORIGINAL_NAMES.iter().copied()),
            all([path.ends_with(["\\svchost.exe"]), not(is_service)]),
            all([is_elsewhere(path), by_script]),
            all([
                any([
                    path.ends_with(behind_separator(TUNNEL_CLIENTS)),
                    line.contains(FORWARDING_MARKS.iter().copied()),
                ]),
                line.contains([" -r", " -l", " -d", " r:", "socks"]),
            ]),
        ]))
        .fields(fields![
            field::PROCESS_HANDLE,
            field::PROCESS_FILE_PATH,
            field::PROCESS_FILE_INTERNAL_NAME,
            field::PROCESS_CMD_LINE,
            field::PROCESS_PARENT_PROCESS_HANDLE,
            field::PROCESS_PARENT_PROCESS_FILE_PATH,
        ])
}

fn outbound() -> Subscription {
    let path = field::ACTOR_PROCESS_FILE_PATH;
    let port = field::DST_ENDPOINT_PORT;
    Subscription::to(class::NETWORK_OPEN)
        .when(all([
            field::CONNECTION_INFO_OUTBOUND.equals(1),
            any([
                path.ends_with(behind_separator(WATCHED)),
                path.ends_with(behind_separator(TUNNEL_CLIENTS)),
                is_elsewhere(path),
                all([
                    path.ends_with(["\\svchost.exe"]),
                    not(port.is_one_of(SERVICE_PORTS.iter().copied())),
                ]),
                all([
                    path.ends_with(behind_separator(WEB_SERVERS)),
                    port.is_one_of([22, 23, 3389, 5900, 5985, 5986]),
                ]),
            ]),
        ]))
        .fields(connection_fields())
}

fn inbound() -> Subscription {
    let path = field::ACTOR_PROCESS_FILE_PATH;
    let port = field::DST_ENDPOINT_PORT;
    let is_dynamic = port.in_range(49_152..=65_535);
    let loopback = field::SRC_ENDPOINT_IP.is_one_of(["127.0.0.1", "::1"]);
    let is_desktop = any([port.equals(3389), field::SRC_ENDPOINT_PORT.equals(3389)]);
    Subscription::to(class::NETWORK_OPEN)
        .when(all([
            field::CONNECTION_INFO_OUTBOUND.equals(0),
            any([
                path.ends_with(behind_separator(WATCHED)),
                path.ends_with(behind_separator(TUNNEL_CLIENTS)),
                is_elsewhere(path),
                all([path.ends_with(["\\svchost.exe"]), loopback, is_desktop]),
                all([
                    path.ends_with(["\\svchost.exe"]),
                    not(any([
                        port.is_one_of(SERVICE_PORTS.iter().copied()),
                        is_dynamic,
                    ])),
                ]),
            ]),
        ]))
        .fields(connection_fields())
}

fn listeners() -> Subscription {
    let path = field::ACTOR_PROCESS_FILE_PATH;
    // 5158 is a mere bind, which every outbound connection begins with.
    Subscription::to(class::NETWORK_LISTEN)
        .when(all([
            field::METADATA_EVENT_CODE.equals(5154),
            any([
                path.ends_with(behind_separator(WATCHED)),
                path.ends_with(behind_separator(TUNNEL_CLIENTS)),
                path.ends_with(["\\svchost.exe"]),
                is_elsewhere(path),
            ]),
        ]))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::SRC_ENDPOINT_PORT,
        ])
}

fn registry() -> Subscription {
    Subscription::to(class::REGISTRY_VALUE)
        .when(field::REG_TARGET_PATH.contains(["\\services\\portproxy\\"]))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::REG_TARGET_PATH,
            field::REG_TARGET_DATA,
        ])
}

fn injections() -> Subscription {
    let targets = ["\\svchost.exe", "\\explorer.exe"].map(str::to_owned);
    let targets = targets.into_iter().chain(behind_separator(WATCHED));
    Subscription::to(class::PROCESS_INJECT)
        .when(all([
            field::PROCESS_FILE_PATH.ends_with(targets),
            not(field::ACTOR_PROCESS_FILE_PATH.ends_with(USUAL_INJECTORS.iter().copied())),
        ]))
        .fields(fields![
            field::PROCESS_HANDLE,
            field::PROCESS_FILE_PATH,
            field::ACTOR_PROCESS_FILE_PATH,
            field::START_MODULE,
            field::START_FUNCTION,
        ])
}

fn names() -> Subscription {
    Subscription::to(class::DNS_QUERY)
        .when(field::QUERY_HOSTNAME.ends_with(TUNNEL_SERVICES.iter().copied()))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::QUERY_HOSTNAME,
        ])
}

fn connection_fields() -> [sandtrap_sdk::Field; 7] {
    fields![
        field::ACTOR_PROCESS_HANDLE,
        field::ACTOR_PROCESS_FILE_PATH,
        field::CONNECTION_INFO_OUTBOUND,
        field::SRC_ENDPOINT_IP,
        field::SRC_ENDPOINT_PORT,
        field::DST_ENDPOINT_IP,
        field::DST_ENDPOINT_PORT,
    ]
}

/// A path, as the kernel's own processes have none, that is neither below
/// Windows nor that of an installed program.
fn is_elsewhere(path: sandtrap_sdk::Text) -> Predicate {
    let planted = [
        "\\windows\\temp\\",
        "\\windows\\tasks\\",
        "\\windows\\fonts\\",
    ];
    all([
        path.contains(["\\"]),
        any([
            not(path.starts_with(PROTECTED.iter().copied())),
            path.contains(planted),
        ]),
    ])
}

fn behind_separator(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("\\{name}")).collect()
}
