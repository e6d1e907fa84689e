//! The one thread that events pass: it decodes them, has the analytics look at
//! them, and gives what came of it to the ledger.

mod counts;
mod faults;
mod replay;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use self::faults::{Passed, Sources};
pub use self::replay::{Replay, ReplayResult, Replayed};
use super::{
    board::SharedBoard,
    decode::{Decode, Decoded},
    ledger::{Ack, Group},
    seen::{Inputs, SeenFindings, SeenRecords},
    store::{Meta, Transaction},
};
use crate::{
    change::Change,
    event::Event,
    ingest::{Inlet, Records, Work},
    instance::Instance,
    metrics::{Analytic, Metrics, Source},
    normalise::ScriptBlocks,
    outlet::Entry,
    pipeline::{Memories, Pipeline, Plan, ShardLost},
    shard::{Outcome, Usage},
    sinks::ocsf,
    sources::Encoding,
};

/// Deliveries are handled together up to so many bytes of records and so many
/// deliveries, so that one transaction serves many senders.
const GROUP_BYTES: usize = 4 << 20;
const GROUP: usize = 1_024;

/// How long a script block waits for its parts, in milliseconds of event time.
const SCRIPT_LIFETIME: i64 = 10 * 60_000;

/// How many recent records are kept to try new analytics on.
const SAMPLE: usize = 64;
/// The longest of them, in bytes.
const SAMPLE_RECORD: usize = 16 << 10;

/// Sources are not held up when nothing is detected, so it has to be said.
pub const IDLE: &str =
    "no analytic runs; events are taken in and seen by none (`sandtrap status` says why)";

/// What the thread is asked to do between two groups.
pub enum Command {
    /// To go on with another set of analytics.
    Swap(Box<Swap>),
    /// To let an analytic out of quarantine, or all.
    Release(Option<String>),
    /// To try a dead letter again.
    Replay(Box<Replay>),
    /// To process what is waiting and end.
    Stop,
}

/// Another set of analytics, ready to run.
pub struct Swap {
    /// Who wants what.
    pub plan: Plan,
    /// Decodes for that plan.
    pub decode: Decode,
    /// What analytics that were not running remember.
    pub memories: BTreeMap<String, Memories>,
    /// Started instances of the new ones, one for each shard.
    pub instances: BTreeMap<String, Vec<Instance>>,
    /// Told how long the events had to wait.
    pub done: oneshot::Sender<Duration>,
}

/// Recent records, to try new analytics on.
pub type Sample = Arc<Mutex<VecDeque<(Encoding, Vec<u8>)>>>;

/// What the thread works with.
pub struct Dispatch {
    /// The shards, restored.
    pub pipeline: Pipeline,
    /// Who wants what.
    pub plan: Plan,
    /// Decodes for that plan.
    pub decode: Decode,
    /// Script blocks that wait for parts.
    pub scripts: ScriptBlocks,
    /// The same as they were stored. They are restored with the first set of
    /// analytics, whose own fields they may hold.
    pub stored_scripts: Option<Vec<Change>>,
    /// The records seen before.
    pub records: SeenRecords,
    /// The findings issued before.
    pub findings: SeenFindings,
    /// The names of the inputs.
    pub inputs: Inputs,
    /// The numbers that go on.
    pub meta: Meta,
    /// Most events in a group before the group is closed.
    pub batch: usize,
    /// Where recent records are put.
    pub sample: Sample,
    /// Where counts go.
    pub metrics: Metrics,
    /// Where the state is told.
    pub board: SharedBoard,
    /// Where groups go. It is short: a slow disk or sink holds events up here.
    pub ledger: mpsc::Sender<Group>,
    /// What was counted before, to add the difference.
    pub counted: BTreeMap<String, Usage>,
}

impl Dispatch {
    /// Runs until told to stop or until all sources are gone.
    pub fn run(
        mut self,
        runtime: &Handle,
        mut inlet: Inlet,
        mut commands: mpsc::Receiver<Command>,
    ) -> Result<(), ShardLost> {
        let mut is_stopping = false;
        loop {
            let next = if is_stopping {
                Next::of(inlet.try_next())
            } else {
                runtime.block_on(async {
                    tokio::select! {
                        // A swap does not wait behind a full queue.
                        biased;
                        Some(command) = commands.recv() => Next::Command(command),
                        work = inlet.next() => Next::of(work),
                    }
                })
            };
            match next {
                Next::Command(Command::Swap(swap)) => self.swap(*swap)?,
                Next::Command(Command::Release(id)) => {
                    self.pipeline.release(id)?;
                    self.count(0)?;
                }
                Next::Command(Command::Replay(replay)) => self.replay(*replay)?,
                Next::Command(Command::Stop) => is_stopping = true,
                Next::Work(work) => self.group(work, &mut inlet)?,
                Next::End => return Ok(()),
            }
        }
    }

