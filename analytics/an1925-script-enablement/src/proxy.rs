//! Stage class `proxy`: a trusted program made to run someone else's code.

mod ics;
mod utility;

use sandtrap_sdk::windows::{
    ProcessName, path,
    process_name::{BROWSERS, MAIL_AND_DOCUMENTS, OFFICE},
};

use crate::{
    found::Found,
    interpreter::{Program, Script},
    tree::short,
};

pub use ics::{ICS_HINTS, script as ics_script, stages as ics};
pub use utility::{LEADERS, PROXIES, PROXY_HINTS, stages as utility};

/// Stages of an interpreter that is not what or where it should be, or that
/// runs a script under another engine than its name says.
pub fn interpreter(
    program: &Program<'_>,
    name: &ProcessName,
    script: Option<&Script>,
) -> Vec<Found> {
    let mut found = Vec::new();
    if name.is_renamed() {
        let text = format!(
            "is {} under the name {}",
            name.original_file_name(),
            name.file_name()
        );
        found.push(Found::new("proxy.renamed", 20, text));
    } else if name.is_expected_place() == Some(false) && path::is_user_writable(program.image) {
        let text = format!(
            "runs from {}, where Windows does not keep it",
            program.image
        );
        found.push(Found::new("proxy.displaced", 20, text));
    }
    let Some(script) = script else { return found };
    if script.is_stream() {
        let text = format!("runs {}, a stream hidden behind another file", script.path);
        found.push(Found::new("proxy.disguised-script", 35, text));
    } else if let Some(engine) = &script.engine {
        found.push(if script.has_script_extension() {
            let text = format!(
                "runs {} with the engine {engine} asked for by name",
                script.path
            );
            Found::new("proxy.engine-by-name", 15, text)
        } else {
            let text = format!("runs {} as {engine}, which its name hides", script.path);
            Found::new("proxy.disguised-script", 35, text)
        });
    }
    found.extend(signed_script(script, program.command_line));
    found
}

/// Scripts of Windows that run what their arguments say.
fn signed_script(script: &Script, line: &str) -> Option<Found> {
    let line = line.to_ascii_lowercase();
    let file = path::file_name(&script.path).to_ascii_lowercase();
    let is_abuse = match file.as_str() {
        "pubprn.vbs" => line.contains("script:"),
        "winrm.vbs" => line.contains("win32_process") && line.contains('@'),
        "syncappvpublishingserver.vbs" => line.contains(';'),
        _ => false,
    };
    is_abuse.then(|| {
        Found::new(
            "proxy.signed-script",
            35,
            format!("has {file} run what its arguments say"),
        )
    })
}

/// The stage of an interpreter that a document, a mail or a web page started.
pub fn by_document(parent: &str) -> Option<Found> {
    let name = ProcessName::of(parent, "");
    let score = if name.is_any(OFFICE) {
        30
    } else if name.is_any(MAIL_AND_DOCUMENTS) || name.is_any(BROWSERS) {
        15
    } else {
        return None;
    };
    let text = format!("is started by {}, a program for documents", short(parent));
    Some(Found::new("proxy.document", score, text))
}

fn excerpt(line: &str) -> &str {
    line.get(..line.floor_char_boundary(160)).unwrap_or(line)
}

#[cfg(test)]
mod tests;
