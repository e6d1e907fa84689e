//! `sandtrap config check`: everything that can be known without running.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use super::super::{DEFAULT_FOLDER, chain, default_cache, engine};
use crate::{
    cache::Cache,
    catalog::{Catalog, components},
    config::{Config, Problem, Problems},
    error::{CallError, LoadError},
    sinks::terminal::neutral,
    trust::Manifest,
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
    /// The same, as the other commands call it.
    #[arg(long, short, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let file = self.config.unwrap_or(self.file);
        let problems = problems(&file)?;
        let is_fine = problems.errors.is_empty();
        if self.json {
            let path = file.display().to_string();
            let found = json!({
                "path": path,
                "ok": is_fine,
                "errors": problems.errors,
                "warnings": problems.warnings,
            });
            println!("{found:#}");
        } else {
            print(&file, &problems);
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
    // A key that is none was told with the places, and without it nobody knows
    // what would be run.
    let Ok(catalog) = Catalog::load(&engine, &files, false, config) else {
        return Ok(());
    };
    let refused = catalog.refused();
    for (path, error) in refused {
        problems.warn(
            "analytics_folder",
            format!("{} does not load: {}", path.display(), chain(error)),
            "`sandtrap inspect FILE` may tell more; the others run without it",
        );
    }
    if !files.is_empty() && refused.len() == files.len() {
        problems.error(
            "analytics_folder",
            format!(
                "nothing in {} loads, so nothing is detected",
                folder.display()
            ),
            "the warnings say why each does not",
        );
    }
    for (id, error) in catalog.configure(config, &config.site).1 {
        let (key, instead) = at_fault(&error);
        problems.error(format!("analytics.{id}{key}"), chain(&error), instead);
    }
    strangers(config, &catalog, folder, problems);
    Ok(())
}

/// Which key of an analytic's section an error is about, and what to do.
fn at_fault(error: &LoadError) -> (&'static str, &'static str) {
    match error {
        LoadError::Call(CallError::Memory { .. }) => (
            ".budget.memory_mib",
            "raise it, or leave it out; if it is ample already, raise budget.table_elements",
        ),
        LoadError::Call(CallError::Deadline { .. }) => {
            (".budget.call_ms", "raise it, or leave it out")
        }
        LoadError::Settings(_) => (".settings", "`sandtrap inspect` lists its settings"),
        _ => ("", "`sandtrap inspect FILE` may tell more"),
    }
}

/// Sections about analytics that are not there.
fn strangers(config: &Config, catalog: &Catalog, folder: &Path, problems: &mut Problems) {
    // One that does not load is known by what its manifest says.
    let refused = catalog.refused().iter();
    let mut known: Vec<String> = refused
        .filter_map(|(path, _)| Some(Manifest::beside(path)?.id))
        .collect();
    let loaded = catalog.analytics();
    known.extend(loaded.map(|one| one.prepared().id().to_owned()));
    for id in config.analytics.keys().filter(|id| !known.contains(id)) {
        let meant = known.iter().find(|known| known.eq_ignore_ascii_case(id));
        problems.warn(
            format!("analytics.{id}"),
            match catalog.refused() {
                [] => format!("no such analytic is in {}", folder.display()),
                _ => format!("no such analytic of {} loads", folder.display()),
            },
            match meant {
                Some(meant) => format!("write [analytics.{meant}]: upper and lower case count"),
                None => "`sandtrap list` shows their identifiers".to_owned(),
            },
        );
    }
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
    fn a_folder_of_which_nothing_loads_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display();
        std::fs::write(folder.path().join("a.wasm"), "not a component").unwrap();
        std::fs::write(folder.path().join("k.pub"), "not a key").unwrap();
        let path = folder.path().join("sandtrap.toml");
        let text = format!("state_folder = '{here}'\nanalytics_folder = '{here}'\n");
        let keys = |text: &str| -> (Vec<String>, Vec<String>) {
            std::fs::write(&path, text).unwrap();
            let Problems { errors, warnings } = problems(&path).unwrap();
            let keys = |all: Vec<Problem>| all.into_iter().map(|one| one.key).collect();
            (keys(errors), keys(warnings))
        };
        let (errors, warnings) = keys(&format!("{text}trust.unsigned = true\n[analytics.AN9]\n"));
        assert_eq!(errors, ["analytics_folder"]);
        assert_eq!(warnings, ["analytics_folder", "analytics.AN9"]);
        let (errors, _) = keys(&format!(
            "{text}[trust.keys.k]\npublic_key_file = '{here}/k.pub'\n"
        ));
        assert_eq!(errors, ["trust.keys.k.public_key_file"]);
    }

    #[test]
    fn a_budget_that_is_too_small_is_not_a_wrong_setting() {
        let export = "instantiate";
        for (error, key) in [
            (
                CallError::Memory {
                    export,
                    bytes: 1 << 20,
                },
                ".budget.memory_mib",
            ),
            (
                CallError::Deadline {
                    export,
                    milliseconds: 10,
                    budget: 10,
                },
                ".budget.call_ms",
            ),
        ] {
            assert_eq!(at_fault(&LoadError::Call(error)).0, key);
        }
        let refused = LoadError::Settings("no".to_owned());
        assert_eq!(at_fault(&refused).0, ".settings");
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
