//! `sandtrap compile-worker`: compiles one component, from standard input to
//! standard output. Started by the other commands.

use std::{process::ExitCode, time::Duration};

use clap::Args;

use crate::compiler::{OUT_OF_MEMORY, Outcome, REFUSED, compile_confined};

/// Compile a component from standard input to standard output.
#[derive(Debug, Args)]
pub struct CompileWorker {
    /// Address space it may take, in bytes.
    #[arg(long)]
    memory: u64,
    /// How long it may keep a processor.
    #[arg(long)]
    seconds: u64,
}

impl CompileWorker {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let outcome = compile_confined(self.memory, Duration::from_secs(self.seconds))?;
        Ok(match outcome {
            Outcome::Compiled => ExitCode::SUCCESS,
            Outcome::Refused(reason) => {
                eprintln!("{reason}");
                ExitCode::from(REFUSED)
            }
            Outcome::OutOfMemory => ExitCode::from(OUT_OF_MEMORY),
        })
    }
}
