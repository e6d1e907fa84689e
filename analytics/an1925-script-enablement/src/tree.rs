//! Which process a chain belongs to.
//!
//! The stages of one tree are kept on one process, so that a script host, the
//! shell it starts and what that starts end in one finding. It is the topmost
//! ancestor that earned a stage; that is the process to blame.

use sandtrap_sdk::{
    Chain, Row,
    chain::ALERTED,
    lineage::{self, Mark, Process, ProcessInfo, Subject},
    windows::{ProcessName, path, path::Place},
};

use crate::{found::Found, interpreter::Kind, settings::Settings, switchboard::Family};

/// How far up a chain is looked for.
const MAX_ANCESTORS: u32 = 8;

/// Agents that run scripts for administrators, by file name.
const DEPLOYMENT_AGENTS: &[&str] = &[
    "gpscript.exe",
    "ccmexec.exe",
    "tsmanager.exe",
    "agentexecutor.exe",
    "microsoft.management.services.intunewindowsagent.exe",
    "omadmclient.exe",
    "deviceenroller.exe",
    "gc_service.exe",
    "gc_worker.exe",
    "ssm-document-worker.exe",
    "ssm-agent-worker.exe",
    "senseir.exe",
    "monitoringhost.exe",
    "healthservice.exe",
    "trustedinstaller.exe",
    "tiworker.exe",
    "patchmypc.exe",
    "pdqdeployrunner.exe",
    "bfclient.exe",
    "besclient.exe",
    "taniumclient.exe",
];

/// A process and what led to it.
pub struct Tree {
    /// The process at hand.
    pub process: Process,
    /// The process that the chain belongs to.
    pub anchor: Process,
    /// Its ancestors, nearest first.
    pub ancestors: Vec<ProcessInfo>,
    /// Processes with marks, the anchor and this one.
    members: Vec<Process>,
    /// What the anchor holds already.
    held: Vec<Mark>,
}

impl Tree {
    /// The tree above a process.
    pub fn of(row: &Row<'_>, process: Process) -> Self {
        let ancestors = lineage::ancestors(row, process, MAX_ANCESTORS);
        let process_at_hand = process;
        let line: Vec<Process> = std::iter::once(process)
            .chain(ancestors.iter().map(|ancestor| ancestor.process))
            .collect();
        let subjects: Vec<Subject> = line.iter().copied().map(Subject::from).collect();
        let marks = lineage::marks(row, &subjects);
        // What a process did says nothing of its children while it has no part in
        // running a script: an administrator's console connects all day.
        let counts = |process: Process, marks: &[Mark]| {
            marks.iter().any(|mark| {
                !mark.stage.starts_with(ALERTED)
                    && (process == process_at_hand || !mark.stage.starts_with("effect"))
            })
        };
        let (members, mut held): (Vec<Process>, Vec<Vec<Mark>>) = line
            .into_iter()
            .zip(marks)
            .filter(|(process, marks)| counts(*process, marks))
            .unzip();
        let anchor = members.last().copied().unwrap_or(process);
        let held = held.pop().unwrap_or_default();
        Self {
            process,
            anchor,
            ancestors,
            members,
            held,
        }
    }

    /// Whether the process or an ancestor earned a stage before.
    pub fn is_known(&self) -> bool {
        !self.members.is_empty()
    }

    /// Whether an ancestor has a part in running a script.
    pub fn has_above(&self) -> bool {
        self.members.iter().any(|member| *member != self.process)
    }

    /// Takes a parent in that earns its first stages with the event at hand.
    pub fn join(&mut self, parent: Process) {
        if !self.members.contains(&parent) {
            self.members.push(parent);
        }
        if self.anchor == self.process {
            self.anchor = parent;
        }
    }

    /// The chain of the tree, with what was enabled for these families.
    pub fn chain<'r, 'b>(
        &self,
        row: &'r Row<'b>,
        settings: &Settings,
        families: &[Family],
    ) -> Chain<'r, 'b> {
        let enabled = families
            .iter()
            .chain(&[Family::All])
            .map(|family| Subject::item(family.item()));
        Chain::on(row, self.anchor, settings.tree_lifetime())
            .including(self.members.iter().copied())
            .including([self.process])
            .including(enabled)
    }

    /// Adds a stage to the tree's chain. It goes to the anchor, where every branch
    /// finds it; one that the anchor holds already goes to the process itself, so
    /// that the first event is not forgotten over the second.
    pub fn add(&self, chain: &mut Chain<'_, '_>, settings: &Settings, found: Found) {
        let Found { stage, score, text } = found;
        let is_held = self
            .held
            .iter()
            .any(|mark| mark.stage == stage && mark.score >= score);
        if is_held && self.process != self.anchor {
            chain.add_to(self.process, settings.tree_lifetime(), stage, score, text);
        } else {
            chain.add(stage, score, text);
        }
    }

    /// Whose switches matter to the interpreters of the line.
    pub fn families(&self, own: Option<Kind>) -> Vec<Family> {
        let of_ancestor = |info: &ProcessInfo| {
            let name = ProcessName::of(&info.image, &info.original_file_name);
            let is_member = self.members.contains(&info.process);
            Kind::of(&name).filter(|_| is_member).map(Kind::family)
        };
        let mut families: Vec<Family> = own
            .map(Kind::family)
            .into_iter()
            .chain(self.ancestors.iter().filter_map(of_ancestor))
            .collect();
        let from_office = self.ancestors.iter().any(|info| {
            ProcessName::of(&info.image, "").is_any(sandtrap_sdk::windows::process_name::OFFICE)
        });
        if from_office {
            families.push(Family::Office);
        }
        families
    }
}

/// Whether a program deploys software or settings by trade. The name alone does
/// not do: it must lie where only administrators can write.
pub fn is_deployment_agent(image: &str) -> bool {
    let is_protected = matches!(
        path::place(image),
        Place::System | Place::Windows | Place::ProgramFiles | Place::DotNet
    );
    is_protected && ProcessName::of(image, "").is_any(DEPLOYMENT_AGENTS)
}

/// A file name for people: the last part of a path.
pub fn short(image: &str) -> &str {
    match path::file_name(image) {
        "" => "an unknown process",
        name => name,
    }
}
