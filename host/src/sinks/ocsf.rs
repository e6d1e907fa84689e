//! A finding as an OCSF 1.8 Detection Finding, class 2004.
//!
//! | ours | theirs |
//! | --- | --- |
//! | the message, its chain | `metadata.uid`, `finding_info.uid` |
//! | first or later message of a chain | `activity_id` 1 Create, 2 Update |
//! | the analytic, its technique | `finding_info.analytic`, `.attacks` |
//! | the score | `risk_score` |
//! | the guilty process, its ancestors | `actor.process`, its `ancestry` |
//! | the events | `evidences`, their times and types in `finding_info.related_events` |
//! | all else | `unmapped` |
//!
//! The score is the sum of what the stages add. It ranks findings and is no
//! probability, so it is OCSF's `risk_score`, which the reporting product
//! defines, and never its `confidence_score`.
//!
//! Nothing here depends on when or where the finding is written: the same
//! finding is the same line, byte for byte.

mod evidence;
mod object;
mod process;

pub use object::{Object, Value};

use std::collections::BTreeSet;

use crate::{
    finding::{AnalyticRef, Evidence, Finding, Severity},
    vocabulary::vocabulary,
};

/// The version of OCSF that findings follow.
pub const VERSION: &str = "1.8.0";

/// The version of ATT&CK that technique names are taken from.
const ATTACK_VERSION: &str = "18.1";

/// The finding as a Detection Finding.
pub fn detection_finding(finding: &Finding) -> Object<'_> {
    let (activity_id, activity_name) = if finding.is_update {
        (2, "Update")
    } else {
        (1, "Create")
    };
    let (severity_id, severity) = severity(finding.severity);
    let events = events(finding);
    let first = events.iter().map(|event| event.time).min();
    let last = events.iter().map(|event| event.time).max();
    let mut object = Object::new()
        .number("category_uid", 2)
        .text("category_name", "Findings")
        .number("class_uid", 2004)
        .text("class_name", "Detection Finding")
        .number("activity_id", activity_id)
        .text("activity_name", activity_name)
        .number("type_uid", 200_400 + activity_id)
        .text("type_name", format!("Detection Finding: {activity_name}"))
        .number("time", finding.time)
        .number("start_time", first)
        .number("end_time", last)
        .number("severity_id", severity_id)
        .text("severity", severity)
        .text("message", &*finding.title)
        .truth("is_alert", finding.severity >= Severity::Medium)
        .number("risk_score", i64::from(finding.score));
    // An update must not set a finding back to new that someone has taken up.
    if !finding.is_update {
        object = object.number("status_id", 1).text("status", "New");
    }
    object
        .object("metadata", metadata(finding))
        .object("finding_info", finding_info(finding, &events, first, last))
        .object(
            "device",
            Object::new()
                .text("hostname", &*finding.device)
                .number("type_id", 0),
        )
        .object("actor", process::actor(&finding.tree))
        .list(
            "evidences",
            events
                .iter()
                .map(|event| evidence::evidence(event, &finding.device)),
        )
        .object("unmapped", unmapped(finding))
}

/// OCSF's number and name of a severity.
pub fn severity(severity: Severity) -> (i64, &'static str) {
    match severity {
        Severity::Informational => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn metadata(finding: &Finding) -> Object<'_> {
    let product = Object::new()
        .text("name", "Sandtrap")
        .text("vendor_name", "Sandtrap")
        .text("version", env!("CARGO_PKG_VERSION"));
    // Registry and service evidence is described by the Windows extension.
    let extension = Object::new()
        .text("name", "win")
        .text("uid", "2")
        .text("version", VERSION);
    Object::new()
        .text("version", VERSION)
        .text("uid", &*finding.uid)
        .object("product", product)
        .text("log_provider", "Sandtrap")
        .list("profiles", ["host"])
        .list("extensions", [extension])
}

fn finding_info<'a>(
    finding: &'a Finding,
    events: &[&'a Evidence],
    first: Option<i64>,
    last: Option<i64>,
) -> Object<'a> {
    // When the chain was first reported is known only while doing so.
    let created = (!finding.is_update).then_some(finding.time);
    let modified = finding.is_update.then_some(finding.time);
    Object::new()
        .text("uid", &*finding.chain_uid)
        .text("title", &*finding.title)
        .text("desc", &*finding.analytic.summary)
        .list(
            "types",
            Some(&*finding.analytic.technique.1).filter(|name| !name.is_empty()),
        )
        .number("created_time", created)
        .number("modified_time", modified)
        .number("first_seen_time", first)
        .number("last_seen_time", last)
        .object("analytic", analytic(&finding.analytic))
        .list("attacks", attacks(&finding.analytic))
        .list("data_sources", data_sources(events))
        .number("related_events_count", i64::try_from(events.len()).ok())
        .list(
            "related_events",
            events.iter().map(|event| related_event(event)),
        )
}

fn analytic(analytic: &AnalyticRef) -> Object<'_> {
    Object::new()
        .text("uid", &*analytic.id)
        .text("name", &*analytic.name)
        .text("version", &*analytic.version)
        .number("type_id", 2)
        .text("type", "Behavioral")
}

