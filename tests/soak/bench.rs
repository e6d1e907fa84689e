//! Where a scenario takes place: a temporary folder, the daemon's binary, and
//! the analytics.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use sandtrap_tests::{ANALYTICS, GUESTS, sandtrap_binary};
use tempfile::TempDir;

/// Everything a scenario needs.
pub struct Bench {
    folder: TempDir,
    /// The daemon.
    pub binary: PathBuf,
}

impl Bench {
    pub fn new(is_kept: bool) -> anyhow::Result<Self> {
        let mut folder = tempfile::Builder::new()
            .prefix("sandtrap-soak-")
            .tempdir()?;
        folder.disable_cleanup(is_kept);
        if is_kept {
            eprintln!("everything is kept in {}", folder.path().display());
        }
        eprintln!("building the daemon and the analytics");
        Ok(Self {
            folder,
            binary: sandtrap_binary()?,
        })
    }

    /// A folder of that name, made.
    pub fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A folder with the five analytics and the tally.
    pub fn analytics(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder(name)?;
        copy_components(&ANALYTICS, &folder)?;
        fs::copy(tally(), folder.join("tally.wasm"))?;
        Ok(folder)
    }

    /// A folder with the tally only.
    pub fn tally_only(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder(name)?;
        fs::copy(tally(), folder.join("tally.wasm"))?;
        Ok(folder)
    }
}

/// The test guest that counts.
fn tally() -> PathBuf {
    GUESTS.join("sandtrap_guest_tally.wasm")
}

fn copy_components(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let file = entry?.path();
        if let Some(name) = file.file_name()
            && file
                .extension()
                .is_some_and(|extension| extension == "wasm")
        {
            fs::copy(&file, to.join(name))?;
        }
    }
    Ok(())
}
