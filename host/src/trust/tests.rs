use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use minisign::PublicKeyBox;
use tempfile::TempDir;

use super::*;
use crate::{
    capabilities::Capability,
    config::{BudgetConfig, Trust, TrustedKey},
};

/// What is signed need not run to be vouched for.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0 and what a component is made of";

/// Something that is done to a site.
type Change<'a> = &'a dyn Fn(&Site);

/// A folder with a component in it, and keys by name.
struct Site {
    folder: TempDir,
    component: PathBuf,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let component = folder.path().join("an1.wasm");
        fs::write(&component, COMPONENT).unwrap();
        Self { folder, component }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The secret key of that name, made the first time it is asked for.
    fn key(&self, name: &str) -> SecretKey {
        let (secret, public) = (self.path(name), self.path(&format!("{name}.pub")));
        if !secret.exists() {
            let pair = KeyPair::generate(None).unwrap();
            fs::write(&secret, pair.secret).unwrap();
            fs::write(&public, pair.public).unwrap();
        }
        SecretKey::read(&secret, || panic!("it has no password")).unwrap()
    }

    fn sign(&self, key: &str) -> Signed {
        self.key(key).sign(&self.component, &manifest()).unwrap()
    }

    fn signature(&self, key: &str) -> PathBuf {
        signature_path(&self.component, self.key(key).id())
    }

    /// A policy that trusts keys, each `NAME`, or `NAME GLOB` for the analytics
    /// that fit.
    fn policy(&self, signers: u8, unsigned: bool, keys: &[&str]) -> Policy {
        let keys = keys.iter().enumerate().map(|(number, key)| {
            let (name, glob) = match key.split_once(' ') {
                Some((name, glob)) => (name, Some(vec![glob.to_owned()])),
                None => (*key, None),
            };
            drop(self.key(name));
            let section = TrustedKey {
                public_key_file: Some(self.path(&format!("{name}.pub"))),
                analytics: glob,
                ..TrustedKey::default()
            };
            (format!("{name}-{number}"), section)
        });
        Policy::new(&Trust {
            unsigned,
            signers,
            keys: keys.collect(),
        })
        .unwrap()
    }

    fn vouch(&self, policy: &Policy, is_named: bool) -> Result<Vouched, TrustError> {
        let bytes = fs::read(&self.component).unwrap();
        policy.vouch(&self.component, &bytes, is_named)
    }
}

fn manifest() -> Manifest {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Manifest {
        format: 1,
        id: "AN1".to_owned(),
        name: "A test".to_owned(),
        version: "1.2.3".to_owned(),
        wit: WIT.to_owned(),
        sha256: crate::trust::manifest::sha256(COMPONENT),
        size: COMPONENT.len() as u64,
        grants: BTreeSet::from([Capability::Lineage]),
        events: names(&["process.launch"]),
        fields: names(&["process.cmd_line", "process.name"]),
        budget: BudgetConfig {
            memory_mib: Some(128),
            ..BudgetConfig::default()
        },
    }
}

/// Every single bit of what lies there is looked at, and nothing permits what
/// was changed: not that unsigned components may run, and not that somebody
/// named this one.
#[test]
fn every_flipped_bit_is_refused() {
    let site = Site::new();
    site.sign("vendor");
    let policy = site.policy(1, true, &["vendor"]);
    let files = [
        site.component.clone(),
        manifest_path(&site.component),
        site.signature("vendor"),
    ];
    assert!(site.vouch(&policy, true).unwrap().is_signed());
    for path in files {
        let whole = fs::read(&path).unwrap();
        for position in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[position] ^= 1 << bit;
                overwrite(&path, &damaged);
                let outcome = site.vouch(&policy, true);
                assert!(
                    outcome.is_err(),
                    "{} byte {position} bit {bit}",
                    path.display()
                );
            }
        }
        overwrite(&path, &whole);
    }
    assert!(site.vouch(&policy, false).unwrap().is_signed());
}

