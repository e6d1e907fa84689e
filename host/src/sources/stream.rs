//! Opens an input: decompresses it, brings its text into UTF-8, and watches how
//! much comes out of how little.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::Options;

/// How much of an input is looked at to recognise its shape.
const BEGINNING: usize = 64 * 1024;

/// What may come out of a compressed input whatever its own size: a small file
/// of one repeated event is no attack.
const FREE_EXPANSION: u64 = 256 * 1024 * 1024;

/// An input that was opened.
pub(crate) struct Stream {
    reader: Box<dyn Read + Send>,
    beginning: Vec<u8>,
    is_whole: bool,
    consumed: Arc<AtomicU64>,
}

impl Stream {
    /// Opens a file, or standard input where there is no path.
    pub(crate) fn open(path: Option<&Path>, options: &Options) -> io::Result<Self> {
        let source: Box<dyn Read + Send> = match path {
            Some(path) => Box::new(File::open(path)?),
            None => Box::new(io::stdin()),
        };
        Self::new(source, options)
    }

    /// Opens bytes from anywhere.
    pub(crate) fn new(source: Box<dyn Read + Send>, options: &Options) -> io::Result<Self> {
        let consumed = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            source,
            consumed: Arc::clone(&consumed),
        };
        let mut reader = decompress(counted, &consumed, options.max_expansion)?;
        let mut beginning = Vec::new();
        let mut is_whole = fill(&mut reader, &mut beginning)?;
        if let Some(big) = utf16(&beginning) {
            let source = Cursor::new(beginning.split_off(2)).chain(reader);
            reader = Box::new(Utf16::new(Box::new(source), big));
            beginning.clear();
            is_whole = fill(&mut reader, &mut beginning)?;
        } else if beginning.starts_with(b"\xef\xbb\xbf") {
            beginning.drain(..3);
        }
        let reader = Box::new(Cursor::new(beginning.clone()).chain(reader));
        Ok(Self {
            reader,
            beginning,
            is_whole,
            consumed,
        })
    }

    /// How it begins, and whether that is all of it.
    pub(crate) fn beginning(&self) -> (&[u8], bool) {
        (&self.beginning, self.is_whole)
    }

    /// Bytes taken from the source so far, before decompressing.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// Reads into `buffer` until it is full or the input ends; returns how much
    /// was read and the error that ended it, if one did.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
        fill_from(&mut self.reader, buffer)
    }
}

fn fill_from(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

/// Reads the beginning; tells whether that was all. An error within it is left
/// for later if something came before.
fn fill(reader: &mut dyn Read, beginning: &mut Vec<u8>) -> io::Result<bool> {
    match reader.take(BEGINNING as u64).read_to_end(beginning) {
        Ok(count) => Ok(count < BEGINNING),
        Err(_) if !beginning.is_empty() => Ok(false),
        Err(error) => Err(error),
    }
}

fn decompress(
    mut source: Counted,
    consumed: &Arc<AtomicU64>,
    max_expansion: u64,
) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::new();
    source.by_ref().take(4).read_to_end(&mut magic)?;
    let is_gzip = magic.starts_with(b"\x1f\x8b");
    let is_zstd = magic == b"\x28\xb5\x2f\xfd";
    let source = Cursor::new(magic).chain(source);
    if !is_gzip && !is_zstd {
        return Ok(Box::new(source));
    }
    let source = BufReader::with_capacity(BEGINNING, Full(source));
    let plain: Box<dyn Read + Send> = if is_gzip {
        Box::new(flate2::bufread::MultiGzDecoder::new(source))
    } else {
        Box::new(zstd::stream::read::Decoder::with_buffer(source)?)
    };
    Ok(Box::new(Bounded {
        plain,
        consumed: Arc::clone(consumed),
        produced: 0,
        max_expansion,
    }))
}

struct Counted {
    source: Box<dyn Read + Send>,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.consumed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Fills whatever it is given, however the bytes arrive. Of damaged data a
/// decoder loses what it made in the same step, so the steps must not depend on
/// how the bytes were cut on their way.
struct Full<R>(R);

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match fill_from(&mut self.0, buffer) {
            (0, Some(error)) => Err(error),
            // An error comes again when there is nothing before it.
            (filled, _) => Ok(filled),
        }
    }
}

/// Ends an input that expands beyond reason. A few kilobytes of zstd can stand
/// for terabytes, and although they would be read in bounded memory, they would
/// keep the node busy for hours.
struct Bounded {
    plain: Box<dyn Read + Send>,
    consumed: Arc<AtomicU64>,
    produced: u64,
    max_expansion: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = self
            .consumed
            .load(Ordering::Relaxed)
            .saturating_mul(self.max_expansion)
            .max(FREE_EXPANSION);
        if self.produced > allowed {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("expands to more than {} times its size", self.max_expansion),
            ));
        }
        let count = self.plain.read(buffer)?;
        self.produced += count as u64;
        Ok(count)
    }
}

/// Whether the bytes begin with a UTF-16 byte order mark, and if so whether it
/// is the big-endian one.
fn utf16(beginning: &[u8]) -> Option<bool> {
    match beginning {
        [0xff, 0xfe, ..] => Some(false),
        [0xfe, 0xff, ..] => Some(true),
        _ => None,
    }
}

/// Turns UTF-16 into UTF-8.
struct Utf16 {
    source: Box<dyn Read + Send>,
    is_big_endian: bool,
    raw: Vec<u8>,
    text: Cursor<Vec<u8>>,
}

impl Utf16 {
    fn new(source: Box<dyn Read + Send>, is_big_endian: bool) -> Self {
        Self {
            source,
            is_big_endian,
            raw: Vec::new(),
            text: Cursor::default(),
        }
    }

    fn unit(&self, pair: &[u8; 2]) -> u16 {
        if self.is_big_endian {
            u16::from_be_bytes(*pair)
        } else {
            u16::from_le_bytes(*pair)
        }
    }

    /// Transcodes some more; tells whether there was any.
    fn refill(&mut self) -> io::Result<bool> {
        let read = (&mut self.source)
            .take(BEGINNING as u64)
            .read_to_end(&mut self.raw)?;
        let (pairs, _) = self.raw.as_chunks::<2>();
        let mut units: Vec<u16> = pairs.iter().map(|pair| self.unit(pair)).collect();
        // The first half of a surrogate pair waits for the second.
        if read > 0
            && units
                .last()
                .is_some_and(|last| (0xd800..0xdc00).contains(last))
        {
            units.pop();
        }
        let text: String = char::decode_utf16(units.iter().copied())
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        self.raw.drain(..units.len() * 2);
        self.text = Cursor::new(text.into_bytes());
        Ok(read > 0)
    }
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.text.position() >= self.text.get_ref().len() as u64 {
            if !self.refill()? && self.text.get_ref().is_empty() {
                return Ok(0);
            }
        }
        self.text.read(buffer)
    }
}
