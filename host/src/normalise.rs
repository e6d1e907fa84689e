//! From a raw record to an event of the vocabulary.
//!
//! Everything that can be worked out beforehand is: which keys matter, which
//! slots fill which fields. A record that nobody wants is recognised as early as
//! possible and only counted.

mod document;
mod header;
mod mapping;
mod powershell;
mod script;
mod time;
mod value;

pub use script::{ScriptBlocks, ScriptPart};

use std::{collections::HashSet, sync::Arc};

use xxhash_rust::xxh3::xxh3_64;

use self::{
    document::Documents,
    header::Header,
    mapping::{Assignment, Mappings, Recipe, Retention},
    powershell::Context,
    time::Times,
};
use crate::{
    event::{Event, Fields, Origin, Processes},
    router::Router,
    sources::{Decoder, Encoding, Keys, Malformed, Record, Slot},
    vocabulary::{ClassId, FieldId, classes, fields},
};

/// How many names of devices are kept for reuse. Beyond it, a forger of host
/// names only costs us the sharing.
const MAX_DEVICES: usize = 65_536;

/// The time of an event whose record says none, until it is given one.
pub const UNTIMED: i64 = i64::MIN;

/// What became of a record.
#[derive(Debug)]
pub struct Normalised {
    /// When it happened, if it says so.
    pub time: Option<i64>,
    /// What is kept of it.
    pub kept: Kept,
}

/// What is kept of a record.
#[derive(Debug)]
pub enum Kept {
    /// Nothing: no subscription and no part of the host wants it.
    Nothing,
    /// An event; its origin and, without a time of its own, its time are still
    /// to be set.
    Event(Event),
    /// A part of a script block, to be joined with the others.
    Part(ScriptPart),
}

/// Normalises records, its memory used again and again.
#[derive(Debug)]
pub struct Normaliser {
    decoder: Decoder,
    plan: Plan,
    context: Context,
    devices: HashSet<Arc<str>, foldhash::fast::FixedState>,
    last_device: Arc<str>,
    fields: Fields,
    outline: Fields,
    matches: Vec<u16>,
    scratch: String,
    other: String,
}

#[derive(Debug)]
struct Plan {
    header: Header,
    times: Times,
    mappings: Mappings,
    documents: Documents,
    raw: Vec<(FieldId, Slot)>,
    part_number: Slot,
    part_total: Slot,
}

impl Normaliser {
    /// A normaliser for these subscriptions.
    pub fn new(router: &Router) -> Self {
        let mut keys = Keys::new();
        let context = Context::new(&mut keys);
        let plan = Plan {
            header: Header::new(&mut keys),
            times: Times::new(&mut keys),
            mappings: Mappings::new(&mut keys, router),
            documents: Documents::new(&mut keys, router),
            raw: router
                .names()
                .raw()
                .map(|(field, name)| (field, raw_slot(&mut keys, name)))
                .collect(),
            part_number: keys.data("MessageNumber"),
            part_total: keys.data("MessageTotal"),
        };
        Self {
            decoder: Decoder::new(keys),
            plan,
            context,
            devices: HashSet::default(),
            last_device: Arc::from(""),
            fields: Fields::default(),
            outline: Fields::default(),
            matches: Vec::new(),
            scratch: String::new(),
            other: String::new(),
        }
    }

    /// Normalises one record. `input` names where it came from, for records
    /// that do not say from which computer.
    pub fn record(
        &mut self,
        bytes: &[u8],
        encoding: Encoding,
        input: &str,
        router: &Router,
    ) -> Result<Normalised, Malformed> {
        let (normalised, rest) = self.first_record(bytes, encoding, input, router)?;
        match rest.len() {
            0 => Ok(normalised),
            rest => Err(Malformed::Unexpected(bytes.len() - rest)),
        }
    }

    /// Normalises the first record of `bytes`; returns what stands behind it.
    pub fn first_record<'b>(
        &mut self,
        bytes: &'b [u8],
        encoding: Encoding,
        input: &str,
        router: &Router,
    ) -> Result<(Normalised, &'b [u8]), Malformed> {
        // Taken apart, so that the record may borrow from the decoder.
        let Self {
            decoder,
            plan,
            context,
            devices,
            last_device,
            fields,
            outline,
            matches,
            scratch,
            other,
        } = self;
        let (record, rest) = decoder.decode_first(bytes, encoding)?;
        let record = &record;
        context.clear();
        fields.clear();
        let time = plan.times.of(record);
        let nothing = Normalised {
            time,
            kept: Kept::Nothing,
        };

        let code = plan.header.code(record);
        let log = plan.header.log(record, record.has(plan.times.utc()));
        let mapping = match (log, code) {
            (Some(log), Some(code)) => plan.mappings.find(log, code),
            _ => None,
        };
        let is_document = plan.documents.is_one(record);
        let class = match mapping {
            Some(mapping) => mapping.class,
            None if is_document => plan.documents.class(record).unwrap_or(classes::OTHER),
            None => classes::OTHER,
        };

        for assignment in mapping.map_or(&[][..], |mapping| &mapping.assignments) {
            assign(assignment, record, plan, context, fields, scratch, other);
        }
        if is_document {
            plan.documents.fill(class, record, fields, scratch);
        }
        for (field, slot) in &plan.raw {
            let text = record.text(*slot, scratch);
            fields.set_text(*field, text);
        }
        plan.describe(record, code, fields, scratch);

        let part = plan.part(class, record);
        matches.clear();
        if part.is_none() {
            router.matches(class, fields, matches);
        }
        let fields = match mapping::retention(class) {
            _ if part.is_some() || !matches.is_empty() => fields.compact(),
            Retention::Whole => fields.compact(),
            Retention::Outline => {
                reduce(fields, outline);
                outline.compact()
            }
            Retention::Matched => return Ok((nothing, rest)),
        };
        let name = plan.header.computer(record, scratch);
        let event = Event {
            sequence: 0,
            uid: xxh3_64(record.bytes()),
            time: time.unwrap_or(UNTIMED),
            device: device(name, input, other, last_device, devices),
            class,
            origin: Origin::default(),
            processes: Processes::default(),
            matches: matches.as_slice().into(),
            is_again: false,
            fields,
        };
        let kept = match part {
            Some((number, total)) => Kept::Part(ScriptPart {
                event,
                number,
                total,
            }),
            None => Kept::Event(event),
        };
        Ok((Normalised { time, kept }, rest))
    }
}

