//! Hostile guests: each file in `tests/hostile` attacks one thing and says
//! what must happen. Here it becomes a component and is run beside analytics
//! that must not notice.

mod component;
pub mod events;
mod generated;
mod header;
mod mutation;
mod stage;
mod value;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

pub use header::{Expectation, Group, Header, Reason};
pub use mutation::{Mutation, mutations};
pub use stage::{Contained, Stage};

use crate::root;

/// Attacks only events that come late in the life of a daemon.
const WAKING: &str = "(func $inspect (param $tables i32) (param $count i32) (result i32)
  (if (i64.lt_u (call $event (local.get $tables) (i32.const 0)) (i64.const 10000))
    (then (return (call $silence))))
  (call $attack (local.get $tables) (local.get $count)))
";

/// A hostile guest.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Its file's name without the ending, and its identifier unless it says
    /// another.
    pub name: String,
    /// What it says of itself.
    pub header: Header,
    text: String,
}

/// Where the guests are.
pub fn folder() -> PathBuf {
    root().join("tests/hostile")
}

/// All guests by name.
pub fn guests() -> anyhow::Result<Vec<Guest>> {
    let mut guests = Vec::new();
    for entry in fs::read_dir(folder())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            guests.push(Guest::read(&path).with_context(|| path.display().to_string())?);
        }
    }
    guests.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(guests)
}

/// The list of all guests as the folder's README ends with it.
pub fn list(guests: &[Guest]) -> String {
    let mut list = String::new();
    for group in Group::all() {
        list += &format!(
            "\n### {}\n\n| guest | attack | outcome |\n| --- | --- | --- |\n",
            group.name()
        );
        for guest in guests.iter().filter(|guest| guest.header.group == group) {
            list += &format!(
                "| [{0}]({0}.wat) | {1} | {2} |\n",
                guest.name, guest.header.attack, guest.header.expect
            );
        }
    }
    list
}

impl Guest {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)?;
        Ok(Self {
            name: stem(path),
            header: Header::read(&text)?,
            text,
        })
    }

    /// Its component.
    pub fn component(&self) -> anyhow::Result<Vec<u8>> {
        component::build(&self.name, &self.header, &self.text)
            .with_context(|| format!("{} is no component", self.name))
    }

    /// The same guest, working well until the daemon has taken in so many events
    /// that it is no longer being tried out; none of one that does not attack in
    /// `inspect`.
    pub fn sleeper(&self) -> Option<Self> {
        if !self.text.contains("(func $inspect ") {
            return None;
        }
        Some(Self {
            name: format!("{}-later", self.name),
            header: self.header.clone(),
            text: format!("{}{WAKING}", self.text.replace("$inspect", "$attack")),
        })
    }

    /// What it calls itself.
    pub fn id(&self) -> &str {
        let described = self.header.describe.as_ref();
        described
            .and_then(|described| described.get("id"))
            .and_then(serde_json::Value::as_str)
            .unwrap_or(&self.name)
    }
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}
