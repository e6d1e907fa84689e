//! Whether a chunk is laid out so that reading it costs no more than its size
//! suggests.
//!
//! The binary XML of a record leads to templates and names by their position
//! in the chunk, and the length of a value is what the record says. Made so
//! that values reach over each other, a chunk of 64 KiB has the parser allocate
//! gigabytes or go on for years, and nothing ends it from within. So every
//! record is walked here first, the way the parser will: what it contains must
//! lie within it, what it refers to is counted, and one that asks for more is
//! made unreadable before the parser sees it. What Windows writes passes.

use std::collections::{BTreeMap, BTreeSet};

use super::CHUNK;

/// How many bytes of a chunk are looked at, those read again counted again.
/// Chunks that Windows wrote take less than three times their size.
const WORK: usize = 8 * CHUNK;

/// How deep fragments may lie in each other; Windows nests two.
const DEPTH: usize = 16;

/// Where the records of a chunk begin.
const FIRST: usize = 512;

/// A record's magic, size, number and time.
const HEADER: usize = 24;

/// Later than any record is. The parser takes a record with a time that it
/// cannot express for broken.
const LATEST: u64 = 1 << 61;

/// Where a chunk's header has the offsets of its names.
const NAMES: std::ops::Range<usize> = 128..384;

const MAGIC: &[u8] = b"**\0\0";

/// No token; the parser refuses the record that begins with it.
const UNREADABLE: u8 = 0xff;

/// Why a record is not given to the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("what the record contains does not lie within it")]
    Outside,
    #[error("the record is not made as records are")]
    Malformed,
    #[error("the record is nested too deeply")]
    TooDeep,
    #[error("the records of the chunk refer to far more than it holds")]
    TooMuch,
}

/// Makes the records unreadable that would cost too much; returns why, by their
/// numbers. An error is about all of the chunk.
pub(super) fn tame(chunk: &mut [u8]) -> Result<BTreeMap<u64, Refusal>, Refusal> {
    let mut refused = BTreeMap::new();
    let first = Walk::over(chunk)?;
    for one in &first {
        if let Some(byte) = chunk.get_mut(one.start + HEADER) {
            *byte = UNREADABLE;
        }
        refused.insert(one.number, one.refusal);
    }
    // Where records lie across each other, this changed others too.
    if first.is_empty() || Walk::over(chunk)?.is_empty() {
        Ok(refused)
    } else {
        Err(Refusal::Outside)
    }
}

struct Record {
    number: u64,
    time: u64,
    binary: Span,
}

struct Refused {
    start: usize,
    number: u64,
    refusal: Refusal,
}

/// The way through a chunk.
struct Walk<'c> {
    chunk: &'c [u8],
    names: BTreeSet<usize>,
    /// Templates by their offset, and whether they can be used. The parser
    /// remembers those that can, and reads others again for each record.
    templates: BTreeMap<usize, Result<(), Refusal>>,
    work: usize,
}

/// A part of the chunk that is being read.
#[derive(Clone, Copy)]
struct Span {
    at: usize,
    end: usize,
}

/// What the tokens of a template build.
#[derive(Default)]
struct Tree {
    /// Whether an element's start tag is open, attributes and all.
    is_in_tag: bool,
    depth: usize,
    roots: usize,
}

impl<'c> Walk<'c> {
    /// The records that would cost too much.
    fn over(chunk: &'c [u8]) -> Result<Vec<Refused>, Refusal> {
        let mut walk = Self {
            chunk,
            names: BTreeSet::new(),
            templates: BTreeMap::new(),
            work: WORK,
        };
        walk.names()?;
        let mut refused = Vec::new();
        let mut start = FIRST;
        while let Some(record) = walk.record(start).filter(|record| record.time < LATEST) {
            refused.extend(walk.refuse(&record));
            start = record.binary.end + size_of::<u32>();
        }
        // Past a broken record the parser looks for the next one that begins
        // with the magic. Which it takes does not matter if all are looked at.
        let rest = chunk.get(start..).unwrap_or_default();
        for at in memchr::memmem::find_iter(rest, MAGIC) {
            if let Some(record) = walk.record(start + at) {
                refused.extend(walk.refuse(&record));
            }
        }
        Ok(refused)
    }

