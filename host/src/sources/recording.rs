//! Recorded inputs, read to their end and put into the order of time.

use std::{fs, sync::Arc};

use super::{
    Input, Options, ReadError, Undecodable,
    blocks::Blocks,
    crew::Crew,
    evtx::Effort,
    inputs::open_error,
    intake::{Job, Taken},
    shape::Shape,
    stream::Stream,
};
use crate::{
    event::Event,
    normalise::{ScriptBlocks, UNTIMED},
    router::Router,
    sequence::{Sequenced, Sequencer},
};

/// All events of some inputs that are worth keeping, in the order of their time.
#[derive(Debug)]
pub struct Recording {
    inputs: Vec<InputSummary>,
    undecodable: Vec<Undecodable>,
    sequenced: Sequenced,
}

/// What was read of one input.
#[derive(Debug, Clone, Default)]
pub struct InputSummary {
    /// Its name.
    pub name: String,
    /// What it holds, if it was recognised.
    pub shape: Option<Shape>,
    /// Why nothing was read of it.
    pub skipped: Option<String>,
    /// All its records, those that could not be decoded among them.
    pub records: u64,
    /// Events kept for analytics, lineage or signatures.
    pub retained: u64,
    /// Records that could not be decoded.
    pub undecodable: u64,
    /// Records without a time of their own.
    pub untimed: u64,
    /// Bytes read, before decompressing.
    pub bytes: u64,
}

impl Recording {
    /// Reads all inputs to their end. `progress` is told how many bytes were
    /// read so far, before decompressing, and of how many; nothing of the latter
    /// where that cannot be known.
    pub fn read(
        inputs: &[Input],
        router: &Router,
        options: &Options,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Self, ReadError> {
        let total = total_size(inputs);
        let mut assembly = Assembly::new(inputs, router, options);
        std::thread::scope(|scope| {
            let mut crew = Crew::new(options.threads, router, scope);
            let mut consumed = 0;
            for (number, input) in inputs.iter().enumerate() {
                let Some((stream, shape)) = open(input, options, assembly.summary(number))? else {
                    continue;
                };
                let file_name: Arc<str> = input.file_name().into();
                let effort = Arc::new(Effort::default());
                let mut blocks = Blocks::new(stream, shape, options);
                loop {
                    let mut block = crew.block();
                    let is_one = blocks.next(&mut block);
                    progress(consumed + blocks.consumed(), total);
                    if !is_one {
                        break;
                    }
                    let job = Job {
                        block,
                        input: number as u32,
                        file_name: Arc::clone(&file_name),
                        shape,
                        effort: Arc::clone(&effort),
                    };
                    if let Some(taken) = crew.submit(job) {
                        assembly.add(taken)?;
                    }
                }
                assembly.summary(number).bytes = blocks.consumed();
                consumed += blocks.consumed();
            }
            while let Some(taken) = crew.collect() {
                assembly.add(taken)?;
            }
            Ok::<(), ReadError>(())
        })?;
        assembly.finish()
    }

    /// The next events, at most `max`; none at the end.
    pub fn next_batch(&mut self, max: usize) -> Result<Vec<Event>, ReadError> {
        Ok(self.sequenced.next_batch(max)?)
    }

    /// What was read of each input, in the order they were given.
    pub fn inputs(&self) -> &[InputSummary] {
        &self.inputs
    }

    /// Records that could not be decoded, as far as they were kept.
    pub fn undecodable(&self) -> &[Undecodable] {
        &self.undecodable
    }

    /// All records that were decoded, whether they were kept or not.
    pub fn events(&self) -> u64 {
        self.inputs
            .iter()
            .map(|input| input.records - input.undecodable)
            .sum()
    }
}

/// Opens an input and recognises its shape; nothing if there is nothing to read,
/// for the reason in the summary.
fn open(
    input: &Input,
    options: &Options,
    summary: &mut InputSummary,
) -> Result<Option<(Stream, Shape)>, ReadError> {
    let stream = match Stream::open(input.path.as_deref(), options) {
        Ok(stream) => stream,
        Err(error) if input.is_explicit => {
            let path = input.path.as_deref().unwrap_or("-".as_ref());
            return Err(open_error(path, error));
        }
        Err(error) => {
            summary.skipped = Some(format!("cannot be opened: {error}"));
            return Ok(None);
        }
    };
    let (beginning, is_whole) = stream.beginning();
    if beginning.trim_ascii().is_empty() && is_whole {
        summary.skipped = Some("empty".to_owned());
        return Ok(None);
    }
    summary.shape = Shape::recognise(beginning, is_whole);
    match summary.shape {
        Some(shape) => Ok(Some((stream, shape))),
        None if input.is_explicit => Err(ReadError::Unrecognised { name: input.name() }),
        None => {
            summary.skipped = Some("holds no telemetry that is known".to_owned());
            Ok(None)
        }
    }
}

fn total_size(inputs: &[Input]) -> Option<u64> {
    inputs
        .iter()
        .map(|input| {
            let metadata = fs::metadata(input.path.as_deref()?).ok()?;
            metadata.is_file().then_some(metadata.len())
        })
        .sum()
}

/// Puts together what the blocks of all inputs yield, in order.
struct Assembly<'r> {
    router: &'r Router,
    max_undecodable: usize,
    summaries: Vec<InputSummary>,
    undecodable: Vec<Undecodable>,
    sequencer: Sequencer,
    scripts: ScriptBlocks,
    joined: Vec<Event>,
    /// Which input is being put together, and the time of its last record.
    input: u32,
    last_time: Option<i64>,
}

