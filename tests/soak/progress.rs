//! How far a scenario is: a bar on a terminal, a line elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// One part of a scenario.
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins a part that takes so many steps.
    pub fn start(what: &str, steps: u64) -> Self {
        let bar = ProgressBar::new(steps);
        if bar.is_hidden() {
            eprintln!("{what}");
        }
        let template = "{msg} {bar:32} {human_pos}/{human_len}  {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Shows where it is.
    pub fn at(&self, step: u64) {
        self.0.set_position(step);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
