//! Findings for people: a report at the end, or a line each as they come.
//!
//! Everything in a finding but its structure may come from a machine that is
//! under attack, so no text reaches the terminal before `page.rs` has made it
//! harmless.

mod chain;
mod evidence;
mod page;
mod report;
mod style;
mod summary;
mod text;
mod time;
mod tree;

pub use report::Report;
pub(crate) use text::neutral;

use std::io::Write;

use self::{
    page::{Page, span},
    style::Role,
    text::{shorten, width},
};
use super::{Sink, SinkError, failed};
use crate::finding::{Finding, Severity};

/// What a terminal is shown, and how.
///
/// Whether it is one, and how wide, is for the caller to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Whether there is colour.
    pub colour: bool,
    /// Columns; a report is never wider than 160 and never narrower than 20.
    /// `usize::MAX` keeps the lines of [`brief`] whole.
    pub width: usize,
    /// Whether each finding is a line, written as it comes, rather than a
    /// section of a report at the end.
    pub brief: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            colour: false,
            width: 100,
            brief: false,
        }
    }
}

/// The severities and their short names, the worst first.
const SEVERITIES: [(Severity, &str); 5] = [
    (Severity::Critical, "critical"),
    (Severity::High, "high"),
    (Severity::Medium, "medium"),
    (Severity::Low, "low"),
    (Severity::Informational, "info"),
];

/// What one line says about a finding.
#[derive(Debug, Clone, Copy)]
pub struct Headline<'a> {
    /// When it happened, milliseconds since 1970 UTC.
    pub time: i64,
    /// How bad it is.
    pub severity: Severity,
    /// The identifier of the analytic.
    pub analytic: &'a str,
    /// The device.
    pub device: &'a str,
    /// The score.
    pub score: i32,
    /// What happened.
    pub title: &'a str,
    /// Whether it adds to an earlier one.
    pub is_update: bool,
}

impl<'a> From<&'a Finding> for Headline<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            time: finding.time,
            severity: finding.severity,
            analytic: &finding.analytic.id,
            device: &finding.device,
            score: finding.score,
            title: &finding.title,
            is_update: finding.is_update,
        }
    }
}

/// A finding as one line: time, severity, analytic, device, score and title.
pub fn brief<'a>(finding: impl Into<Headline<'a>>, layout: Layout) -> String {
    let finding = finding.into();
    let mut page = Page::new(layout);
    let badge = badge(finding.severity, layout.colour);
    let padding = " ".repeat(WIDEST_BADGE.saturating_sub(width(&badge)) + 1);
    let update = if finding.is_update { " (update)" } else { "" };
    page.line([
        span(Role::Quiet, time::moment(finding.time)),
        span(Role::Text, " "),
        span(Role::Badge(finding.severity), badge),
        span(Role::Text, padding),
        span(Role::Strong, shorten(finding.analytic, 32)),
        span(Role::Text, format!(" {}", shorten(finding.device, 48))),
        span(Role::Accent, format!(" {}", finding.score)),
        span(Role::Text, format!(" {}", finding.title)),
        span(Role::Quiet, update),
    ]);
    page.finish()
}

/// How it is called in messages.
const NAME: &str = "terminal";

/// Writes findings for people: a report after the last one, or a line for each
/// as it comes.
#[derive(Debug)]
pub struct Terminal<W: Write> {
    out: W,
    layout: Layout,
    report: Report,
}

impl<W: Write> Terminal<W> {
    /// A sink that writes to `out`.
    pub fn new(out: W, layout: Layout) -> Self {
        Self {
            out,
            layout,
            report: Report::default(),
        }
    }
}

impl<W: Write> Sink for Terminal<W> {
    fn name(&self) -> &str {
        NAME
    }

    fn write(&mut self, finding: &Finding) -> Result<(), SinkError> {
        if !self.layout.brief {
            self.report.add(finding);
            return Ok(());
        }
        let line = brief(finding, self.layout);
        self.out
            .write_all(line.as_bytes())
            .map_err(failed(NAME, "writing a finding"))
    }

