//! Gathering findings for a report, and its outline.

use std::collections::{BTreeMap, HashMap};

use super::{
    Layout, SEVERITIES, chain,
    page::{Page, span},
    style::Role,
    summary::{self, Tally},
    text::grouped,
};
use crate::finding::{Finding, Severity};

/// Wider than this, the eye loses the line.
const WIDEST: usize = 160;

/// How many findings a report keeps unless told otherwise. Analytics gone wild
/// must not fill the memory of the node.
const MAX_FINDINGS: usize = 1_000;

/// Findings gathered for a report: of every chain the latest, in the order in
/// which the chains first appeared.
#[derive(Debug, Clone)]
pub struct Report {
    limit: usize,
    kept: BTreeMap<u64, Kept>,
    by_chain: HashMap<String, u64>,
    arrivals: u64,
    hidden: usize,
    tally: Tally,
}

#[derive(Debug, Clone)]
struct Kept {
    finding: Finding,
    updates: u32,
}

impl Default for Report {
    fn default() -> Self {
        Self::with_limit(MAX_FINDINGS)
    }
}

impl Report {
    /// An empty report that keeps at most that many findings; the others are
    /// only counted.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            kept: BTreeMap::new(),
            by_chain: HashMap::new(),
            arrivals: 0,
            hidden: 0,
            tally: Tally::new(),
        }
    }

    /// Adds a finding, or replaces the earlier one of the same chain.
    pub fn add(&mut self, finding: &Finding) {
        let earlier = self.by_chain.get(&finding.chain_uid);
        if let Some(kept) = earlier.and_then(|arrival| self.kept.get_mut(arrival)) {
            let was = kept.finding.severity;
            kept.updates = kept.updates.saturating_add(1);
            kept.finding = finding.clone();
            self.count(finding, Some(was));
            return;
        }
        // An update of a chain that is not here may be of one that had no room
        // and was counted then.
        let is_counted = finding.is_update && self.hidden > 0;
        if is_counted {
            self.hidden -= 1;
        } else {
            self.count(finding, None);
        }
        if self.kept.len() >= self.limit && !self.make_room(finding.severity) {
            self.hidden += 1;
            return;
        }
        self.arrivals += 1;
        self.by_chain
            .insert(finding.chain_uid.clone(), self.arrivals);
        self.kept.insert(
            self.arrivals,
            Kept {
                finding: finding.clone(),
                updates: 0,
            },
        );
    }

    /// How many findings there are, chains counted once.
    pub fn len(&self) -> usize {
        self.kept.len() + self.hidden
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The report as text.
    pub fn render(&self, layout: Layout) -> String {
        let mut page = Page::new(Layout {
            width: layout.width.min(WIDEST),
            ..layout
        });
        if self.is_empty() {
            page.line([span(Role::Text, "No findings.")]);
            return page.finish();
        }
        for (number, kept) in (1..).zip(self.kept.values()) {
            page.rule(&format!("{number} of {}", grouped(self.len())));
            chain::write(&mut page, &kept.finding, kept.updates);
            page.gap();
        }
        if self.hidden > 0 {
            page.left_out(0, self.hidden, "more findings, none worse than those above");
            page.gap();
        }
        page.rule("summary");
        summary::write(&mut page, &self.tally);
        page.finish()
    }

    /// Gives up the latest of the least severe findings for a worse one.
    fn make_room(&mut self, severity: Severity) -> bool {
        let least = self
            .kept
            .iter()
            .rev()
            .min_by_key(|(_, kept)| kept.finding.severity)
            .filter(|(_, kept)| kept.finding.severity < severity)
            .map(|(arrival, _)| *arrival);
        let Some(dropped) = least.and_then(|arrival| self.kept.remove(&arrival)) else {
            return false;
        };
        self.by_chain.remove(&dropped.finding.chain_uid);
        self.hidden += 1;
        true
    }

    /// Counts a finding, in place of one of that severity if there was one.
    fn count(&mut self, finding: &Finding, was: Option<Severity>) {
        let analytic = &finding.analytic;
        let (_, counts) = self
            .tally
            .entry(analytic.id.clone())
            .or_insert_with(|| (analytic.name.clone(), Default::default()));
        for ((severity, _), count) in SEVERITIES.iter().zip(counts) {
            *count += usize::from(*severity == finding.severity);
            *count -= usize::from(Some(*severity) == was && *count > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::sample;

    fn report(findings: impl IntoIterator<Item = Finding>) -> Report {
        let mut report = Report::default();
        findings
            .into_iter()
            .for_each(|finding| report.add(&finding));
        report
    }

    #[test]
    fn nothing_found_is_said() {
        assert_eq!(
            Report::default().render(Layout::default()),
            "No findings.\n"
        );
    }

    #[test]
    fn later_findings_of_a_chain_replace_earlier_ones() {
        let first = sample::powershell_chain();
        let other = sample::bare();
        let update = Finding {
            is_update: true,
            severity: Severity::High,
            ..first.clone()
        };
        let report = report([first, other, update]);
        assert_eq!(report.len(), 2);
        let text = report.render(Layout::default());
        assert!(text.contains("updated once"));
        assert!(!text.contains("CRITICAL"), "{text}");
        assert!(text.find("[HIGH]") < text.find("[LOW]"));
    }

    #[test]
    fn a_full_report_keeps_the_worst() {
        let finding = |number: u32, severity| Finding {
            chain_uid: number.to_string(),
            title: format!("finding {number}"),
            severity,
            ..sample::bare()
        };
        let mut report = Report::with_limit(2);
        report.add(&finding(1, Severity::Low));
        report.add(&finding(2, Severity::Low));
        report.add(&finding(3, Severity::Critical));
        report.add(&finding(4, Severity::Low));
        assert_eq!(report.len(), 4);
        let update = Finding {
            is_update: true,
            ..finding(4, Severity::Low)
        };
        report.add(&update);
        assert_eq!(
            report.len(),
            4,
            "an update of a hidden chain is no new finding"
        );
        let text = report.render(Layout::default());
        assert!(
            text.contains("finding 1") && text.contains("finding 3"),
            "{text}"
        );
        assert!(
            !text.contains("finding 2") && !text.contains("finding 4"),
            "{text}"
        );
        assert!(text.contains("… 2 more findings"), "{text}");
    }
}
