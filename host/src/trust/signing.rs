//! Making keys and signatures; what only vendors do.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    BadManifest, Beside, KeyId, MAX_SIGNATURES, Manifest, PublicKey, TrustError, beside, files,
    key, manifest_path, signature::Signature, signature_path,
};
use crate::file;

/// Largest file of a secret key, in bytes.
const MAX_FILE: u64 = 4 * 1024;

/// What cannot be signed, and why.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written or removed.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no secret key.
    #[error("{path} is no minisign secret key; `sandtrap keygen` makes one")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The secret key does not open.
    #[error("{path} does not open: {reason}")]
    Locked {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The component cannot have a manifest.
    #[error("its manifest cannot be signed")]
    Manifest(#[from] BadManifest),
    /// What lies beside the component is not as it must be.
    #[error(transparent)]
    Beside(#[from] TrustError),
    /// The key does not make signatures that check.
    #[error("the key makes no valid signature; its file is damaged")]
    Damaged,
    /// minisign failed.
    #[error("no key and no signature can be made")]
    Minisign(#[from] minisign::PError),
}

/// A new pair of keys, as the texts of their files.
pub struct KeyPair {
    /// The secret one, to be kept from everyone.
    pub secret: String,
    /// The public one, with a comment before it.
    pub public: String,
}

impl KeyPair {
    /// Makes a pair; the secret key opens with the password, or without one.
    pub fn generate(password: Option<String>) -> Result<Self, SigningError> {
        let (pair, comment) = match password {
            Some(password) => (
                minisign::KeyPair::generate_encrypted_keypair(Some(password))?,
                "sandtrap encrypted secret key",
            ),
            None => (
                minisign::KeyPair::generate_unencrypted_keypair()?,
                "sandtrap secret key without a password",
            ),
        };
        Ok(Self {
            secret: pair.sk.to_box(Some(comment))?.into_string(),
            public: pair.pk.to_box()?.into_string(),
        })
    }
}

/// A secret key, ready to sign. It has no `Debug`, as that of minisign shows
/// the key.
pub struct SecretKey {
    secret: minisign::SecretKey,
    public: PublicKey,
}

impl SecretKey {
    /// Reads a secret key. `password` is asked for one if the key has one.
    pub fn read(
        path: &Path,
        password: impl FnOnce() -> io::Result<String>,
    ) -> Result<Self, SigningError> {
        let failed = |source| SigningError::Read {
            path: path.to_owned(),
            source,
        };
        let no_key = || SigningError::NoKey {
            path: path.to_owned(),
        };
        let bytes = file::read(path, MAX_FILE).map_err(failed)?;
        let text = String::from_utf8(bytes).map_err(|_| no_key())?;
        let encoded = text.lines().nth(1).and_then(key::decode);
        let encoded = encoded
            .filter(|bytes| bytes.len() == key::SECRET_LENGTH)
            .ok_or_else(no_key)?;
        let locked = minisign::SecretKeyBox::from(text);
        // Which function derives the key from the password; none is zero.
        let secret = if encoded.get(2..4) == Some(&[0, 0]) {
            locked.into_unencrypted_secret_key()
        } else {
            locked.into_secret_key(Some(password().map_err(failed)?))
        };
        let secret = secret.map_err(|error| SigningError::Locked {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let public = minisign::PublicKey::from_secret_key(&secret)?.to_base64();
        let public = PublicKey::parse(&public).map_err(|_| no_key())?;
        Ok(Self { secret, public })
    }

    /// The name of its pair.
    pub fn id(&self) -> KeyId {
        self.public.id()
    }

    /// Signs the manifest of a component, and writes both beside it. A manifest
    /// that is there and says the same stays as it is, so that several can sign
    /// it; signatures over another one are removed.
    pub fn sign(&self, component: &Path, manifest: &Manifest) -> Result<Signed, SigningError> {
        let Beside {
            manifest: known,
            signatures,
        } = beside(component)?;
        let known = known
            .and_then(|path| file::read(&path, files::MAX_MANIFEST).ok())
            .filter(|bytes| Manifest::parse(bytes).is_ok_and(|known| known == *manifest));
        let is_new = known.is_none();
        let bytes = match known {
            Some(bytes) => bytes,
            None => manifest.to_bytes()?,
        };
        let text = self.signature(&bytes, &manifest.to_string())?;
        let others: Vec<_> = signatures
            .into_iter()
            .filter(|(key, _)| *key != self.id())
            .collect();
        let mut dropped = Vec::new();
        if is_new {
            for (key, path) in others {
                fs::remove_file(&path).map_err(|source| SigningError::Write { path, source })?;
                dropped.push(key);
            }
            write(&manifest_path(component), &bytes)?;
        } else if others.len() >= MAX_SIGNATURES {
            return Err(SigningError::Beside(TrustError::TooManySignatures {
                component: component.to_owned(),
                limit: MAX_SIGNATURES,
            }));
        }
        let signature = signature_path(component, self.id());
        write(&signature, text.as_bytes())?;
        Ok(Signed {
            key: self.id(),
            signature,
            is_new,
            dropped,
        })
    }

    fn signature(&self, bytes: &[u8], comment: &str) -> Result<String, SigningError> {
        let text = minisign::sign(
            None,
            &self.secret,
            bytes,
            Some(comment),
            Some(Signature::untrusted_comment()),
        )?
        .into_string();
        // The public half lies in the file as well; if that was damaged, this
        // is where it shows, and not at the operator's.
        let signature = Signature::decode(text.as_bytes()).map_err(|_| SigningError::Damaged)?;
        if self.public.has_signed(bytes, &signature) {
            Ok(text)
        } else {
            Err(SigningError::Damaged)
        }
    }
}

/// What signing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The key that signed.
    pub key: KeyId,
    /// The file of the signature.
    pub signature: PathBuf,
    /// Whether the manifest was written, and not there already.
    pub is_new: bool,
    /// The keys whose signatures were removed, as they were over another
    /// manifest.
    pub dropped: Vec<KeyId>,
}

/// Writes a file aside and puts it in its place, so that nobody reads half.
fn write(path: &Path, bytes: &[u8]) -> Result<(), SigningError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".partial-{}", std::process::id()));
    let aside = PathBuf::from(aside);
    fs::write(&aside, bytes)
        .and_then(|()| fs::rename(&aside, path))
        .map_err(|source| SigningError::Write {
            path: path.to_owned(),
            source,
        })
}
