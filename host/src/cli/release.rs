//! `sandtrap release`: an analytic in quarantine is called again.

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use clap::Args;
use serde::Deserialize;

use super::client::{Connection, encoded};
use crate::sinks::terminal::neutral;

/// Have an analytic in quarantine be called again.
#[derive(Debug, Args)]
pub struct Release {
    #[command(flatten)]
    connection: Connection,
    /// The analytic, by identifier, such as AN1252.
    #[arg(value_name = "ID")]
    id: String,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// How long events that wait may hold it up.
const PATIENCE: Duration = Duration::from_secs(320);

#[derive(Deserialize)]
struct Answer {
    id: String,
    was: String,
}

impl Release {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.client()?;
        let path = format!("/api/v1/analytics/{}/release", encoded(&self.id));
        let text = client.post(&path, PATIENCE)?;
        let answer: Answer = client.parse(&text)?;
        if self.json || !std::io::stdout().is_terminal() {
            println!("{text}");
        } else {
            let (id, was) = (neutral(&answer.id), neutral(&answer.was));
            println!("{id} was {was} and is called with the next events");
        }
        Ok(ExitCode::SUCCESS)
    }
}
