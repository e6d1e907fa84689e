//! What a scenario measured, and which promises did not hold.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

/// The one JSON object.
pub struct Report {
    measured: Map<String, Value>,
    broken: Vec<String>,
    started: Instant,
}

impl Report {
    pub fn new(scenario: &str) -> Self {
        let mut measured = Map::new();
        measured.insert("scenario".to_owned(), scenario.into());
        Self {
            measured,
            broken: Vec::new(),
            started: Instant::now(),
        }
    }

    /// Something that was measured.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.measured.insert(name.to_owned(), value.into());
    }

    /// A promise, which the text states as it broke.
    pub fn promise(&mut self, holds: bool, broken: impl FnOnce() -> String) {
        if !holds {
            let broken = broken();
            eprintln!("BROKEN: {broken}");
            self.broken.push(broken);
        }
    }

    /// Prints everything and says how it went.
    pub fn finish(mut self, outcome: anyhow::Result<()>) -> ExitCode {
        if let Err(error) = outcome {
            self.promise(false, || format!("the scenario did not end: {error:#}"));
        }
        let has_passed = self.broken.is_empty();
        let seconds = rounded(self.started.elapsed().as_secs_f64());
        self.set("seconds", seconds);
        self.set("passed", has_passed);
        let broken = std::mem::take(&mut self.broken);
        self.set("broken", broken);
        println!("{}", Value::Object(self.measured));
        if has_passed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// With three digits after the point.
pub fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// Milliseconds with three digits after the point.
pub fn milliseconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1_000.0)
}

/// The value below which that share of the values lies.
pub fn quantile<T: Copy + Ord>(values: &[T], share: f64) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}
