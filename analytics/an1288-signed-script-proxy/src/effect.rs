//! What the utility did besides starting programs.

use sandtrap_sdk::{
    Row, Scope, Site, class, field,
    lineage::{self, Process},
    windows::{
        ProcessName, command_line,
        path::{self, Place},
    },
};

use crate::{
    proxy::Proxy,
    stage::{Stage, brief},
    utility::{self, UTILITIES, Utility},
};

/// Ports on which scripts of administrators talk to servers of the site.
const SERVICE_PORTS: &[u64] = &[
    53, 80, 88, 135, 137, 138, 139, 389, 443, 445, 464, 636, 1433, 1521, 3268, 3269, 3306, 5985,
    5986, 8080, 9100,
];
/// From here on Windows hands out ports for remote procedure calls.
const FIRST_DYNAMIC_PORT: u64 = 49152;

/// Rights to write to another process's memory, and to start a thread there.
const VM_OPERATION_AND_WRITE: u64 = 0x0028;
const CREATE_THREAD: u64 = 0x0002;

/// What an event that a utility caused is worth.
pub fn stages(row: &Row<'_>, proxy: &Proxy, site: &Site) -> Vec<Stage> {
    match row.class() {
        class::NETWORK_OPEN => connection(row, proxy, site),
        class::DNS_QUERY => lookup(row, proxy).into_iter().collect(),
        class::MODULE_LOAD => module(row, proxy).into_iter().collect(),
        class::PROCESS_OPEN => access(row, proxy.process).into_iter().collect(),
        class::PROCESS_INJECT => injection(row, proxy.process).into_iter().collect(),
        class::SCRIPT_COMMAND | class::SCRIPT_ENGINE => engine(row).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn connection(row: &Row<'_>, proxy: &Proxy, site: &Site) -> Vec<Stage> {
    let ip = row.text(field::DST_ENDPOINT_IP);
    let port = row.number(field::DST_ENDPOINT_PORT).unwrap_or(0);
    let is_public = match site.scope(ip) {
        Scope::Public => true,
        Scope::Internal | Scope::Private => false,
        _ => return Vec::new(),
    };
    let is_web = matches!(port, 80 | 443);
    let is_build = proxy.utility == Utility::MsBuild;
    // Builds fetch packages.
    if is_build && (is_web || !utility::is_framework_copy(&proxy.image)) {
        return Vec::new();
    }
    let is_service = SERVICE_PORTS.contains(&port) || port >= FIRST_DYNAMIC_PORT;
    let is_ordinary = is_service && !proxy.utility.is_offline();
    let is_script_at_home = !is_public && is_ordinary && proxy.utility == Utility::ScriptHost;
    if is_script_at_home {
        return Vec::new();
    }
    let (score, whose) = if is_public {
        (20, "the public address")
    } else {
        (15, "the internal address")
    };
    let note = format!("connected to {whose} {ip} port {port}");
    let mut stages = vec![Stage::new("effect.connection", score, note)];
    let is_odd = if is_public || proxy.utility.is_offline() {
        !is_web
    } else {
        !is_service
    };
    if is_odd {
        let note = format!("used port {port}, which is unusual for it");
        stages.push(Stage::new("effect.odd-port", 15, note));
    }
    stages
}

/// Scripts look names up all the time; the other tools have no reason to.
fn lookup(row: &Row<'_>, proxy: &Proxy) -> Option<Stage> {
    let name = row.text(field::QUERY_HOSTNAME);
    (proxy.utility.is_offline() && name.contains('.')).then(|| {
        let note = format!("looked up {}", brief(name));
        Stage::new("effect.lookup", 10, note)
    })
}

fn module(row: &Row<'_>, proxy: &Proxy) -> Option<Stage> {
    let module = row.text(field::MODULE_FILE_PATH);
    let name = path::file_name(module).to_ascii_lowercase();
    if name.starts_with("system.management.automation.") {
        let note = "loaded the engine of PowerShell";
        return Some(Stage::new("effect.powershell-engine", 20, note));
    }
    let is_runtime = matches!(name.as_str(), "clr.dll" | "mscorwks.dll" | "coreclr.dll");
    if is_runtime && matches!(proxy.utility, Utility::ScriptHost | Utility::Regsvr32) {
        let note = format!("loaded the .NET runtime, {name}");
        return Some(Stage::new("effect.dotnet-runtime", 25, note));
    }
    let is_script_engine = matches!(
        name.as_str(),
        "scrobj.dll" | "jscript.dll" | "jscript9.dll" | "vbscript.dll"
    );
    if is_script_engine && proxy.utility != Utility::ScriptHost {
        let note = format!("loaded an engine for scripts, {name}");
        return Some(Stage::new("effect.script-engine", 15, note));
    }
    unsigned_module(row, proxy, module)
}

fn unsigned_module(row: &Row<'_>, proxy: &Proxy, module: &str) -> Option<Stage> {
    let is_unsigned = row.truth(field::MODULE_FILE_SIGNATURE_SIGNED) == Some(false);
    let is_itself = path::is_same_file(module, &proxy.image);
    // Builds load what they have just made.
    if !is_unsigned
        || is_itself
        || path::is_native_image(module)
        || proxy.utility == Utility::MsBuild
    {
        return None;
    }
    let is_open = matches!(
        path::place(module),
        Place::UserWritable | Place::Removable | Place::Network
    );
    let is_script = proxy.utility == Utility::ScriptHost;
    let score = match (is_open, is_script) {
        (true, _) => 20,
        (false, false) => 10,
        (false, true) => return None,
    };
    let note = format!("loaded a module without a signature: {}", brief(module));
    Some(Stage::new("effect.unsigned-module", score, note))
}

fn access(row: &Row<'_>, actor: Process) -> Option<Stage> {
    let target = row.text(field::PROCESS_FILE_PATH);
    let shown = path::file_name(target);
    if shown.eq_ignore_ascii_case("lsass.exe") {
        return Some(Stage::new("effect.lsass", 30, "opened lsass.exe"));
    }
    let rights = row.number(field::ACTUAL_PERMISSIONS).unwrap_or(0);
    let may_write = rights & VM_OPERATION_AND_WRITE == VM_OPERATION_AND_WRITE;
    let can_inject = may_write && rights & CREATE_THREAD != 0;
    // Who creates a process holds every right to it.
    (can_inject && !is_own(row, actor)).then(|| {
        let note = format!("opened {shown} with the right to run code in it");
        Stage::new("effect.process-access", 15, note)
    })
}

fn injection(row: &Row<'_>, actor: Process) -> Option<Stage> {
    let shown = path::file_name(row.text(field::PROCESS_FILE_PATH));
    (!is_own(row, actor)).then(|| {
        let note = format!("started a thread in {shown}");
        Stage::new("effect.injection", 25, note)
    })
}

/// Whether the process that was opened is the actor itself or its child, or not known.
fn is_own(row: &Row<'_>, actor: Process) -> bool {
    let Some(target) = row.process(field::PROCESS_HANDLE) else {
        return true;
    };
    let parent = lineage::process(row, target).and_then(|info| info.parent);
    target == actor || parent.is_none_or(|parent| parent == actor)
}

/// A PowerShell engine whose host is one of the utilities.
fn engine(row: &Row<'_>) -> Option<Stage> {
    let host = row.text(field::SCRIPT_HOST_APPLICATION);
    let name = ProcessName::of(command_line::executable(host), "");
    name.is_any(UTILITIES).then(|| {
        let note = format!("hosted an engine of PowerShell: {}", brief(host));
        Stage::new("effect.powershell-engine", 20, note)
    })
}
