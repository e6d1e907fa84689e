//! The Authenticode signature in a PE file.
//!
//! What is checked: the digest of the file, the signature over that digest
//! with the signer's key, and the chain of certificates up to one of the
//! operator's trusted roots, each certificate's dates at the time of signing.
//!
//! What is not: revocation, the signature of the time stamp (a signer with an
//! expired key could claim an earlier time), name constraints, and signatures
//! after the first. Windows' own roots are not known here, so without the
//! operator's roots a good signature is still `untrusted`.

use authenticode::{
    AttributeCertificateIterator, AuthenticodeSignature, PeTrait, authenticode_digest,
};
use cms::{
    cert::CertificateChoices,
    content_info::ContentInfo,
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use der::{
    Any, Decode, Encode, Reader, SliceReader, Tag, Tagged,
    asn1::{GeneralizedTime, ObjectIdentifier, OctetString, UtcTime},
};
use object::{
    FileKind,
    read::pe::{PeFile32, PeFile64},
};
use ring::digest::{self, Context, digest as hash};
use thiserror::Error;
use x509_cert::{Certificate, name::Name};

use super::{
    State,
    chain::{Algorithm, Trust, TrustedRoots, algorithm_of_digest, verify},
};

const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const COUNTER_SIGNATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.6");
const TIME_STAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.3.3.1");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANISATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// Most certificates in a signature. Answers a signature full of them.
const CERTIFICATES: usize = 64;

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Examined {
    /// Not a PE file.
    NotPe,
    /// A PE file with no signature in it. Windows signs many of its own files
    /// in catalogues of its own, so this does not mean unsigned.
    WithoutSignature,
    /// A PE file with a signature.
    Signed {
        /// What it is worth.
        state: State,
        /// The signer's name.
        signer: String,
    },
}

/// Why a PE file could not be examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ExamineError {
    /// Its headers make no sense.
    #[error("malformed PE headers")]
    Headers,
    /// Its sections overlap, so that hashing it would take far longer than
    /// its size allows.
    #[error("overlapping sections")]
    Overlap,
    /// Its table of certificates makes no sense.
    #[error("malformed certificate table")]
    Certificates,
}

/// Examines a file. `now` is for signatures without a time stamp, milliseconds
/// since 1970 UTC.
pub fn examine(bytes: &[u8], roots: &TrustedRoots, now: i64) -> Result<Examined, ExamineError> {
    match FileKind::parse(bytes) {
        Ok(FileKind::Pe32) => {
            let file = PeFile32::parse(bytes).map_err(|_| ExamineError::Headers)?;
            examine_pe(&file, roots, now)
        }
        Ok(FileKind::Pe64) => {
            let file = PeFile64::parse(bytes).map_err(|_| ExamineError::Headers)?;
            examine_pe(&file, roots, now)
        }
        _ => Ok(Examined::NotPe),
    }
}

fn examine_pe(
    file: &dyn PeTrait,
    roots: &TrustedRoots,
    now: i64,
) -> Result<Examined, ExamineError> {
    let mut sections = 0_usize;
    for index in 1..=file.num_sections() {
        let range = file
            .section_data_range(index)
            .map_err(|_| ExamineError::Headers)?;
        sections = sections.saturating_add(range.len());
    }
    if sections > file.data().len().saturating_mul(2) {
        return Err(ExamineError::Overlap);
    }
    let table = AttributeCertificateIterator::new(file).map_err(|_| ExamineError::Certificates)?;
    let Some(certificate) = table.and_then(|mut table| table.next()) else {
        return Ok(Examined::WithoutSignature);
    };
    let certificate = certificate.map_err(|_| ExamineError::Certificates)?;
    let signed = certificate
        .get_authenticode_signature()
        .map_err(|_| ExamineError::Certificates)?;
    let data = signed_data(certificate.data).ok_or(ExamineError::Certificates)?;
    let certificates: Vec<&Certificate> = data
        .certificates
        .iter()
        .flat_map(|set| set.0.iter())
        .filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
        .take(CERTIFICATES)
        .collect();
    let info = signed.signer_info();
    let signer = certificates
        .iter()
        .copied()
        .find(|certificate| is_signer(&info.sid, certificate));
    let state = match signer {
        Some(signer) if is_intact(file, &signed, signer) == Some(true) => {
            let time = time_of_signing(info).unwrap_or(now);
            match roots.trust(signer, &certificates, time) {
                Trust::Valid => State::Valid,
                Trust::Expired => State::Expired,
                Trust::None => State::Untrusted,
            }
        }
        _ => State::Untrusted,
    };
    let signer = signer.map_or_else(String::new, |signer| name(&signer.tbs_certificate.subject));
    Ok(Examined::Signed { state, signer })
}

fn signed_data(bytes: &[u8]) -> Option<SignedData> {
    // Padding may follow, which `from_der` would refuse.
    let mut reader = SliceReader::new(bytes).ok()?;
    let content = ContentInfo::decode(&mut reader).ok()?;
    content.content.decode_as().ok()
}

fn is_signer(id: &SignerIdentifier, certificate: &Certificate) -> bool {
    match id {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            let certificate = &certificate.tbs_certificate;
            id.issuer == certificate.issuer && id.serial_number == certificate.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(_) => false,
    }
}

