use std::collections::BTreeSet;

use serde_json::Value;

use crate::metrics::{
    Analytic, AnalyticFault, HostCalls, Metrics, Reload, Sink, Source, SourceReason,
};

/// Metrics of which each has a value: those without any are not rendered. A
/// new one does not compile before it is here.
fn rendered() -> String {
    let metrics = Metrics::default();
    let Metrics {
        records,
        record_bytes,
        duplicates,
        undecodable,
        mistimed,
        dropped,
        refused,
        queue_bytes: _,
        analytic_events,
        analytic_findings,
        analytic_faults,
        analytic_unseen,
        analytic_seconds,
        analytic_quarantined,
        analytic_memory,
        host_calls,
        reloads,
        swap_seconds: _,
        analytics: _,
        delivered,
        sink_queue,
        sink_retries,
        sink_dropped,
        dead_letters: _,
        dead_letters_dropped: _,
        lineage_devices: _,
        lineage_processes: _,
        lineage_bytes: _,
        lineage_capacity_bytes: _,
        lineage_evictions: _,
        lineage_misses: _,
        commits: _,
        commit_seconds: _,
    } = &metrics;
    let source = "http".to_owned();
    let label = Source {
        source: source.clone(),
    };
    for family in [
        records,
        record_bytes,
        duplicates,
        undecodable,
        mistimed,
        dropped,
    ] {
        drop(family.get_or_create(&label));
    }
    let reason = "token";
    drop(refused.get_or_create(&SourceReason { source, reason }));
    let analytic = "AN1".to_owned();
    let label = Analytic {
        analytic: analytic.clone(),
    };
    for family in [analytic_events, analytic_findings, analytic_unseen] {
        drop(family.get_or_create(&label));
    }
    drop(analytic_seconds.get_or_create(&label));
    drop(analytic_memory.get_or_create(&label));
    drop(analytic_quarantined.get_or_create(&label));
    drop(analytic_faults.get_or_create(&AnalyticFault {
        analytic: analytic.clone(),
        reason: "trap",
        blame: "guest",
    }));
    let outcome = "denied";
    let function = "log.write";
    drop(host_calls.get_or_create(&HostCalls {
        analytic,
        function,
        outcome,
    }));
    drop(reloads.get_or_create(&Reload { result: "failed" }));
    let label = Sink {
        sink: "stdout".to_owned(),
    };
    for family in [delivered, sink_retries, sink_dropped] {
        drop(family.get_or_create(&label));
    }
    drop(sink_queue.get_or_create(&label));
    Metrics::render(&metrics.registry())
}

/// The names in a text that begin as ours do.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c))
        .filter(|word| word.starts_with("sandtrap_"))
        .collect()
}

/// Buckets, sum and count are one metric.
fn stem(name: &str) -> &str {
    let ends = ["_bucket", "_sum", "_count"];
    ends.iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name)
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let board: Value = serde_json::from_str(include_str!("../../packaging/grafana.json")).unwrap();
    let variables = board["templating"]["list"].as_array().unwrap();
    assert_eq!(variables[0]["type"], "datasource");
    let panels = board["panels"].as_array().unwrap();
    let mut shown = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            shown.extend(names(target["expr"].as_str().unwrap()));
        }
    }
    let text = rendered();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let exist: BTreeSet<&str> = samples.flat_map(names).collect();
    let unknown: Vec<&&str> = shown.difference(&exist).collect();
    assert!(unknown.is_empty(), "shown, but not counted: {unknown:?}");
    let shown: BTreeSet<&str> = shown.into_iter().map(stem).collect();
    let exist: BTreeSet<&str> = exist.into_iter().map(stem).collect();
    let missing: Vec<&&str> = exist.difference(&shown).collect();
    assert!(missing.is_empty(), "counted, but not shown: {missing:?}");
}
