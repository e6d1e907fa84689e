//! From a signer's certificate up to a root the operator trusts.

use std::{collections::HashMap, fs, io, path::Path, path::PathBuf};

use der::{DecodePem, Encode, asn1::ObjectIdentifier};
use ring::{
    digest,
    signature::{self, UnparsedPublicKey, VerificationAlgorithm},
};
use thiserror::Error;
use x509_cert::{
    Certificate,
    ext::pkix::{BasicConstraints, ExtendedKeyUsage},
    spki::SubjectPublicKeyInfoOwned,
};

const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");

/// Most certificates between a signer and its root.
const DEPTH: usize = 8;

/// Most signatures checked for one chain. Answers certificates that all bear
/// one name.
const CHECKS: usize = 64;

/// Largest file of roots, in bytes.
const ROOTS_SIZE: u64 = 16 << 20;

/// The root certificates an operator trusts.
#[derive(Debug, Clone, Default)]
pub struct TrustedRoots {
    by_subject: HashMap<Vec<u8>, Vec<Certificate>>,
}

/// Why roots could not be read.
#[derive(Debug, Error)]
pub enum RootsError {
    /// The file could not be read.
    #[error("cannot read the trusted roots {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// A certificate of the file could not.
    #[error("{path}: certificate {number} is malformed")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which one, counted from 1.
        number: usize,
    },
    /// There is no certificate in the file.
    #[error("{path} holds no certificate")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// How far a signer is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// There is a chain, and all of it was in force.
    Valid,
    /// There is a chain, not all of it in force.
    Expired,
    /// There is none.
    None,
}

impl TrustedRoots {
    /// Reads a PEM file of root certificates.
    pub fn load(path: &Path) -> Result<Self, RootsError> {
        let read = |source| RootsError::Read {
            path: path.to_owned(),
            source,
        };
        let size = fs::metadata(path).map_err(read)?.len();
        if size > ROOTS_SIZE {
            return Err(read(io::Error::other("larger than 16 MiB")));
        }
        let text = fs::read_to_string(path).map_err(read)?;
        let mut roots = Self::default();
        for (index, block) in text.split_inclusive(END).enumerate() {
            let Some(start) = block.find(BEGIN) else {
                break;
            };
            let malformed = || RootsError::Malformed {
                path: path.to_owned(),
                number: index + 1,
            };
            let pem = block.get(start..).unwrap_or_default();
            let root = Certificate::from_pem(pem).map_err(|_| malformed())?;
            let subject = root.tbs_certificate.subject.to_der();
            let subject = subject.map_err(|_| malformed())?;
            roots.by_subject.entry(subject).or_default().push(root);
        }
        if roots.by_subject.is_empty() {
            return Err(RootsError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(roots)
    }

    /// How far a signer is to be trusted at a time, with the certificates that
    /// came along.
    pub(super) fn trust(&self, signer: &Certificate, others: &[&Certificate], time: i64) -> Trust {
        if !may_sign_code(signer) {
            return Trust::None;
        }
        let mut checks = CHECKS;
        let mut certificate = signer;
        let mut was_in_force = is_in_force(certificate, time);
        for _ in 0..DEPTH {
            let Ok(issuer) = certificate.tbs_certificate.issuer.to_der() else {
                return Trust::None;
            };
            let roots = self.by_subject.get(&issuer);
            let mut has_signed = |issuer: &Certificate| {
                checks = checks.saturating_sub(1);
                checks > 0 && is_issued_by(certificate, issuer)
            };
            if let Some(root) = roots.into_iter().flatten().find(|root| has_signed(root)) {
                return if was_in_force && is_in_force(root, time) {
                    Trust::Valid
                } else {
                    Trust::Expired
                };
            }
            let next = others.iter().copied().find(|other| {
                *other != certificate
                    && other.tbs_certificate.subject == certificate.tbs_certificate.issuer
                    && may_issue(other)
                    && has_signed(other)
            });
            let Some(next) = next else {
                return Trust::None;
            };
            was_in_force &= is_in_force(next, time);
            certificate = next;
        }
        Trust::None
    }
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

fn may_sign_code(certificate: &Certificate) -> bool {
    match certificate.tbs_certificate.get::<ExtendedKeyUsage>() {
        Ok(Some((_, usage))) => usage.0.contains(&CODE_SIGNING),
        Ok(None) => true,
        Err(_) => false,
    }
}

fn may_issue(certificate: &Certificate) -> bool {
    matches!(
        certificate.tbs_certificate.get::<BasicConstraints>(),
        Ok(Some((_, BasicConstraints { ca: true, .. })))
    )
}

fn is_in_force(certificate: &Certificate, time: i64) -> bool {
    let validity = &certificate.tbs_certificate.validity;
    let milliseconds = |time: x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX)
    };
    milliseconds(validity.not_before) <= time && time <= milliseconds(validity.not_after)
}

fn is_issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let oid = &certificate.signature_algorithm.oid;
    let (Some(algorithm), Ok(message), Some(signature)) = (
        Algorithm::of_certificate(oid),
        certificate.tbs_certificate.to_der(),
        certificate.signature.as_bytes(),
    ) else {
        return false;
    };
    let key = &issuer.tbs_certificate.subject_public_key_info;
    verify(algorithm, key, &message, signature)
}

