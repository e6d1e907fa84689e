//! `sandtrap deadletter`: what could not be handled, and trying it again.

mod list;
mod replay;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

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
    /// Only those for this reason, such as undecodable, trap or deadline.
    #[arg(long, value_name = "WORD")]
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
}
