//! Stage class `egress`: a connection outwards by a process that is not
//! allowed to make encrypted ones.

use std::{net::IpAddr, time::Duration};

use sandtrap_sdk::{
    Chain, Row, Scope, Site, baselines, field,
    lineage::{Process, ProcessInfo},
    signatures,
    windows::{Invocation, ProcessName, process_name::POWERSHELL_HOSTS},
};

use crate::{settings::Tuning, wanted::is_interpreter};

/// What was first seen within a day is news still.
const NEWS: Duration = Duration::from_secs(24 * 60 * 60);

/// From how many devices on a destination is usual on all.
const MANY_DEVICES: u32 = 5;

/// The port on which encrypted traffic is expected.
const TLS: u64 = 443;

/// Adds the stages that a connection earns, if it leads outwards and the
/// program is not allowed to.
pub fn add_stages(
    row: &Row<'_>,
    site: &Site,
    tuning: &Tuning,
    (process, known): (Process, Option<&ProcessInfo>),
    chain: &mut Chain<'_, '_>,
) {
    let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
    let original = known.map_or("", |known| known.original_file_name.as_str());
    let name = ProcessName::of(image, original);
    let ip = row.text(field::DST_ENDPOINT_IP);
    let Some(port) = row.number(field::DST_ENDPOINT_PORT) else {
        return;
    };
    let place = match site.scope(ip) {
        Scope::Public => "the external address",
        Scope::Private => "a private address outside of the site",
        // Only the operator can say that an address is not outside.
        Scope::Internal if !site.is_configured("internal_networks") => "the private address",
        _ => return,
    };
    if ip == row.text(field::SRC_ENDPOINT_IP) || tuning.is_allowed(row, process, image) {
        return;
    }
    let is_private = place == "the private address";
    let file_name = name.file_name();
    let score = match is_interpreter(&name) {
        true if is_private => 10,
        true => 15,
        false if signatures::of_process(row, process).is_untrustworthy() => 15,
        false => 5,
    };
    let note = format!("{file_name} connected to {place} {ip}:{port}");
    chain.add("egress.program", score, note);

    let key = format!("{file_name} {}", network(ip));
    if !is_usual(row, &key, tuning) {
        chain.add(
            "egress.destination",
            15,
            format!("{ip} is new for {file_name}"),
        );
    }
    // Refusals are counted by the host.
    let _ = baselines::observe(row, &[("destinations", &key)]);

    if port != TLS {
        chain.add("egress.port", 10, format!("port {port} is none of TLS"));
    }
    if is_named_by_address(&name, known, ip) {
        let note = format!("{ip} stands as an address on the command line of {file_name}");
        chain.add("egress.address", 10, note);
    }
    if tuning.is_outside_window(row.time()) {
        chain.add(
            "volume.hours",
            5,
            "the connection was made outside of the hours for transfers",
        );
    }
}

/// Whether a baseline that has been learning for long enough knows the
/// destination, from here or from many devices.
fn is_usual(row: &Row<'_>, key: &str, tuning: &Tuning) -> bool {
    let statistics = baselines::lookup_one(row, "destinations", key);
    let is_old = |first_seen: Option<i64>| {
        first_seen.is_some_and(|first| {
            let since = row.time().saturating_sub(first);
            u64::try_from(since).is_ok_and(|since| Duration::from_millis(since) >= NEWS)
        })
    };
    let (device, fleet) = (&statistics.device, &statistics.fleet);
    let on_device = device.learning_for(row) >= tuning.baseline_age && is_old(device.first_seen);
    let in_fleet = fleet.learning_for(row) >= tuning.baseline_age
        && is_old(fleet.first_seen)
        && statistics.devices >= MANY_DEVICES;
    on_device || in_fleet
}

/// Services move about in their network.
fn network(ip: &str) -> String {
    match (ip.parse::<IpAddr>(), ip.rsplit_once('.')) {
        (Ok(IpAddr::V4(_)), Some((network, _))) => format!("{network}.0/24"),
        _ => ip.to_owned(),
    }
}

/// Whether the command line, or what is encoded in it, holds the address.
fn is_named_by_address(name: &ProcessName, known: Option<&ProcessInfo>, ip: &str) -> bool {
    let Some(known) = known else { return false };
    let line = known.command_line.as_str();
    if line.contains(ip) {
        return true;
    }
    name.is_any(POWERSHELL_HOSTS)
        && Invocation::parse(line)
            .script()
            .is_some_and(|script| script.contains(ip))
}
