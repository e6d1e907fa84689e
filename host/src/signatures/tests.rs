//! Signatures as a whole.

use std::{fs, sync::Arc};

use super::*;
use crate::{
    lineage::tests::{Value, as_of, event},
    stored::tests::{Store, write},
    vocabulary::fields::*,
};

/// A program signed by a key whose chain ends in `ROOT`, made for these tests.
const SIGNED: &[u8] = include_bytes!("testdata/signed.exe");

/// The same with a time stamp.
const STAMPED: &[u8] = include_bytes!("testdata/stamped.exe");

const ROOT: &str = include_str!("testdata/root.pem");

const YEAR: i64 = 365 * 24 * 3_600_000;

/// Where the signed part of the programs ends.
const PLAIN: usize = 1024;

fn load(sequence: u64, process: u64, image: &str, module: &str, words: (u32, &str)) -> Event {
    let mut event = event(
        sequence,
        0,
        classes::MODULE_LOAD,
        [
            (ACTOR_PROCESS_FILE_PATH, Value::Text(image)),
            (MODULE_FILE_PATH, module.into()),
            (MODULE_FILE_SIGNATURE_SIGNED, words.0.into()),
            (MODULE_FILE_SIGNATURE_STATUS, words.1.into()),
            (MODULE_FILE_SIGNATURE_SIGNER, "Maker".into()),
        ],
    );
    event.processes.actor = process;
    event
}

fn file(path: &str) -> Target<'_> {
    Target::File { path, sha256: "" }
}

const VALID: (u32, &str) = (1, "Valid");
const NONE: (u32, &str) = (0, "Unavailable");

#[test]
fn three_states_and_where_they_come_from() {
    let mut catalogue = Catalogue::default();
    let listed = CatalogueEntry {
        sha256: String::new(),
        path: r"C:\Listed.exe".to_owned(),
        state: State::Revoked,
        signer: "Lister".to_owned(),
    };
    catalogue.add(listed).unwrap();
    let mut signatures = Signatures::new(SignatureLimits::default(), Arc::new(catalogue));
    let ngen = r"C:\Windows\assembly\NativeImages_v4\System.ni.dll";
    for event in [
        load(1, 7, r"C:\a.exe", r"C:\A.EXE", VALID),
        load(2, 8, r"C:\b.exe", r"C:\x.dll", NONE),
        load(3, 8, r"C:\b.exe", ngen, NONE),
        // Replaced on disk while the first process runs.
        load(4, 9, r"C:\a.exe", r"C:\a.exe", NONE),
    ] {
        signatures.take_in(&event);
    }
    let ask = |sequence, target| {
        let answer = signatures.lookup(&as_of(sequence, 0), target);
        (answer.state, answer.source)
    };
    let process = |handles| Target::Process {
        handles,
        image: r"C:\a.exe",
        sha256: "",
    };
    assert_eq!(ask(9, process(&[7])), (State::Valid, Source::SelfLoad));
    assert_eq!(
        ask(9, process(&[6, 9])),
        (State::Unsigned, Source::SelfLoad)
    );
    assert_eq!(ask(3, process(&[9])), (State::Valid, Source::Observed));
    assert_eq!(ask(9, process(&[1])), (State::Unsigned, Source::Observed));
    assert_eq!(
        ask(9, file(r"c:\X.dll")),
        (State::Unsigned, Source::Observed)
    );
    assert_eq!(ask(1, file(r"c:\X.dll")), (State::Unknown, Source::None));
    assert_eq!(ask(9, file(ngen)), (State::Unknown, Source::None));
    assert_eq!(
        ask(9, file(r"c:\listed.EXE")),
        (State::Revoked, Source::Catalogue)
    );
    let mut elsewhere = as_of(9, 0);
    elsewhere.device = Arc::from("e");
    let answer = signatures.lookup(&elsewhere, file(r"C:\a.exe"));
    assert_eq!(answer, Signature::default());
}

