//! Reads what the file sink wrote, with all rotated files.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    hash::{DefaultHasher, Hasher},
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::tally;

/// All findings of a run.
#[derive(Debug, Default)]
pub struct Findings {
    /// The hashes of the lines by the identifier of the message: more than one
    /// where a finding was issued twice.
    pub by_uid: BTreeMap<String, Vec<u64>>,
    /// How often each serial number was reported, by whatever version.
    pub serials: BTreeMap<String, u64>,
    /// Findings by analytic.
    pub by_analytic: BTreeMap<String, u64>,
    /// Findings of the tally by version.
    pub by_version: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Line {
    message: String,
    metadata: Metadata,
    finding_info: Info,
}

#[derive(Deserialize)]
struct Metadata {
    uid: String,
}

#[derive(Deserialize)]
struct Info {
    analytic: Analytic,
}

#[derive(Deserialize)]
struct Analytic {
    uid: String,
    version: String,
}

impl Findings {
    /// Reads the file and those it was rotated to. The identifiers of the
    /// tally's findings are left out of `by_uid` if `is_tally_apart`, because
    /// they depend on its version.
    pub fn read(path: &Path, is_tally_apart: bool) -> anyhow::Result<Self> {
        Self::read_of(path, is_tally_apart, |_| true)
    }

    /// The same of the analytics that are wanted only.
    pub fn read_of(
        path: &Path,
        is_tally_apart: bool,
        is_wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let mut findings = Self::default();
        let folder = path.parent().context("a file without a folder")?;
        if !folder.is_dir() {
            return Ok(findings);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&*name) {
                findings.read_file(&entry.path(), is_tally_apart, &is_wanted)?;
            }
        }
        Ok(findings)
    }

    fn read_file(
        &mut self,
        path: &Path,
        is_tally_apart: bool,
        is_wanted: &impl Fn(&str) -> bool,
    ) -> anyhow::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
        let mut text = Vec::new();
        loop {
            text.clear();
            if reader.read_until(b'\n', &mut text)? == 0 {
                return Ok(());
            }
            if text.last() != Some(&b'\n') {
                bail!("{} ends within a line", path.display());
            }
            let line: Line = serde_json::from_slice(&text)
                .with_context(|| format!("{} has a broken line", path.display()))?;
            let analytic = line.finding_info.analytic;
            if !is_wanted(&analytic.uid) {
                continue;
            }
            *self.by_analytic.entry(analytic.uid.clone()).or_default() += 1;
            let is_tally = analytic.uid == tally::ID;
            if is_tally {
                *self.serials.entry(line.message).or_default() += 1;
                *self.by_version.entry(analytic.version).or_default() += 1;
            }
            if !(is_tally && is_tally_apart) {
                let mut hasher = DefaultHasher::new();
                hasher.write(&text);
                let hashes = self.by_uid.entry(line.metadata.uid).or_default();
                hashes.push(hasher.finish());
            }
        }
    }

    /// All findings, those counted apart as well.
    pub fn count(&self) -> u64 {
        self.by_analytic.values().sum()
    }

    /// How these differ from those of an undisturbed run.
    pub fn compare(&self, calm: &Self) -> Difference {
        let mut difference = Difference::default();
        for (uid, hashes) in &calm.by_uid {
            match self.by_uid.get(uid) {
                None => {
                    eprintln!("missing: {uid}");
                    difference.missing += hashes.len();
                }
                Some(found) if found.len() < hashes.len() => {
                    difference.missing += hashes.len() - found.len();
                }
                Some(found) => {
                    difference.doubled += found.len() - hashes.len();
                    let (mut found, mut hashes) = (found.clone(), hashes.clone());
                    found.sort_unstable();
                    hashes.sort_unstable();
                    found.dedup();
                    hashes.dedup();
                    difference.altered += usize::from(found != hashes);
                }
            }
        }
        for (uid, hashes) in &self.by_uid {
            if !calm.by_uid.contains_key(uid) {
                eprintln!("not found undisturbed: {uid}");
                difference.invented += hashes.len();
            }
        }
        difference
    }

    /// Serial numbers up to `last` of each series that are missing, and those
    /// that were reported more than once.
    pub fn check_serials(&self, expected: &BTreeMap<String, u64>) -> (u64, u64) {
        let mut missing = 0;
        for (series, last) in expected {
            missing += (1..=*last)
                .filter(|number| !self.serials.contains_key(&tally::serial(series, *number)))
                .count() as u64;
        }
        let doubled = self.serials.values().filter(|times| **times > 1).count();
        (missing, doubled as u64)
    }
}

/// How findings differ from those of an undisturbed run.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Not found.
    pub missing: usize,
    /// Found more often.
    pub doubled: usize,
    /// Found only now.
    pub invented: usize,
    /// Found with other content.
    pub altered: usize,
}
