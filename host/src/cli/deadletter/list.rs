//! `sandtrap deadletter list`.

use std::{io::Write, process::ExitCode};

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Filter, PATH};
use crate::{
    cli::{
        client::Connection,
        output::{self, Output},
    },
    daemon::repairs::Numbered,
    sinks::terminal::neutral,
};

/// List the latest dead letters, the newest last.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    filter: Filter,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_name = "COUNT",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    #[command(flatten)]
    output: Output,
}

/// How much of an error is shown.
const ERROR: usize = 100;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    letters: Vec<&'a RawValue>,
}

impl List {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.client()?;
        let query = self.filter.add_to(format!("{PATH}?limit={}", self.limit));
        let text = client.get(&query)?;
        let answer: Answer<'_> =
            serde_json::from_str(&text).map_err(|error| client.malformed(error))?;
        let mut out = std::io::stdout().lock();
        if self.output.is_json() {
            for letter in answer.letters {
                // A reader that has enough is no fault.
                if writeln!(out, "{letter}").is_err() {
                    break;
                }
            }
            return Ok(ExitCode::SUCCESS);
        }
        let mut letters = Vec::new();
        for letter in answer.letters {
            letters.push(client.parse(letter.get())?);
        }
        if letters.is_empty() {
            println!("{}", self.filter.nothing());
        } else {
            println!("{}", table(&letters));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The letters for a terminal. They quote what others wrote.
fn table(letters: &[Numbered]) -> String {
    let header = [
        "NUMBER", "TIME", "REASON", "BLAME", "ANALYTIC", "SOURCE", "INPUT", "RECORD", "ERROR",
    ];
    let mut table = output::table(&header, 0..1);
    let or_none = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), neutral);
    for Numbered { number, letter } in letters {
        table.add_row([
            number.to_string(),
            neutral(&second(&letter.time)),
            neutral(&letter.reason),
            or_none(letter.blame.as_deref()),
            or_none(letter.analytic.as_deref()),
            neutral(&letter.source),
            neutral(&letter.input),
            letter.record.to_string(),
            short(&neutral(&letter.error)),
        ]);
    }
    table.trim_fmt()
}

/// A time without what is smaller than a second.
fn second(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => time.to_owned(),
    }
}

fn short(error: &str) -> String {
    match error.char_indices().nth(ERROR) {
        Some((end, _)) => format!("{}…", error.get(..end).unwrap_or_default()),
        None => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::repairs::Letter;

    #[test]
    fn a_letter_is_a_line_without_control_characters() {
        let letter = Letter {
            time: "2026-03-04T09:00:00.123456Z".to_owned(),
            analytic: Some("AN1".to_owned()),
            blame: Some("guest".to_owned()),
            record: 7,
            ..Letter::new("trap", format!("trapped\u{1b}[2J {}", "x".repeat(200)))
        };
        let letter = letter.from_input("http", "events", 7);
        let letter = Letter {
            time: "2026-03-04T09:00:00.123456Z".to_owned(),
            ..letter
        };
        let table = table(&[Numbered { number: 12, letter }]);
        for words in ["12", "2026-03-04T09:00:00Z", "trap", "guest", "AN1", "http"] {
            assert!(table.contains(words), "{words}: {table}");
        }
        assert!(table.contains('…') && !table.contains('\u{1b}'), "{table}");
    }
}
