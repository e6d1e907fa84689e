//! Findings as lines of JSON, one OCSF Detection Finding each.

use std::io::Write;

use super::{Sink, SinkError, failed, ocsf};
use crate::finding::Finding;

/// How it is called in messages.
const NAME: &str = "ndjson";

/// Writes a line of JSON for every finding.
#[derive(Debug)]
pub struct Ndjson<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Ndjson<W> {
    /// A sink that writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            line: Vec::new(),
        }
    }

    /// Gives back what it writes to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Sink for Ndjson<W> {
    fn name(&self) -> &str {
        NAME
    }

    fn write(&mut self, finding: &Finding) -> Result<(), SinkError> {
        // The line is put together first so that it goes out in one piece:
        // whoever follows the output never sees half a document.
        self.line.clear();
        serde_json::to_writer(&mut self.line, &ocsf::detection_finding(finding))
            .map_err(|error| failed(NAME, "writing a finding")(error.into()))?;
        self.line.push(b'\n');
        self.out
            .write_all(&self.line)
            .map_err(failed(NAME, "writing a finding"))
    }

    fn commit(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(failed(NAME, "flushing findings"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::sample;

    #[test]
    fn a_finding_is_one_line() {
        let mut sink = Ndjson::new(Vec::new());
        sink.write(&sample::powershell_chain()).unwrap();
        sink.write(&sample::hostile()).unwrap();
        sink.finish().unwrap();
        let text = String::from_utf8(sink.into_inner()).unwrap();
        assert!(text.ends_with('\n'));
        assert_eq!(text.lines().count(), 2);
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
            assert!(!line.contains('\u{1b}'), "JSON escapes control characters");
        }
    }

    #[test]
    fn a_closed_pipe_is_told_apart() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let error = Ndjson::new(Closed)
            .write(&sample::powershell_chain())
            .unwrap_err();
        assert!(error.is_closed());
        assert_eq!(error.to_string(), "ndjson: writing a finding failed");
    }
}
