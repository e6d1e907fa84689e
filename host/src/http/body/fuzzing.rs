//! Bodies as senders compress them, and as they would not.

use std::io::Write;

use super::{
    Purse, Received, WhenFull,
    decode::{Coding, Decoder, Sink},
};
use crate::{config::Http, http::limits::Limits, ingest::Gate, metrics::Metrics};

/// What a body may have.
const BODY: usize = 256 * 1024;

thread_local! {
    static GATE: Gate = Gate::new(1024 * 1024, Metrics::default()).0;
}

/// A body that arrives piece by piece, and the same bytes as the content of one
/// that is compressed well.
pub fn body(bytes: &[u8]) {
    let Some(([coding, step], bytes)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let step = usize::from(*step) * 13 + 1;
    match coding % 3 {
        0 => assert_eq!(
            decode(Coding::Identity, bytes, step).as_deref(),
            Some(bytes)
        ),
        1 => {
            decode(Coding::Gzip, bytes, step);
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            let packed = gzip.write_all(bytes).and_then(|()| gzip.finish());
            let there = packed.unwrap_or_default();
            assert_eq!(decode(Coding::Gzip, &there, step).as_deref(), Some(bytes));
        }
        _ => {
            decode(Coding::Zstd, bytes, step);
            let there = zstd::encode_all(bytes, 1).unwrap_or_default();
            assert_eq!(decode(Coding::Zstd, &there, step).as_deref(), Some(bytes));
        }
    }
}

fn decode(coding: Coding, bytes: &[u8], step: usize) -> Option<Vec<u8>> {
    let gate = GATE.with(Gate::clone);
    let decoded = receive(coding, bytes, step, &gate);
    assert!(
        gate.try_reserve(gate.size()).is_some(),
        "room was not given back"
    );
    decoded
}

fn receive(coding: Coding, bytes: &[u8], step: usize, gate: &Gate) -> Option<Vec<u8>> {
    let limits = Limits {
        body: BODY,
        ..Limits::new(&Http::default(), gate.size())
    };
    let sink = Sink::new(&limits, WhenFull::Refuse, Purse::new(gate.clone()), 0);
    let mut decoder = Decoder::new(coding, sink).ok()?;
    for piece in bytes.chunks(step) {
        decoder = decoder.write(piece).ok()?;
    }
    match decoder.finish().ok()? {
        Received::Whole(whole) => {
            assert!(whole.bytes.len() <= BODY && whole.bytes.capacity() <= BODY + 1024);
            Some(whole.bytes)
        }
        Received::Dropped(_) => None,
    }
}
