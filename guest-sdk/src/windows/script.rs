//! What a script text does, by the names it uses.
//!
//! [`Traits::of`] first undoes the cheap disguises ([`normalise`]) and then looks for
//! the names of APIs, commands and types, in one pass. A trait says that the text
//! mentions something, not that it runs it. At most [`MAX_LENGTH`] bytes are read.

mod names;
mod normalise;
mod search;

use std::fmt;

pub use normalise::normalise;

use super::payload::{Content, find_base64};

/// How much of a script is read, in bytes.
pub const MAX_LENGTH: usize = 64 * 1024;

/// Something a script does. PowerShell, VBScript, JScript and C# names count alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Trait {
    /// Fetches from the network: `WebClient`, `Invoke-WebRequest`, BITS, XMLHTTP, ...
    Download,
    /// Runs text as code: `Invoke-Expression` and its disguises, script blocks from text.
    InvokeExpression,
    /// Loads or builds code in memory: `Assembly.Load`, `Reflection.Emit`, P/Invoke, `Add-Type`.
    Reflection,
    /// Opens sockets of its own.
    Socket,
    /// Unpacks data in memory: gzip or deflate streams.
    Decompression,
    /// Decodes base64.
    Base64,
    /// Combines data with exclusive or.
    Xor,
    /// Interferes with AMSI, event tracing or script logging.
    Tamper,
    /// Names a symmetric cipher or its service class.
    SymmetricCipher,
    /// Encrypts.
    Encrypt,
    /// Decrypts.
    Decrypt,
    /// Derives or sets a key.
    KeyDerivation,
    /// Has the marks of RC4 written out: exclusive or together with arithmetic modulo 256.
    Rc4Loop,
    /// Sends data out over HTTP or FTP.
    Upload,
    /// Reads files whole, or packs them.
    DataHandling,
    /// Starts processes through WMI.
    WmiProcess,
    /// Changes execution policy or Defender's settings.
    PolicyChange,
    /// Names tools, processes or libraries of credential theft.
    Credentials,
}

impl Trait {
    /// All of them, in the order of declaration.
    pub const ALL: [Self; 18] = [
        Self::Download,
        Self::InvokeExpression,
        Self::Reflection,
        Self::Socket,
        Self::Decompression,
        Self::Base64,
        Self::Xor,
        Self::Tamper,
        Self::SymmetricCipher,
        Self::Encrypt,
        Self::Decrypt,
        Self::KeyDerivation,
        Self::Rc4Loop,
        Self::Upload,
        Self::DataHandling,
        Self::WmiProcess,
        Self::PolicyChange,
        Self::Credentials,
    ];

    /// A short name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Download => "download cradle",
            Self::InvokeExpression => "runs text as code",
            Self::Reflection => "code loaded in memory",
            Self::Socket => "raw socket",
            Self::Decompression => "in-memory decompression",
            Self::Base64 => "base64 decoding",
            Self::Xor => "exclusive or",
            Self::Tamper => "tampering with AMSI or logging",
            Self::SymmetricCipher => "symmetric cipher",
            Self::Encrypt => "encryption",
            Self::Decrypt => "decryption",
            Self::KeyDerivation => "key derivation",
            Self::Rc4Loop => "RC4-style loop",
            Self::Upload => "upload",
            Self::DataHandling => "reads or packs files",
            Self::WmiProcess => "process creation through WMI",
            Self::PolicyChange => "policy change",
            Self::Credentials => "credential access",
        }
    }
}

/// The set of [`Trait`]s a text has.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Traits(u32);

impl Traits {
    /// The traits of a script or command text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        search::search(&normalise(text))
    }

    /// The traits of a text and of the texts it holds in base64, one level down.
    #[must_use]
    pub fn of_layers(text: &str) -> Self {
        find_base64(text)
            .iter()
            .fold(Self::of(text), |found, inner| match &inner.content {
                Content::Text(text) => found | Self::of(text),
                _ => found,
            })
    }

    /// Whether the trait is in the set.
    #[must_use]
    pub fn has(self, wanted: Trait) -> bool {
        self.0 & (1 << wanted as u32) != 0
    }

    /// Whether at least one of the traits is in the set.
    #[must_use]
    pub fn has_any(self, wanted: &[Trait]) -> bool {
        wanted.iter().any(|wanted| self.has(*wanted))
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many traits the set has.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The traits in the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Trait> {
        Trait::ALL.into_iter().filter(move |each| self.has(*each))
    }

    /// The names of the traits in the set, in order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Trait::name)
    }

    fn insert(&mut self, found: Trait) {
        self.0 |= 1 << found as u32;
    }
}

impl std::ops::BitOr for Traits {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Trait> for Traits {
    fn from_iter<I: IntoIterator<Item = Trait>>(traits: I) -> Self {
        let mut set = Self::default();
        traits.into_iter().for_each(|each| set.insert(each));
        set
    }
}

impl fmt::Debug for Traits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
