//! How far a scan is, for whoever waits for it.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::scan::Progress;

/// A progress bar on a terminal, nothing elsewhere.
pub struct Bar(ProgressBar);

impl Bar {
    /// Not shown yet.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        Self(bar)
    }

    /// Shows where a scan is.
    pub fn show(&self, progress: Progress) {
        let (label, done, total, unit) = match progress {
            Progress::Reading(done, total) => ("reading", done, total, "{bytes}/{total_bytes}"),
            Progress::Analysing(done, total) => (
                "analysing",
                done,
                Some(total),
                "{human_pos}/{human_len} events",
            ),
        };
        if self.0.message() != label {
            let template = format!("{{msg:10}} {{bar:32}} {unit}  {{eta}}");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                self.0.set_style(style);
            }
            self.0.set_message(label);
        }
        if let Some(total) = total {
            self.0.set_length(total);
        }
        self.0.set_position(done);
    }

    /// Takes it away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
