//! `sandtrap tail`: the daemon's findings as they come.

use std::{
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    client::{Client, ClientError, Connection},
    colour_wanted, width,
};
use crate::{
    finding::Severity,
    sinks::terminal::{Headline, Layout, brief},
};

/// Follow the daemon's findings.
///
/// A restart of the daemon is waited out; no finding is left out or shown
/// twice then.
#[derive(Debug, Args)]
pub struct Tail {
    #[command(flatten)]
    connection: Connection,
    /// How many of the latest findings to show first.
    #[arg(short = 'n', long, default_value_t = 10, value_name = "COUNT",
          value_parser = clap::value_parser!(u16).range(0..=1000))]
    lines: u16,
    /// Show those and stop.
    #[arg(long)]
    no_follow: bool,
    /// Lines for reading on a terminal, OCSF elsewhere, unless given.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The same as `--format ocsf`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for reading: time, severity, analytic, device, score, title.
    Brief,
    /// OCSF Detection Findings, one JSON object a line.
    Ocsf,
}

/// How long to wait before asking a daemon again that is gone.
const PAUSE: Duration = Duration::from_secs(2);

/// Longest line of the daemon.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// A finding and its number, by which one goes on after it.
#[derive(Debug, Deserialize)]
struct Numbered<'a> {
    number: u64,
    #[serde(borrow)]
    finding: &'a RawValue,
}

#[derive(Debug, Deserialize)]
struct Recent<'a> {
    #[serde(borrow)]
    findings: Vec<Numbered<'a>>,
}

/// Why following ended.
enum End {
    /// The daemon is gone.
    Connection,
    /// Whoever reads our output is gone.
    Reader,
}

impl Tail {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.client()?;
        let is_terminal = io::stdout().is_terminal();
        let is_brief = match self.format {
            Some(format) => format == Format::Brief,
            None => is_terminal && !self.json,
        };
        let layout = is_brief.then(|| Layout {
            colour: colour_wanted(),
            width: if is_terminal { width() } else { usize::MAX },
            brief: true,
        });
        let mut out = Output {
            out: io::stdout().lock(),
            layout,
            last: None,
        };
        let first = format!("/api/v1/findings?limit={}", self.lines);
        if self.no_follow {
            let text = client.get(&first)?;
            let recent: Recent<'_> =
                serde_json::from_str(&text).map_err(|error| client.malformed(error))?;
            let mut all = recent.findings.iter();
            // A reader that has enough is no fault.
            let _ = all.try_for_each(|finding| out.write(finding));
            return Ok(ExitCode::SUCCESS);
        }
        if self.lines == 0 {
            out.last = Some(latest(&client)?);
        }
        follow(&client, &first, &mut out)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The number of the latest finding.
fn latest(client: &Client) -> Result<u64, ClientError> {
    let text = client.get("/api/v1/findings?limit=1")?;
    let recent: Recent<'_> =
        serde_json::from_str(&text).map_err(|error| client.malformed(error))?;
    Ok(recent.findings.last().map_or(0, |finding| finding.number))
}

/// Follows until our reader is gone; a daemon that goes away is waited for.
fn follow<W: Write>(client: &Client, first: &str, out: &mut Output<W>) -> Result<(), ClientError> {
    let mut is_waiting = false;
    let mut is_connected = false;
    loop {
        let path = match out.last {
            Some(last) => format!("/api/v1/findings?follow=true&after={last}"),
            // Before the connection broke there was none.
            None if is_connected => "/api/v1/findings?follow=true&after=0".to_owned(),
            None => format!("{first}&follow=true"),
        };
        match client.follow(&path) {
            Ok(answer) => {
                (is_connected, is_waiting) = (true, false);
                match copy(answer, client, out)? {
                    End::Reader => return Ok(()),
                    End::Connection => {}
                }
            }
            Err(error) if !(is_connected && error.is_passing()) => return Err(error),
            Err(_) => {}
        }
        if !is_waiting {
            eprintln!("the daemon at {} is gone; waiting for it", client.base());
            is_waiting = true;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Writes what comes until one of the two ends is gone.
fn copy<W: Write>(
    answer: impl Read,
    client: &Client,
    out: &mut Output<W>,
) -> Result<End, ClientError> {
    let mut answer = BufReader::new(answer);
    let mut line = String::new();
    loop {
        line.clear();
        match answer.by_ref().take(MAX_LINE).read_line(&mut line) {
            Ok(0) | Err(_) => return Ok(End::Connection),
            // Cut off by the end of the connection; it comes again.
            Ok(_) if !line.ends_with('\n') => return Ok(End::Connection),
            // Shows that the daemon is there.
            Ok(1) => continue,
            Ok(_) => {}
        }
        let finding: Numbered<'_> =
            serde_json::from_str(&line).map_err(|error| client.malformed(error))?;
        if out.write(&finding).is_err() {
            return Ok(End::Reader);
        }
    }
}

/// Where findings are shown.
struct Output<W> {
    out: W,
    /// How they are laid out; as they are, if absent.
    layout: Option<Layout>,
    /// The number of the last one.
    last: Option<u64>,
}

impl<W: Write> Output<W> {
    fn write(&mut self, numbered: &Numbered<'_>) -> io::Result<()> {
        self.last = Some(numbered.number);
        let json = numbered.finding.get();
        match self.layout {
            Some(layout) => self.out.write_all(headline(json, layout).as_bytes())?,
            None => writeln!(self.out, "{json}")?,
        }
        self.out.flush()
    }
}

/// A finding in OCSF as one line.
fn headline(json: &str, layout: Layout) -> String {
    let finding: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let number = |key: &str| finding.get(key).and_then(|value| value.as_i64());
    let text = |path: &str| finding.pointer(path).and_then(|value| value.as_str());
    let severity = match number("severity_id") {
        Some(5..) => Severity::Critical,
        Some(4) => Severity::High,
        Some(3) => Severity::Medium,
        Some(2) => Severity::Low,
        _ => Severity::Informational,
    };
    let headline = Headline {
        time: number("time").unwrap_or_default(),
        severity,
        analytic: text("/finding_info/analytic/uid").unwrap_or("?"),
        device: text("/device/hostname").unwrap_or("?"),
        score: number("risk_score")
            .and_then(|score| score.try_into().ok())
            .unwrap_or_default(),
        title: text("/message").unwrap_or_default(),
        is_update: number("activity_id") == Some(2),
    };
    brief(headline, layout)
}

#[cfg(test)]
mod tests;
