//! What of a pipeline outlives it: what changed, and how it comes back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Pipeline, Plan, ShardLost, workers::shard_of};
use crate::{
    baselines::{Baselines, Fleet, StoredEntry},
    change::{Change, Damaged},
    instance::Instance,
    issue::Issued,
    lineage::LineageStats,
    marks::Marks,
    scene::Memory,
    shard::{Kept, Runner, Usage},
};

/// What changed since it was last asked for.
#[derive(Debug, Default)]
pub struct StateChanges {
    /// The processes.
    pub lineage: Vec<Change>,
    /// The signatures.
    pub signatures: Vec<Change>,
    /// What belongs to each analytic, by identifier.
    pub analytics: BTreeMap<String, AnalyticState>,
}

/// What of one analytic changed, or all that was stored of it.
#[derive(Debug, Default)]
pub struct AnalyticState {
    /// Its marks.
    pub marks: Vec<Change>,
    /// The chains it reported.
    pub issued: Vec<Change>,
    /// Its baselines.
    pub baselines: Vec<StoredEntry>,
    /// Up to which hour of event time they have told the fleet.
    pub hour: Option<i64>,
}

/// A part of what the shards know of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Processes.
    Lineage,
    /// Signatures.
    Signatures,
}

/// The memory of one analytic on every shard, ready to be taken over.
pub struct Memories {
    of_shards: Vec<Kept>,
    hour: Option<i64>,
}

impl Memories {
    /// Restores what was stored of an analytic, for so many shards. This takes
    /// its time, and no shard waits for it.
    pub fn restore(stored: AnalyticState, shards: usize) -> Result<Self, Damaged> {
        let mut of_shards: Vec<Kept> = (0..shards.max(1)).map(|_| blank()).collect();
        let count = of_shards.len();
        for entry in &stored.marks {
            if let (Some(kept), Some(value)) = (
                of_shards.get_mut(shard_of(&entry.device, count)),
                &entry.value,
            ) {
                kept.memory
                    .marks
                    .restore(&entry.device, &entry.key, value)?;
            }
        }
        for entry in &stored.issued {
            if let (Some(kept), Some(value)) = (
                of_shards.get_mut(shard_of(&entry.device, count)),
                &entry.value,
            ) {
                kept.issued.restore(&entry.device, &entry.key, value)?;
            }
        }
        for entry in stored.baselines {
            if let Some(kept) = of_shards.get_mut(shard_of(&entry.device, count)) {
                kept.memory.baselines.restore(entry);
            }
        }
        let told: Vec<_> = of_shards
            .iter()
            .map(|kept| kept.memory.baselines.contributed())
            .collect();
        let fleet = Arc::new(Fleet::default()).merged(told);
        for kept in &mut of_shards {
            kept.issued.end_restore();
            kept.memory.baselines.set_fleet(Arc::clone(&fleet));
        }
        Ok(Self {
            of_shards,
            hour: stored.hour,
        })
    }
}

/// What a change of analytics left behind, to be dropped when there is time.
#[derive(Default)]
pub struct Departed {
    instances: Vec<Instance>,
    runners: Vec<Runner>,
}

fn blank() -> Kept {
    let mut kept = Kept {
        memory: Memory {
            marks: Marks::default(),
            baselines: Baselines::default(),
        },
        issued: Issued::default(),
    };
    kept.memory.marks.keep_changes();
    kept.memory.baselines.keep_changes();
    kept.issued.keep_changes();
    kept
}

impl Pipeline {
    /// From now on notes what changes. To be called before the first event,
    /// with [`Self::replan`] for the analytics.
    pub fn keep_changes(&mut self) -> Result<(), ShardLost> {
        self.workers.on_each(|_, shard| {
            if let Some(world) = shard.world_mut() {
                world.lineage.keep_changes();
                world.signatures.keep_changes();
            }
        })?;
        Ok(())
    }

