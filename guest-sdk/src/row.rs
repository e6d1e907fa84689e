//! One event as an analytic sees it: the fields it asked for, read in place.

use crate::{
    batch::Table,
    lineage::Process,
    vocabulary::{Class, Field, Text, Unsigned},
};

/// Identifies an event for as long as anything refers to it. Compare it, keep
/// it in marks, cite it in findings; compute nothing else from it.
pub type Event = u64;

/// One event that matched a subscription. Reading a field costs a table
/// look-up and copies nothing.
#[derive(Clone, Copy)]
pub struct Row<'b> {
    table: &'b Table<'b>,
    row: usize,
    event: Event,
    time: i64,
}

impl<'b> Row<'b> {
    pub(crate) fn of(table: &'b Table<'b>, row: usize) -> Option<Self> {
        let event = *table.events.get(row)?;
        let time = *table.times.get(row)?;
        Some(Self {
            table,
            row,
            event,
            time,
        })
    }

    /// The event.
    pub fn event(&self) -> Event {
        self.event
    }

    /// When it happened, milliseconds since 1970 UTC.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// Its class.
    pub fn class(&self) -> Class {
        self.table.layout.class
    }

    /// Which subscription it matched, by its position in the description.
    pub fn subscription(&self) -> usize {
        self.table.subscription
    }

    /// Whether the subscription asked for the field. For code that several
    /// subscriptions share; reading a field that was not asked for is a
    /// mistake.
    pub fn has(&self, field: impl Into<Field>) -> bool {
        self.table.layout.position(field.into()).is_some()
    }

    /// A text; empty where it is absent.
    ///
    /// It is empty too where the subscription did not ask for the field, which
    /// is a mistake in the analytic: under [`testing`](crate::testing) this
    /// panics and names the field.
    pub fn text(&self, field: Text) -> &'b str {
        match self.position(field.into()) {
            Some(column) => self.table.text(column, self.row),
            None => "",
        }
    }

    /// A number, if there is one. The same mistake ends as in [`Row::text`].
    pub fn number(&self, field: Unsigned) -> Option<u64> {
        self.table.number(self.position(field.into())?, self.row)
    }

    /// A number that is 0 or 1, if there is one.
    pub fn truth(&self, field: Unsigned) -> Option<bool> {
        self.number(field).map(|number| number != 0)
    }

    /// A process, if the event has one there.
    pub fn process(&self, field: Unsigned) -> Option<Process> {
        self.number(field).filter(|process| *process != 0)
    }

    fn position(&self, field: Field) -> Option<usize> {
        let position = self.table.layout.position(field);
        #[cfg(not(target_family = "wasm"))]
        if position.is_none() {
            crate::testing::field_was_not_asked_for(self, field);
        }
        position
    }
}
