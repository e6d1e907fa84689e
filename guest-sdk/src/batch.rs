//! A batch as it crossed, checked once so that rows can read it without
//! copying and without looking at every value again.

use crate::{
    bindings::sandtrap::analytic::events as wire,
    row::Row,
    vocabulary::{Field, Layout},
};

/// All tables of a batch.
pub(crate) struct Batch<'b> {
    tables: Vec<Table<'b>>,
}

/// The rows that matched one subscription.
pub(crate) struct Table<'b> {
    pub subscription: usize,
    pub layout: &'b Layout,
    pub events: &'b [u64],
    pub times: &'b [i64],
    columns: Vec<Column<'b>>,
}

enum Column<'b> {
    Text(Texts<'b>),
    Dictionary { values: Texts<'b>, codes: &'b [u32] },
    Unsigned(&'b [u64]),
}

struct Texts<'b> {
    text: &'b str,
    ends: &'b [u32],
}

impl<'b> Batch<'b> {
    /// Checks everything a row relies on; says what is wrong otherwise.
    pub fn check(batch: &'b wire::Batch, layouts: &'b [Layout]) -> Result<Self, String> {
        let mut tables: Vec<Table<'b>> = Vec::with_capacity(batch.tables.len());
        for table in &batch.tables {
            let number = table.subscription;
            let wrong = |reason: String| format!("table of subscription {number}: {reason}");
            let subscription = number as usize;
            if tables
                .iter()
                .any(|known| known.subscription == subscription)
            {
                return Err(wrong("there are two".to_owned()));
            }
            let layout = layouts
                .get(subscription)
                .ok_or_else(|| wrong(format!("there are {} subscriptions", layouts.len())))?;
            tables.push(Table::check(table, subscription, layout).map_err(wrong)?);
        }
        Ok(Self { tables })
    }

    /// Every row, in event order across the tables. An event that is in
    /// several tables comes once for each, in their order.
    pub fn for_each_row(&self, mut visit: impl FnMut(&Row<'_>)) {
        let mut next = vec![0; self.tables.len()];
        loop {
            let mut first: Option<(u64, usize)> = None;
            for (number, (table, row)) in self.tables.iter().zip(&next).enumerate() {
                if let Some(&event) = table.events.get(*row)
                    && first.is_none_or(|(lowest, _)| event < lowest)
                {
                    first = Some((event, number));
                }
            }
            let Some((_, number)) = first else { return };
            let (Some(table), Some(row)) = (self.tables.get(number), next.get_mut(number)) else {
                return;
            };
            if let Some(found) = Row::of(table, *row) {
                visit(&found);
            }
            *row += 1;
        }
    }
}

impl<'b> Table<'b> {
    fn check(
        table: &'b wire::Table,
        subscription: usize,
        layout: &'b Layout,
    ) -> Result<Self, String> {
        let rows = table.events.len();
        if table.times.len() != rows {
            return Err(format!("{} times for {rows} events", table.times.len()));
        }
        if !table.events.is_sorted_by(|left, right| left < right) {
            return Err("its events do not ascend".to_owned());
        }
        if table.columns.len() != layout.fields.len() {
            let (columns, fields) = (table.columns.len(), layout.fields.len());
            return Err(format!("{columns} columns for {fields} fields"));
        }
        let columns = table
            .columns
            .iter()
            .zip(&layout.fields)
            .map(|(column, field)| {
                Column::check(column, *field, rows)
                    .map_err(|reason| format!("column `{}`: {reason}", field.name()))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            subscription,
            layout,
            events: &table.events,
            times: &table.times,
            columns,
        })
    }

    /// The text at a position of the layout; empty where it is absent.
    pub fn text(&self, column: usize, row: usize) -> &'b str {
        match self.columns.get(column) {
            Some(Column::Text(texts)) => texts.get(row),
            Some(Column::Dictionary { values, codes }) => {
                codes.get(row).map_or("", |code| values.get(*code as usize))
            }
            _ => "",
        }
    }

    /// The number at a position of the layout.
    pub fn number(&self, column: usize, row: usize) -> Option<u64> {
        match self.columns.get(column) {
            Some(Column::Unsigned(numbers)) => numbers
                .get(row)
                .copied()
                .filter(|number| *number != u64::MAX),
            _ => None,
        }
    }
}

impl<'b> Column<'b> {
    fn check(column: &'b wire::Column, field: Field, rows: usize) -> Result<Self, String> {
        let (checked, is_text, found) = match column {
            wire::Column::Text(texts) => (Self::Text(Texts::check(texts)?), true, texts.ends.len()),
            wire::Column::Dictionary(dictionary) => {
                let values = Texts::check(&dictionary.values)?;
                let codes = dictionary.codes.as_slice();
                if codes.iter().any(|code| *code as usize >= values.ends.len()) {
                    return Err("a code without a value".to_owned());
                }
                (Self::Dictionary { values, codes }, true, codes.len())
            }
            wire::Column::Unsigned(numbers) => (Self::Unsigned(numbers), false, numbers.len()),
            // No field of this vocabulary is signed.
            wire::Column::Signed(_) => return Err("it holds signed numbers".to_owned()),
        };
        if is_text != field.is_text() {
            let kind = if is_text { "text" } else { "numbers" };
            return Err(format!("it holds {kind}"));
        }
        if found != rows {
            return Err(format!("{found} values for {rows} rows"));
        }
        Ok(checked)
    }
}

impl<'b> Texts<'b> {
    /// UTF-8 is checked in one pass over all values, then each end is known to
    /// lie between two characters and none before the one ahead of it.
    fn check(texts: &'b wire::TextColumn) -> Result<Self, String> {
        let text = str::from_utf8(&texts.bytes).map_err(|error| error.to_string())?;
        let ends = texts.ends.as_slice();
        let mut start = 0;
        for &end in ends {
            if end < start || !text.is_char_boundary(end as usize) {
                return Err(format!("a value ends at {end}"));
            }
            start = end;
        }
        if start as usize != text.len() {
            return Err("bytes behind the last value".to_owned());
        }
        Ok(Self { text, ends })
    }

    fn get(&self, index: usize) -> &'b str {
        let Some(&end) = self.ends.get(index) else {
            return "";
        };
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        let start = start.map_or(0, |start| *start as usize);
        self.text.get(start..end as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
