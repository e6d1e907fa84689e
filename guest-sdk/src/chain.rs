//! Chains: weak stages that add up to a finding, over many events.
//!
//! What every behavioural analytic does on an event is the same:
//!
//! 1. see which weak stages this event earns;
//! 2. put them as marks on the process, so that later events find them;
//! 3. read the marks that are there already, also of ancestors where wanted;
//! 4. add the scores up, each class of stages up to its cap;
//! 5. if that is enough, and was not reported at this severity before, report.
//!
//! [`Chain`] is that. The analytic supplies the stages and the judgement:
//!
//! ```
//! use std::{cmp::Ordering, time::Duration};
//! use sandtrap_sdk::{Caps, Chain, Findings, Row, Severity, field};
//!
//! fn inspect(row: &Row<'_>, findings: &mut Findings) {
//!     let Some(process) = row.process(field::PROCESS_HANDLE) else { return };
//!     let mut chain = Chain::on(row, process, Duration::from_secs(300));
//!     if row.text(field::PROCESS_CMD_LINE).contains("-enc") {
//!         chain.add("invocation.encoded-command", 20, "ran an encoded command");
//!     }
//!     if row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH).ends_with("\\winword.exe") {
//!         chain.add("lineage.office", 25, "was started by Word");
//!     }
//!     let caps = Caps::new([("invocation", 40), ("lineage", 30)]);
//!     let verdict = chain.settle(&caps, |tally| match tally.score() {
//!         score if score < 40 || tally.classes() < 2 => None,
//!         score if score >= 60 => Some(Severity::High),
//!         _ => Some(Severity::Medium),
//!     });
//!     if let Some(verdict) = verdict {
//!         findings.report(verdict.finding("PowerShell ran an encoded command for Word"));
//!     }
//! }
//! ```
//!
//! A stage's name is its class and what it is, with a point between:
//! `invocation.encoded-command`. Caps and the count of classes go by the class,
//! so that ten ways of seeing the same thing are not ten reasons to worry.
//!
//! A stage counts once, with its highest score, however many events earn it and
//! on however many of the subjects. Earning it again keeps it alive for another
//! lifetime, with the event that earned it first, unless the mark that is there
//! scores higher.
//!
//! Names of stages are up to 64 bytes long and few: a subject holds 64. What
//! varies, such as an address, belongs into the note.
//!
//! The class [`ALERTED`] is taken: its mark holds the severity that was reported.
//! It stays for a day after the report, or as [`Chain::silent_for`] says, and
//! keeps the chain silent until the severity rises.
//!
//! If the host refuses the marks because the analytic holds as many as it may,
//! the chain is judged by what is known now; the host counts the refusal.

mod tally;

pub use tally::{Caps, Tally};

use std::{cmp::Ordering, time::Duration};

use crate::{Finding, Row, Severity, lineage};
use lineage::{Mark, NewMark, Subject};

/// The class of the mark that holds the severity reported last.
pub const ALERTED: &str = "alerted";

/// Longer notes are cut, so that a command line cannot make the host refuse
/// the mark.
const MAX_NOTE: usize = 1024;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The stages that one event adds to a chain. Nothing is asked of the host
/// until [`Chain::settle`], and nothing then if no stage was added.
#[must_use = "stages are marked and judged by `settle`"]
pub struct Chain<'r, 'b> {
    row: &'r Row<'b>,
    /// The chain's own subject first, then those whose marks count too.
    subjects: Vec<Subject>,
    name: String,
    lifetime: Duration,
    silence: Duration,
    new: Vec<NewMark>,
}

/// A chain that is worth reporting.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// How bad it is if true.
    pub severity: Severity,
    /// The stages and their scores.
    pub tally: Tally,
    subject: Subject,
    name: String,
    event: u64,
}

impl<'r, 'b> Chain<'r, 'b> {
    /// The chain of a process or an item, whose stages count for so long.
    ///
    /// The chain of an item is named after it, for
    /// [`Finding::chain`](Finding::chain); that of a process has no name.
    pub fn on(row: &'r Row<'b>, subject: impl Into<Subject>, lifetime: Duration) -> Self {
        let subject = subject.into();
        let name = match &subject {
            Subject::Process(_) => String::new(),
            Subject::Item(item) => item.clone(),
        };
        let subjects = vec![subject];
        Self {
            row,
            subjects,
            name,
            lifetime,
            silence: DAY,
            new: Vec::new(),
        }
    }