#[test]
fn another_hash_is_another_file() {
    let mut signatures = Signatures::default();
    let mut first = load(1, 7, r"C:\b.exe", r"C:\a.exe", VALID);
    let (one, other) = ("1".repeat(64), "2".repeat(64));
    first.fields.set_text(MODULE_FILE_HASHES_SHA256, &one);
    signatures.take_in(&first);
    let ask = |path, sha256: &str| {
        let target = Target::File { path, sha256 };
        signatures.lookup(&as_of(9, 0), target).state
    };
    assert_eq!(ask(r"C:\a.exe", &one), State::Valid);
    assert_eq!(ask(r"C:\a.exe", &other), State::Unknown);
    assert_eq!(ask(r"C:\a.exe", ""), State::Valid);
    assert_eq!(ask(r"C:\elsewhere.exe", &one), State::Valid);
}

#[test]
fn answers_and_evictions_do_not_depend_on_the_batch_size() {
    let limits = SignatureLimits {
        per_device: 3,
        verdicts: 8,
    };
    let run = |size: u64| {
        let mut signatures = Signatures::new(limits.clone(), Arc::default());
        let mut answers = Vec::new();
        let mut batch = Vec::new();
        for sequence in 1..=200_u64 {
            let module = format!(r"C:\{}.dll", sequence * 7 / 3 % 9);
            let words = if sequence % 4 == 0 { NONE } else { VALID };
            let mut event = load(sequence, 1, "", &module, words);
            event.device = Arc::from(["d", "e", "f"][(sequence % 7 % 3) as usize]);
            signatures.take_in(&event);
            batch.push(event);
            if sequence % size != 0 {
                continue;
            }
            for event in batch.drain(..) {
                for module in 0..9 {
                    let path = format!(r"c:\{module}.dll");
                    let answer = signatures.lookup(&AsOf::of(&event), file(&path));
                    answers.push((answer.state, answer.source));
                }
            }
            signatures.end_batch();
            assert!(signatures.stats().verdicts <= 8);
        }
        let stats = signatures.stats();
        assert!(stats.evicted > 0 && stats.evicted_devices > 0, "{stats:?}");
        answers
    };
    let singly = run(1);
    for size in [2, 10, 40, 200] {
        assert_eq!(run(size), singly);
    }
}

/// Verdicts that are stored and restored time and again answer, and are
/// forgotten, like those that never were.
#[test]
fn a_restart_cannot_be_seen() {
    let limits = SignatureLimits {
        per_device: 6,
        verdicts: 20,
    };
    let restored = |store: &Store| {
        let mut signatures = Signatures::with_secret(limits.clone(), Arc::default(), &[7; 16]);
        signatures.keep_changes();
        for ((device, key), value) in store {
            signatures.restore(device, key, value).unwrap();
        }
        signatures.end_restore();
        assert!(signatures.take_changes().is_empty());
        signatures
    };
    let mut undisturbed = Signatures::new(limits.clone(), Arc::default());
    let mut store = Store::new();
    let mut again = restored(&store);
    let mut random = 1_u64;
    let mut below = |end: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % end
    };
    for sequence in 1..=5_000_u64 {
        let module = format!(r"C:\{}.dll", below(9));
        let words = if below(9) == 0 { NONE } else { VALID };
        let image = [&module, ""][below(2) as usize];
        let mut event = load(sequence, 1 + below(3), image, &module, words);
        event.device = Arc::from(["d", "e", "f", "g", "h"][below(5) as usize]);
        undisturbed.take_in(&event);
        again.take_in(&event);
        for module in 0..9 {
            let path = format!(r"c:\{module}.dll");
            let target = Target::Process {
                handles: &[1 + module % 3],
                image: &path,
                sha256: "",
            };
            let at = AsOf::of(&event);
            assert_eq!(again.lookup(&at, target), undisturbed.lookup(&at, target));
        }
        if below(10) == 0 {
            undisturbed.end_batch();
            again.end_batch();
            write(&mut store, again.take_changes());
            let held = again.stats().devices + again.stats().verdicts;
            assert_eq!(store.len(), held);
            if below(4) == 0 {
                again = restored(&store);
            }
        }
        let held = |one: &Signatures| (one.stats().devices, one.stats().verdicts);
        assert_eq!(held(&again), held(&undisturbed));
    }
    let stats = undisturbed.stats();
    assert!(
        stats.evicted > 100 && stats.evicted_devices > 100,
        "{stats:?}"
    );
    assert!(undisturbed.take_changes().is_empty());
}

