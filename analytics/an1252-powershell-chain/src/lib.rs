//! AN1252: PowerShell launched with encoded commands, by unusual parents or inside
//! other programs, and what it goes on to do.
//!
//! Intruders use PowerShell because it is everywhere, signed, and runs code that
//! never touches the disk. Administrators use it too, with the same switches, so no
//! single sign is enough: an encoded command may be a deployment, an odd parent a
//! logon script, a connection anything. What administrators do not do is several of
//! these at once. Each stage adds a score to its class, each class has a cap, and a
//! chain is reported when two classes and the threshold are reached:
//!
//! | class | earned by |
//! | --- | --- |
//! | `invocation` | encoded commands, hidden windows, downgrades, scripts from elsewhere |
//! | `content` | what the command does, read through base64 and other disguises |
//! | `script` | the same of script text that PowerShell recorded; adds little |
//! | `attack` | recorded script text that hardly anything honest has |
//! | `lineage` | documents, script hosts, servers and dropped programs as parents |
//! | `origin` | renamed copies, unsigned or user-writable images of engine hosts |
//! | `engine` | the PowerShell engine inside a program that is not PowerShell |
//! | `injection` | a thread that another process started in the engine's host |
//! | `effect` | connections, children and files; never odd enough alone |
//! | `known` | approved deployment, old acquaintances, trusted sources; takes away |
//!
//! Stages are marks on the process, so events may come in any order, the start of
//! the process may be missing, and a host that loads the engine hours after its
//! first connection is judged with it as long as it keeps connecting.
//!
//! ATT&CK: T1059.001, strategy DET0455. False positives to expect: management tools
//! that nobody approved, self-extracting administration tools that embed the engine
//! without a signature, and bootstrap one-liners from sources that are not trusted.

mod content;
mod defaults;
mod description;
mod effect;
mod engine;
mod invocation;
mod launch;
mod lineage;
mod recorded;
mod report;
mod settings;
mod shape;
mod stage;
mod subscriptions;
mod watched;

use std::time::Duration;

use sandtrap_sdk::{
    Analytic, Chain, Description, Findings, Row, Site, class, field,
    lineage::{self as processes, NewMark, Process, Subject},
};

pub use settings::Settings;

use settings::Policy;
use stage::{Stage, add_all};

/// The analytic.
pub struct PowershellChain {
    policy: Policy,
}

impl Analytic for PowershellChain {
    type Settings = Settings;

    fn description() -> Description {
        subscriptions::add(description::description())
    }

    fn new(settings: Settings, site: Site) -> Result<Self, String> {
        let policy = Policy::new(settings, site)?;
        Ok(Self { policy })
    }

    fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
        let actor = || row.process(field::ACTOR_PROCESS_HANDLE);
        match row.class() {
            class::PROCESS_LAUNCH => self.launched(row, findings),
            class::MODULE_LOAD => {
                self.add(row, actor(), engine::of_module(row, &self.policy), findings);
            }
            class::PIPE_CREATE => {
                self.add(row, actor(), engine::of_pipe(row, &self.policy), findings);
            }
            class::PROCESS_INJECT => {
                if let Some((target, stage)) = engine::of_injection(row) {
                    self.add(row, Some(target), vec![stage], findings);
                }
            }
            class::NETWORK_OPEN => {
                let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
                if self.is_of_interest(row, actor(), image) {
                    let stage = effect::of_connection(row, &self.policy);
                    self.add(row, actor(), stage.into_iter().collect(), findings);
                }
            }
            class::DNS_QUERY => {
                let stage = effect::of_lookup(row);
                self.add(row, actor(), stage.into_iter().collect(), findings);
            }
            class::FILE_CREATE => {
                let stage = effect::of_file(row);
                self.add(row, actor(), stage.into_iter().collect(), findings);
            }
            _ => {
                let stages = recorded::stages(row, &self.policy);
                let process = actor();
                let item = recorded::item(row).filter(|_| !recorded::is_linked(row, process));
                match (process, item) {
                    (_, Some(item)) if is_told(row, &item) => {}
                    (None, Some(item)) if !stages.is_empty() => {
                        let chain = Chain::on(row, item, self.policy.lifetime);
                        self.settle(row, None, chain, stages, findings);
                    }
                    (process, _) => self.add(row, process, stages, findings),
                }
            }
        }
    }
}

impl PowershellChain {
    /// A launch is news of the new process if that is PowerShell, and of its parent.
    fn launched(&self, row: &Row<'_>, findings: &mut Findings) {
        let stages = launch::stages(row, &self.policy);
        self.add(row, row.process(field::PROCESS_HANDLE), stages, findings);
        let parent = row.process(field::PROCESS_PARENT_PROCESS_HANDLE);
        let image = row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH);
        if self.is_of_interest(row, parent, image) {
            let stage = effect::of_child(row);
            self.add(row, parent, stage.into_iter().collect(), findings);
        }
    }

    /// Whether an effect of a process is worth a mark: it is, or may turn out to be,
    /// a host of the engine, or something is known of it already.
    fn is_of_interest(&self, row: &Row<'_>, process: Option<Process>, image: &str) -> bool {
        let has_marks = |process| !processes::marks_on(row, process).is_empty();
        effect::may_turn_out(image, process) || process.is_some_and(has_marks)
    }

    fn add(
        &self,
        row: &Row<'_>,
        process: Option<Process>,
        stages: Vec<Stage>,
        findings: &mut Findings,
    ) {
        if let Some(process) = process
            && !stages.is_empty()
        {
            let chain = Chain::on(row, process, self.policy.lifetime);
            self.settle(row, Some(process), chain, stages, findings);
        }
    }

    fn settle(
        &self,
        row: &Row<'_>,
        process: Option<Process>,
        mut chain: Chain<'_, '_>,
        stages: Vec<Stage>,
        findings: &mut Findings,
    ) {
        add_all(&mut chain, stages);
        let is_in_scope = self.policy.is_in_scope(row.time());
        let verdict = chain.settle(&stage::caps(), |tally| {
            stage::judge(tally, self.policy.threshold).filter(|_| is_in_scope)
        });
        if let Some(verdict) = verdict {
            if let Some(process) = process {
                tell(row, process, self.policy.lifetime);
            }
            findings.report(report::finding(row, process, verdict));
        }
    }
}

/// The mark of a host whose process was reported: its records that cannot be tied to
/// the process need no finding of their own.
const TOLD: &str = "told";

fn tell(row: &Row<'_>, process: Process, lifetime: Duration) {
    let known = processes::process(row, process);
    let Some(known) = known else { return };
    let line = if known.command_line.is_empty() {
        known.image
    } else {
        known.command_line
    };
    if let Some(item) = recorded::item_of(&line) {
        let mark = NewMark::new(row, item, TOLD, 0, "its process was reported", lifetime);
        // A refusal costs a second finding, no more.
        let _ = processes::mark(row, mark);
    }
}

fn is_told(row: &Row<'_>, item: &Subject) -> bool {
    let marks = processes::marks_on(row, item.clone());
    marks.iter().any(|mark| mark.stage == TOLD)
}

sandtrap_sdk::export_analytic!(PowershellChain);

#[cfg(test)]
mod tests;
