//! What an input holds, told from how it begins and never asked for.

use std::fmt;

use super::json::is_space;

/// The shape of a whole input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A Windows event log file.
    Evtx,
    /// A JSON object a line, be they the lines of an array.
    JsonLines,
    /// JSON objects laid out freely: an array, or one after the other.
    Json,
    /// Windows events as XML.
    Xml,
}

/// How one record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A JSON object.
    Json,
    /// A Windows event as XML.
    Xml,
}

/// How the files of Windows event logs begin.
const EVTX_MAGIC: &[u8] = b"ElfFile\0";

impl Shape {
    /// The shape of an input that begins so; `is_whole` tells whether that is
    /// all of it.
    pub fn recognise(start: &[u8], is_whole: bool) -> Option<Self> {
        if start.starts_with(EVTX_MAGIC) {
            return Some(Self::Evtx);
        }
        let start = start.trim_ascii_start();
        match start.first()? {
            b'<' => ["<Event", "<?xml", "<!--"]
                .iter()
                .any(|tag| start.starts_with(tag.as_bytes()))
                .then_some(Self::Xml),
            b'{' => Some(Self::of_objects(start, is_whole)),
            b'[' => {
                let inside = start.get(1..).unwrap_or_default();
                // What follows the bracket decides; a list of numbers is none.
                match inside.trim_ascii_start().first() {
                    Some(b'{') => Some(Self::of_objects(inside, is_whole)),
                    Some(b']') => Some(Self::Json),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Lines are preferred: a broken line costs one record, a broken object in
    /// a free layout may take its neighbours with it.
    fn of_objects(start: &[u8], is_whole: bool) -> Self {
        let start = start.trim_ascii_start();
        let line_end = memchr::memchr(b'\n', start);
        let line = start
            .get(..line_end.unwrap_or(start.len()))
            .unwrap_or(start);
        let line = line.trim_ascii_end();
        let line = line.strip_suffix(b"]").unwrap_or(line).trim_ascii_end();
        let line = line.strip_suffix(b",").unwrap_or(line);
        match super::json::object_end(line) {
            Some(end) if line.iter().skip(end).all(|byte| is_space(*byte)) => Self::JsonLines,
            // A line longer than what was looked at: only lines get so long.
            None if line_end.is_none() && !is_whole => Self::JsonLines,
            // Several objects on a line, or one over several lines.
            _ => Self::Json,
        }
    }

    /// How its records are written once they are cut apart. Records of event
    /// log files are rendered as JSON first.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::Xml => Encoding::Xml,
            Self::Evtx | Self::JsonLines | Self::Json => Encoding::Json,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Evtx => "EVTX",
            Self::JsonLines => "NDJSON",
            Self::Json => "JSON",
            Self::Xml => "event XML",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_told_apart_by_their_beginning() {
        for (start, shape) in [
            ("{\"a\":{\"b\":\"}\"}}\n{\"a\":2}\n", Some(Shape::JsonLines)),
            ("\n {\"a\":1}", Some(Shape::JsonLines)),
            ("[{\"a\":1},\n{\"a\":2}]", Some(Shape::JsonLines)),
            ("[\n{\"a\":1},\n{\"a\":2}\n]", Some(Shape::JsonLines)),
            ("[{\"a\":1},{\"a\":2}]", Some(Shape::Json)),
            ("{\"a\":1}{\"a\":2}", Some(Shape::Json)),
            ("[\n  {\n \"a\": 1\n }\n]", Some(Shape::Json)),
            ("{\n  \"a\": 1\n}", Some(Shape::Json)),
            ("[]", Some(Shape::Json)),
            ("<Event xmlns='x'>", Some(Shape::Xml)),
            ("<?xml version='1.0'?><Events>", Some(Shape::Xml)),
            ("ElfFile\0\0", Some(Shape::Evtx)),
            ("Date,Time\n", None),
            ("[1, 2]", None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(Shape::recognise(start.as_bytes(), true), shape, "{start}");
        }
        let long = format!("{{\"a\":\"{}", "x".repeat(1000));
        let shape = Shape::recognise(long.as_bytes(), false);
        assert_eq!(shape, Some(Shape::JsonLines));
    }
}
