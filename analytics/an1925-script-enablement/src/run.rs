//! Stage class `run`: a script that does not belong where it runs from.

use std::time::Duration;

use sandtrap_sdk::{
    Row, Site, baselines,
    lineage::{self, Mark, Subject},
    windows::{ProcessName, path, path::Place},
};

use crate::{
    found::Found,
    interpreter::{Kind, Script, is_url},
    settings::Settings,
};

const INTERPRETERS: &str = "interpreters";
const SCRIPTS: &str = "scripts";

/// On so many devices, or run so often on one, a script is part of the place.
const USUAL_DEVICES: u32 = 10;
const USUAL_RUNS: u64 = 5;

/// What it adds that a program by which files come from outside wrote a script.
pub const FROM_OUTSIDE: i32 = 15;

/// Keys and items longer than this are cut from the left, where paths differ least.
const MAX_KEY: usize = 200;

/// The item that holds what is known of a script file.
pub fn item(path: &str) -> Subject {
    Subject::item(format!("file:{}", tail(&path::normalise(path))))
}

/// The stages that running a script earns.
pub fn stages(row: &Row<'_>, site: &Site, kind: Kind, script: &Script) -> Vec<Found> {
    if site.is_approved_script(&script.path) == Some(true) || script.is_domain_share() {
        return Vec::new();
    }
    let mut found: Vec<Found> = place(kind, script).into_iter().collect();
    if !is_url(&script.path) {
        // Installers write batch files and run them; that says nothing.
        let least = if kind == Kind::Shell { FROM_OUTSIDE } else { 0 };
        let history = history(row, &script.path);
        found.extend(history.into_iter().filter(|stage| stage.score >= least));
    }
    found
}

/// The stage of a utility that was given an address to take code from.
pub fn fetched(line: &str) -> Option<Found> {
    let lower = line.to_ascii_lowercase();
    let address = ["http://", "https://", "\\\\"]
        .iter()
        .find_map(|mark| lower.find(mark))
        .and_then(|at| line.get(at..))?;
    let end = address
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')'))
        .unwrap_or(address.len());
    let address = bounded(address.get(..end)?);
    // The quirk of `javascript:"\\..\\mshtml` is no share.
    let is_address = !address.starts_with("\\\\.") && address.len() > 4;
    let text = format!("takes its code from {address}");
    is_address.then(|| Found::new("run.remote", 25, text))
}

/// How rare the interpreter and the script are here, once the baseline knows;
/// counts this run. `script` is a path, or the text of a command.
pub fn rarity(row: &Row<'_>, settings: &Settings, name: &ProcessName, script: &str) -> Vec<Found> {
    let interpreter = name.file_name().to_owned();
    let key = key(&interpreter, script);
    let script = bounded(script);
    let entries = [
        (INTERPRETERS, interpreter.as_str()),
        (SCRIPTS, key.as_str()),
    ];
    let known = baselines::lookup(row, &entries);
    // A refusal is counted by the host; the run is judged all the same.
    let _ = baselines::observe(row, &entries);
    let mut found = Vec::new();
    let [of_interpreter, of_script] = known.as_slice() else {
        return found;
    };
    let needed = Duration::from_secs(settings.learning_days.saturating_mul(86_400));
    if of_interpreter.device.learning_for(row) < needed {
        return found;
    }
    if of_interpreter.device.count <= settings.rare_runs {
        let text = format!(
            "is an interpreter that ran here {} times since the device is watched",
            of_interpreter.device.count
        );
        found.push(Found::new("run.rare-interpreter", 20, text));
    }
    if of_script.device.count == 0 && of_script.devices <= 2 {
        let text = format!("runs {script}, which was never seen here before");
        found.push(Found::new("run.new-script", 10, text));
    } else if of_script.device.count >= USUAL_RUNS || of_script.devices >= USUAL_DEVICES {
        let text = format!(
            "runs {script}, as it does regularly on {} devices",
            of_script.devices
        );
        found.push(Found::new("run.usual", -30, text));
    }
    found
}

fn place(kind: Kind, script: &Script) -> Option<Found> {
    let at = &script.path;
    if is_url(at) {
        // For an HTML application that is the utility's stage, told once.
        if kind == Kind::HtmlHost {
            return None;
        }
        let text = format!("runs a script straight from {}", bounded(at));
        return Some(Found::new("run.remote", 25, text));
    }
    let is_webdav = at.to_ascii_lowercase().contains("davwwwroot")
        || at
            .trim_start_matches(['\\', '/'])
            .split(['\\', '/'])
            .next()
            .is_some_and(|host| host.contains('@'));
    let weight = if kind == Kind::Shell { 10 } else { 15 };
    match path::place(at) {
        Place::Network if is_webdav => Some(Found::new(
            "run.remote",
            25,
            format!("runs {at} over WebDAV"),
        )),
        Place::Network => Some(Found::new(
            "run.share",
            weight,
            format!("runs {at} from a share"),
        )),
        Place::Removable => Some(Found::new(
            "run.removable",
            15,
            format!("runs {at} from a drive that is removable or a mounted image"),
        )),
        // Foreign interpreters run their users' scripts all day.
        Place::UserWritable if kind != Kind::Foreign => Some(Found::new(
            "run.user-writable",
            weight,
            format!("runs {at}, which lies where any user can write"),
        )),
        _ if script.is_foreign_in_system() => Some(Found::new(
            "run.planted",
            15,
            format!("runs {at}, a script in the system directory that Windows does not ship"),
        )),
        _ => None,
    }
}

/// What file events said of the script before it ran.
fn history(row: &Row<'_>, path: &str) -> Vec<Found> {
    let marks = lineage::marks_on(row, item(path));
    let told = |mark: &Mark| match mark.stage.as_str() {
        "run.dropped" => Some(Found::new("run.dropped", mark.score, mark.note.clone())),
        "run.downloaded" => Some(Found::new("run.downloaded", mark.score, mark.note.clone())),
        _ => None,
    };
    marks.iter().filter_map(told).collect()
}

/// One key for a script in every user's profile, and for a command whatever
/// numbers are in it.
fn key(interpreter: &str, script: &str) -> String {
    let normal = path::normalise(bounded(script));
    let general = match normal.split_once("/users/") {
        Some((drive, rest)) => {
            let below = rest.split_once('/').map_or("", |(_, below)| below);
            format!("{drive}/users/*/{below}")
        }
        None => normal,
    };
    let general = general.replace(|c: char| c.is_ascii_digit(), "0");
    format!("{interpreter}|{}", tail(&general))
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(MAX_KEY);
    text.get(text.ceil_char_boundary(start)..).unwrap_or(text)
}

fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(300)).unwrap_or(text)
}
