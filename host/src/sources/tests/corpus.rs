//! The real telemetry that the project is measured by, where it is at hand.

use std::{env, fs, path::PathBuf};

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Case {
    case: String,
    file: String,
    events: u64,
    undecodable: u64,
    analytics: Vec<Analytic>,
}

#[derive(Deserialize)]
struct Analytic {
    #[serde(default)]
    evidence: Vec<Evidence>,
}

#[derive(Deserialize)]
struct Evidence {
    line_index: u32,
    event_id: u64,
    #[serde(default)]
    record_id: Option<u64>,
    #[serde(default)]
    host: Option<String>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "it tells where telemetry lies that must not be part of the project"
)]
fn corpus() -> Option<PathBuf> {
    let folder = match env::var_os("SANDTRAP_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
    };
    folder.join("labels.json").exists().then_some(folder)
}

#[test]
fn every_file_is_read_to_its_end_and_evidence_is_where_it_should_be() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no corpus beside the project; set SANDTRAP_CORPUS");
        return;
    };
    let labels = fs::read(corpus.join("labels.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&labels).unwrap();
    let router = everything();
    for case in &cases {
        let name = &case.case;
        let inputs = find_inputs(&[corpus.join(&case.file)]).unwrap();
        let mut recording = Recording::read(&inputs, &router, &options(), &mut |_, _| {}).unwrap();
        let summary = recording.inputs()[0].clone();
        assert_eq!(summary.records, case.events, "{name}: {summary:?}");
        // What another parser could not decode, ours may.
        assert!(
            summary.undecodable <= case.undecodable,
            "{name}: {summary:?}"
        );
        assert_eq!(summary.untimed, 0, "{name}");
        let events = read_all(&mut recording);
        assert!(
            events.is_sorted_by_key(|event| (event.time, event.origin)),
            "{name}"
        );
        for evidence in case
            .analytics
            .iter()
            .flat_map(|analytic| &analytic.evidence)
        {
            let event = events
                .iter()
                .find(|event| event.origin.record == evidence.line_index)
                .unwrap_or_else(|| panic!("{name}: nothing at {}", evidence.line_index));
            let code = event.fields.number(fields::METADATA_EVENT_CODE);
            assert_eq!(
                code,
                Some(evidence.event_id),
                "{name} at {}",
                evidence.line_index
            );
            if let Some(id) = evidence.record_id {
                let found = event.fields.number(fields::METADATA_RECORD_ID);
                assert_eq!(found, Some(id), "{name} at {}", evidence.line_index);
            }
            if let Some(host) = evidence.host.as_ref().filter(|host| *host != "-") {
                assert_eq!(*event.device, host.to_lowercase(), "{name}");
            }
        }
    }
}

/// Event log files, damaged at random: nothing panics, no record that was read
/// before the damage is lost, and what is lost is accounted for.
#[test]
fn damaged_event_logs_yield_what_is_left_of_them() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no corpus beside the project; set SANDTRAP_CORPUS");
        return;
    };
    let intact = fs::read(corpus.join("files/s10.evtx")).unwrap();
    let whole = read(&intact).0.events();
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..100 {
        let mut damaged = intact.clone();
        for _ in 0..=random(20) {
            let at = 4096 + random(damaged.len() - 4096);
            damaged[at] = random(256) as u8;
        }
        if random(4) == 0 {
            damaged.truncate(4096 + random(damaged.len() - 4096));
        }
        let (recording, _) = read(&damaged);
        let summary = &recording.inputs()[0];
        assert!(recording.events() <= whole);
        assert_eq!(recording.undecodable().len() as u64, summary.undecodable);
        assert!(recording.events() > 0 || summary.undecodable > 0);
    }
}
