//! `sandtrap deadletter replay`.

use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::{Filter, PATH};
use crate::{
    cli::{
        client::{Client, Connection},
        output::Output,
    },
    daemon::repairs::{Numbered, ReplayReport, ReplayResult, Replayed},
    sinks::terminal::neutral,
};

/// Have dead letters tried again.
///
/// A record that could not be decoded is decoded again, and all analytics see
/// it. An event that an analytic could not handle is shown again to that one
/// alone, in the version that runs now. What succeeds leaves the dead letters.
/// Exits with 2 if something did not.
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    connection: Connection,
    /// The letters' numbers.
    #[arg(value_name = "NUMBER", required_unless_present = "all")]
    numbers: Vec<u64>,
    /// All letters that there are now.
    #[arg(long, conflicts_with = "numbers")]
    all: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    output: Output,
}

/// How many letters are sent at once; the daemon takes no more.
const AT_ONCE: usize = 100;

/// How long the daemon may take for them.
const PATIENCE: Duration = Duration::from_secs(600);

impl Replay {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let has_filter = self.filter.analytic.is_some() || self.filter.reason.is_some();
        anyhow::ensure!(
            self.all || !has_filter,
            "--analytic and --reason choose among all letters; write --all instead of numbers"
        );
        let client = self.connection.client()?;
        let mut out = Shown {
            is_json: self.output.is_json(),
            ..Shown::default()
        };
        if self.all {
            self.replay_all(&client, &mut out)?;
        } else {
            replay_numbers(&client, self.numbers, &mut out)?;
        }
        out.end();
        Ok(if out.left == 0 && out.missing == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(2)
        })
    }

    /// Page by page, up to the letter that is the newest now: what fails as a
    /// fresh record makes a new one.
    fn replay_all(&self, client: &Client, out: &mut Shown) -> anyhow::Result<()> {
        #[derive(serde::Deserialize)]
        struct Newest {
            letters: Vec<Numbered>,
        }
        let query = self.filter.add_to(format!("{PATH}?limit=1"));
        let newest: Newest = client.parse(&client.get(&query)?)?;
        if newest.letters.is_empty() {
            eprintln!("{}", self.filter.nothing());
        }
        let newest = newest.letters.last().map_or(0, |letter| letter.number);
        let mut after = 0;
        while after < newest {
            let query = format!("{PATH}/replay?after={after}&limit={AT_ONCE}");
            let report = replay(client, &self.filter.add_to(query))?;
            let Some(last) = report.letters.last() else {
                break;
            };
            after = last.number;
            report.letters.iter().for_each(|letter| out.show(letter));
        }
        Ok(())
    }
}

fn replay_numbers(client: &Client, mut numbers: Vec<u64>, out: &mut Shown) -> anyhow::Result<()> {
    numbers.sort_unstable();
    numbers.dedup();
    while !numbers.is_empty() {
        let some = numbers.iter().take(AT_ONCE).map(u64::to_string);
        let some: Vec<String> = some.collect();
        let report = replay(client, &format!("{PATH}/replay?numbers={}", some.join(",")))?;
        // The daemon may stop early, and begins with at least one.
        anyhow::ensure!(!report.letters.is_empty(), "the daemon replayed nothing");
        for letter in &report.letters {
            out.show(letter);
            numbers.retain(|number| *number != letter.number);
        }
    }
    Ok(())
}

fn replay(client: &Client, path: &str) -> anyhow::Result<ReplayReport> {
    Ok(client.parse(&client.post(path, PATIENCE)?)?)
}

/// What came of the letters, as it is shown.
#[derive(Debug, Default)]
struct Shown {
    is_json: bool,
    handled: u64,
    findings: u64,
    /// Letters that are still there.
    left: u64,
    /// Letters that are not there, or not any more.
    missing: u64,
}

impl Shown {
    fn show(&mut self, letter: &Replayed) {
        let is_handled = letter.result == ReplayResult::Handled;
        *match letter.result {
            ReplayResult::Handled => &mut self.handled,
            ReplayResult::Failed | ReplayResult::Kept => &mut self.left,
            ReplayResult::Missing => &mut self.missing,
        } += 1;
        self.findings += letter.findings;
        if self.is_json {
            // A handful of words and numbers always can be written.
            println!("{}", serde_json::to_string(letter).unwrap_or_default());
        } else if !is_handled {
            println!("{}", line(letter));
        }
    }

    fn summary(&self) -> String {
        let (handled, findings, left) = (self.handled, self.findings, self.left);
        let summary = format!("{handled} handled, {findings} new findings, {left} left");
        match self.missing {
            0 => summary,
            missing => format!("{summary}, {missing} not there"),
        }
    }

    fn end(&self) {
        if !self.is_json {
            println!("{}", self.summary());
        }
    }
}

/// A letter that was not handled, as a line.
fn line(letter: &Replayed) -> String {
    let word = match letter.result {
        ReplayResult::Handled => "handled",
        ReplayResult::Failed => "failed again",
        ReplayResult::Kept => "not replayed",
        ReplayResult::Missing => {
            return format!(
                "{} is no dead letter, or not any more; `sandtrap deadletter list` lists them",
                letter.number
            );
        }
    };
    match &letter.error {
        Some(error) => format!("{} {word}: {}", letter.number, neutral(error)),
        None => format!("{} {word}", letter.number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_is_left_says_why() {
        let failed = Replayed {
            number: 3,
            result: ReplayResult::Failed,
            error: Some("trapped\u{1b}[2J".to_owned()),
            ..Replayed::default()
        };
        assert_eq!(line(&failed), "3 failed again: trapped␛[2J");
        let missing = Replayed::default();
        assert!(line(&missing).contains("sandtrap deadletter list"));
        let mut out = Shown {
            is_json: true,
            ..Shown::default()
        };
        out.show(&failed);
        out.show(&missing);
        assert_eq!(
            out.summary(),
            "0 handled, 0 new findings, 1 left, 1 not there"
        );
    }
}
