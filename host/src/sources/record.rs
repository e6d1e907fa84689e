//! One raw record, whatever its shape: slots with the values that matter.

use std::borrow::Cow;

use super::{json, keys::Slot};

/// A record as it was delivered. Its values stay where they are until someone
/// asks for them.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) side: &'a [u8],
    pub(super) spans: &'a [Span],
}

/// Where the value of a slot stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) place: Place,
}

/// What a value's bytes are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// There is no value.
    #[default]
    Absent,
    /// A number or a truth value of the record.
    Literal,
    /// The inside of a JSON string, its escapes still in place.
    Escaped,
    /// Text that had to be put together beside the record.
    Side,
}

impl<'a> Record<'a> {
    /// The bytes that the record was delivered as.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether there is a value, be it an empty one.
    pub fn has(&self, slot: Slot) -> bool {
        self.span(slot).place != Place::Absent
    }

    /// The value of a slot as text, written into `scratch` if it cannot be had
    /// as it stands; empty where there is none. What is not UTF-8 is replaced,
    /// so that a stray byte does not hide an event.
    pub fn text<'s>(&self, slot: Slot, scratch: &'s mut String) -> &'s str
    where
        'a: 's,
    {
        let raw = self.raw(slot);
        if self.span(slot).place == Place::Escaped && memchr::memchr(b'\\', raw).is_some() {
            scratch.clear();
            json::unescape(raw, scratch);
            return scratch;
        }
        match String::from_utf8_lossy(raw) {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => {
                *scratch = text;
                scratch
            }
        }
    }

    /// The bytes of a slot as they stand in the record, escapes and all. Good
    /// for values that need no escapes, such as numbers and times.
    pub fn raw(&self, slot: Slot) -> &'a [u8] {
        let span = self.span(slot);
        let place = match span.place {
            Place::Absent => return &[],
            Place::Side => self.side,
            Place::Literal | Place::Escaped => self.bytes,
        };
        place
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    fn span(&self, slot: Slot) -> Span {
        self.spans.get(slot.0 as usize).copied().unwrap_or_default()
    }
}
