//! `sandtrap config`: what a configuration may say, and whether one is right.

mod check;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Check a configuration, or print its schema or an example.
#[derive(Debug, Args)]
pub struct Config {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    /// Print the JSON schema, for editors.
    Schema,
    /// Print an example with every key, its default and what it does.
    Example,
}

/// Every key with its default and what it does.
pub const EXAMPLE: &str = include_str!("../../packaging/sandtrap.toml");

impl Config {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Check(check) => return check.run(),
            Verb::Schema => println!("{:#}", schema()),
            Verb::Example => print!("{EXAMPLE}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The JSON schema of the configuration.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(crate::config::Config).to_value()
}
