//! Sorted events in a temporary file.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    sync::Arc,
};

use crate::{
    event::{Event, Fields, Origin, Processes},
    vocabulary::{ClassId, FieldId},
};

/// A sorted run that was written. Its file has no name, so nothing of it is left
/// behind however the host ends.
#[derive(Debug)]
pub(super) struct Run {
    file: File,
    events: u64,
}

/// Devices by number, so that a file need not repeat their names.
#[derive(Debug, Default)]
pub(super) struct Devices {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

/// Reads a run.
#[derive(Debug)]
pub(super) struct RunReader {
    file: BufReader<File>,
    left: u64,
    buffer: Vec<u8>,
}

const NUMBER: u8 = 0;
const TEXT: u8 = 1;

impl Run {
    /// Writes events that are in order.
    pub(super) fn write(
        events: impl Iterator<Item = io::Result<Event>>,
        devices: &mut Devices,
    ) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(256 * 1024, tempfile::tempfile()?);
        let mut buffer = Vec::new();
        let mut count = 0;
        for event in events {
            buffer.clear();
            encode(&event?, devices, &mut buffer);
            file.write_all(&(buffer.len() as u32).to_le_bytes())?;
            file.write_all(&buffer)?;
            count += 1;
        }
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Self {
            file,
            events: count,
        })
    }

    /// Starts reading it.
    pub(super) fn read(self) -> RunReader {
        RunReader {
            file: BufReader::with_capacity(64 * 1024, self.file),
            left: self.events,
            buffer: Vec::new(),
        }
    }
}

impl RunReader {
    /// The next event.
    pub(super) fn next(&mut self, devices: &Devices) -> io::Result<Option<Event>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        self.buffer.resize(u32::from_le_bytes(length) as usize, 0);
        self.file.read_exact(&mut self.buffer)?;
        let event = Reader(&self.buffer).event(devices);
        event.map(Some).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "a temporary file was changed")
        })
    }
}

impl Devices {
    fn number(&mut self, device: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(device) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(Arc::clone(device));
        self.numbers.insert(Arc::clone(device), number);
        number
    }
}

/// The lineage handles and the sequence are not known yet and not written.
fn encode(event: &Event, devices: &mut Devices, buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(&event.uid.to_le_bytes());
    buffer.extend_from_slice(&event.time.to_le_bytes());
    buffer.extend_from_slice(&devices.number(&event.device).to_le_bytes());
    buffer.push(event.class.0);
    buffer.extend_from_slice(&event.origin.input.to_le_bytes());
    buffer.extend_from_slice(&event.origin.record.to_le_bytes());
    buffer.extend_from_slice(&(event.matches.len() as u32).to_le_bytes());
    for subscription in &event.matches {
        buffer.extend_from_slice(&subscription.to_le_bytes());
    }
    for field in event.fields.ids() {
        buffer.extend_from_slice(&field.0.to_le_bytes());
        match event.fields.number(field) {
            Some(number) => {
                buffer.push(NUMBER);
                buffer.extend_from_slice(&number.to_le_bytes());
            }
            None => {
                let text = event.fields.text(field);
                buffer.push(TEXT);
                buffer.extend_from_slice(&(text.len() as u32).to_le_bytes());
                buffer.extend_from_slice(text.as_bytes());
            }
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn event(&mut self, devices: &Devices) -> Option<Event> {
        let uid = u64::from_le_bytes(self.array()?);
        let time = i64::from_le_bytes(self.array()?);
        let device = u32::from_le_bytes(self.array()?);
        let [class] = self.array()?;
        let origin = Origin {
            input: u32::from_le_bytes(self.array()?),
            record: u32::from_le_bytes(self.array()?),
        };
        let matches = (0..u32::from_le_bytes(self.array()?))
            .map(|_| Some(u16::from_le_bytes(self.array()?)))
            .collect::<Option<_>>()?;
        let mut fields = Fields::default();
        while !self.0.is_empty() {
            let field = FieldId(u16::from_le_bytes(self.array()?));
            let [kind] = self.array()?;
            if kind == NUMBER {
                fields.set_number(field, u64::from_le_bytes(self.array()?));
            } else {
                let length = u32::from_le_bytes(self.array()?) as usize;
                let (text, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                fields.set_text(field, str::from_utf8(text).ok()?);
            }
        }
        Some(Event {
            sequence: 0,
            uid,
            time,
            device: Arc::clone(devices.names.get(device as usize)?),
            class: ClassId(class),
            origin,
            processes: Processes::default(),
            matches,
            is_again: false,
            fields,
        })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }
}
