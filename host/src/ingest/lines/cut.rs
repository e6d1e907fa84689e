//! Cuts a stream of bytes into lines, in bounded memory.

use memchr::memchr;

use crate::ingest::Records;

/// How much of a line that is no record is kept to see what it was.
pub(crate) const KEPT: usize = 1024;

/// Why a line is none.
pub(crate) const TOO_LONG: &str = "the line is longer than a record may be";

/// What is left of a stream after the last whole line.
#[derive(Debug)]
pub(crate) struct Cutter {
    partial: Vec<u8>,
    /// The line was given up; its end is still to come.
    is_skipping: bool,
    max_record: usize,
}

impl Cutter {
    /// Nothing yet.
    pub(crate) fn new(max_record: usize) -> Self {
        Self {
            partial: Vec::new(),
            is_skipping: false,
            max_record,
        }
    }

    /// Bytes kept of an unfinished line.
    pub(crate) fn kept(&self) -> usize {
        self.partial.len()
    }

    /// Takes more bytes in and appends the lines that end in them.
    pub(crate) fn cut(&mut self, mut bytes: &[u8], records: &mut Records) {
        while let Some((line, rest)) = split_line(bytes) {
            self.keep(line);
            self.end(records);
            bytes = rest;
        }
        self.keep(bytes);
    }

    /// Nothing more will come: what is left counts as a line.
    pub(crate) fn finish(&mut self, records: &mut Records) {
        self.end(records);
    }

    /// The stream broke: what is left is no record. Tells whether there was
    /// something.
    pub(crate) fn abandon(&mut self, reason: &str, records: &mut Records) {
        if !trim(&self.partial).is_empty() {
            let beginning = self.partial.get(..KEPT).unwrap_or(&self.partial);
            records.push_undecodable(beginning, reason.to_owned());
        }
        self.reset();
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.is_skipping {
            return;
        }
        if self.partial.len() + bytes.len() > self.max_record {
            let missing = KEPT.saturating_sub(self.partial.len());
            self.partial
                .extend_from_slice(bytes.get(..missing).unwrap_or(bytes));
            self.partial.truncate(KEPT);
            self.partial.shrink_to_fit();
            self.is_skipping = true;
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, records: &mut Records) {
        if self.is_skipping {
            records.push_undecodable(&self.partial, TOO_LONG.to_owned());
        } else {
            push(&self.partial, records);
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.is_skipping = false;
        self.partial.clear();
        // A long line is rare; its memory is not kept for the next.
        self.partial.shrink_to(64 * 1024);
    }
}

/// The first line without its end, and what follows it.
pub(crate) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b'\n', bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// Adds a line, unless it is blank.
pub(crate) fn push(line: &[u8], records: &mut Records) {
    let record = trim(line);
    if !record.is_empty() {
        records.push(record);
    }
}

/// A line without what surrounds the record: space, and the byte order mark
/// that some writers put first.
pub(crate) fn trim(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(line)
        .trim_ascii()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sources::Encoding;

    fn seen(records: &Records) -> Vec<(Vec<u8>, bool)> {
        let seen = records.iter();
        seen.map(|(bytes, fault)| (bytes.to_vec(), fault.is_some()))
            .collect()
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_the_bytes_arrive(
            text in "[ab\r\n ]{0,300}",
            pieces in prop::collection::vec(1_usize..40, 1..50),
        ) {
            let (mut cutter, mut records) = (Cutter::new(20), Records::new(Encoding::Json));
            let mut rest = text.as_bytes();
            for piece in pieces.iter().cycle() {
                let (now, later) = rest.split_at((*piece).min(rest.len()));
                cutter.cut(now, &mut records);
                                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            cutter.finish(&mut records);
            let expected: Vec<(Vec<u8>, bool)> = text
                .split('\n')
                .map(|line| match line.len() {
                    0..=20 => (line.trim_ascii(), false),
                    // Of a line that is no record the beginning is kept, and
                    // it depends on the pieces how much more.
                    _ => (&line[..20], true),
                })
                .filter(|(line, _)| !line.is_empty())
                .map(|(line, is_long)| (line.as_bytes().to_vec(), is_long))
                .collect();
            let mut found = seen(&records);
            for (line, _) in found.iter_mut().filter(|(_, is_long)| *is_long) {
                line.truncate(20);
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_is_left_of_a_long_or_broken_line_is_its_beginning() {
        let (mut cutter, mut records) = (Cutter::new(2000), Records::new(Encoding::Json));
        for _ in 0..100 {
            cutter.cut(&[b'x'; 700], &mut records);
            assert!(cutter.kept() <= 2000);
        }
        cutter.cut(b"\n{}\n{\"a\":", &mut records);
        cutter.abandon("broken", &mut records);
        cutter.abandon("broken", &mut records);
        let expected = vec![
            (vec![b'x'; KEPT], true),
            (b"{}".to_vec(), false),
            (b"{\"a\":".to_vec(), true),
        ];
        assert_eq!(seen(&records), expected);
    }
}