    /// What changed since the last time. All outcomes must have been fetched.
    pub fn take_changes(&mut self) -> Result<StateChanges, ShardLost> {
        let of_shards = self.workers.on_each(|_, shard| {
            let mut changes = StateChanges::default();
            if let Some(world) = shard.world_mut() {
                changes.lineage = world.lineage.take_changes();
                changes.signatures = world.signatures.take_changes();
            }
            for runner in shard.runners() {
                let issued = runner.issued().take_changes();
                let id = runner.id().to_owned();
                if let Some(memory) = runner.memory() {
                    let state = AnalyticState {
                        marks: memory.marks.take_changes(),
                        issued,
                        baselines: memory.baselines.take_changes(),
                        hour: None,
                    };
                    changes.analytics.insert(id, state);
                }
            }
            changes
        })?;
        let mut all = StateChanges::default();
        for changes in of_shards {
            all.lineage.extend(changes.lineage);
            all.signatures.extend(changes.signatures);
            for (id, state) in changes.analytics {
                let known = all.analytics.entry(id).or_default();
                known.marks.extend(state.marks);
                known.issued.extend(state.issued);
                known.baselines.extend(state.baselines);
            }
        }
        for (id, hour) in self.analytics.iter().zip(&self.hours) {
            if let Some(known) = all.analytics.get_mut(id) {
                known.hour = *hour;
            }
        }
        Ok(all)
    }

    /// Takes back what was stored of a part, each device on its shard. To be
    /// called in the order of the keys, before the first event.
    pub fn restore_part(
        &mut self,
        part: Part,
        entries: Vec<Change>,
    ) -> Result<Result<(), Damaged>, ShardLost> {
        let count = self.workers.count();
        let entries = Arc::new(entries);
        let results = self.workers.on_each(move |number, shard| {
            let Some(world) = shard.world_mut() else {
                return Ok(());
            };
            for entry in entries.iter() {
                let Some(value) = &entry.value else { continue };
                if shard_of(&entry.device, count) == number {
                    match part {
                        Part::Lineage => world.lineage.restore(&entry.device, &entry.key, value),
                        Part::Signatures => {
                            world.signatures.restore(&entry.device, &entry.key, value)
                        }
                    }?;
                }
            }
            Ok(())
        })?;
        Ok(results.into_iter().collect())
    }

    /// Everything is restored.
    pub fn end_restore(&mut self) -> Result<Result<(), Damaged>, ShardLost> {
        let results = self.workers.on_each(|_, shard| {
            let Some(world) = shard.world_mut() else {
                return Ok(());
            };
            world.signatures.end_restore();
            world.lineage.end_restore()
        })?;
        Ok(results.into_iter().collect())
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.workers.count()
    }