impl<'r> Assembly<'r> {
    fn new(inputs: &[Input], router: &'r Router, options: &Options) -> Self {
        let summary = |input: &Input| InputSummary {
            name: input.name(),
            ..InputSummary::default()
        };
        Self {
            router,
            max_undecodable: options.max_undecodable,
            summaries: inputs.iter().map(summary).collect(),
            undecodable: Vec::new(),
            sequencer: Sequencer::new(options.memory),
            scripts: ScriptBlocks::default(),
            joined: Vec::new(),
            input: 0,
            last_time: None,
        }
    }

    fn summary(&mut self, number: usize) -> &mut InputSummary {
        if self.summaries.len() <= number {
            self.summaries
                .resize_with(number + 1, InputSummary::default);
        }
        // The length was just made sure of.
        #[expect(clippy::indexing_slicing, reason = "see above")]
        &mut self.summaries[number]
    }

    fn add(&mut self, taken: Taken) -> Result<(), ReadError> {
        if taken.input != self.input {
            self.finish_input()?;
            self.input = taken.input;
        }
        let number = taken.input as usize;
        let first = u32::try_from(self.summary(number).records).unwrap_or(u32::MAX);
        let last_time = self.last_time;
        let place = |event: &mut Event| {
            event.origin.input = taken.input;
            event.origin.record = event.origin.record.saturating_add(first);
            if event.time == UNTIMED {
                // Before any record with a time there is nothing to go by.
                event.time = last_time.unwrap_or(0);
            }
        };
        for mut event in taken.events {
            place(&mut event);
            self.keep(event)?;
        }
        for mut part in taken.parts {
            place(&mut part.event);
            self.scripts.add(part, &mut self.joined);
        }
        self.keep_joined()?;
        for mut record in taken.undecodable {
            if self.undecodable.len() < self.max_undecodable {
                record.origin.record = record.origin.record.saturating_add(first);
                self.undecodable.push(record);
            }
        }
        let summary = self.summary(number);
        summary.records += u64::from(taken.records);
        summary.undecodable += taken.failures;
        summary.untimed += taken.untimed;
        self.last_time = taken.last_time.or(self.last_time);
        Ok(())
    }

    fn finish_input(&mut self) -> Result<(), ReadError> {
        self.last_time = None;
        self.scripts.finish_all(&mut self.joined);
        self.keep_joined()
    }

    fn keep_joined(&mut self) -> Result<(), ReadError> {
        let mut joined = std::mem::take(&mut self.joined);
        for mut event in joined.drain(..) {
            let mut matches = Vec::new();
            self.router
                .matches(event.class, &event.fields, &mut matches);
            event.matches = matches.into();
            self.keep(event)?;
        }
        self.joined = joined;
        Ok(())
    }

    fn keep(&mut self, event: Event) -> Result<(), ReadError> {
        self.summary(event.origin.input as usize).retained += 1;
        Ok(self.sequencer.push(event)?)
    }

    fn finish(mut self) -> Result<Recording, ReadError> {
        self.finish_input()?;
        Ok(Recording {
            inputs: self.summaries,
            undecodable: self.undecodable,
            sequenced: self.sequencer.finish()?,
        })
    }
}
