//! Whose components are run: manifests, the signatures over them, and what the
//! operator trusts.
//!
//! A manifest lies beside its component and says what it is: its SHA-256, its
//! identifier and version, and what it asks for. Signatures are minisign's,
//! over the bytes of the manifest. A component is vouched for before anything
//! is compiled, and compared with its manifest once it has described itself.

mod error;
mod files;
pub(crate) mod fuzzing;
mod key;
mod manifest;
mod policy;
mod signature;
mod signing;
mod version;

pub use error::TrustError;
pub use files::{Beside, beside, manifest_path, signature_path};
pub use key::{KeyError, KeyId, PublicKey};
pub use manifest::{BadManifest, Manifest, WIT};
pub use policy::{Policy, Vouched};
pub use signing::{KeyPair, SecretKey, Signed, SigningError};
pub use version::is_older;

/// How many signatures a component may have. Answers a folder filled with them.
pub const MAX_SIGNATURES: usize = 16;

#[cfg(test)]
mod tests;
