//! The chain of a forwarding rule: command, registry, listener.

use std::time::Duration;

use sandtrap_sdk::{Chain, Findings, Row, Severity, Unsigned, class, field, windows::ProcessName};

use crate::{
    ProxyBridging,
    port_proxy::{self, Forwarding},
    report,
};

/// How long a forwarding rule is remembered: it outlives the process that made
/// it.
const FORWARDING_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

impl ProxyBridging {
    /// `netsh` was told to forward a port or to let a program in.
    pub(crate) fn configured(&self, row: &Row<'_>, findings: &mut Findings) {
        let line = row.text(field::PROCESS_CMD_LINE);
        if let Some(forwarding) = Forwarding::of_command(line) {
            let mut chain = Chain::on(row, forwarding.subject(), FORWARDING_LIFETIME);
            let note = format!("netsh was told to forward {}", forwarding.describe());
            chain.add("command.port-proxy", 25, note);
            forwarding.add_target(&self.site, &mut chain);
            self.settle_forwarding(row, field::PROCESS_HANDLE, chain, findings);
        } else if let Some(program) = port_proxy::allowed_program(line)
            && let Some(parent) = row.process(field::PROCESS_PARENT_PROCESS_HANDLE)
        {
            let mut chain = Chain::on(row, parent, self.settings.spawn_lifetime());
            let note =
                format!("let {program} through the firewall, which lies where users can write");
            chain.add("spawn.firewall", 15, note);
            self.settle(row, parent, chain, findings);
        }
    }

    pub(crate) fn forwarding_written(&self, row: &Row<'_>, findings: &mut Findings) {
        let path = row.text(field::REG_TARGET_PATH);
        let Some(forwarding) = Forwarding::of_registry(path, row.text(field::REG_TARGET_DATA))
        else {
            return;
        };
        let mut chain = Chain::on(row, forwarding.subject(), FORWARDING_LIFETIME);
        let writer = ProcessName::of(row.text(field::ACTOR_PROCESS_FILE_PATH), "");
        // `netsh` works through the service that owns the key, or writes it itself.
        let is_usual = writer.is_any(&["netsh.exe", "svchost.exe"]);
        let note = format!(
            "{} wrote the rule that forwards {}",
            writer.file_name(),
            forwarding.describe()
        );
        chain.add("registry.port-proxy", if is_usual { 20 } else { 40 }, note);
        forwarding.add_target(&self.site, &mut chain);
        self.settle_forwarding(row, field::ACTOR_PROCESS_HANDLE, chain, findings);
    }

    /// The service that forwards listens on the port of a rule, or was
    /// connected to there.
    pub(crate) fn forwarding_used(&self, row: &Row<'_>, findings: &mut Findings) {
        let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
        if !ProcessName::of(image, "").is("svchost.exe") {
            return;
        }
        let port = match row.class() {
            class::NETWORK_LISTEN => row.number(field::SRC_ENDPOINT_PORT),
            _ => row.number(field::DST_ENDPOINT_PORT),
        };
        let Some(port) = port else { return };
        let subject = port_proxy::subject_of_port(&port.to_string());
        let mut chain = Chain::on(row, subject, FORWARDING_LIFETIME);
        // A listener may be reported before the rule; a connection comes later.
        if row.class() == class::NETWORK_OPEN && chain.recall(&self.caps).stages().is_empty() {
            return;
        }
        chain.add(
            "bridge.port-proxy",
            25,
            format!("the forwarding on port {port} is in use"),
        );
        self.settle_forwarding(row, field::ACTOR_PROCESS_HANDLE, chain, findings);
    }

    /// Judges the chain of a forwarding: two of command, registry and listener,
    /// and where it leads. One of them is enough for a rule that leads out or to
    /// the administration of another machine, which developers' rules do not.
    fn settle_forwarding(
        &self,
        row: &Row<'_>,
        handle: Unsigned,
        chain: Chain<'_, '_>,
        findings: &mut Findings,
    ) {
        let verdict = chain.settle(&self.caps, |tally| {
            let seen = ["command", "registry", "bridge"].map(|class| tally.has(class));
            let sides = seen.into_iter().filter(|seen| *seen).count();
            let is_written_by_hand = tally.score_of("registry") >= 40;
            let is_enough = sides >= 2 || is_written_by_hand;
            let leads_on = tally.has("target.external")
                || (tally.has("target.administration") && !tally.has("target.loopback"));
            let is_reported = (is_enough && tally.score() >= self.settings.threshold) || leads_on;
            is_reported.then_some(if sides == 3 {
                Severity::High
            } else {
                Severity::Medium
            })
        });
        if let Some(verdict) = verdict {
            findings.report(report::forwarding(row, row.process(handle), verdict));
        }
    }
}
