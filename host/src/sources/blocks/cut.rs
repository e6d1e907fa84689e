//! Finds where records begin and end.

use memchr::{memchr, memchr3, memmem};

use super::{Fault, Piece};
use crate::sources::{evtx, json::Malformed, shape::Shape};

/// Cuts one shape.
pub(super) enum Cutter {
    Lines(Lines),
    Objects(Objects),
    Events,
    Chunks { is_past_header: bool },
}

/// A record a line.
#[derive(Default)]
pub(super) struct Lines {
    is_array: bool,
    /// The line's beginning was given up; its end is still to come.
    is_skipping: bool,
}

/// JSON objects laid out freely.
#[derive(Default)]
pub(super) struct Objects {
    /// After a broken object: objects start on a line of their own with at most
    /// so much before them.
    resync: Option<usize>,
    /// How far into its line the bytes begin.
    column: usize,
}

impl Cutter {
    pub(super) fn new(shape: Shape, is_array: bool) -> Self {
        match shape {
            Shape::JsonLines => Self::Lines(Lines {
                is_array,
                is_skipping: false,
            }),
            Shape::Json => Self::Objects(Objects::default()),
            Shape::Xml => Self::Events,
            Shape::Evtx => Self::Chunks {
                is_past_header: false,
            },
        }
    }

    /// Appends the records of `bytes` to `pieces`; returns how many bytes are
    /// done with. The others are to come again, with more behind them.
    pub(super) fn cut(&mut self, bytes: &[u8], is_end: bool, pieces: &mut Vec<Piece>) -> usize {
        match self {
            Self::Lines(lines) => lines.cut(bytes, is_end, pieces),
            Self::Objects(objects) => objects.cut(bytes, is_end, pieces),
            Self::Events => cut_events(bytes, is_end, pieces),
            Self::Chunks { is_past_header } => cut_chunks(is_past_header, bytes, is_end, pieces),
        }
    }

    /// The record at hand is given up, and with it all bytes so far.
    pub(super) fn skip_record(&mut self) {
        match self {
            Self::Lines(lines) => lines.is_skipping = true,
            Self::Objects(objects) => objects.resync = Some(objects.column),
            Self::Events | Self::Chunks { .. } => {}
        }
    }
}

impl Lines {
    fn cut(&mut self, bytes: &[u8], is_end: bool, pieces: &mut Vec<Piece>) -> usize {
        let mut start = 0;
        while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
            let end = match memchr(b'\n', rest) {
                Some(length) => start + length,
                None if is_end || self.is_skipping => bytes.len(),
                None => break,
            };
            if !self.is_skipping {
                self.line(bytes, start, end, pieces);
            }
            if end < bytes.len() {
                self.is_skipping = false;
            }
            start = end + 1;
        }
        start.min(bytes.len())
    }

    fn line(&self, bytes: &[u8], start: usize, end: usize, pieces: &mut Vec<Piece>) {
        let line = bytes.get(start..end).unwrap_or_default();
        let mut record = line.trim_ascii();
        if self.is_array {
            record = record.strip_prefix(b"[").unwrap_or(record);
            record = record.strip_prefix(b",").unwrap_or(record);
            record = record.strip_suffix(b"]").unwrap_or(record).trim_ascii();
        }
        record = record.strip_suffix(b",").unwrap_or(record).trim_ascii();
        if record.is_empty() {
            return;
        }
        let before = record.as_ptr().addr() - line.as_ptr().addr();
        pieces.push(Piece {
            start: start + before,
            end: start + before + record.len(),
            fault: None,
        });
    }
}

/// How the bytes from the start of an object on go on.
enum Extent {
    Ends(usize),
    /// A line ends within a string, which JSON does not allow.
    Breaks(usize),
    Unfinished,
}