    fn refuse(&mut self, record: &Record) -> Option<Refused> {
        let refusal = self.binary(record.binary).err()?;
        Some(Refused {
            start: record.binary.at - HEADER,
            number: record.number,
            refusal,
        })
    }

    /// The record that begins there.
    fn record(&self, start: usize) -> Option<Record> {
        let header = self.chunk.get(start..start.checked_add(HEADER)?)?;
        let (magic, rest) = header.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let time = u64::from_le_bytes(*rest.first_chunk()?);
        // The size stands at the end of a record once more.
        let size = (u32::from_le_bytes(*size) as usize).checked_sub(size_of::<u32>())?;
        let binary = Span {
            at: start + HEADER,
            end: start.checked_add(size)?,
        };
        let is_whole = magic == MAGIC && binary.at <= binary.end && binary.end <= self.chunk.len();
        is_whole.then_some(Record {
            number: u64::from_le_bytes(*number),
            time,
            binary,
        })
    }

    /// The table of names: chains that may lead anywhere.
    fn names(&mut self) -> Result<(), Refusal> {
        let table = self.chunk.get(NAMES).unwrap_or_default();
        for offset in table.as_chunks::<4>().0 {
            let mut next = u32::from_le_bytes(*offset) as usize;
            while next > 0 && !self.names.contains(&next) {
                let mut name = self.from(next);
                let link = name.u32(self.chunk)?;
                name.skip(2)?;
                let length = usize::from(name.u16(self.chunk)?) * 2;
                name.skip(length)?;
                self.charge(length + 8)?;
                self.names.insert(next);
                next = link;
            }
        }
        Ok(())
    }

    /// A record's stream.
    fn binary(&mut self, span: Span) -> Result<(), Refusal> {
        if self.chunk.get(span.at) == Some(&UNREADABLE) {
            return Ok(());
        }
        self.tokens(span, None, 0)
    }

    /// The tokens of a stream; of a template they must make one tree.
    fn tokens(
        &mut self,
        mut span: Span,
        mut tree: Option<&mut Tree>,
        depth: usize,
    ) -> Result<(), Refusal> {
        if depth > DEPTH {
            return Err(Refusal::TooDeep);
        }
        while span.at < span.end {
            let start = span.at;
            let token = span.u8(self.chunk)?;
            if let Some(tree) = &mut tree {
                tree.take(token).ok_or(Refusal::Malformed)?;
            }
            match token {
                // The end of the fragment.
                0x00 => break,
                0x01 | 0x41 => {
                    if tree.is_some() {
                        span.skip(2)?;
                    }
                    span.skip(4)?;
                    self.name(&mut span)?;
                    if token == 0x41 {
                        span.skip(4)?;
                    }
                }
                0x02..=0x04 => {}
                0x05 | 0x45 => {
                    let kind = span.u8(self.chunk)?;
                    // A fragment within a template is nothing that is written.
                    if tree.is_some() && kind == 0x21 {
                        return Err(Refusal::Malformed);
                    }
                    self.inline(&mut span, kind, depth)?;
                }
                0x06 | 0x46 | 0x09 | 0x49 | 0x0a => self.name(&mut span)?,
                0x07 | 0x47 | 0x0b => span.text(self.chunk)?,
                0x08 | 0x48 => span.skip(2)?,
                0x0c => self.instance(&mut span, depth)?,
                0x0d | 0x0e => {
                    span.skip(2)?;
                    let kind = span.u8(self.chunk)?;
                    is_kind(kind).then_some(()).ok_or(Refusal::Malformed)?;
                }
                0x0f => span.skip(3)?,
                _ => return Err(Refusal::Malformed),
            }
            self.charge(span.at - start)?;
        }
        Ok(())
    }

