//! `sandtrap deadletter show`.

use std::{fmt::Write as _, io::Write, process::ExitCode};

use clap::Args;

use super::PATH;
use crate::{
    cli::{client::Connection, output::Output},
    daemon::repairs::{Letter, Numbered},
    sinks::terminal::neutral,
};

/// Show a dead letter with the record it is about.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    connection: Connection,
    /// The letter's number.
    #[arg(value_name = "NUMBER")]
    number: u64,
    #[command(flatten)]
    output: Output,
    /// Nothing but the bytes of the record, such as for `sandtrap scan`.
    #[arg(long, conflicts_with_all = ["json", "format"])]
    raw: bool,
}

impl Show {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.client()?;
        let text = client
            .get(&format!("{PATH}/{}", self.number))
            .map_err(|error| error.naming("sandtrap deadletter list"))?;
        let Numbered { number, letter } = client.parse(&text)?;
        let mut out = std::io::stdout().lock();
        // A reader that has enough is no fault.
        let _ = if self.raw {
            if letter.is_cut {
                eprintln!("only the beginning of this record was kept");
            }
            out.write_all(&letter.record())
        } else if self.output.is_json() {
            writeln!(out, "{text}")
        } else {
            out.write_all(page(number, &letter).as_bytes())
        };
        Ok(ExitCode::SUCCESS)
    }
}

/// The letter for a terminal. It quotes what others wrote.
fn page(number: u64, letter: &Letter) -> String {
    let mut page = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{name:9} {}", neutral(value));
    };
    line("number", &number.to_string());
    line("time", &letter.time);
    line("reason", &letter.reason);
    line("error", &letter.error);
    for (name, value) in [("analytic", &letter.analytic), ("blame", &letter.blame)] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    line("source", &letter.source);
    line("input", &letter.input);
    line("record", &letter.record.to_string());
    if letter.replays > 0 {
        line("replays", &letter.replays.to_string());
    }
    if letter.is_cut {
        line("kept", "only the beginning; it cannot be replayed");
    }
    page.push('\n');
    for line in pretty(letter).lines() {
        page.push_str(&neutral(line));
        page.push('\n');
    }
    page
}

/// The record, laid out if it is JSON.
fn pretty(letter: &Letter) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_str(&letter.event).ok();
    parsed
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or_else(|| letter.event.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::repairs::Form;

    #[test]
    fn the_record_is_laid_out_without_control_characters() {
        let letter = Letter {
            analytic: Some("AN1".to_owned()),
            replays: 2,
            ..Letter::new("trap", "trapped\u{1b}[2J")
        };
        let record = br#"{"EventID":1,"Image":"C:\\a.exe"}"#;
        let page = page(3, &letter.with_record(Form::Json, record));
        assert!(page.contains("analytic  AN1\n"), "{page}");
        assert!(page.contains("replays   2\n"), "{page}");
        assert!(page.ends_with("{\n  \"EventID\": 1,\n  \"Image\": \"C:\\\\a.exe\"\n}\n"));
        assert!(!page.contains('\u{1b}'), "{page}");
    }
}
