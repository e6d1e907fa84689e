//! From analytic crates to components.
//!
//! Crates are compiled for wasm32-unknown-unknown and encoded with
//! `wit-component`: the imports are then exactly the capabilities in use.
//! The WASI targets would add interfaces that nobody asked for.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use serde::Deserialize;

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds analytics and writes a component for each, saying which.
///
/// `paths` are crates or folders of crates; `output` is made if it is missing.
pub fn build(
    paths: &[PathBuf],
    output: &Path,
    built: &mut dyn FnMut(&Path, usize),
) -> anyhow::Result<()> {
    let mut crates = Vec::new();
    for path in paths {
        crates.extend(crates_of(path)?);
    }
    for folder in &crates {
        expect_analytic(folder)?;
    }
    let first = crates.first().context("no crates to build")?;
    ensure_target(first)?;
    fs::create_dir_all(output).with_context(|| format!("cannot create {}", output.display()))?;
    for folder in &crates {
        let module = compile(folder)?;
        let component = encode(&module)?;
        let path = output.join(module.file_name().context("a module without a name")?);
        // Written aside and renamed, so that whoever watches the folder never
        // sees half a component.
        let partial = path.with_extension(format!("partial-{}", std::process::id()));
        fs::write(&partial, &component)
            .and_then(|()| fs::rename(&partial, &path))
            .with_context(|| format!("cannot write {}", path.display()))?;
        built(&path, component.len());
    }
    Ok(())
}

/// The crate at a path, or the crates in the folder.
fn crates_of(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.join("Cargo.toml").is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| {
        format!(
            "{} is neither a crate nor a folder of crates",
            path.display()
        )
    })?;
    let mut crates = Vec::new();
    for entry in entries {
        let folder = entry?.path();
        if folder.join("Cargo.toml").is_file() {
            crates.push(folder);
        }
    }
    if crates.is_empty() {
        bail!(
            "no crate (a folder with a Cargo.toml) in {}",
            path.display()
        );
    }
    crates.sort();
    Ok(crates)
}

/// What a manifest says of its library.
#[derive(Deserialize)]
struct Manifest {
    lib: Option<Library>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "crate-type", default)]
    crate_type: Vec<String>,
}

/// Says what is missing before minutes are spent on compiling.
fn expect_analytic(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("Cargo.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: Manifest =
        toml::from_str(&text).with_context(|| format!("cannot read {}", path.display()))?;
    let types = manifest.lib.map(|lib| lib.crate_type).unwrap_or_default();
    if !types.iter().any(|kind| kind == "cdylib") {
        bail!(
            "{} is no analytic; its Cargo.toml needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`",
            folder.display()
        );
    }
    Ok(())
}

/// Adds the target if the toolchain of that crate does not have it.
fn ensure_target(folder: &Path) -> anyhow::Result<()> {
    let folder_of_target = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder)
        .output()
        .context("cannot run rustc; `sandtrap build` needs a Rust toolchain (https://rustup.rs)")?;
    let path = String::from_utf8_lossy(&folder_of_target.stdout);
    if Path::new(path.trim()).is_dir() {
        return Ok(());
    }
    eprintln!("adding the target {TARGET}");
    let status = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(folder)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("the target {TARGET} is missing; add it with `rustup target add {TARGET}`"),
    }
}

/// What cargo reports of an artifact, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Compiles a crate to a core module and returns its path.
fn compile(folder: &Path) -> anyhow::Result<PathBuf> {
    let manifest = folder
        .join("Cargo.toml")
        .canonicalize()
        .with_context(|| format!("cannot find {}", folder.display()))?;
    let output = cargo(&manifest)
        .output()
        .context("cannot run cargo; `sandtrap build` needs a Rust toolchain")?;
    if !output.status.success() {
        bail!("{} does not compile", folder.display());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| message.manifest_path == manifest)
        .flat_map(|message| message.filenames)
        .find(|file| {
            file.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .with_context(|| format!("{} makes no wasm module", folder.display()))
}

/// Cargo with a release profile fit for guests, whatever the crate's own
/// workspace says: one unit, link-time optimisation, no unwinding.
fn cargo(manifest: &Path) -> Command {
    let mut command = Command::new("cargo");
    command
        .args(["build", "--release", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(manifest)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
        .env("CARGO_PROFILE_RELEASE_LTO", "true")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .env("CARGO_PROFILE_RELEASE_STRIP", "true")
        // Flags meant for the machine would not fit the target.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// Wraps a core module as a component.
fn encode(module: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|encoder| encoder.encode())
        .with_context(|| {
            format!(
                "{} is no analytic; does it call `sandtrap_sdk::export_analytic!`?",
                module.display()
            )
        })
}
