//! Stage class `connection`: what is unusual about where a process connects.

use std::net::IpAddr;

use sandtrap_sdk::{
    Chain, Row, Scope, Site, baselines, field,
    lineage::ProcessInfo,
    windows::{Invocation, ProcessName, process_name},
};

use crate::{
    known,
    program::{ADMINISTRATION_PORTS, Kind, is_usual_port},
    settings::Settings,
};

/// A connection that a process opened.
pub struct Connection<'a> {
    /// Who connects.
    pub name: &'a ProcessName,
    /// What kind of program that is.
    pub kind: Kind,
    /// What lineage knows of it.
    pub process: Option<&'a ProcessInfo>,
    /// The other end.
    pub ip: &'a str,
    /// Its port.
    pub port: u16,
    /// Where it lies.
    pub scope: Scope,
}

impl<'a> Connection<'a> {
    /// The connection of a row, if it leads anywhere that counts: to another
    /// machine, or to this one's own administration.
    pub fn of(
        row: &'a Row<'_>,
        site: &Site,
        name: &'a ProcessName,
        kind: Kind,
        process: Option<&'a ProcessInfo>,
    ) -> Option<Self> {
        let ip = row.text(field::DST_ENDPOINT_IP);
        let port = row
            .number(field::DST_ENDPOINT_PORT)
            .and_then(|port| u16::try_from(port).ok())?;
        let scope = match site.scope(ip) {
            // Cloud metadata services answer there; peers have proper addresses.
            Scope::LinkLocal if ip.contains('.') => return None,
            Scope::LinkLocal => Scope::Internal,
            scope => scope,
        };
        let is_self = ip == row.text(field::SRC_ENDPOINT_IP);
        match scope {
            Scope::Multicast | Scope::Invalid => None,
            Scope::Loopback if !ADMINISTRATION_PORTS.contains(&port) => None,
            Scope::Internal | Scope::Private | Scope::Public | Scope::LinkLocal if is_self => None,
            _ => Some(Self {
                name,
                kind,
                process,
                ip,
                port,
                scope,
            }),
        }
    }

    /// Adds the stages it earns, and remembers the destination.
    pub fn add_stages(&self, row: &Row<'_>, settings: &Settings, chain: &mut Chain<'_, '_>) {
        let name = self.name.file_name();
        let (ip, port) = (self.ip, self.port);
        if self.scope == Scope::Loopback {
            let note = format!("{name} connected to port {port} of its own machine");
            chain.add("connection.loopback", 15, note);
            return;
        }
        let key = format!("{name} {}", neighbourhood(ip, self.scope));
        if !known::is_usual(row, "destinations", &key, settings) {
            let (stage, place) = match self.scope {
                Scope::Internal => ("connection.internal", "the internal machine"),
                Scope::Private => (
                    "connection.external",
                    "a private address outside of the site",
                ),
                _ => ("connection.external", "the external address"),
            };
            let note = format!("{name} connected to {place} {ip}:{port}, which is new for it");
            chain.add(stage, 20, note);
        }
        // Refusals are counted by the host.
        let _ = baselines::observe(row, &[("destinations", &key), ("connections", name)]);

        if !is_usual_port(self.kind, self.name, port) {
            let note = format!("port {port} of {ip} is unusual for {name}");
            chain.add("connection.port", 15, note);
        }
        if settings.destination_port.contains(&port) {
            chain.add(
                "connection.proxy-port",
                10,
                format!("port {port} of {ip} is one of a proxy"),
            );
        }
        if self.is_named_by_address() {
            let note = format!("{ip} stands as an address on the command line of {name}");
            chain.add("connection.address", 10, note);
        }
        self.add_burst(row, settings, chain);
    }

    /// Many connections in a short time, against the program's own past on the
    /// device where there is one.
    fn add_burst(&self, row: &Row<'_>, settings: &Settings, chain: &mut Chain<'_, '_>) {
        let name = self.name.file_name();
        let minutes = settings.burst_minutes();
        let rate = baselines::rate(row, "connections", name, minutes);
        let is_spike = rate.windows == 0 || rate.excess() >= 3.0;
        if rate.current >= settings.burst_connections && is_spike {
            let note = format!(
                "{name} opened {} connections within {minutes} min",
                rate.current
            );
            chain.add("bridge.burst", 15, note);
        }
    }

    /// Whether the command line, or what is encoded in it, holds the address.
    fn is_named_by_address(&self) -> bool {
        let Some(process) = self.process else {
            return false;
        };
        let line = process.command_line.as_str();
        if contains_address(line, self.ip) {
            return true;
        }
        self.name.is_any(process_name::POWERSHELL_HOSTS)
            && Invocation::parse(line)
                .script()
                .is_some_and(|text| contains_address(text, self.ip))
    }
}

/// Internal machines one by one, others by their network: services move about
/// in theirs.
fn neighbourhood(ip: &str, scope: Scope) -> String {
    let network = match ip.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) if scope == Scope::Public => ip.rsplit_once('.').map(|(head, _)| head),
        _ => None,
    };
    network.map_or_else(|| ip.to_owned(), |network| format!("{network}.0/24"))
}

/// Whether the text holds the address and not a longer one.
fn contains_address(text: &str, ip: &str) -> bool {
    !ip.is_empty()
        && text.match_indices(ip).any(|(at, _)| {
            let is_inner =
                |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
            let bytes = text.as_bytes();
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            !is_inner(before) && !bytes.get(at + ip.len()).is_some_and(u8::is_ascii_digit)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_whole() {
        assert!(contains_address("http://10.0.0.1:80/", "10.0.0.1"));
        assert!(!contains_address("http://10.0.0.12/", "10.0.0.1"));
        assert!(!contains_address("110.0.0.1", "10.0.0.1"));
        assert!(!contains_address("x", ""));
    }

    #[test]
    fn public_destinations_count_by_network() {
        assert_eq!(
            neighbourhood("198.51.100.7", Scope::Public),
            "198.51.100.0/24"
        );
        assert_eq!(neighbourhood("10.0.0.7", Scope::Internal), "10.0.0.7");
        assert_eq!(neighbourhood("2001:db8::1", Scope::Public), "2001:db8::1");
    }
}
