//! Where the daemon listens and what it reads.

use std::{net::SocketAddr, path::Path};

use super::distinct;
use crate::config::{Config, problem::Problems};

/// Longest path of a Unix socket; the system's address has no room for more.
const LONGEST_SOCKET: usize = 107;

pub(super) fn check(config: &Config, problems: &mut Problems) {
    listeners(config, problems);
    let sources = &config.sources;
    for (number, files) in sources.files.iter().enumerate() {
        let key = format!("sources.files[{number}].path");
        if is_given(problems, &key, Path::new(&files.path)) {
            pattern(problems, key, &files.path);
        }
    }
    for (number, evtx) in sources.evtx.iter().enumerate() {
        is_given(
            problems,
            &format!("sources.evtx[{number}].path"),
            &evtx.path,
        );
    }
    for (number, unix) in sources.unix.iter().enumerate() {
        let key = format!("sources.unix[{number}].path");
        if is_given(problems, &key, &unix.path) && unix.path.as_os_str().len() > LONGEST_SOCKET {
            problems.error(
                key,
                format!("a socket's path has at most {LONGEST_SOCKET} bytes"),
                "choose a shorter one such as /run/sandtrap/events.sock",
            );
        }
    }
    let paths = sources.files.iter().map(|files| Path::new(&files.path));
    let paths = keyed("sources.files", "path", paths);
    distinct(problems, paths, TWICE, ONCE);
    let paths = sources.evtx.iter().map(|evtx| evtx.path.as_path());
    distinct(problems, keyed("sources.evtx", "path", paths), TWICE, ONCE);
    let paths = sources.unix.iter().map(|unix| unix.path.as_path());
    distinct(problems, keyed("sources.unix", "path", paths), TWICE, ONCE);
}

const TWICE: &str = "it is named twice";
const ONCE: &str = "leave one of the two out";

fn keyed<'a, T: 'a>(
    section: &'a str,
    name: &'a str,
    values: impl Iterator<Item = T> + 'a,
) -> impl Iterator<Item = (String, T)> + 'a {
    values
        .enumerate()
        .map(move |(number, value)| (format!("{section}[{number}].{name}"), value))
}

fn listeners(config: &Config, problems: &mut Problems) {
    let http = &config.http;
    exposed(
        problems,
        "http",
        http.listen,
        http.plaintext,
        "tokens and events would cross the network unencrypted",
    );
    for (number, tcp) in config.sources.tcp.iter().enumerate() {
        exposed(
            problems,
            &format!("sources.tcp[{number}]"),
            tcp.listen,
            tcp.plaintext,
            "anyone who reaches it could send events, unencrypted and without a token",
        );
    }
    let tcp = config.sources.tcp.iter().map(|tcp| tcp.listen);
    let tcp = keyed("sources.tcp", "listen", tcp);
    // The system chooses another port for each that is 0.
    let all = std::iter::once(("http.listen".to_owned(), http.listen)).chain(tcp);
    let all = all.filter(|(_, address)| address.port() != 0);
    distinct(
        problems,
        all,
        "something else listens there already",
        "choose another port",
    );
}

fn exposed(
    problems: &mut Problems,
    section: &str,
    listen: SocketAddr,
    is_permitted: bool,
    why: &str,
) {
    if listen.ip().to_canonical().is_loopback() || is_permitted {
        return;
    }
    problems.error(
        format!("{section}.listen"),
        format!("{listen} is not loopback: {why}"),
        format!(
            "write 127.0.0.1:{}, or plaintext = true where the network is protected otherwise",
            listen.port()
        ),
    );
}

fn is_given(problems: &mut Problems, key: &str, path: &Path) -> bool {
    let is_given = !path.as_os_str().is_empty();
    if !is_given {
        problems.error(key, "it is empty", "name a path, or leave the section out");
    }
    is_given
}

fn pattern(problems: &mut Problems, key: String, path: &str) {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    if folder.to_string_lossy().contains(['*', '?']) {
        problems.error(
            key,
            format!("`{path}` has `*` or `?` in a folder's name"),
            "put them into the last component only, and name each folder in a section of its own",
        );
    } else if path.contains(['[', '{']) {
        problems.warn(
            key,
            format!("`{path}` has brackets, which stand for themselves"),
            "use `*` and `?`, or name each pattern in a section of its own",
        );
    }
}
