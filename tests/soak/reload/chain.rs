//! An analytic that is replaced half-way through an attack.

use std::{path::Path, time::Duration};

use anyhow::Context;
use serde_json::Value;

use super::{LIMIT, read, replace::put};
use crate::{
    daemon::Setup,
    findings::Findings,
    generator::{Generator, Plan},
    report::Report,
    tally, wait,
};

/// The analytic that finds the attack, and its file.
pub const ID: &str = "AN1252";
pub const FILE: &str = "an1252_powershell_chain.wasm";

fn halves(seed: u64) -> [Vec<u8>; 2] {
    Generator::new(&Plan {
        seed,
        series: "chain".to_owned(),
        devices: 1,
        pace: 1,
        serial_every: 0,
        attack_every: 0,
    })
    .attack_in_two()
}

/// Sends a whole attack.
pub fn send(setup: &Setup, seed: u64) -> anyhow::Result<()> {
    for half in halves(seed) {
        setup.sender()?.deliver(&half, LIMIT)?;
    }
    Ok(())
}

/// Sends the first half, replaces the analytic, and sends the second.
pub fn check(setup: &Setup, folder: &Path, seed: u64, report: &mut Report) -> anyhow::Result<()> {
    let [first, second] = halves(seed);
    let (sender, operator) = (setup.sender()?, setup.operator()?);
    sender.deliver(&first, LIMIT)?;
    let path = format!("/api/v1/analytics/{ID}");
    let sha256 = || -> anyhow::Result<String> {
        let analytic = operator.get(&path)?;
        let sha256 = analytic.get("sha256").and_then(Value::as_str);
        Ok(sha256.context("an analytic without a hash")?.to_owned())
    };
    let before = sha256()?;
    let unfinished = Findings::read(&setup.findings(), true)?.count();
    put(
        folder,
        FILE,
        &tally::rebuilt(&read(folder, FILE)?, "half-way"),
        false,
    )?;
    operator.reload()?;
    wait::until(
        "the analytic to be replaced",
        Duration::from_secs(60),
        || Ok((sha256()? != before).then_some(())),
    )?;
    sender.deliver(&second, LIMIT)?;
    let found = Findings::read(&setup.findings(), true)?;
    let is_found = unfinished == 0 && found.by_analytic.contains_key(ID);
    report.set("chain_across_versions_found", is_found);
    report.promise(is_found, || {
        format!(
            "an attack was begun under one version of {ID} and completed under another: \
             {unfinished} findings before, then {:?}",
            found.by_analytic
        )
    });
    Ok(())
}