    /// A name, which stands right here where it is used first.
    fn name(&mut self, span: &mut Span) -> Result<(), Refusal> {
        let offset = span.u32(self.chunk)?;
        if offset == span.at {
            span.skip(6)?;
            let length = usize::from(span.u16(self.chunk)?) * 2;
            span.skip(length + 2)?;
        }
        if self.names.contains(&offset) {
            return Ok(());
        }
        let mut name = self.from(offset);
        name.skip(6)?;
        let length = usize::from(name.u16(self.chunk)?) * 2;
        self.charge(length)?;
        let name = name.take(length)?;
        let (units, _) = name.of(self.chunk).as_chunks();
        let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
        let is_text =
            char::decode_utf16(units.take_while(|unit| *unit != 0)).all(|char| char.is_ok());
        is_text.then_some(()).ok_or(Refusal::Malformed)
    }

    /// A value within an element.
    fn inline(&mut self, span: &mut Span, kind: u8, depth: usize) -> Result<(), Refusal> {
        match kind {
            0x00 => Ok(()),
            0x01 => span.text(self.chunk),
            0x21 => {
                let length = usize::from(span.u16(self.chunk)?);
                let inner = span.take(length)?;
                self.tokens(inner, None, depth + 1)
            }
            _ => {
                let length = span.fixed(self.chunk, kind).ok_or(Refusal::Malformed)?;
                span.skip(length)
            }
        }
    }

    /// A template and the values for it.
    fn instance(&mut self, span: &mut Span, depth: usize) -> Result<(), Refusal> {
        span.skip(5)?;
        let offset = span.u32(self.chunk)?;
        if offset == span.at {
            span.skip(20)?;
            let length = span.u32(self.chunk)?;
            span.skip(length)?;
        }
        let count = span.u32(self.chunk)?;
        let mut descriptors = span.take(count.checked_mul(4).ok_or(Refusal::Outside)?)?;
        let template = match self.templates.get(&offset) {
            Some(known) => *known,
            None => {
                let template = self.template(offset, depth + 1);
                self.templates.insert(offset, template);
                template
            }
        };
        template?;
        for _ in 0..count {
            let size = usize::from(descriptors.u16(self.chunk)?);
            let kind = descriptors.u8(self.chunk)?;
            descriptors.skip(1)?;
            self.value(span, kind, size, depth)?;
        }
        Ok(())
    }

    fn template(&mut self, offset: usize, depth: usize) -> Result<(), Refusal> {
        let mut header = self.from(offset);
        header.skip(20)?;
        let length = header.u32(self.chunk)?;
        let body = header.take(length)?;
        let mut tree = Tree::default();
        self.tokens(body, Some(&mut tree), depth)?;
        tree.is_whole().then_some(()).ok_or(Refusal::Malformed)
    }

    /// A value for a template. The parser goes by the kind where that is
    /// longer than what the record says.
    fn value(
        &mut self,
        span: &mut Span,
        kind: u8,
        size: usize,
        depth: usize,
    ) -> Result<(), Refusal> {
        let start = *span;
        match kind {
            0x21 => {
                let inner = span.take(size)?;
                return self.tokens(inner, None, depth + 1);
            }
            // Text after text, each with a zero behind it.
            0x81 => {
                while span.at < start.at + size {
                    while span.u16(self.chunk)? != 0 {}
                }
            }
            0x93 => {
                while span.at < start.at + size {
                    let length = span.sid(self.chunk).ok_or(Refusal::Outside)?;
                    span.skip(length)?;
                }
            }
            0x13 => {
                let length = span.sid(self.chunk).ok_or(Refusal::Outside)?;
                span.skip(length)?;
            }
            _ => span.skip(span.fixed(self.chunk, kind).unwrap_or_default())?,
        }
        let rest = (start.at + size).saturating_sub(span.at);
        span.skip(rest)
    }

