//! Controls that can be taken away, one at a time, to see that the gallery
//! would notice.

use std::fs;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::folder;

/// A control, and how it is taken away.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutation {
    /// What the control is.
    pub name: String,
    /// The file it is in, from the project's root.
    pub file: String,
    /// Text that stands there once.
    pub find: String,
    /// What stands there without the control.
    pub replace: String,
    /// What the control is for.
    pub why: String,
    /// Guests of which at least one must then fail.
    pub guests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mutation: Vec<Mutation>,
}

/// All of them.
pub fn mutations() -> anyhow::Result<Vec<Mutation>> {
    let path = folder().join("mutations.toml");
    let text = fs::read_to_string(&path)?;
    let file: File = toml::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(file.mutation)
}

impl Mutation {
    /// The file's text without the control.
    pub fn apply(&self, text: &str) -> anyhow::Result<String> {
        let times = text.matches(&self.find).count();
        ensure!(
            times == 1,
            "{}: `{}` stands {times} times in {}, not once",
            self.name,
            self.find,
            self.file
        );
        ensure!(self.find != self.replace, "{} changes nothing", self.name);
        Ok(text.replace(&self.find, &self.replace))
    }
}
