//! `sandtrap inspect`: what a component is before anyone trusts it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{
    engine,
    list::names,
    output::{Output, item},
    sign::budget_text,
};
use crate::{
    analytic::Prepared,
    bindings::exports::sandtrap::analytic::detector::{Comparison, Step},
    config::BudgetConfig,
    sinks::terminal::neutral,
    trust::{Manifest, TrustError, beside},
};

/// Show what a component is, what it may reach and what can be tuned.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The component.
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

impl Inspect {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let engine = engine()?;
        let prepared =
            Prepared::load(&engine, &self.file).with_context(|| self.file.display().to_string())?;
        let signed = signed_by(&self.file);
        if self.output.is_json() {
            let signed = signed.unwrap_or_default();
            println!("{:#}", object(&prepared, &signed, &budget(&self.file)));
        } else {
            print(&prepared, &signed, &budget(&self.file));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The keys that signatures lie there of, which proves nothing yet.
fn signed_by(file: &Path) -> Result<Vec<String>, TrustError> {
    let signatures = beside(file)?.signatures;
    Ok(signatures.iter().map(|(key, _)| key.to_string()).collect())
}

/// What the manifest beside it asks to use, whoever wrote it.
fn budget(file: &Path) -> BudgetConfig {
    let manifest = Manifest::beside(file);
    manifest.map(|manifest| manifest.budget).unwrap_or_default()
}

fn object(prepared: &Prepared, signed_by: &[String], budget: &BudgetConfig) -> serde_json::Value {
    let description = &prepared.description;
    let settings: Vec<_> = description
        .settings
        .iter()
        .map(|setting| {
            json!({
                "name": setting.name,
                "default": default(&setting.default_value),
                "official": setting.official,
                "description": setting.description,
            })
        })
        .collect();
    let subscriptions: Vec<_> = description
        .subscriptions
        .iter()
        .map(|subscription| {
            json!({
                "class": subscription.class,
                "when": predicate(&subscription.predicate),
                "fields": subscription.fields,
            })
        })
        .collect();
    let log_sources: Vec<_> = description
        .log_sources
        .iter()
        .map(|source| {
            json!({
                "component": source.component.id,
                "component_name": source.component.name,
                "name": source.name,
                "channel": source.channel,
            })
        })
        .collect();
    json!({
        "id": description.id,
        "name": description.name,
        "version": description.version,
        "signed_by": signed_by,
        "budget": budget,
        "summary": description.summary,
        "technique": { "id": description.technique.id, "name": description.technique.name },
        "tactics": description.tactics,
        "strategy": description.strategy.as_ref().map(|strategy| json!({
            "id": strategy.id, "name": strategy.name,
        })),
        "platforms": description.platforms,
        "log_sources": log_sources,
        "capabilities": prepared.requested,
        "subscriptions": subscriptions,
        "settings": settings,
        "inputs": description.inputs.iter().map(|input| json!({
            "name": input.name, "cost": input.cost,
        })).collect::<Vec<_>>(),
        "bytes": prepared.size,
        "sha256": prepared.reference.sha256,
    })
}

fn default(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::String(text.to_owned()))
}

fn print(prepared: &Prepared, signed: &Result<Vec<String>, TrustError>, budget: &BudgetConfig) {
    let description = &prepared.description;
    line(&format!("{}  {}", description.id, description.name));
    line(&format!("  version       {}", description.version));
    let technique = &description.technique;
    line(&format!(
        "  technique     {} {} ({})",
        technique.id,
        technique.name,
        description.tactics.join(", ")
    ));
    if let Some(strategy) = &description.strategy {
        line(&format!(
            "  strategy      {} {}",
            strategy.id, strategy.name
        ));
    }
    line(&format!("  capabilities  {}", names(&prepared.requested)));
    print!("{}", item("budget", &budget_text(budget)));
    line(&format!("  size          {} bytes", prepared.size));
    line(&format!("  sha256        {}", prepared.reference.sha256));
    match signed {
        Ok(keys) if keys.is_empty() => line("  signed by     nobody"),
        Ok(keys) => line(&format!(
            "  signed by     {} (`sandtrap verify` checks it)",
            keys.join(" ")
        )),
        Err(error) => line(&format!("  signed by     unclear: {error}")),
    }
    println!();
    line(&description.summary);
    heading("Log sources");
    for source in &description.log_sources {
        line(&format!(
            "  {} {}: {} {}",
            source.component.id, source.component.name, source.name, source.channel
        ));
    }
    heading("Subscriptions");
    for subscription in &description.subscriptions {
        line(&format!("  {}", subscription.class));
        if !subscription.predicate.is_empty() {
            line(&format!(
                "    when    {}",
                predicate(&subscription.predicate)
            ));
        }
        line(&format!("    fields  {}", subscription.fields.join(", ")));
    }
    heading("Settings");
    for setting in &description.settings {
        let official = if setting.official { "  (official)" } else { "" };
        line(&format!(
            "  {} = {}{official}",
            setting.name, setting.default_value
        ));
        line(&format!("    {}", setting.description));
    }
    if !description.inputs.is_empty() {
        heading("Weaker without");
        for input in &description.inputs {
            line(&format!("  {}: {}", input.name, input.cost));
        }
    }
}

/// Prints a line, whatever the analytic has put into it.
fn line(text: &str) {
    println!("{}", neutral(text));
}

fn heading(text: &str) {
    println!("\n{text}");
}

/// A predicate as a reader writes it, from its postfix steps.
fn predicate(steps: &[Step]) -> String {
    let mut stack: Vec<String> = Vec::new();
    for step in steps {
        let text = match step {
            Step::Text(test) => format!(
                "{} {} {}",
                test.field,
                match test.comparison {
                    Comparison::Equals => "is",
                    Comparison::StartsWith => "starts with",
                    Comparison::EndsWith => "ends with",
                    Comparison::Contains => "contains",
                },
                some(&test.values)
            ),
            Step::Number(test) => {
                let ranges: Vec<String> = test.ranges.iter().map(range).collect();
                format!("{} in {}", test.field, some(&ranges))
            }
            Step::Present(field) => format!("{field} is known"),
            Step::AllOf(count) => join(&mut stack, *count, " and "),
            Step::AnyOf(count) => join(&mut stack, *count, " or "),
            Step::Negate => format!("not ({})", stack.pop().unwrap_or_default()),
        };
        stack.push(text);
    }
    stack.pop().unwrap_or_else(|| "always".to_owned())
}

fn range((low, high): &(u64, u64)) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low}..{high}")
    }
}

fn join(stack: &mut Vec<String>, count: u32, word: &str) -> String {
    let from = stack.len().saturating_sub(count as usize);
    let parts = stack.split_off(from);
    if parts.len() == 1 {
        parts.concat()
    } else {
        format!("({})", parts.join(word))
    }
}

/// The first few of many.
fn some(values: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = values.iter().take(SHOWN).map(String::as_str).collect();
    match values.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} or {more} more", shown.join(" | ")),
        _ => shown.join(" | "),
    }
}
