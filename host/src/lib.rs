//! Sandtrap hosts security-detection analytics that arrive as WebAssembly
//! components.
//!
//! The life of a batch, which is also the order to read the modules in:
//!
//! ```text
//! sources    bytes -> records, whatever their shape
//! normalise  records -> events of the vocabulary
//! sequence   events -> events in the order of their time
//! pipeline   events -> shards, by device
//! shard      lineage and signatures take the batch in, then every analytic
//!            is shown the rows and columns it subscribed to
//! issue      what an analytic says -> findings with evidence and process tree
//! sinks      findings -> OCSF or a report
//! ```
//!
//! [`scan::scan`] does all of it for recorded telemetry; the [`daemon`] does it
//! for live sources ([`ingest`], [`http`]) and sinks ([`outlet`]).

#![deny(missing_docs)]

pub mod admission;
pub mod analytic;
pub mod backtest;
pub mod baselines;
#[doc(hidden)]
pub mod bindings;
pub mod budget;
pub mod build;
pub mod cache;
pub mod capabilities;
pub mod catalog;
pub mod change;
#[doc(hidden)]
pub mod cli;
mod columns;
pub mod compiler;
pub mod config;
pub mod daemon;
pub mod engine;
pub mod error;
pub mod event;
pub mod evidence;
mod file;
pub mod finding;
#[doc(hidden)]
pub mod fuzzing;
pub mod grant;
pub mod harden;
pub mod http;
pub mod ingest;
pub mod instance;
mod issue;
pub mod lineage;
pub mod marks;
pub mod metrics;
pub mod normalise;
pub mod outlet;
#[cfg(test)]
mod packaging;
pub mod pipeline;
pub mod router;
pub mod scan;
pub mod scene;
pub mod sequence;
pub mod shard;
pub mod signatures;
pub mod sinks;
pub mod sources;
mod stored;
mod text;
pub mod trust;
pub mod vocabulary;
