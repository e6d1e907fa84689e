//! The password of a secret key: from a file, or from whoever sits there.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Args;
use console::Term;

/// Longest password, in bytes; minisign takes no longer one.
const LONGEST: usize = 1024;

#[derive(Debug, Args)]
pub struct Password {
    /// File whose first line is the password of the secret key. Without it, the
    /// password is asked for.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Password {
    /// The password of a key that has one.
    pub fn ask(&self) -> io::Result<String> {
        self.get("Password: ")
    }

    /// A password for a new key.
    pub fn choose(&self) -> io::Result<String> {
        let password = self.get("Password for the secret key: ")?;
        if self.password_file.is_none() && self.get("The same again: ")? != password {
            return Err(io::Error::other("the two passwords differ"));
        }
        if password.is_empty() {
            let reason = "the password is empty; --no-password makes a key without one";
            return Err(io::Error::other(reason));
        }
        Ok(password)
    }

    fn get(&self, prompt: &str) -> io::Result<String> {
        let password = match &self.password_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    let reason = format!("cannot read the password in {}: {error}", path.display());
                    io::Error::new(error.kind(), reason)
                })?;
                text.lines().next().unwrap_or_default().to_owned()
            }
            None if io::stdin().is_terminal() => {
                let terminal = Term::stderr();
                terminal.write_str(prompt)?;
                terminal.read_secure_line()?
            }
            None => {
                let reason = "there is no terminal to ask for the password on; name a file that \
                              holds it with --password-file";
                return Err(io::Error::other(reason));
            }
        };
        if password.len() > LONGEST {
            let reason = format!("the password has more than {LONGEST} bytes");
            return Err(io::Error::other(reason));
        }
        Ok(password)
    }
}
