//! The process tree of a finding, drawn.

use super::{
    page::{Page, Span, span},
    style::Role,
    text::shorten,
    time::offset,
};
use crate::{finding::TreeProcess, sinks::base_name};

/// How many lines a tree may take; a process can start thousands.
const MAX_LINES: usize = 48;

/// How deep it is indented; a chain of hundreds of shells would leave no room
/// for their names.
const MAX_DEPTH: usize = 12;

/// The mark of the guilty process, for terminals without colour.
const MARK: &str = " ◀ this one";

/// Draws the tree; `first` is when the first evidence happened.
pub(super) fn draw(page: &mut Page, tree: &[TreeProcess], first: i64) {
    let rows = rows(tree);
    let guides = guides(&rows);
    for (row, guide) in rows.iter().zip(guides).take(MAX_LINES) {
        let mut spans = vec![span(Role::Quiet, format!("    {guide}"))];
        match row.process {
            Some(process) => describe(&mut spans, process, row.user, first),
            None => {
                let what = if row.hidden == 1 { "child" } else { "children" };
                spans.push(span(Role::Quiet, format!("… {} more {what}", row.hidden)));
            }
        }
        let room = page
            .width()
            .saturating_sub(spans.iter().map(Span::width).sum::<usize>() + 2);
        if let Some(process) = row.process
            && room >= 8
        {
            let command = if process.command_line.is_empty() {
                &process.image
            } else {
                &process.command_line
            };
            spans.push(span(Role::Text, "  "));
            spans.push(span(Role::Text, shorten(command, room)));
        }
        page.line(spans);
    }
    page.left_out(4, rows.len().saturating_sub(MAX_LINES), "more processes");
}

/// A line of the tree: a process, or a note on children that are not in it.
struct Row<'a> {
    depth: usize,
    process: Option<&'a TreeProcess>,
    hidden: u32,
    /// The account, where it is not the one of the process above.
    user: &'a str,
}

fn describe(spans: &mut Vec<Span>, process: &TreeProcess, user: &str, first: i64) {
    let name = base_name(&process.image);
    let name = if name.is_empty() {
        "(never seen)"
    } else {
        name
    };
    // A name is long only to push the rest out of sight.
    let name = shorten(name, 32);
    let role = if process.is_guilty {
        Role::Alarm
    } else {
        Role::Strong
    };
    spans.push(span(role, name));
    if let Some(pid) = process.pid {
        spans.push(span(Role::Quiet, format!(" {pid}")));
    }
    if process.is_guilty {
        spans.push(span(Role::Alarm, MARK));
    }
    if let Some(started) = process.started {
        spans.push(span(Role::Quiet, format!("  {}", offset(started, first))));
    }
    if !user.is_empty() {
        spans.push(span(Role::Quiet, format!("  {}", shorten(user, 32))));
    }
}

/// The processes and behind each one's children a note on those left out.
fn rows(tree: &[TreeProcess]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::with_capacity(tree.len());
    // The processes that the current one descends from, with the depth at
    // which each is drawn: a tree without its root starts at the left as well.
    let mut open: Vec<(usize, &TreeProcess)> = Vec::new();
    for process in tree {
        close(&mut rows, &mut open, process.depth);
        let depth = open
            .last()
            .map_or(0, |(above, _)| (above + 1).min(MAX_DEPTH));
        let above = open.last().map_or("", |(_, above)| above.user.as_str());
        let user = if process.user == above {
            ""
        } else {
            &process.user
        };
        rows.push(Row {
            depth,
            process: Some(process),
            hidden: 0,
            user,
        });
        open.push((depth, process));
    }
    close(&mut rows, &mut open, 0);
    rows
}

/// Ends the processes that are as deep as `depth` or deeper.
fn close<'a>(rows: &mut Vec<Row<'a>>, open: &mut Vec<(usize, &'a TreeProcess)>, depth: u32) {
    while let Some((drawn, process)) = open.pop_if(|(_, above)| above.depth >= depth) {
        if process.hidden_children > 0 {
            let (depth, hidden) = (drawn + 1, process.hidden_children);
            rows.push(Row {
                depth,
                process: None,
                hidden,
                user: "",
            });
        }
    }
}

/// The lines in front of each row.
fn guides(rows: &[Row<'_>]) -> Vec<String> {
    let mut guides = vec![String::new(); rows.len()];
    // From below, `has_next[d]`: whether a sibling at that depth follows.
    let mut has_next: Vec<bool> = Vec::new();
    for (row, guide) in rows.iter().zip(&mut guides).rev() {
        has_next.resize(row.depth + 1, false);
        for (depth, next) in has_next.iter().enumerate().skip(1) {
            guide.push_str(match (depth == row.depth, next) {
                (true, true) => "├─ ",
                (true, false) => "└─ ",
                (false, true) => "│  ",
                (false, false) => "   ",
            });
        }
        if let Some(own) = has_next.last_mut() {
            *own = true;
        }
    }
    guides
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::{sample, terminal::Layout};

    fn drawn(depths: &[(u32, u32)]) -> String {
        let template = sample::powershell_chain().tree.remove(0);
        let tree: Vec<_> = depths
            .iter()
            .map(|(depth, hidden)| TreeProcess {
                depth: *depth,
                hidden_children: *hidden,
                image: "p".into(),
                command_line: String::new(),
                pid: None,
                started: None,
                user: String::new(),
                ..template.clone()
            })
            .collect();
        let mut page = Page::new(Layout {
            width: 40,
            ..Layout::default()
        });
        draw(&mut page, &tree, 0);
        let text = page.finish().replace("  p\n", "\n");
        text.lines()
            .map(|line| line.trim_start_matches("    ").to_owned() + "\n")
            .collect()
    }

    #[test]
    fn guides_join_siblings() {
        assert_eq!(
            drawn(&[(0, 0), (1, 0), (2, 0), (1, 0)]),
            "p\n├─ p\n│  └─ p\n└─ p\n"
        );
    }

    #[test]
    fn hidden_children_come_last() {
        assert_eq!(
            drawn(&[(0, 2), (1, 1), (2, 0), (1, 0)]),
            "p\n├─ p\n│  ├─ p\n│  └─ … 1 more child\n├─ p\n└─ … 2 more children\n"
        );
    }

    #[test]
    fn gaps_in_depth_are_closed() {
        assert_eq!(drawn(&[(3, 0), (9, 0), (1, 0)]), "p\n└─ p\np\n");
    }

    #[test]
    fn long_trees_are_cut() {
        let depths: Vec<_> = (0..500).map(|depth| (depth, 0)).collect();
        let text = drawn(&depths);
        assert_eq!(text.lines().count(), MAX_LINES + 1);
        assert!(text.contains("… 452 more processes"));
    }
}
