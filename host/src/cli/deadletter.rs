//! `sandtrap deadletter`: what could not be handled, and trying it again.

mod list;
mod replay;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::{daemon::repairs::REASONS, sinks::terminal::neutral};

/// List, show and replay what could not be handled.
#[derive(Debug, Args)]
pub struct Deadletter {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    Replay(replay::Replay),
}

impl Deadletter {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::Replay(command) => command.run(),
        }
    }
}

/// Where the letters are.
const PATH: &str = "/api/v1/deadletters";

/// Only some letters.
#[derive(Debug, Args)]
struct Filter {
    /// Only those that this analytic could not handle.
    #[arg(long, value_name = "ID")]
    analytic: Option<String>,
    /// Only those for this reason.
    #[arg(long, value_name = "WORD", value_parser = REASONS)]
    reason: Option<String>,
}

impl Filter {
    /// A query with this filter added.
    fn add_to(&self, mut query: String) -> String {
        for (name, value) in [("analytic", &self.analytic), ("reason", &self.reason)] {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={}", super::client::encoded(value)));
            }
        }
        query
    }

    /// What is said when no letter is like this.
    fn nothing(&self) -> String {
        let mut text = "no dead letters".to_owned();
        if let Some(analytic) = &self.analytic {
            text.push_str(&format!(" about an analytic `{}`", neutral(analytic)));
        }
        if let Some(reason) = &self.reason {
            text.push_str(&format!(" with the reason {reason}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_for_and_not_found_is_named() {
        let mut filter = Filter {
            analytic: None,
            reason: None,
        };
        assert_eq!(filter.nothing(), "no dead letters");
        filter.analytic = Some("AN\u{1b}1".to_owned());
        filter.reason = Some("trap".to_owned());
        assert_eq!(
            filter.nothing(),
            "no dead letters about an analytic `AN␛1` with the reason trap"
        );
    }
}
