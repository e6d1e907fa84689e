//! Stages: what one event may earn, how much a class may add, when it is enough.

use sandtrap_sdk::{Caps, Chain, Severity, Tally};

/// A stage that an event earned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stage {
    /// Class and name, with a point between.
    pub name: &'static str,
    /// What it adds before the cap of its class.
    pub score: i32,
    /// What was seen, for the analyst.
    pub note: String,
}

impl Stage {
    /// A stage with what was seen.
    pub fn new(name: &'static str, score: i32, note: impl Into<String>) -> Self {
        let note = note.into();
        Self { name, score, note }
    }
}

/// Adds stages to the chain.
pub(crate) fn add_all(chain: &mut Chain<'_, '_>, stages: impl IntoIterator<Item = Stage>) {
    for stage in stages {
        chain.add(stage.name, stage.score, stage.note);
    }
}

/// What each class may add at most, so that ten switches are not ten reasons.
pub(crate) fn caps() -> Caps {
    Caps::new([
        ("invocation", 40),
        ("content", 45),
        ("script", 25),
        ("attack", 25),
        ("lineage", 30),
        ("origin", 25),
        ("engine", 40),
        ("injection", 20),
        ("effect", 30),
    ])
}

/// How bad the chain is, if it is one.
///
/// Effects and recorded script text are everyday for PowerShell, so at least one
/// stage must say that this PowerShell is not.
pub(crate) fn judge(tally: &Tally, threshold: i32) -> Option<Severity> {
    let is_odd = tally.score_of("invocation") >= 15
        || tally.score_of("content") > 0
        || tally.score_of("attack") > 0
        || tally.score_of("lineage") >= 25
        || tally.score_of("origin") >= 15
        || tally.score_of("engine") >= 20;
    let score = tally.score();
    if !is_odd || tally.classes() < 2 || score < threshold {
        return None;
    }
    let has_effect = tally.has("effect") || tally.has("injection");
    let is_grave = tally.has("content.tamper") || tally.has("content.credentials");
    Some(if has_effect && is_grave && score >= threshold + 60 {
        Severity::Critical
    } else if (has_effect && score >= threshold + 20) || score >= threshold + 40 {
        Severity::High
    } else {
        Severity::Medium
    })
}
