//! An analytic on a shard: what it is shown, what came of it, and what remains.

use std::{
    borrow::Cow,
    collections::HashMap,
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
    issue::{self, Issued},
    router::Subscription,
    scene::{Allowance, Memory, Scene, World},
};

/// How many devices an analytic with a scope remembers whether they are in it.
const MAX_DEVICES: usize = 100_000;

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
        let mut pending = vec![(0, events.len() as u32, 0)];
        while let Some((from, to, halvings)) = pending.pop() {
            let batch = self.batch(tables, events, from, to);
            if batch.tables.is_empty() {
                continue;
            }
            if !self.standing.is_good(Instant::now(), budget) {
                let unseen = positions(tables, from, to).len() as u64;
                outcome.unseen += unseen;
                self.usage.unseen += unseen;
                continue;
            }
            scene.log_lines = self.log_lines(budget);
            let allowed = scene.log_lines;
            let result;
            let started = Instant::now();
            (scene, result) = self.call(&batch, scene, budget.time_of_part(halvings));
            let ended = Instant::now();
            let time = ended.saturating_duration_since(started);
            self.log_lines.0 -= f64::from(allowed.saturating_sub(scene.log_lines));
            self.usage.count_call(time, self.instance.as_ref());
            outcome.calls += 1;
            match result {
                Ok(mut findings) => {
                    let rows = rows(&batch);
                    self.standing.handled(rows, ended);
                    outcome.rows += rows;
                    self.usage.rows += rows;
                    let issued_before = outcome.findings.len();
                    // Whatever the order it gave them in, the first about a
                    // chain is issued first.
                    findings.sort_by_key(|finding| finding.event);
                    for finding in findings {
                        let finding =
                            issue::finding(&finding, &analytic, &mut scene, &mut self.issued);
                        outcome.unknown_evidence += finding.unknown_evidence;
                        outcome.findings.extend(finding.finding);
                    }
                    self.usage.findings += (outcome.findings.len() - issued_before) as u64;
                    scene.memory.commit();
                }
                Err(error) => {
                    scene.memory.roll_back();
                    // A trapped instance is never used again.
                    self.instance = None;
                    let handled = positions(tables, from, to);
                    match handled.get(handled.len() / 2) {
                        Some(middle) if handled.len() > 1 => {
                            // The earlier half is handled first.
                            pending.push((*middle, to, halvings + 1));
                            pending.push((from, *middle, halvings + 1));
                        }
                        Some(only) => {
                            self.standing.failed(ended);
                            self.usage.faults += 1;
                            outcome
                                .faults
                                .extend(self.fault(events.get(*only as usize), error));
                        }
                        None => {}
                    }
                }
            }
            self.standing.took(time, ended);
        }
        scene
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

    /// The tables over the events from one position up to another.
    fn batch(&self, tables: &[Cow<'_, [u32]>], events: &[Event], from: u32, to: u32) -> Batch {
        let mut batch = Batch { tables: Vec::new() };
        for (number, (rows, subscription)) in
            tables.iter().zip(self.subscriptions.iter()).enumerate()
        {
            let rows: Vec<&Event> = within(rows, from, to)
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

fn rows(batch: &Batch) -> u64 {
    batch
        .tables
        .iter()
        .map(|table| table.events.len() as u64)
        .sum()
}

fn within(rows: &[u32], from: u32, to: u32) -> &[u32] {
    let start = rows.partition_point(|row| *row < from);
    let end = rows.partition_point(|row| *row < to);
    rows.get(start..end).unwrap_or_default()
}

/// The distinct positions of all rows in the range, ascending.
fn positions(tables: &[Cow<'_, [u32]>], from: u32, to: u32) -> Vec<u32> {
    let mut positions: Vec<u32> = tables
        .iter()
        .flat_map(|rows| within(rows, from, to))
        .copied()
        .collect();
    positions.sort_unstable();
    positions.dedup();
    positions
}
