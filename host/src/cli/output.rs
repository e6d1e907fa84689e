//! How commands show what they know: text for people, JSON for programs.

use std::{io::IsTerminal, ops::Range};

use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// How a command shows what it knows.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Output {
    /// How to show it [default: text on a terminal, JSON when piped].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading.
    Text,
    /// For programs: one object, or an object a line where things are listed.
    Json,
}

impl Output {
    /// Whether JSON is wanted.
    pub fn is_json(self) -> bool {
        match self.format {
            Some(format) => format == Format::Json,
            None => self.json || !std::io::stdout().is_terminal(),
        }
    }
}

/// A table as wide as the terminal, with numbers in some columns.
pub fn table(header: &[&str], numbers: Range<usize>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(super::width()).unwrap_or(u16::MAX))
        .set_header(header);
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// How far a name is set off from what is listed behind it.
const INDENT: usize = 16;

/// A name and words behind it, on as many lines as they take.
pub fn item(name: &str, text: &str) -> String {
    let mut item = format!("  {name:0$}", INDENT - 2);
    let mut width = item.chars().count();
    for (position, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if position > 0 && width + length >= super::width() {
            item.push_str(&format!("\n{:INDENT$}", ""));
            width = INDENT;
        } else if position > 0 {
            item.push(' ');
            width += 1;
        }
        item.push_str(word);
        width += length;
    }
    item.push('\n');
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_continued_below_the_first() {
        let text = vec!["event"; 40].join(" ");
        let item = item("events", &text);
        let lines: Vec<&str> = item.lines().collect();
        assert!(lines.len() > 1, "{item}");
        assert!(
            lines[0].starts_with("  events        event event"),
            "{item}"
        );
        assert!(
            lines[1].starts_with("                event event"),
            "{item}"
        );
        assert!(
            lines.iter().all(|line| line.len() <= crate::cli::width()),
            "{item}"
        );
        assert_eq!(super::item("size", "1"), "  size          1\n");
    }
}
