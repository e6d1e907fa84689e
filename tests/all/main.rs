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
/// Compiling in a process of its own, and what that process cannot do.
mod compiling;
/// One misbehaving analytic, and what the others still find.
mod containment;
/// What every analytic must keep to.
mod contract;
/// The daemon's core: restarts, replaced analytics, bad files.
mod daemon;
/// Event logs made to cost more than they hold.
mod evtx;
/// The fuzz targets, with seeds and deterministic changes.
mod fuzz;
/// What a hardened daemon still does, and what it no longer can.
#[cfg(target_os = "linux")]
mod hardening;
/// Guests that attack, one thing each, and what becomes of them.
mod hostile;
/// The same events, the same findings, over real telemetry.
mod invariants;
/// Dead letters: kept, tried again, and waiting for who is not called.
mod letters;
/// Recorded attacks and look-alikes. A new detection belongs there.
mod scenarios;
/// Keys, manifests and signatures, from the vendor to the operator.
mod signing;
/// The repository's own rules: who depends on whom, what is documented.
mod tidy;
