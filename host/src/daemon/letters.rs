//! Dead letters: what could not be handled, why, and what it takes to try it
//! again.

mod event;

use serde::{Deserialize, Serialize};

use crate::{event::Event, shard::Fault, sources::Encoding, vocabulary::FieldNames};

/// Longest record kept, in bytes. Windows logs none that is longer, so what is
/// cut was made to be long, and a million of them must not fill the disk.
pub const MAX_EVENT: usize = 64 * 1024;

/// The reason of a record that could not be decoded.
pub const UNDECODABLE: &str = "undecodable";

/// The reason of a finding that a sink refused for good.
pub const REFUSED: &str = "refused";

/// The reason of a letter that cannot be read any more.
const DAMAGED: &str = "damaged";

/// Every reason there is.
pub const REASONS: [&str; 10] = [
    UNDECODABLE,
    "trap",
    "deadline",
    "memory",
    "contract",
    "malformed_result",
    "returned",
    "host",
    REFUSED,
    DAMAGED,
];

/// What could not be handled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Letter {
    /// When that was found, by the host's clock, RFC 3339.
    pub time: String,
    /// What is wrong, in a word.
    pub reason: String,
    /// The same in a sentence.
    pub error: String,
    /// The analytic that could not handle it, or whose finding was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analytic: Option<String>,
    /// Whose fault it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<String>,
    /// The source it came by.
    pub source: String,
    /// The input it was read from.
    pub input: String,
    /// Which record of that, counted from 0.
    pub record: u32,
    /// How often it was tried again in vain.
    #[serde(skip_serializing_if = "is_zero")]
    pub replays: u32,
    /// Which event it was, where an analytic could not handle it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
    /// What `event` is.
    pub form: Form,
    /// Whether there was more of it than is kept, so that it cannot be tried
    /// again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
    /// The record as it came.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub event: String,
    /// The same in hexadecimal digits, where it is no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
}

/// A letter and its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// Its number, which no other letter ever has.
    pub number: u64,
    /// The letter.
    #[serde(flatten)]
    pub letter: Letter,
}

/// What the host had made of a record that an analytic could not handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Identifies the event's content, 16 hexadecimal digits.
    pub uid: String,
    /// When it happened, milliseconds since 1970 UTC.
    pub time: i64,
}

/// What is kept of what could not be handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A record in JSON; records of EVTX files are rendered so.
    #[default]
    Json,
    /// A record in Windows event XML.
    Xml,
    /// The fields of an event that stood in several records: a script block
    /// put together from its parts.
    Event,
    /// A finding in OCSF.
    Finding,
}

impl From<Encoding> for Form {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Json => Self::Json,
            Encoding::Xml => Self::Xml,
        }
    }
}

impl Letter {
    /// A letter of now without a record.
    pub fn new(reason: &str, error: impl Into<String>) -> Self {
        Self {
            time: super::now(),
            reason: reason.to_owned(),
            error: error.into(),
            ..Self::default()
        }
    }

    /// What an analytic could not handle.
    pub fn of(fault: &Fault, uid: u64) -> Self {
        Self {
            analytic: Some(fault.analytic.to_string()),
            blame: Some(fault.error.blame().name().to_owned()),
            shown: Some(Shown {
                uid: format!("{uid:016x}"),
                time: fault.time,
            }),
            ..Self::new(fault.error.reason(), fault.error.to_string())
        }
    }

    /// Says where it came from.
    pub fn from_input(mut self, source: &str, input: &str, record: u32) -> Self {
        source.clone_into(&mut self.source);
        input.clone_into(&mut self.input);
        self.record = record;
        self
    }

    /// Keeps the record, or as much of it as is kept of any.
    pub fn with_record(mut self, form: Form, record: &[u8]) -> Self {
        let kept = record.get(..MAX_EVENT).unwrap_or(record);
        self.form = form;
        self.is_cut = kept.len() < record.len();
        self.event = String::from_utf8_lossy(kept).into_owned();
        let is_text = str::from_utf8(kept).is_ok();
        self.bytes = (!is_text).then(|| kept.iter().map(|byte| format!("{byte:02x}")).collect());
        self
    }

    /// Keeps the fields of an event that no single record holds.
    pub fn with_event(mut self, event: &Event, is_cut: bool, names: &FieldNames) -> Self {
        self.form = Form::Event;
        self.is_cut = is_cut;
        self.event = event::write(event, names);
        self
    }

    /// As the store keeps it.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As it was stored. What cannot be read is shown as that, so that one
    /// damaged letter does not hide the others.
    pub fn decode(stored: &[u8]) -> Self {
        serde_json::from_slice(stored).unwrap_or_else(|error| Self {
            reason: DAMAGED.to_owned(),
            error: format!("this letter cannot be read: {error}"),
            is_cut: true,
            ..Self::default()
        })
    }

    /// The bytes of the record.
    pub fn record(&self) -> Vec<u8> {
        let digits = self.bytes.as_deref().map(str::as_bytes);
        let bytes = digits.map(|digits| digits.chunks(2).map_while(byte).collect());
        bytes.unwrap_or_else(|| self.event.clone().into_bytes())
    }

    /// How the record is written; an event put together is none.
    pub fn encoding(&self) -> Option<Encoding> {
        match self.form {
            Form::Json => Some(Encoding::Json),
            Form::Xml => Some(Encoding::Xml),
            Form::Event | Form::Finding => None,
        }
    }

    /// The event that was put together from several records.
    pub fn joined(&self, names: &FieldNames) -> Option<Event> {
        event::read(&self.event, names).filter(|_| self.form == Form::Event)
    }

    /// The same without what may be large.
    pub fn without_event(mut self) -> Self {
        self.event.clear();
        self.bytes = None;
        self
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is serde's"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was() {
        let long = vec![b'x'; MAX_EVENT + 1];
        for (record, is_cut) in [
            (&b"{\"a\":1}"[..], false),
            (&[b'{', 0xff, 0, b'}'], false),
            (&long[..MAX_EVENT], false),
            (&long, true),
        ] {
            let letter = Letter::new(UNDECODABLE, "no").with_record(Form::Json, record);
            let again = Letter::decode(&letter.encode());
            assert_eq!(again, letter);
            assert_eq!(again.is_cut, is_cut);
            assert_eq!(again.record(), &record[..record.len().min(MAX_EVENT)]);
        }
        let damaged = Letter::decode(b"{");
        assert_eq!((damaged.reason.as_str(), damaged.is_cut), ("damaged", true));
    }
}
