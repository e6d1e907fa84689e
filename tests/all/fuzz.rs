//! The fuzz targets without a fuzzer: their seeds, what was found once, and
//! changes of both, the same on every machine.

#[path = "../fuzz/columns.rs"]
mod columns;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sandtrap::fuzzing::{TARGETS, Target};
use sandtrap_tests::{
    evtx::{Chunk, HEADER, file},
    root,
    scenario::update_wanted,
};

fn targets() -> Vec<(&'static str, Target)> {
    let mut all = TARGETS.to_vec();
    all.push(("columns", columns::columns as Target));
    all
}

fn folder(name: &str) -> PathBuf {
    root().join("tests/fuzz").join(name)
}

/// The files of a folder by name; none where there is no folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// What a target starts from. The executables are test data of the host.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut inputs = files(&folder("seeds").join(target));
    inputs.extend(files(&folder("regressions").join(target)));
    if target == "authenticode" {
        let data = files(&root().join("host/src/signatures/testdata"));
        inputs.extend(data.into_iter().filter(|(name, _)| name.ends_with(".exe")));
    }
    inputs
}

/// Says which input it was, should it not be survived.
struct Trying<'a>(&'a str, &'a str, usize);

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(target, input, change) = self;
            eprintln!("{target} fails on {input}, change {change}");
        }
    }
}

#[test]
fn seeds_and_their_changes_keep_what_must_hold() {
    for (target, run) in targets() {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "{target} has no seeds");
        // Compiling costs more than all the others together.
        let changes = if target == "component" { 10 } else { 100 };
        let mut random = Random(target.len() as u64);
        for (name, input) in &inputs {
            for change in 0..=changes {
                let _trying = Trying(target, name, change);
                match change {
                    0 => run(input),
                    _ => run(&random.changed(input, &inputs)),
                }
            }
        }
    }
}

#[test]
fn every_target_has_its_file() {
    let names: BTreeSet<String> = targets()
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    let built: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| {
            line.strip_prefix("path = \"targets/")?
                .strip_suffix(".rs\"")
        })
        .map(str::to_owned)
        .collect();
    let written = files(&folder("targets")).into_iter();
    let written: BTreeSet<String> = written
        .filter_map(|(name, _)| Some(name.strip_suffix(".rs")?.to_owned()))
        .collect();
    assert_eq!((&names, &names), (&built, &written));
}

/// Numbers that are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % limit.max(1)
    }

    /// An input that was changed in a few places.
    fn changed(&mut self, input: &[u8], all: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let end = bytes.len().min(at + 1 + self.below(16));
            match self.below(7) {
                _ if bytes.is_empty() => bytes.push(self.below(256) as u8),
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.below(256) as u8,
                2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'\\', b'\n'][self.below(8)],
                3 => drop(bytes.drain(at..end)),
                4 => {
                    let copy = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, copy);
                }
                5 => bytes.truncate(at),
                _ => {
                    let (_, other) = &all[self.below(all.len())];
                    bytes.truncate(at);
                    bytes.extend(&other[self.below(other.len())..]);
                }
            }
        }
        bytes
    }
}

