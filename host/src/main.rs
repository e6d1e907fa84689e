//! The `sandtrap` command.

use std::process::ExitCode;

use clap::Parser as _;
use sandtrap::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            sandtrap::cli::exit_code(&error)
        }
    }
}
