//! The one thread that events pass: it decodes them, has the analytics look at
//! them, and gives what came of it to the ledger.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use super::{
    board::SharedBoard,
    decode::{Decode, Decoded},
    ledger::{Ack, Group},
    letters::{self, Letter},
    seen::{Inputs, SeenFindings, SeenRecords},
    store::{Meta, Transaction},
};
use crate::{
    change::{Change, Damaged},
    event::Event,
    ingest::{Inlet, Records, Work},
    metrics::{Analytic, AnalyticFault, HostCalls, Metrics, Source},
    normalise::ScriptBlocks,
    outlet::Entry,
    pipeline::{Memories, Pipeline, Plan, ShardLost},
    shard::{Fault, Outcome, Usage},
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

/// What the thread is asked to do between two groups.
pub enum Command {
    /// To go on with another set of analytics.
    Swap(Box<Swap>),
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
    /// Script blocks that wait for parts, restored.
    pub scripts: ScriptBlocks,
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
            done,
        } = swap;
        decode.continue_from(&self.decode);
        self.rename_scripts(&plan);
        let before = self.pipeline.replan(&plan, memories)?;
        self.plan = plan;
        self.decode = decode;
        let pause = started.elapsed();
        // Taking the old instances down need not hold up the events.
        drop(before);
        self.metrics.swap_seconds.0.observe(pause.as_secs_f64());
        // The reloader may have gone, and the swap holds all the same.
        let _ = done.send(pause);
        Ok(())
    }

    /// The numbers of fields that analytics name themselves differ between
    /// plans, and script blocks may wait for parts across a swap.
    fn rename_scripts(&mut self, plan: &Plan) {
        if self.scripts.is_empty() {
            return;
        }
        let inputs = &mut self.inputs;
        let waiting = self
            .scripts
            .export(self.plan.router().names(), &|number| inputs.name(number));
        self.scripts = scripts(&waiting, plan, inputs).unwrap_or_else(|damaged| {
            // They were written a moment ago.
            tracing::error!("script blocks that waited for parts are lost: {damaged}");
            ScriptBlocks::default()
        });
    }

    /// Handles a delivery together with those that wait behind it.
    fn group(&mut self, first: Work, inlet: &mut Inlet) -> Result<(), ShardLost> {
        let mut works = Vec::new();
        let mut decoded = Vec::new();
        let mut events: Vec<Event> = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        if self.inputs.is_full() && self.scripts.is_empty() {
            self.inputs.clear();
        }
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
        for event in &mut events {
            self.meta.sequence += 1;
            event.sequence = self.meta.sequence;
        }
        let origins: Vec<_> = events
            .iter()
            .map(|event| (event.sequence, event.origin))
            .collect();
        let mut outcomes = Vec::new();
        let names = Arc::clone(self.inputs.names());
        self.pipeline
            .process(events, &names, &mut |outcome| outcomes.push(outcome))?;
        self.pipeline
            .finish(&mut |outcome| outcomes.push(outcome))?;
        let group = self.account(works, decoded, outcomes, &origins)?;
        // Only fails when the ledger has ended, and then so does the daemon.
        let _ = self.ledger.blocking_send(group);
        Ok(())
    }

    /// Puts together what is to be stored of a group and who waits for it.
    fn account(
        &mut self,
        works: Vec<Work>,
        decoded: Vec<Decoded>,
        outcomes: Vec<Outcome>,
        origins: &[(u64, crate::event::Origin)],
    ) -> Result<Group, ShardLost> {
        let mut transaction = Transaction::default();
        let issued_before = self.meta.findings;
        for outcome in outcomes {
            for finding in outcome.findings {
                if self.findings.insert(finding.uid.as_bytes()) {
                    self.meta.findings += 1;
                    let json = serde_json::to_vec(&ocsf::detection_finding(&finding));
                    transaction.findings.push(Entry {
                        number: self.meta.findings,
                        uid: Arc::from(finding.uid),
                        analytic: Arc::from(finding.analytic.id.as_str()),
                        time: finding.time,
                        json: Arc::from(json.unwrap_or_default()),
                    });
                }
            }
            for fault in &outcome.faults {
                let letter = self.letter(fault, &works, origins);
                transaction.dead_letters.push(letter);
            }
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
            self.sample(&work.delivery.records);
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
        self.metrics
            .dead_letters
            .inc_by(transaction.dead_letters.len() as u64);
        self.records.close(transaction.fingerprints.clone());
        transaction.sequence = self.meta.sequence;
        transaction.records = self.meta.records;
        let inputs = &self.inputs;
        transaction.scripts = self
            .scripts
            .take_changes(self.plan.router().names(), &|number| inputs.name(number));
        transaction.changes = self.pipeline.take_changes()?;
        self.count(self.meta.findings - issued_before)?;
        Ok(Group { transaction, acks })
    }

    fn letter(
        &self,
        fault: &Fault,
        works: &[Work],
        origins: &[(u64, crate::event::Origin)],
    ) -> Vec<u8> {
        let labels = AnalyticFault {
            analytic: fault.analytic.to_string(),
            reason: fault.error.reason(),
            blame: fault.error.blame().name(),
        };
        self.metrics.analytic_faults.get_or_create(&labels).inc();
        let error = fault.error.to_string();
        self.board.update(|status| {
            if let Some(analytic) = status.analytics.get_mut(&*fault.analytic) {
                analytic.last_error = Some(error.clone());
            }
        });
        tracing::warn!(
            analytic = &*fault.analytic,
            device = &*fault.device,
            blame = fault.error.blame().name(),
            "an event could not be handled: {error}"
        );
        let origin = origins
            .binary_search_by_key(&fault.sequence, |(sequence, _)| *sequence)
            .ok()
            .and_then(|position| origins.get(position))
            .map(|(_, origin)| *origin)
            .unwrap_or_default();
        let input = self.inputs.name(origin.input);
        // A script block put together from parts is known by its first part,
        // which may have come long before.
        let found = works.iter().find_map(|work| {
            let delivery = &work.delivery;
            let position = origin.record.checked_sub(delivery.first_record)?;
            let (bytes, _) = (*delivery.input == *input)
                .then(|| delivery.records.get(position as usize))
                .flatten()?;
            Some((&*delivery.source, bytes))
        });
        let (source, event) = found.unwrap_or_default();
        letters::write(&Letter {
            error: &error,
            reason: fault.error.reason(),
            source,
            input: &input,
            record: origin.record,
            analytic: Some(&fault.analytic),
            blame: Some(fault.error.blame().name()),
            event,
        })
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

    /// Publishes what was done since the last time.
    fn count(&mut self, findings: u64) -> Result<(), ShardLost> {
        let usage = self.pipeline.usage()?;
        for (id, now) in &usage {
            let before = self.counted.get(id).copied().unwrap_or_default();
            // A new version counts from nothing again.
            let before = if now.calls < before.calls {
                Usage::default()
            } else {
                before
            };
            publish(&self.metrics, id, *now, before);
        }
        let lineage = self.pipeline.lineage_stats()?;
        let metrics = &self.metrics;
        metrics.lineage_devices.set(lineage.devices as i64);
        metrics.lineage_processes.set(lineage.processes as i64);
        metrics.lineage_bytes.set(lineage.bytes as i64);
        metrics.lineage_evictions.set(lineage.evicted as i64);
        metrics.lineage_misses.set(lineage.misses as i64);
        let records = self.meta.records;
        self.board.update(|status| {
            status.events = records;
            status.findings += findings;
            for (id, now) in &usage {
                if let Some(analytic) = status.analytics.get_mut(id) {
                    analytic.show(*now);
                }
            }
        });
        self.counted = usage;
        Ok(())
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

/// The script blocks that wait for parts, as they were stored.
pub fn scripts(
    stored: &[Change],
    plan: &Plan,
    inputs: &mut Inputs,
) -> Result<ScriptBlocks, Damaged> {
    let mut scripts = ScriptBlocks::default();
    scripts.keep_changes();
    for entry in stored {
        if let Some(value) = &entry.value {
            let names = plan.router().names();
            let mut number = |name: &str| inputs.number(name);
            scripts.restore(&entry.device, &entry.key, value, names, &mut number)?;
        }
    }
    scripts.end_restore();
    Ok(scripts)
}

fn publish(metrics: &Metrics, id: &str, now: Usage, before: Usage) {
    let label = Analytic {
        analytic: id.to_owned(),
    };
    let add = |counters: &crate::metrics::Counters<Analytic>, now: u64, before: u64| {
        counters
            .get_or_create(&label)
            .inc_by(now.saturating_sub(before));
    };
    add(&metrics.analytic_events, now.rows, before.rows);
    add(&metrics.analytic_findings, now.findings, before.findings);
    add(&metrics.analytic_unseen, now.unseen, before.unseen);
    let time = now.time.saturating_sub(before.time);
    metrics
        .analytic_seconds
        .get_or_create(&label)
        .inc_by(time.as_secs_f64());
    metrics
        .analytic_memory
        .get_or_create(&label)
        .set(now.memory as i64);
    for (outcome, now, before) in [
        ("answered", now.answered, before.answered),
        ("denied", now.denied, before.denied),
    ] {
        let label = HostCalls {
            analytic: id.to_owned(),
            outcome,
        };
        metrics
            .host_calls
            .get_or_create(&label)
            .inc_by(now.saturating_sub(before));
    }
}
