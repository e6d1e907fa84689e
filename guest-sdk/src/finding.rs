//! What an analytic says: findings and the stages that led to them.

use crate::{Event, lineage::Process};

pub use crate::bindings::sandtrap::analytic::findings::{Detail, Finding, Severity, Stage};

impl Finding {
    /// What happened in one sentence, how bad it is if true, and the event
    /// that completed it, which is usually `row.event()`.
    pub fn new(title: impl Into<String>, severity: Severity, event: Event) -> Self {
        Self {
            title: title.into(),
            severity,
            score: 0,
            process: None,
            event,
            chain: String::new(),
            stages: Vec::new(),
            details: Vec::new(),
        }
    }

    /// The guilty process.
    #[must_use]
    pub fn process(mut self, process: impl Into<Option<Process>>) -> Self {
        self.process = process.into();
        self
    }

    /// Tells findings about the same chain from others of the same process. A
    /// later finding with the same process and chain updates the earlier one.
    #[must_use]
    pub fn chain(mut self, chain: impl Into<String>) -> Self {
        self.chain = chain.into();
        self
    }

    /// The sum of the stages, for ranking.
    #[must_use]
    pub fn score(mut self, score: i32) -> Self {
        self.score = score;
        self
    }

    /// Adds a stage. Stages stand in the order of their events.
    #[must_use]
    pub fn stage(mut self, stage: Stage) -> Self {
        self.stages.push(stage);
        self
    }

    /// Adds something worth telling that is no stage, such as a decoded
    /// payload. Empty text is left out.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        if !value.is_empty() {
            self.details.push(Detail { name, value });
        }
        self
    }
}

impl Severity {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Its place in the order, from 0.
    pub fn rank(self) -> i32 {
        self as i32
    }
}
