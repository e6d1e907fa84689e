//! Adding stages up.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Stage, lineage::Mark};

/// How much each class of stages may add to a score; a class that is not named
/// has no cap.
#[derive(Debug, Clone, Default)]
pub struct Caps {
    by_class: BTreeMap<String, i32>,
}

/// All stages of a chain in the order of their events, and what they add up
/// to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    stages: Vec<Stage>,
    scores: BTreeMap<String, i32>,
}

impl Caps {
    /// Caps by class.
    pub fn new<C: Into<String>>(caps: impl IntoIterator<Item = (C, i32)>) -> Self {
        let by_class = caps
            .into_iter()
            .map(|(class, cap)| (class.into(), cap))
            .collect();
        Self { by_class }
    }

    fn of(&self, class: &str) -> i32 {
        self.by_class.get(class).copied().unwrap_or(i32::MAX)
    }
}

impl Tally {
    /// Adds marks up, whatever their order.
    pub fn new(marks: impl IntoIterator<Item = Mark>, caps: &Caps) -> Self {
        let mut marks: Vec<Mark> = marks.into_iter().collect();
        marks.sort_by(|left, right| {
            let key = |mark: &Mark| (mark.time, mark.event);
            key(left)
                .cmp(&key(right))
                .then_with(|| left.stage.cmp(&right.stage))
        });
        let mut stages: Vec<Stage> = Vec::with_capacity(marks.len());
        for mark in marks {
            match stages.iter_mut().find(|stage| stage.name == mark.stage) {
                Some(known) => {
                    if !known.events.contains(&mark.event) {
                        known.events.push(mark.event);
                    }
                    if mark.score > known.score {
                        known.score = mark.score;
                        known.summary = mark.note;
                    }
                }
                None => stages.push(Stage {
                    name: mark.stage,
                    score: mark.score,
                    summary: mark.note,
                    events: vec![mark.event],
                }),
            }
        }
        // A stage's score becomes what it adds on top of those before it, so
        // that the stages of a finding add up to its score.
        let mut sums: BTreeMap<String, i32> = BTreeMap::new();
        for stage in &mut stages {
            let class = class_of(&stage.name);
            let cap = caps.of(class);
            let sum = sums.entry(class.to_owned()).or_default();
            let before = cap.min(*sum);
            *sum = sum.saturating_add(stage.score);
            stage.score = cap.min(*sum).saturating_sub(before);
        }
        let scores = sums.into_iter().map(|(class, sum)| {
            let cap = caps.of(&class);
            (class, cap.min(sum))
        });
        Self {
            stages,
            scores: scores.collect(),
        }
    }

    /// The score: the sum of all classes, each up to its cap.
    pub fn score(&self) -> i32 {
        self.scores
            .values()
            .fold(0, |sum, score| sum.saturating_add(*score))
    }

    /// What a class adds to the score.
    pub fn score_of(&self, class: &str) -> i32 {
        self.scores.get(class).copied().unwrap_or(0)
    }

    /// How many classes add to the score.
    pub fn classes(&self) -> usize {
        self.scores.values().filter(|score| **score > 0).count()
    }

    /// Whether there is a stage of the class, or the very stage, such as
    /// `effect` or `effect.connection`.
    pub fn has(&self, name: &str) -> bool {
        self.stages
            .iter()
            .any(|stage| stage.name == name || class_of(&stage.name) == name)
    }

    /// The stages in the order of their events. The score of each is what it
    /// adds on top of those before it: what is beyond a cap adds nothing.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// All events behind the stages.
    pub fn events(&self) -> BTreeSet<u64> {
        self.stages
            .iter()
            .flat_map(|stage| stage.events.iter().copied())
            .collect()
    }

    pub(super) fn into_stages(self) -> Vec<Stage> {
        self.stages
    }
}

/// A stage's class: its name up to the first point.
pub(super) fn class_of(stage: &str) -> &str {
    stage.split_once('.').map_or(stage, |(class, _)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(stage: &str, score: i32, event: u64) -> Mark {
        let (stage, note) = (stage.to_owned(), format!("{stage} {score}"));
        Mark {
            stage,
            score,
            note,
            event,
            time: event as i64,
        }
    }

    #[test]
    fn a_class_adds_no_more_than_its_cap_and_stages_add_up() {
        let marks = [
            mark("a.x", 30, 1),
            mark("a.y", 20, 2),
            mark("b", 7, 3),
            mark("c.z", -5, 4),
        ];
        let tally = Tally::new(marks, &Caps::new([("a", 40)]));
        assert_eq!(tally.score_of("a"), 40);
        assert_eq!(tally.score(), 42);
        assert_eq!(tally.classes(), 2);
        let scores: Vec<_> = tally.stages().iter().map(|stage| stage.score).collect();
        assert_eq!(scores, [30, 10, 7, -5]);
        assert!(tally.has("a") && tally.has("a.y") && !tally.has("a.z") && !tally.has("x"));
    }

    #[test]
    fn a_stage_counts_once_with_its_highest_score_and_all_its_events() {
        let marks = [mark("a.x", 5, 3), mark("a.x", 9, 1), mark("a.x", 5, 1)];
        let tally = Tally::new(marks, &Caps::default());
        assert_eq!(tally.score(), 9);
        let [stage] = tally.stages() else {
            panic!("{tally:?}")
        };
        assert_eq!(
            (stage.events.as_slice(), stage.summary.as_str()),
            ([1, 3].as_slice(), "a.x 9")
        );
    }

    #[test]
    fn extreme_scores_do_not_overflow() {
        let marks = [
            mark("a.x", i32::MIN, 1),
            mark("a.y", i32::MIN, 2),
            mark("b", i32::MAX, 3),
        ];
        let tally = Tally::new(marks, &Caps::new([("b", -1)]));
        assert_eq!(tally.score(), i32::MIN);
    }
}