/// Whether events of a class are kept whoever is installed. Of the others
/// nothing may be learnt, because they are there only where somebody asked.
pub fn is_always_kept(class: ClassId) -> bool {
    mapping::retention(class) != Retention::Matched
}

impl Plan {
    /// Sets the fields that every event has. The device is not among them: it
    /// is part of the event itself.
    fn describe(
        &self,
        record: &Record<'_>,
        code: Option<u32>,
        fields: &mut Fields,
        scratch: &mut String,
    ) {
        if let Some(code) = code {
            fields.set_number(fields::METADATA_EVENT_CODE, u64::from(code));
        }
        fields.set_text(
            fields::METADATA_LOG_NAME,
            self.header.channel(record, scratch),
        );
        if let Some(id) = self.header.record_id(record) {
            fields.set_number(fields::METADATA_RECORD_ID, id);
        }
    }

    /// Which part of how many a script block is, if it has several.
    fn part(&self, class: ClassId, record: &Record<'_>) -> Option<(u32, u32)> {
        if class != classes::SCRIPT_EXECUTE {
            return None;
        }
        let number = |slot| value::number(str::from_utf8(record.raw(slot)).ok()?);
        let total = number(self.part_total).filter(|total| *total <= script::MAX_PARTS)?;
        let number = number(self.part_number)?;
        let is_part = total > 1 && (1..=total).contains(&number);
        is_part.then_some((number as u32, total as u32))
    }
}

/// A raw field's own name may be a path into a nested record.
fn raw_slot(keys: &mut Keys, name: &str) -> Slot {
    if name.contains('.') {
        keys.path(name)
    } else {
        keys.data(name)
    }
}

fn assign(
    assignment: &Assignment,
    record: &Record<'_>,
    plan: &Plan,
    context: &mut Context,
    fields: &mut Fields,
    scratch: &mut String,
    other: &mut String,
) {
    let Assignment {
        field, value, kind, ..
    } = *assignment;
    let mut set = |text: &str| value::set(fields, field, value, kind, text);
    match &assignment.recipe {
        Recipe::Slots(slots) => {
            for slot in slots {
                let text = record.text(*slot, scratch);
                if !text.is_empty() {
                    set(text);
                    break;
                }
            }
        }
        Recipe::Joined(first, second) => {
            other.clear();
            other.push_str(record.text(*first, scratch));
            let second = record.text(*second, scratch);
            if !second.is_empty() && second != "-" {
                other.push('\\');
                other.push_str(second);
            }
            set(other);
        }
        Recipe::Context(line) => {
            if let Some(text) = context.line(record, line) {
                set(text);
            }
        }
        Recipe::Details => set(context.details(record, scratch)),
        Recipe::ExecutionPid => {
            if let Some(pid) = plan.header.execution_pid(record) {
                fields.set_number(field, pid);
            }
        }
        Recipe::User => {
            other.clear();
            plan.header.user(record, other);
            set(other);
        }
    }
}

/// Only what lineage and signatures use.
fn reduce(fields: &Fields, outline: &mut Fields) {
    outline.clear();
    for field in fields.ids().filter(|id| mapping::is_in_outline(*id)) {
        match fields.number(field) {
            Some(number) => outline.set_number(field, number),
            None => outline.set_text(field, fields.text(field)),
        }
    }
}

/// The device's name in lower case, shared between its events.
fn device(
    name: &str,
    input: &str,
    lower: &mut String,
    last: &mut Arc<str>,
    devices: &mut HashSet<Arc<str>, foldhash::fast::FixedState>,
) -> Arc<str> {
    lower.clear();
    if name.is_empty() || name == "-" {
        lower.push_str("unknown@");
        lower.push_str(input);
    } else {
        lower.push_str(name);
    }
    if lower.is_ascii() {
        lower.make_ascii_lowercase();
    } else {
        *lower = lower.to_lowercase();
    }
    if last.as_ref() == lower.as_str() {
        return Arc::clone(last);
    }
    let device = match devices.get(lower.as_str()) {
        Some(device) => Arc::clone(device),
        None => {
            if devices.len() >= MAX_DEVICES {
                devices.clear();
            }
            let device: Arc<str> = Arc::from(lower.as_str());
            devices.insert(Arc::clone(&device));
            device
        }
    };
    *last = Arc::clone(&device);
    device
}

#[cfg(test)]
mod tests;