/// An attack has one tactic in OCSF, so a technique of two is told twice.
fn attacks(analytic: &AnalyticRef) -> Vec<Object<'_>> {
    let (id, name) = &analytic.technique;
    if id.is_empty() && name.is_empty() {
        return Vec::new();
    }
    let named = |id, name| Object::new().text("uid", id).text("name", name);
    let attack = match id.split_once('.') {
        Some((parent, _)) => Object::new()
            .object("technique", named(parent, ""))
            .object("sub_technique", named(id, name)),
        None => Object::new().object("technique", named(id, name)),
    }
    .text("version", ATTACK_VERSION);
    if analytic.tactics.is_empty() {
        return vec![attack];
    }
    analytic
        .tactics
        .iter()
        .map(|tactic| {
            attack
                .clone()
                .object("tactic", Object::new().text("name", &**tactic))
        })
        .collect()
}

/// The logs that the evidence comes from, or the inputs where those are not
/// named.
fn data_sources<'a>(events: &[&'a Evidence]) -> BTreeSet<&'a str> {
    events
        .iter()
        .map(|event| {
            let log = event
                .fields
                .iter()
                .find(|(name, _)| *name == "metadata.log_name");
            log.map_or(&*event.input, |(_, log)| log.as_str())
        })
        .filter(|source| !source.is_empty())
        .collect()
}

fn related_event(event: &Evidence) -> Object<'_> {
    let class = vocabulary()
        .class(event.class)
        .map(|(_, class)| &class.ocsf);
    Object::new()
        .text("uid", evidence::uid(event))
        .number(
            "type_uid",
            class.map(|class| i64::from(class.class_uid) * 100 + i64::from(class.activity_id)),
        )
        .text("title", event.class)
        .number("created_time", event.time)
}

fn unmapped(finding: &Finding) -> Object<'_> {
    let pairs = |first, second| {
        move |(a, b): &'_ (String, String)| {
            Object::new().text(first, a.clone()).text(second, b.clone())
        }
    };
    let strategy = finding.analytic.strategy.as_ref();
    Object::new()
        .list(
            "stages",
            finding.stages.iter().map(|stage| {
                Object::new()
                    .text("name", &*stage.name)
                    .number("score", i64::from(stage.score))
                    .text("summary", &*stage.summary)
                    .list(
                        "evidences",
                        stage.evidence.iter().map(|event| evidence::uid(event)),
                    )
            }),
        )
        .list(
            "details",
            finding.details.iter().map(pairs("name", "value")),
        )
        .list(
            "missing_inputs",
            finding.missing.iter().map(pairs("input", "effect")),
        )
        .list("descendants", process::descendants(&finding.tree))
        .text("component_sha256", &*finding.analytic.sha256)
        .object(
            "strategy",
            strategy.map_or_else(Object::new, |(id, name)| {
                Object::new().text("uid", &**id).text("name", &**name)
            }),
        )
}

/// The events behind a finding in their order, each once however many stages
/// cite it.
fn events(finding: &Finding) -> Vec<&Evidence> {
    let mut events: Vec<&Evidence> = finding
        .stages
        .iter()
        .flat_map(|stage| stage.evidence.iter().map(AsRef::as_ref))
        .collect();
    events.sort_by_key(|event| (event.sequence, event.uid));
    events.dedup_by_key(|event| (event.sequence, event.uid));
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::sample::{self, check_golden};

    #[test]
    fn a_finding_is_written_as_agreed() {
        let line = serde_json::to_string(&detection_finding(&sample::powershell_chain())).unwrap();
        // A release must not need new goldens.
        let ours = format!(
            r#""vendor_name":"Sandtrap","version":"{}""#,
            env!("CARGO_PKG_VERSION")
        );
        assert!(line.contains(&ours));
        let line = line.replace(&ours, r#""vendor_name":"Sandtrap","version":"0.0.0""#);
        check_golden("powershell_chain.ndjson", &(line + "\n"));
    }

    #[test]
    fn an_update_keeps_its_chain_and_status() {
        let mut finding = sample::powershell_chain();
        finding.is_update = true;
        let json = serde_json::to_value(detection_finding(&finding)).unwrap();
        assert_eq!(json["activity_id"], 2);
        assert_eq!(json["type_uid"], 200_402);
        assert_eq!(json["finding_info"]["uid"], finding.chain_uid);
        assert_eq!(json["finding_info"]["modified_time"], finding.time);
        assert!(json.get("status_id").is_none());
        assert!(json["finding_info"].get("created_time").is_none());
    }

    #[test]
    fn a_bare_finding_has_what_the_class_requires() {
        let json = serde_json::to_value(detection_finding(&sample::bare())).unwrap();
        for key in [
            "activity_id",
            "category_uid",
            "class_uid",
            "severity_id",
            "time",
            "type_uid",
        ] {
            assert!(json[key].is_i64(), "{key}");
        }
        assert_eq!(json["metadata"]["version"], "1.8.0");
        assert_eq!(json["finding_info"]["analytic"]["type_id"], 2);
        assert!(json.get("actor").is_none());
        assert!(json.get("evidences").is_none());
    }
}
