//! Records and how they are cut out of a stream.

use std::{
    cell::RefCell,
    io::{Cursor, Read},
};

use crate::{
    ingest::{RecordReader, Records, lines::cut::Cutter},
    normalise::{Kept, Normaliser},
    router::{Predicate, Router, Subscription},
    sources::{Encoding, Malformed, Options},
    vocabulary::{ClassId, FieldNames, vocabulary},
};

/// Most bytes of fields that a byte of a record may become. Several fields may
/// have the same text.
const GROWTH: usize = 64;

/// What the fields of an event may take whatever the record.
const FREE: usize = 4096;

thread_local! {
    /// Wants every event of every class, and some raw fields.
    static EVERYTHING: RefCell<(Router, Normaliser)> = RefCell::new({
        let mut names = FieldNames::default();
        for name in ["unmapped.Task", "unmapped.Channel", "unmapped.winlog.task"] {
            names.resolve(name);
        }
        let all = Predicate::compile(&[], &mut names).ok();
        let classes = 0..vocabulary().classes().count();
        let subscriptions = classes.zip(all.iter().cycle());
        let subscriptions: Vec<Subscription> = subscriptions
            .map(|(class, predicate)| Subscription {
                class: ClassId(class as u8),
                predicate: predicate.clone(),
                fields: Vec::new(),
            })
            .collect();
        let router = Router::new(&subscriptions, names);
        let normaliser = Normaliser::new(&router);
        (router, normaliser)
    });
}

/// A record in any of the shapes of JSON.
pub fn json(bytes: &[u8]) {
    let decoded = record(bytes, Encoding::Json);
    let is_object = serde_json::from_slice::<serde_json::Map<_, _>>(bytes).is_ok();
    assert!(
        !is_object || matches!(decoded, Ok(0) | Err(Malformed::TooDeep)),
        "an object of JSON is refused: {decoded:?}"
    );
}

/// A record as XML.
pub fn xml(bytes: &[u8]) {
    // Whatever stands behind an event in XML belongs to it.
    let decoded = record(bytes, Encoding::Xml);
    assert!(!matches!(decoded, Ok(rest) if rest > 0));
}

/// Decodes the first record; returns how many bytes are left behind it.
fn record(bytes: &[u8], encoding: Encoding) -> Result<usize, Malformed> {
    EVERYTHING.with_borrow_mut(|(router, normaliser)| {
        let (first, rest) = normaliser.first_record(bytes, encoding, "input", router)?;
        assert!(rest.is_empty() || rest.len() < bytes.len());
        assert!(bytes.ends_with(rest));
        let used = bytes.len() - rest.len();
        let alone = bytes.get(..used).unwrap_or_default();
        let again = normaliser.record(alone, encoding, "input", router);
        let event = match (&first.kept, again.map(|again| again.kept)) {
            (Kept::Event(event), Ok(Kept::Event(same))) => {
                assert_eq!(format!("{:?}", event.fields), format!("{:?}", same.fields));
                assert_eq!((&event.device, event.class), (&same.device, same.class));
                event
            }
            (Kept::Part(part), Ok(Kept::Part(same))) => {
                assert!((1..=part.total).contains(&part.number));
                assert_eq!((part.number, part.total), (same.number, same.total));
                &part.event
            }
            (Kept::Nothing, Ok(Kept::Nothing)) => return Ok(rest.len()),
            (first, again) => panic_with(format!("{first:?} became {again:?}")),
        };
        assert!(!event.device.is_empty());
        assert!(vocabulary().describe_class(event.class).is_some());
        assert!(
            event.fields.size() <= used * GROWTH + FREE,
            "{used} bytes became {}",
            event.fields.size()
        );
        Ok(rest.len())
    })
}

#[expect(clippy::panic, reason = "what does not hold must end the run")]
fn panic_with(what: String) -> ! {
    panic!("{what}")
}

/// A whole input: decompressed, recognised and cut, the same however it
/// arrives.
pub fn stream(bytes: &[u8]) {
    let (step, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let whole = read(Box::new(Cursor::new(bytes.to_vec())));
    let dripping = read(Box::new(Drip {
        bytes: Cursor::new(bytes.to_vec()),
        step: usize::from(*step) * 7 + 1,
    }));
    assert_eq!(whole, dripping);
}

/// What came of an input: its records that are whole by number and hash, and
/// how many are not.
fn read(source: Box<dyn Read + Send>) -> Option<(u64, u64, u64)> {
    let options = Options {
        max_record: 300 * 1024,
        max_expansion: 16,
        ..Options::default()
    };
    let mut reader = RecordReader::new(source, &options).ok()??;
    let (mut whole, mut broken) = (0, 0);
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    while let Some(records) = reader.next(1) {
        assert!(!records.is_empty());
        let mut size = 0;
        for (record, fault) in records.iter() {
            size += record.len();
            match fault {
                Some(reason) => {
                    assert!(!reason.is_empty());
                    broken += 1;
                }
                None => {
                    assert!(!record.is_empty());
                    hash.update(record);
                    hash.update(b"\n");
                    whole += 1;
                }
            }
        }
        assert!(size <= records.size() && size < 64 << 20);
    }
    Some((whole, broken, hash.digest()))
}

/// A source that gives a few bytes at a time.
struct Drip {
    bytes: Cursor<Vec<u8>>,
    step: usize,
}

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.step);
        self.bytes
            .read(buffer.get_mut(..length).unwrap_or_default())
    }
}

/// Lines of a connection, the same however they arrive.
pub fn lines(bytes: &[u8]) {
    const LONGEST: usize = 64;
    let (step, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let mut cutter = Cutter::new(LONGEST);
    let mut records = Records::new(Encoding::Json);
    for piece in bytes.chunks(usize::from(*step) + 1) {
        cutter.cut(piece, &mut records);
        assert!(cutter.kept() <= crate::ingest::lines::cut::KEPT);
    }
    cutter.finish(&mut records);
    let trim = crate::ingest::lines::cut::trim;
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut expected = lines.filter(|line| line.len() > LONGEST || !trim(line).is_empty());
    for (record, fault) in records.iter() {
        let line = expected.next().unwrap_or_default();
        match fault {
            Some(_) => assert!(line.len() > LONGEST && line.starts_with(record)),
            None => assert_eq!(record, trim(line)),
        }
    }
    assert_eq!(expected.next(), None);
}
