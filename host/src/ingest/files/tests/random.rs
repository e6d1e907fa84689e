//! Whatever happens to a file between two looks, its lines arrive once and in
//! order.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Writes lines, padded by so much, and half of one more.
    Append(usize, usize, bool),
    Rotate,
    CopyTruncate,
    /// Old files are deleted once they are read.
    Delete,
    Read(u64),
    Commit(usize),
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..4, 0_usize..300, any::<bool>())
            .prop_map(|(lines, pad, half)| Step::Append(lines, pad, half)),
        2 => Just(Step::Rotate),
        1 => Just(Step::CopyTruncate),
        1 => Just(Step::Delete),
        6 => prop_oneof![Just(1_u64), Just(100)].prop_map(Step::Read),
        4 => (1_usize..5).prop_map(Step::Commit),
        2 => Just(Step::Crash),
    ]
}

/// Who writes the file, with what it has not written of the current line.
struct Writer {
    file: File,
    unwritten: String,
    lines: Vec<String>,
    rotations: usize,
    /// What of `lines` went into files before this one.
    before: usize,
}

impl Writer {
    fn open(world: &World) -> File {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true);
        file.open(world.path("a.ndjson")).unwrap()
    }

    fn begin(&mut self, pad: usize) {
        let line = format!(
            "{{\"n\":{},\"pad\":\"{}\"}}",
            self.lines.len(),
            "x".repeat(pad)
        );
        self.unwritten = format!("{line}\n");
        self.lines.push(line);
    }

    fn finish(&mut self) {
        let rest = std::mem::take(&mut self.unwritten);
        self.file.write_all(rest.as_bytes()).unwrap();
    }

    fn half(&mut self) {
        let rest = self.unwritten.split_off(self.unwritten.len() / 2);
        self.file.write_all(self.unwritten.as_bytes()).unwrap();
        self.unwritten = rest;
    }
}

fn run(steps: &[Step]) {
    let mut world = World::new("a.ndjson", small());
    let mut writer = Writer {
        file: Writer::open(&world),
        unwritten: String::new(),
        lines: Vec::new(),
        rotations: 0,
        before: 0,
    };
    for step in steps {
        let is_committed = world.committed.len() == writer.lines.len();
        match *step {
            Step::Append(lines, pad, half) => {
                writer.finish();
                for _ in 0..lines {
                    writer.begin(pad);
                    writer.finish();
                }
                if half {
                    writer.begin(pad);
                    writer.half();
                }
            }
            // A file that nobody ever committed anything of cannot be found
            // again under another name.
            Step::Rotate if world.committed.len() > writer.before => {
                writer.rotations += 1;
                let old = world.path(&format!("a.ndjson.{}", writer.rotations));
                fs::rename(world.path("a.ndjson"), old).unwrap();
                writer.finish();
                writer.before = writer.lines.len();
                writer.file = Writer::open(&world);
            }
            // What is not committed would be lost to everyone.
            Step::CopyTruncate if is_committed => {
                writer.finish();
                writer.file.set_len(0).unwrap();
                writer.before = writer.lines.len();
            }
            Step::Delete if is_committed => {
                for rotation in 1..=writer.rotations {
                    let _ = fs::remove_file(world.path(&format!("a.ndjson.{rotation}")));
                }
            }
            Step::Read(seconds) => world.read(seconds),
            Step::Commit(turns) => world.commit(turns),
            Step::Crash => world.crash(),
            Step::Rotate | Step::CopyTruncate | Step::Delete => {}
        }
    }
    writer.finish();
    world.read(1);
    world.commit(usize::MAX);
    let expected: Vec<_> = writer
        .lines
        .iter()
        .map(|line| match line.len() {
            0..=200 => Ok(line.clone()),
            _ => Err("the line is longer than a record may be".to_owned()),
        })
        .collect();
    let found: Vec<_> = world
        .committed
        .iter()
        .map(|(.., record)| record.clone())
        .collect();
    assert_eq!(found, expected);
    let mut next = 0;
    for (_, place, _) in &world.committed {
        assert!(*place == next || *place == 0, "{place} after {next}");
        next = place + 1;
    }
    // Everything that is over is forgotten, and nothing else.
    for _ in 0..4 {
        world.read(3600);
        world.commit(usize::MAX);
    }
    let kept = 1 + fs::read_dir(world.folder.path()).unwrap().count();
    assert!(world.stored.len() < kept + 1, "{:?}", world.stored.keys());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_line_arrives_once_and_in_order(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps);
    }
}
