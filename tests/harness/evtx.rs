//! Event logs written byte by byte, as Windows lays them out and as it never
//! would.

use std::collections::BTreeMap;

/// Bytes of a file's header.
pub const HEADER: usize = 4096;
/// Bytes of a chunk.
pub const CHUNK: usize = 64 * 1024;
/// Bytes of a chunk's header.
const FIRST: usize = 512;

/// The kinds of values that the logs here use.
pub mod kind {
    /// Nothing.
    pub const NULL: u8 = 0x00;
    /// UTF-16 text.
    pub const TEXT: u8 = 0x01;
    /// A number of two bytes.
    pub const U16: u8 = 0x06;
    /// A time.
    pub const TIME: u8 = 0x11;
    /// Binary XML of its own.
    pub const BINARY_XML: u8 = 0x21;
}

/// A file of these chunks.
pub fn file(chunks: &[Chunk]) -> Vec<u8> {
    let mut file = b"ElfFile\0".to_vec();
    file.resize(HEADER, 0);
    for chunk in chunks {
        file.extend(chunk.finished());
    }
    file
}

/// A chunk as it is written.
#[derive(Clone)]
pub struct Chunk {
    /// What was written so far, the header among it. Anyone may spoil it.
    pub bytes: Vec<u8>,
    names: BTreeMap<String, u32>,
    records: u64,
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            bytes: vec![0; FIRST],
            names: BTreeMap::new(),
            records: 0,
        }
    }
}

impl Chunk {
    /// A chunk of process launches, as Sysmon reports them.
    pub fn launches(count: u16) -> Self {
        let mut chunk = Self::default();
        let mut template = None;
        for number in 1..=count {
            chunk.record(|chunk| {
                let line = text(&format!(r"C:\Windows\System32\cmd.exe /c echo {number}"));
                let values = [
                    (kind::U16, 1_u16.to_le_bytes().to_vec()),
                    (kind::TIME, time(u64::from(number))),
                    (kind::TEXT, line),
                    (kind::NULL, Vec::new()),
                ];
                let at = chunk.instance(template, Self::launch, &values);
                template = Some(at);
            });
        }
        chunk
    }

    /// The template of a launch.
    fn launch(&mut self) {
        self.element("Event", &[], |event| {
            event.element("System", &[], |system| {
                let provider = [("Name", "Microsoft-Windows-Sysmon")];
                system.element("Provider", &provider, |_| ());
                system.element("EventID", &[], |code| code.substitution(0));
                system.element("Channel", &[], |channel| {
                    channel.text("Microsoft-Windows-Sysmon/Operational");
                });
                system.element("Computer", &[], |computer| computer.text("PC1"));
            });
            event.element("EventData", &[], |data| {
                data.element("Data", &[("Name", "UtcTime")], |time| time.substitution(1));
                data.element("Data", &[("Name", "CommandLine")], |line| {
                    line.substitution(2)
                });
                data.element("Data", &[("Name", "Hashes")], |hash| hash.substitution(3));
                data.element("Data", &[("Name", "Image")], |image| {
                    image.text(r"C:\Windows\System32\cmd.exe");
                });
            });
        });
    }

    /// Where the next byte goes.
    pub fn at(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Adds bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a record with this content.
    pub fn record(&mut self, content: impl FnOnce(&mut Self)) {
        self.records += 1;
        let start = self.bytes.len();
        self.put(b"**\0\0\0\0\0\0");
        self.put(&self.records.to_le_bytes());
        self.put(&time(self.records));
        content(self);
        let size = (self.bytes.len() - start + 4) as u32;
        self.put(&size.to_le_bytes());
        self.bytes[start + 4..start + 8].copy_from_slice(&size.to_le_bytes());
    }

    /// Adds a stream with the instance of a template, which is written here if
    /// it is `None`; returns where it is.
    pub fn instance(
        &mut self,
        template: Option<u32>,
        write: impl FnOnce(&mut Self),
        values: &[(u8, Vec<u8>)],
    ) -> u32 {
        self.put(&[0x0f, 1, 1, 0]);
        let template = self.begin_instance(template, write);
        self.put(&(values.len() as u32).to_le_bytes());
        for (kind, value) in values {
            self.put(&(value.len() as u16).to_le_bytes());
            self.put(&[*kind, 0]);
        }
        for (_, value) in values {
            self.put(value);
        }
        self.put(&[0x00]);
        template
    }

    /// Adds an instance as far as its values.
    pub fn begin_instance(&mut self, template: Option<u32>, write: impl FnOnce(&mut Self)) -> u32 {
        self.put(&[0x0c, 1, 0, 0, 0, 0]);
        let template = template.unwrap_or(self.at() + 4);
        self.put(&template.to_le_bytes());
        if template == self.at() {
            self.template(write);
        }
        template
    }

    /// Adds a template.
    pub fn template(&mut self, write: impl FnOnce(&mut Self)) {
        self.put(&[0; 24]);
        let start = self.bytes.len();
        self.put(&[0x0f, 1, 1, 0]);
        write(self);
        self.put(&[0x00]);
        let length = (self.bytes.len() - start) as u32;
        self.bytes[start - 4..start].copy_from_slice(&length.to_le_bytes());
    }

    /// Adds an element of a template.
    pub fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inner: impl FnOnce(&mut Self),
    ) {
        self.put(&[if attributes.is_empty() { 0x01 } else { 0x41 }]);
        self.put(&[0xff, 0xff, 0, 0, 0, 0]);
        self.name(name);
        if !attributes.is_empty() {
            self.put(&[0; 4]);
        }
        for (name, value) in attributes {
            self.put(&[0x06]);
            self.name(name);
            self.text(value);
        }
        self.put(&[0x02]);
        inner(self);
        self.put(&[0x04]);
    }

    /// Adds a text.
    pub fn text(&mut self, value: &str) {
        self.put(&[0x05, kind::TEXT]);
        self.put(&(value.encode_utf16().count() as u16).to_le_bytes());
        self.put(&text(value));
    }

    /// Adds the place of a value.
    pub fn substitution(&mut self, number: u16) {
        self.put(&[0x0e]);
        self.put(&number.to_le_bytes());
        self.put(&[kind::TEXT]);
    }

    /// Adds a name, in full where it is used first.
    pub fn name(&mut self, name: &str) {
        let here = self.at() + 4;
        let known = *self.names.entry(name.to_owned()).or_insert(here);
        self.put(&known.to_le_bytes());
        if known == here {
            self.put(&[0; 6]);
            self.put(&(name.encode_utf16().count() as u16).to_le_bytes());
            self.put(&text(name));
            self.put(&[0; 2]);
        }
    }

    /// The chunk with its header and the room that is left in it.
    ///
    /// # Panics
    ///
    /// If more was written than a chunk holds.
    pub fn finished(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        assert!(bytes.len() <= CHUNK, "{} bytes in a chunk", bytes.len());
        let end = (bytes.len() as u32).to_le_bytes();
        bytes[..8].copy_from_slice(b"ElfChnk\0");
        for (at, number) in [(8, 1), (16, self.records), (24, 1), (32, self.records)] {
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        bytes[40..44].copy_from_slice(&128_u32.to_le_bytes());
        bytes[44..48].copy_from_slice(&end);
        bytes[48..52].copy_from_slice(&end);
        bytes.resize(CHUNK, 0);
        bytes
    }
}

/// Text as it stands in a log.
pub fn text(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// So many seconds after a moment of 2022, as it stands in a log.
fn time(seconds: u64) -> Vec<u8> {
    (133_000_000_000_000_000 + seconds * 10_000_000)
        .to_le_bytes()
        .to_vec()
}
