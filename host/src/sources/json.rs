//! Reads the values that matter out of a JSON record, in one pass and without
//! building a tree.
//!
//! Strings that nobody needs are stepped over by searching for their closing
//! quote; they are most of a record. That is why this beats a tape: what is
//! passed over is neither unescaped nor validated. A raw control character in a
//! string is let pass, because collectors do write them.

mod scan;

pub(super) use scan::{is_space, unescape};

use super::{
    keys::{Entry, Keys, Level, Slot},
    record::{Place, Span},
};

/// How deep a record may nest. Deeper ones only serve to exhaust a stack.
pub(super) const MAX_DEPTH: u32 = 128;

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// There is no value, or something else where one should be.
    #[error("not a JSON object")]
    NotAnObject,
    /// It ends within a value.
    #[error("ends too early")]
    Truncated,
    /// Something stands where it must not.
    #[error("not JSON at byte {0}")]
    Unexpected(usize),
    /// It nests too deeply.
    #[error("nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// It is larger than a record may be.
    #[error("larger than a record may be")]
    TooLong,
    /// It is not well-formed XML.
    #[error("not XML")]
    Xml,
}

/// Reads the first object of `bytes` and returns where it ends.
pub(super) fn read(bytes: &[u8], keys: &Keys, spans: &mut [Span]) -> Result<usize, Malformed> {
    let mut reader = Reader {
        bytes,
        at: 0,
        keys,
        spans,
    };
    reader.skip_space();
    if reader.peek() != Some(b'{') {
        return Err(Malformed::NotAnObject);
    }
    reader.object(Keys::ROOT, 1)?;
    Ok(reader.at)
}

struct Reader<'a, 'k> {
    bytes: &'a [u8],
    at: usize,
    keys: &'k Keys,
    spans: &'k mut [Span],
}

impl Reader<'_, '_> {
    /// Reads an object; the position is at its brace.
    fn object(&mut self, level: Level, depth: u32) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let (start, end, escaped) = self.string()?;
            let entry = self.entry(level, start, end, escaped);
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            self.value(level, entry, depth)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.skip_space();
                }
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// Reads an array at a level whose keys are positions.
    fn array(&mut self, level: Level, depth: u32) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for position in 0.. {
            let mut entry = position_entry(self.keys, level, position);
            if self.peek() == Some(b'{') {
                entry.child = Some(level);
            }
            self.value(level, entry, depth)?;
            if level == Keys::LIST {
                self.element(position);
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.skip_space();
                }
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => break,
            }
        }
        Err(self.unexpected())
    }

    fn value(&mut self, level: Level, entry: Entry, depth: u32) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'"') => {
                let (start, end, _) = self.string()?;
                if entry.slot.is_some() {
                    self.set(level, entry, start, end, Place::Escaped);
                } else if entry.child == Some(Keys::LIST) {
                    let value = Entry {
                        slot: Some(Keys::ELEMENT_VALUE),
                        ..Entry::default()
                    };
                    self.set(Keys::LIST, value, start, end, Place::Escaped);
                    self.element(0);
                }
                Ok(())
            }
            Some(b'{') => match entry.child {
                Some(child) => {
                    self.object(child, depth + 1)?;
                    if child == Keys::LIST && level != Keys::LIST {
                        self.element(0);
                    }
                    Ok(())
                }
                None => self.skip(depth),
            },
            Some(b'[') => match entry.child {
                Some(child) => self.array(child, depth + 1),
                None => self.skip(depth),
            },
            Some(_) => {
                let start = self.at;
                self.at = scan::literal(self.bytes, start).ok_or_else(|| self.unexpected())?;
                if self.bytes.get(start) != Some(&b'n') {
                    self.set(level, entry, start, self.at, Place::Literal);
                }
                Ok(())
            }
            None => Err(Malformed::Truncated),
        }
    }

    /// Files what an element of a list of data holds under its name, or else
    /// under its position.
    fn element(&mut self, position: usize) {
        let name = self.take(Keys::ELEMENT_NAME);
        let value = self.take(Keys::ELEMENT_VALUE);
        if value.place == Place::Absent {
            return;
        }
        let slot = if name.place == Place::Absent {
            position_entry(self.keys, Keys::LIST, position).slot
        } else {
            let name = self.bytes.get(name.start as usize..name.end as usize);
            name.and_then(|name| self.keys.find(Keys::DATA, name))
                .and_then(|entry| entry.slot)
        };
        if let Some(span) = slot.and_then(|slot| self.spans.get_mut(slot.0 as usize)) {
            *span = value;
        }
    }

    fn take(&mut self, slot: Slot) -> Span {
        self.spans
            .get_mut(slot.0 as usize)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Keeps a value. The event's own data wins over a key of the same name
    /// beside it; else the first one stays.
    fn set(&mut self, level: Level, entry: Entry, start: usize, end: usize, place: Place) {
        let is_data = level == Keys::DATA || level == Keys::LIST;
        for slot in [entry.slot, entry.also].into_iter().flatten() {
            if let Some(span) = self.spans.get_mut(slot.0 as usize)
                && (span.place == Place::Absent || is_data)
            {
                *span = Span {
                    start: start as u32,
                    end: end as u32,
                    place,
                };
            }
        }
    }

    fn entry(&mut self, level: Level, start: usize, end: usize, escaped: bool) -> Entry {
        let key = self.bytes.get(start..end).unwrap_or_default();
        if !escaped {
            return self.keys.find(level, key).unwrap_or_default();
        }
        let mut plain = String::new();
        unescape(key, &mut plain);
        self.keys.find(level, plain.as_bytes()).unwrap_or_default()
    }

    /// Steps over a string; returns where its inside starts and ends and
    /// whether it has escapes.
    fn string(&mut self) -> Result<(usize, usize, bool), Malformed> {
        self.expect(b'"')?;
        let start = self.at;
        let (end, escaped) = scan::string_end(self.bytes, start).ok_or(Malformed::Truncated)?;
        self.at = end + 1;
        Ok((start, end, escaped))
    }

    /// Steps over an object or array that nobody needs.
    fn skip(&mut self, depth: u32) -> Result<(), Malformed> {
        self.at = scan::nested_end(self.bytes, self.at, depth)?;
        Ok(())
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek()
            && is_space(byte)
        {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    fn unexpected(&self) -> Malformed {
        match self.peek() {
            Some(_) => Malformed::Unexpected(self.at),
            None => Malformed::Truncated,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

/// What the value at a position of an array leads to.
fn position_entry(keys: &Keys, level: Level, position: usize) -> Entry {
    // A list has few positions that anyone asks for.
    let digit = match u8::try_from(position) {
        Ok(digit) if digit < 10 => b'0' + digit,
        _ => return Entry::default(),
    };
    keys.find(level, &[digit]).unwrap_or_default()
}

/// Where the object at the start of `bytes` ends, if it does.
pub(super) fn object_end(bytes: &[u8]) -> Option<usize> {
    scan::nested_end(bytes, 0, 0).ok()
}
