//! What a PowerShell goes on to do. Everyday on its own; with an odd start it is
//! what makes the chain dangerous.

use sandtrap_sdk::{
    Row, Scope, baselines, field,
    lineage::Process,
    windows::{
        ProcessName,
        path::{self, is_user_writable},
        process_name::{LOLBINS, SCRIPT_HOSTS, SHELLS},
    },
};

use crate::{settings::Policy, stage::Stage};

/// Ports every Windows client talks to.
const USUAL_PORTS: &[u64] = &[
    53, 80, 88, 123, 135, 389, 443, 445, 464, 593, 636, 3268, 3269, 3389, 5985, 5986, 8530, 8531,
    9389,
];

/// Programs that tell an intruder where he is.
pub(crate) const DISCOVERY: &[&str] = &[
    "whoami.exe",
    "net.exe",
    "net1.exe",
    "ipconfig.exe",
    "systeminfo.exe",
    "nltest.exe",
    "tasklist.exe",
    "quser.exe",
    "query.exe",
    "qwinsta.exe",
    "arp.exe",
    "route.exe",
    "hostname.exe",
    "netstat.exe",
    "nslookup.exe",
    "dsquery.exe",
    "appcmd.exe",
    "cmdkey.exe",
    "vaultcmd.exe",
    "klist.exe",
    "setspn.exe",
    "gpresult.exe",
    "adfind.exe",
];

/// Programs that PowerShell starts for its own purposes.
const HELPERS: &[&str] = &[
    "conhost.exe",
    "csc.exe",
    "cvtres.exe",
    "werfault.exe",
    "chcp.com",
    "mode.com",
    "openconsole.exe",
];

/// The stage of an outbound connection.
pub(crate) fn of_connection(row: &Row<'_>, policy: &Policy) -> Option<Stage> {
    let ip = row.text(field::DST_ENDPOINT_IP);
    let port = row.number(field::DST_ENDPOINT_PORT);
    let scope = policy.site.scope(ip);
    let mut score = match scope {
        Scope::Public | Scope::Private => 15,
        Scope::Internal => 10,
        _ => return None,
    };
    let mut odd = Vec::new();
    // Internally, RPC takes any high port.
    let is_rpc = scope == Scope::Internal && port.is_some_and(|port| port >= 49_152);
    if port.is_some_and(|port| !USUAL_PORTS.contains(&port)) && !is_rpc {
        score += 5;
        odd.push("an unusual port");
    }
    if is_never_seen(row, ip, policy) {
        score += 5;
        odd.push("a destination nobody used before");
    }
    let host = row.text(field::DST_ENDPOINT_HOSTNAME);
    let named = if host.is_empty() {
        String::new()
    } else {
        format!(" ({host})")
    };
    let port = port.map_or(String::new(), |port| format!(" port {port}"));
    let why = if odd.is_empty() {
        String::new()
    } else {
        format!(", {}", odd.join(" and "))
    };
    let note = format!("connected to {ip}{port}{named}{why}");
    Some(Stage::new("effect.connection", score, note))
}

/// Whether no PowerShell of the fleet connected there, as far as anyone learnt.
fn is_never_seen(row: &Row<'_>, ip: &str, policy: &Policy) -> bool {
    let known = baselines::lookup_one(row, "destination", ip);
    let _ = baselines::observe(row, &[("destination", ip)]);
    known.fleet.learning_for(row) >= policy.maturity && known.fleet.count == 0
}

/// The stage of a name that was looked up: the next best thing where connections
/// are not recorded.
pub(crate) fn of_lookup(row: &Row<'_>) -> Option<Stage> {
    let name = row.text(field::QUERY_HOSTNAME);
    // A bare name is looked up by everything that touches the domain.
    name.trim_end_matches('.')
        .contains('.')
        .then(|| Stage::new("effect.lookup", 5, format!("looked up {name}")))
}

/// The stage a child earns its parent.
pub(crate) fn of_child(row: &Row<'_>) -> Option<Stage> {
    let image = row.text(field::PROCESS_FILE_PATH);
    let name = ProcessName::of(image, row.text(field::PROCESS_FILE_INTERNAL_NAME));
    if image.is_empty() || name.is_any(HELPERS) {
        return None;
    }
    let (score, kind) = if is_user_writable(image) {
        (15, " from a user-writable place")
    } else if name.is_any(SCRIPT_HOSTS) || name.is_any(LOLBINS) {
        (15, "")
    } else if name.is_any(DISCOVERY) || name.is_any(SHELLS) {
        (10, "")
    } else {
        (5, "")
    };
    let line = crate::invocation::excerpt(row.text(field::PROCESS_CMD_LINE), 160);
    let line = if line.is_empty() {
        String::new()
    } else {
        format!(": {line}")
    };
    let note = format!("started {}{kind}{line}", path::file_name(image));
    Some(Stage::new("effect.child", score, note))
}

/// The stage of a program or script that was written.
pub(crate) fn of_file(row: &Row<'_>) -> Option<Stage> {
    let file = row.text(field::FILE_PATH);
    is_user_writable(file).then(|| Stage::new("effect.drop", 5, format!("wrote {file}")))
}

/// Whether effects are worth remembering before anything odd is known of a process:
/// the engine may be loaded long after the first connection.
pub(crate) fn may_turn_out(image: &str, process: Option<Process>) -> bool {
    process.is_some()
        && (is_user_writable(image) || crate::engine::is_powershell(&ProcessName::of(image, "")))
}
