//! `sandtrap verify`: whether components would be run, and who signed them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    engine,
    output::{Output, item},
    sign::{join, requests},
};
use crate::{
    admission::admit,
    budget::Budget,
    config::{Config, Trust, TrustedKey},
    engine::Engine,
    sinks::terminal::neutral,
    trust::{KeyError, Manifest, Policy, PublicKey, Vouched},
};

/// Tell whether components are signed by whom they should be.
///
/// Checks the signatures, the hash, whether each component asks for what its
/// manifest says, and, with --config, whether that is granted; with
/// --public-key it tells what would have to be. It shows the component no
/// events. Exits with 0 if all of them would be accepted, with 2 if not, with 3
/// if the configuration is at fault.
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
    #[command(flatten)]
    output: Output,
}

/// Nobody said whom to trust.
#[derive(Debug, thiserror::Error)]
#[error("whose signatures count? Name a configuration with --config, or a key with --public-key")]
pub struct NoPolicy;

/// A key of the command line is none.
#[derive(Debug, thiserror::Error)]
#[error("--public-key: {0}")]
pub struct BadKey(String);

impl Verify {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = match &self.config {
            Some(path) => Some(Config::read(path)?),
            None => None,
        };
        let policy = match &config {
            Some(config) => Policy::new(&config.trust)?,
            None => Policy::new(&self.named_keys()?)?,
        };
        let engine = engine()?;
        let checked: Vec<_> = self
            .files
            .iter()
            .map(|path| (path, check(&engine, config.as_ref(), &policy, path)))
            .collect();
        if self.output.is_json() {
            for (path, outcome) in &checked {
                println!("{}", self.line(path, outcome));
            }
        } else {
            for (path, outcome) in &checked {
                if let Ok(vouched) = outcome {
                    print!("{}", self.text(path, vouched));
                }
            }
        }
        for (path, outcome) in &checked {
            if let Err(error) = outcome {
                let problem = format!("{}: {error:#}", path.display());
                eprintln!("error: {}", neutral(&problem));
            }
        }
        Ok(if checked.iter().all(|(_, outcome)| outcome.is_ok()) {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(2)
        })
    }

    /// Trust in the keys of the command line, for everything.
    fn named_keys(&self) -> anyhow::Result<Trust> {
        let mut keys = BTreeMap::new();
        for text in &self.public_key {
            let mut key = TrustedKey::default();
            match PublicKey::parse(text) {
                Ok(_) => key.public_key = Some(text.clone()),
                Err(_) => key.public_key_file = Some(PathBuf::from(text)),
            }
            PublicKey::configured(&key).map_err(|problem| match problem {
                KeyError::Read { .. } => BadKey(format!(
                    "it is neither a key, which has 56 characters and begins with RW, nor a \
                     file that can be read: {problem}"
                )),
                problem => BadKey(format!("{text}: {problem}")),
            })?;
            keys.insert(text.clone(), key);
        }
        if keys.is_empty() {
            return Err(NoPolicy.into());
        }
        Ok(Trust {
            keys,
            ..Trust::default()
        })
    }
}

fn check(
    engine: &Engine,
    config: Option<&Config>,
    policy: &Policy,
    path: &Path,
) -> anyhow::Result<Vouched> {
    let admitted = admit(engine, policy, path, false)?;
    if let Some(config) = config {
        admitted.prepared.check_grant(&admitted.grant(config)?)?;
    }
    Ok(admitted.vouched)
}

/// What goes beyond the defaults, which an operator has to grant.
fn to_grant(manifest: &Manifest) -> Vec<(&'static str, u32)> {
    let entries = manifest.budget.entries().into_iter();
    entries
        .filter_map(|(key, number)| Some((key, number?)))
        .filter(|(key, number)| {
            let alone = serde_json::from_value(json!({ *key: number })).unwrap_or_default();
            Budget::granted(&[], &alone).is_err()
        })
        .collect()
}

impl Verify {
    fn line(&self, path: &Path, outcome: &anyhow::Result<Vouched>) -> Value {
        let vouched = match outcome {
            Ok(vouched) => vouched,
            Err(error) => {
                return json!({
                    "path": path,
                    "ok": false,
                    "error": format!("{error:#}"),
                });
            }
        };
        let mut line = json!({
            "path": path,
            "ok": true,
            "signers": vouched.signers,
            "foreign": vouched.foreign.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "manifest": vouched.manifest,
        });
        if self.config.is_none()
            && let (Some(manifest), Value::Object(line)) = (&vouched.manifest, &mut line)
        {
            let budget: Map<String, Value> = to_grant(manifest)
                .into_iter()
                .map(|(key, number)| (key.to_owned(), number.into()))
                .collect();
            line.insert("to_grant".to_owned(), json!({ "budget": budget }));
        }
        line
    }

    fn text(&self, path: &Path, vouched: &Vouched) -> String {
        let signers = match vouched.is_signed() {
            true => join(&vouched.signers),
            false => "nobody who counts".to_owned(),
        };
        let mut text = format!("{}\n", path.display());
        let Some(manifest) = &vouched.manifest else {
            return text + &item("signed by", &signers);
        };
        text += &item("analytic", &format!("{} {}", manifest.id, manifest.version));
        text += &item("signed by", &signers);
        text += &requests(manifest);
        if self.config.is_none() {
            for (key, number) in to_grant(manifest) {
                let more = format!(
                    "{key} = {number} under [analytics.{}.budget], as it is more than the default",
                    manifest.id
                );
                text += &item("to be granted", &more);
            }
        }
        text
    }
}
