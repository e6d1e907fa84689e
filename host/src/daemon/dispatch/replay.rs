//! Dead letters that are tried again, between two groups and each in a
//! transaction of its own.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{Ack, Dispatch, Group, Records, Sources, Transaction};
use crate::{
    daemon::letters::{Form, Letter},
    event::Event,
    ingest::{Delivery, Receipt},
    pipeline::ShardLost,
    shard::Outcome,
};

/// A letter that is to be tried again.
pub struct Replay {
    /// Its number.
    pub number: u64,
    /// As it is stored.
    pub letter: Letter,
    /// Told what came of it.
    pub done: oneshot::Sender<Replaying>,
}

/// What came of it, before it is on disk.
pub struct Replaying {
    /// What came of it.
    pub replayed: Replayed,
    /// Told when it is on disk.
    pub committed: oneshot::Receiver<Receipt>,
}

/// What came of a letter that was to be tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// The letter's number.
    pub number: u64,
    /// How it went.
    pub result: ReplayResult,
    /// How many findings it led to that were not issued before.
    pub findings: u64,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How it went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayResult {
    /// It was handled; the letter is gone.
    Handled,
    /// It failed again; the letter has the new error.
    Failed,
    /// It could not be tried; the letter is as it was.
    Kept,
    /// There is no such letter.
    #[default]
    Missing,
}

/// Events to process again, and what else that takes.
enum Attempt {
    /// A record, decoded as if it came now. What of it still cannot be decoded
    /// makes another letter.
    Record(Box<Delivery>, Vec<Event>, Option<Letter>),
    /// An event for one analytic.
    Event(Event),
}

/// What is to become of a letter.
enum After {
    /// It goes.
    Handled,
    /// This stands in its place.
    Failed(Box<Letter>),
    /// It stays as it is.
    Kept(String),
}

impl Dispatch {
    /// Tries a letter again, and has what came of it stored.
    pub(super) fn replay(&mut self, replay: Replay) -> Result<(), ShardLost> {
        let Replay {
            number,
            letter,
            done,
        } = replay;
        self.begin();
        let mut transaction = Transaction::default();
        let mut replayed = Replayed {
            number,
            ..Replayed::default()
        };
        let after = match self.attempt(&letter, &mut transaction) {
            Ok(Attempt::Record(delivery, events, remainder)) => {
                let outcomes = self.pass(&delivery, events, &mut transaction)?;
                transaction.findings = self.issue(outcomes);
                match remainder {
                    Some(remainder) => After::Failed(Box::new(remainder)),
                    None => After::Handled,
                }
            }
            Ok(Attempt::Event(event)) => {
                let (_, outcomes) = self.process(vec![event])?;
                let after = self.after(&letter, &outcomes);
                transaction.findings = self.issue(outcomes);
                after
            }
            Err(after) => after,
        };
        (replayed.result, replayed.error) = match after {
            After::Handled => {
                transaction.replayed.push((number, None));
                (ReplayResult::Handled, None)
            }
            After::Failed(mut failed) => {
                failed.time = letter.time;
                failed.replays = letter.replays.saturating_add(1);
                let encoded = Some(failed.encode());
                transaction.replayed.push((number, encoded));
                (ReplayResult::Failed, Some(failed.error))
            }
            After::Kept(why) => (ReplayResult::Kept, Some(why)),
        };
        self.complete(&mut transaction)?;
        replayed.findings = transaction.findings.len() as u64;
        let (sender, committed) = oneshot::channel();
        let ack = Ack {
            // Whoever asked waits for the disk, not for the sinks.
            needs: 0,
            sender,
            receipt: Receipt::default(),
        };
        let group = Group {
            transaction,
            acks: vec![ack],
        };
        // Only fails when the ledger has ended, and then so does the daemon.
        let _ = self.ledger.blocking_send(group);
        // Whoever asked may not wait any more.
        let _ = done.send(Replaying {
            replayed,
            committed,
        });
        Ok(())
    }

    /// What of a letter is to be processed.
    fn attempt(
        &mut self,
        letter: &Letter,
        transaction: &mut Transaction,
    ) -> Result<Attempt, After> {
        if letter.form == Form::Finding {
            let what = "the sink refused this finding for good, and findings are not sent again; \
                        `sandtrap deadletter show --raw` prints it";
            return kept(what);
        }
        if letter.is_cut {
            let what = "only its beginning was kept; send the record again from where it came";
            return kept(what);
        }
        match &letter.analytic {
            Some(analytic) => self.event_again(letter, analytic),
            None => self.record_again(letter, transaction),
        }
    }

