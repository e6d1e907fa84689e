//! Whether the files and folders that a configuration names are there.

use std::{fs, path::Path};

use crate::{
    config::{Config, Trust, problem::Problems},
    trust::PublicKey,
};

/// Longest token, in bytes.
const LONGEST_TOKEN: usize = 4096;

/// What `sandtrap run` would miss, or probably not be meant to find.
pub fn places(config: &Config) -> Problems {
    let mut problems = Problems::default();
    let found = &mut problems;
    match &config.state_folder {
        None => found.error(
            "state_folder",
            "`sandtrap run` has nowhere to keep what must survive a restart",
            "write such as state_folder = \"/var/lib/sandtrap\"",
        ),
        // The daemon makes it.
        Some(path) if !path.exists() => {}
        Some(path) => folder(found, "state_folder", path, Missing::IsError),
    }
    if let Some(path) = &config.analytics_folder {
        folder(found, "analytics_folder", path, Missing::IsError);
    }
    if let Some(path) = &config.daemon.signatures
        && let Err(error) = fs::File::open(path)
    {
        found.error(
            "daemon.signatures",
            format!("{} cannot be read ({error})", path.display()),
            "write a file that `sandtrap signatures scan` made, or leave the key out",
        );
    }
    let http = &config.http;
    for (key, path) in [
        ("http.token_file", &http.token_file),
        ("http.ingest_token_file", &http.ingest_token_file),
    ] {
        if let Some(path) = path {
            token(found, key, path);
        }
    }
    keys(&config.trust, found);
    sources(config, found);
    problems
}

fn keys(trust: &Trust, problems: &mut Problems) {
    for (name, key) in &trust.keys {
        // Whether just one of the two is there is looked at with the values.
        if let (None, Some(path)) = (&key.public_key, &key.public_key_file)
            && let Err(error) = PublicKey::read(path)
        {
            problems.error(
                format!("trust.keys.{name}.public_key_file"),
                error.to_string(),
                "name the .pub file that `sandtrap keygen` or minisign wrote",
            );
        }
    }
    if trust.keys.is_empty() && !trust.unsigned {
        problems.warn(
            "trust.keys",
            "no key is trusted and unsigned analytics are not permitted, so none runs",
            "add the key that signs them, or write unsigned = true",
        );
    }
}

/// What a folder that is not there means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsError,
    /// The daemon waits for it.
    IsWarning,
}

fn folder(problems: &mut Problems, key: impl Into<String>, path: &Path, missing: Missing) {
    let problem = match fs::read_dir(path) {
        Ok(_) => return,
        Err(error) => format!("the folder {} cannot be read ({error})", path.display()),
    };
    let instead = "make it, or name another";
    match missing {
        Missing::IsError => problems.error(key, problem, instead),
        Missing::IsWarning => problems.warn(key, problem, instead),
    }
}

fn token(problems: &mut Problems, key: &str, path: &Path) {
    const INSTEAD: &str =
        "write a token of 32 or more characters into it, or leave the key out and one is made";
    let shown = path.display();
    let token = match fs::read_to_string(path) {
        Ok(text) => text.trim().to_owned(),
        Err(error) => {
            problems.error(key, format!("{shown} cannot be read ({error})"), INSTEAD);
            return;
        }
    };
    if token.is_empty() {
        problems.error(key, format!("{shown} is empty"), INSTEAD);
    } else if token.len() > LONGEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.error(
            key,
            format!("{shown} holds something that cannot be sent as a token"),
            "write one line of visible ASCII characters without spaces",
        );
    } else if token.len() < 16 {
        problems.warn(key, format!("the token in {shown} can be guessed"), INSTEAD);
    }
    if is_readable_by_all(path) {
        problems.warn(
            key,
            format!("everyone on this machine can read {shown}"),
            format!("run chmod o-r {shown}"),
        );
    }
}

#[cfg(unix)]
fn is_readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_all(_: &Path) -> bool {
    false
}

fn sources(config: &Config, problems: &mut Problems) {
    for (number, files) in config.sources.files.iter().enumerate() {
        let key = format!("sources.files[{number}].path");
        let path = Path::new(&files.path);
        let read = if path.is_dir() { path } else { parent(path) };
        folder(problems, &key, read, Missing::IsWarning);
        // Findings are NDJSON as well.
        if config
            .sinks
            .file
            .iter()
            .any(|sink| parent(&sink.path) == read)
        {
            problems.warn(
                key,
                format!("findings are written into {} as well", read.display()),
                "let sinks.file write to another folder, so that no finding is read as an event",
            );
        }
    }
    for (number, evtx) in config.sources.evtx.iter().enumerate() {
        let key = format!("sources.evtx[{number}].path");
        folder(problems, key, &evtx.path, Missing::IsWarning);
    }
    for (number, unix) in config.sources.unix.iter().enumerate() {
        let key = format!("sources.unix[{number}].path");
        folder(problems, key, parent(&unix.path), Missing::IsError);
    }
}

/// The folder that a path lies in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
