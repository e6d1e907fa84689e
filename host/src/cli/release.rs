//! `sandtrap release`: an analytic in quarantine is called again.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use serde::Deserialize;

use super::{
    client::{Connection, encoded},
    output::Output,
};
use crate::sinks::terminal::neutral;

/// Have an analytic in quarantine be called again.
#[derive(Debug, Args)]
pub struct Release {
    #[command(flatten)]
    connection: Connection,
    /// The analytic, by identifier, such as AN1252.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    output: Output,
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
        let text = client
            .post(&path, PATIENCE)
            .map_err(|error| error.naming("sandtrap status"))?;
        let answer: Answer = client.parse(&text)?;
        if self.output.is_json() {
            println!("{text}");
        } else {
            let (id, was) = (neutral(&answer.id), neutral(&answer.was));
            println!("{}", line(&id, &was));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(id: &str, was: &str) -> String {
    match was {
        "quarantined" => format!("{id} was in quarantine and is called with the next events"),
        was => format!("{id} was not in quarantine: it was {was}, and still is"),
    }
}
