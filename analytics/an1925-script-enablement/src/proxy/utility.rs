//! Programs of Windows that load and run what their command line names.

use sandtrap_sdk::windows::{
    ProcessName, command_line,
    path::{self, Place},
};

use crate::{found::Found, interpreter::Program};

use super::excerpt;

/// Programs whose command line is looked at for proxy execution.
pub const PROXIES: &[&str] = &[
    "rundll32.exe",
    "regsvr32.exe",
    "mshta.exe",
    "msbuild.exe",
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
    "wmic.exe",
    "cmstp.exe",
    "odbcconf.exe",
    "hh.exe",
    "pcalua.exe",
    "forfiles.exe",
    "xwizard.exe",
    "msdt.exe",
    "control.exe",
    "explorer.exe",
];

/// Those whose children are someone else's doing, by trade.
pub const LEADERS: &[&str] = &[
    "mshta.exe",
    "msbuild.exe",
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
    "regsvr32.exe",
    "wmic.exe",
    "cmstp.exe",
    "hh.exe",
];

/// Texts of which one is on the command line of every abuse below; for predicates.
pub const PROXY_HINTS: &[&str] = &[
    "javascript:",
    "vbscript:",
    "script:",
    "http",
    "\\\\",
    "scrobj",
    "RouteTheCall",
    "LaunchINFSection",
    "OpenURL",
    "FileProtocolHandler",
    "ShellExec_RunDLL",
    "LaunchApplication",
    "RunHTMLApplication",
    "ShOpenVerbApplication",
    "InstallHinfSection",
    ".cpl",
    ".xsl",
    "/format",
    ".inf",
    "regsvr",
    ".chm",
    " -a ",
    "/c",
    "RunWizard",
    "IT_BrowseForFile",
    "IT_RebrowseForFile",
    "shell:::",
    "\\Users\\",
    "\\ProgramData\\",
    "\\Temp\\",
    "\\Tasks\\",
    "\\PerfLogs\\",
    "process call create",
];

/// Entry points of system libraries that run whatever they are given.
const RUNDLL_EXPORTS: &[&str] = &[
    "routethecall",
    "launchinfsection",
    "openurl",
    "fileprotocolhandler",
    "shellexec_rundll",
    "launchapplication",
    "shopenverbapplication",
    "installhinfsection",
];

/// Stages of a program of Windows that loads and runs what its command line names.
pub fn stages(program: &Program<'_>, name: &ProcessName) -> Option<Found> {
    let line = program.command_line.to_ascii_lowercase();
    let has = |part: &str| line.contains(part);
    let has_remote = has("http:") || has("https:") || has("\\\\");
    let names_open_file =
        |extensions: &[&str]| names_file(program, extensions, path::is_user_writable);
    let (score, text) = if name.is("rundll32.exe") {
        if has("javascript:") || has("vbscript:") || has("runhtmlapplication") {
            (35, "runs script text given to rundll32.exe")
        } else if RUNDLL_EXPORTS.iter().any(|export| has(export)) {
            (20, "has a system library start what its command line names")
        } else if has("control_rundll") && names_open_file(&["cpl"]) {
            (
                25,
                "loads a control panel item from a place any user can write to",
            )
        } else {
            return None;
        }
    } else if name.is("regsvr32.exe") {
        match has("scrobj") {
            true if has_remote => (35, "registers a scriptlet from the network"),
            true => (30, "registers a scriptlet"),
            false => return None,
        }
    } else if name.is("mshta.exe") {
        match has("javascript:")
            || has("vbscript:")
            || has("about:")
            || has("http:")
            || has("https:")
        {
            true => (35, "runs an HTML application that is no local file"),
            false => return None,
        }
    } else if name.is("wmic.exe") {
        if has("/format") && (has_remote || has(".xsl")) {
            (35, "applies a style sheet that can hold script")
        } else if has("process") && has("call") && has("create") {
            (15, "starts a process through WMI")
        } else {
            return None;
        }
    } else if name.is("msbuild.exe") {
        match names_file(
            program,
            &["xml", "txt", "log", "csproj", "proj"],
            is_drop_zone,
        ) {
            true => (25, "builds a project from a place for temporary files"),
            false => return None,
        }
    } else if name.is_any(&["installutil.exe", "regasm.exe", "regsvcs.exe"]) {
        match names_open_file(&["dll", "exe", "txt", "log"]) {
            true if has("/u") => (
                25,
                "runs the uninstaller in a file from a place any user can write to",
            ),
            true => (15, "loads a file from a place any user can write to"),
            false => return None,
        }
    } else {
        rare_utility(program, name, &line)?
    };
    let text = format!("{text}: {}", excerpt(program.command_line));
    Some(Found::new("proxy.utility", score, text))
}

fn rare_utility(
    program: &Program<'_>,
    name: &ProcessName,
    line: &str,
) -> Option<(i32, &'static str)> {
    let has = |part: &str| line.contains(part);
    let names_open_file =
        |extensions: &[&str]| names_file(program, extensions, path::is_user_writable);
    let found = if name.is("cmstp.exe") && names_open_file(&["inf", "txt"]) {
        (
            25,
            "installs a connection profile from a place any user can write to",
        )
    } else if name.is("odbcconf.exe") && has("regsvr") {
        (20, "has odbcconf.exe load a library")
    } else if name.is("hh.exe") && (has("http") || names_open_file(&["chm"])) {
        (20, "opens a help file that can hold script")
    } else if name.is("pcalua.exe") && has(" -a ") {
        (20, "has the compatibility assistant start a program")
    } else if name.is("forfiles.exe") && has("/c") {
        (15, "has forfiles.exe start a program")
    } else if name.is("xwizard.exe") && has("runwizard") {
        (15, "has a wizard start a component")
    } else if name.is("msdt.exe") && has("browseforfile") {
        (30, "has a troubleshooter run its parameters")
    } else if name.is("control.exe") && names_open_file(&["cpl"]) {
        (
            25,
            "opens a control panel item from a place any user can write to",
        )
    } else if name.is("explorer.exe") && has("shell:::") {
        (15, "has the shell open an object by its identifier")
    } else {
        return None;
    };
    Some(found)
}

fn names_file(program: &Program<'_>, extensions: &[&str], is_bad: impl Fn(&str) -> bool) -> bool {
    command_line::arguments_after_executable(program.command_line)
        .take(32)
        .any(|word| {
            let text = word.text.trim_matches('"');
            let file = text.rsplit(',').next().unwrap_or(text);
            let extension = path::extension(file);
            let full = match path::place(file) {
                // Control panel items are looked for in the system directory first.
                Place::Relative if !extension.eq_ignore_ascii_case("cpl") => {
                    format!("{}\\{file}", program.directory.trim_end_matches('\\'))
                }
                _ => file.to_owned(),
            };
            extensions
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
                && is_bad(&full)
        })
}

/// Where files are dropped rather than worked on: not a developer's own folders.
fn is_drop_zone(file: &str) -> bool {
    let normal = path::normalise(file);
    let is_own = normal.contains("/users/")
        && ![
            "/appdata/local/temp/",
            "/downloads/",
            "/users/public/",
            "/desktop/",
        ]
        .iter()
        .any(|zone| normal.contains(zone));
    path::is_user_writable(file) && !is_own
}
