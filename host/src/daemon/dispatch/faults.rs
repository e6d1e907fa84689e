//! What analytics could not handle, and where it came from.

use super::Dispatch;
use crate::{
    daemon::{letters::Letter, now},
    event::{Event, Origin},
    ingest::Delivery,
    metrics::AnalyticFault,
    shard::{Fault, Outcome},
};

/// How many faults of a group are logged; all are counted and kept.
const LOGGED: usize = 3;

impl Dispatch {
    /// Dead letters of the events that analytics could not handle.
    pub(super) fn letters(&self, outcomes: &[Outcome], sources: &Sources<'_>) -> Vec<Vec<u8>> {
        let faults = outcomes.iter().flat_map(|outcome| &outcome.faults);
        let letters: Vec<Vec<u8>> = faults
            .enumerate()
            .map(|(position, fault)| {
                self.note(fault, position < LOGGED);
                self.letter(fault, sources).encode()
            })
            .collect();
        let more = letters.len().saturating_sub(LOGGED);
        if more > 0 {
            tracing::warn!(
                "{more} more events of the same batch could not be handled; \
                 `sandtrap deadletter list` shows them"
            );
        }
        letters
    }

    /// Counts a fault and tells of it.
    pub(super) fn note(&self, fault: &Fault, is_logged: bool) {
        let (reason, blame) = (fault.error.reason(), fault.error.blame().name());
        let error = fault.error.to_string();
        let labels = AnalyticFault {
            analytic: fault.analytic.to_string(),
            reason,
            blame,
        };
        self.metrics.analytic_faults.get_or_create(&labels).inc();
        if is_logged {
            tracing::warn!(
                analytic = &*fault.analytic,
                device = &*fault.device,
                reason,
                blame,
                "an event could not be handled: {error}"
            );
        }
        self.board.update(|status| {
            if let Some(analytic) = status.analytics.get_mut(&*fault.analytic) {
                analytic.failed(reason, blame, now(), error);
            }
        });
    }

    fn letter(&self, fault: &Fault, sources: &Sources<'_>) -> Letter {
        let (passed, delivery) = sources.of(fault);
        let origin = passed.origin;
        let source = delivery.map_or("", |delivery| &delivery.source);
        let letter = Letter::of(fault, passed.uid).from_input(
            source,
            &self.inputs.name(origin.input),
            origin.record,
        );
        if let Some(block) = self.decode.block(passed.uid) {
            let names = self.plan.router().names();
            return letter.with_event(&block.event, block.is_cut, names);
        }
        let record = delivery.and_then(|delivery| {
            let position = origin.record.checked_sub(delivery.first_record)?;
            let (bytes, _) = delivery.records.get(position as usize)?;
            Some((delivery.records.encoding(), bytes))
        });
        match record {
            Some((encoding, bytes)) => letter.with_record(encoding.into(), bytes),
            None => Letter {
                is_cut: true,
                ..letter
            },
        }
    }
}

/// An event that went to the shards.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Passed {
    sequence: u64,
    origin: Origin,
    uid: u64,
}

impl From<&Event> for Passed {
    fn from(event: &Event) -> Self {
        Self {
            sequence: event.sequence,
            origin: event.origin,
            uid: event.uid,
        }
    }
}

/// Where the events of a group came from.
pub(super) struct Sources<'a> {
    pub(super) deliveries: Vec<&'a Delivery>,
    /// The last event of each.
    pub(super) ends: &'a [u64],
    /// Every event, by sequence.
    pub(super) passed: &'a [Passed],
}

impl Sources<'_> {
    /// The event of a fault, and the delivery it was in.
    fn of(&self, fault: &Fault) -> (Passed, Option<&Delivery>) {
        let place = self
            .passed
            .binary_search_by_key(&fault.sequence, |passed| passed.sequence);
        let passed = place.ok().and_then(|place| self.passed.get(place));
        let delivery = self.ends.partition_point(|end| *end < fault.sequence);
        let delivery = self.deliveries.get(delivery).copied();
        (passed.copied().unwrap_or_default(), delivery)
    }
}