    /// Lines are passed on. A report is for someone who waits for it, not for
    /// keeping, and comes at the end.
    fn commit(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(failed(NAME, "flushing findings"))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        if !self.layout.brief {
            let text = self.report.render(self.layout);
            self.out
                .write_all(text.as_bytes())
                .map_err(failed(NAME, "writing the report"))?;
        }
        self.commit()
    }
}

/// Columns of the longest badge, `[CRITICAL]`.
const WIDEST_BADGE: usize = 10;

/// A severity as a badge; brackets stand in for a coloured ground.
fn badge(severity: Severity, colour: bool) -> String {
    let known = SEVERITIES.iter().find(|(known, _)| *known == severity);
    let name = known.map_or("", |(_, name)| name).to_uppercase();
    if colour {
        format!(" {name} ")
    } else {
        format!("[{name}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::sample::{self, check_golden};

    fn report(findings: impl IntoIterator<Item = Finding>) -> Report {
        let mut report = Report::default();
        findings
            .into_iter()
            .for_each(|finding| report.add(&finding));
        report
    }

    #[test]
    fn a_report_looks_as_agreed() {
        let report = report([sample::powershell_chain(), sample::bare()]);
        check_golden("report.txt", &report.render(Layout::default()));
        let colour = Layout {
            colour: true,
            ..Layout::default()
        };
        check_golden("report_colour.txt", &report.render(colour));
        let narrow = Layout {
            width: 60,
            ..Layout::default()
        };
        check_golden("report_60.txt", &report.render(narrow));
    }

    #[test]
    fn hostile_text_stays_in_its_place() {
        let report = report([sample::hostile()]);
        for width in [0, 20, 21, 40, 60, 100, 160] {
            let text = report.render(Layout {
                width,
                ..Layout::default()
            });
            for line in text.lines() {
                assert!(text::width(line) <= width.max(20), "{width}: {line}");
                assert!(!line.starts_with("[CRITICAL] forged"), "{line}");
            }
            let is_safe = |c: char| c == '\n' || text::neutral(&format!("a{c}")) == format!("a{c}");
            assert!(text.chars().all(is_safe), "at width {width}");
            assert!(text.lines().count() < 600, "{}", text.lines().count());
        }
        let line = brief(
            &sample::hostile(),
            Layout {
                width: usize::MAX,
                ..Layout::default()
            },
        );
        assert_eq!(line.lines().count(), 1);
        assert!(!line.contains('\u{1b}'));
        let colour = report.render(Layout {
            colour: true,
            ..Layout::default()
        });
        for sequence in colour.split('\u{1b}').skip(1) {
            let code = sequence
                .strip_prefix('[')
                .and_then(|rest| rest.split_once('m'));
            let digits = code.map_or("?", |(code, _)| code);
            assert!(
                digits.chars().all(|c| c.is_ascii_digit() || c == ';'),
                "{digits}"
            );
        }
    }

    #[test]
    fn a_brief_line_says_the_essentials() {
        let wide = Layout {
            width: 120,
            ..Layout::default()
        };
        assert_eq!(
            brief(&sample::bare(), wide),
            "2026-03-04 09:16:06.140 UTC [LOW]      AN1252 ws-042.corp.example 10 Something was seen\n"
        );
    }

    #[test]
    fn reports_come_at_the_end_and_lines_at_once() {
        for brief in [false, true] {
            let layout = Layout {
                brief,
                ..Layout::default()
            };
            let mut sink = Terminal::new(Vec::new(), layout);
            sink.write(&sample::bare()).unwrap();
            sink.commit().unwrap();
            assert_eq!(sink.out.is_empty(), !brief);
            sink.finish().unwrap();
            let text = String::from_utf8(sink.out).unwrap();
            assert_eq!(text.matches("Something was seen").count(), 1);
        }
    }
}