    /// The record as a delivery that comes now.
    fn record_again(
        &mut self,
        letter: &Letter,
        transaction: &mut Transaction,
    ) -> Result<Attempt, After> {
        let Some(encoding) = letter.encoding() else {
            return kept("it holds no record");
        };
        let mut records = Records::new(encoding);
        records.push(&letter.record());
        let delivery = Box::new(Delivery {
            source: letter.source.as_str().into(),
            input: letter.input.as_str().into(),
            records,
            first_record: letter.record,
            // The same record may lie in other letters, too.
            may_come_again: true,
            checkpoint: None,
        });
        let input = self.inputs.number(&letter.input);
        let mut events = Vec::new();
        let decoded = self.decode.take(
            &delivery,
            input,
            self.plan.router(),
            &mut self.records,
            &mut self.scripts,
            &mut events,
        );
        transaction.fingerprints = decoded.fingerprints;
        let remainder = decoded.letters.first();
        let remainder = remainder.map(|one| Letter::decode(one));
        Ok(Attempt::Record(delivery, events, remainder))
    }

    /// The event as the analytic was shown it, for that one alone.
    fn event_again(&mut self, letter: &Letter, analytic: &str) -> Result<Attempt, After> {
        let Some(subscriptions) = self.plan.subscriptions(analytic) else {
            return kept(format!("{analytic} is not loaded"));
        };
        let router = self.plan.router();
        let uid = letter.shown.as_ref().and_then(|shown| {
            let uid = u64::from_str_radix(&shown.uid, 16).ok()?;
            Some((uid, shown.time))
        });
        let Some((uid, time)) = uid else {
            return kept("it does not say which event it was");
        };
        let again = match letter.encoding() {
            Some(encoding) => {
                let record = letter.record();
                self.decode
                    .again(&record, encoding, &letter.input, uid, router)
            }
            None => Ok(letter.joined(router.names())),
        };
        let mut matches = Vec::new();
        let event = match again {
            Err(error) => {
                let letter = letter.clone();
                return Err(After::Failed(Box::new(Letter { error, ..letter })));
            }
            Ok(event) => event.inspect(|event| {
                router.matches(event.class, &event.fields, &mut matches);
                matches.retain(|subscription| subscriptions.contains(subscription));
            }),
        };
        match event {
            Some(mut event) if !matches.is_empty() => {
                event.uid = uid;
                event.time = time;
                event.origin.input = self.inputs.number(&letter.input);
                event.origin.record = letter.record;
                event.matches = matches.into();
                event.is_again = true;
                Ok(Attempt::Event(event))
            }
            _ => kept(format!(
                "{analytic} does not subscribe to this event as it runs now"
            )),
        }
    }

    /// Has all analytics look at the events of a delivery.
    fn pass(
        &mut self,
        delivery: &Delivery,
        events: Vec<Event>,
        transaction: &mut Transaction,
    ) -> Result<Vec<Outcome>, ShardLost> {
        let (passed, outcomes) = self.process(events)?;
        let sources = Sources {
            deliveries: vec![delivery],
            ends: &[self.meta.sequence],
            passed: &passed,
        };
        transaction.dead_letters = self.letters(&outcomes, &sources);
        Ok(outcomes)
    }

    /// What is to become of the letter of an event that was shown again.
    fn after(&self, letter: &Letter, outcomes: &[Outcome]) -> After {
        let mut faults = outcomes.iter().flat_map(|outcome| &outcome.faults);
        if let Some(fault) = faults.next() {
            self.note(fault, true);
            let error = &fault.error;
            return After::Failed(Box::new(Letter {
                reason: error.reason().to_owned(),
                blame: Some(error.blame().name().to_owned()),
                error: error.to_string(),
                ..letter.clone()
            }));
        }
        if outcomes.iter().any(|outcome| outcome.unseen > 0) {
            let analytic = letter.analytic.as_deref().unwrap_or_default();
            return After::Kept(format!(
                "{analytic} is quarantined; `sandtrap release {analytic}` lifts that"
            ));
        }
        After::Handled
    }
}

fn kept<T>(why: impl Into<String>) -> Result<T, After> {
    Err(After::Kept(why.into()))
}