    /// The chunk from there on.
    fn from(&self, at: usize) -> Span {
        Span {
            at,
            end: self.chunk.len(),
        }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.work = self.work.checked_sub(bytes).ok_or(Refusal::TooMuch)?;
        Ok(())
    }
}

/// How deep the elements of a template may lie in each other.
const ELEMENTS: usize = 256;

impl Tree {
    /// Takes the next token, if there may be one like it.
    fn take(&mut self, token: u8) -> Option<()> {
        match token {
            0x00 | 0x0f => {}
            0x01 | 0x41 if self.is_in_tag => return None,
            0x01 | 0x41 => {
                self.is_in_tag = true;
                self.roots += usize::from(self.depth == 0);
            }
            0x02 | 0x03 | 0x06 | 0x46 if !self.is_in_tag => return None,
            0x02 => {
                self.is_in_tag = false;
                self.depth += 1;
            }
            0x03 => self.is_in_tag = false,
            0x04 => self.depth = self.depth.checked_sub(1)?,
            0x06 | 0x46 => {}
            // A template within a template is nothing that is written.
            0x0c => return None,
            // Text and the like belong to an element.
            _ if self.depth == 0 && !self.is_in_tag => return None,
            _ => {}
        }
        (self.depth <= ELEMENTS).then_some(())
    }

    /// Whether all of it is there.
    fn is_whole(&self) -> bool {
        self.roots == 1 && self.depth == 0 && !self.is_in_tag
    }
}

/// Whether there is such a kind of value.
fn is_kind(kind: u8) -> bool {
    matches!(kind, 0x00..=0x15 | 0x20 | 0x21 | 0x23 | 0x81..=0x95)
}

impl Span {
    fn array<const N: usize>(&mut self, chunk: &[u8]) -> Result<[u8; N], Refusal> {
        let bytes = self.take(N)?;
        bytes.of(chunk).try_into().map_err(|_| Refusal::Outside)
    }

    fn of<'c>(&self, chunk: &'c [u8]) -> &'c [u8] {
        chunk.get(self.at..self.end).unwrap_or_default()
    }

    fn u8(&mut self, chunk: &[u8]) -> Result<u8, Refusal> {
        self.array(chunk).map(u8::from_le_bytes)
    }

    fn u16(&mut self, chunk: &[u8]) -> Result<u16, Refusal> {
        self.array(chunk).map(u16::from_le_bytes)
    }

    fn u32(&mut self, chunk: &[u8]) -> Result<usize, Refusal> {
        self.array(chunk)
            .map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn skip(&mut self, length: usize) -> Result<(), Refusal> {
        self.take(length).map(|_| ())
    }

    /// A text and its length.
    fn text(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        let length = usize::from(self.u16(chunk)?);
        self.skip(length * 2)
    }

    fn take(&mut self, length: usize) -> Result<Self, Refusal> {
        let start = self.at;
        let end = start.checked_add(length).filter(|end| *end <= self.end);
        self.at = end.ok_or(Refusal::Outside)?;
        Ok(Self {
            at: start,
            end: self.at,
        })
    }

    /// The length of a value that its kind tells.
    fn fixed(&self, chunk: &[u8], kind: u8) -> Option<usize> {
        match kind {
            0x03 | 0x04 => Some(1),
            0x05 | 0x06 => Some(2),
            0x07 | 0x08 | 0x0b | 0x0d | 0x14 => Some(4),
            0x09 | 0x0a | 0x0c | 0x11 | 0x15 => Some(8),
            0x0f | 0x12 => Some(16),
            0x13 => self.sid(chunk),
            _ => None,
        }
    }

    /// The length of a security identifier, which tells how many parts it has.
    fn sid(&self, chunk: &[u8]) -> Option<usize> {
        let parts = self.of(chunk).get(1)?;
        Some(8 + usize::from(*parts) * 4)
    }
}
