//! The sinks that the configuration names.

use std::collections::BTreeSet;

use super::{
    BulkDestination, Destination, FileDestination, Misconfigured, WebhookDestination, stdout,
};
use crate::config::{OnFull, Sinks};

/// A sink as configured.
pub struct Configured {
    /// Its name, by which the ledger finds again how far it came. It holds no
    /// secret: of a URL only host and port.
    pub name: String,
    /// What happens when its queue is full.
    pub on_full: OnFull,
    /// Where its findings go.
    pub destination: Box<dyn Destination>,
}

/// All sinks, each with a name of its own. Without any, findings go to
/// standard output. Nothing is opened or connected yet.
pub fn configured(sinks: &Sinks) -> Result<Vec<Configured>, Misconfigured> {
    let mut all = Vec::new();
    let mut names = BTreeSet::new();
    for file in &sinks.file {
        let name = format!("file:{}", file.path.display());
        if names.contains(&name) {
            return Err(Misconfigured::SameFile(file.path.display().to_string()));
        }
        let destination = Box::new(FileDestination::new(file));
        all.push(named(&mut names, name, OnFull::Block, destination));
    }
    for webhook in &sinks.webhook {
        let destination = Box::new(WebhookDestination::new(webhook)?);
        let name = format!("webhook:{}", destination.host());
        all.push(named(&mut names, name, webhook.on_full, destination));
    }
    for bulk in &sinks.bulk {
        let destination = Box::new(BulkDestination::new(bulk)?);
        let name = format!("bulk:{}/{}", destination.host(), bulk.index);
        all.push(named(&mut names, name, bulk.on_full, destination));
    }
    if sinks.stdout || all.is_empty() {
        let destination = stdout().map_err(|error| Misconfigured::Stdout(error.to_string()))?;
        let destination = Box::new(destination);
        let name = "stdout".to_owned();
        all.push(named(&mut names, name, OnFull::Block, destination));
    }
    Ok(all)
}

/// A second sink of the same name gets a number, in the order of the
/// configuration.
fn named(
    names: &mut BTreeSet<String>,
    name: String,
    on_full: OnFull,
    destination: Box<dyn Destination>,
) -> Configured {
    let numbered = (2..).map(|number: u64| format!("{name}#{number}"));
    let mut candidates = std::iter::once(name.clone()).chain(numbered);
    let name = candidates
        .find(|candidate| !names.contains(candidate))
        .unwrap_or(name);
    names.insert(name.clone());
    Configured {
        name,
        on_full,
        destination,
    }
}
