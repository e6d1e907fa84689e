use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use tempfile::TempDir;

use super::*;
use crate::ingest::reading::{Reading, Turn};

mod live;
mod random;

/// A record that was committed: its input, its place and its text, or why it
/// is none.
type Committed = (String, u64, Result<String, String>);

/// A source and a consumer that commits when told, without threads or clock.
struct World {
    folder: TempDir,
    pattern: String,
    limits: Limits,
    follower: Follower,
    now: Instant,
    stored: BTreeMap<String, Vec<u8>>,
    under_way: Vec<Turn>,
    committed: Vec<Committed>,
}

impl World {
    fn new(pattern: &str, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pattern = folder.path().join(pattern).to_str().unwrap().to_owned();
        let stored = BTreeMap::new();
        Self {
            follower: Follower::new(Pattern::new(&pattern).unwrap(), &stored, limits),
            folder,
            pattern,
            limits,
            now: Instant::now(),
            stored,
            under_way: Vec::new(),
            committed: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).open(self.path(name));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Lets time pass and reads all there is.
    fn read(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.follower.scan(self.now);
        let mut turns = 0;
        while self.follower.ready(self.now).is_some() {
            self.under_way.extend(self.follower.take(self.now));
            turns += 1;
            assert!(turns < 100_000, "it does not come to an end");
        }
    }

    fn commit(&mut self, turns: usize) {
        for turn in self.under_way.drain(..turns.min(self.under_way.len())) {
            for (place, (record, fault)) in (turn.first_record..).zip(turn.records.iter()) {
                let text = String::from_utf8(record.to_vec()).unwrap();
                let record = fault.map_or(Ok(text), |fault| Err(fault.to_owned()));
                let input = Path::new(&*turn.input).file_name().unwrap();
                let input = input.to_str().unwrap().to_owned();
                self.committed.push((input, place, record));
            }
            match turn.checkpoint.value {
                Some(value) => self.stored.insert(turn.checkpoint.key, value),
                None => self.stored.remove(&turn.checkpoint.key),
            };
        }
    }

    fn crash(&mut self) {
        self.under_way.clear();
        let pattern = Pattern::new(&self.pattern).unwrap();
        self.follower = Follower::new(pattern, &self.stored, self.limits);
    }

    /// Reads and commits all there is; returns what is new as
    /// `input:place record`.
    fn rest(&mut self) -> Vec<String> {
        self.read(1);
        self.read(1);
        self.commit(usize::MAX);
        let rest = self.committed.drain(..);
        rest.map(|(input, place, record)| {
            let record = record.unwrap_or_else(|fault| format!("({fault})"));
            format!("{input}:{place} {record}")
        })
        .collect()
    }
}

fn small() -> Limits {
    Limits {
        read: 64,
        max_record: 200,
        ..Limits::default()
    }
}

#[test]
fn a_line_is_read_when_it_is_finished_and_only_once() {
    let mut world = World::new("*.ndjson", small());
    world.append("a.ndjson", "\u{feff}{\"a\":1}\r\n\n  {\"a\":2}\n{\"a\"");
    assert_eq!(
        world.rest(),
        ["a.ndjson:0 {\"a\":1}", "a.ndjson:1 {\"a\":2}"]
    );
    world.append("a.ndjson", ":3");
    world.append("b.log", "not meant\n");
    assert!(world.rest().is_empty());
    world.crash();
    world.append("a.ndjson", "}\n");
    assert_eq!(world.rest(), ["a.ndjson:2 {\"a\":3}"]);
    world.crash();
    assert!(world.rest().is_empty());
}

#[test]
fn a_line_longer_than_a_record_is_passed_over_and_reported() {
    let mut world = World::new("a.ndjson", small());
    let long = "x".repeat(5000);
    let fits = "y".repeat(200);
    world.append("a.ndjson", &format!("{{}}\n{long}"));
    assert_eq!(world.rest(), ["a.ndjson:0 {}"]);
    world.append("a.ndjson", &format!("{long}\n{fits}\n{{}}\n"));
    let expected = [
        "a.ndjson:1 (the line is longer than a record may be)".to_owned(),
        format!("a.ndjson:2 {fits}"),
        "a.ndjson:3 {}".to_owned(),
    ];
    assert_eq!(world.rest(), expected);
}

#[test]
fn a_file_that_rotated_while_nobody_looked_is_finished_first() {
    let mut world = World::new("a.ndjson", small());
    world.append("a.ndjson", "1\n2\n");
    world.rest();
    world.append("a.ndjson", "3\n4");
    world.crash();
    fs::rename(world.path("a.ndjson"), world.path("a.ndjson.1")).unwrap();
    world.append("a.ndjson", "5\n");
    assert_eq!(world.rest(), ["a.ndjson:2 3", "a.ndjson:0 5"]);
    // Its writer came to an end within a line; nothing follows it any more.
    world.read(30);
    assert!(world.rest().is_empty());
    world.read(100);
    assert_eq!(world.rest(), ["a.ndjson:3 4"]);
    // A straggler, after all.
    world.append("a.ndjson.1", "\n6\n");
    assert_eq!(world.rest(), ["a.ndjson:4 6"]);
    // What is stored about it goes some time after it.
    assert_eq!(world.stored.len(), 2);
    fs::remove_file(world.path("a.ndjson.1")).unwrap();
    for _ in 0..3 {
        world.read(3600);
        world.commit(usize::MAX);
    }
    assert_eq!(world.stored.len(), 1);
}

#[test]
fn a_file_that_was_overwritten_is_read_from_its_start() {
    let mut world = World::new("a.ndjson", small());
    world.append("a.ndjson", "first\nsecond\n");
    world.rest();
    // Longer than what was read, so that only its beginning tells.
    fs::write(world.path("a.ndjson"), "third, quite a lot longer\n4\n").unwrap();
    let expected = ["a.ndjson:0 third, quite a lot longer", "a.ndjson:1 4"];
    assert_eq!(world.rest(), expected);
    // The same while nobody looked, and as another file of the same name.
    world.crash();
    fs::write(
        world.path("a.ndjson"),
        "fifth, and longer than all before it\n",
    )
    .unwrap();
    assert_eq!(
        world.rest(),
        ["a.ndjson:0 fifth, and longer than all before it"]
    );
    let (state, error) = world.follower.status();
    assert_eq!((state.as_str(), error), ("following 1", None));
    File::create(world.path("a.ndjson")).unwrap();
    assert!(world.rest().is_empty());
    let (state, _) = world.follower.status();
    assert_eq!(state, "following 1, 1 times truncated or overwritten");
    world.append("a.ndjson", "6\n");
    assert_eq!(world.rest(), ["a.ndjson:0 6"]);
    assert_eq!(world.stored.len(), 1);
}

#[test]
fn large_files_do_not_keep_others_waiting() {
    let mut world = World::new("*.ndjson", small());
    for name in ["a", "b"] {
        world.append(&format!("{name}.ndjson"), &"x\n".repeat(500));
    }
    world.append("c.ndjson", "y\n");
    world.follower.scan(world.now);
    for _ in 0..4 {
        world.follower.ready(world.now).unwrap();
        world.under_way.extend(world.follower.take(world.now));
    }
    world.commit(usize::MAX);
    let inputs: Vec<&str> = world.committed.iter().map(|(input, ..)| &**input).collect();
    for (input, count) in [("a.ndjson", 64), ("b.ndjson", 32), ("c.ndjson", 1)] {
        let found = inputs.iter().filter(|found| **found == input).count();
        assert_eq!(found, count, "{input}");
    }
}

#[test]
fn more_files_than_may_be_open_take_turns() {
    let limits = Limits { open: 2, ..small() };
    let mut world = World::new("*.ndjson", limits);
    let mut seen = Vec::new();
    for round in 0..3 {
        for file in 0..5 {
            world.append(&format!("{file}.ndjson"), &format!("{round}\n"));
        }
        for _ in 0..5 {
            seen.extend(world.rest());
        }
        assert!(world.follower.status().0.starts_with("following 2"));
    }
    seen.sort();
    let expected: Vec<String> = (0..15)
        .map(|at| format!("{}.ndjson:{} {}", at / 3, at % 3, at % 3))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn compressed_files_are_read_once_wherever_they_are_moved() {
    let mut world = World::new("*.gz", Limits { read: 1, ..small() });
    let limits = flate2::Compression::fast();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), limits);
    // More than a block of the reader, so that it is handed over in several
    // pieces.
    let lines = 40_000;
    for line in 0..lines {
        writeln!(packed, "{{\"line\":{line}}}").unwrap();
    }
    let packed = packed.finish().unwrap();
    // Half of it is there for a moment only.
    fs::write(world.path("a.gz"), &packed[..packed.len() / 2]).unwrap();
    world.read(0);
    fs::write(world.path("a.gz"), &packed).unwrap();
    world.read(1);
    assert!(world.under_way.is_empty());
    world.read(1);
    assert!(world.under_way.len() > 2);
    world.commit(1);
    let first = world.committed.len();
    assert!(first > 0 && first < lines);
    world.committed.clear();
    world.crash();
    fs::rename(world.path("a.gz"), world.path("b.gz")).unwrap();
    let rest = world.rest();
    assert_eq!(rest.len(), lines - first);
    assert_eq!(rest[0], format!("a.gz:{first} {{\"line\":{first}}}"));
    world.crash();
    assert!(world.rest().is_empty());
    assert_eq!(world.stored.len(), 1);
    fs::remove_file(world.path("b.gz")).unwrap();
    for _ in 0..3 {
        world.read(3600);
        world.commit(usize::MAX);
    }
    assert!(world.stored.is_empty());
}

#[test]
fn what_cannot_be_read_is_named_and_the_others_go_on() {
    let mut world = World::new("*", small());
    fs::write(world.path("a.gz"), "no gzip").unwrap();
    world.append("b", "{}\n");
    world.stored.insert("files:other".to_owned(), vec![9, 9]);
    world.crash();
    assert_eq!(world.rest(), ["b:0 {}"]);
    let (_, error) = world.follower.status();
    assert!(error.unwrap().contains("a.gz is neither"));
    fs::remove_dir_all(world.folder.path()).unwrap();
    world.rest();
    let (_, error) = world.follower.status();
    assert!(error.unwrap().contains("cannot be read"));
}
