//! How many findings each analytic has, by severity.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};

use super::{
    SEVERITIES,
    page::{Page, Span, span},
    style::Role,
    text::{grouped, shorten},
};

/// Numbers of findings by severity, in the order of [`SEVERITIES`].
pub(super) type Counts = [usize; SEVERITIES.len()];

/// The counts of every analytic by its identifier, with its name.
pub(super) type Tally = BTreeMap<String, (String, Counts)>;

/// Columns that the numbers take together, with what stands between them.
const NUMBERS: usize = 46;

/// Columns that names want at least.
const NAMES: usize = 16;

/// Writes the table.
pub(super) fn write(page: &mut Page, tally: &Tally) {
    let room = page.width().saturating_sub(NUMBERS);
    if room < NAMES {
        return write_narrow(page, tally);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let names = SEVERITIES.iter().map(|(_, name)| (*name).to_owned());
    table.set_header(
        ["analytic".to_owned()]
            .into_iter()
            .chain(names)
            .chain(["total".to_owned()]),
    );
    let mut sum = Counts::default();
    for (id, (name, counts)) in tally {
        table.add_row(cells(shorten(&format!("{id} {name}"), room), counts));
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    if tally.len() > 1 {
        table.add_row(cells("total".to_owned(), &sum));
    }
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((2, 0));
        if number > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // The table knows nothing of colour: its lines are cut into their cells
    // again, counted from the right, where every character is one column wide.
    let widths: Vec<_> = table.column_max_content_widths();
    let widths: Vec<_> = widths
        .iter()
        .skip(1)
        .map(|width| usize::from(*width) + 2)
        .collect();
    for (number, line) in table.lines().enumerate() {
        let mut rest: Vec<char> = line.chars().collect();
        let mut cells: Vec<Span> = Vec::with_capacity(widths.len() + 1);
        let severities = SEVERITIES
            .iter()
            .rev()
            .map(|(severity, _)| Role::Severity(*severity));
        let roles = [Role::Strong].into_iter().chain(severities);
        for (width, role) in widths.iter().rev().zip(roles) {
            let cell: String = rest
                .split_off(rest.len().saturating_sub(*width))
                .into_iter()
                .collect();
            let role = if cell.trim() == "·" {
                Role::Quiet
            } else {
                role
            };
            cells.push(span(role, cell));
        }
        let role = if number == 0 { Role::Quiet } else { Role::Text };
        cells.push(span(role, rest.into_iter().collect::<String>()));
        page.line(cells.into_iter().rev());
    }
}

/// The same for terminals that have no room for a table.
fn write_narrow(page: &mut Page, tally: &Tally) {
    for (id, (_, counts)) in tally {
        page.line([span(Role::Text, format!("  {id}"))]);
        for ((severity, name), count) in SEVERITIES.iter().zip(counts) {
            if *count > 0 {
                let count = format!("    {} {name}", grouped(*count));
                page.line([span(Role::Severity(*severity), count)]);
            }
        }
    }
}

fn cells(name: String, counts: &Counts) -> Vec<String> {
    let number = |count: &usize| {
        if *count == 0 {
            "·".to_owned()
        } else {
            grouped(*count)
        }
    };
    let mut cells = vec![name];
    cells.extend(counts.iter().map(number));
    cells.push(number(&counts.iter().sum()));
    cells
}
