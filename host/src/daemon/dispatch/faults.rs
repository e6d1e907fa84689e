//! What analytics could not handle, and where it came from.

use super::Dispatch;
use crate::{
    daemon::letters::{self, Letter},
    event::Origin,
    ingest::Work,
    metrics::AnalyticFault,
    shard::{Fault, Outcome},
};

/// How many faults of a group are logged; all are counted and kept.
const LOGGED: usize = 3;

impl Dispatch {
    /// Dead letters of the events that analytics could not handle.
    pub(super) fn letters(&self, outcomes: &[Outcome], sources: &Sources<'_>) -> Vec<Vec<u8>> {
        let mut letters = Vec::new();
        for fault in outcomes.iter().flat_map(|outcome| &outcome.faults) {
            let (reason, blame) = (fault.error.reason(), fault.error.blame().name());
            let error = fault.error.to_string();
            let labels = AnalyticFault {
                analytic: fault.analytic.to_string(),
                reason,
                blame,
            };
            self.metrics.analytic_faults.get_or_create(&labels).inc();
            self.board.update(|status| {
                if let Some(analytic) = status.analytics.get_mut(&*fault.analytic) {
                    analytic.last_error = Some(error.clone());
                }
            });
            if letters.len() < LOGGED {
                tracing::warn!(
                    analytic = &*fault.analytic,
                    device = &*fault.device,
                    blame,
                    "an event could not be handled: {error}"
                );
            }
            let (origin, work) = sources.of(fault);
            let delivery = work.map(|work| &work.delivery);
            let record = delivery.and_then(|delivery| {
                let position = origin.record.checked_sub(delivery.first_record)?;
                let (bytes, _) = delivery.records.get(position as usize)?;
                Some(bytes)
            });
            letters.push(letters::write(&Letter {
                error: &error,
                reason,
                source: delivery.map_or("", |delivery| &delivery.source),
                input: &self.inputs.name(origin.input),
                record: origin.record,
                analytic: Some(&fault.analytic),
                blame: Some(blame),
                event: record.unwrap_or_default(),
            }));
        }
        letters
    }
}

/// Where the events of a group came from.
pub(super) struct Sources<'a> {
    pub(super) works: &'a [Work],
    /// The last event of each.
    pub(super) ends: &'a [u64],
    /// Of every event, by sequence.
    pub(super) origins: &'a [(u64, Origin)],
}

impl Sources<'_> {
    /// The record behind a fault, and the delivery it was in. A script block
    /// put together from parts may have begun in an earlier one, which is gone.
    fn of(&self, fault: &Fault) -> (Origin, Option<&Work>) {
        let place = self
            .origins
            .binary_search_by_key(&fault.sequence, |(sequence, _)| *sequence);
        let origin = place.ok().and_then(|place| self.origins.get(place));
        let origin = origin.map(|(_, origin)| *origin).unwrap_or_default();
        let work = self.ends.partition_point(|end| *end < fault.sequence);
        (origin, self.works.get(work))
    }
}
