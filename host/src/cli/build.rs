//! `sandtrap build`: from analytic crates to components.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{DEFAULT_FOLDER, password::Password, sign::sign};
use crate::{build::build, trust::SecretKey};

/// Compile analytics to components.
///
/// Each crate is compiled for wasm32-unknown-unknown, so that it imports the
/// capabilities it uses and nothing else, and encoded as a component. The
/// target is installed through rustup if it is missing. `sandtrap run` wants
/// components that are signed, with `--sign` or afterwards with `sandtrap sign`.
#[derive(Debug, Args)]
pub struct Build {
    /// An analytic's crate, or a folder of them.
    #[arg(default_value = "analytics")]
    paths: Vec<PathBuf>,
    /// Where the components go.
    #[arg(long, short, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    output: PathBuf,
    /// Sign what was built with this secret key.
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    #[command(flatten)]
    password: Password,
}

impl Build {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        // A key that does not open is better known before minutes of compiling.
        let key = match &self.sign {
            Some(path) => Some(SecretKey::read(path, || self.password.ask())?),
            None => None,
        };
        let mut built = Vec::new();
        build(&self.paths, &self.output, &mut |path, size| {
            println!("{}  {} kB", path.display(), size.div_ceil(1000));
            built.push(path.to_owned());
        })?;
        if let Some(key) = key {
            for (_, _, signed) in sign(&key, &built, None)? {
                println!("{}", signed.signature.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
