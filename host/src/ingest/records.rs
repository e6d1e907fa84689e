//! Whole records as they came in, cut but not decoded.

use std::{
    io::{self, Read},
    ops::Range,
    path::Path,
};

use crate::sources::{
    Encoding, Options, Shape,
    blocks::{Block, Blocks, Fault},
    evtx::{Chunks, Effort, Rendered},
    stream::Stream,
};

/// How much of an input that is not recognised is quoted.
const QUOTED: usize = 40;

/// Whole records, one after the other.
#[derive(Debug)]
pub struct Records {
    encoding: Encoding,
    buffer: Vec<u8>,
    places: Vec<Place>,
}

/// A record's place in a buffer.
#[derive(Debug)]
pub struct Place {
    /// Where it is.
    pub bytes: Range<usize>,
    /// Why it is known already that it cannot be decoded.
    pub fault: Option<String>,
}

impl Records {
    /// No records yet.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            buffer: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Records that stay where they were read, without being copied. Between
    /// them the buffer may hold other bytes.
    pub fn within(encoding: Encoding, buffer: Vec<u8>, places: Vec<Place>) -> Self {
        Self {
            encoding,
            buffer,
            places,
        }
    }

    /// Adds a record.
    pub fn push(&mut self, record: &[u8]) {
        self.add(record, None);
    }

    /// Adds what should have been a record, with the reason why it is none.
    pub fn push_undecodable(&mut self, beginning: &[u8], reason: String) {
        self.add(beginning, Some(reason));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many bytes they take.
    pub fn size(&self) -> usize {
        self.buffer.len()
    }

    /// How they are written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The records in order, each with the reason why it is none, if so.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&str>)> {
        self.places.iter().map(|place| {
            let bytes = self.buffer.get(place.bytes.clone()).unwrap_or_default();
            (bytes, place.fault.as_deref())
        })
    }

    /// A record by its position.
    pub fn get(&self, position: usize) -> Option<(&[u8], Option<&str>)> {
        let place = self.places.get(position)?;
        let bytes = self.buffer.get(place.bytes.clone())?;
        Some((bytes, place.fault.as_deref()))
    }

    fn add(&mut self, bytes: &[u8], fault: Option<String>) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        self.places.push(Place {
            bytes: start..self.buffer.len(),
            fault,
        });
    }
}

/// Reads records of any known shape: lines of JSON, JSON arrays and documents,
/// EVTX and Windows event XML, compressed or not.
pub struct RecordReader {
    blocks: Blocks,
    shape: Shape,
    chunks: Chunks,
    effort: Effort,
    block: Block,
}

/// Why nothing can be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// It cannot be opened or read.
    #[error("cannot be read")]
    Read(#[from] io::Error),
    /// It is none of the known shapes.
    #[error("neither lines of JSON, a JSON array, EVTX nor event XML; it begins with {0:?}")]
    Unrecognised(String),
}

impl RecordReader {
    /// Opens a file. An empty one has no records, which is `None`.
    pub fn open(path: &Path, options: &Options) -> Result<Option<Self>, RecordsError> {
        Self::over(Stream::open(Some(path), options)?, options)
    }

    /// Reads from anywhere.
    pub fn new(
        source: Box<dyn Read + Send>,
        options: &Options,
    ) -> Result<Option<Self>, RecordsError> {
        Self::over(Stream::new(source, options)?, options)
    }

    fn over(stream: Stream, options: &Options) -> Result<Option<Self>, RecordsError> {
        let (beginning, is_whole) = stream.beginning();
        if beginning.trim_ascii().is_empty() && is_whole {
            return Ok(None);
        }
        let Some(shape) = Shape::recognise(beginning, is_whole) else {
            let quoted = beginning.get(..QUOTED).unwrap_or(beginning);
            let quoted = String::from_utf8_lossy(quoted).into_owned();
            return Err(RecordsError::Unrecognised(quoted));
        };
        Ok(Some(Self {
            blocks: Blocks::new(stream, shape, options),
            shape,
            chunks: Chunks::new(),
            effort: Effort::default(),
            block: Block::default(),
        }))
    }

    /// The next records, about so many bytes of them; none at the end.
    pub fn next(&mut self, bytes: usize) -> Option<Records> {
        let mut records = Records::new(self.shape.encoding());
        while records.size() < bytes && self.blocks.next(&mut self.block) {
            for piece in &self.block.pieces {
                let bytes = self.block.bytes(piece);
                match &piece.fault {
                    Some(Fault::Malformed(reason)) => {
                        records.push_undecodable(beginning(bytes), reason.to_string());
                    }
                    Some(Fault::Input(reason)) => {
                        records.push_undecodable(beginning(bytes), reason.clone());
                    }
                    None if self.shape == Shape::Evtx => {
                        let (chunks, effort) = (&self.chunks, &self.effort);
                        chunks.read(bytes, effort, &mut |rendered| match rendered {
                            Rendered::Record(record) => records.push(record),
                            Rendered::Failed(reason) => records.push_undecodable(&[], reason),
                        });
                    }
                    None => records.push(bytes),
                }
            }
        }
        (!records.is_empty()).then_some(records)
    }
}

/// Enough of a record that is none to see what it was meant to be.
fn beginning(bytes: &[u8]) -> &[u8] {
    bytes.get(..1024).unwrap_or(bytes)
}
