//! Stage class `bridge`: a process that stands between two sides.

use sandtrap_sdk::{
    Chain, Row, Scope, Site, class, field, signatures,
    windows::{ProcessName, path},
};

use crate::{connection::Connection, program::Kind};

/// Ports through which someone works at another machine, which a web server
/// has no reason to do.
const INTERACTIVE_PORTS: &[u16] = &[22, 23, 3389, 5900, 5985, 5986];

const REMOTE_DESKTOP: u64 = 3389;
const FILE_SHARING: u16 = 445;

/// Adds what a process earns by accepting a connection or by listening.
pub fn add_accepting(row: &Row<'_>, site: &Site, kind: Kind, chain: &mut Chain<'_, '_>) {
    let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
    let name = ProcessName::of(image, "");
    let name = name.file_name();
    if row.class() == class::NETWORK_LISTEN {
        if matches!(kind, Kind::Watched | Kind::TunnelClient) || is_untrusted(row, kind) {
            let port = row.number(field::SRC_ENDPOINT_PORT).unwrap_or_default();
            chain.add(
                "bridge.listening",
                15,
                format!("{name} listens on port {port}"),
            );
        }
        return;
    }
    let ends = [field::SRC_ENDPOINT_IP, field::DST_ENDPOINT_IP].map(|end| row.text(end));
    let ports = [field::SRC_ENDPOINT_PORT, field::DST_ENDPOINT_PORT].map(|end| row.number(end));
    let is_local = ends.iter().all(|ip| site.scope(ip) == Scope::Loopback);
    if kind == Kind::ServiceHost {
        if is_local && ports.contains(&Some(REMOTE_DESKTOP)) {
            let note = "a remote desktop session came from the machine itself, as out of a tunnel";
            chain.add("bridge.remote-desktop", 25, note);
            chain.add(
                "connection.loopback",
                25,
                "its far end is hidden behind the loopback address",
            );
        }
        return;
    }
    // Many programs talk to themselves that way.
    if is_local {
        return;
    }
    let score = match kind {
        Kind::Watched | Kind::TunnelClient => 25,
        _ if is_untrusted(row, kind) => 25,
        Kind::UserWritable if is_of_unknown_signer(row) => 15,
        _ => return,
    };
    let [from, to] = ends;
    let note = format!("{name} accepted a connection ({from} to {to})");
    chain.add("bridge.accepted", score, note);
}

/// Adds what an outbound connection earns by the side it leads to.
pub fn add_crossing(connection: &Connection<'_>, chain: &mut Chain<'_, '_>) {
    let name = connection.name.file_name();
    let (ip, port) = (connection.ip, connection.port);
    match connection.kind {
        Kind::WebServer if INTERACTIVE_PORTS.contains(&port) => {
            let note = format!("the web server {name} connected to {ip}:{port}");
            chain.add("bridge.web-server", 25, note);
        }
        Kind::TunnelClient if connection.scope == Scope::Loopback => {
            let note = format!("{name} leads to port {port} of its own machine");
            chain.add("bridge.loopback", 25, note);
        }
        Kind::Watched | Kind::UserWritable
            if connection.scope == Scope::Loopback && u64::from(port) == REMOTE_DESKTOP =>
        {
            let note = format!("{name} leads to the remote desktop of its own machine");
            chain.add("bridge.loopback", 25, note);
        }
        // Programs that share files or calls among peers have no use for these.
        Kind::UserWritable
            if connection.scope == Scope::Internal
                && (INTERACTIVE_PORTS.contains(&port) || port == FILE_SHARING) =>
        {
            let note = format!("{name} reaches into {ip} through port {port}");
            chain.add("bridge.interactive", 10, note);
        }
        _ => {}
    }
}

/// Whether nothing at all is known of who signed the program.
fn is_of_unknown_signer(row: &Row<'_>) -> bool {
    row.process(field::ACTOR_PROCESS_HANDLE)
        .is_some_and(|process| !signatures::of_process(row, process).is_valid())
}

/// Programs in users' folders accept connections for many good reasons; only
/// those known to carry no valid signature count.
fn is_untrusted(row: &Row<'_>, kind: Kind) -> bool {
    kind == Kind::UserWritable
        && path::is_user_writable(row.text(field::ACTOR_PROCESS_FILE_PATH))
        && row
            .process(field::ACTOR_PROCESS_HANDLE)
            .is_some_and(|process| signatures::of_process(row, process).is_untrustworthy())
}
