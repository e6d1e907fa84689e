//! Events in, findings out: the shards, and the order of what leaves them.
//!
//! A device belongs to one shard, so shards share nothing while they work.
//! What they return is put into event order again, and fleet-wide baselines
//! are exchanged only at full hours of event time, so that neither the number
//! of shards nor the size of a batch can be seen in the findings.

mod state;
mod workers;

use std::{ops::Range, sync::Arc};

pub use state::{AnalyticState, Departed, Memories, Part, StateChanges};
use workers::Workers;

use crate::{
    analytic::Configured,
    baselines::{Baselines, StoredEntry},
    error::LoadError,
    event::Event,
    issue::Issued,
    lineage::Lineage,
    marks::Marks,
    router::{Router, Subscription},
    scene::{Memory, World},
    shard::{Kept, Outcome, Patience, Runner, Shard},
    signatures::{Catalogue, SignatureLimits, Signatures},
    vocabulary::FieldNames,
};

const HOUR: i64 = 3_600_000;

/// The analytics of a run and who wants what.
#[derive(Default)]
pub struct Plan {
    router: Arc<Router>,
    analytics: Vec<Planned>,
}

struct Planned {
    configured: Arc<Configured>,
    subscriptions: Arc<Vec<Subscription>>,
    first: u16,
}

impl Plan {
    /// Resolves the subscriptions of all analytics. The error names the
    /// analytic by its position.
    pub fn new(analytics: Vec<Arc<Configured>>) -> Result<Self, (usize, LoadError)> {
        let mut names = FieldNames::default();
        let mut planned = Vec::new();
        let mut first = 0;
        for (position, configured) in analytics.into_iter().enumerate() {
            let subscriptions = configured
                .prepared
                .subscriptions(&mut names)
                .map_err(|error| (position, error))?;
            let end = u16::try_from(subscriptions.len())
                .ok()
                .and_then(|count| count.checked_add(first));
            let Some(end) = end else {
                let reason = "with it there are more than 65,535 subscriptions".to_owned();
                return Err((position, LoadError::Description(reason)));
            };
            planned.push(Planned {
                configured,
                subscriptions: Arc::new(subscriptions),
                first,
            });
            first = end;
        }
        let all = planned.iter().flat_map(|one| one.subscriptions.iter());
        Ok(Self {
            router: Arc::new(Router::new(all, names)),
            analytics: planned,
        })
    }

    /// Which events go where.
    pub fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// The places of an analytic's subscriptions among all; none if it is not
    /// in the plan.
    pub fn subscriptions(&self, id: &str) -> Option<Range<u16>> {
        let of = |one: &&Planned| one.configured.prepared.id() == id;
        let planned = self.analytics.iter().find(of)?;
        let count = u16::try_from(planned.subscriptions.len()).ok()?;
        Some(planned.first..planned.first.checked_add(count)?)
    }
}

/// How a pipeline runs. None of it can be seen in the findings.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many shards, each a thread if there is more than one.
    pub shards: usize,
    /// How many events make a batch.
    pub batch: usize,
    /// How patient to be with analytics that fail or take too long.
    pub patience: Patience,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shards: 1,
            batch: 4_096,
            patience: Patience::Scan,
        }
    }
}

/// What a run starts from.
#[derive(Clone, Default)]
pub struct Start {
    /// The operator's signatures.
    pub catalogue: Arc<Catalogue>,
    /// The key by which signatures are found again after a restart; a random
    /// one if absent.
    pub signature_key: Option<[u8; 16]>,
    /// What each analytic's baselines learned before, by its identifier.
    pub baselines: Vec<(String, Vec<StoredEntry>)>,
}

/// What a run did, beyond its findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events taken in.
    pub events: u64,
    /// Rows handed to analytics.
    pub rows: u64,
    /// Calls of `inspect`.
    pub calls: u64,
    /// Findings issued.
    pub findings: u64,
    /// Events an analytic could not handle.
    pub faults: u64,
    /// Events not shown to an analytic in quarantine.
    pub unseen: u64,
    /// Events cited that no analytic may cite.
    pub unknown_evidence: u64,
}

/// What was forgotten to keep memory bounded. Findings about it may be weaker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Processes of devices that have too many.
    pub processes: u64,
    /// Devices, with all their processes.
    pub devices: u64,
    /// Signatures of files.
    pub signatures: u64,
}

/// The pipeline.
pub struct Pipeline {
    workers: Workers,
    options: Options,
    /// The analytics by position.
    analytics: Vec<String>,
    /// Up to which hour each analytic's baselines have told the fleet.
    hours: Vec<Option<i64>>,
    counts: Counts,
}

/// A shard's thread ended without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a shard stopped unexpectedly; please report this with the lines above")]
pub struct ShardLost;

