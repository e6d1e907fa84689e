//! Which files and folders the daemon needs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::config::Config;

/// What resolves the names of sinks: the resolver's files and libraries.
/// `/run` has them where a service writes them.
const NAMES: [&str; 16] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/ssl",
    "/etc/pki",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
];

/// What the standard library and the runtime look at: how many processors they
/// may use, and randomness.
const SYSTEM: [&str; 6] = [
    "/dev/urandom",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/self",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
];

/// What is left to the daemon.
#[derive(Debug, Default)]
pub struct Places {
    /// Read, with everything below.
    pub read: Vec<PathBuf>,
    /// Read and written, with everything below.
    pub write: Vec<PathBuf>,
    /// Read where they are there.
    pub system: Vec<PathBuf>,
    /// Started where they are there: the worker that compiles.
    pub execute: Vec<PathBuf>,
}

impl Places {
    /// The places of a configured daemon. Folders that it would make itself are
    /// made now, because what is not there cannot be left to it.
    pub fn of(config: &Config, path: &Path, analytics: &Path, state: &Path, cache: &Path) -> Self {
        let mut places = Self {
            read: vec![folder_of(path), analytics.to_owned()],
            write: vec![state.to_owned(), cache.to_owned()],
            system: SYSTEM.iter().map(PathBuf::from).collect(),
            execute: executable(),
        };
        places.sources(config);
        places.secrets(config);
        for sink in &config.sinks.file {
            places.write.push(folder_of(&sink.path));
        }
        if !config.sinks.webhook.is_empty() || !config.sinks.bulk.is_empty() {
            places.system.extend(NAMES.iter().map(PathBuf::from));
        }
        places.write.push("/dev/null".into());
        for folder in &places.write {
            // Whoever needs it says why it cannot be made.
            if !folder.exists() {
                let _ = fs::create_dir_all(folder);
            }
        }
        places
    }

    fn sources(&mut self, config: &Config) {
        for files in &config.sources.files {
            let path = Path::new(&files.path);
            // Rotation makes new files beside the one that is named.
            self.read.push(if path.is_dir() {
                path.to_owned()
            } else {
                folder_of(path)
            });
        }
        for folder in &config.sources.evtx {
            self.read.push(folder.path.clone());
        }
        for socket in &config.sources.unix {
            self.write.push(folder_of(&socket.path));
        }
    }

    fn secrets(&mut self, config: &Config) {
        let tokens = [&config.http.token_file, &config.http.ingest_token_file];
        self.read.extend(tokens.into_iter().flatten().cloned());
        // These may be replaced, which makes a new file, while the daemon runs.
        let keys = config.trust.keys.values();
        let replaced = keys
            .filter_map(|key| key.public_key_file.as_deref())
            .chain(config.daemon.signatures.as_deref());
        self.read.extend(replaced.map(folder_of));
    }
}

/// The folder that a file lies in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// This program and the libraries it runs with, among them their loader: what
/// the kernel mapped for this process it must map for the worker.
fn executable() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = vec!["/proc/self/exe".into()];
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for line in maps.lines() {
        // address, rights, offset, device, inode, path
        let is_code = line
            .split(' ')
            .nth(1)
            .is_some_and(|rights| rights.contains('x'));
        if let Some(start) = line.find('/').filter(|_| is_code) {
            found.extend(line.get(start..).map(PathBuf::from));
        }
    }
    found.sort();
    found.dedup();
    found
}
