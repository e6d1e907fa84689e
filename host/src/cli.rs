//! The commands, one verb a file. What they have in common is here: where the
//! analytics are, how they are loaded, and what exit codes mean.

mod backtest;
mod baseline;
mod build;
mod client;
mod compile_worker;
mod config;
mod deadletter;
mod inspect;
mod keygen;
mod list;
mod loaded;
mod output;
mod password;
mod progress;
mod release;
mod reload;
mod run;
mod scan;
mod sign;
mod signatures;
mod status;
mod tail;
mod verify;
mod vocabulary;

pub use config::{EXAMPLE, schema as config_schema};
pub use vocabulary::page as vocabulary_page;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use self::{
    client::ClientError,
    loaded::{NotInstalled, SettingsRefused},
};
use crate::{
    catalog::FolderError,
    config::{ConfigError, LogFormat},
    daemon::core::DaemonError,
    engine::Engine,
    trust::TrustError,
};

/// Runs security-detection analytics, each in a WebAssembly sandbox, over
/// Windows telemetry.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Start with:
  sandtrap build                 compile the analytics that come with Sandtrap
  sandtrap scan evidence/*.evtx  look for what they detect
  sandtrap run --config FILE     take events in for months

Exit codes: 0 fine, 1 findings (with --fail-on-findings), 2 an analytic or an
input is at fault, 3 the configuration is.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile analytics to components.
    Build(build::Build),
    /// Scan recorded telemetry and report findings.
    Scan(scan::Scan),
    Run(run::Run),
    /// Show what the daemon does: analytics, sources, sinks.
    Status(status::Status),
    Reload(reload::Reload),
    Tail(tail::Tail),
    Deadletter(deadletter::Deadletter),
    Release(release::Release),
    /// Check a configuration, or print its schema or an example.
    Config(config::Config),
    /// List the installed analytics.
    List(list::List),
    /// Show what a component is, what it may reach and what can be tuned.
    Inspect(inspect::Inspect),
    Keygen(keygen::Keygen),
    Sign(sign::Sign),
    Verify(verify::Verify),
    /// Measure the analytics on labelled telemetry.
    Backtest(backtest::Backtest),
    /// Learn what is usual from history, and look at what was learned.
    Baseline(baseline::Baseline),
    /// Learn which files are signed, and by whom.
    Signatures(signatures::Signatures),
    /// List the event classes and fields that analytics can subscribe to.
    Vocabulary(vocabulary::Vocabulary),
    #[command(hide = true)]
    CompileWorker(compile_worker::CompileWorker),
}

impl Cli {
    /// Does what the command line says.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let command = match self.command {
            Command::Run(command) => {
                let config = command.read()?;
                let level = config.log.level.as_deref().unwrap_or("info");
                start_log(config.log.format, level)?;
                return command.run(config);
            }
            // It gives up what it can before it does anything else.
            Command::CompileWorker(command) => return command.run(),
            command => command,
        };
        start_log(LogFormat::Human, "warn")?;
        match command {
            // Dealt with above.
            Command::Run(command) => command.read().and_then(|config| command.run(config)),
            Command::CompileWorker(command) => command.run(),
            Command::Build(command) => command.run(),
            Command::Scan(command) => command.run(),
            Command::List(command) => command.run(),
            Command::Inspect(command) => command.run(),
            Command::Keygen(command) => command.run(),
            Command::Sign(command) => command.run(),
            Command::Verify(command) => command.run(),
            Command::Backtest(command) => command.run(),
            Command::Baseline(command) => command.run(),
            Command::Signatures(command) => command.run(),
            Command::Status(command) => command.run(),
            Command::Reload(command) => command.run(),
            Command::Tail(command) => command.run(),
            Command::Deadletter(command) => command.run(),
            Command::Release(command) => command.run(),
            Command::Config(command) => command.run(),
            Command::Vocabulary(command) => command.run(),
        }
    }
}

/// Starts logging to standard error.
fn start_log(format: LogFormat, level: &str) -> anyhow::Result<()> {
    let filter = match EnvFilter::try_from_env("SANDTRAP_LOG") {
        Ok(filter) => filter,
        Err(_) => EnvFilter::try_new(level)
            .with_context(|| format!("log.level: `{level}` is not a log level"))?,
    };
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter);
    match format {
        LogFormat::Human => log
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Where the analytics are and how they are configured.
#[derive(Debug, Args)]
struct Installed {
    /// Folder of analytics, or one `.wasm` file. Repeatable.
    #[arg(long, short, value_name = "DIR|FILE")]
    analytics: Vec<PathBuf>,
    /// Only these analytics, by identifier, such as AN1252. Repeatable.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Where compiled analytics are kept between runs.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Compile everything anew, and keep nothing.
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,
    /// The configuration: site knowledge, settings, grants.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where `sandtrap build` puts components and the other commands look for
/// them unless told otherwise.
const DEFAULT_FOLDER: &str = "target/analytics";

/// Where compiled analytics are kept unless told otherwise: the user's cache
/// folder.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where the environment is read"
)]
fn default_cache() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
        .map(|folder| folder.join("sandtrap"))
}

/// The engine of a command: it compiles in a process of its own, started from
/// this same program.
fn engine() -> anyhow::Result<Engine> {
    let engine = Engine::start().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    // This is the running program even where an upgrade has replaced its file.
    let itself = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().context("cannot tell where this program is")?
    };
    Ok(engine.with_worker(itself))
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// The exit code of a command that failed.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let is_configuration = error.is::<ConfigError>()
        || error.is::<FolderError>()
        || error.is::<NotInstalled>()
        || error.is::<run::NoState>()
        || error.is::<SettingsRefused>()
        || error.is::<verify::NoPolicy>()
        || error.is::<verify::BadKey>()
        || error
            .downcast_ref::<TrustError>()
            .is_some_and(TrustError::is_configuration)
        || error
            .downcast_ref::<DaemonError>()
            .is_some_and(DaemonError::is_configuration)
        || error
            .downcast_ref::<ClientError>()
            .is_some_and(ClientError::is_configuration);
    if is_configuration {
        ExitCode::from(3)
    } else {
        ExitCode::from(2)
    }
}

/// Whether tables and colours are wanted: on a terminal, unless the user said
/// no to colour (see no-color.org).
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where the environment is read"
)]
fn colour_wanted() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
}

/// The terminal's width, within what is comfortable to read.
fn width() -> usize {
    console::Term::stdout()
        .size_checked()
        .map_or(100, |(_, columns)| columns.clamp(40, 140) as usize)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn options_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }
}
