//! `sandtrap backtest`: how good the analytics are on labelled telemetry.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;

use super::{Installed, output::Output, width};
use crate::{
    backtest::{Backtest as Outcome, Tally, labels, run_case, site_of},
    pipeline,
};

/// Measure the analytics on labelled telemetry.
///
/// Reads DIR/labels.json and scans every case from a clean state. A positive
/// counts as found only if a finding cites a labelled event or process.
#[derive(Debug, Args)]
pub struct Backtest {
    /// Folder with a labels.json and the recordings it names.
    folder: PathBuf,
    #[command(flatten)]
    installed: Installed,
    /// Only these cases. Repeatable.
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    #[command(flatten)]
    output: Output,
    /// Also write a JUnit report, for CI.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Threads that analyse.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    shards: u16,
    /// Exit with 1 if anything is missed or wrong.
    #[arg(long)]
    strict: bool,
}

impl Backtest {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let cases = labels::read(&self.folder)?;
        if let Some(unknown) = self
            .case
            .iter()
            .find(|name| cases.iter().all(|case| case.case != **name))
        {
            anyhow::bail!("no case `{unknown}` in {}", self.folder.display());
        }
        let loaded = self.installed.load()?;
        let options = pipeline::Options {
            shards: self.shards as usize,
            ..pipeline::Options::default()
        };
        let bar = progress_bar(cases.len() as u64);
        let mut result = Outcome::default();
        for case in &cases {
            bar.inc(1);
            if !self.case.is_empty() && !self.case.contains(&case.case) {
                continue;
            }
            let analytics = loaded.configure(&site_of(case, &loaded.config.site))?;
            run_case(&mut result, &self.folder, case, &analytics, &options)
                .with_context(|| format!("case {}", case.case))?;
        }
        bar.finish_and_clear();
        if let Some(path) = &self.junit {
            write_junit(path, &result)?;
        }
        if self.output.is_json() {
            println!("{}", object(&result));
        } else {
            print(&result, loaded.time);
        }
        let is_clean = result.verdicts.iter().all(|verdict| verdict.result.is_ok());
        if self.strict && result.verdicts.is_empty() {
            anyhow::bail!(
                "no label of {} is about these analytics",
                self.folder.display()
            );
        }
        Ok(if !loaded.is_complete() {
            ExitCode::from(2)
        } else if self.strict && !is_clean {
            ExitCode::from(1)
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn progress_bar(cases: u64) -> ProgressBar {
    let bar = ProgressBar::new(cases);
    if let Ok(style) = ProgressStyle::with_template("cases {bar:32} {pos}/{len}") {
        bar.set_style(style);
    }
    bar
}

fn object(result: &Outcome) -> serde_json::Value {
    json!({
        "cases": result.cases,
        "events": result.events,
        "undecodable": result.undecodable,
        "seconds": result.time.as_secs_f64(),
        "analytics": result.scores,
    })
}

fn print(result: &Outcome, start_up: Duration) {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width()).unwrap_or(u16::MAX))
        .set_header([
            "analytic",
            "core",
            "broad",
            "false positives",
            "unrelated",
            "missed",
            "false positive in",
        ]);
    for (id, score) in &result.scores {
        table.add_row([
            id.clone(),
            of(score.core),
            of(score.broad),
            format!("{} of {}", score.false_positives, score.negatives),
            score.unrelated.to_string(),
            score.missed_cases.join(" "),
            score.false_positive_cases.join(" "),
        ]);
    }
    println!("{table}");
    let seconds = result.time.as_secs_f64();
    println!(
        "{} cases, {} events, {} undecodable, {seconds:.2} s, {:.0} events/s; \
         loading the analytics took {:.2} s before that",
        result.cases,
        result.events,
        result.undecodable,
        result.events as f64 / seconds.max(1e-9),
        start_up.as_secs_f64(),
    );
}

fn of(tally: Tally) -> String {
    format!("{} of {}", tally.found, tally.expected)
}

fn write_junit(path: &Path, result: &Outcome) -> anyhow::Result<()> {
    let mut report = Report::new("sandtrap backtest");
    for id in result.scores.keys() {
        let mut suite = TestSuite::new(id.as_str());
        for verdict in &result.verdicts {
            if verdict.analytic != *id {
                continue;
            }
            let status = match &verdict.result {
                Ok(()) => TestCaseStatus::success(),
                Err(why) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(why.as_str());
                    status
                }
            };
            suite.add_test_case(TestCase::new(verdict.case.as_str(), status));
        }
        report.add_test_suite(suite);
    }
    let text = report.to_string().context("cannot make the JUnit report")?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
