//! Puts the events of recorded inputs into the order of their time.
//!
//! Files are grouped by channel, written newest first or by several computers
//! at once, so nothing short of sorting all of them will do. Events gather in
//! memory; beyond the budget they are sorted and written to temporary files
//! without a name, which are merged on reading.

mod merge;
mod run;

use std::{io, mem::size_of, vec};

use merge::Merge;
use run::{Devices, Run};

use crate::event::{Event, Origin};

/// A batch ends once its events take so many bytes. Answers thousands of
/// script blocks of megabytes in one batch, which every analytic that wants
/// them would be handed at once.
const BATCH_BYTES: usize = 32 << 20;

/// How many runs are read at the same time; each keeps a file open.
const MAX_RUNS: usize = 64;

/// What an event costs beside its fields: itself, and what the allocator adds.
const OVERHEAD: usize = size_of::<Event>() + 64;

/// Takes events in.
#[derive(Debug)]
pub struct Sequencer {
    memory: usize,
    events: Vec<Event>,
    size: usize,
    runs: Vec<Run>,
    devices: Devices,
}

/// Gives events out in order.
#[derive(Debug)]
pub struct Sequenced {
    events: Ordered,
    given: u64,
}

#[derive(Debug)]
enum Ordered {
    InMemory(vec::IntoIter<Event>),
    Merged(Box<Merge>),
}

/// What events are ordered by. No two events have the same.
type Key = (i64, Origin);

fn key(event: &Event) -> Key {
    (event.time, event.origin)
}

impl Sequencer {
    /// A sequencer that keeps at most so many bytes of events in memory.
    pub fn new(memory: usize) -> Self {
        Self {
            memory,
            events: Vec::new(),
            size: 0,
            runs: Vec::new(),
            devices: Devices::default(),
        }
    }

    /// Takes an event in.
    pub fn push(&mut self, event: Event) -> io::Result<()> {
        self.size += OVERHEAD + event.fields.size() + size_of_val(&*event.matches);
        self.events.push(event);
        if self.size > self.memory {
            self.spill()?;
        }
        Ok(())
    }

    /// All events are in.
    pub fn finish(mut self) -> io::Result<Sequenced> {
        self.events.sort_by_cached_key(key);
        let events = self.events.into_iter();
        let events = if self.runs.is_empty() {
            Ordered::InMemory(events)
        } else {
            let merge = Merge::new(self.runs, events, self.devices)?;
            Ordered::Merged(Box::new(merge))
        };
        Ok(Sequenced { events, given: 0 })
    }

    fn spill(&mut self) -> io::Result<()> {
        self.events.sort_by_cached_key(key);
        let events = self.events.drain(..).map(Ok);
        self.runs.push(Run::write(events, &mut self.devices)?);
        self.size = 0;
        if self.runs.len() >= MAX_RUNS {
            let runs = std::mem::take(&mut self.runs);
            let devices = std::mem::take(&mut self.devices);
            let mut merge = Merge::new(runs, Vec::new().into_iter(), devices)?;
            let mut devices = Devices::default();
            let run = Run::write(merge.by_ref(), &mut devices)?;
            self.runs.push(run);
            self.devices = devices;
        }
        Ok(())
    }
}

impl Sequenced {
    /// The next events, at most `max`; none at the end.
    pub fn next_batch(&mut self, max: usize) -> io::Result<Vec<Event>> {
        let mut batch: Vec<Event> = Vec::new();
        let mut bytes = 0;
        while batch.len() < max && bytes < BATCH_BYTES {
            let Some(mut event) = self.next_event()? else {
                break;
            };
            self.given += 1;
            event.sequence = self.given;
            bytes += event.fields.size();
            batch.push(event);
        }
        Ok(batch)
    }

    fn next_event(&mut self) -> io::Result<Option<Event>> {
        match &mut self.events {
            Ordered::InMemory(events) => Ok(events.next()),
            Ordered::Merged(merge) => merge.next().transpose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Fields, Processes},
        vocabulary::{classes, fields},
    };

    fn event(number: u32) -> Event {
        let mut values = Fields::default();
        values.set_number(fields::METADATA_RECORD_ID, u64::from(number));
        values.set_text(fields::PROCESS_CMD_LINE, &format!("line {number} ü"));
        // Many share a time, so that origins decide.
        let time = i64::from(number.wrapping_mul(2_654_435_761) % 97) - 48;
        Event {
            sequence: 0,
            uid: u64::from(number) << 33,
            time,
            device: format!("device-{}", number % 5).into(),
            class: classes::PROCESS_LAUNCH,
            origin: Origin {
                input: number % 3,
                record: number,
            },
            processes: Processes::default(),
            matches: [3, 500].into(),
            is_again: false,
            fields: values,
        }
    }

    fn run(memory: usize, count: u32) -> Vec<String> {
        let mut sequencer = Sequencer::new(memory);
        for number in 0..count {
            sequencer.push(event(number)).unwrap();
        }
        let mut sequenced = sequencer.finish().unwrap();
        let mut all = Vec::new();
        loop {
            let batch = sequenced.next_batch(100).unwrap();
            if batch.is_empty() {
                return all;
            }
            all.extend(batch.iter().map(|event| format!("{event:?}")));
        }
    }

    #[test]
    fn spilled_events_come_in_the_same_order_and_whole() {
        let in_memory = run(usize::MAX, 3000);
        assert_eq!(in_memory.len(), 3000);
        // A few runs, and so many that they are merged in passes.
        assert_eq!(run(200_000, 3000), in_memory);
        assert_eq!(run(5_000, 3000), in_memory);
    }
}