#[test]
fn a_program_is_valid_only_below_a_trusted_root() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.pem");
    fs::write(&path, format!("Our root:\n{ROOT}\n")).unwrap();
    let roots = TrustedRoots::load(&path).unwrap();
    let now = 1_800_000_000_000;
    let check = |bytes: &[u8], roots: &TrustedRoots, now| match examine(bytes, roots, now) {
        Ok(Examined::Signed { state, signer }) => {
            assert_eq!(signer, "Test Signer");
            state
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(check(SIGNED, &roots, now), State::Valid);
    assert_eq!(check(SIGNED, &roots, now + 50 * YEAR), State::Expired);
    assert_eq!(check(STAMPED, &roots, now + 50 * YEAR), State::Valid);
    assert_eq!(
        check(SIGNED, &TrustedRoots::default(), now),
        State::Untrusted
    );
    let mut changed = SIGNED.to_vec();
    changed[600] ^= 1;
    assert_eq!(check(&changed, &roots, now), State::Untrusted);

    fs::write(&path, "no certificate").unwrap();
    assert!(TrustedRoots::load(&path).is_err());
    fs::write(&path, ROOT.replace("MII", "AAA")).unwrap();
    let error = TrustedRoots::load(&path).unwrap_err().to_string();
    assert!(error.contains("certificate 1"), "{error}");
}

/// No byte changed anywhere makes a valid signature of another file, and none
/// makes the check fail in another way than by an error.
#[test]
fn damaged_programs_are_never_valid() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.pem");
    fs::write(&path, ROOT).unwrap();
    let roots = TrustedRoots::load(&path).unwrap();
    for position in 0..STAMPED.len() {
        let mut changed = STAMPED.to_vec();
        changed[position] ^= 0x15;
        let examined = examine(&changed, &roots, 1_800_000_000_000);
        // The checksum and the place of the certificates are not signed.
        if position < PLAIN && !(152..156).contains(&position) {
            let is_valid = matches!(
                examined,
                Ok(Examined::Signed {
                    state: State::Valid,
                    ..
                })
            );
            assert!(!is_valid, "byte {position}");
        }
        let _ = examine(&STAMPED[..position], &roots, 0);
    }
}

#[test]
fn scan_lists_what_is_signed_and_counts_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("signed.exe"), SIGNED).unwrap();
    fs::write(directory.path().join("a.txt"), "MZ").unwrap();
    fs::write(directory.path().join("b.txt"), "text").unwrap();
    let mut plain = SIGNED[..PLAIN].to_vec();
    // No directory of certificates.
    plain[64 + 24 + 112 + 32..][..8].fill(0);
    fs::write(directory.path().join("plain.exe"), plain).unwrap();
    let mut broken = SIGNED.to_vec();
    broken.truncate(2_000);
    fs::write(directory.path().join("broken.exe"), broken).unwrap();
    let options = ScanOptions {
        stands_for: Some(r"C:\Tools\".to_owned()),
        ..ScanOptions::default()
    };
    let mut seen = 0;
    let scan = Catalogue::scan(directory.path(), &options, |_| seen += 1).unwrap();
    assert_eq!((scan.files, seen), (5, 5));
    assert_eq!((scan.without_signature, scan.failed), (1, 1));
    let [entry] = scan.entries.as_slice() else {
        panic!("{:?}", scan.entries);
    };
    assert_eq!(entry.path, r"C:\Tools\below\signed.exe");
    assert_eq!(entry.state, State::Untrusted);

    let path = directory.path().join("catalogue.ndjson");
    let line = serde_json::to_string(entry).unwrap();
    fs::write(&path, format!("\n{line}\n")).unwrap();
    let catalogue = Catalogue::load(&path).unwrap();
    assert_eq!(catalogue.len(), (1, 1));
    let signatures = Signatures::new(SignatureLimits::default(), Arc::new(catalogue));
    let target = Target::File {
        path: "",
        sha256: &entry.sha256,
    };
    let answer = signatures.lookup(&as_of(1, 0), target);
    assert_eq!(
        (answer.state, answer.signer),
        (State::Untrusted, "Test Signer")
    );
    for bad in [
        r#"{"state":"valid"}"#,
        r#"{"path":"a","state":"fine"}"#,
        "{",
    ] {
        fs::write(&path, format!("{line}\n{bad}\n")).unwrap();
        let error = Catalogue::load(&path).unwrap_err().to_string();
        assert!(error.contains("catalogue.ndjson:2: "), "{error}");
    }
}
