//! From a delivery to events: decoded, known ones left out, in the order of
//! their time.

use std::sync::Arc;

use super::{
    letters::{Letter, MAX_EVENT, UNDECODABLE},
    seen::{Repeats, SeenRecords},
};
use crate::{
    event::{Event, Fields},
    ingest::{Delivery, Receipt},
    normalise::{Kept, Normaliser, ScriptBlocks, UNTIMED},
    router::Router,
    sources::Encoding,
};

/// Turns deliveries into events.
pub struct Decode {
    normaliser: Normaliser,
    /// The latest event time so far, for records that have none.
    clock: Option<i64>,
    /// The host's clock, in milliseconds since 1970 UTC.
    now: fn() -> i64,
    joined: Vec<Event>,
    /// The script blocks put together since [`Decode::begin`], since no record
    /// holds one.
    blocks: Vec<Block>,
}

/// A script block put together from its parts.
pub struct Block {
    /// The event, its texts cut if it is too long to be kept.
    pub event: Event,
    /// Whether they are.
    pub is_cut: bool,
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
    letter_bytes: usize,
    /// Events stamped with a time that has not come yet.
    pub mistimed: u64,
}

/// By how much a sender's clock may be ahead, in milliseconds. One forged
/// record of the year 2099 would otherwise end the exchange of baselines for
/// all devices.
const AHEAD: i64 = 24 * 3_600_000;

/// How much of each text of a script block is kept if all of it is too long.
const EXCERPT: usize = 4 * 1024;

/// How many dead letters one delivery may leave. A body of a million broken
/// lines is counted, not kept.
const LETTERS: usize = 1_000;

/// How many bytes of them. One body of long broken lines would otherwise drive
/// out the letters of everybody else.
const LETTER_BYTES: usize = 4 << 20;

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
            blocks: Vec::new(),
        }
    }

    /// Begins another group of deliveries.
    pub fn begin(&mut self) {
        self.blocks.clear();
    }

    /// The script block put together in this group that has this identity.
    pub fn block(&self, uid: u64) -> Option<&Block> {
        self.blocks.iter().find(|block| block.event.uid == uid)
    }

    /// The event of a record that was decoded before, whatever else stands in
    /// it; none if it is not kept any more.
    pub fn again(
        &mut self,
        record: &[u8],
        encoding: Encoding,
        input: &str,
        uid: u64,
        router: &Router,
    ) -> Result<Option<Event>, String> {
        let mut rest = record;
        while !rest.is_empty() {
            let (normalised, after) = self
                .normaliser
                .first_record(rest, encoding, base_name(input), router)
                .map_err(|malformed| malformed.to_string())?;
            match normalised.kept {
                Kept::Event(event) if event.uid == uid => return Ok(Some(event)),
                _ => rest = after,
            }
        }
        Ok(None)
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
                // Whoever cut it kept its beginning only.
                decoded.fail(delivery, position, bytes, true, reason.to_owned());
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
                            decoded.fail(delivery, position, rest, false, malformed.to_string());
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
            self.blocks.push(Block::of(&event));
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
    fn fail(
        &mut self,
        delivery: &Delivery,
        position: u32,
        bytes: &[u8],
        is_cut: bool,
        reason: String,
    ) {
        if self.letters.len() < LETTERS && self.letter_bytes < LETTER_BYTES {
            let record = delivery.first_record.saturating_add(position);
            let mut letter = Letter::new(UNDECODABLE, reason.as_str())
                .from_input(&delivery.source, &delivery.input, record)
                .with_record(delivery.records.encoding().into(), bytes);
            letter.is_cut |= is_cut;
            let letter = letter.encode();
            self.letter_bytes += letter.len();
            self.letters.push(letter);
        }
        self.receipt.undecodable.push((position, reason));
    }
}

impl Block {
    /// What is kept of one, should an analytic fail on it. It is a copy, since
    /// the shards take the event.
    fn of(event: &Event) -> Self {
        let is_cut = event.fields.size() > MAX_EVENT;
        let fields = if is_cut {
            excerpt(&event.fields)
        } else {
            event.fields.clone()
        };
        let event = Event {
            fields,
            device: Arc::clone(&event.device),
            matches: Box::default(),
            ..*event
        };
        Self { event, is_cut }
    }
}

/// The beginnings of all texts.
fn excerpt(fields: &Fields) -> Fields {
    let mut kept = Fields::default();
    for field in fields.ids() {
        match fields.number(field) {
            Some(number) => kept.set_number(field, number),
            None => {
                let text = fields.text(field);
                let end = text.floor_char_boundary(EXCERPT.min(text.len()));
                kept.set_text(field, text.get(..end).unwrap_or_default());
            }
        }
    }
    kept
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