impl Objects {
    fn cut(&mut self, bytes: &[u8], is_end: bool, pieces: &mut Vec<Piece>) -> usize {
        let mut at = 0;
        loop {
            if let Some(indent) = self.resync {
                match object_line(bytes, at, indent) {
                    Ok(start) => {
                        at = start;
                        self.resync = None;
                    }
                    Err(_) if is_end => return bytes.len(),
                    Err(line) => return self.used(bytes, line),
                }
            }
            let Some(byte) = bytes.get(at) else {
                return self.used(bytes, at);
            };
            match byte {
                b'{' => match extent(bytes, at) {
                    Extent::Ends(end) => {
                        push(pieces, at, end, None);
                        at = end;
                    }
                    Extent::Breaks(end) => {
                        push(pieces, at, end, Some(Malformed::Unexpected(end - at)));
                        self.resync = Some(self.column_of(bytes, at));
                        at = end;
                    }
                    Extent::Unfinished if is_end => {
                        push(pieces, at, bytes.len(), Some(Malformed::Truncated));
                        return bytes.len();
                    }
                    Extent::Unfinished => return self.used(bytes, at),
                },
                b'[' | b']' | b',' => at += 1,
                byte if byte.is_ascii_whitespace() => at += 1,
                _ => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let length = memchr3(b'\n', b'{', b',', rest).unwrap_or(rest.len());
                    push(pieces, at, at + length, Some(Malformed::NotAnObject));
                    at += length;
                }
            }
        }
    }

    fn used(&mut self, bytes: &[u8], used: usize) -> usize {
        self.column = self.column_of(bytes, used);
        used
    }

    fn column_of(&self, bytes: &[u8], at: usize) -> usize {
        let before = bytes.get(..at).unwrap_or_default();
        match memchr::memrchr(b'\n', before) {
            Some(newline) => at - newline - 1,
            None => at + self.column,
        }
    }
}

/// The next object that starts its line, at most `indent` into it, from `at`
/// on; or the start of the line from which to look again.
fn object_line(bytes: &[u8], mut at: usize, indent: usize) -> Result<usize, usize> {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(newline) = memchr(b'\n', rest) else {
            return Err(bytes.len());
        };
        let line = at + newline + 1;
        let text = bytes.get(line..).unwrap_or_default();
        let Some(blank) = text.iter().position(|byte| !matches!(byte, b' ' | b'\t')) else {
            return Err(line - 1);
        };
        if blank <= indent && text.get(blank) == Some(&b'{') {
            return Ok(line + blank);
        }
        at = line;
    }
}

/// Only braces and strings matter for where an object ends; whether all between
/// them is JSON is the decoder's business.
fn extent(bytes: &[u8], start: usize) -> Extent {
    let mut at = start;
    let mut depth = 0_u64;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(found) = memchr3(b'"', b'{', b'}', rest) else {
            return Extent::Unfinished;
        };
        at += found;
        match bytes.get(at) {
            Some(b'{') => depth += 1,
            Some(b'}') => {
                depth -= 1;
                if depth == 0 {
                    return Extent::Ends(at + 1);
                }
            }
            _ => loop {
                at += 1;
                let rest = bytes.get(at..).unwrap_or_default();
                let Some(found) = memchr3(b'"', b'\\', b'\n', rest) else {
                    return Extent::Unfinished;
                };
                at += found;
                match bytes.get(at) {
                    Some(b'\\') => at += 1,
                    Some(b'\n') => return Extent::Breaks(at),
                    _ => break,
                }
            },
        }
        at += 1;
    }
}

const EVENT_START: &[u8] = b"<Event";
const EVENT_END: &[u8] = b"</Event>";

