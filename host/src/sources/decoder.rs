//! From the bytes of one record to its values, whatever its shape.

use std::borrow::Cow;

use super::{
    json::{self, Malformed},
    keys::Keys,
    record::{Place, Record, Span},
    shape::Encoding,
    xml,
};

/// Decodes records, its memory used again and again.
#[derive(Debug)]
pub struct Decoder {
    keys: Keys,
    spans: Vec<Span>,
    side: Vec<u8>,
}

impl Decoder {
    /// A decoder that looks at these keys.
    pub fn new(keys: Keys) -> Self {
        Self {
            spans: vec![Span::default(); keys.len()],
            keys,
            side: Vec::new(),
        }
    }

    /// Decodes one record.
    pub fn decode<'a>(
        &'a mut self,
        bytes: &'a [u8],
        encoding: Encoding,
    ) -> Result<Record<'a>, Malformed> {
        let (record, rest) = self.decode_first(bytes, encoding)?;
        if rest.is_empty() {
            Ok(record)
        } else {
            Err(Malformed::Unexpected(bytes.len() - rest.len()))
        }
    }

    /// Decodes the first record of `bytes` and returns what stands behind it,
    /// for what is meant to be one record a line is not always.
    pub fn decode_first<'d, 'b: 'd>(
        &'d mut self,
        bytes: &'b [u8],
        encoding: Encoding,
    ) -> Result<(Record<'d>, &'b [u8]), Malformed> {
        self.spans.fill(Span::default());
        self.side.clear();
        // Positions are kept in 32 bits.
        if u32::try_from(bytes.len()).is_err() {
            return Err(Malformed::TooLong);
        }
        let end = match encoding {
            Encoding::Json => json::read(bytes, &self.keys, &mut self.spans)?,
            Encoding::Xml => {
                let text = String::from_utf8_lossy(bytes);
                xml::read(
                    &text,
                    &self.keys,
                    Keys::ROOT,
                    &mut self.spans,
                    &mut self.side,
                )?;
                bytes.len()
            }
        };
        let (bytes, rest) = bytes.split_at_checked(end).ok_or(Malformed::Truncated)?;
        self.add_data_xml(bytes);
        let record = Record {
            bytes,
            side: &self.side,
            spans: &self.spans,
        };
        let start = rest
            .iter()
            .position(|byte| !json::is_space(*byte))
            .unwrap_or(rest.len());
        Ok((record, rest.get(start..).unwrap_or_default()))
    }

    /// Azure delivers event data as XML within a string; its flat fields are
    /// not always complete.
    fn add_data_xml(&mut self, bytes: &[u8]) {
        let span = |spans: &[Span]| spans.get(Keys::DATA_XML.0 as usize).copied();
        let Some(span) = span(&self.spans).filter(|span| span.place == Place::Escaped) else {
            return;
        };
        let raw = bytes
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default();
        let mut text = String::new();
        json::unescape(raw, &mut text);
        if !text.trim_start().starts_with('<') {
            return;
        }
        let mut added = vec![Span::default(); self.spans.len()];
        // What was read before it turned out to be broken is still worth having.
        let _ = xml::read(&text, &self.keys, Keys::ROOT, &mut added, &mut self.side);
        for (span, added) in self.spans.iter_mut().zip(added) {
            if span.place == Place::Absent {
                *span = added;
            }
        }
    }
}

/// Bytes as text for people, cut to `length`.
pub(super) fn excerpt(bytes: &[u8], length: usize) -> String {
    let cut = bytes.get(..length).unwrap_or(bytes);
    match String::from_utf8_lossy(cut) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}