impl Pipeline {
    /// Builds the shards.
    pub fn new(plan: &Plan, start: &Start, options: Options) -> Self {
        let shards = (0..options.shards.max(1))
            .map(|_| {
                let world = World {
                    lineage: Lineage::new(crate::lineage::Limits::default()),
                    signatures: signatures(start),
                };
                let runners = plan
                    .analytics
                    .iter()
                    .map(|planned| {
                        Runner::new(
                            Arc::clone(&planned.configured),
                            Arc::clone(&planned.subscriptions),
                            planned.first,
                            Kept {
                                memory: Memory {
                                    marks: Marks::default(),
                                    baselines: Baselines::default(),
                                },
                                issued: Issued::default(),
                            },
                            options.patience,
                        )
                    })
                    .collect();
                Shard::new(world, runners)
            })
            .collect();
        Self {
            workers: Workers::start(shards),
            options,
            hours: vec![None; plan.analytics.len()],
            analytics: plan
                .analytics
                .iter()
                .map(|planned| planned.configured.prepared.id().to_owned())
                .collect(),
            counts: Counts::default(),
        }
    }

    /// Takes events in, ascending by sequence, and hands out what was found,
    /// in the order of events and, within one, of analytics. Outcomes may lag
    /// behind by a few batches; [`Self::finish`] fetches the rest. `inputs` are
    /// the names of the inputs that events refer to.
    pub fn process(
        &mut self,
        mut events: Vec<Event>,
        inputs: &Arc<Vec<Arc<str>>>,
        out: &mut dyn FnMut(Outcome),
    ) -> Result<(), ShardLost> {
        while !events.is_empty() {
            let cut = self.until_next_hour(&events);
            if cut == 0 {
                let hour = events
                    .first()
                    .map_or(0, |event| event.time.div_euclid(HOUR));
                self.exchange_baselines(hour, out)?;
                continue;
            }
            let rest = events.split_off(cut.min(self.options.batch.max(1)));
            self.counts.events += events.len() as u64;
            for outcome in self.workers.process(events, inputs)? {
                self.counts.add(&outcome);
                out(outcome);
            }
            events = rest;
        }
        Ok(())
    }

    /// Waits for all shards and hands out the rest.
    pub fn finish(&mut self, out: &mut dyn FnMut(Outcome)) -> Result<(), ShardLost> {
        for outcome in self.workers.drain()? {
            self.counts.add(&outcome);
            out(outcome);
        }
        Ok(())
    }

    /// Gives an analytic the baselines it had learned before. To be called
    /// before the first event.
    pub fn restore(&mut self, analytic: &str, entries: Vec<StoredEntry>) -> Result<(), ShardLost> {
        // What was not yet told to the fleet is told with its hour.
        let fresh = entries.iter().filter_map(|entry| entry.fresh.last());
        let hour = fresh.map(|time| time.div_euclid(HOUR)).max();
        let Some(position) = self.analytics.iter().position(|known| known == analytic) else {
            return Ok(());
        };
        if let Some(known) = self.hours.get_mut(position) {
            *known = hour;
        }
        self.workers.restore(position, entries)
    }

    /// What each analytic's baselines learned since they were restored.
    pub fn learned(&mut self) -> Result<Vec<(String, Vec<StoredEntry>)>, ShardLost> {
        self.workers.learned()
    }

    /// What was forgotten to keep memory bounded.
    pub fn forgotten(&mut self) -> Result<Forgotten, ShardLost> {
        self.workers.forgotten()
    }

    /// What was done so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many of the events come before one that opens a new hour for some
    /// analytic; none if the first does.
    fn until_next_hour(&mut self, events: &[Event]) -> usize {
        let Some(first) = events.first() else {
            return 0;
        };
        let hour = first.time.div_euclid(HOUR);
        for known in &mut self.hours {
            known.get_or_insert(hour);
        }
        let oldest = self.hours.iter().flatten().min().copied().unwrap_or(hour);
        events
            .iter()
            .take_while(|event| event.time.div_euclid(HOUR) <= oldest)
            .count()
    }

    /// Tells the fleet what the devices observed in the hours before this one,
    /// for every analytic that is behind.
    fn exchange_baselines(
        &mut self,
        hour: i64,
        out: &mut dyn FnMut(Outcome),
    ) -> Result<(), ShardLost> {
        self.finish(out)?;
        let mut due = Vec::new();
        for known in &mut self.hours {
            let is_due = known.is_some_and(|known| known < hour);
            if is_due {
                *known = Some(hour);
            }
            due.push(is_due);
        }
        self.workers.exchange_baselines(due)
    }
}

fn signatures(start: &Start) -> Signatures {
    let (limits, catalogue) = (SignatureLimits::default(), Arc::clone(&start.catalogue));
    match start.signature_key {
        Some(key) => Signatures::with_secret(limits, catalogue, &key),
        None => Signatures::new(limits, catalogue),
    }
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.rows += outcome.rows;
        self.calls += outcome.calls;
        self.findings += outcome.findings.len() as u64;
        self.faults += outcome.faults.len() as u64;
        self.unseen += outcome.unseen;
        self.unknown_evidence += outcome.unknown_evidence;
    }
}