    /// Goes on with another set of analytics.
    fn swap(&mut self, swap: Swap) -> Result<(), ShardLost> {
        let started = Instant::now();
        let Swap {
            plan,
            mut decode,
            memories,
            instances,
            done,
        } = swap;
        decode.continue_from(&self.decode);
        let waiting = match self.stored_scripts.take() {
            Some(stored) => stored,
            None => waiting(&self.scripts, &self.plan, &self.inputs),
        };
        self.scripts = scripts(&waiting, &plan, &mut self.inputs);
        let departed = self.pipeline.replan(&plan, memories, instances)?;
        let plan = std::mem::replace(&mut self.plan, plan);
        let decode = std::mem::replace(&mut self.decode, decode);
        let pause = started.elapsed();
        let usage = self.pipeline.usage()?;
        for (id, before) in std::mem::replace(&mut self.counted, usage) {
            if let Some(now) = self.counted.get(&id) {
                counts::tell(&id, before.quarantine, now.quarantine);
            } else {
                let label = Analytic { analytic: id };
                self.metrics.analytic_memory.remove(&label);
                self.metrics.analytic_quarantined.remove(&label);
            }
        }
        if self.counted.is_empty() {
            tracing::warn!("{IDLE}");
        }
        // Taking the old down takes longer than all the rest. Should
        // there be no thread for it, it is done here.
        let _ = std::thread::Builder::new()
            .name("teardown".to_owned())
            .spawn(move || drop((departed, plan, decode)));
        self.metrics.swap_seconds.0.observe(pause.as_secs_f64());
        // The reloader may have gone, and the swap holds all the same.
        let _ = done.send(pause);
        Ok(())
    }

    /// Handles a delivery together with those that wait behind it.
    fn group(&mut self, first: Work, inlet: &mut Inlet) -> Result<(), ShardLost> {
        let mut works = Vec::new();
        let mut decoded = Vec::new();
        let mut ends = Vec::new();
        let mut events: Vec<Event> = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        self.begin();
        while let Some(work) = next {
            bytes += work.delivery.records.size();
            let input = self.inputs.number(&work.delivery.input);
            decoded.push(self.decode.take(
                &work.delivery,
                input,
                self.plan.router(),
                &mut self.records,
                &mut self.scripts,
                &mut events,
            ));
            works.push(work);
            ends.push(self.meta.sequence + events.len() as u64);
            let is_full = events.len() >= self.batch || bytes >= GROUP_BYTES;
            next = if is_full || works.len() >= GROUP {
                None
            } else {
                inlet.try_next()
            };
        }
        self.decode.give_up_scripts(
            SCRIPT_LIFETIME,
            &mut self.scripts,
            self.plan.router(),
            &mut events,
        );
        let (passed, outcomes) = self.process(events)?;
        let sources = Sources {
            deliveries: works.iter().map(|work| &work.delivery).collect(),
            ends: &ends,
            passed: &passed,
        };
        let letters = self.letters(&outcomes, &sources);
        let group = self.account(works, decoded, outcomes, letters)?;
        // Only fails when the ledger has ended, and then so does the daemon.
        let _ = self.ledger.blocking_send(group);
        Ok(())
    }

    /// Begins a group: forgets the names of inputs when there are too many.
    fn begin(&mut self) {
        self.decode.begin();
        if self.inputs.is_full() {
            let waiting = waiting(&self.scripts, &self.plan, &self.inputs);
            self.inputs.clear();
            self.scripts = scripts(&waiting, &self.plan, &mut self.inputs);
        }
    }

    /// Gives events their places in the run and has the analytics look at them.
    fn process(
        &mut self,
        mut events: Vec<Event>,
    ) -> Result<(Vec<Passed>, Vec<Outcome>), ShardLost> {
        for event in &mut events {
            self.meta.sequence += 1;
            event.sequence = self.meta.sequence;
        }
        let passed = events.iter().map(Passed::from).collect();
        let mut outcomes = Vec::new();
        let names = Arc::clone(self.inputs.names());
        self.pipeline
            .process(events, &names, &mut |outcome| outcomes.push(outcome))?;
        self.pipeline
            .finish(&mut |outcome| outcomes.push(outcome))?;
        Ok((passed, outcomes))
    }

