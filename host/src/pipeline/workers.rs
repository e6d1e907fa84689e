//! The shards at work: in place when there is one, on threads when there are
//! more.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::BuildHasher,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use super::{Forgotten, ShardLost};
use crate::{
    baselines::{Baselines, Fleet, FleetDelta, StoredEntry},
    event::Event,
    shard::{Outcome, Shard},
};

/// How many batches may be under way at once: enough to keep all shards busy,
/// few enough to bound memory.
const IN_FLIGHT: usize = 4;

type Task = Box<dyn FnOnce(&mut Shard) + Send>;

/// All shards.
pub enum Workers {
    /// One shard, on the calling thread.
    Inline(Box<Shard>),
    /// Several, each on its own.
    Threads {
        /// The threads.
        shards: Vec<Worker>,
        /// The batches under way, oldest first: what their shards will answer.
        in_flight: VecDeque<Vec<mpsc::Receiver<Outcome>>>,
    },
}

/// A shard's thread.
pub struct Worker {
    tasks: Option<mpsc::Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// Puts the shards to work.
    pub fn start(mut shards: Vec<Shard>) -> Self {
        if shards.len() == 1
            && let Some(shard) = shards.pop()
        {
            return Self::Inline(Box::new(shard));
        }
        Self::Threads {
            shards: shards.into_iter().map(Worker::start).collect(),
            in_flight: VecDeque::new(),
        }
    }

    /// Gives a batch to the shards its devices belong to and returns outcomes
    /// that are due, each a whole batch in order.
    pub fn process(
        &mut self,
        events: Vec<Event>,
        inputs: &Arc<Vec<Arc<str>>>,
    ) -> Result<Vec<Outcome>, ShardLost> {
        match self {
            Self::Inline(shard) => Ok(vec![in_order(vec![shard.process(events, inputs)])]),
            Self::Threads { shards, in_flight } => {
                let mut answers = Vec::new();
                for (worker, part) in shards.iter().zip(parts(events, shards.len())) {
                    if !part.is_empty() {
                        let inputs = Arc::clone(inputs);
                        answers.push(worker.ask(move |shard| shard.process(part, &inputs))?);
                    }
                }
                in_flight.push_back(answers);
                let mut due = Vec::new();
                while in_flight.len() > IN_FLIGHT {
                    due.extend(collect(in_flight)?);
                }
                Ok(due)
            }
        }
    }

    /// How many shards there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Inline(_) => 1,
            Self::Threads { shards, .. } => shards.len(),
        }
    }

    /// Waits for all batches under way.
    pub fn drain(&mut self) -> Result<Vec<Outcome>, ShardLost> {
        let mut outcomes = Vec::new();
        if let Self::Threads { in_flight, .. } = self {
            while !in_flight.is_empty() {
                outcomes.extend(collect(in_flight)?);
            }
        }
        Ok(outcomes)
    }

    /// Merges what the shards learned of the fleet and gives it to all, for
    /// the analytics that are due.
    pub fn exchange_baselines(&mut self, due: Vec<bool>) -> Result<(), ShardLost> {
        let due = Arc::new(due);
        self.share_fleet(move |position, baselines| {
            due.get(position)
                .is_some_and(|due| *due)
                .then(|| (baselines.give_fleet(), baselines.take_delta()))
        })
    }

    /// Gives an analytic's baselines what was stored of them, each device to
    /// its shard, and the fleet's part of it to all.
    pub fn restore(&mut self, analytic: usize, entries: Vec<StoredEntry>) -> Result<(), ShardLost> {
        let count = self.count();
        let entries = Arc::new(entries);
        self.on_each(move |shard_number, shard| {
            let runner = shard.runners().get_mut(analytic);
            if let Some(memory) = runner.and_then(|runner| runner.memory()) {
                for entry in entries.iter() {
                    if shard_of(&entry.device, count) == shard_number {
                        memory.baselines.restore(entry.clone());
                    }
                }
            }
        })?;
        self.share_fleet(move |position, baselines| {
            (position == analytic).then(|| (Arc::default(), baselines.contributed()))
        })
    }

    /// What the shards had to forget to make room.
    pub fn forgotten(&mut self) -> Result<Forgotten, ShardLost> {
        let of_shards = self.on_each(|_, shard| {
            let world = shard.world();
            let lineage = world.map(|world| world.lineage.stats()).unwrap_or_default();
            let signatures = world.map(|world| world.signatures.stats());
            Forgotten {
                processes: lineage.evicted,
                devices: lineage.evicted_devices,
                signatures: signatures.map_or(0, |stats| stats.evicted),
            }
        })?;
        let mut all = Forgotten::default();
        for of_shard in of_shards {
            all.processes += of_shard.processes;
            all.devices += of_shard.devices;
            all.signatures += of_shard.signatures;
        }
        Ok(all)
    }

    /// What each analytic's baselines learned since they were restored.
    pub fn learned(&mut self) -> Result<Vec<(String, Vec<StoredEntry>)>, ShardLost> {
        let of_shards = self.on_each(|_, shard| {
            let runners = shard.runners().iter_mut();
            runners
                .filter_map(|runner| {
                    let id = runner.id().to_owned();
                    Some((id, runner.memory()?.baselines.take_changes()))
                })
                .collect::<Vec<_>>()
        })?;
        let mut learned: BTreeMap<String, Vec<StoredEntry>> = BTreeMap::new();
        for (id, changes) in of_shards.into_iter().flatten() {
            learned.entry(id).or_default().extend(changes);
        }
        Ok(learned.into_iter().collect())
    }

    /// Puts new snapshots of the fleet together from what every shard has to
    /// tell, and gives them to all. `tell` says nothing for an analytic whose
    /// snapshot stays.
    fn share_fleet(
        &mut self,
        tell: impl Fn(usize, &mut Baselines) -> Option<(Arc<Fleet>, FleetDelta)>
        + Clone
        + Send
        + 'static,
    ) -> Result<(), ShardLost> {
        let told = self.on_each(move |_, shard| {
            let runners = shard.runners().iter_mut().enumerate();
            runners
                .map(|(position, runner)| tell(position, &mut runner.memory()?.baselines))
                .collect::<Vec<_>>()
        })?;
        let mut fleets: Vec<Option<(Arc<Fleet>, Vec<FleetDelta>)>> = Vec::new();
        for (position, told) in told
            .into_iter()
            .flat_map(|told| told.into_iter().enumerate())
        {
            if fleets.len() <= position {
                fleets.resize_with(position + 1, || None);
            }
            let (Some(known), Some((fleet, delta))) = (fleets.get_mut(position), told) else {
                continue;
            };
            // All shards held the same snapshot. With the others dropped here,
            // the first one's is merged in place.
            known.get_or_insert((fleet, Vec::new())).1.push(delta);
        }
        let fleets: Vec<Option<Arc<Fleet>>> = fleets
            .into_iter()
            .map(|told| told.map(|(fleet, deltas)| fleet.merged(deltas)))
            .collect();
        self.on_each(move |_, shard| {
            for (runner, fleet) in shard.runners().iter_mut().zip(&fleets) {
                if let (Some(memory), Some(fleet)) = (runner.memory(), fleet) {
                    memory.baselines.set_fleet(Arc::clone(fleet));
                }
            }
        })?;
        Ok(())
    }

    /// Runs something on every shard, in their order, and waits for it. It is
    /// told the shard's position.
    pub fn on_each<T: Send + 'static>(
        &mut self,
        task: impl Fn(usize, &mut Shard) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, ShardLost> {
        match self {
            Self::Inline(shard) => Ok(vec![task(0, shard)]),
            Self::Threads { shards, .. } => {
                let answers: Vec<_> = shards
                    .iter()
                    .enumerate()
                    .map(|(position, worker)| {
                        let task = task.clone();
                        worker.ask(move |shard| task(position, shard))
                    })
                    .collect::<Result<_, _>>()?;
                answers
                    .into_iter()
                    .map(|answer| answer.recv().map_err(|_| ShardLost))
                    .collect()
            }
        }
    }
}

