//! From a delivery to events: decoded, known ones left out, in the order of
//! their time.

use super::{
    letters::{self, Letter},
    seen::{Repeats, SeenRecords},
};
use crate::{
    event::Event,
    ingest::{Delivery, Receipt},
    normalise::{Kept, Normaliser, ScriptBlocks, UNTIMED},
    router::Router,
};

/// Turns deliveries into events.
pub struct Decode {
    normaliser: Normaliser,
    /// The latest event time so far, for records that have none.
    clock: Option<i64>,
    /// The host's clock, in milliseconds since 1970 UTC.
    now: fn() -> i64,
    joined: Vec<Event>,
}

/// What a delivery yields beside its events.
#[derive(Default)]
pub struct Decoded {
    /// What its source is told.
    pub receipt: Receipt,
    /// Fingerprints of the records that were kept.
    pub fingerprints: Vec<u64>,
    /// Records that could not be decoded, the first of them.
    pub letters: Vec<Vec<u8>>,
    /// Events stamped with a time that has not come yet.
    pub mistimed: u64,
}

/// By how much a sender's clock may be ahead, in milliseconds. One forged
/// record of the year 2099 would otherwise end the exchange of baselines for
/// all devices.
const AHEAD: i64 = 24 * 3_600_000;

/// How many dead letters one delivery may leave. A body of a million broken
/// lines is counted, not kept.
const LETTERS: usize = 1_000;

impl Decode {
    /// For these subscriptions; compiling them takes its time. `now` is the
    /// host's clock: an event stamped much later is taken for one without a
    /// time, and nothing else depends on it.
    pub fn new(router: &Router, now: fn() -> i64) -> Self {
        Self {
            normaliser: Normaliser::new(router),
            now,
            clock: None,
            joined: Vec::new(),
        }
    }

    /// Goes on with the clock of another.
    pub fn continue_from(&mut self, other: &Self) {
        self.clock = other.clock;
    }

    /// Appends a delivery's events, in the order of their time, not yet
    /// sequenced. `input` is the number of its input.
    pub fn take(
        &mut self,
        delivery: &Delivery,
        input: u32,
        router: &Router,
        seen: &mut SeenRecords,
        scripts: &mut ScriptBlocks,
        events: &mut Vec<Event>,
    ) -> Decoded {
        let mut decoded = Decoded::default();
        let begin = events.len();
        let records = &delivery.records;
        let file_name = base_name(&delivery.input);
        decoded.receipt.records = records.len() as u64;
        let latest = (self.now)().saturating_add(AHEAD);
        let mut last_time = None;
        let mut repeats = Repeats::default();
        for (position, (bytes, fault)) in (0_u32..).zip(records.iter()) {
            if let Some(reason) = fault {
                decoded.fail(delivery, position, bytes, reason.to_owned());
                continue;
            }
            let mut rest = bytes;
            let mut is_new = true;
            loop {
                let before = rest;
                let (normalised, after) =
                    match self
                        .normaliser
                        .first_record(rest, records.encoding(), file_name, router)
                    {
                        Ok(done) => done,
                        Err(malformed) => {
                            decoded.fail(delivery, position, rest, malformed.to_string());
                            break;
                        }
                    };
                rest = after;
                let time = normalised.time.filter(|time| *time <= latest);
                last_time = time.or(last_time);
                let mut part = None;
                let event = match normalised.kept {
                    Kept::Nothing => None,
                    Kept::Event(event) => Some(event),
                    Kept::Part(script) => {
                        let event = script.event.clone();
                        part = Some(script);
                        Some(event)
                    }
                };
                if let Some(mut event) = event {
                    let record = before.len() - after.len();
                    let record = before.get(..record).unwrap_or(before);
                    let is_seen = delivery.may_come_again
                        && match seen.insert(seen.fingerprint(record), &mut repeats) {
                            Some(print) => {
                                decoded.fingerprints.push(print);
                                false
                            }
                            None => true,
                        };
                    if !is_seen {
                        event.origin.input = input;
                        event.origin.record = delivery.first_record.saturating_add(position);
                        let is_mistimed = event.time > latest;
                        decoded.mistimed += u64::from(is_mistimed);
                        if is_mistimed || event.time == UNTIMED {
                            event.time = last_time.or(self.clock).unwrap_or(UNTIMED);
                        }
                        match part {
                            Some(mut part) => {
                                part.event = event;
                                scripts.add(part, &mut self.joined);
                            }
                            None => events.push(event),
                        }
                    } else {
                        is_new = false;
                    }
                }
                if rest.is_empty() {
                    break;
                }
            }
            decoded.receipt.duplicates += u64::from(!is_new);
        }
        self.collect_joined(router, events);
        self.settle_times(events.get_mut(begin..).unwrap_or_default());
        decoded
    }

    /// Hands out script blocks whose missing parts did not come within a time,
    /// in milliseconds of event time, as far as they came.
    pub fn give_up_scripts(
        &mut self,
        lifetime: i64,
        scripts: &mut ScriptBlocks,
        router: &Router,
        events: &mut Vec<Event>,
    ) {
        if let Some(clock) = self.clock {
            scripts.finish_older_than(clock, lifetime, &mut self.joined);
            self.collect_joined(router, events);
        }
    }

    fn collect_joined(&mut self, router: &Router, events: &mut Vec<Event>) {
        for mut event in self.joined.drain(..) {
            let mut matches = Vec::new();
            router.matches(event.class, &event.fields, &mut matches);
            event.matches = matches.into();
            events.push(event);
        }
    }

    /// Puts events without a time where they were found, and all in order.
    fn settle_times(&mut self, events: &mut [Event]) {
        let first = events.iter().map(|event| event.time);
        let first = first.filter(|time| *time != UNTIMED).min();
        for event in events.iter_mut() {
            if event.time == UNTIMED {
                event.time = first.or(self.clock).unwrap_or(0);
            }
            self.clock = self.clock.max(Some(event.time));
        }
        events.sort_by_key(|event| (event.time, event.origin.record));
    }
}

impl Decoded {
    fn fail(&mut self, delivery: &Delivery, position: u32, bytes: &[u8], reason: String) {
        if self.letters.len() < LETTERS {
            self.letters.push(letters::write(&Letter {
                error: &reason,
                reason: "undecodable",
                source: &delivery.source,
                input: &delivery.input,
                record: delivery.first_record.saturating_add(position),
                analytic: None,
                blame: None,
                event: bytes,
            }));
        }
        self.receipt.undecodable.push((position, reason));
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
