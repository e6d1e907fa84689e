//! Cuts an input into blocks of whole records, so that records are decoded
//! where they were read, without being copied, and on any thread.

mod cut;
mod whole;

pub(crate) use whole::cut_whole;

use std::io;

use cut::Cutter;

use super::{Options, json::Malformed, shape::Shape, stream::Stream};

/// How much is read at once: small enough to be decoded out of the cache.
const BLOCK: usize = 256 * 1024;

/// Some records of an input.
#[derive(Debug, Default)]
pub(crate) struct Block {
    buffer: Vec<u8>,
    /// The records, in order.
    pub(crate) pieces: Vec<Piece>,
}

/// A record's place in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Why it is known already that it cannot be decoded.
    pub(crate) fault: Option<Fault>,
}

/// Why a piece is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Malformed(Malformed),
    /// The input ended or broke.
    Input(String),
}

impl Block {
    /// The bytes of a piece.
    pub(crate) fn bytes(&self, piece: &Piece) -> &[u8] {
        self.buffer.get(piece.start..piece.end).unwrap_or_default()
    }
}

/// An input, block by block.
pub(crate) struct Blocks {
    stream: Stream,
    cutter: Cutter,
    carry: Vec<u8>,
    max_record: usize,
    is_over: bool,
}

impl Blocks {
    pub(crate) fn new(stream: Stream, shape: Shape, options: &Options) -> Self {
        let is_array = stream.beginning().0.trim_ascii_start().starts_with(b"[");
        Self {
            cutter: Cutter::new(shape, is_array),
            stream,
            carry: Vec::new(),
            max_record: options.max_record.max(BLOCK),
            is_over: false,
        }
    }

    /// Bytes taken from the source so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.stream.consumed()
    }

    /// Reads the next block into `block`; false at the end.
    pub(crate) fn next(&mut self, block: &mut Block) -> bool {
        block.pieces.clear();
        while !self.is_over && block.pieces.is_empty() {
            self.read(block);
        }
        !block.pieces.is_empty()
    }

    fn read(&mut self, block: &mut Block) {
        let kept = self.carry.len();
        // Twice what is kept, so that a long record is not looked at from its
        // start too often.
        let size = BLOCK.max(kept * 2).min(self.max_record.max(kept + BLOCK));
        if block.buffer.len() < size {
            block.buffer.resize(size, 0);
        }
        let size = block.buffer.len();
        let (start, rest) = block.buffer.split_at_mut(kept.min(size));
        start.copy_from_slice(&self.carry);
        let room = rest.len();
        let (read, error) = self.stream.fill(rest);
        let filled = kept + read;
        self.is_over = read < room;
        let bytes = block.buffer.get(..filled).unwrap_or_default();
        let is_end = self.is_over && error.is_none();
        let used = self.cutter.cut(bytes, is_end, &mut block.pieces);
        let mut left = bytes.get(used..).unwrap_or_default();
        if let Some(error) = error {
            block.pieces.push(Piece {
                start: used,
                end: filled,
                fault: Some(Fault::Input(describe(&error))),
            });
        } else if !self.is_over && used == 0 && filled >= self.max_record {
            block.pieces.push(Piece {
                start: 0,
                end: filled,
                fault: Some(Fault::Malformed(Malformed::TooLong)),
            });
            self.cutter.skip_record();
            left = &[];
        }
        self.carry.clear();
        self.carry.extend_from_slice(left);
    }
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the input ends too early".to_owned(),
        _ => format!("the input cannot be read further: {error}"),
    }
}
