//! Damaged copies of recorded files, the same for the same seed.

use std::{fs, io::Read, path::Path};

use anyhow::{Context, ensure};
use flate2::read::MultiGzDecoder;
use sandtrap_tests::corpus;

/// Most bytes of a copy. What is compressed is cut before it is damaged.
const LONGEST: usize = 2 << 20;

/// The files that copies are made of.
pub struct Corpus {
    files: Vec<Source>,
    seed: u64,
}

struct Source {
    /// Its name without endings.
    stem: String,
    /// Its endings, such as `.ndjson.gz`.
    endings: String,
    bytes: Vec<u8>,
}

/// A copy, not made yet.
#[derive(Debug, Clone)]
pub struct Copy {
    file: usize,
    number: u64,
    stem: String,
    endings: String,
}

impl Corpus {
    pub fn open(seed: u64) -> anyhow::Result<Self> {
        let folder = corpus().context("there is no recorded telemetry to damage")?;
        let files = super::files(&folder.join("files"))?;
        ensure!(!files.is_empty(), "{} is empty", folder.display());
        Ok(Self {
            files: files
                .iter()
                .map(|path| Source::read(path))
                .collect::<Result<_, _>>()?,
            seed,
        })
    }

    /// At least so many copies, as many of each file.
    pub fn copies(&self, count: u64) -> Vec<Copy> {
        let each = count.div_ceil(self.files.len() as u64);
        let numbers =
            (0..each).flat_map(|number| (0..self.files.len()).map(move |file| (number, file)));
        numbers
            .filter_map(|(number, file)| {
                let source = self.files.get(file)?;
                let endings = match source.is_unpacked(number) {
                    true => source.endings.trim_end_matches(".gz"),
                    false => &source.endings,
                };
                Some(Copy {
                    file,
                    number,
                    stem: source.stem.clone(),
                    endings: endings.to_owned(),
                })
            })
            .collect()
    }

    /// What a copy holds.
    pub fn damaged(&self, copy: &Copy) -> anyhow::Result<Vec<u8>> {
        let source = self.files.get(copy.file).context("no such file")?;
        let mut random = Random::new(self.seed, copy.file as u64, copy.number);
        let mut bytes = match source.is_unpacked(copy.number) {
            true => source.unpacked(&mut random)?,
            false => source.bytes.clone(),
        };
        // Every third is cut off, and most of the others get a few changes
        // only, so that what is behind them still has something to say.
        if copy.number.is_multiple_of(3) {
            bytes.truncate(random.below(bytes.len()));
        }
        if !copy.number.is_multiple_of(3) || random.below(2) == 0 {
            let changes = match random.below(4) {
                0 => 1,
                1 => 8,
                2 => 64,
                _ => 2_000,
            };
            for _ in 0..=random.below(changes) {
                random.change(&mut bytes);
            }
        }
        Ok(bytes)
    }
}

impl Source {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (stem, _) = name.split_once('.').context("a file without an ending")?;
        Ok(Self {
            stem: stem.to_owned(),
            endings: name.get(stem.len()..).unwrap_or_default().to_owned(),
            bytes: fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        })
    }

    /// Damage to what is compressed ends it early. So every other copy of such
    /// a file is unpacked first.
    fn is_unpacked(&self, number: u64) -> bool {
        self.endings.ends_with(".gz") && number % 2 == 1
    }

    /// A part of what is compressed.
    fn unpacked(&self, random: &mut Random) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        MultiGzDecoder::new(&*self.bytes).read_to_end(&mut bytes)?;
        let start = random.below(bytes.len().saturating_sub(LONGEST));
        bytes.drain(..start);
        bytes.truncate(LONGEST);
        Ok(bytes)
    }
}

impl Copy {
    /// Its file's name.
    pub fn name(&self) -> String {
        format!("{}-{:04}{}", self.stem, self.number, self.endings)
    }
}

/// Numbers that are the same every time.
struct Random(u64);

impl Random {
    fn new(seed: u64, file: u64, number: u64) -> Self {
        let mut random = Self(seed ^ file.rotate_left(24) ^ number.rotate_left(48));
        for _ in 0..4 {
            random.below(2);
        }
        random
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }

    /// Turns a bit over, or writes zeros, noise or a copy over some bytes.
    fn change(&mut self, bytes: &mut [u8]) {
        let at = self.below(bytes.len());
        let length = 1 + self.below(64);
        let from = self.below(bytes.len());
        let kind = self.below(10);
        let bit = 1 << self.below(8);
        if kind < 7 {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bit;
            }
            return;
        }
        let copied: Vec<u8> = bytes.iter().skip(from).take(length).copied().collect();
        for (place, byte) in bytes.iter_mut().skip(at).zip(copied) {
            *place = match kind {
                7 => 0,
                8 => 0xff,
                _ => byte,
            };
        }
    }
}