impl Worker {
    fn start(mut shard: Shard) -> Self {
        let (tasks, inbox) = mpsc::channel::<Task>();
        let thread = std::thread::Builder::new()
            .name("shard".to_owned())
            .spawn(move || {
                for task in inbox {
                    task(&mut shard);
                }
            });
        Self {
            tasks: Some(tasks),
            // Without a thread every question fails, and the run with it.
            thread: thread.ok(),
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Shard) -> T + Send + 'static,
    ) -> Result<mpsc::Receiver<T>, ShardLost> {
        let (answer, answered) = mpsc::channel();
        let task: Task = Box::new(move |shard| {
            // Nobody waits any more if the run was given up.
            let _ = answer.send(task(shard));
        });
        let tasks = self.tasks.as_ref().ok_or(ShardLost)?;
        tasks.send(task).map_err(|_| ShardLost)?;
        Ok(answered)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

fn parts(events: Vec<Event>, count: usize) -> Vec<Vec<Event>> {
    let mut parts: Vec<Vec<Event>> = (0..count).map(|_| Vec::new()).collect();
    for event in events {
        if let Some(part) = parts.get_mut(shard_of(&event.device, count)) {
            part.push(event);
        }
    }
    parts
}

/// The shard that a device belongs to.
pub(super) fn shard_of(device: &str, count: usize) -> usize {
    let hash = foldhash::fast::FixedState::default().hash_one(device);
    (hash % count.max(1) as u64) as usize
}

fn collect(
    in_flight: &mut VecDeque<Vec<mpsc::Receiver<Outcome>>>,
) -> Result<Option<Outcome>, ShardLost> {
    let Some(answers) = in_flight.pop_front() else {
        return Ok(None);
    };
    let outcomes = answers
        .into_iter()
        .map(|answer| answer.recv().map_err(|_| ShardLost))
        .collect::<Result<_, _>>()?;
    Ok(Some(in_order(outcomes)))
}

/// One outcome of the parts of a batch: by event, then by analytic, then in
/// the order the analytic gave.
fn in_order(parts: Vec<Outcome>) -> Outcome {
    let mut whole = Outcome::default();
    for part in parts {
        whole.findings.extend(part.findings);
        whole.faults.extend(part.faults);
        whole.rows += part.rows;
        whole.calls += part.calls;
        whole.unseen += part.unseen;
        whole.unknown_evidence += part.unknown_evidence;
    }
    whole.findings.sort_by(|one, other| {
        (one.sequence, &one.analytic.id).cmp(&(other.sequence, &other.analytic.id))
    });
    whole.faults.sort_by(|one, other| {
        (one.sequence, &one.analytic).cmp(&(other.sequence, &other.analytic))
    });
    whole
}
