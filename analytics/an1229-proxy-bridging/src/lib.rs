//! AN1229: a suspicious start, then a connection to an internal peer or a rare
//! port; and processes that bridge two sides.
//!
//! Whoever controls one machine of a network uses it to reach the others:
//! traffic is passed through a process that does not look like a proxy. Two
//! things give it away together, neither of them alone:
//!
//! - the process was started in a suspicious way (`spawn`): by a parent that
//!   rarely starts programs that use the network, hidden, with encoded code,
//!   as an empty `rundll32`, as a service host that is none;
//! - it connects to where it never does (`connection`): an internal machine or
//!   an external address that is new for the program, a port that is unusual
//!   for it, a port of a proxy.
//!
//! Bridging (`bridge`) takes the place of the suspicious start: the process
//! accepts connections and opens others, leads to the remote desktop of its
//! own machine, or is a web server that works at other machines. Windows' own
//! port forwarding is followed from the command through the registry to the
//! listener.
//!
//! Strategy DET0445, technique T1090 Proxy (with T1090.001 Internal Proxy and
//! T1571 Non-Standard Port as neighbours).
//!
//! Known false positives: software distribution that runs hidden, encoded
//! scripts against servers on unusual ports; developers' forwarding rules for
//! WSL or Docker to administration ports; bastion hosts; vendors' modules that
//! `rundll32` loads from `ProgramData`. Baselines learn most of them.
//!
//! ATT&CK(R) facts: (c) The MITRE Corporation, reproduced and distributed with
//! permission.

mod arguments;
mod bridge;
mod connection;
mod forwarding;
mod known;
mod port_proxy;
mod program;
mod report;
mod settings;
mod spawn;
mod tunnel;
mod wanted;

use sandtrap_sdk::{
    Analytic, Caps, Chain, Description, Findings, Row, Severity, Site, Tally, class, field,
    lineage::{self, Process},
    windows::ProcessName,
};

use connection::Connection;
use program::Kind;
pub use settings::Settings;

/// The least that each side of a chain must bring.
const LEAST: i32 = 15;

/// What a bridge, and the connections through it, must bring where nothing is
/// known of the start.
const BRIDGE_LEAST: i32 = 25;

/// From where on a chain is severe.
const SEVERE: i32 = 70;

/// The analytic.
pub struct ProxyBridging {
    settings: Settings,
    site: Site,
    caps: Caps,
}

impl Analytic for ProxyBridging {
    type Settings = Settings;

    fn description() -> Description {
        let description = Description::new(
            "AN1229",
            "Suspicious spawn, then proxy connection or bridging",
            env!("CARGO_PKG_VERSION"),
        )
        .summary(
            "Suspicious process spawning (such as rundll32, svchost, powershell or netsh) followed \
             by connections to internal hosts or uncommon external endpoints on high or \
             non-standard ports, and processes that bridge traffic.",
        )
        .strategy(
            "DET0445",
            "Detection of Proxy Infrastructure Setup and Traffic Bridging",
        )
        .technique("T1090", "Proxy")
        .tactics(["command-and-control"])
        .platforms(["Windows"])
        .log_source(
            "DC0082",
            "Network Connection Creation",
            "WinEventLog:Sysmon",
            "EventCode=3, 22",
        )
        .log_source(
            "DC0032",
            "Process Creation",
            "WinEventLog:Sysmon",
            "EventCode=1",
        )
        .log_source(
            "DC0078",
            "Network Traffic Flow",
            "NSM:Connections",
            "Outbound Connection",
        )
        .input(
            class::PROCESS_LAUNCH,
            "how a process was started is unknown; only bridging is seen",
        )
        .input(
            class::NETWORK_OPEN,
            "connections are unseen; only port forwarding rules are found",
        )
        .input(
            class::REGISTRY_VALUE,
            "forwarding rules that were not made by netsh are missed",
        )
        .input(
            class::MODULE_LOAD,
            "signatures are unknown, so unsigned programs are not told apart",
        )
        .input(
            class::PROCESS_INJECT,
            "programs that were taken over while running are missed",
        )
        .site_input(
            "internal_networks",
            "every private address counts as internal",
        )
        .site_input(
            "approved_deployment_paths",
            "hidden and encoded commands of deployment agents count",
        );
        let description = settings::describe(description);
        wanted::subscriptions()
            .into_iter()
            .fold(description, Description::subscribe)
    }

    fn new(settings: Settings, site: Site) -> Result<Self, String> {
        let caps = Caps::new([
            ("spawn", 40),
            ("connection", 40),
            ("bridge", 30),
            ("target", 15),
        ]);
        Ok(Self {
            settings: settings.validated()?,
            site,
            caps,
        })
    }

    fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
        match row.class() {
            class::PROCESS_LAUNCH => {
                self.launched(row, findings);
                if port_proxy::is_netsh(row) {
                    self.configured(row, findings);
                }
            }
            class::NETWORK_OPEN if row.truth(field::CONNECTION_INFO_OUTBOUND) == Some(true) => {
                self.connected(row, findings);
            }
            class::NETWORK_OPEN | class::NETWORK_LISTEN => {
                self.accepted(row, findings);
                self.forwarding_used(row, findings);
            }
            class::REGISTRY_VALUE => self.forwarding_written(row, findings),
            class::PROCESS_INJECT => self.injected(row, findings),
            class::DNS_QUERY => self.looked_up(row, findings),
            _ => {}
        }
    }
}

impl ProxyBridging {
    fn launched(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::PROCESS_HANDLE) else {
            return;
        };
        let mut chain = Chain::on(row, process, self.settings.spawn_lifetime());
        spawn::add_stages(row, &self.settings, &self.site, &mut chain);
        self.settle(row, process, chain, findings);
    }

    fn connected(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
        let known = lineage::process(row, process);
        let original = known
            .as_ref()
            .map_or("", |known| known.original_file_name.as_str());
        let name = ProcessName::of(image, original);
        let kind = Kind::of(&name, image);
        let connection = Connection::of(row, &self.site, &name, kind, known.as_ref());
        let Some(connection) = connection else { return };
        let mut chain = Chain::on(row, process, self.settings.connection_lifetime());
        // These talk to the web all day; only one that was started oddly matters.
        let is_busy = matches!(kind, Kind::ServiceHost | Kind::UserWritable | Kind::Other);
        if is_busy
            && program::is_usual_port(kind, &name, connection.port)
            && chain.recall(&self.caps).stages().is_empty()
        {
            return;
        }
        connection.add_stages(row, &self.settings, &mut chain);
        bridge::add_crossing(&connection, &mut chain);
        self.settle(row, process, chain, findings);
    }

    fn accepted(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
        let kind = Kind::of(&ProcessName::of(image, ""), image);
        let mut chain = Chain::on(row, process, self.settings.connection_lifetime());
        bridge::add_accepting(row, &self.site, kind, &mut chain);
        self.settle(row, process, chain, findings);
    }

    /// Another process started a thread in one that is watched; from no module
    /// at all, if the code was written there first.
    fn injected(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::PROCESS_HANDLE) else {
            return;
        };
        let module = row.text(field::START_MODULE);
        let is_unbacked = matches!(module, "" | "-");
        let is_loader = row
            .text(field::START_FUNCTION)
            .to_ascii_lowercase()
            .starts_with("loadlibrary");
        if !is_unbacked && !is_loader {
            return;
        }
        let source = row.text(field::ACTOR_PROCESS_FILE_PATH);
        let target = ProcessName::of(row.text(field::PROCESS_FILE_PATH), "");
        let mut chain = Chain::on(row, process, self.settings.spawn_lifetime());
        let note = format!("{source} started a thread in {}", target.file_name());
        chain.add("spawn.injected", 25, note);
        self.settle(row, process, chain, findings);
    }

    fn looked_up(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let host = row.text(field::QUERY_HOSTNAME);
        let mut chain = Chain::on(row, process, self.settings.connection_lifetime());
        let note = format!("looked up {host}, a service that carries tunnels");
        chain.add("connection.tunnel-service", 20, note);
        self.settle(row, process, chain, findings);
    }

    /// Judges the chain of a process: a start and a connection, or a bridge.
    fn settle(
        &self,
        row: &Row<'_>,
        process: Process,
        chain: Chain<'_, '_>,
        findings: &mut Findings,
    ) {
        let verdict = chain.settle(&self.caps, |tally| self.judge(tally));
        if let Some(verdict) = verdict {
            findings.report(report::process(row, process, verdict));
        }
    }

    fn judge(&self, tally: &Tally) -> Option<Severity> {
        let [spawn, connection, bridge] =
            ["spawn", "connection", "bridge"].map(|class| tally.score_of(class));
        let is_chain =
            spawn >= LEAST && connection >= LEAST && tally.score() >= self.settings.threshold;
        let is_bridge = bridge >= BRIDGE_LEAST && connection >= BRIDGE_LEAST;
        if !is_chain && !is_bridge {
            return None;
        }
        let is_severe = tally.score() >= SEVERE && is_chain;
        Some(if is_severe {
            Severity::High
        } else {
            Severity::Medium
        })
    }
}

sandtrap_sdk::export_analytic!(ProxyBridging);

#[cfg(test)]
mod tests;