/// Writes as many bytes as there were. Emptying the file first, as
/// [`fs::write`] does, makes some file systems wait for the disk.
fn overwrite(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// Other texts that mean the same to minisign are refused as well.
#[test]
fn a_signature_has_one_spelling() {
    let site = Site::new();
    site.sign("vendor");
    let policy = site.policy(1, false, &["vendor"]);
    let path = site.signature("vendor");
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let over_all = lines[3].trim_end_matches('=');
    let (start, last) = over_all.split_at(over_all.len() - 1);
    // The last character has two or four bits that stand for nothing.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1);
    let trailing_bits = format!("{start}{}", next.unwrap());
    let legacy = lines[1].replacen("RU", "RW", 1);
    for (what, text) in [
        ("line endings", whole.replace('\n', "\r\n")),
        ("no last line ending", whole.trim_end().to_owned()),
        ("an empty line", format!("{whole}\n")),
        ("a space", whole.replace("=\n", "= \n")),
        ("a byte order mark", format!("\u{feff}{whole}")),
        ("another comment", whole.replace("sandtrap", "our")),
        ("no comment", whole.split_once('\n').unwrap().1.to_owned()),
        (
            "bits that stand for nothing",
            whole.replace(over_all, &trailing_bits),
        ),
        ("the old format", whole.replace(lines[1], &legacy)),
        ("no padding", whole.replace('=', "")),
        ("two signatures", whole.repeat(2)),
        ("nothing", String::new()),
        ("much", "A".repeat(9_000)),
    ] {
        assert_ne!(text, whole, "{what}");
        fs::write(&path, text).unwrap();
        let outcome = site.vouch(&policy, false);
        assert!(outcome.is_err(), "{what}");
    }
}

#[test]
fn different_keys_count_and_names_do_not() {
    let site = Site::new();
    for key in ["a", "b"] {
        site.sign(key);
    }
    // The same key under another number: whoever makes a key chooses that.
    let text = fs::read_to_string(site.path("a")).unwrap();
    let mut secret = key::decode(text.lines().nth(1).unwrap()).unwrap();
    let number = 2 + 2 + 2 + 32 + 8 + 8;
    secret[number] ^= 1;
    let secret = minisign::SecretKey::from_bytes(&secret).unwrap();
    let public = minisign::PublicKey::from_secret_key(&secret).unwrap();
    fs::write(
        site.path("renamed.pub"),
        public.to_box().unwrap().to_bytes(),
    )
    .unwrap();
    let bytes = fs::read(manifest_path(&site.component)).unwrap();
    let comment = "signature from minisign secret key";
    let signature = minisign::sign(None, &secret, &bytes[..], Some("again"), Some(comment));
    let renamed = PublicKey::read(&site.path("renamed.pub")).unwrap();
    fs::write(
        signature_path(&site.component, renamed.id()),
        signature.unwrap().into_string(),
    )
    .unwrap();

    for (signers, keys, expected) in [
        (1, &["a"][..], Some(&["a-0"][..])),
        (2, &["a", "b"], Some(&["a-0", "b-1"])),
        (2, &["a", "a"], None),
        (2, &["a", "a AN*"], None),
        (2, &["a", "b BN*"], None),
        (2, &["a AN?", "b *1"], Some(&["a-0", "b-1"])),
        (1, &["b BN*", "b AN*"], Some(&["b-1"])),
        (1, &["c"], None),
        (2, &["a", "c"], None),
        (3, &["a", "b", "c"], None),
        (1, &[], None),
    ] {
        let policy = site.policy(signers, false, keys);
        let outcome = site.vouch(&policy, false);
        let found = outcome.as_ref().ok().map(|vouched| vouched.signers.clone());
        let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(found, expected, "{signers} of {keys:?}: {outcome:?}");
    }
    let mut trust = Trust {
        signers: 2,
        ..Trust::default()
    };
    for name in ["a", "renamed"] {
        let section = TrustedKey {
            public_key_file: Some(site.path(&format!("{name}.pub"))),
            ..TrustedKey::default()
        };
        trust.keys.insert(name.to_owned(), section);
    }
    let error = site
        .vouch(&Policy::new(&trust).unwrap(), false)
        .unwrap_err();
    assert!(
        matches!(&error, TrustError::TooFewSigners { signers, .. } if signers.len() == 1),
        "{error}"
    );
}

/// What counts as unsigned, and when that may run.
#[test]
fn unsigned_components_run_only_where_permitted() {
    let nothing = |_: &Site| {};
    let foreign = |site: &Site| drop(site.sign("stranger"));
    let manifest_only = |site: &Site| {
        site.sign("stranger");
        fs::remove_file(site.signature("stranger")).unwrap();
    };
    let cases: [(&str, Change<'_>); 3] = [
        ("nothing", &nothing),
        ("a stranger's signature", &foreign),
        ("a manifest alone", &manifest_only),
    ];
    for (what, prepare) in cases {
        let site = Site::new();
        prepare(&site);
        for (unsigned, is_named) in [(false, false), (true, false), (false, true)] {
            let policy = site.policy(1, unsigned, &["vendor"]);
            match site.vouch(&policy, is_named) {
                Ok(vouched) => {
                    assert!(unsigned || is_named, "{what}");
                    assert!(!vouched.is_signed(), "{what}");
                    assert_eq!(vouched.budget(), BudgetConfig::default(), "{what}");
                }
                Err(error) => {
                    assert!(!unsigned && !is_named, "{what}: {error}");
                    assert!(error.to_string().contains("sign"), "{what}: {error}");
                }
            }
        }
    }
}

/// What is there and wrong is refused even where unsigned components may run.
#[test]
fn what_is_wrong_is_refused_whatever_is_permitted() {
    let cases: [(&str, Change<'_>, &str); 7] = [
        (
            "signatures without a manifest",
            &|site| fs::remove_file(manifest_path(&site.component)).unwrap(),
            "not there",
        ),
        (
            "a manifest that is a folder",
            &|site| {
                let path = manifest_path(&site.component);
                fs::remove_file(&path).unwrap();
                fs::create_dir(path).unwrap();
            },
            "cannot read",
        ),
        (
            "a huge manifest",
            &|site| fs::write(manifest_path(&site.component), vec![b' '; 70_000]).unwrap(),
            "cannot read",
        ),
        (
            "another component",
            &|site| fs::write(&site.component, b"\0asm\x0d\0\x01\0 of another vendor").unwrap(),
            "another component",
        ),
        (
            "a signature named as minisign would",
            &|site| {
                let name = site.path("an1.manifest.json.minisig");
                fs::rename(site.signature("vendor"), name).unwrap();
            },
            "named after no key",
        ),
        (
            "the signature of another manifest",
            &|site| {
                let other = Manifest {
                    version: "0.0.1".to_owned(),
                    ..manifest()
                };
                let path = manifest_path(&site.component);
                let bytes = fs::read(&path).unwrap();
                let key = site.key("vendor");
                key.sign(&site.component, &other).unwrap();
                fs::write(path, bytes).unwrap();
            },
            "changed",
        ),
        (
            "too many signatures",
            &|site| {
                for number in 0..MAX_SIGNATURES {
                    let name = format!("an1.manifest.{number:016X}.minisig");
                    fs::write(site.path(&name), "").unwrap();
                }
            },
            "more than 16",
        ),
    ];
    for (what, change, words) in cases {
        let site = Site::new();
        site.sign("vendor");
        let policy = site.policy(1, true, &["vendor"]);
        assert!(site.vouch(&policy, true).is_ok());
        change(&site);
        let error = site.vouch(&policy, true).unwrap_err().to_string();
        assert!(error.contains(words), "{what}: {error}");
    }
}

/// minisign and rsign sign manifests as well, and take our signatures.
#[test]
fn signatures_are_those_of_minisign() {
    let site = Site::new();
    site.sign("vendor");
    let policy = site.policy(1, false, &["vendor"]);
    let bytes = fs::read(manifest_path(&site.component)).unwrap();
    let ours = minisign::SignatureBox::from_file(site.signature("vendor")).unwrap();
    let public = fs::read_to_string(site.path("vendor.pub")).unwrap();
    let public = PublicKeyBox::from(public).into_public_key().unwrap();
    let checked = minisign::verify(
        &public,
        &ours,
        std::io::Cursor::new(&bytes),
        true,
        false,
        false,
    );
    assert!(checked.is_ok(), "{checked:?}");
    assert_eq!(
        ours.trusted_comment().unwrap(),
        format!("AN1 1.2.3 sha256:{}", manifest().sha256)
    );

    let secret = fs::read_to_string(site.path("vendor")).unwrap();
    let secret = minisign::SecretKeyBox::from(secret)
        .into_unencrypted_secret_key()
        .unwrap();
    let stamp = "timestamp:1795267200\tfile:an1.manifest.json\thashed";
    for comment in ["minisign", "rsign"] {
        let comment = format!("signature from {comment} secret key");
        let signature = minisign::sign(None, &secret, &bytes[..], Some(stamp), Some(&comment));
        fs::write(site.signature("vendor"), signature.unwrap().into_string()).unwrap();
        let vouched = site.vouch(&policy, false).unwrap();
        assert_eq!(vouched.signers, ["vendor-0"]);
        assert_eq!(vouched.budget().memory_mib, Some(128));
    }
}

#[test]
fn several_sign_one_manifest_and_another_manifest_drops_them() {
    let site = Site::new();
    assert!(site.sign("a").is_new);
    let second = site.sign("b");
    assert!(!second.is_new && second.dropped.is_empty(), "{second:?}");
    // A manifest somebody else wrote is signed byte for byte.
    let path = manifest_path(&site.component);
    let plain = serde_json::to_vec(&manifest()).unwrap();
    fs::write(&path, &plain).unwrap();
    for key in ["a", "b"] {
        assert!(!site.sign(key).is_new);
    }
    assert_eq!(fs::read(&path).unwrap(), plain);
    assert!(
        site.vouch(&site.policy(2, false, &["a", "b"]), false)
            .is_ok()
    );
    let more = Manifest {
        version: "1.2.4".to_owned(),
        ..manifest()
    };
    let signed = site.key("a").sign(&site.component, &more).unwrap();
    assert_eq!(signed.dropped, [site.key("b").id()]);
    assert!(!site.signature("b").exists());
}

#[test]
fn a_manifest_says_what_it_may() {
    let text = String::from_utf8(manifest().to_bytes().unwrap()).unwrap();
    assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest());
    for (from, to, words) in [
        ("\"format\": 1", "\"format\": 2", "format is 2"),
        ("\"name\"", "\"nickname\"", "nickname"),
        ("\"id\": \"AN1\"", "\"id\": \"../AN1\"", "id must be"),
        ("\"1.2.3\"", "\"1.2\"", "semantic"),
        ("@0.1.0", "@0.2.0", "wit must be"),
        ("A test", "A\\u001b[2Jtest", "control characters"),
        ("\"lineage\"", "\"network\"", "network"),
        ("memory_mib", "memory_gib", "memory_gib"),
        ("\"size\"", "\"id\": \"AN2\",\n  \"size\"", "duplicate"),
        ("sha256\": \"", "sha256\": \"A", "sha256"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let error = Manifest::parse(changed.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{from}: {error}");
    }
}

#[test]
fn keys_are_recognised() {
    let pair = KeyPair::generate(None).unwrap();
    let key = PublicKey::parse(&pair.public).unwrap();
    let text = pair.public.lines().nth(1).unwrap();
    assert_eq!(PublicKey::parse(text).unwrap().id(), key.id());
    assert!(pair.public.contains(&key.id().to_string()));
    assert_eq!(
        KeyId::from_hex(key.id().to_string().as_bytes()),
        Some(key.id())
    );
    for name in [
        "",
        "0123456789abcdef",
        "+123456789ABCDEF",
        "0123456789ABCDEF0",
    ] {
        assert_eq!(KeyId::from_hex(name.as_bytes()), None, "{name}");
    }
    for (text, words) in [
        (pair.secret.as_str(), "secret key"),
        ("", "no minisign public key"),
        (&text[1..], "no minisign public key"),
        (&text.repeat(2), "no minisign public key"),
        (&format!("{text}\n{text}"), "no minisign public key"),
    ] {
        let error = PublicKey::parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn a_secret_key_opens_with_its_password_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let pair = KeyPair::generate(Some("correct horse".to_owned())).unwrap();
    fs::write(&path, &pair.secret).unwrap();
    let open = |path: &Path, password: &str| SecretKey::read(path, || Ok(password.to_owned()));
    assert!(open(&path, "correct horse").is_ok());
    assert!(matches!(
        open(&path, "battery"),
        Err(SigningError::Locked { .. })
    ));
    fs::write(&path, &pair.public).unwrap();
    assert!(matches!(open(&path, ""), Err(SigningError::NoKey { .. })));
}
