//! `sandtrap status`: what the daemon does.

mod table;

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use clap::Args;

use super::{
    client::{Client, ClientError, Connection},
    output::Output,
};
use crate::daemon::board::Status as Told;

/// Show what the daemon does: analytics, sources, sinks.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
    /// Show it anew every two seconds, until Ctrl-C.
    #[arg(long, conflicts_with = "json")]
    watch: bool,
}

/// How often it is shown.
const INTERVAL: Duration = Duration::from_secs(2);

impl Status {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let is_terminal = std::io::stdout().is_terminal();
        let is_watched = self.watch && is_terminal && !self.output.is_json();
        anyhow::ensure!(
            is_watched || !self.watch,
            "--watch shows text on a terminal; for programs, ask with --json as often as you like"
        );
        let client = self.connection.client()?;
        if self.output.is_json() {
            let answer = client.get(PATH)?;
            // Checked before it is passed on to a program.
            client.parse::<Told>(&answer)?;
            println!("{answer}");
            return Ok(ExitCode::SUCCESS);
        }
        let told = ask(&client)?;
        if !self.watch {
            print!("{}", table::page(&told, jiff::Timestamp::now()));
            return Ok(ExitCode::SUCCESS);
        }
        watch(&client, told)
    }
}

const PATH: &str = "/api/v1/status";

fn ask(client: &Client) -> Result<Told, ClientError> {
    client.parse(&client.get(PATH)?)
}

/// Shows it until interrupted, or until something is wrong that time alone
/// does not mend.
fn watch(client: &Client, told: Told) -> anyhow::Result<ExitCode> {
    let terminal = console::Term::stdout();
    let mut page = table::page(&told, jiff::Timestamp::now());
    loop {
        terminal.clear_screen()?;
        terminal.write_str(&page)?;
        std::thread::sleep(INTERVAL);
        page = match ask(client) {
            Ok(told) => table::page(&told, jiff::Timestamp::now()),
            Err(error) if error.is_passing() => format!("{error}\n"),
            Err(error) => return Err(error.into()),
        };
    }
}
