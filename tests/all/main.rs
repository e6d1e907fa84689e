//! Tests through the real host with components built from source.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say where"
)]

/// The commands as a user runs them.
mod cli;
/// One misbehaving analytic, and what the others still find.
mod containment;
/// What every analytic must keep to.
mod contract;
/// The daemon's core: restarts, replaced analytics, bad files.
mod daemon;
/// The same events, the same findings, over real telemetry.
mod invariants;
/// Recorded attacks and look-alikes. A new detection belongs there.
mod scenarios;
/// The repository's own rules: who depends on whom, what is documented.
mod tidy;
