//! Stores what came of the events, hands findings out, and acknowledges.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
};

use super::{
    letters::{Form, Letter, REFUSED},
    store::{StateError, Store, Transaction},
};
use crate::{
    ingest::Receipt,
    metrics::Metrics,
    outlet::{Outlet, Settled},
};

/// How many groups one transaction may hold.
const TOGETHER: usize = 8;

/// What came of some deliveries, and who waits for it.
pub struct Group {
    /// What is to be stored.
    pub transaction: Transaction,
    /// Who waits.
    pub acks: Vec<Ack>,
}

/// A source that waits.
pub struct Ack {
    /// The number of the finding that every sink must have confirmed.
    pub needs: u64,
    /// Where it waits.
    pub sender: oneshot::Sender<Receipt>,
    /// What it is told.
    pub receipt: Receipt,
}

/// What others tell the ledger.
pub enum Note {
    /// How far a sink came.
    Settled(Settled),
    /// To tell when everything that came before is stored.
    Flush(oneshot::Sender<()>),
}

/// What the thread works with.
pub struct Ledger {
    /// The database.
    pub store: Arc<Store>,
    /// The sinks.
    pub outlets: Arc<Vec<Outlet>>,
    /// The last finding each sink confirmed.
    pub confirmed: BTreeMap<String, u64>,
    /// How many records are remembered.
    pub remembered: u64,
    /// Told the number of the latest finding.
    pub latest: watch::Sender<u64>,
    /// Where counts go.
    pub metrics: Metrics,
    /// Who waits for sinks, by the number they wait for.
    pub waiting: BTreeMap<u64, Vec<Ack>>,
    /// Dropped when the last group is settled and handed to the sinks.
    pub drained: Option<std::sync::mpsc::Sender<()>>,
}

impl Ledger {
    /// Runs until there is nobody left to send groups, and then until all
    /// sinks have ended.
    pub fn run(
        mut self,
        runtime: &Handle,
        mut groups: mpsc::Receiver<Group>,
        mut notes: mpsc::UnboundedReceiver<Note>,
    ) -> Result<(), StateError> {
        loop {
            let (mut taken, mut told) = (Vec::new(), Vec::new());
            let is_over = runtime.block_on(async {
                tokio::select! {
                    group = groups.recv() => match group {
                        Some(group) => { taken.push(group); false }
                        None => true,
                    },
                    Some(note) = notes.recv() => { told.push(note); false }
                }
            });
            while let Ok(note) = notes.try_recv() {
                told.push(note);
            }
            while taken.len() < TOGETHER
                && let Ok(group) = groups.try_recv()
            {
                taken.push(group);
            }
            self.settle(taken, told)?;
            if is_over {
                break;
            }
        }
        self.drained = None;
        // What the sinks still deliver is worth remembering; they have a
        // deadline, and each ends its end of the channel.
        while let Some(note) = runtime.block_on(notes.recv()) {
            let mut told = vec![note];
            while let Ok(note) = notes.try_recv() {
                told.push(note);
            }
            self.settle(Vec::new(), told)?;
        }
        Ok(())
    }

    /// Stores groups and notes in one transaction, then tells everyone.
    fn settle(&mut self, groups: Vec<Group>, notes: Vec<Note>) -> Result<(), StateError> {
        let mut flushed = Vec::new();
        let mut refused = Vec::new();
        let mut is_changed = false;
        for note in notes {
            match note {
                Note::Settled(settled) => {
                    let sink = settled.sink.to_string();
                    refused.extend(settled.refused.iter().map(|(entry, reason)| {
                        let number = u32::try_from(entry.number).unwrap_or(u32::MAX);
                        let letter = Letter {
                            analytic: Some(entry.analytic.to_string()),
                            ..Letter::new(REFUSED, reason.as_str())
                        };
                        letter
                            .from_input(&sink, "outbox", number)
                            .with_record(Form::Finding, &entry.json)
                            .encode()
                    }));
                    let known = self.confirmed.entry(sink).or_default();
                    is_changed |= settled.through > *known;
                    *known = settled.through.max(*known);
                }
                Note::Flush(done) => flushed.push(done),
            }
        }
        let (mut transactions, mut acks) = (Vec::new(), Vec::new());
        for group in groups {
            transactions.push(group.transaction);
            acks.extend(group.acks);
        }
        self.metrics.dead_letters.inc_by(refused.len() as u64);
        if !transactions.is_empty() || is_changed || !refused.is_empty() {
            let started = Instant::now();
            let gone =
                self.store
                    .commit(&transactions, &refused, &self.confirmed, self.remembered)?;
            self.metrics.dead_letters_dropped.inc_by(gone);
            self.metrics.commits.inc();
            self.metrics
                .commit_seconds
                .inc_by(started.elapsed().as_secs_f64());
        }
        // Those first who need nothing but the transaction: a sink that takes
        // nothing holds up what follows.
        for ack in acks {
            self.waiting.entry(ack.needs).or_default().push(ack);
        }
        self.acknowledge();
        for done in flushed {
            // Whoever asked may have given up.
            let _ = done.send(());
        }
        let findings = transactions
            .iter()
            .flat_map(|transaction| &transaction.findings);
        for entry in findings {
            self.latest.send_replace(entry.number);
            for outlet in self.outlets.iter() {
                // One that has stopped finds it in the outbox after a restart.
                let _ = outlet.send(entry.clone());
            }
        }
        Ok(())
    }

    /// Tells those who wait for nothing any more.
    fn acknowledge(&mut self) {
        let settled = self.confirmed.values().min().copied().unwrap_or(u64::MAX);
        // While a sink is down, clients give up and come again; those who have
        // gone must not pile up.
        self.waiting.retain(|_, acks| {
            acks.retain(|ack| !ack.sender.is_closed());
            !acks.is_empty()
        });
        let later = self.waiting.split_off(&settled.saturating_add(1));
        for ack in std::mem::replace(&mut self.waiting, later)
            .into_values()
            .flatten()
        {
            // A client that went away will deliver again.
            let _ = ack.sender.send(ack.receipt);
        }
    }
}
