use std::{path::PathBuf, sync::Arc};

use sandtrap::{config::Config, finding::Finding, sinks::ocsf};
use sandtrap_tests::{analytics, corpus, scan_all};

/// Files of every shape, with findings of all analytics, several devices and
/// clocks that disagree; few enough for a test run.
const FILES: [&str; 9] = [
    "s01.ndjson.gz",
    "s02.ndjson.gz",
    "s05.ndjson.gz",
    "s07.evtx",
    "s13.ndjson.gz",
    "s20.jsonl.gz",
    "s25.ndjson.gz",
    "s30.xml.gz",
    "s40.ndjson.gz",
];

/// The same events give the same findings, byte for byte, whatever the batch
/// size and the number of shards.
#[test]
fn findings_do_not_depend_on_batches_or_shards() {
    let Some(corpus) = corpus() else { return };
    let paths: Vec<PathBuf> = FILES
        .iter()
        .map(|file| corpus.join("files").join(file))
        .collect();
    let analytics = analytics(&Config::default());
    let found = |shards, batch| {
        let (findings, summary) = scan_all(&paths, &analytics, shards, batch);
        assert!(summary.faults.is_empty(), "{:?}", summary.faults);
        let lines: Vec<String> = findings
            .iter()
            .map(|finding| serde_json::to_string(&ocsf::detection_finding(finding)).unwrap())
            .collect();
        lines.join("\n")
    };
    let expected = found(1, 8192);
    assert!(expected.lines().count() > 10, "{expected}");
    for shards in [1, 2, 4] {
        for batch in [1, 7, 256, 8192] {
            let found = found(shards, batch);
            if found != expected {
                let differs = found
                    .lines()
                    .zip(expected.lines())
                    .find(|(found, expected)| found != expected);
                panic!("{shards} shards, batches of {batch}: {differs:#?}");
            }
        }
    }
}

/// What an analytic finds does not depend on who else is installed: neither by
/// what is kept for others, nor by what they do.
#[test]
fn findings_are_the_same_alone_and_in_company() {
    let Some(corpus) = corpus() else { return };
    let paths: Vec<PathBuf> = FILES
        .iter()
        .map(|file| corpus.join("files").join(file))
        .collect();
    let all = analytics(&Config::default());
    let (together, _) = scan_all(&paths, &all, 1, 4096);
    for analytic in &all {
        let id = analytic.prepared.id();
        let (alone, _) = scan_all(&paths, &[Arc::clone(analytic)], 1, 4096);
        let in_company: Vec<&Finding> = together
            .iter()
            .filter(|finding| finding.analytic.id == id)
            .collect();
        assert_eq!(alone.len(), in_company.len(), "{id}");
        for (alone, in_company) in alone.iter().zip(in_company) {
            // Sequences count what is kept for all.
            let line = |finding| serde_json::to_string(&ocsf::detection_finding(finding)).unwrap();
            assert_eq!(line(alone), line(in_company), "{id}");
        }
    }
}

/// Every file is read to its end: as many records as the labels say.
#[test]
fn every_file_is_read_to_its_end() {
    let Some(corpus) = corpus() else { return };
    let labels: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(corpus.join("labels.json")).unwrap()).unwrap();
    for case in &labels {
        let path = corpus.join(case["file"].as_str().unwrap());
        let (_, summary) = scan_all(&[path], &[], 1, 8192);
        let expected = case["events"].as_u64().unwrap();
        let read = summary.events + summary.undecodable_count();
        assert_eq!(read, expected, "{}", case["case"]);
        assert!(
            summary.undecodable_count() <= case["undecodable"].as_u64().unwrap(),
            "{}: {:?}",
            case["case"],
            summary.undecodable
        );
    }
}