    /// Tells this chain from others on the same subject: it is reported on its
    /// own. Marks know no chains; tell them apart by their classes.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How long the chain stays silent after a report, unless the severity
    /// rises. A day unless said otherwise.
    pub fn silent_for(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// The marks on these count too, such as those on ancestors:
    /// `chain.including(ancestors.iter().map(|ancestor| ancestor.process))`.
    pub fn including<S: Into<Subject>>(mut self, subjects: impl IntoIterator<Item = S>) -> Self {
        for subject in subjects {
            self.count(subject.into());
        }
        self
    }

    /// Adds a stage that the row's event earns: its name, its score, and what
    /// was seen in one sentence.
    pub fn add(&mut self, stage: impl Into<String>, score: i32, note: impl Into<String>) {
        if let Some(subject) = self.subjects.first().cloned() {
            self.add_to(subject, self.lifetime, stage, score, note);
        }
    }

    /// Adds a stage that is marked on another subject or lasts for another time
    /// than the chain's own.
    pub fn add_to(
        &mut self,
        subject: impl Into<Subject>,
        lifetime: Duration,
        stage: impl Into<String>,
        score: i32,
        note: impl Into<String>,
    ) {
        let mut note = note.into();
        note.truncate(note.floor_char_boundary(MAX_NOTE));
        let mark = NewMark::new(self.row, subject, stage, score, note, lifetime);
        self.count(mark.subject.clone());
        let same =
            |known: &&mut NewMark| known.subject == mark.subject && known.stage == mark.stage;
        match self.new.iter_mut().find(same) {
            Some(known) if known.score >= mark.score => {}
            Some(known) => *known = mark,
            None => self.new.push(mark),
        }
    }

    /// Whether the event earned any stage.
    pub fn has_news(&self) -> bool {
        !self.new.is_empty()
    }

    /// The stages that earlier events left, without this event's: for stages
    /// that mean something only after others.
    pub fn recall(&self, caps: &Caps) -> Tally {
        let marks = lineage::marks(self.row, &self.subjects)
            .into_iter()
            .flatten();
        Tally::new(marks.filter(|mark| !is_alert(&mark.stage)), caps)
    }

    /// Marks the new stages, adds up all there are, and asks `judge` how bad
    /// that is. Returns a verdict if it is worse than what was reported before;
    /// the chain then counts as reported.
    ///
    /// `judge` must go by the tally and the settings alone. Without a new stage
    /// it is not asked, and neither is the host.
    pub fn settle(
        mut self,
        caps: &Caps,
        judge: impl FnOnce(&Tally) -> Option<Severity>,
    ) -> Option<Verdict> {
        if self.new.is_empty() {
            return None;
        }
        let alerted = match self.name.as_str() {
            "" => ALERTED.to_owned(),
            name => format!("{ALERTED}.{name}"),
        };
        let (stages, reported) = self.merge(&alerted);
        let tally = Tally::new(stages, caps);
        let severity = judge(&tally).filter(|severity| severity.rank() > reported);
        let subject = self.subjects.first().cloned()?;
        if let Some(severity) = severity {
            let (score, note) = (severity.rank(), severity.name());
            let silence = self.silence;
            self.new.push(NewMark::new(
                self.row,
                subject.clone(),
                alerted,
                score,
                note,
                silence,
            ));
        }
        // Refused marks are counted by the host; see the module's doc.
        let _ = lineage::put_marks(self.row, &self.new);
        Some(Verdict {
            severity: severity?,
            tally,
            subject,
            name: self.name,
            event: self.row.event(),
        })
    }

    /// Every stage old and new, and the rank of the severity reported before
    /// (-1 if none). New marks that a stronger one outlasts are dropped.
    fn merge(&mut self, alerted: &str) -> (Vec<Mark>, i32) {
        let mut reported = -1;
        let mut stages = Vec::new();
        let found = lineage::marks(self.row, &self.subjects);
        for (position, (subject, marks)) in self.subjects.iter().zip(found).enumerate() {
            for mark in marks {
                if is_alert(&mark.stage) {
                    if position == 0 && mark.stage == alerted {
                        reported = mark.score;
                    }
                    continue;
                }
                let renewed = self
                    .new
                    .iter()
                    .position(|new| new.subject == *subject && new.stage == mark.stage);
                let Some(renewed) = renewed else {
                    stages.push(mark);
                    continue;
                };
                let Some(new) = self.new.get_mut(renewed) else {
                    continue;
                };
                match new.score.cmp(&mark.score) {
                    Ordering::Greater => {}
                    // Seen again: the event that earned it first stays.
                    Ordering::Equal if mark.event == self.row.event() => {}
                    Ordering::Equal => {
                        new.event = mark.event;
                        new.note.clone_from(&mark.note);
                        stages.push(mark);
                    }
                    Ordering::Less => {
                        self.new.swap_remove(renewed);
                        stages.push(mark);
                    }
                }
            }
        }
        let (time, event) = (self.row.time(), self.row.event());
        let fresh = self.new.iter().filter(|new| new.event == event);
        stages.extend(fresh.map(|new| Mark {
            stage: new.stage.clone(),
            score: new.score,
            note: new.note.clone(),
            event: new.event,
            time,
        }));
        (stages, reported)
    }

    fn count(&mut self, subject: Subject) {
        if !self.subjects.contains(&subject) {
            self.subjects.push(subject);
        }
    }
}

impl Verdict {
    /// The finding, with all stages; add details as you see fit.
    pub fn finding(self, title: impl Into<String>) -> Finding {
        let mut finding = Finding::new(title, self.severity, self.event)
            .chain(self.name)
            .score(self.tally.score());
        if let Subject::Process(process) = self.subject {
            finding = finding.process(process);
        }
        finding.stages = self.tally.into_stages();
        finding
    }
}

fn is_alert(stage: &str) -> bool {
    tally::class_of(stage) == ALERTED
}

#[cfg(test)]
mod tests;
