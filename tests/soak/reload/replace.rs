//! Puts other versions into the folder and waits until they run.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::Value;

use super::{chain, read};
use crate::{
    client::Client,
    daemon::{Daemon, Setup},
    progress::Progress,
    tally, wait,
};

const TALLY: &str = "tally.wasm";

/// How long a new version may take to run.
const LIMIT: Duration = Duration::from_secs(60);

/// Replaces analytics.
pub struct Replacer<'a> {
    folder: &'a Path,
    operator: Client,
    tally: Vec<u8>,
    other: Vec<u8>,
    count: u64,
    /// How many were replaced.
    pub done: u64,
    /// By the way it was done.
    pub ways: BTreeMap<&'static str, u64>,
    /// How long events waited, where a reload that was asked for says it.
    pub pauses: Vec<Duration>,
    /// From writing a file until the API shows it.
    pub times: Vec<Duration>,
}

impl<'a> Replacer<'a> {
    pub fn new(setup: &Setup, folder: &'a Path, count: u64) -> anyhow::Result<Self> {
        Ok(Self {
            folder,
            operator: setup.operator()?,
            tally: read(folder, TALLY)?,
            other: read(folder, chain::FILE)?,
            count,
            done: 0,
            ways: BTreeMap::new(),
            pauses: Vec::new(),
            times: Vec::new(),
        })
    }

    /// Replaces as often as asked. Each version is a new one; every tenth time
    /// it is that of another analytic, in two forms by turns. Events must have
    /// come in between two replacements.
    pub fn replace_all(
        &mut self,
        daemon: &mut Daemon,
        bodies: impl Fn() -> u64,
    ) -> anyhow::Result<()> {
        let progress = Progress::start("replacing analytics", self.count);
        for number in 1..=self.count {
            let before = bodies();
            wait::until("events to stream in", LIMIT, || {
                daemon.expect_alive()?;
                Ok((bodies() > before).then_some(()))
            })?;
            if number.is_multiple_of(10) {
                self.replace_other(number / 10)?;
            } else {
                self.replace_tally(number)?;
            }
            self.done = number;
            progress.at(number);
        }
        Ok(())
    }

    fn replace_tally(&mut self, number: u64) -> anyhow::Result<()> {
        let version = tally::version(number);
        let component = tally::with_version(&self.tally, &version)?;
        let is_halved = number % 10 == 7;
        let is_watched = number % 10 == 3 || is_halved;
        let way = match (is_halved, is_watched) {
            (true, _) => "written in place in halves, noticed",
            (false, true) => "renamed, noticed",
            _ => "renamed, asked for",
        };
        let is_running = |analytic: &Value| {
            analytic
                .get("version")
                .is_some_and(|found| *found == *version)
        };
        self.replace(TALLY, tally::ID, &component, way, is_running)
    }

    fn replace_other(&mut self, number: u64) -> anyhow::Result<()> {
        let before = self.sha256(chain::ID)?;
        let component = tally::rebuilt(
            &self.other,
            if number.is_multiple_of(2) {
                "even"
            } else {
                "odd"
            },
        );
        let is_running = |analytic: &Value| {
            analytic
                .get("sha256")
                .is_some_and(|found| *found != *before)
        };
        self.replace(
            chain::FILE,
            chain::ID,
            &component,
            "another analytic",
            is_running,
        )
    }

    fn replace(
        &mut self,
        file: &str,
        id: &str,
        component: &[u8],
        way: &'static str,
        is_running: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        put(self.folder, file, component, way.contains("halves"))?;
        if !way.contains("noticed") {
            let report = self.operator.reload()?;
            if let Some(pause) = report.get("pause_us").and_then(Value::as_u64) {
                self.pauses.push(Duration::from_micros(pause));
            }
        }
        let path = format!("/api/v1/analytics/{id}");
        wait::until(&format!("{id} to be replaced ({way})"), LIMIT, || {
            Ok(is_running(&self.operator.get(&path)?).then_some(()))
        })?;
        self.times.push(started.elapsed());
        *self.ways.entry(way).or_default() += 1;
        Ok(())
    }

    fn sha256(&self, id: &str) -> anyhow::Result<String> {
        let analytic = self.operator.get(&format!("/api/v1/analytics/{id}"))?;
        let sha256 = analytic.get("sha256").and_then(Value::as_str);
        Ok(sha256.context("an analytic without a hash")?.to_owned())
    }
}

/// Writes a component over another: aside and renamed, or in place and with a
/// pause in the middle.
pub fn put(folder: &Path, name: &str, component: &[u8], in_halves: bool) -> anyhow::Result<()> {
    let path = folder.join(name);
    if in_halves {
        let mut file = File::create(&path)?;
        let (one, other) = component.split_at(component.len() / 2);
        file.write_all(one)?;
        thread::sleep(Duration::from_millis(30));
        file.write_all(other)?;
        return Ok(());
    }
    let aside: PathBuf = folder.with_extension("aside");
    fs::create_dir_all(&aside)?;
    let partial = aside.join(name);
    fs::write(&partial, component)?;
    fs::rename(&partial, &path)?;
    Ok(())
}
