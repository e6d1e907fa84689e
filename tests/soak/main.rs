//! Soak tests: scenarios that drive a real daemon process for a long time or
//! treat it badly, measure what it does, and say whether it kept its promises.
//!
//! One JSON object goes to standard output, all else to standard error. The
//! exit code is 0 only if every promise held. Everything happens in a
//! temporary folder and on the loopback interface, and no process outlives
//! this one.

#![allow(
    missing_docs,
    reason = "the modules of a program are read, not published"
)]

mod bench;
mod client;
mod daemon;
mod damaged;
mod findings;
mod generator;
mod hostile;
mod kill;
mod memory;
mod mutations;
mod neighbour;
mod process;
mod progress;
mod reload;
mod report;
mod shippers;
mod stream;
mod tally;
mod wait;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use self::{bench::Bench, report::Report};

/// Drives a real daemon and says whether it kept its promises.
#[derive(Debug, Parser)]
struct Cli {
    /// What to do.
    scenario: Scenario,
    /// How often: reloads, kills, events, events per client, or copies; at most
    /// so many guests or controls.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Only guests or controls with this in their name.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    only: String,
    /// Where the generated events and the random moments come from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keep the temporary folder.
    #[arg(long)]
    keep: bool,
    /// Fail if a client of `shippers` is not installed, instead of passing it
    /// over.
    #[arg(long)]
    require: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scenario {
    /// Replace analytics while events stream in.
    Reload,
    /// Kill the daemon at random moments.
    Kill,
    /// Have real clients deliver while the daemon restarts.
    Shippers,
    /// Watch its memory over many events.
    Memory,
    /// Drop hostile guests into its folder while events stream in.
    Hostile,
    /// Measure what a hostile guest costs the others.
    Neighbour,
    /// Take the host's controls away, and see that tests notice.
    Mutations,
    /// Scan and feed it damaged copies of recorded files.
    Damaged,
}

/// What a scenario is asked for.
pub struct Order {
    pub count: u64,
    pub only: String,
    pub seed: u64,
    pub is_required: bool,
}

/// More than there are guests or controls.
const ALL: u64 = 1_000;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (name, usual) = match cli.scenario {
        Scenario::Reload => ("reload", 1_000),
        Scenario::Kill => ("kill", 50),
        Scenario::Shippers => ("shippers", 10_000),
        Scenario::Memory => ("memory", 10_000_000),
        Scenario::Hostile => ("hostile", ALL),
        Scenario::Neighbour => ("neighbour", ALL),
        Scenario::Mutations => ("mutations", ALL),
        Scenario::Damaged => ("damaged", 2_100),
    };
    let order = Order {
        count: cli.count.unwrap_or(usual),
        only: cli.only,
        seed: cli.seed,
        is_required: cli.require,
    };
    let mut report = Report::new(name);
    report.set("count", order.count);
    report.set("seed", order.seed);
    wait::watch_signals();
    let outcome = Bench::new(cli.keep).and_then(|bench| match cli.scenario {
        Scenario::Reload => reload::run(&bench, &order, &mut report),
        Scenario::Kill => kill::run(&bench, &order, &mut report),
        Scenario::Shippers => shippers::run(&bench, &order, &mut report),
        Scenario::Memory => memory::run(&bench, &order, &mut report),
        Scenario::Hostile => hostile::run(&bench, &order, &mut report),
        Scenario::Neighbour => neighbour::run(&bench, &order, &mut report),
        Scenario::Mutations => mutations::run(&bench, &order, &mut report),
        Scenario::Damaged => damaged::run(&bench, &order, &mut report),
    });
    report.finish(outcome)
}