    /// Goes on with another set of analytics, between two batches. An analytic
    /// that is in both sets keeps what it remembers, whatever its version; one
    /// that is new gets what `memories` has of it. `instances` are started
    /// ones for the shards, so that no event waits for that. All outcomes must have been
    /// fetched. What is not needed any more is returned, because taking it
    /// down takes longer than the rest.
    pub fn replan(
        &mut self,
        plan: &Plan,
        mut memories: BTreeMap<String, Memories>,
        instances: BTreeMap<String, Vec<Instance>>,
    ) -> Result<Departed, ShardLost> {
        let mut hours = BTreeMap::new();
        for (id, hour) in self.analytics.iter().zip(&self.hours) {
            hours.insert(id.clone(), *hour);
        }
        let ids: Vec<String> = plan
            .analytics
            .iter()
            .map(|planned| planned.configured.prepared.id().to_owned())
            .collect();
        let mut fresh: Vec<BTreeMap<String, Kept>> =
            (0..self.shards()).map(|_| BTreeMap::new()).collect();
        for id in &ids {
            if let Some(memories) = memories.remove(id) {
                hours.entry(id.clone()).or_insert(memories.hour);
                for (of_shard, kept) in fresh.iter_mut().zip(memories.of_shards) {
                    of_shard.insert(id.clone(), kept);
                }
            }
        }
        self.hours = ids
            .iter()
            .map(|id| hours.get(id).copied().flatten())
            .collect();
        self.analytics = ids;
        let planned: Arc<Vec<_>> = Arc::new(
            plan.analytics
                .iter()
                .map(|one| {
                    let subscriptions = Arc::clone(&one.subscriptions);
                    (Arc::clone(&one.configured), subscriptions, one.first)
                })
                .collect(),
        );
        // Each shard takes its own out.
        let instances = Arc::new(Mutex::new(instances));
        let fresh = Arc::new(Mutex::new(fresh));
        let patience = self.options.patience;
        let departed = self.workers.on_each(move |number, shard| {
            let mut departed = Departed::default();
            let mut fresh = {
                let mut all = fresh.lock().unwrap_or_else(PoisonError::into_inner);
                all.get_mut(number).map(std::mem::take).unwrap_or_default()
            };
            let mut known: BTreeMap<String, Runner> = shard
                .runners()
                .drain(..)
                .map(|runner| (runner.id().to_owned(), runner))
                .collect();
            for (analytic, subscriptions, first) in planned.iter() {
                let (analytic, subscriptions) = (Arc::clone(analytic), Arc::clone(subscriptions));
                let id = analytic.prepared.id().to_owned();
                let runner = match known.remove(&id) {
                    Some(mut runner) => {
                        if !runner.runs(&analytic) {
                            departed.instances.extend(runner.take_instance());
                        }
                        runner.succeeded_by(analytic, subscriptions, *first, patience)
                    }
                    None => {
                        let kept = fresh.remove(&id).unwrap_or_else(blank);
                        Some(Runner::new(analytic, subscriptions, *first, kept, patience))
                    }
                };
                shard.runners().extend(runner.map(|mut runner| {
                    let mut instances = instances.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(instance) = instances.get_mut(runner.id()).and_then(Vec::pop) {
                        runner.set_instance(instance);
                    }
                    runner
                }));
            }
            departed.runners.extend(known.into_values());
            departed
        })?;
        let mut all = Departed::default();
        for departed in departed {
            all.instances.extend(departed.instances);
            all.runners.extend(departed.runners);
        }
        Ok(all)
    }

    /// Lets an analytic out of quarantine, or all.
    pub fn release(&mut self, id: Option<String>) -> Result<(), ShardLost> {
        self.workers.on_each(move |_, shard| {
            for runner in shard.runners() {
                if id.as_ref().is_none_or(|id| id == runner.id()) {
                    runner.release();
                }
            }
        })?;
        Ok(())
    }

    /// Most bytes that lineage may take, all shards together.
    pub fn lineage_capacity(&self) -> u64 {
        let of_shard = crate::lineage::Limits::default().bytes as u64;
        of_shard * self.shards() as u64
    }

    /// What lineage holds and what it had to do.
    pub fn lineage_stats(&mut self) -> Result<LineageStats, ShardLost> {
        let of_shards = self.workers.on_each(|_, shard| {
            let world = shard.world();
            world.map(|world| world.lineage.stats()).unwrap_or_default()
        })?;
        let mut all = LineageStats::default();
        for stats in of_shards {
            all.devices += stats.devices;
            all.processes += stats.processes;
            all.bytes += stats.bytes;
            all.misses += stats.misses;
            all.placeholders += stats.placeholders;
            all.merged += stats.merged;
            all.expired += stats.expired;
            all.evicted += stats.evicted;
            all.evicted_devices += stats.evicted_devices;
        }
        Ok(all)
    }

    /// What each analytic did since it was loaded, by identifier.
    pub fn usage(&mut self) -> Result<BTreeMap<String, Usage>, ShardLost> {
        let of_shards = self.workers.on_each(|_, shard| {
            let runners = shard.runners().iter();
            runners
                .map(|runner| (runner.id().to_owned(), runner.usage()))
                .collect::<Vec<_>>()
        })?;
        let mut all: BTreeMap<String, Usage> = BTreeMap::new();
        for (id, usage) in of_shards.into_iter().flatten() {
            let known = all.entry(id).or_default();
            *known = known.and(usage);
        }
        Ok(all)
    }
}
