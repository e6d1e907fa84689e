//! A copy of the project's sources.

use std::{fs, path::Path};

use anyhow::Context as _;

/// What is no source: results, what fuzzing learned and may just be changing,
/// and what is kept for other tools.
const LEFT_OUT: [&str; 4] = ["target", ".git", "corpus", "artifacts"];

/// Copies a project.
pub fn sources(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let (path, copy) = (entry.path(), to.join(&name));
        if entry.file_type()?.is_dir() {
            sources(&path, &copy)?;
        } else {
            fs::copy(&path, &copy).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
