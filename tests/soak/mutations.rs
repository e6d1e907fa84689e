//! Takes the host's controls away, one at a time and in a copy, and sees that
//! the gallery of hostile guests notices each time.

mod copy;

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context;
use sandtrap_tests::{
    hostile::{Mutation, mutations},
    root,
};
use serde_json::json;

use crate::{
    Order,
    bench::Bench,
    process::Process,
    progress::Progress,
    report::{Report, rounded},
    wait,
};

/// The test that must fail.
const TEST: &str = "hostile_guests_are_contained";

/// How long compiling and running it may take.
const LIMIT: Duration = Duration::from_secs(1_800);

pub fn run(bench: &Bench, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    let source = bench.folder("source")?;
    copy::sources(root(), &source)?;
    let mutations = mutations()?;
    // All of them fit before the first is tried, which takes its time.
    for mutation in &mutations {
        mutation.apply(&fs::read_to_string(source.join(&mutation.file))?)?;
    }
    let whole = test(&source, &bench.folder("logs")?.join("whole.log"), None)?;
    report.promise(whole.has_passed, || {
        format!(
            "with every control in place the gallery fails:\n{}",
            whole.ending()
        )
    });
    let wanted: Vec<&Mutation> = mutations
        .iter()
        .filter(|mutation| mutation.name.contains(&order.only))
        .take(order.count as usize)
        .collect();
    let progress = Progress::start("mutations", wanted.len() as u64);
    let mut summary = Vec::new();
    for (number, mutation) in wanted.into_iter().enumerate() {
        let log = bench.folder("logs")?.join(format!("{number}.log"));
        let started = Instant::now();
        let tested = without(mutation, &source, &log)?;
        let failed: Vec<&String> = mutation
            .guests
            .iter()
            .filter(|guest| tested.names(guest))
            .collect();
        let is_caught = !tested.has_passed && !failed.is_empty();
        report.promise(is_caught, || {
            format!(
                "without \"{}\" none of {:?} failed:\n{}",
                mutation.name,
                mutation.guests,
                tested.ending()
            )
        });
        summary.push(json!({
            "control": mutation.name,
            "why": mutation.why,
            "caught": is_caught,
            "failed": failed,
            "seconds": rounded(started.elapsed().as_secs_f64()),
        }));
        progress.at(number as u64 + 1);
    }
    report.set("controls", json!(summary));
    Ok(())
}

/// Tests without a control, which is back afterwards.
fn without(mutation: &Mutation, source: &Path, log: &Path) -> anyhow::Result<Tested> {
    let path = source.join(&mutation.file);
    let text = fs::read_to_string(&path)?;
    fs::write(&path, mutation.apply(&text)?)?;
    let tested = test(source, log, Some(&mutation.guests.join(",")));
    fs::write(&path, text)?;
    tested
}

/// How the test went.
struct Tested {
    has_passed: bool,
    said: String,
}

impl Tested {
    /// The last of what was said.
    fn ending(&self) -> &str {
        let start = self.said.len().saturating_sub(2_000);
        let start = self.said.ceil_char_boundary(start);
        self.said.get(start..).unwrap_or_default()
    }

    /// Whether a guest is in the table of those that did not do as they must.
    fn names(&self, guest: &str) -> bool {
        self.said
            .lines()
            .any(|line| line.split_whitespace().next() == Some(guest))
    }
}

/// Tests the guests with these names, or all.
fn test(source: &Path, log: &Path, guests: Option<&str>) -> anyhow::Result<Tested> {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--package", "sandtrap-tests", "--test", "all"])
        .args([TEST, "--", "--exact", &format!("hostile::{TEST}")])
        .current_dir(source)
        // Of its own: cargo would take what is compiled here for what it
        // compiled of the project itself.
        .env("CARGO_TARGET_DIR", root().join("target/mutations"));
    if let Some(guests) = guests {
        command.env("GUESTS", guests);
    }
    let mut process = Process::start("the test", command, log)?;
    let status = wait::until("the test to end", LIMIT, || process.ended())?;
    let said = fs::read(log).with_context(|| log.display().to_string())?;
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(Tested {
        has_passed: status.success(),
        said,
    })
}
