//! `sandtrap keygen`: a pair of keys to sign with.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;

use super::password::Password;
use crate::trust::{KeyPair, PublicKey};

/// Make a pair of keys to sign analytics with.
///
/// The public key is written beside the secret one, with the ending `.pub`.
/// Both are minisign's, so that minisign can use them as well.
#[derive(Debug, Args)]
pub struct Keygen {
    /// Where the secret key goes, readable by you alone.
    #[arg(long, short, value_name = "FILE", default_value = "sandtrap.key")]
    key: PathBuf,
    /// Replace keys that are there. What was signed with them stays signed, and
    /// nothing more can be.
    #[arg(long)]
    force: bool,
    /// Leave the secret key without a password, for machines that sign.
    #[arg(long, conflicts_with = "password_file")]
    no_password: bool,
    #[command(flatten)]
    password: Password,
}

impl Keygen {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let public = self.key.with_extension("pub");
        if public == self.key {
            bail!("--key names the secret key, whose file must not end in .pub");
        }
        for path in [&self.key, &public] {
            if !self.force && path.symlink_metadata().is_ok() {
                bail!(
                    "{} is there already; choose another name, or replace it with --force",
                    path.display()
                );
            }
        }
        let password = match self.no_password {
            true => None,
            false => Some(self.password.choose()?),
        };
        let pair = KeyPair::generate(password)?;
        let written = |path: &Path| format!("cannot write {}", path.display());
        self.write_secret(&pair.secret)
            .with_context(|| written(&self.key))?;
        self.write_public(&public, &pair.public)
            .with_context(|| written(&public))?;
        let key = PublicKey::parse(&pair.public)?;
        println!("key         {}", key.id());
        println!("secret key  {}", self.key.display());
        println!("public key  {}", public.display());
        println!("\nWhoever shall trust it writes into the configuration:\n");
        println!("[trust.keys.{}]", name(&self.key));
        let text = pair.public.lines().nth(1).unwrap_or_default();
        println!("public_key = \"{text}\"");
        Ok(ExitCode::SUCCESS)
    }

    /// Nobody else may read it, not even while it is being written, and
    /// whatever the permissions of what was there.
    fn write_secret(&self, text: &str) -> io::Result<()> {
        let folder = match self.key.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        if self.force {
            file.persist(&self.key)?;
        } else {
            file.persist_noclobber(&self.key)?;
        }
        Ok(())
    }

    fn write_public(&self, path: &Path, text: &str) -> io::Result<()> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .create_new(!self.force)
            .truncate(true)
            .open(path)?
            .write_all(text.as_bytes())
    }
}

/// A name for the key in the configuration, where only plain ones need no
/// quotes.
fn name(path: &Path) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .filter(|stem| !stem.is_empty() && stem.chars().all(is_plain))
        .unwrap_or("vendor")
        .to_owned()
}
