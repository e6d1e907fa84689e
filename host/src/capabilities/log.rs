//! The `log` capability: an analytic's words in the operator's log, cleaned
//! and limited in number, so that one cannot drown the others or forge lines.

use crate::{
    bindings::sandtrap::analytic::log::{Host, Level},
    instance::State,
    text::clean,
};

impl Host for State {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let Some(analytic) = self.log_line()? else {
            return Ok(());
        };
        // Whatever it writes must not read as if the host said it.
        let message = clean(&message);
        match level {
            Level::Debug => tracing::debug!(analytic, "the analytic says: {message}"),
            Level::Info => tracing::info!(analytic, "the analytic says: {message}"),
            Level::Warn => tracing::warn!(analytic, "the analytic says: {message}"),
        }
        Ok(())
    }
}
