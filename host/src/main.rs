//! The `sandtrap` command.

use std::process::ExitCode;

use clap::Parser as _;
use sandtrap::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    leave_when_nobody_reads();
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            sandtrap::cli::exit_code(&error)
        }
    }
}

/// `sandtrap list | head` has seen enough when it closes the pipe, and that is
/// no defect to report.
fn leave_when_nobody_reads() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_closed = panic.payload_as_str().is_some_and(|text| {
            text.starts_with("failed printing to stdout") && text.contains("Broken pipe")
        });
        if is_closed {
            std::process::exit(0);
        }
        report(panic);
    }));
}
