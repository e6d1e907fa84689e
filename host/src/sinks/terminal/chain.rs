//! One finding as an analyst reads it: what it is, how it came about, what is
//! not known, and the process tree.

use std::collections::{HashMap, HashSet};

use super::{
    badge, evidence,
    page::{Page, span},
    style::Role,
    text::{block, shorten, width},
    time::{length, moment, offset},
    tree,
};
use crate::finding::{Evidence, Finding, Stage};

/// How many stages, and how many events of each, are shown. Budgets bound
/// findings already; these keep one from filling the screen many times over.
const MAX_STAGES: usize = 16;
const MAX_EVENTS: usize = 8;

/// How many details, and how many lines of each, are shown.
const MAX_DETAILS: usize = 8;
const MAX_DETAIL_LINES: usize = 8;

/// How many missing inputs are shown.
const MAX_MISSING: usize = 8;

/// How wide the name of a stage may be.
const MAX_NAME: usize = 24;

/// How narrow the summary of a stage may get before it moves below the name.
const MIN_SUMMARY: usize = 32;

/// Writes a finding; `updates` is how often it was updated.
pub(super) fn write(page: &mut Page, finding: &Finding, updates: u32) {
    let events = finding.stages.iter().flat_map(|stage| &stage.evidence);
    let first = events.map(|event| event.time).min().unwrap_or(finding.time);
    header(page, finding, first, updates);
    chain(page, &finding.stages, first);
    details(page, &finding.details);
    missing(page, &finding.missing);
    if !finding.tree.is_empty() {
        page.heading("Process tree", "started before or after the first event");
        tree::draw(page, &finding.tree, first);
    }
}

fn header(page: &mut Page, finding: &Finding, first: i64, updates: u32) {
    let badge = span(
        Role::Badge(finding.severity),
        badge(finding.severity, page.colour()),
    );
    page.paragraph(
        vec![badge, span(Role::Text, " ")],
        Role::Strong,
        &finding.title,
        3,
    );

    let mut about = vec![finding.device.to_string(), moment(finding.time)];
    if first < finding.time {
        about.push(format!(
            "began {} earlier",
            length(finding.time.abs_diff(first))
        ));
    }
    match updates {
        0 => {}
        1 => about.push("updated once".to_owned()),
        _ => about.push(format!("updated {updates} times")),
    }
    let analytic = &finding.analytic;
    let (technique, technique_name) = &analytic.technique;
    let by = [
        format!("{} {} {}", analytic.id, analytic.name, analytic.version),
        format!("{technique} {technique_name}"),
        analytic.tactics.join(", "),
        format!("score {}", finding.score),
    ];
    let names = [
        format!("finding {}", finding.uid),
        format!("chain {}", finding.chain_uid),
    ];
    for (role, parts) in [
        (Role::Text, &about[..]),
        (Role::Text, &by),
        (Role::Quiet, &names),
    ] {
        let parts: Vec<_> = parts
            .iter()
            .map(|part| part.trim())
            .filter(|part| !part.is_empty())
            .collect();
        page.paragraph(vec![span(Role::Text, "  ")], role, &parts.join(" · "), 2);
    }
}

fn chain(page: &mut Page, stages: &[Stage], first: i64) {
    if stages.is_empty() {
        return;
    }
    page.heading("Chain", &format!("from {}", moment(first)));
    let names = stages
        .iter()
        .take(MAX_STAGES)
        .map(|stage| width(&shorten(&stage.name, MAX_NAME)));
    let column = names.max().unwrap_or_default();
    let mut seen = Seen::default();
    for (number, stage) in (1..).zip(stages).take(MAX_STAGES) {
        if number > 1 {
            page.gap();
        }
        let name = shorten(&stage.name, MAX_NAME);
        let padding = " ".repeat(column.saturating_sub(width(&name)));
        let start = vec![
            span(Role::Quiet, format!("  {number:>2} ")),
            span(Role::Strong, name),
            span(Role::Text, padding),
            span(Role::Accent, format!(" {:+3}  ", stage.score)),
        ];
        if start.iter().map(|part| part.width()).sum::<usize>() + MIN_SUMMARY > page.width() {
            page.line(start);
            page.paragraph(
                vec![span(Role::Text, " ".repeat(5))],
                Role::Text,
                &stage.summary,
                3,
            );
        } else {
            page.paragraph(start, Role::Text, &stage.summary, 3);
        }
        for event in stage.evidence.iter().take(MAX_EVENTS) {
            event_lines(page, event, first, number, &mut seen);
        }
        page.left_out(
            5,
            stage.evidence.len().saturating_sub(MAX_EVENTS),
            "more events",
        );
    }
    page.left_out(2, stages.len().saturating_sub(MAX_STAGES), "more stages");
}

/// What was shown further up: the stages of a chain often share an event, and
/// its events a process.
#[derive(Default)]
struct Seen {
    events: HashMap<(u64, u64), usize>,
    texts: HashSet<String>,
}

/// An event of stage `stage`, its fields unless they were shown before.
fn event_lines(page: &mut Page, event: &Evidence, first: i64, stage: usize, seen: &mut Seen) {
    let earlier = *seen
        .events
        .entry((event.sequence, event.uid))
        .or_insert(stage);
    let from = if earlier == stage {
        evidence::origin(event)
    } else {
        format!("the event of stage {earlier}")
    };
    page.line([
        span(Role::Quiet, format!("{:>12}  ", offset(event.time, first))),
        span(Role::Class, format!("{:<16}", event.class)),
        span(Role::Quiet, from),
    ]);
    if earlier != stage {
        return;
    }
    for row in evidence::rows(event) {
        let is_new = row.again.is_empty() || seen.texts.insert(row.text.clone());
        let text = if is_new { &row.text } else { &row.again };
        page.labelled(14, row.label, row.role, text, row.lines);
    }
}

fn details(page: &mut Page, details: &[(String, String)]) {
    for (name, text) in details.iter().take(MAX_DETAILS) {
        let name = shorten(name, page.width().saturating_sub(4));
        let mut letters = name.chars();
        let name: String = letters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .chain(letters)
            .collect();
        page.heading(&name, "");
        let room = page.width().saturating_sub(6);
        let (lines, left_out) = block(text, room, MAX_DETAIL_LINES);
        for line in lines {
            // The bar tells the analyst's screen from the attacker's text.
            page.line([span(Role::Quiet, "    │ "), span(Role::Text, line)]);
        }
        page.left_out(4, left_out, "more characters");
    }
    page.left_out(2, details.len().saturating_sub(MAX_DETAILS), "more details");
}

fn missing(page: &mut Page, missing: &[(String, String)]) {
    if missing.is_empty() {
        return;
    }
    page.heading("Not seen", "");
    for (input, effect) in missing.iter().take(MAX_MISSING) {
        let mark = vec![span(Role::Accent, "  !  ")];
        page.paragraph(
            mark,
            Role::Text,
            &format!("{}: {effect}", shorten(input, 60)),
            2,
        );
    }
    page.left_out(5, missing.len().saturating_sub(MAX_MISSING), "more inputs");
}
