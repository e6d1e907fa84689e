//! A backtest: every labelled case scanned from a clean state, and what the
//! analytics said compared with what the labels say they should.

pub mod labels;
mod score;

use std::{collections::BTreeMap, ops::ControlFlow, path::Path, sync::Arc, time::Duration};

pub use score::{Score, Tally};

use crate::{
    analytic::Configured,
    config::Site,
    finding::Finding,
    pipeline, scan,
    scan::{ScanError, scan},
    sources::{self, Input},
};
use labels::Case;

/// What came of a backtest.
#[derive(Debug, Default)]
pub struct Backtest {
    /// Cases scanned.
    pub cases: usize,
    /// Events decoded in all cases.
    pub events: u64,
    /// Records that could not be decoded.
    pub undecodable: u64,
    /// Time spent scanning; compiling is not part of it.
    pub time: Duration,
    /// The verdicts, by analytic.
    pub scores: BTreeMap<String, Score>,
    /// Every verdict, for a report by case.
    pub verdicts: Vec<Verdict>,
}

/// What became of one analytic on one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The case.
    pub case: String,
    /// The analytic.
    pub analytic: String,
    /// What happened.
    pub result: Result<(), String>,
}

/// Scans one case and adds what came of it.
pub fn run_case(
    backtest: &mut Backtest,
    folder: &Path,
    case: &Case,
    analytics: &[Arc<Configured>],
    options: &pipeline::Options,
) -> Result<(), ScanError> {
    let input = Input {
        path: Some(folder.join(&case.file)),
        is_explicit: true,
    };
    let mut findings: Vec<Finding> = Vec::new();
    let summary = scan(
        &[input],
        analytics,
        pipeline::Start::default(),
        &sources::Options::default(),
        options.clone(),
        &mut |_: scan::Progress| {},
        &mut |finding| {
            findings.push(finding);
            ControlFlow::Continue(())
        },
    )?;
    backtest.cases += 1;
    backtest.events += summary.events;
    backtest.undecodable += summary.undecodable_count();
    backtest.time += summary.reading + summary.analysing;
    for analytic in analytics {
        let id = analytic.prepared.id();
        let Some(label) = case.analytics.iter().find(|label| label.id == id) else {
            continue;
        };
        let of_analytic: Vec<&Finding> = findings
            .iter()
            .filter(|finding| finding.analytic.id == id)
            .collect();
        let score = backtest.scores.entry(id.to_owned()).or_default();
        if let Some(result) = score.judge(&case.case, label, &of_analytic) {
            backtest.verdicts.push(Verdict {
                case: case.case.clone(),
                analytic: id.to_owned(),
                result,
            });
        }
    }
    Ok(())
}

/// The site a case was recorded on: the operator's own, with what the case
/// says in its place.
pub fn site_of(case: &Case, operators: &Site) -> Site {
    let mut site = operators.clone();
    if let Some(networks) = case
        .site_config
        .as_ref()
        .and_then(|config| config.internal_cidrs.clone())
    {
        site.internal_networks = Some(networks);
    }
    site
}
