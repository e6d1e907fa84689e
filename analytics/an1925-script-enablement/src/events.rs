//! What happens after a process started, or before: scripts inside a session,
//! connections, files and modules.

use std::time::Duration;

use sandtrap_sdk::{
    Findings, Row, field,
    lineage::{self, NewMark},
    windows::{
        ProcessName, path,
        process_name::{BROWSERS, MAIL_AND_DOCUMENTS, OFFICE, SCRIPT_HOSTS, SHELLS},
    },
};

use crate::{
    An1925, cycle, effect,
    found::Found,
    interpreter::{Kind, Script},
    payload, run,
    tree::{Tree, is_deployment_agent, short},
};

/// How long it counts that a script was written or downloaded.
const FILE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Programs of which scripts come from outside.
const ARCHIVERS: &[&str] = &["7zg.exe", "7z.exe", "winrar.exe", "rar.exe"];

/// Libraries that run .NET code.
const MANAGED: &[&str] = &[
    "clr.dll",
    "coreclr.dll",
    "mscorwks.dll",
    "system.management.automation.dll",
    "system.management.automation.ni.dll",
];

impl An1925 {
    /// A script ran inside a PowerShell session.
    pub(crate) fn script_block(&self, row: &Row<'_>, findings: &mut Findings) {
        let path = row.text(field::SCRIPT_PATH);
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        if path.is_empty() || is_session_own(path) {
            return;
        }
        let script = Script {
            path: path.to_owned(),
            engine: None,
        };
        let mut found = run::stages(row, &self.site, Kind::PowerShell, &script);
        if found.is_empty() {
            return;
        }
        // Within a session people try their own scripts; that weighs less than
        // a process started for one.
        for stage in &mut found {
            stage.score = stage.score.min(10);
        }
        let content = row.text(field::SCRIPT_CONTENT);
        found.extend(payload::code(
            content,
            &self.settings.approved_download_hosts,
        ));
        let tree = Tree::of(row, process);
        let images: Vec<&str> = tree
            .ancestors
            .iter()
            .map(|ancestor| ancestor.image.as_str())
            .collect();
        let user = row.text(field::ACTOR_USER_NAME);
        found.extend(cycle::stages(row, &self.site, user, &images));
        found.extend(cycle::asset(row, &self.site));
        let mut chain = tree.chain(row, &self.settings, &tree.families(Some(Kind::PowerShell)));
        for found in found {
            tree.add(&mut chain, &self.settings, found);
        }
        self.settle(row, findings, &tree, chain);
    }

    /// An interpreter, or anything that talks to controllers, connected.
    pub(crate) fn connected(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let name = name_of(row.text(field::ACTOR_PROCESS_FILE_PATH));
        let kind = Kind::of(&name);
        let is_script_host = matches!(kind, Some(Kind::ScriptHost | Kind::HtmlHost));
        let Some(found) = effect::connection(row, &self.site, is_script_host) else {
            return;
        };
        let tree = Tree::of(row, process);
        if kind.is_none() && !tree.is_known() {
            return;
        }
        self.add(row, findings, &tree, found);
    }

    /// A script, or a file of a script host, was written.
    pub(crate) fn file_written(&self, row: &Row<'_>, findings: &mut Findings) {
        let file = row.text(field::FILE_PATH);
        let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
        let name = name_of(image);
        if is_deployment_agent(image) || name.is("msiexec.exe") {
            return;
        }
        if path::is_script_extension(path::extension(file)) {
            let families = [
                BROWSERS,
                MAIL_AND_DOCUMENTS,
                OFFICE,
                SCRIPT_HOSTS,
                SHELLS,
                ARCHIVERS,
            ];
            let is_from_outside = families.iter().any(|family| name.is_any(family));
            let score = if is_from_outside {
                run::FROM_OUTSIDE
            } else {
                10
            };
            let note = format!(
                "runs {file}, which {} wrote within the hour before",
                short(image)
            );
            let item = run::item(file);
            let mark = NewMark::new(
                row,
                item,
                "run.dropped",
                score,
                clipped(&note),
                FILE_LIFETIME,
            );
            // A refusal is counted by the host; the script is then judged without.
            let _ = lineage::mark(row, mark);
        }
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        if name.is_any(SCRIPT_HOSTS) {
            let tree = Tree::of(row, process);
            let text = format!("{} writes {file}", short(image));
            self.add(row, findings, &tree, Found::new("effect.drop", 15, text));
        }
    }

    /// A script was marked as downloaded.
    pub(crate) fn file_downloaded(&self, row: &Row<'_>) {
        let stream = row.text(field::FILE_PATH);
        let file = stream.rsplit_once(':').map_or(stream, |(file, _)| file);
        let note = format!("runs {file}, which carries the mark of the web");
        let item = run::item(file);
        let mark = NewMark::new(
            row,
            item,
            "run.downloaded",
            10,
            clipped(&note),
            FILE_LIFETIME,
        );
        // As above.
        let _ = lineage::mark(row, mark);
    }

    /// An unsigned program, or a module that shows what a utility is used for.
    pub(crate) fn module_loaded(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
        let module = row.text(field::MODULE_FILE_PATH);
        let is_unsigned = row.truth(field::MODULE_FILE_SIGNATURE_SIGNED) == Some(false);
        let tree = Tree::of(row, process);
        if is_unsigned && path::is_same_file(image, module) {
            if tree.has_above() {
                self.add(row, findings, &tree, effect::unsigned(image));
            }
            return;
        }
        let file = short(module).to_ascii_lowercase();
        if name_of(image).is_any(SCRIPT_HOSTS) {
            if path::is_native_image(module) || MANAGED.contains(&file.as_str()) {
                let text = format!("{} loads {file}: the script runs .NET code", short(image));
                self.add(
                    row,
                    findings,
                    &tree,
                    Found::new("proxy.managed-code", 20, text),
                );
            }
            return;
        }
        let is_engine =
            ["vbscript.dll", "jscript.dll", "jscript9.dll", "scrobj.dll"].contains(&file.as_str());
        if is_engine {
            let text = format!("{} loads {file}, a script engine", short(image));
            self.add(
                row,
                findings,
                &tree,
                Found::new("proxy.script-engine", 15, text),
            );
        } else if is_unsigned && path::is_user_writable(module) {
            let text = format!("{} loads {module}, which is unsigned", short(image));
            self.add(
                row,
                findings,
                &tree,
                Found::new("proxy.unsigned-module", 15, text),
            );
        }
    }

    fn add(&self, row: &Row<'_>, findings: &mut Findings, tree: &Tree, found: Found) {
        let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
        let kind = Kind::of(&name_of(image));
        let mut chain = tree.chain(row, &self.settings, &tree.families(kind));
        tree.add(&mut chain, &self.settings, found);
        self.settle(row, findings, tree, chain);
    }
}

fn name_of(image: &str) -> ProcessName {
    ProcessName::of(image, "")
}

/// PowerShell's own profile and its probes for application control.
fn is_session_own(path: &str) -> bool {
    let normal = path::normalise(path);
    let file = path::file_name(&normal).to_owned();
    file.starts_with("__psscriptpolicytest_")
        || file.ends_with("profile.ps1")
        || normal.contains("powershell/modules/")
        || normal.contains("/.vscode/extensions/")
}

fn clipped(note: &str) -> &str {
    note.get(..note.floor_char_boundary(1024)).unwrap_or(note)
}
