//! Reads the values that matter out of an event in XML. Elements and attributes
//! lead through the same levels as the keys of the JSON that tools make of such
//! events, `#attributes` included.

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

use super::{
    json::Malformed,
    keys::{Entry, Keys, Level},
    record::{Place, Span},
};

/// How deep elements may nest; events use five levels.
const MAX_DEPTH: usize = 64;

/// Reads an event, or with `level` the inside of one.
pub(super) fn read(
    text: &str,
    keys: &Keys,
    level: Level,
    spans: &mut [Span],
    side: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut document = Document {
        keys,
        spans,
        side,
        open: Vec::new(),
        list_position: 0,
    };
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().map_err(|_| Malformed::Xml)? {
            Event::Start(start) => document.start(&start, level)?,
            Event::Empty(start) => {
                document.start(&start, level)?;
                document.end();
            }
            Event::End(_) => document.end(),
            Event::Text(text) => document.text(&text.into_inner()),
            Event::CData(data) => document.text(&data.into_inner()),
            Event::GeneralRef(reference) => document.reference(&reference),
            Event::Eof if document.open.is_empty() => return Ok(()),
            Event::Eof => return Err(Malformed::Truncated),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
    }
}

struct Document<'k> {
    keys: &'k Keys,
    spans: &'k mut [Span],
    side: &'k mut Vec<u8>,
    open: Vec<Element>,
    /// How many data without a name came so far.
    list_position: usize,
}

struct Element {
    entry: Entry,
    /// Where its text starts in the side text.
    from: usize,
    is_data: bool,
}

impl Document<'_> {
    fn start(&mut self, start: &BytesStart<'_>, outer: Level) -> Result<(), Malformed> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        let level = match self.open.last() {
            Some(element) => element.entry.child,
            None => Some(outer),
        };
        let name = start.local_name();
        let name: &str = name.as_ref();
        let mut entry = self.find(level, name);
        let is_list = entry.child == Some(Keys::LIST);
        if is_list {
            let named = attribute(start, "Name").map(|name| self.find(Some(Keys::DATA), &name));
            entry = named.unwrap_or_else(|| {
                let position = self.list_position.to_string();
                self.list_position += 1;
                self.find(Some(Keys::LIST), &position)
            });
            entry.child = None;
        } else if let Some(level) = self.find(entry.child, "#attributes").child {
            for attribute in start.attributes().flatten() {
                let key = attribute.key.local_name();
                let key: &str = key.as_ref();
                let entry = self.find(Some(level), key);
                if entry.slot.is_some() {
                    let value = unescape(&attribute.value);
                    let from = self.side.len();
                    self.side.extend_from_slice(value.as_bytes());
                    self.set(entry, from, false);
                }
            }
        }
        self.open.push(Element {
            entry,
            from: self.side.len(),
            is_data: is_list || level == Some(Keys::DATA),
        });
        Ok(())
    }

    fn end(&mut self) {
        let Some(element) = self.open.pop() else {
            return;
        };
        self.set(element.entry, element.from, element.is_data);
        let text = self.find(element.entry.child, "#text");
        self.set(text, element.from, element.is_data);
    }

    /// Text counts where somebody wants it.
    fn text(&mut self, text: &str) {
        if self.is_wanted() {
            self.side.extend_from_slice(text.as_bytes());
        }
    }

    /// Only the five references of XML itself and characters by number are
    /// resolved; an event declares no entities of its own, an attack would.
    fn reference(&mut self, reference: &BytesRef<'_>) {
        if !self.is_wanted() {
            return;
        }
        if let Ok(Some(character)) = reference.resolve_char_ref() {
            let mut buffer = [0; 4];
            let bytes = character.encode_utf8(&mut buffer).as_bytes();
            self.side.extend_from_slice(bytes);
            return;
        }
        let name: &str = reference;
        match quick_xml::escape::resolve_xml_entity(name) {
            Some(text) => self.side.extend_from_slice(text.as_bytes()),
            None => {
                for part in ["&", name, ";"] {
                    self.side.extend_from_slice(part.as_bytes());
                }
            }
        }
    }

    fn is_wanted(&self) -> bool {
        self.open.last().is_some_and(|element| {
            element.entry.slot.is_some() || self.find(element.entry.child, "#text").slot.is_some()
        })
    }

    fn find(&self, level: Option<Level>, key: &str) -> Entry {
        level
            .and_then(|level| self.keys.find(level, key.as_bytes()))
            .unwrap_or_default()
    }

    fn set(&mut self, entry: Entry, from: usize, is_data: bool) {
        for slot in [entry.slot, entry.also].into_iter().flatten() {
            // What JSON hands over as text is read apart here.
            if slot == Keys::DATA_XML || slot == Keys::ELEMENT_VALUE {
                continue;
            }
            if let Some(span) = self.spans.get_mut(slot.0 as usize)
                && (span.place == Place::Absent || is_data)
            {
                *span = Span {
                    start: from as u32,
                    end: self.side.len() as u32,
                    place: Place::Side,
                };
            }
        }
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = start.try_get_attribute(name).ok()??;
    Some(unescape(&attribute.value).into_owned())
}

fn unescape(raw: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::unescape(raw).unwrap_or(std::borrow::Cow::Borrowed(raw))
}
