//! `sandtrap signatures`: a catalogue of who signed which file, for logs that do
//! not say it themselves.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;

use crate::signatures::{Catalogue, Scan, ScanOptions, TrustedRoots};

/// Learn which files are signed, and by whom.
#[derive(Debug, Args)]
pub struct Signatures {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Examine the Authenticode signatures of the PE files of a folder.
    Scan(ScanFolder),
}

/// Examine the Authenticode signatures of the PE files of a folder.
///
/// A signature is `valid` only if the digest matches and its chain ends in one
/// of the given roots; without roots the best answer is `untrusted`.
#[derive(Debug, Args)]
struct ScanFolder {
    /// The folder, such as a mounted Windows image.
    folder: PathBuf,
    /// Root certificates to trust, PEM.
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,
    /// The Windows path that the folder stands for, such as C:\\. Without it
    /// files are known by hash alone.
    #[arg(long, value_name = "PATH")]
    stands_for: Option<String>,
    /// List files without a signature of their own as unsigned. Wrong for
    /// Windows' own files, which are signed in catalogues.
    #[arg(long)]
    list_unsigned: bool,
    /// Write the catalogue to a file.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Signatures {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Scan(scan) => scan.run(),
        }
    }
}

impl ScanFolder {
    fn run(self) -> anyhow::Result<ExitCode> {
        let options = ScanOptions {
            roots: match &self.roots {
                Some(path) => TrustedRoots::load(path)?,
                None => TrustedRoots::default(),
            },
            now: now(),
            stands_for: self.stands_for.clone(),
            lists_unsigned: self.list_unsigned,
            ..ScanOptions::default()
        };
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(100));
        let scan = Catalogue::scan(&self.folder, &options, |path| {
            bar.set_message(path.display().to_string());
        })
        .with_context(|| format!("cannot scan {}", self.folder.display()))?;
        bar.finish_and_clear();
        write(self.output.as_deref(), &scan)?;
        report(&scan);
        Ok(ExitCode::SUCCESS)
    }
}

fn write(path: Option<&Path>, scan: &Scan) -> anyhow::Result<()> {
    let mut out: BufWriter<Box<dyn Write>> = BufWriter::new(match path {
        Some(path) => Box::new(
            File::create(path).with_context(|| format!("cannot create {}", path.display()))?,
        ),
        None => Box::new(std::io::stdout()),
    });
    for entry in &scan.entries {
        serde_json::to_writer(&mut out, entry)?;
        out.write_all(b"\n")?;
    }
    out.flush().context("cannot write the catalogue")
}

fn report(scan: &Scan) {
    eprintln!(
        "{} signatures in {} files; {} PE files without one, {} that could not be examined",
        scan.entries.len(),
        scan.files,
        scan.without_signature,
        scan.failed
    );
    for (path, error) in scan.errors.iter().take(3) {
        eprintln!("  {}: {error}", path.display());
    }
    if scan.is_cut {
        eprintln!("there are more files than one catalogue may list; scan the rest apart");
    }
}

/// The present, for signatures without a time stamp.
#[expect(
    clippy::disallowed_methods,
    reason = "whether a certificate is in force now is what is asked"
)]
fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}
