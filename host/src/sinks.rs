//! Where findings go.
//!
//! A [`Sink`] takes findings one at a time, in the order they were issued.
//! A source may be acknowledged once every sink has committed what came of it,
//! so a sink holds nothing back after [`Sink::commit`] that a crash could lose.

pub mod ndjson;
pub mod ocsf;
pub mod terminal;

#[cfg(test)]
mod sample;

use std::io;

use crate::finding::Finding;

/// A place that findings are sent to.
pub trait Sink {
    /// Names it in messages and metrics.
    fn name(&self) -> &str;

    /// Takes a finding; it may still be in memory afterwards.
    fn write(&mut self, finding: &Finding) -> Result<(), SinkError>;

    /// Makes sure that everything taken so far has left this program.
    fn commit(&mut self) -> Result<(), SinkError>;

    /// Called once, after the last finding: for what can only be said at the
    /// end.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.commit()
    }
}

/// Why a sink could not take a finding.
#[derive(Debug, thiserror::Error)]
#[error("{sink}: {step} failed")]
pub struct SinkError {
    /// The sink's name.
    pub sink: String,
    /// What it was doing.
    pub step: &'static str,
    /// What went wrong.
    #[source]
    pub source: io::Error,
}

impl SinkError {
    /// Whether the reader went away, which is how `sandtrap … | head` ends and
    /// no fault of anyone.
    pub fn is_closed(&self) -> bool {
        self.source.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Turns an I/O error into a [`SinkError`] of that sink and step.
fn failed(sink: &str, step: &'static str) -> impl FnOnce(io::Error) -> SinkError {
    move |source| SinkError {
        sink: sink.to_owned(),
        step,
        source,
    }
}

/// The part of a path behind its last separator, or all of it.
fn base_name(path: &str) -> &str {
    match path.rsplit(['\\', '/']).next() {
        Some(name) if !name.is_empty() => name,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_names() {
        assert_eq!(base_name(r"C:\Windows\cmd.exe"), "cmd.exe");
        assert_eq!(base_name("/bin/sh"), "sh");
        assert_eq!(base_name("System"), "System");
        assert_eq!(base_name(r"C:\"), r"C:\");
        assert_eq!(base_name(""), "");
    }
}
