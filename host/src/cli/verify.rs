//! `sandtrap verify`: whether components would be run, and who signed them.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::{
    engine,
    list::names,
    sign::{budget_text, join},
};
use crate::{
    admission::admit,
    config::{Config, Trust, TrustedKey},
    engine::Engine,
    trust::{Manifest, Policy, PublicKey, Vouched},
};

/// Tell whether components are signed by whom they should be.
///
/// Checks the signatures, the hash, whether each component asks for what its
/// manifest says, and whether that is granted; it shows the component no events. Exits with 0 if all of them
/// would be accepted, with 2 if not, with 3 if the configuration is at fault.
/// Whether a newer version ran before is known to the service alone.
#[derive(Debug, Args)]
pub struct Verify {
    /// The components.
    #[arg(required = true, value_name = "FILE.wasm")]
    files: Vec<PathBuf>,
    /// The configuration whose `[trust]` counts.
    #[arg(long, short, value_name = "FILE", conflicts_with = "public_key")]
    config: Option<PathBuf>,
    /// A public key to trust, or its file. Repeatable; one of them is enough.
    #[arg(long, short, value_name = "KEY|FILE")]
    public_key: Vec<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Nobody said whom to trust.
#[derive(Debug, thiserror::Error)]
#[error("whose signatures count? Name a configuration with --config, or a key with --public-key")]
pub struct NoPolicy;

impl Verify {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.policy()?;
        let policy = Policy::new(&config.trust)?;
        let engine = engine()?;
        let checked: Vec<_> = self
            .files
            .iter()
            .map(|path| (path, check(&engine, &config, &policy, path)))
            .collect();
        if self.json || !std::io::stdout().is_terminal() {
            for (path, outcome) in &checked {
                println!("{}", line(path, outcome));
            }
        } else if checked.iter().any(|(_, outcome)| outcome.is_ok()) {
            println!("{}", table(&checked));
        }
        for (path, outcome) in &checked {
            if let Err(error) = outcome {
                eprintln!("error: {}: {error:#}", path.display());
            }
        }
        Ok(if checked.iter().all(|(_, outcome)| outcome.is_ok()) {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(2)
        })
    }

    fn policy(&self) -> anyhow::Result<Config> {
        if let Some(path) = &self.config {
            return Ok(Config::read(path)?);
        }
        let mut keys = BTreeMap::new();
        for text in &self.public_key {
            let key = match PublicKey::parse(text) {
                Ok(_) => TrustedKey {
                    public_key: Some(text.clone()),
                    ..TrustedKey::default()
                },
                Err(_) => TrustedKey {
                    public_key_file: Some(PathBuf::from(text)),
                    ..TrustedKey::default()
                },
            };
            keys.insert(text.clone(), key);
        }
        if keys.is_empty() {
            return Err(NoPolicy.into());
        }
        Ok(Config {
            trust: Trust {
                keys,
                ..Trust::default()
            },
            ..Config::default()
        })
    }
}

fn check(
    engine: &Engine,
    config: &Config,
    policy: &Policy,
    path: &Path,
) -> anyhow::Result<Vouched> {
    let admitted = admit(engine, policy, path, false)?;
    admitted.prepared.check_grant(&admitted.grant(config)?)?;
    Ok(admitted.vouched)
}

fn line(path: &Path, outcome: &anyhow::Result<Vouched>) -> Value {
    match outcome {
        Ok(vouched) => json!({
            "path": path,
            "ok": true,
            "signers": vouched.signers,
            "foreign": vouched.foreign.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "manifest": vouched.manifest,
        }),
        Err(error) => json!({
            "path": path,
            "ok": false,
            "error": format!("{error:#}"),
        }),
    }
}

fn table(checked: &[(&PathBuf, anyhow::Result<Vouched>)]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "FILE",
            "ID",
            "VERSION",
            "SIGNED BY",
            "CAPABILITIES",
            "EVENTS",
            "BUDGET",
        ]);
    for (path, outcome) in checked {
        let Ok(vouched) = outcome else { continue };
        let signers = match vouched.is_signed() {
            true => join(&vouched.signers),
            false => "nobody who counts".to_owned(),
        };
        let manifest = vouched.manifest.as_ref();
        let of = |show: &dyn Fn(&Manifest) -> String| manifest.map(show).unwrap_or_default();
        table.add_row([
            path.display().to_string(),
            of(&|manifest| manifest.id.clone()),
            of(&|manifest| manifest.version.clone()),
            signers,
            of(&|manifest| names(&manifest.grants)),
            of(&|manifest| join(&manifest.events)),
            of(&|manifest| budget_text(&manifest.budget)),
        ]);
    }
    table
}
