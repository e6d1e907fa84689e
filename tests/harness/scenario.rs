//! Scenarios: a folder with events and what was found in them when somebody
//! last looked and agreed. `UPDATE=1 cargo test` records anew; the diff is for
//! a reader.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sandtrap::{config::Config, finding::Finding};
use serde_json::{Value, json};

use crate::{analytics, root, scan_all};

/// Every scenario: `tests/scenarios/<analytic>/<case>`.
pub fn all() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for analytic in folders(&root().join("tests/scenarios")) {
        found.extend(folders(&analytic));
    }
    assert!(!found.is_empty(), "no scenarios");
    found
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// Scans a scenario with all analytics and compares with `findings.json`.
/// Returns what differs.
pub fn check(folder: &Path) -> Result<(), String> {
    let found = json(&run(folder));
    let recorded = folder.join("findings.json");
    if update_wanted() {
        fs::write(&recorded, format!("{found:#}\n")).unwrap();
        return Ok(());
    }
    let expected: Value = fs::read(&recorded)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or(Value::Null);
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "{}: found\n{found:#}\nbut recorded was\n{expected:#}\n\
         If the change is meant, record it with UPDATE=1.",
        folder.display()
    ))
}

/// What all analytics find in a scenario.
pub fn run(folder: &Path) -> Vec<Finding> {
    let mut config = Config::default();
    if let Ok(site) = fs::read(folder.join("site.json")) {
        config.site = serde_json::from_slice(&site).unwrap();
    }
    if let Ok(settings) = fs::read(folder.join("settings.json")) {
        config.analytics = serde_json::from_slice(&settings).unwrap();
    }
    let events = folder.join("events.ndjson");
    let (findings, summary) = scan_all(&[events], &analytics(&config), 1, 4096);
    assert_eq!(summary.undecodable_count(), 0, "{:?}", summary.undecodable);
    assert!(summary.faults.is_empty(), "{:?}", summary.faults);
    findings
}

/// What a reader wants to see of findings, without what changes for no reason.
fn json(findings: &[Finding]) -> Value {
    findings.iter().map(one).collect()
}

fn one(finding: &Finding) -> Value {
    let stages: Vec<Value> = finding
        .stages
        .iter()
        .map(|stage| {
            let records: Vec<u32> = stage
                .evidence
                .iter()
                .map(|evidence| evidence.origin.record)
                .collect();
            json!({
                "name": stage.name,
                "score": stage.score,
                "summary": stage.summary,
                "records": records,
            })
        })
        .collect();
    let guilty = finding.tree.iter().find(|process| process.is_guilty);
    json!({
        "analytic": finding.analytic.id,
        "title": finding.title,
        "severity": format!("{:?}", finding.severity),
        "score": finding.score,
        "is_update": finding.is_update,
        "process": guilty.map(|process| &process.image),
        "stages": stages,
        "missing": finding.missing.iter().map(|(input, _)| input).collect::<Vec<_>>(),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the person at the keyboard says it through the environment"
)]
/// Whether what is recorded is to be written anew.
pub fn update_wanted() -> bool {
    std::env::var_os("UPDATE").is_some()
}
