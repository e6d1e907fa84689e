//! Who signed an image, as far as anyone has said. A component that calls
//! nothing here does not ask for the capability.
//!
//! Not having seen a signature is [`State::Unknown`], never
//! [`State::Unsigned`]: most sensors report no module loads at all.

use crate::{Row, lineage::Process};

#[cfg(target_family = "wasm")]
use crate::bindings::sandtrap::analytic::signatures as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::signatures as host;

pub use crate::bindings::sandtrap::analytic::signatures::{File, Signature, Source, State, Target};

/// Who signed the image of a process.
pub fn of_process(row: &Row<'_>, process: Process) -> Signature {
    one(row, Target::Process(process))
}

/// Who signed a file, by its path and its SHA-256; either may be empty.
pub fn of_file(row: &Row<'_>, path: &str, sha256: &str) -> Signature {
    let (path, sha256) = (path.to_owned(), sha256.to_owned());
    one(row, Target::File(File { path, sha256 }))
}

/// Who signed each target, in one call.
pub fn lookup(row: &Row<'_>, targets: &[Target]) -> Vec<Signature> {
    host::lookup(row.event(), targets)
}

fn one(row: &Row<'_>, target: Target) -> Signature {
    lookup(row, &[target])
        .pop()
        .unwrap_or_else(Signature::unknown)
}

impl Signature {
    /// Nobody has said.
    pub fn unknown() -> Self {
        Self {
            state: State::Unknown,
            signer: String::new(),
            source: Source::None,
        }
    }

    /// Whether someone saw a signature and it holds.
    pub fn is_valid(&self) -> bool {
        self.state == State::Valid
    }

    /// Whether someone looked and there was none.
    pub fn is_unsigned(&self) -> bool {
        self.state == State::Unsigned
    }

    /// Whether someone looked, and what they saw deserves no trust: no
    /// signature, a revoked one or one that does not hold. An expired one held
    /// when it was made.
    pub fn is_untrustworthy(&self) -> bool {
        matches!(
            self.state,
            State::Unsigned | State::Revoked | State::Untrusted
        )
    }
}