/// Writes the seeds that are not text: `UPDATE=1`.
#[test]
fn seeds_that_are_made_are_up_to_date() {
    let is_update = update_wanted();
    for (target, name, bytes) in made() {
        let path = folder("seeds").join(target).join(name);
        if is_update {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let written = fs::read(&path).unwrap_or_default();
        assert!(written == bytes, "{target}/{name}: run with UPDATE=1");
    }
}

fn made() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let records = "{\"EventID\":1,\"Channel\":\"Security\"}\n"
        .repeat(20)
        .into_bytes();
    let packed = [gzip(&records), plain_zstd(&records)];
    let chunk = |count| {
        let chunk = Chunk::launches(count);
        let end = chunk.bytes.len();
        chunk.finished()[..end].to_vec()
    };
    let first = |byte: u8, rest: &[u8]| [&[byte], rest].concat();
    let both = |coding: u8, rest: &[u8]| [&[coding, 3], rest].concat();
    let mut log = file(&[Chunk::launches(3)]);
    log.truncate(HEADER + 4096);
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(
            "{\"a\":\"\u{1f600}\"}\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    let mut columns = b"\x05first\x0csecond, \xc3\xa4\xf0\x9f\x98\x80\x00\x03abc".to_vec();
    columns.extend((0..900_u32).map(|number| (number * 37 % 251) as u8));
    vec![
        ("body", "plain", both(0, &records)),
        ("body", "gzip", both(1, &packed[0])),
        ("body", "zstd", both(2, &packed[1])),
        ("columns", "rows", columns),
        ("component", "empty", b"\0asm\x0d\0\x01\0".to_vec()),
        ("component", "module", b"\0asm\x01\0\0\0".to_vec()),
        ("component", "core", core_module()),
        ("evtx", "one", chunk(1)),
        ("evtx", "several", chunk(12)),
        ("predicate", "steps", predicate()),
        ("state", "values", state()),
        ("stream", "lines", first(3, &records)),
        ("stream", "gzip", first(7, &packed[0])),
        ("stream", "zstd", first(1, &packed[1])),
        (
            "stream",
            "array",
            first(2, b"[{\"a\":1},\n{\"a\":{\"b\":[2]}}]"),
        ),
        (
            "stream",
            "objects",
            first(2, b"{\n \"a\": 1\n}\n{\n \"b\": \"}\"\n}"),
        ),
        (
            "stream",
            "xml",
            first(2, b"<Events><Event><a/></Event><Event></Event></Events>"),
        ),
        ("stream", "utf16", first(2, &utf16)),
        ("stream", "evtx", first(200, &log)),
    ]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    // Stored, so that no compressor's version decides what a seed is.
    let mut packed = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01".to_vec();
    let length = bytes.len() as u16;
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(bytes);
    packed.extend(crc32(bytes).to_le_bytes());
    packed.extend(u32::from(length).to_le_bytes());
    packed
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

fn plain_zstd(bytes: &[u8]) -> Vec<u8> {
    // One raw block, which is the last; no checksum.
    let mut packed = b"\x28\xb5\x2f\xfd\x60".to_vec();
    packed.extend((bytes.len() as u16 - 256).to_le_bytes());
    let block = (bytes.len() as u32) << 3 | 1;
    packed.extend(&block.to_le_bytes()[..3]);
    packed.extend(bytes);
    packed
}

/// A component around a module with a memory and a start that does not end.
fn core_module() -> Vec<u8> {
    let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\x08\x01\0\
                   \x0a\x09\x01\x07\0\x03\x40\x0c\0\x0b\x0b";
    let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
    component.push(module.len() as u8);
    component.extend(module);
    component.extend(b"\x02\x04\x01\0\0\0");
    component
}

/// A command line, a path, a pid, and steps that test all three.
fn predicate() -> Vec<u8> {
    let mut bytes = Vec::new();
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.push(text.len() as u8);
        bytes.extend(text.as_bytes());
    };
    text(&mut bytes, "PowerShell -Enc AAAA");
    text(&mut bytes, r"C:\Windows\powershell.exe");
    bytes.extend(7_u64.to_le_bytes());
    // Contains, in the command line, one value.
    bytes.extend([3, 0, 1]);
    text(&mut bytes, "-enc");
    bytes.extend([2, 1, 1]);
    text(&mut bytes, "\\POWERSHELL.EXE");
    // A range of pids.
    bytes.extend([4, 2, 1]);
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend(10_u64.to_le_bytes());
    // A field that is absent, its opposite, and all of the four.
    bytes.extend([5, 3, 0, 5, 0, 1, 6, 0, 4]);
    bytes
}

/// Values of each part of the state, most of which are refused.
fn state() -> Vec<u8> {
    let mut bytes = vec![7];
    let mut value = |part: u8, key: &[u8], value: &[u8]| {
        bytes.extend([0, part, key.len() as u8]);
        bytes.extend(key);
        bytes.push(value.len() as u8);
        bytes.extend(value);
    };
    value(0, &[0], &[0, 0, 0, 5]);
    value(
        0,
        &[1],
        &[
            1, 14, b'p', b'r', b'o', b'c', b'e', b's', b's', b'.', b'l', b'a', b'u', b'n', b'c',
            b'h', 5,
        ],
    );
    value(1, &[0; 8], &[0; 8]);
    value(2, b"chain", &[9]);
    value(4, &[], &[5]);
    value(
        4,
        &7_u64.to_be_bytes(),
        &[1, 4, b'a', b'b', b'c', b'd', 9, 3, 1],
    );
    let seen = [1_u64, 60_000, 120_000].map(u64::to_le_bytes).concat();
    value(
        5,
        b"key",
        &[&seen[..], &seen, &1_i32.to_le_bytes(), &1_u32.to_le_bytes()].concat(),
    );
    for time in [0_i64, 60_000, 3_600_000, -1, i64::MAX] {
        bytes.extend(time.to_le_bytes());
    }
    bytes
}
