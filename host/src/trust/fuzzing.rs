//! What lies beside a component, written by anyone.

use super::{KeyId, Manifest, PublicKey, is_older, signature::Signature};

/// A public key, and the one signature that it made.
const KEY: &str = "RWQBI0VniavN74mBLogv7GAyHeL90vxc0QeqoroUohZM5tcnumq+qNFO";
const SIGNED: &[u8] = b"what is signed";
const SIGNATURE: [&str; 3] = [
    "RUQBI0VniavN77a+gaAlt75znBkgH+oNGqNGOcU5/4Cq/8LwF5JpWloAbkhlLUUV141gY+3HSI6morCnzOkL8eIuTTnnEbq5ngg=",
    "trusted comment: AN0001 1.0.0 sha256:00",
    "3Lw/XnhbNzJE6bvfmuVBJ5uCanPQvapB22oCRQo9XKIz2Pihh6kDjBga/6Zqxs/tusFesWP4fnFFePdqko1OAw==",
];

/// A manifest.
pub fn manifest(bytes: &[u8]) {
    let Ok(manifest) = Manifest::parse(bytes) else {
        return;
    };
    // It is shown and logged before anyone knows who wrote it.
    assert!(!manifest.to_string().chars().any(char::is_control));
    assert!(!is_older(&manifest.version, &manifest.version));
    // Only those that were written closer than by signing grow.
    let Ok(written) = manifest.to_bytes() else {
        return;
    };
    let again = Manifest::parse(&written);
    assert_eq!(again.as_ref(), Ok(&manifest));
    let again = again.and_then(|again| again.to_bytes());
    assert_eq!(again, Ok(written));
}

/// A signature, and a public key.
pub fn signature(bytes: &[u8]) {
    if let Ok(signature) = Signature::decode(bytes) {
        let is_valid = PublicKey::parse(KEY).is_ok_and(|key| key.has_signed(SIGNED, &signature));
        // What differs from what signing wrote is no signature.
        let lines = str::from_utf8(bytes).unwrap_or_default().lines();
        assert_eq!(is_valid, lines.skip(1).eq(SIGNATURE));
    }
    let key = str::from_utf8(bytes).map(PublicKey::parse);
    if let Ok(Ok(key)) = key {
        let id = key.id();
        assert_eq!(KeyId::from_hex(id.to_string().as_bytes()), Some(id));
    }
}
