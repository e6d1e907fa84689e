//! `sandtrap sign`: manifests, and signatures over them.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    engine,
    list::names,
    output::{Output, item},
    password::Password,
};
use crate::{
    analytic::Prepared,
    config::BudgetConfig,
    engine::Engine,
    trust::{Manifest, SecretKey, Signed},
};

/// Sign analytics.
///
/// Each component is loaded and asked what it is. A manifest with that, its
/// hash and what it asks for is written beside it as NAME.manifest.json, and the
/// signature over the manifest as NAME.manifest.KEY.minisig. A manifest that is
/// there and says the same is signed as it is, so that several keys can sign.
#[derive(Debug, Args)]
pub struct Sign {
    /// The components.
    #[arg(required = true, value_name = "FILE.wasm")]
    files: Vec<PathBuf>,
    /// The secret key, as `sandtrap keygen` or minisign made it.
    #[arg(long, short, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    password: Password,
    /// What they ask to use beyond the defaults, under a name of
    /// `[analytics.ID.budget]`. Repeatable. Without it, what a manifest of the
    /// same component asks for stays.
    #[arg(long, value_name = "NAME=NUMBER")]
    budget: Vec<String>,
    #[command(flatten)]
    output: Output,
}

impl Sign {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let budget = match self.budget.as_slice() {
            [] => None,
            texts => Some(budget(texts)?),
        };
        let key = SecretKey::read(&self.key, || self.password.ask())?;
        let signed = sign(&key, &self.files, budget.as_ref())?;
        if self.output.is_json() {
            for (path, manifest, signed) in &signed {
                println!("{}", line(path, manifest, signed));
            }
        } else {
            print!("{}", text(&signed));
        }
        for (path, _, signed) in &signed {
            if !signed.dropped.is_empty() {
                let keys: Vec<String> = signed.dropped.iter().map(ToString::to_string).collect();
                eprintln!(
                    "warning: {} is another component than before, or asks for something else; \
                     the signatures of {} were over the old manifest and were removed",
                    path.display(),
                    keys.join(", ")
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What was signed, and how.
pub type Done = (PathBuf, Manifest, Signed);

/// Signs components; nothing is written before all of them loaded.
pub fn sign(
    key: &SecretKey,
    files: &[PathBuf],
    budget: Option<&BudgetConfig>,
) -> anyhow::Result<Vec<Done>> {
    let engine = engine()?;
    let mut ready = Vec::new();
    for path in files {
        let manifest = manifest(&engine, path, budget);
        ready.push((path, manifest.with_context(|| path.display().to_string())?));
    }
    let mut done = Vec::new();
    for (path, manifest) in ready {
        let signed = key
            .sign(path, &manifest)
            .with_context(|| path.display().to_string())?;
        done.push((path.clone(), manifest, signed));
    }
    Ok(done)
}

fn manifest(
    engine: &Engine,
    path: &Path,
    budget: Option<&BudgetConfig>,
) -> anyhow::Result<Manifest> {
    let prepared = Prepared::load(engine, path)?;
    let known = || Manifest::beside(path).filter(|known| known.sha256 == prepared.reference.sha256);
    let budget = match budget {
        Some(budget) => budget.clone(),
        None => known().map(|known| known.budget).unwrap_or_default(),
    };
    Manifest::of(&prepared, budget).context("its manifest cannot be signed")
}

/// A budget from texts such as `memory_mib=128`.
fn budget(texts: &[String]) -> anyhow::Result<BudgetConfig> {
    let mut keys = Map::new();
    for text in texts {
        let (name, number) = text
            .split_once('=')
            .with_context(|| format!("--budget {text}: write such as memory_mib=128"))?;
        let Ok(number) = number.parse::<u32>() else {
            bail!("--budget {text}: `{number}` is not a whole number, or is far too large");
        };
        keys.insert(name.to_owned(), number.into());
    }
    let budget: BudgetConfig = serde_json::from_value(Value::Object(keys)).context("--budget")?;
    let problems = budget.problems("--budget ");
    ensure!(problems.errors.is_empty(), "{problems}");
    Ok(budget)
}

fn line(path: &Path, manifest: &Manifest, signed: &Signed) -> Value {
    json!({
        "path": path,
        "key": signed.key.to_string(),
        "signature": signed.signature,
        "new_manifest": signed.is_new,
        "dropped": signed.dropped.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "manifest": manifest,
    })
}

fn text(signed: &[Done]) -> String {
    let mut text = String::new();
    for (_, manifest, signed) in signed {
        text += &format!("{} {}\n", manifest.id, manifest.version);
        text += &requests(manifest);
        text += &item("signed as", &signed.signature.display().to_string());
    }
    text
}

/// What a manifest asks for.
pub fn requests(manifest: &Manifest) -> String {
    [
        item("capabilities", &names(&manifest.grants)),
        item("events", &join(&manifest.events)),
        item("fields", &join(&manifest.fields)),
        item("budget", &budget_text(&manifest.budget)),
    ]
    .concat()
}

/// Names as one text.
pub fn join<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    names.join(" ")
}

/// What a budget asks for, as the options that say so.
pub fn budget_text(budget: &BudgetConfig) -> String {
    let Ok(Value::Object(keys)) = serde_json::to_value(budget) else {
        return String::new();
    };
    let keys: Vec<String> = keys
        .iter()
        .map(|(name, number)| format!("{name}={number}"))
        .collect();
    if keys.is_empty() {
        "default".to_owned()
    } else {
        keys.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_as_they_are_shown() {
        let text = "memory_mib=128 call_ms=500";
        let texts: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let read = budget(&texts).unwrap();
        assert_eq!((read.memory_mib, read.call_ms), (Some(128), Some(500)));
        let mut shown: Vec<String> = budget_text(&read).split(' ').map(str::to_owned).collect();
        shown.sort();
        assert_eq!(shown, ["call_ms=500", "memory_mib=128"]);
        for (wrong, words) in [
            ("memory_mib", "such as memory_mib=128"),
            ("memory_mib=much", "`much` is not a whole number"),
            ("memory_mib=-1", "`-1` is not a whole number"),
            (
                "memory_mib=0",
                "--budget memory_mib: 0 is out of bounds; write a number from 1 to 4096",
            ),
            ("memory_mib=4097", "1 to 4096"),
            ("memory=1", "memory_mib"),
        ] {
            let error = format!("{:#}", budget(&[wrong.to_owned()]).unwrap_err());
            assert!(error.contains(words), "{wrong}: {error}");
            assert!(!error.contains("digit found"), "{wrong}: {error}");
        }
    }
}
