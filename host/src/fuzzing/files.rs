//! Files that are no text.

use std::sync::LazyLock;

use crate::{
    analytic::Prepared,
    engine::Engine,
    signatures::{Examined, TrustedRoots, examine},
    sources::evtx::{Chunks, Effort, RENDERED, Rendered},
};

/// A chunk of an event log.
pub fn evtx(bytes: &[u8]) {
    let (mut size, mut records, mut failed) = (0, 0, 0);
    Chunks::new().read(bytes, &Effort::default(), &mut |rendered| match rendered {
        Rendered::Record(record) => {
            size += record.len();
            records += 1;
        }
        Rendered::Failed(reason) => {
            assert!(!reason.is_empty());
            failed += 1;
        }
    });
    assert!(size <= RENDERED);
    // A record has a header of 24 bytes and its size at its end.
    assert!(records + failed <= bytes.len() / 28 + 1);
}

/// A PE file with a signature.
pub fn authenticode(bytes: &[u8]) {
    let examined = examine(bytes, &TrustedRoots::default(), 1_700_000_000_000);
    if let Ok(Examined::Signed { signer, .. }) = &examined {
        // Latin letters of one byte become two, UTF-16 at most three for two.
        assert!(signer.len() <= bytes.len() * 2);
    }
    let again = examine(bytes, &TrustedRoots::default(), 1_700_000_000_000);
    assert_eq!(examined, again);
}

static ENGINE: LazyLock<Option<Engine>> = LazyLock::new(|| Engine::start().ok());

/// A component that somebody wants to have run.
pub fn component(bytes: &[u8]) {
    let Some(engine) = &*ENGINE else {
        return;
    };
    match Prepared::new(engine, "fuzz", bytes) {
        Ok(prepared) => {
            assert!(!prepared.id().is_empty() && prepared.id().len() <= 64);
            assert_eq!(prepared.size, bytes.len());
        }
        // It ends up in logs and answers.
        Err(error) => assert!(error.to_string().len() < 16 * 1024),
    }
}
