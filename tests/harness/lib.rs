//! What the tests share: components built from source, scans through the real
//! host, and scenarios compared with what was recorded.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say where"
)]

pub mod daemon;
pub mod evtx;
pub mod hostile;
pub mod scenario;

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use anyhow::Context;
use sandtrap::{
    analytic::{Configured, Prepared},
    budget::Budget,
    build::build,
    catalog::{Catalog, components},
    config::{AnalyticConfig, Config, Site},
    engine::Engine,
    finding::Finding,
    grant::Grant,
    pipeline,
    scan::{Summary, scan},
    sources::{self, find_inputs},
};

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The labelled telemetry, where it is at hand. Tests over it say so and pass
/// where it is not.
pub fn corpus() -> Option<PathBuf> {
    let corpus = root().join("../shared/corpus");
    if corpus.join("labels.json").is_file() {
        return Some(corpus);
    }
    eprintln!("skipped: there is no {}", corpus.display());
    None
}

/// The engine of all tests.
pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::start().unwrap());

/// The folder of the five analytics, built from source.
pub static ANALYTICS: LazyLock<PathBuf> =
    LazyLock::new(|| built(&root().join("analytics"), "analytics"));

/// The folder of the test guests, built from source.
pub static GUESTS: LazyLock<PathBuf> =
    LazyLock::new(|| built(&root().join("tests/guests"), "guests"));

fn built(source: &Path, name: &str) -> PathBuf {
    let folder = root().join("target/tests").join(name);
    build(&[source.to_owned()], &folder, &mut |_, _| {}).unwrap();
    folder
}

/// The command `sandtrap`, built as it is now in the profile of whoever asks:
/// cargo builds a package's binary for its own tests only.
pub fn sandtrap_binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    // A test lies in `deps`, a program beside the command.
    let folder = own
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"))
        .context("a program without a folder")?;
    let profile = if folder.ends_with("release") {
        "release"
    } else {
        "dev"
    };
    // The same selection as whoever asks was built with, so that dependencies
    // have the same features and nothing is built twice.
    let selection: &[&str] = if profile == "dev" {
        &["--workspace", "--tests"]
    } else {
        &["--package", "sandtrap", "--package", "sandtrap-tests"]
    };
    let mut cargo = std::process::Command::new("cargo");
    // What cargo tells a test of itself would have build scripts run again that
    // look at it, and with them half of everything be built again.
    for name in [
        "NAME",
        "VERSION_MAJOR",
        "VERSION_MINOR",
        "VERSION_PATCH",
        "VERSION_PRE",
    ] {
        cargo.env_remove(format!("CARGO_PKG_{name}"));
    }
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_LINKS"] {
        cargo.env_remove(name);
    }
    let built = cargo
        .arg("build")
        .args(selection)
        .args(["--bin", "sandtrap", "--profile", profile])
        .current_dir(root())
        .stdout(std::process::Stdio::null())
        .status()?;
    anyhow::ensure!(built.success(), "the command does not compile");
    Ok(folder.join("sandtrap"))
}

/// The five analytics, compiled once for all tests of a process.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let files = components(&ANALYTICS).unwrap();
    let catalog = Catalog::load(&ENGINE, &files, true, &Config::default()).unwrap();
    assert!(catalog.refused().is_empty(), "{:?}", catalog.refused());
    catalog
});

/// The five analytics.
pub fn catalog() -> &'static Catalog {
    &CATALOG
}

/// The five analytics with a configuration.
pub fn analytics(config: &Config) -> Vec<Arc<Configured>> {
    let (ready, refused) = CATALOG.configure(config, &config.site);
    assert!(refused.is_empty(), "{refused:?}");
    ready
}

/// A test guest with settings and a budget.
pub fn guest(name: &str, settings: &str, budget: Budget) -> Arc<Configured> {
    let path = GUESTS.join(format!("{name}.wasm"));
    let prepared = Arc::new(Prepared::load(&ENGINE, &path).unwrap());
    Arc::new(configured(
        &prepared,
        Grant::of_everything(budget),
        settings,
    ))
}

/// An analytic with a grant, settings as JSON, and nothing known of the site.
pub fn configured(prepared: &Arc<Prepared>, grant: Grant, settings: &str) -> Configured {
    let mut config = Config::default();
    let own = AnalyticConfig {
        settings: serde_json::from_str(settings).unwrap(),
        ..AnalyticConfig::default()
    };
    config.analytics.insert(prepared.id().to_owned(), own);
    Configured::new(Arc::clone(prepared), grant, &config, &Site::default()).unwrap()
}

/// Scans files or folders and returns what was found, and how it went.
pub fn scan_all(
    paths: &[PathBuf],
    analytics: &[Arc<Configured>],
    shards: usize,
    batch: usize,
) -> (Vec<Finding>, Summary) {
    let mut findings = Vec::new();
    let summary = scan(
        &find_inputs(paths).unwrap(),
        analytics,
        pipeline::Start::default(),
        &sources::Options::default(),
        pipeline::Options {
            shards,
            batch,
            ..pipeline::Options::default()
        },
        &mut |_| {},
        &mut |finding| {
            findings.push(finding);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    (findings, summary)
}
