//! Decompresses a body piece by piece into memory that has room at the gate.

use std::io::{self, Write};

use axum::http::HeaderValue;
use flate2::write::MultiGzDecoder;
use zstd::{
    stream::{raw, zio},
    zstd_safe::DParameter,
};

use super::{Full, Purse, Received, Tally, WhenFull, Whole};
use crate::http::{limits::Limits, problem::Problem};

/// In which steps room is taken, but for small bodies.
const STEP: usize = 1024 * 1024;

/// The largest window of zstd, 8 MiB, as RFC 9659 has it for HTTP. Its memory
/// is touched only as far as it was filled, and what fills it takes room.
const WINDOW_LOG: u32 = 23;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    /// Reads `Content-Encoding`.
    pub(super) fn of(value: Option<&HeaderValue>) -> Result<Self, Problem> {
        let value = value.map_or(&b"identity"[..], |value| value.as_bytes());
        match value.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Ok(Self::Identity),
            b"gzip" | b"x-gzip" => Ok(Self::Gzip),
            b"zstd" => Ok(Self::Zstd),
            _ => Err(Problem::content_encoding(
                "the Content-Encoding is not known; send gzip, zstd or no compression",
            )),
        }
    }
}

/// A body that is larger than one may be.
pub(super) fn too_large(limit: usize) -> Problem {
    Problem::too_large(format!(
        "the body has more than {} MiB, before or after decompression; send less at once, or \
         raise http.max_body_mib and daemon.queue_mib",
        limit.div_ceil(1 << 20)
    ))
}

/// Decompresses.
pub(super) enum Decoder {
    Identity(Box<Sink>),
    Gzip(Box<Compressed<MultiGzDecoder<Sink>>>),
    Zstd(Box<Compressed<zio::Writer<Sink, raw::Decoder<'static>>>>),
}

/// A decoder, and whether there was anything to decode.
pub(super) struct Compressed<D> {
    decoder: D,
    is_empty: bool,
}

impl Decoder {
    pub(super) fn new(coding: Coding, sink: Sink) -> Result<Self, Problem> {
        Ok(match coding {
            Coding::Identity => Self::Identity(Box::new(sink)),
            Coding::Gzip => Self::Gzip(Box::new(Compressed {
                decoder: MultiGzDecoder::new(sink),
                is_empty: true,
            })),
            Coding::Zstd => Self::Zstd(Box::new(Compressed {
                decoder: zio::Writer::new(sink, window().map_err(|_| Problem::defect())?),
                is_empty: true,
            })),
        })
    }

    /// Takes in the next piece.
    pub(super) fn write(mut self, piece: &[u8]) -> Result<Self, Problem> {
        let written = match &mut self {
            Self::Identity(sink) => sink.write_all(piece),
            Self::Gzip(gzip) => {
                gzip.is_empty &= piece.is_empty();
                gzip.decoder.write_all(piece)
            }
            Self::Zstd(zstd) => {
                zstd.is_empty &= piece.is_empty();
                zstd.decoder.write_all(piece)
            }
        };
        match written {
            Ok(()) => Ok(self),
            Err(error) => Err(self.problem(&error)),
        }
    }

    /// Ends the body, which must not end within what is compressed.
    pub(super) fn finish(mut self) -> Result<Received, Problem> {
        let finished = match &mut self {
            Self::Gzip(gzip) if !gzip.is_empty => gzip.decoder.try_finish(),
            Self::Zstd(zstd) if !zstd.is_empty => zstd.decoder.finish(),
            _ => Ok(()),
        };
        match finished {
            Ok(()) => Ok(self.sink().received()),
            Err(error) => Err(self.problem(&error)),
        }
    }

    /// Errors of the sink come through the decoder; the sink knows better.
    fn problem(mut self, error: &io::Error) -> Problem {
        let coding = match self {
            Self::Gzip(_) => "gzip",
            _ => "zstd",
        };
        let refused = self.sink().refused.take();
        refused.unwrap_or_else(|| Problem::undecodable_body(coding, error))
    }

    fn sink(&mut self) -> &mut Sink {
        match self {
            Self::Identity(sink) => sink,
            Self::Gzip(gzip) => gzip.decoder.get_mut(),
            Self::Zstd(zstd) => zstd.decoder.writer_mut(),
        }
    }
}

fn window() -> io::Result<raw::Decoder<'static>> {
    let mut decoder = raw::Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
    Ok(decoder)
}

/// Where the decompressed bytes go.
pub(super) struct Sink {
    bytes: Vec<u8>,
    purse: Option<Purse>,
    limit: usize,
    /// How much is said to come.
    expected: usize,
    received: usize,
    when_full: WhenFull,
    /// Counts once there is no room and that is no error.
    tally: Tally,
    refused: Option<Problem>,
}

impl Sink {
    pub(super) fn new(limits: &Limits, when_full: WhenFull, purse: Purse, expected: u64) -> Self {
        Self {
            bytes: Vec::new(),
            purse: Some(purse),
            limit: limits.body,
            expected: usize::try_from(expected).unwrap_or(usize::MAX),
            received: 0,
            when_full,
            tally: Tally::default(),
            refused: None,
        }
    }

    fn received(&mut self) -> Received {
        match self.purse.take() {
            Some(purse) => Received::Whole(Whole {
                bytes: std::mem::take(&mut self.bytes),
                purse,
            }),
            None => Received::Dropped(self.tally.clone()),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.received = self.received.saturating_add(bytes.len());
        if self.received > self.limit {
            return Err(too_large(self.limit));
        }
        match self.make_room(bytes.len()) {
            Ok(()) => self.bytes.extend_from_slice(bytes),
            Err(full) if !full.is_counted(self.when_full) => return Err(full.problem()),
            Err(_) => {
                self.purse = None;
                self.tally.add(&std::mem::take(&mut self.bytes));
                self.tally.add(bytes);
            }
        }
        Ok(())
    }

    /// Grows the memory in steps, so that nobody gets much room for the mere
    /// promise of a large body.
    fn make_room(&mut self, more: usize) -> Result<(), Full> {
        let purse = self.purse.as_mut().ok_or(Full::Now)?;
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        if length + more <= capacity {
            return Ok(());
        }
        let step = match length {
            0 => self.expected.min(STEP),
            _ => length.min(STEP).max(length / 4),
        };
        let size = length
            .saturating_add(step)
            .min(self.limit)
            .max(length + more);
        purse.take(size - capacity)?;
        self.bytes.reserve_exact(size - length);
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Decoders may try once more when they are dropped.
        let taken = match self.refused {
            Some(_) => return Err(io::ErrorKind::Other.into()),
            None => self.take(bytes),
        };
        match taken {
            Ok(()) => Ok(bytes.len()),
            Err(problem) => {
                self.refused = Some(problem);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