    /// Numbers the findings that were not issued before.
    fn issue(&mut self, outcomes: Vec<Outcome>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for finding in outcomes.into_iter().flat_map(|outcome| outcome.findings) {
            if self.findings.insert(finding.uid.as_bytes()) {
                self.meta.findings += 1;
                let json = serde_json::to_vec(&ocsf::detection_finding(&finding));
                entries.push(Entry {
                    number: self.meta.findings,
                    uid: Arc::from(finding.uid),
                    analytic: Arc::from(finding.analytic.id.as_str()),
                    time: finding.time,
                    json: Arc::from(json.unwrap_or_default()),
                });
            }
        }
        entries
    }

    /// Adds to a transaction what changed of the state.
    fn complete(&mut self, transaction: &mut Transaction) -> Result<(), ShardLost> {
        let buried = transaction.dead_letters.len() as u64;
        self.metrics.dead_letters.inc_by(buried);
        self.records.close(transaction.fingerprints.clone());
        transaction.sequence = self.meta.sequence;
        transaction.records = self.meta.records;
        let inputs = &self.inputs;
        transaction.scripts = self
            .scripts
            .take_changes(self.plan.router().names(), &|number| inputs.name(number));
        transaction.changes = self.pipeline.take_changes()?;
        self.count(transaction.findings.len() as u64)
    }

    /// Puts together what is to be stored of a group and who waits for it.
    fn account(
        &mut self,
        works: Vec<Work>,
        decoded: Vec<Decoded>,
        outcomes: Vec<Outcome>,
        letters: Vec<Vec<u8>>,
    ) -> Result<Group, ShardLost> {
        let mut transaction = Transaction {
            dead_letters: letters,
            findings: self.issue(outcomes),
            ..Transaction::default()
        };
        if let Some(work) = works.first() {
            self.sample(&work.delivery.records);
        }
        let mut acks = Vec::new();
        for (work, decoded) in works.into_iter().zip(decoded) {
            let source = Source {
                source: work.delivery.source.to_string(),
            };
            let receipt = decoded.receipt;
            let (metrics, failed) = (&self.metrics, receipt.undecodable.len() as u64);
            metrics
                .duplicates
                .get_or_create(&source)
                .inc_by(receipt.duplicates);
            metrics.undecodable.get_or_create(&source).inc_by(failed);
            metrics
                .mistimed
                .get_or_create(&source)
                .inc_by(decoded.mistimed);
            self.meta.records += receipt.records;
            self.board.update(|status| {
                if receipt.records > 0 {
                    let known = status.sources.entry(source.source).or_default();
                    known.records += receipt.records;
                }
            });
            transaction.fingerprints.extend(decoded.fingerprints);
            transaction.dead_letters.extend(decoded.letters);
            transaction.checkpoints.extend(work.delivery.checkpoint);
            acks.push(Ack {
                // What was seen before may have led to findings that no sink
                // has confirmed yet.
                needs: if receipt.duplicates > 0 {
                    self.meta.findings
                } else {
                    transaction.findings.last().map_or(0, |entry| entry.number)
                },
                sender: work.receipt,
                receipt,
            });
        }
        self.complete(&mut transaction)?;
        Ok(Group { transaction, acks })
    }

    fn sample(&self, records: &Records) {
        let mut sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |record: &&[u8]| record.len() <= SAMPLE_RECORD;
        let records_of = records.iter().map(|(record, _)| record);
        for record in records_of.filter(fits).take(SAMPLE / 4) {
            sample.push_back((records.encoding(), record.to_vec()));
        }
        while sample.len() > SAMPLE {
            sample.pop_front();
        }
    }
}

enum Next {
    Command(Command),
    Work(Work),
    End,
}

impl Next {
    fn of(work: Option<Work>) -> Self {
        work.map_or(Self::End, Self::Work)
    }
}

/// The script blocks that wait for parts, as they are stored. The numbers of
/// their inputs, and of the fields that analytics name themselves, are of a
/// plan and of a time; stored are names.
fn waiting(scripts: &ScriptBlocks, plan: &Plan, inputs: &Inputs) -> Vec<Change> {
    scripts.export(plan.router().names(), &|number| inputs.name(number))
}

/// The reverse. What cannot be read is left out.
fn scripts(stored: &[Change], plan: &Plan, inputs: &mut Inputs) -> ScriptBlocks {
    let mut scripts = ScriptBlocks::default();
    scripts.keep_changes();
    for entry in stored {
        let Some(value) = &entry.value else { continue };
        let names = plan.router().names();
        let mut number = |name: &str| inputs.number(name);
        let restored = scripts.restore(&entry.device, &entry.key, value, names, &mut number);
        if let Err(damaged) = restored {
            tracing::error!("a script block that waited for parts is lost: {damaged}");
        }
    }
    scripts.end_restore();
    scripts
}
