//! AN1389: data encrypted with a symmetric cipher leaves by another way than
//! the usual one.
//!
//! Whoever takes data out of a network hides it from inspection: a script
//! encrypts it with AES or the like and sends it over a socket or a plain
//! request, to an address that has nothing to do with the attacker's other
//! traffic. On the wire that looks like TLS or like noise. On the machine it
//! does not, if two things are seen together:
//!
//! - symmetric crypto (`crypto`): a script, a command line or a tool names a
//!   cipher, encrypts, sets a key. A decryptor alone is how attacks unpack
//!   themselves, not how data leaves. Where module logging shows the cipher
//!   object but not its use, the direction counts as not visible;
//! - egress (`egress`): the same process, or one it started, connects outwards,
//!   is not on the list of programs that may, and the destination is new for
//!   it.
//!
//! Reading files (`data`) and payloads that measure as encrypted, or odd hours
//! (`volume`), add to that; together with egress they are reported without
//! crypto, as unconfirmed. TLS alone is never reported.
//!
//! Strategy DET0503, technique T1048.001 Exfiltration Over Symmetric Encrypted
//! Non-C2 Protocol. Command-and-control traffic of script agents, which encrypt
//! in the same way (T1573.001), is found by the same token.
//!
//! Known false positives: deployment and backup scripts that encrypt what they
//! upload, first runs of cloud modules, password vault scripts. Put scripts
//! on the site's `approved_script_paths`; baselines learn destinations.
//!
//! ATT&CK(R) facts: (c) The MITRE Corporation, reproduced and distributed with
//! permission.

mod crypto;
mod egress;
mod report;
mod settings;
mod wanted;

use sandtrap_sdk::{
    Analytic, Caps, Chain, Description, Findings, Row, Severity, Site, Tally, class, field,
    lineage::{self, Process, Subject},
    windows::{ProcessName, process_name},
};

use crypto::Source;
pub use settings::Settings;
use settings::Tuning;

/// The least that crypto must bring: one sight of a cipher that encrypts, or
/// may.
const CRYPTO_LEAST: i32 = 20;

/// The least that egress must bring: more than that someone connected.
const EGRESS_LEAST: i32 = 20;

/// What a chain without crypto must bring.
const UNCONFIRMED: i32 = 55;

/// From where on a chain is severe although the direction is not visible.
const SEVERE: i32 = 65;

/// How many ancestors may have done the encryption.
const GENERATIONS: u32 = 2;

/// The analytic.
pub struct SymmetricExfiltration {
    tuning: Tuning,
    site: Site,
    caps: Caps,
}

impl Analytic for SymmetricExfiltration {
    type Settings = Settings;

    fn description() -> Description {
        let description = Description::new(
            "AN1389",
            "Symmetric encryption, then egress by a non-browser process",
            env!("CARGO_PKG_VERSION"),
        )
        .summary(
            "Non-browser processes that make outbound encrypted connections using uncommon \
             symmetric encryption (such as AES in PowerShell or custom scripts) to alternate \
             external destinations.",
        )
        .strategy(
            "DET0503",
            "Behavioral Detection Strategy for Exfiltration Over Symmetric Encrypted Non-C2 Protocol",
        )
        .technique("T1048.001", "Exfiltration Over Symmetric Encrypted Non-C2 Protocol")
        .tactics(["exfiltration"])
        .platforms(["Windows"])
        .log_source(
            "DC0082",
            "Network Connection Creation",
            "WinEventLog:Sysmon",
            "EventCode=3, 22",
        )
        .log_source("DC0032", "Process Creation", "WinEventLog:Sysmon", "EventCode=1")
        .input(class::SCRIPT_COMMAND, "ciphers that a script builds piece by piece are missed")
        .input(class::SCRIPT_EXECUTE, "whether a script encrypts or decrypts is unknown")
        .input(class::NETWORK_OPEN, "egress is unseen and nothing is found")
        .input(class::PROCESS_LAUNCH, "encrypting tools and encoded commands are missed")
        .input(class::DNS_QUERY, "services where data can be dropped are not recognised")
        .site_input("internal_networks", "every private address may be outside")
        .site_input("approved_script_paths", "the site's own encrypting scripts count");
        let description = settings::describe(description);
        wanted::subscriptions()
            .into_iter()
            .fold(description, Description::subscribe)
    }

    fn new(settings: Settings, site: Site) -> Result<Self, String> {
        let caps = Caps::new([("crypto", 35), ("egress", 40), ("data", 20), ("volume", 25)]);
        Ok(Self {
            tuning: settings.tuning()?,
            site,
            caps,
        })
    }

    fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
        match row.class() {
            class::PROCESS_LAUNCH => self.launched(row, findings),
            class::SCRIPT_COMMAND | class::SCRIPT_EXECUTE => self.scripted(row, findings),
            class::NETWORK_OPEN => self.connected(row, findings),
            class::DNS_QUERY => self.looked_up(row, findings),
            class::FILE_CREATE => self.packed(row, findings),
            _ => {}
        }
    }
}

