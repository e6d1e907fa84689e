//! Stage class `effect`: what a script led to.

use sandtrap_sdk::{
    Row, Site, field, signatures,
    site::Scope,
    windows::{ProcessName, path},
};

use crate::{found::Found, tree::short};

/// Ports of controllers: S7 and IEC 61850, Modbus, IEC 60870-5-104, DNP3,
/// EtherNet/IP and OPC UA.
pub const CONTROLLER_PORTS: &[u64] = &[102, 502, 2404, 20_000, 44_818, 4_840];

/// Ports on which every domain member talks to its servers.
const DIRECTORY_PORTS: &[u64] = &[53, 88, 123, 135, 139, 389, 445, 464, 636, 3268, 3269];

/// Programs that scripts start to fetch, to hide, to persist or to destroy.
const TOOLS: &[&str] = &[
    "bitsadmin.exe",
    "certutil.exe",
    "mshta.exe",
    "regsvr32.exe",
    "rundll32.exe",
    "schtasks.exe",
    "vssadmin.exe",
    "wbadmin.exe",
    "wevtutil.exe",
    "bcdedit.exe",
    "installutil.exe",
    "msbuild.exe",
    "regasm.exe",
    "wmic.exe",
];

/// What a child's launch says of the script behind it.
pub fn child(row: &Row<'_>, image: &str, name: &ProcessName, handle: u64) -> Option<Found> {
    let signature = signatures::of_process(row, handle);
    if signature.is_untrustworthy() {
        return Some(unsigned(image));
    }
    if path::is_user_writable(image) && !signature.is_valid() {
        let text = format!(
            "starts {image}, which lies where any user can write and whose signature is unknown"
        );
        return Some(Found::new("effect.odd-child", 15, text));
    }
    let text = || format!("starts {}", name.file_name());
    name.is_any(TOOLS)
        .then(|| Found::new("effect.tool", 10, text()))
}

/// A program that turned out to be unsigned.
pub fn unsigned(image: &str) -> Found {
    let text = format!("starts {image}, which is not signed");
    Found::new("effect.odd-child", 20, text)
}

/// What a connection says of the process that opened it.
pub fn connection(row: &Row<'_>, site: &Site, is_script_host: bool) -> Option<Found> {
    let ip = row.text(field::DST_ENDPOINT_IP);
    let port = row.number(field::DST_ENDPOINT_PORT)?;
    let image = short(row.text(field::ACTOR_PROCESS_FILE_PATH));
    let scope = site.scope(ip);
    if matches!(scope, Scope::Loopback | Scope::Multicast | Scope::Invalid) {
        return None;
    }
    let is_inside = matches!(scope, Scope::Internal | Scope::LinkLocal | Scope::Private);
    if is_inside && CONTROLLER_PORTS.contains(&port) {
        let text = format!("{image} connects to {ip}:{port}, a controller's port");
        return Some(Found::new("effect.controller", 20, text));
    }
    if is_inside && DIRECTORY_PORTS.contains(&port) {
        return None;
    }
    // Script hosts hardly ever talk to the outside; PowerShell often does.
    let score = match (is_script_host, scope == Scope::Internal) {
        (true, false) => 30,
        (true, true) => 15,
        (false, _) => 10,
    };
    Some(Found::new(
        "effect.connection",
        score,
        format!("{image} connects to {ip}:{port}"),
    ))
}