fn cut_events(bytes: &[u8], is_end: bool, pieces: &mut Vec<Piece>) -> usize {
    let mut at = 0;
    loop {
        let Some(start) = event_start(bytes, at) else {
            // A start tag may be cut in two.
            let partial = memchr::memrchr(b'<', bytes.get(at..).unwrap_or_default());
            return match partial {
                Some(partial) if !is_end && bytes.len() - at - partial <= EVENT_START.len() => {
                    at + partial
                }
                _ => bytes.len(),
            };
        };
        let next = event_start(bytes, start + EVENT_START.len());
        let end = memmem::find(bytes.get(start..).unwrap_or_default(), EVENT_END)
            .map(|length| start + length + EVENT_END.len());
        match (end, next) {
            (Some(end), Some(next)) if next < end => {
                push(pieces, start, next, Some(Malformed::Truncated));
                at = next;
            }
            (Some(end), _) => {
                push(pieces, start, end, None);
                at = end;
            }
            (None, Some(next)) => {
                push(pieces, start, next, Some(Malformed::Truncated));
                at = next;
            }
            (None, None) if is_end => {
                push(pieces, start, bytes.len(), Some(Malformed::Truncated));
                return bytes.len();
            }
            (None, None) => return start,
        }
    }
}

/// Where the next `<Event>` starts, and not `<EventData>` or `<Events>`.
fn event_start(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memmem::find(bytes.get(at..)?, EVENT_START)?;
        match bytes.get(at + EVENT_START.len())? {
            b'>' | b'/' => return Some(at),
            byte if byte.is_ascii_whitespace() => return Some(at),
            _ => at += EVENT_START.len(),
        }
    }
}

fn cut_chunks(
    is_past_header: &mut bool,
    bytes: &[u8],
    is_end: bool,
    pieces: &mut Vec<Piece>,
) -> usize {
    let mut at = 0;
    if !*is_past_header {
        if bytes.len() < evtx::HEADER {
            return 0;
        }
        *is_past_header = true;
        at = evtx::HEADER;
    }
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.len().min(evtx::CHUNK);
        if length == 0 || length < evtx::CHUNK && !is_end {
            return at;
        }
        // Logs are laid out ahead; what was not written yet is zero.
        let chunk = rest.get(..length).unwrap_or_default();
        if chunk.iter().any(|byte| *byte != 0) {
            let fault = (length < evtx::CHUNK).then_some(Malformed::Truncated);
            push(pieces, at, at + length, fault);
        }
        at += length;
    }
}

fn push(pieces: &mut Vec<Piece>, start: usize, end: usize, fault: Option<Malformed>) {
    pieces.push(Piece {
        start,
        end,
        fault: fault.map(Fault::Malformed),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(shape: Shape, text: &str) -> Vec<(String, bool)> {
        let is_array = text.trim_start().starts_with('[');
        let mut pieces = Vec::new();
        Cutter::new(shape, is_array).cut(text.as_bytes(), true, &mut pieces);
        pieces
            .iter()
            .map(|piece| {
                let text = text[piece.start..piece.end].to_owned();
                (text, piece.fault.is_none())
            })
            .collect()
    }

    #[test]
    fn lines_of_an_array_lose_its_punctuation() {
        let whole = |text: &str| (text.to_owned(), true);
        assert_eq!(
            cut(
                Shape::JsonLines,
                "[{\"a\":1},\r\n\n{\"a\":[]},\n{\"a\":3}]\n"
            ),
            [whole("{\"a\":1}"), whole("{\"a\":[]}"), whole("{\"a\":3}")]
        );
    }

    #[test]
    fn a_broken_object_costs_itself_only() {
        let text = "[\n  {\n    \"a\": \"}{\\\"\"\n  },\n  {\n    \"b\": \"no end\n    \"x\": {\n\
                    \u{20}   {\n  }\n  },\n  {\n    \"c\": {}\n  }\n]";
        let pieces = cut(Shape::Json, text);
        assert_eq!(pieces.len(), 3, "{pieces:?}");
        assert!(pieces[0].1 && !pieces[1].1 && pieces[2].1);
        assert!(pieces[2].0.contains("\"c\""));
    }

    #[test]
    fn events_end_where_the_next_one_starts() {
        let text = "<?xml?><Events><Event><EventData/></Event>\n<Event x=''><EventID>\n\
                    <Event></Event></Events>";
        let pieces = cut(Shape::Xml, text);
        let whole: Vec<bool> = pieces.iter().map(|piece| piece.1).collect();
        assert_eq!(whole, [true, false, true]);
    }
}
