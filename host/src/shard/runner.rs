//! An analytic on a shard: what it is shown, what came of it, and what remains.

use std::{
    borrow::Cow,
    collections::HashMap,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

use super::{Fault, Kept, Outcome, Patience, Usage, standing::Standing};
use crate::{
    analytic::Configured,
    bindings::sandtrap::analytic::{events::Batch, findings::Finding as WitFinding},
    budget::Budget,
    columns,
    error::{CallError, LoadError},
    event::Event,
    evidence::EvidenceDesk,
    instance::Instance,
    issue::{self, Issued, Made},
    router::Subscription,
    scene::{Allowance, Memory, Scene, World},
};

/// How many devices an analytic with a scope remembers whether they are in it.
const MAX_DEVICES: usize = 100_000;

/// What storing a KiB is reckoned to take, which happens elsewhere and together
/// with what others leave. Answers the analytic that changes all it holds with
/// every batch.
const STORING: Duration = Duration::from_micros(10);

/// What is stored of a finding beside its evidence and its tree, in bytes.
const FINDING: usize = 4096;

/// An analytic on a shard.
pub struct Runner {
    analytic: Arc<Configured>,
    subscriptions: Arc<Vec<Subscription>>,
    /// Position of its first subscription among all of them.
    first: u16,
    instance: Option<Instance>,
    memory: Option<Memory>,
    issued: Issued,
    standing: Standing,
    /// How many lines it may still log, and since when that is so.
    log_lines: (f64, Instant),
    /// Whether the devices seen lately are in its scope, if it has one.
    devices: HashMap<Arc<str>, bool, RandomState>,
    usage: Usage,
}

impl Runner {
    /// An analytic whose subscriptions stand at `first` and after among all.
    pub fn new(
        analytic: Arc<Configured>,
        subscriptions: Arc<Vec<Subscription>>,
        first: u16,
        mut kept: Kept,
        patience: Patience,
    ) -> Self {
        let budget = &analytic.grant.budget;
        kept.memory.limit(budget);
        let now = Instant::now();
        Self {
            standing: Standing::new(patience, budget, now),
            log_lines: (f64::from(budget.log_lines), now),
            analytic,
            subscriptions,
            first,
            instance: None,
            memory: Some(kept.memory),
            issued: kept.issued,
            devices: HashMap::default(),
            usage: Usage::default(),
        }
    }

    /// The same runner where the same analytic stands elsewhere among the
    /// subscriptions; otherwise the new analytic with what the old one
    /// remembered.
    pub fn succeeded_by(
        mut self,
        analytic: Arc<Configured>,
        subscriptions: Arc<Vec<Subscription>>,
        first: u16,
        patience: Patience,
    ) -> Option<Self> {
        if self.runs(&analytic) {
            self.subscriptions = subscriptions;
            self.first = first;
            return Some(self);
        }
        let kept = Kept {
            memory: self.memory?,
            issued: self.issued,
        };
        Some(Self::new(analytic, subscriptions, first, kept, patience))
    }

    /// Whether it runs exactly this.
    pub fn runs(&self, analytic: &Arc<Configured>) -> bool {
        Arc::ptr_eq(&self.analytic, analytic)
    }

    /// Its instance, which it does not have any more.
    pub fn take_instance(&mut self) -> Option<Instance> {
        self.instance.take()
    }

    /// The chains it reported.
    pub fn issued(&mut self) -> &mut Issued {
        &mut self.issued
    }

    /// What it did since it was loaded.
    pub fn usage(&self) -> Usage {
        Usage {
            quarantine: self.standing.quarantine(),
            ..self.usage
        }
    }

    /// Gives it a started instance, so that the first batch does not wait.
    pub fn set_instance(&mut self, instance: Instance) {
        self.instance = Some(instance);
    }

    /// Lets it out of quarantine.
    pub fn release(&mut self) {
        self.standing.release(Instant::now());
    }

    /// Its memory, outside a call.
    pub fn memory(&mut self) -> Option<&mut Memory> {
        self.memory.as_mut()
    }

    /// Its identifier.
    pub fn id(&self) -> &str {
        self.analytic.prepared.id()
    }
}

impl Runner {
    /// Shows it the rows of a batch that its subscriptions match, which stand
    /// at their positions in `rows`. What the shard knows comes back.
    pub(super) fn inspect(
        &mut self,
        rows: &[Vec<u32>],
        events: &[Event],
        (world, desk): (World, EvidenceDesk),
        outcome: &mut Outcome,
    ) -> (World, EvidenceDesk) {
        let first = self.first as usize;
        let tables = (first..first + self.subscriptions.len())
            .map(|subscription| rows.get(subscription).map_or(&[][..], Vec::as_slice));
        let tables = self.in_scope(tables, events);
        if tables.iter().all(|rows| rows.is_empty()) {
            return (world, desk);
        }
        let Some(memory) = self.memory.take() else {
            return (world, desk);
        };
        let scene = Scene {
            world,
            memory,
            desk,
            answers: Allowance::default(),
            looks: 0,
            log_lines: 0,
            shown: Vec::new(),
        };
        let scene = self.run(&tables, events, scene, outcome);
        self.memory = Some(scene.memory);
        (scene.world, scene.desk)
    }

    /// The rows of each table that are of a device it may see.
    fn in_scope<'a>(
        &mut self,
        tables: impl Iterator<Item = &'a [u32]>,
        events: &[Event],
    ) -> Vec<Cow<'a, [u32]>> {
        let scope = &self.analytic.grant.devices;
        if scope.is_everything() {
            return tables.map(Cow::Borrowed).collect();
        }
        if self.devices.len() > MAX_DEVICES {
            self.devices.clear();
        }
        let devices = &mut self.devices;
        let mut is_in_scope = |row: &u32| {
            events.get(*row as usize).is_some_and(|event| {
                *devices
                    .entry(Arc::clone(&event.device))
                    .or_insert_with(|| scope.allows(&event.device))
            })
        };
        tables
            .map(|rows| rows.iter().copied().filter(&mut is_in_scope).collect())
            .collect()
    }

    /// Hands a batch over. If the call fails, nothing of it remains, and the
    /// batch is tried again in halves with a fresh instance, until the event
    /// that cannot be handled stands alone.
    fn run(
        &mut self,
        tables: &[Cow<'_, [u32]>],
        events: &[Event],
        mut scene: Scene,
        outcome: &mut Outcome,
    ) -> Scene {
        let analytic = Arc::clone(&self.analytic);
        let budget = &analytic.grant.budget;
        let mut pending = vec![(0..events.len() as u32, 0)];
        while let Some((part, halvings)) = pending.pop() {
            let started = Instant::now();
            let shown = positions(tables, &part);
            let middle = shown.get(shown.len() / 2).copied();
            let Some(middle) = middle else { continue };
            let (earlier, later) = (part.start..middle, middle..part.end);
            let is_one = shown.len() == 1;
            if !self.standing.is_good(started, budget) {
                outcome.unseen += shown.len() as u64;
                self.usage.unseen += shown.len() as u64;
                continue;
            }
            let size = self.size(tables, events, &part);
            if !is_one && size > budget.batch() {
                pending.push((later, halvings));
                pending.push((earlier, halvings));
                continue;
            }
            scene.log_lines = self.log_lines(budget);
            let allowed = scene.log_lines;
            let result;
            let time = budget.time_of_part(halvings);
            (scene, result) = if size > budget.memory {
                // It has no room for the one event.
                let (export, bytes) = ("inspect", budget.memory);
                (scene, Err(CallError::Memory { export, bytes }))
            } else {
                self.inspect_part(tables, events, &part, scene, time)
            };
            let ended = Instant::now();
            let time = ended.saturating_duration_since(started);
            self.log_lines.0 -= f64::from(allowed.saturating_sub(scene.log_lines));
            self.usage.count_call(time, self.instance.as_ref());
            outcome.calls += 1;
            let mut settling = Duration::ZERO;
            match result {
                Ok(made) => {
                    self.standing.handled(shown.len() as u64, ended);
                    let rows = tables.iter().map(|rows| within(rows, &part).len() as u64);
                    let rows = rows.sum::<u64>();
                    outcome.rows += rows;
                    self.usage.rows += rows;
                    settling = self.keep(made, &mut scene.memory, outcome);
                }
                Err(error) => {
                    scene.memory.roll_back();
                    // A trapped instance is never used again.
                    self.instance = None;
                    if is_one {
                        self.standing.failed(ended);
                        self.usage.faults += 1;
                        let fault = self.fault(events.get(middle as usize), error);
                        outcome.faults.extend(fault);
                    } else {
                        self.standing.searched(ended);
                        if self.standing.quarantine().is_some() {
                            // There is no event to put aside with the error.
                            tracing::warn!(analytic = self.id(), "one batch too many: {error}");
                        }
                        // The earlier half is handled first.
                        pending.push((later, halvings + 1));
                        pending.push((earlier, halvings + 1));
                    }
                }
            }
            let now = Instant::now();
            settling += now.saturating_duration_since(ended);
            self.usage.time += settling;
            self.standing.took(time + settling, now);
        }
        scene
    }

    /// Makes what a call left last, and issues its findings. What storing that
    /// is reckoned to take, where it counts.
    fn keep(&mut self, made: Made, memory: &mut Memory, outcome: &mut Outcome) -> Duration {
        self.usage.findings += made.findings.len() as u64;
        outcome.unknown_evidence += made.unknown_evidence;
        let mut stored = memory.commit();
        for mut finding in made.findings {
            stored += FINDING + finding.size();
            finding.is_update = self.issued.again(&finding.device, &finding.chain_uid);
            outcome.findings.push(finding);
        }
        if self.standing.counts_time() {
            STORING.mul_f64(stored as f64 / 1024.0)
        } else {
            Duration::ZERO
        }
    }

    /// How many lines it may log in the next call.
    fn log_lines(&mut self, budget: &Budget) -> u32 {
        let now = Instant::now();
        let (left, since) = self.log_lines;
        let most = f64::from(budget.log_lines);
        let minutes = now.saturating_duration_since(since).as_secs_f64() / 60.0;
        let left = (left + most * minutes).min(most);
        self.log_lines = (left, now);
        left as u32
    }

    /// Shows it the events from one position up to another, and makes findings
    /// of what it says.
    fn inspect_part(
        &mut self,
        tables: &[Cow<'_, [u32]>],
        events: &[Event],
        part: &Range<u32>,
        mut scene: Scene,
        time: Duration,
    ) -> (Scene, Result<Made, CallError>) {
        let batch = self.batch(tables, events, part);
        let result;
        (scene, result) = self.call(&batch, scene, time);
        let made = result.and_then(|said| issue::findings(said, &self.analytic, &mut scene));
        (scene, made)
    }

    fn call(
        &mut self,
        batch: &Batch,
        scene: Scene,
        time: Duration,
    ) -> (Scene, Result<Vec<WitFinding>, CallError>) {
        let instance = match &mut self.instance {
            Some(instance) => instance,
            None => match Instance::start(&self.analytic) {
                Ok(instance) => self.instance.insert(instance),
                Err(LoadError::Call(error)) => return (scene, Err(error)),
                Err(error) => {
                    let reason = error.to_string();
                    let export = "configure";
                    return (scene, Err(CallError::Returned { export, reason }));
                }
            },
        };
        instance.inspect(batch, scene, time)
    }

    /// The most bytes that the tables over a part of the events can have.
    fn size(&self, tables: &[Cow<'_, [u32]>], events: &[Event], part: &Range<u32>) -> usize {
        let tables = tables.iter().zip(self.subscriptions.iter());
        let sizes = tables.map(|(rows, subscription)| {
            // Sequence, time, and a number or the end of a text for each field.
            let columns = 8 * (2 + subscription.fields.len());
            let rows = within(rows, part).iter();
            let events = rows.filter_map(|position| events.get(*position as usize));
            events
                .map(|event| columns + event.device.len() + event.fields.size())
                .sum::<usize>()
        });
        sizes.sum()
    }

    /// The tables over a part of the events.
    fn batch(&self, tables: &[Cow<'_, [u32]>], events: &[Event], part: &Range<u32>) -> Batch {
        let mut batch = Batch { tables: Vec::new() };
        for (number, (rows, subscription)) in
            tables.iter().zip(self.subscriptions.iter()).enumerate()
        {
            let rows: Vec<&Event> = within(rows, part)
                .iter()
                .filter_map(|position| events.get(*position as usize))
                .collect();
            if !rows.is_empty() {
                batch
                    .tables
                    .push(columns::table(number as u32, subscription, &rows));
            }
        }
        batch
    }

    fn fault(&self, event: Option<&Event>, error: CallError) -> Option<Fault> {
        let event = event?;
        Some(Fault {
            analytic: Arc::from(self.id()),
            sequence: event.sequence,
            time: event.time,
            device: Arc::clone(&event.device),
            error,
        })
    }
}

fn within<'a>(rows: &'a [u32], part: &Range<u32>) -> &'a [u32] {
    let start = rows.partition_point(|row| *row < part.start);
    let end = rows.partition_point(|row| *row < part.end);
    rows.get(start..end).unwrap_or_default()
}

/// The distinct positions of all rows in the part, ascending.
fn positions(tables: &[Cow<'_, [u32]>], part: &Range<u32>) -> Vec<u32> {
    let mut positions: Vec<u32> = tables
        .iter()
        .flat_map(|rows| within(rows, part))
        .copied()
        .collect();
    // Stable, because that one merges what is sorted already.
    positions.sort();
    positions.dedup();
    positions
}
