use std::{path::PathBuf, sync::Arc, time::Duration};

use sandtrap::{
    analytic::Configured, budget::Budget, config::Config, error::Blame, finding::Finding,
    sinks::ocsf,
};
use sandtrap_tests::{analytics, guest, root, scan_all};
use serde_json::json;

/// A recorded attack on which the five have something to say.
fn recording() -> PathBuf {
    root().join("tests/scenarios/an1252/encoded-stager-from-script-host/events.ndjson")
}

/// Part of one command line of the recording.
const POISON: &str = "whoami";

fn lines(findings: &[Finding], except: &str) -> Vec<String> {
    findings
        .iter()
        .filter(|finding| finding.analytic.id != except)
        .map(|finding| serde_json::to_string(&ocsf::detection_finding(finding)).unwrap())
        .collect()
}

/// One analytic that misbehaves in each way changes nothing for the others,
/// and is named with the reason and the blame.
#[test]
fn a_misbehaving_analytic_changes_nothing_for_the_others() {
    let good = analytics(&Config::default());
    let (alone, _) = scan_all(&[recording()], &good, 1, 4096);
    assert!(!alone.is_empty());
    let budget = Budget {
        time: Duration::from_millis(200),
        memory: 8 * 1024 * 1024,
        ..Budget::default()
    };
    for (how, reasons) in [
        ("trap", &["trap"][..]),
        ("loop", &["deadline"]),
        ("recurse", &["trap"]),
        ("allocate", &["memory"]),
        ("findings", &["memory"]),
        ("text", &["malformed_result"]),
        ("questions", &["contract", "deadline"]),
        // Refused, cut or dropped: a fault only where it takes too long.
        ("forge", &[]),
        ("log", &["deadline"]),
        ("marks", &["deadline"]),
        ("keys", &["deadline"]),
    ] {
        let settings = json!({ "Ask": false, "Misbehave": { "how": how, "at": 1 } }).to_string();
        let bad = guest("sandtrap_guest_echo", &settings, budget.clone());
        let mut all: Vec<Arc<Configured>> = good.clone();
        all.push(Arc::clone(&bad));
        let (beside, summary) = scan_all(&[recording()], &all, 1, 4096);
        let id = bad.prepared.id();
        assert_eq!(lines(&alone, id), lines(&beside, id), "{how}");
        let may_pass = ["forge", "log", "marks", "keys"].contains(&how);
        assert!(may_pass || !summary.faults.is_empty(), "{how}");
        for fault in &summary.faults {
            assert_eq!(&*fault.analytic, id);
            assert_eq!(fault.error.blame(), Blame::Guest);
            assert!(
                reasons.contains(&fault.error.reason()),
                "{how}: {}",
                fault.error
            );
        }
    }
}

/// Only the event that cannot be handled is lost: the batch is tried again in
/// halves, and what the failed call wrote is gone.
#[test]
fn one_poisonous_event_costs_one_event() {
    let whole = guest("sandtrap_guest_echo", "{}", Budget::default());
    let (all, _) = scan_all(&[recording()], &[whole], 1, 4096);
    assert!(all.len() > 2);
    for batch in [1, 3, 4096] {
        let settings = json!({ "Misbehave": { "how": "trap", "on": POISON } }).to_string();
        let poisoned = guest("sandtrap_guest_echo", &settings, Budget::default());
        let (found, summary) = scan_all(&[recording()], &[poisoned], 1, batch);
        assert_eq!(summary.faults.len(), 1, "batches of {batch}");
        assert_eq!(found.len(), all.len() - 1, "batches of {batch}");
    }
}

/// A call that returns more findings than it may is refused whole and tried
/// again in halves, so an analytic that merely has much to say loses nothing.
#[test]
fn too_many_findings_at_once_are_taken_in_halves() {
    let ample = guest("sandtrap_guest_echo", "{}", Budget::default());
    let (all, in_one) = scan_all(&[recording()], &[ample], 1, 4096);
    let budget = Budget {
        findings: 1,
        ..Budget::default()
    };
    let tight = guest("sandtrap_guest_echo", "{}", budget);
    let (found, halved) = scan_all(&[recording()], &[tight], 1, 4096);
    assert!(halved.faults.is_empty(), "{:?}", halved.faults);
    assert!(halved.counts.calls > in_one.counts.calls);
    assert_eq!(lines(&found, ""), lines(&all, ""));
}
