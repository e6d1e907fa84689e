use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    Analytic, Description, Findings, Site, Subscription, class, field, fields,
    testing::{self, TestEvent, World},
};

/// Earns the stages that an event's command line spells out, as
/// `class.name=score`, and counts those of the parent too.
struct Spelled;

impl Analytic for Spelled {
    type Settings = serde_json::Map<String, serde_json::Value>;

    fn description() -> Description {
        let fields = fields![
            field::PROCESS_HANDLE,
            field::PROCESS_PARENT_PROCESS_HANDLE,
            field::PROCESS_CMD_LINE,
        ];
        Description::new("spelled", "Spelled", "0")
            .subscribe(Subscription::to(class::PROCESS_LAUNCH).fields(fields))
    }

    fn new(_: Self::Settings, _: Site) -> Result<Self, String> {
        Ok(Self)
    }

    fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::PROCESS_HANDLE) else {
            return;
        };
        let parent = row.process(field::PROCESS_PARENT_PROCESS_HANDLE);
        let mut chain = Chain::on(row, process, Duration::from_secs(10)).including(parent);
        for stage in row.text(field::PROCESS_CMD_LINE).split_whitespace() {
            if let Some((stage, score)) = stage.split_once('=') {
                chain.add(stage, score.parse().unwrap(), format!("saw {stage}"));
            }
        }
        let verdict = chain.settle(&Caps::new([("a", 40)]), |tally| match tally.score() {
            ..50 => None,
            50..70 => Some(Severity::Medium),
            _ => Some(Severity::High),
        });
        if let Some(verdict) = verdict {
            findings.report(verdict.finding("spelled out"));
        }
    }
}

fn says(process: u64, time: i64, stages: &str) -> TestEvent {
    testing::launch(process).command_line(stages).at(time)
}

fn found(events: impl IntoIterator<Item = TestEvent>) -> Vec<(u64, Severity, i32)> {
    testing::run::<Spelled>(World::new(), json!({}), json!({}), events)
        .into_iter()
        .map(|finding| (finding.event, finding.severity, finding.score))
        .collect()
}

#[test]
fn stages_of_several_events_add_up() {
    let events = [
        says(1, 0, "a.x=30"),
        says(2, 1, "b.y=20"),
        says(1, 2, "b.y=20"),
    ];
    let findings = testing::run::<Spelled>(World::new(), json!({}), json!({}), events);
    let [finding] = findings.as_slice() else {
        panic!("{findings:#?}")
    };
    assert_eq!(
        (finding.process, finding.event, finding.score),
        (Some(1), 3, 50)
    );
    let stages: Vec<_> = finding
        .stages
        .iter()
        .map(|stage| (stage.name.as_str(), stage.score, stage.events.as_slice()))
        .collect();
    assert_eq!(
        stages,
        [("a.x", 30, [1].as_slice()), ("b.y", 20, [3].as_slice())]
    );
}

#[test]
fn one_class_does_not_go_beyond_its_cap() {
    assert_eq!(found([says(1, 0, "a.x=30 a.y=30 a.z=30")]), []);
}

#[test]
fn a_chain_is_reported_again_only_when_it_gets_worse() {
    let events = [
        says(1, 0, "b.x=55"),
        says(1, 1, "b.x=55"),
        says(1, 2, "c.x=5"),
        says(1, 3, "d.x=20"),
        says(1, 4, "d.x=20"),
    ];
    assert_eq!(
        found(events),
        [(1, Severity::Medium, 55), (4, Severity::High, 80)]
    );
}

#[test]
fn stages_expire_unless_they_are_earned_again() {
    assert_eq!(found([says(1, 0, "b.x=30"), says(1, 11_000, "c.x=30")]), []);
    let renewed = [
        says(1, 0, "b.x=30"),
        says(1, 8_000, "b.x=30"),
        says(1, 16_000, "c.x=30"),
    ];
    assert_eq!(found(renewed), [(3, Severity::Medium, 60)]);
}

#[test]
fn a_weaker_sight_of_a_stage_leaves_the_stronger_one() {
    let events = [
        says(1, 0, "b.x=40"),
        says(1, 1, "b.x=1"),
        says(1, 2, "c.x=10"),
    ];
    assert_eq!(found(events), [(3, Severity::Medium, 50)]);
}

#[test]
fn marks_of_included_subjects_count_but_their_reports_do_not() {
    let events = [
        says(1, 0, "b.x=60"),
        says(2, 1, "c.x=1").child_of(1),
        says(3, 2, "c.x=1").child_of(9),
    ];
    assert_eq!(
        found(events),
        [(1, Severity::Medium, 60), (2, Severity::Medium, 61)]
    );
}

#[test]
fn an_event_without_stages_asks_the_host_nothing() {
    assert_eq!(
        found([says(1, 0, "b.x=60"), says(1, 1, "")]),
        [(1, Severity::Medium, 60)]
    );
}