/// A way of signing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Algorithm {
    Rsa(Hash),
    Ecdsa(Hash),
}

/// A hash that is signed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    fn of_certificate(oid: &ObjectIdentifier) -> Option<Self> {
        Some(match oid.to_string().as_str() {
            "1.2.840.113549.1.1.5" => Self::Rsa(Hash::Sha1),
            "1.2.840.113549.1.1.11" => Self::Rsa(Hash::Sha256),
            "1.2.840.113549.1.1.12" => Self::Rsa(Hash::Sha384),
            "1.2.840.113549.1.1.13" => Self::Rsa(Hash::Sha512),
            "1.2.840.10045.4.3.2" => Self::Ecdsa(Hash::Sha256),
            "1.2.840.10045.4.3.3" => Self::Ecdsa(Hash::Sha384),
            _ => return None,
        })
    }

    /// In a signature the algorithm may be named without its hash.
    pub fn of_signature(
        oid: &ObjectIdentifier,
        hashed: &'static digest::Algorithm,
    ) -> Option<Self> {
        let hash = if hashed == &digest::SHA1_FOR_LEGACY_USE_ONLY {
            Hash::Sha1
        } else if hashed == &digest::SHA256 {
            Hash::Sha256
        } else if hashed == &digest::SHA384 {
            Hash::Sha384
        } else {
            Hash::Sha512
        };
        match oid.to_string().as_str() {
            "1.2.840.113549.1.1.1" => Some(Self::Rsa(hash)),
            "1.2.840.10045.2.1" => Some(Self::Ecdsa(hash)),
            _ => Self::of_certificate(oid),
        }
    }
}

/// The algorithm behind the identifier of a digest. MD5 is none any more.
pub(super) fn algorithm_of_digest(oid: &ObjectIdentifier) -> Option<&'static digest::Algorithm> {
    Some(match oid.to_string().as_str() {
        "1.3.14.3.2.26" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "2.16.840.1.101.3.4.2.1" => &digest::SHA256,
        "2.16.840.1.101.3.4.2.2" => &digest::SHA384,
        "2.16.840.1.101.3.4.2.3" => &digest::SHA512,
        _ => return None,
    })
}

/// Whether a key signed a message.
pub(super) fn verify(
    algorithm: Algorithm,
    key: &SubjectPublicKeyInfoOwned,
    message: &[u8],
    signed: &[u8],
) -> bool {
    let Some(bytes) = key.subject_public_key.as_bytes() else {
        return false;
    };
    let candidates: &[&dyn VerificationAlgorithm] = match algorithm {
        Algorithm::Rsa(Hash::Sha1) => &[&signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY],
        Algorithm::Rsa(Hash::Sha256) => &[&signature::RSA_PKCS1_2048_8192_SHA256],
        Algorithm::Rsa(Hash::Sha384) => &[&signature::RSA_PKCS1_2048_8192_SHA384],
        Algorithm::Rsa(Hash::Sha512) => &[&signature::RSA_PKCS1_2048_8192_SHA512],
        Algorithm::Ecdsa(Hash::Sha256) => &[
            &signature::ECDSA_P256_SHA256_ASN1,
            &signature::ECDSA_P384_SHA256_ASN1,
        ],
        Algorithm::Ecdsa(Hash::Sha384) => &[
            &signature::ECDSA_P256_SHA384_ASN1,
            &signature::ECDSA_P384_SHA384_ASN1,
        ],
        Algorithm::Ecdsa(_) => &[],
    };
    // A key of another kind is refused by its form.
    candidates.iter().any(|algorithm| {
        UnparsedPublicKey::new(*algorithm, bytes)
            .verify(message, signed)
            .is_ok()
    })
}
