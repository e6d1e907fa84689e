//! `sandtrap reload`: the daemon reads its configuration and analytics again.

use std::{fmt::Write as _, process::ExitCode, time::Duration};

use clap::Args;

use super::{client::Connection, output::Output};
use crate::{daemon::ReloadReport, sinks::terminal::neutral};

/// Have the daemon read its configuration and its analytics again.
///
/// It does so by itself when they change; this waits for it and says what came
/// of it.
#[derive(Debug, Args)]
pub struct Reload {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// How long compiling a folder of analytics may take.
const PATIENCE: Duration = Duration::from_secs(600);

impl Reload {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.client()?;
        let answer = client.post("/api/v1/reload", PATIENCE)?;
        let report: ReloadReport = client.parse(&answer)?;
        if self.output.is_json() {
            println!("{answer}");
        } else {
            print!("{}", text(&report));
        }
        Ok(if report.refused.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(2)
        })
    }
}

/// The report in lines.
fn text(report: &ReloadReport) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    for (what, ids) in [("loaded", &report.loaded), ("unloaded", &report.unloaded)] {
        for id in ids {
            let _ = writeln!(out, "{what:9} {}", neutral(id));
        }
    }
    for (file, error) in &report.refused {
        let _ = writeln!(out, "refused   {}: {}", neutral(file), neutral(error));
    }
    let changed = match report.pause_us {
        Some(us) => format!("events waited {}.{:03} ms", us / 1000, us % 1000),
        None => "nothing changed".to_owned(),
    };
    let _ = writeln!(out, "{} analytics run; {changed}", report.analytics.len());
    for one in &report.analytics {
        let _ = writeln!(
            out,
            "  {} {} {}",
            neutral(&one.id),
            neutral(&one.version),
            neutral(&one.sha256)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_runs_and_what_was_refused() {
        let report: ReloadReport = serde_json::from_str(
            r#"{"loaded":["AN1"],"unloaded":["AN2"],"refused":{"a.wasm":"no\u001b[2J"},
                "analytics":[{"id":"AN1","version":"1.0.0","sha256":"ab"}],"pause_us":1234}"#,
        )
        .unwrap();
        assert_eq!(
            text(&report),
            "loaded    AN1\nunloaded  AN2\nrefused   a.wasm: no␛[2J\n\
             1 analytics run; events waited 1.234 ms\n  AN1 1.0.0 ab\n"
        );
        let unchanged = ReloadReport::default();
        assert_eq!(text(&unchanged), "0 analytics run; nothing changed\n");
    }
}
