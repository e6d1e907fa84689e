//! The official Elasticsearch client for Python with its bulk helper.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::ensure;

use super::Shipper;
use crate::{daemon::Setup, process::Process};

pub struct Python;

const SCRIPT: &str = include_str!("bulk.py");

impl Shipper for Python {
    fn name(&self) -> &'static str {
        "elasticsearch-py"
    }

    fn missing(&self) -> Option<String> {
        let can = Command::new("python3")
            .args(["-c", "import ensurepip, venv"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        (!can).then(|| {
            "python3 with venv is not installed; apt-get install -y python3 python3-venv".to_owned()
        })
    }

    fn start(
        &self,
        setup: &Setup,
        folder: &Path,
        file: &Path,
        events: u64,
    ) -> anyhow::Result<Process> {
        let python = install(folder)?;
        let script = folder.join("bulk.py");
        std::fs::write(&script, SCRIPT)?;
        let mut command = Command::new(python);
        command
            .arg(script)
            .arg(format!("http://127.0.0.1:{}", setup.port()))
            .arg(setup.ingest_token()?)
            .arg(file)
            .arg(events.to_string());
        Process::start("the Python client", command, &folder.join("python.log"))
    }
}

/// Installs the client into an environment of its own.
fn install(folder: &Path) -> anyhow::Result<PathBuf> {
    let environment = folder.join("venv");
    let log = folder.join("install.log");
    let run = |program: &Path, arguments: &[&str]| -> anyhow::Result<()> {
        let output = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)?;
        let status = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .status()?;
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        ensure!(status.success(), "cannot install the client:\n{said}");
        Ok(())
    };
    let path = environment.to_string_lossy();
    run(Path::new("python3"), &["-m", "venv", &path])?;
    let python = environment.join("bin/python");
    run(
        &python,
        &["-m", "pip", "install", "--quiet", "elasticsearch>=8,<10"],
    )?;
    Ok(python)
}
