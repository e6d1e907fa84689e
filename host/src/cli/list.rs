//! `sandtrap list`: the installed analytics.

use std::process::ExitCode;

use clap::Args;
use comfy_table::Table;
use serde_json::json;

use super::{
    Installed,
    loaded::Loaded,
    output::{self, Output},
};
use crate::capabilities::Grants;

/// List the installed analytics.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    installed: Installed,
    #[command(flatten)]
    output: Output,
}

impl List {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let loaded = self.installed.look()?;
        if self.output.is_json() {
            lines(&loaded);
        } else {
            println!("{}", table(&loaded));
        }
        Ok(if loaded.is_complete() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(2)
        })
    }
}

fn lines(loaded: &Loaded) {
    for one in loaded.catalog.analytics() {
        let about = &one.prepared().reference;
        let line = json!({
            "id": about.id,
            "name": about.name,
            "version": about.version,
            "technique": about.technique.0,
            "capabilities": one.prepared().requested,
            "subscriptions": one.prepared().description.subscriptions.len(),
            "bytes": one.prepared().size,
            "sha256": about.sha256,
            "path": one.path,
        });
        println!("{line}");
    }
}

fn table(loaded: &Loaded) -> Table {
    let header = ["ID", "NAME", "VERSION", "TECHNIQUE", "CAPABILITIES", "SIZE"];
    let mut table = output::table(&header, 5..6);
    for one in loaded.catalog.analytics() {
        let about = &one.prepared().reference;
        table.add_row([
            about.id.clone(),
            about.name.clone(),
            about.version.clone(),
            format!("{} {}", about.technique.0, about.technique.1),
            names(&one.prepared().requested),
            format!("{} kB", one.prepared().size.div_ceil(1000)),
        ]);
    }
    table
}

/// The capabilities as one text.
pub fn names(grants: &Grants) -> String {
    let names: Vec<&str> = grants.iter().map(|capability| capability.name()).collect();
    names.join(" ")
}