impl SymmetricExfiltration {
    fn launched(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::PROCESS_HANDLE) else {
            return;
        };
        let image = row.text(field::PROCESS_FILE_PATH);
        let name = ProcessName::of(image, row.text(field::PROCESS_FILE_INTERNAL_NAME));
        let line = row.text(field::PROCESS_CMD_LINE);
        let mut chain = self.chain(row, process);
        crypto::add_command_line(&name, line, &self.tuning, &mut chain);
        if let Some(note) = crypto::encrypting_tool(&name, line) {
            // What the tool leaves behind is sent by another child of the shell.
            let parent = ProcessName::of(row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH), "");
            let shells = [process_name::SHELLS, process_name::SCRIPT_HOSTS].concat();
            if let Some(parent) = row
                .process(field::PROCESS_PARENT_PROCESS_HANDLE)
                .filter(|_| parent.is_any(&shells))
            {
                let lifetime = self.tuning.lifetime;
                chain.add_to(parent, lifetime, "crypto.tool", 20, note.clone());
            }
            chain.add("crypto.tool", 20, note);
        }
        self.settle(row, process, chain, findings);
    }

    fn scripted(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(source) = Source::of_script(&self.site, row.text(field::SCRIPT_PATH)) else {
            return;
        };
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            self.scripted_by_nobody(row, source);
            return;
        };
        let mut chain = self.chain(row, process);
        crypto::add_text(
            row.text(field::SCRIPT_CONTENT),
            source,
            &self.tuning,
            &mut chain,
        );
        self.settle(row, process, chain, findings);
    }

    /// A script of which the recording does not tell who ran it. Only one that
    /// sends what it encrypts is kept, for whichever PowerShell of the device
    /// connects within the window.
    fn scripted_by_nobody(&self, row: &Row<'_>, source: Source) {
        let script = row.text(field::SCRIPT_CONTENT);
        if !crypto::sends_what_it_encrypts(script) {
            return;
        }
        let mut chain = Chain::on(row, unknown_shell(), self.tuning.lifetime);
        crypto::add_text(script, source, &self.tuning, &mut chain);
        // Without a process there is nothing to blame yet.
        let _ = chain.settle(&self.caps, |_| None);
    }

    fn connected(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let known = lineage::process(row, process);
        let ancestors = lineage::ancestors(row, process, GENERATIONS);
        let ancestors = ancestors.iter().map(|ancestor| ancestor.process);
        let mut chain = self.chain(row, process).including(ancestors);
        // Programs of users connect all day; only after crypto does it matter.
        let original = known
            .as_ref()
            .map_or("", |known| known.original_file_name.as_str());
        let name = ProcessName::of(row.text(field::ACTOR_PROCESS_FILE_PATH), original);
        if name.is_any(process_name::POWERSHELL_HOSTS) {
            chain = chain.including([unknown_shell()]);
        }
        if !wanted::is_interpreter(&name) && chain.recall(&self.caps).stages().is_empty() {
            return;
        }
        egress::add_stages(
            row,
            &self.site,
            &self.tuning,
            (process, known.as_ref()),
            &mut chain,
        );
        self.settle(row, process, chain, findings);
    }

    fn looked_up(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
        if self.tuning.is_allowed(row, process, image) {
            return;
        }
        let host = row.text(field::QUERY_HOSTNAME);
        let mut chain = self.chain(row, process);
        let note = format!("looked up {host}, where anyone can leave data");
        chain.add("egress.service", 10, note);
        self.settle(row, process, chain, findings);
    }

    fn packed(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let file = row.text(field::FILE_PATH);
        let mut chain = self.chain(row, process);
        chain.add("data.archive", 15, format!("wrote the archive {file}"));
        self.settle(row, process, chain, findings);
    }

    fn chain<'r, 'b>(&self, row: &'r Row<'b>, process: Process) -> Chain<'r, 'b> {
        Chain::on(row, process, self.tuning.lifetime)
    }

    fn settle(
        &self,
        row: &Row<'_>,
        process: Process,
        chain: Chain<'_, '_>,
        findings: &mut Findings,
    ) {
        if let Some(verdict) = chain.settle(&self.caps, |tally| self.judge(tally)) {
            findings.report(report::finding(row, process, verdict));
        }
    }

    fn judge(&self, tally: &Tally) -> Option<Severity> {
        let [crypto, egress, data, volume] =
            ["crypto", "egress", "data", "volume"].map(|class| tally.score_of(class));
        if !tally.has("egress.program") || egress < EGRESS_LEAST {
            return None;
        }
        let encrypts = tally.has("crypto.encrypt");
        let may_encrypt = tally.has("crypto.rc4") || tally.has("crypto.cipher");
        // A cipher object next to a decryptor belongs to it.
        let only_decrypts = tally.has("crypto.decrypt") && !encrypts && !tally.has("crypto.rc4");
        let is_sent = tally.has("crypto.tool") && tally.has("data.upload");
        let is_confirmed = crypto >= CRYPTO_LEAST
            && (encrypts || (may_encrypt && !only_decrypts) || is_sent)
            && tally.score() >= self.tuning.threshold;
        if is_confirmed {
            let is_severe = encrypts || is_sent || tally.score() >= SEVERE;
            return Some(if is_severe {
                Severity::High
            } else {
                Severity::Medium
            });
        }
        let is_unconfirmed = data >= 10 && volume >= 15 && tally.score() >= UNCONFIRMED;
        is_unconfirmed.then_some(Severity::Medium)
    }
}

/// What stands for the PowerShell of a device whose process is not recorded.
fn unknown_shell() -> Subject {
    Subject::item("powershell of unknown process")
}

sandtrap_sdk::export_analytic!(SymmetricExfiltration);

#[cfg(test)]
mod tests;
