//! `sandtrap build`: from analytic crates to components.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::DEFAULT_FOLDER;
use crate::build::build;

/// Compile analytics to components.
///
/// Each crate is compiled for wasm32-unknown-unknown, so that it imports the
/// capabilities it uses and nothing else, and encoded as a component. The
/// target is installed through rustup if it is missing.
#[derive(Debug, Args)]
pub struct Build {
    /// An analytic's crate, or a folder of them.
    #[arg(default_value = "analytics")]
    paths: Vec<PathBuf>,
    /// Where the components go.
    #[arg(long, short, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    output: PathBuf,
}

impl Build {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        build(&self.paths, &self.output, &mut |path, size| {
            println!("{}  {} kB", path.display(), size.div_ceil(1000));
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
