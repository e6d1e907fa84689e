//! Event logs that are made to cost far more than their size: what is taken of
//! them is bounded, and the rest of the file goes on.

use std::io::Cursor;

use sandtrap::{ingest::RecordReader, sources::Options};
use sandtrap_tests::evtx::{CHUNK, Chunk, file, kind, text};

/// What came of a log: how many bytes its records are, how many there are, and
/// why others are none.
fn read(log: Vec<u8>) -> (usize, usize, Vec<String>) {
    let mut reader = RecordReader::new(Box::new(Cursor::new(log)), &Options::default())
        .unwrap()
        .expect("records");
    let (mut size, mut records, mut faults) = (0, 0, Vec::new());
    while let Some(read) = reader.next(1) {
        for (record, fault) in read.iter() {
            match fault {
                Some(reason) => faults.push(reason.to_owned()),
                None => (size, records) = (size + record.len(), records + 1),
            }
        }
    }
    (size, records, faults)
}

#[test]
fn a_log_as_windows_lays_it_out_is_read_whole() {
    let (_, records, faults) = read(file(&[Chunk::launches(100), Chunk::launches(7)]));
    assert_eq!((records, faults), (107, Vec::new()));
}

/// An empty instance of the template at `template`, which is 14 bytes long.
fn empty_instance(chunk: &mut Chunk, template: u32) {
    chunk.begin_instance(Some(template), |_| ());
    chunk.put(&0_u32.to_le_bytes());
}

/// A template with one empty element; returns where it is.
fn small_template(chunk: &mut Chunk) -> u32 {
    let mut at = 0;
    chunk.record(|chunk| {
        at = chunk.instance(None, |chunk| chunk.element("Event", &[], |_| ()), &[]);
    });
    at
}

/// Instances whose values reach over the instances behind them, so that every
/// one more takes half as long again.
fn doubling() -> Chunk {
    let mut chunk = Chunk::default();
    let template = small_template(&mut chunk);
    chunk.record(|chunk| {
        for _ in 0..60 {
            // Two values: the next two instances, whose own values lie
            // behind them.
            chunk.begin_instance(Some(template), |_| ());
            chunk.put(&2_u32.to_le_bytes());
            for _ in 0..2 {
                chunk.put(&22_u16.to_le_bytes());
                chunk.put(&[kind::BINARY_XML, 0]);
            }
        }
        for _ in 0..2 {
            empty_instance(chunk, template);
            chunk.put(&[0; 8]);
        }
    });
    chunk
}

/// Elements that all have the same long name, which stands in no table.
fn long_names() -> Chunk {
    let mut chunk = Chunk::default();
    let name = chunk.at() + 24;
    chunk.record(|chunk| {
        chunk.put(&[0; 6]);
        chunk.put(&15_000_u16.to_le_bytes());
        chunk.put(&text(&"\u{4e2d}".repeat(15_000)));
        chunk.put(&[0; 4]);
    });
    chunk.record(|chunk| {
        for _ in 0..2_800 {
            chunk.put(&[0x01, 0, 0, 0, 0]);
            chunk.put(&name.to_le_bytes());
            chunk.put(&[0x03]);
        }
    });
    chunk
}

/// A template that is broken at its end, which so many records refer to.
fn broken_template() -> Chunk {
    let mut chunk = Chunk::default();
    let mut template = None;
    for number in 0..500 {
        chunk.record(|chunk| {
            let write = |chunk: &mut Chunk| {
                chunk.element("Event", &[], |event| {
                    for _ in 0..2_200 {
                        event.element("D", &[], |_| ());
                    }
                });
                chunk.put(&[0x04]);
            };
            match number % 9 {
                8 => chunk.put(&[0x00]),
                _ => template = Some(chunk.instance(template, write, &[])),
            }
        });
    }
    chunk
}

/// A long text that a template has in hundreds of places.
fn repeated_text() -> Chunk {
    let mut chunk = Chunk::default();
    let mut template = None;
    let value = (kind::TEXT, text(&"\u{1}".repeat(4_000)));
    for _ in 0..5 {
        chunk.record(|chunk| {
            let write = |chunk: &mut Chunk| {
                chunk.element("Event", &[], |event| {
                    for number in 0..400 {
                        event.element(&format!("D{number}"), &[], |data| data.substitution(0));
                    }
                });
            };
            let values = std::slice::from_ref(&value);
            template = Some(chunk.instance(template, write, values));
        });
    }
    chunk
}

#[test]
fn what_a_chunk_can_cost_is_bounded_and_its_file_goes_on() {
    for (name, hostile) in [
        ("doubling", doubling()),
        ("long names", long_names()),
        ("broken template", broken_template()),
        ("repeated text", repeated_text()),
    ] {
        let log = file(&[Chunk::launches(5), hostile, Chunk::launches(5)]);
        let (size, records, faults) = read(log);
        assert!(records >= 10, "{name}: {records} records, {faults:?}");
        assert!(!faults.is_empty(), "{name}: nothing was refused");
        assert!(size < 65 * CHUNK, "{name}: {size} bytes");
    }
}

#[test]
fn damage_anywhere_is_decoded_or_accounted_for() {
    let log = file(&[Chunk::launches(40)]);
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..300 {
        let mut damaged = log.clone();
        for _ in 0..=next(8) {
            damaged[4096 + next(8_192)] = next(256) as u8;
        }
        let (size, records, faults) = read(damaged);
        assert!(records + faults.len() > 0);
        assert!(size < 65 * CHUNK);
    }
}
