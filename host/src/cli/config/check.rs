//! `sandtrap config check`: everything that can be known without running.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use super::super::{DEFAULT_FOLDER, default_cache, engine};
use crate::{
    cache::Cache,
    catalog::{Catalog, components},
    config::{Config, Problem, Problems},
    sinks::terminal::neutral,
};

/// Tell everything that is wrong with a configuration.
///
/// It is read as `sandtrap run` would read it: values, the files and folders it
/// names, and whether the analytics accept their settings. Exits with 3 if there is an error, with 0 if there are warnings only.
#[derive(Debug, Args)]
pub struct Check {
    /// The configuration.
    #[arg(default_value = "/etc/sandtrap/sandtrap.toml")]
    file: PathBuf,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let problems = problems(&self.file)?;
        let is_fine = problems.errors.is_empty();
        if self.json {
            let path = self.file.display().to_string();
            let found = json!({
                "path": path,
                "ok": is_fine,
                "errors": problems.errors,
                "warnings": problems.warnings,
            });
            println!("{found:#}");
        } else {
            print(&self.file, &problems);
        }
        Ok(if is_fine {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(3)
        })
    }
}

/// Everything that is wrong. What is not TOML, or has keys or types that are
/// not known, ends here; its message has the line.
fn problems(path: &Path) -> anyhow::Result<Problems> {
    let config = match Config::parse(path) {
        Ok(config) => config,
        Err(error @ crate::config::ConfigError::Parse { .. }) => {
            let source = std::error::Error::source(&error);
            let reason = source.map_or_else(|| error.to_string(), ToString::to_string);
            let mut problems = Problems::default();
            problems.error(
                "",
                reason.trim_end(),
                "mend this first; `sandtrap config example` shows every key",
            );
            return Ok(problems);
        }
        Err(error) => return Err(error.into()),
    };
    let mut problems = config.problems();
    analytics(&config, &mut problems)?;
    Ok(problems)
}

/// Loads the analytics, as only they know their settings.
fn analytics(config: &Config, problems: &mut Problems) -> anyhow::Result<()> {
    let configured = config.analytics_folder.as_deref();
    let folder = configured.unwrap_or(Path::new(DEFAULT_FOLDER));
    let Ok(files) = components(folder) else {
        if configured.is_none() {
            problems.error(
                "analytics_folder",
                format!("it is absent, and there is no {DEFAULT_FOLDER} here"),
                "name the folder of the .wasm files",
            );
        }
        return Ok(());
    };
    if files.is_empty() {
        problems.warn(
            "analytics_folder",
            format!(
                "no .wasm file is in {}, so nothing is detected",
                folder.display()
            ),
            "copy analytics there, before or while the daemon runs",
        );
    }
    let mut engine = engine()?;
    if let Some(cache) = default_cache().and_then(|folder| Cache::open(&folder).ok()) {
        engine = engine.with_cache(cache);
    }
    let catalog = match Catalog::load(&engine, &files, false, config) {
        Ok(catalog) => catalog,
        Err(error) => {
            let instead = "`sandtrap keygen` tells what to write";
            problems.error("trust.keys", error.to_string(), instead);
            return Ok(());
        }
    };
    for (path, error) in catalog.refused() {
        problems.warn(
            "analytics_folder",
            format!("{} does not load: {error}", path.display()),
            "`sandtrap inspect FILE` may tell more; the others run without it",
        );
    }
    for (id, error) in catalog.configure(config, &config.site).1 {
        problems.error(
            format!("analytics.{id}.settings"),
            error.to_string(),
            "`sandtrap inspect` lists its settings",
        );
    }
    // One that did not load may be meant by any section.
    if catalog.refused().is_empty() {
        for id in config.analytics.keys().filter(|id| !catalog.has(id)) {
            problems.warn(
                format!("analytics.{id}"),
                format!("no such analytic is in {}", folder.display()),
                "`sandtrap list` shows their identifiers",
            );
        }
    }
    Ok(())
}

fn print(path: &Path, problems: &Problems) {
    let all = [("error", &problems.errors), ("warning", &problems.warnings)];
    for (kind, list) in all {
        for problem in list {
            println!("{kind}: {}", text(problem));
        }
    }
    let (errors, warnings) = (problems.errors.len(), problems.warnings.len());
    println!(
        "{}: {errors} {}, {warnings} {}",
        path.display(),
        if errors == 1 { "error" } else { "errors" },
        if warnings == 1 { "warning" } else { "warnings" },
    );
}

fn text(problem: &Problem) -> String {
    let lines: Vec<String> = problem.problem.lines().map(neutral).collect();
    let (what, instead) = (lines.join("\n  "), &problem.instead);
    match problem.key.as_str() {
        "" => format!("{what}\n  {instead}"),
        key => format!("{}: {what}\n  {instead}", neutral(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Problems {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sandtrap.toml");
        std::fs::create_dir(folder.path().join("analytics")).unwrap();
        let analytics = folder.path().join("analytics").display().to_string();
        std::fs::write(&path, text.replace("$ANALYTICS", &analytics)).unwrap();
        problems(&path).unwrap()
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let problems = found("[daemon]\nshard = 1\n");
        let text = text(&problems.errors[0]);
        for words in ["line 2", "shard", "sandtrap config example"] {
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn values_places_and_analytics_are_told_together() {
        let problems = found(
            "analytics_folder = '$ANALYTICS'\n[http]\nlisten = '0.0.0.0:1'\n\
             [[sinks.webhook]]\nurl = 'http://collector/'\n[analytics.AN9]\n",
        );
        let keys = |all: &[Problem]| -> Vec<String> {
            all.iter().map(|problem| problem.key.clone()).collect()
        };
        assert_eq!(keys(&problems.errors), ["http.listen", "state_folder"]);
        assert_eq!(
            keys(&problems.warnings),
            [
                "sinks.webhook[0].url",
                "trust.keys",
                "analytics_folder",
                "analytics.AN9"
            ]
        );
    }
}