/// Whether the file is the one that was signed, and was signed by that key.
fn is_intact(
    file: &dyn PeTrait,
    signed: &AuthenticodeSignature,
    signer: &Certificate,
) -> Option<bool> {
    let of_file = algorithm_of_digest(&signed.digest_algorithm().oid)?;
    let mut hasher = Hasher(Context::new(of_file));
    authenticode_digest(file, &mut hasher).ok()?;
    if hasher.0.finish().as_ref() != signed.digest() {
        return Some(false);
    }
    let info = signed.signer_info();
    let of_content = algorithm_of_digest(&info.digest_alg.oid)?;
    let content = hash(of_content, signed.encapsulated_content()?);
    let attributes = info.signed_attrs.as_ref()?;
    let stated: OctetString = attributes
        .iter()
        .find(|attribute| attribute.oid == MESSAGE_DIGEST)?
        .values
        .get(0)?
        .decode_as()
        .ok()?;
    if stated.as_bytes() != content.as_ref() {
        return Some(false);
    }
    let algorithm = Algorithm::of_signature(&info.signature_algorithm.oid, of_content)?;
    let key = &signer.tbs_certificate.subject_public_key_info;
    let message = attributes.to_der().ok()?;
    Some(verify(algorithm, key, &message, info.signature.as_bytes()))
}

/// When the file was signed, as a counter-signature or a time stamp over this
/// very signature claims.
fn time_of_signing(info: &SignerInfo) -> Option<i64> {
    let attributes = info.unsigned_attrs.as_ref()?;
    attributes.iter().find_map(|attribute| {
        let value = attribute.values.get(0)?;
        match attribute.oid {
            COUNTER_SIGNATURE => {
                let counter: SignerInfo = value.decode_as().ok()?;
                let algorithm = algorithm_of_digest(&counter.digest_alg.oid)?;
                let of_signature = hash(algorithm, info.signature.as_bytes());
                let attributes = counter.signed_attrs.as_ref()?;
                let stated: OctetString = attribute_value(attributes, MESSAGE_DIGEST)?
                    .decode_as()
                    .ok()?;
                if stated.as_bytes() != of_signature.as_ref() {
                    return None;
                }
                time(attribute_value(attributes, SIGNING_TIME)?)
            }
            TIME_STAMP => {
                let content = token_content(&value.to_der().ok()?)?;
                stamped(content.as_bytes(), info.signature.as_bytes())
            }
            _ => None,
        }
    })
}

fn attribute_value(
    attributes: &x509_cert::attr::Attributes,
    oid: ObjectIdentifier,
) -> Option<&Any> {
    let attribute = attributes.iter().find(|attribute| attribute.oid == oid)?;
    attribute.values.get(0)
}

fn time(value: &Any) -> Option<i64> {
    let duration = match value.tag() {
        Tag::UtcTime => value.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        _ => value
            .decode_as::<GeneralizedTime>()
            .ok()?
            .to_unix_duration(),
    };
    i64::try_from(duration.as_millis()).ok()
}

/// What a time-stamp token holds. Read by hand, because some repeat their
/// certificates, which a set in DER must not.
fn token_content(token: &[u8]) -> Option<OctetString> {
    let mut reader = SliceReader::new(token).ok()?;
    let content: AnyInfo = reader.decode().ok()?;
    let signed = content.content?;
    let mut reader = SliceReader::new(signed.value()).ok()?;
    let _version: Any = reader.decode().ok()?;
    let _digests: Any = reader.decode().ok()?;
    let stamp: AnyInfo = reader.decode().ok()?;
    stamp.content?.decode_as().ok()
}

/// A `ContentInfo` or an `EncapsulatedContentInfo`.
#[derive(der::Sequence)]
struct AnyInfo {
    _kind: ObjectIdentifier,
    #[asn1(context_specific = "0", optional = "true")]
    content: Option<Any>,
}

/// The time in a `TSTInfo` (RFC 3161), if it stamps that signature.
fn stamped(info: &[u8], signature: &[u8]) -> Option<i64> {
    let mut reader = SliceReader::new(info).ok()?;
    reader
        .sequence(|reader| {
            let _version: Any = reader.decode()?;
            let _policy: ObjectIdentifier = reader.decode()?;
            let (algorithm, imprint) = reader.sequence(|reader| {
                let algorithm: x509_cert::spki::AlgorithmIdentifierOwned = reader.decode()?;
                let imprint: OctetString = reader.decode()?;
                Ok((algorithm, imprint))
            })?;
            let _serial: Any = reader.decode()?;
            let time: Any = reader.decode()?;
            while !reader.is_finished() {
                let _rest: Any = reader.decode()?;
            }
            Ok((algorithm, imprint, time))
        })
        .ok()
        .filter(|(algorithm, imprint, _)| {
            algorithm_of_digest(&algorithm.oid)
                .is_some_and(|algorithm| hash(algorithm, signature).as_ref() == imprint.as_bytes())
        })
        .and_then(|(_, _, stamp)| time(&stamp))
}

/// What a certificate calls its subject.
fn name(name: &Name) -> String {
    let find = |wanted: ObjectIdentifier| {
        name.0
            .iter()
            .flat_map(|part| part.0.iter())
            .find(|attribute| attribute.oid == wanted)
            .and_then(|attribute| text(&attribute.value))
    };
    find(COMMON_NAME)
        .or_else(|| find(ORGANISATION))
        .unwrap_or_default()
}

fn text(value: &Any) -> Option<String> {
    let bytes = value.value();
    match value.tag() {
        Tag::BmpString => {
            let (units, _) = bytes.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            Some(
                char::decode_utf16(units)
                    .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect(),
            )
        }
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        // Latin-1, as far as anyone ever used more of it.
        Tag::TeletexString => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        _ => None,
    }
}

/// What hashes a file, in the form the crate asks for.
struct Hasher(Context);

impl ::digest::Update for Hasher {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

/// SHA-256 of a file, lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(64);
    for byte in digest::digest(&digest::SHA256, bytes).as_ref() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
