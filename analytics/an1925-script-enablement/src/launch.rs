//! A process started: the event that most stages come from.

use sandtrap_sdk::{
    Findings, Row, field,
    lineage::Process,
    windows::{Invocation, ProcessName, process_name::INTERMEDIARIES},
};

use crate::{
    An1925, cycle, directive, effect, enable,
    found::Found,
    interpreter::{Kind, Program, Script},
    payload, proxy, run,
    tree::{Tree, short},
};

/// What a utility's stage scores at least where the utility was given script.
const SCRIPTED: i32 = 30;

/// What a program's launch tells by itself.
struct Seen {
    kind: Option<Kind>,
    name: ProcessName,
    found: Vec<Found>,
}

impl An1925 {
    pub(crate) fn launched(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::PROCESS_HANDLE) else {
            return;
        };
        let program = Program {
            image: row.text(field::PROCESS_FILE_PATH),
            original: row.text(field::PROCESS_FILE_INTERNAL_NAME),
            command_line: row.text(field::PROCESS_CMD_LINE),
            directory: row.text(field::PROCESS_WORKING_DIRECTORY),
        };
        let parent_image = row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH);
        let mut tree = Tree::of(row, process);
        let parent = row.process(field::PROCESS_PARENT_PROCESS_HANDLE);
        let of_parent = self.parent(row, &tree, parent);
        if let Some(parent) = parent.filter(|_| !of_parent.found.is_empty()) {
            tree.join(parent);
        }
        let is_led =
            tree.has_above() || is_proxying(&of_parent) || of_parent.name.is_any(proxy::LEADERS);
        let own = self.judge(row, &program, is_led, true);
        let mut found = own.found;
        let ics = proxy::ics(&self.ics_apps, &program, &own.name, parent_image);
        if let Some(script) = proxy::ics_script(&program).filter(|_| !ics.is_empty()) {
            found.extend(run::stages(row, &self.site, Kind::Foreign, &script));
        }
        found.extend(ics);
        if own.kind.is_some_and(|kind| kind != Kind::Shell) && !found.is_empty() {
            // Shells in between hide who started it.
            let starter = std::iter::once(parent_image)
                .chain(tree.ancestors.iter().map(|info| info.image.as_str()))
                .find(|image| !ProcessName::of(image, "").is_any(INTERMEDIARIES));
            found.extend(starter.and_then(proxy::by_document));
        }
        if tree.anchor != process {
            name_all(&mut found, program.image);
        }
        let images = cycle::images(parent_image, &tree.ancestors);
        if !found.is_empty() || !of_parent.found.is_empty() {
            let user = row.text(field::PROCESS_USER_NAME);
            found.extend(cycle::stages(row, &self.site, user, &images));
            found.extend(cycle::asset(row, &self.site));
        }
        let mut of_parent_found = of_parent.found;
        if parent != Some(tree.anchor) {
            name_all(&mut of_parent_found, parent_image);
        }
        found.extend(of_parent_found);
        let by_script_host = matches!(of_parent.kind, Some(Kind::ScriptHost | Kind::HtmlHost));
        if tree.has_above() || by_script_host {
            let effect = effect::child(row, program.image, &own.name, process);
            if let (Some(_), Some(parent)) = (&effect, parent) {
                tree.join(parent);
            }
            found.extend(effect);
        }
        let families = tree.families(own.kind);
        let mut chain = tree.chain(row, &self.settings, &families);
        for found in found {
            tree.add(&mut chain, &self.settings, found);
        }
        self.settle(row, findings, &tree, chain);

        let directives = directive::of(program.command_line);
        // A command line that PowerShell shows its script in is read by its process
        // alone, not again by each shell above it.
        if !directives.is_empty() && own.kind != Some(Kind::Shell) {
            self.directives(row, findings, &directives, Some(process), program.image);
        }
    }

    /// A PowerShell engine started, as its own log has it: all there is where no
    /// launch is logged.
    pub(crate) fn engine_started(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let tree = Tree::of(row, process);
        if tree.is_known() {
            return;
        }
        let program = Program {
            image: "",
            original: "",
            command_line: row.text(field::SCRIPT_HOST_APPLICATION),
            directory: "",
        };
        let own = self.judge(row, &program, false, true);
        if own.kind != Some(Kind::PowerShell) {
            return;
        }
        let mut chain = tree.chain(row, &self.settings, &tree.families(own.kind));
        for found in own.found {
            tree.add(&mut chain, &self.settings, found);
        }
        self.settle(row, findings, &tree, chain);
    }

    /// The stages of one program. `is_led`: something stands behind it.
    fn judge(&self, row: &Row<'_>, program: &Program<'_>, is_led: bool, is_new: bool) -> Seen {
        let name = program.name();
        let kind = Kind::of(&name);
        let mut found = Vec::new();
        if let Some(kind) = kind {
            let script = program.script(kind);
            if kind != Kind::Shell && kind != Kind::Foreign {
                found.extend(proxy::interpreter(program, &name, script.as_ref()));
            }
            let hosts = &self.settings.approved_download_hosts;
            let is_install_line =
                |script: &&Script| payload::fetches_from(&script.path.to_ascii_lowercase(), hosts);
            if let Some(script) = script.as_ref().filter(|script| !is_install_line(script)) {
                found.extend(run::stages(row, &self.site, kind, script));
                if is_new {
                    found.extend(run::rarity(row, &self.settings, &name, &script.path));
                }
            }
        }
        let invocation = match kind {
            Some(Kind::PowerShell) => Some(Invocation::parse(program.command_line)),
            Some(Kind::ScriptHost | Kind::HtmlHost) => Invocation::nested(program.command_line),
            _ => None,
        };
        if let Some(invocation) = invocation {
            let is_bypassed = invocation.is_policy_bypassed();
            found.extend(enable::policy_of_line(
                is_bypassed,
                invocation.is_downgraded(),
            ));
            if let Some(text) = invocation.script().filter(|_| is_bypassed && is_new) {
                let usual = run::rarity(row, &self.settings, &name, text);
                found.extend(usual.into_iter().filter(|stage| stage.score < 0));
            }
            if is_bypassed || is_led || kind != Some(Kind::PowerShell) {
                found.extend(payload::stages(
                    &invocation,
                    &self.settings.approved_download_hosts,
                ));
            }
        }
        let utility = proxy::utility(program, &name);
        // Drivers and libraries are installed from shares; scripts are not.
        if kind.is_none()
            && utility
                .as_ref()
                .is_some_and(|utility| utility.score >= SCRIPTED)
        {
            found.extend(run::fetched(program.command_line));
        }
        found.extend(utility);
        Seen { kind, name, found }
    }

    /// The parent as its child's launch shows it: its own launch may be missing,
    /// or come later.
    fn parent(&self, row: &Row<'_>, tree: &Tree, parent: Option<Process>) -> Seen {
        let original = parent
            .and_then(|parent| {
                let known = tree.ancestors.first()?;
                (known.process == parent).then(|| known.original_file_name.clone())
            })
            .unwrap_or_default();
        let program = Program {
            image: row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH),
            original: &original,
            command_line: row.text(field::PROCESS_PARENT_PROCESS_CMD_LINE),
            directory: "",
        };
        if tree.has_above() {
            let name = program.name();
            return Seen {
                kind: Kind::of(&name),
                name,
                found: Vec::new(),
            };
        }
        self.judge(row, &program, false, false)
    }
}

/// Whether a parent runs code for others, so that its children are its doing.
fn is_proxying(parent: &Seen) -> bool {
    matches!(parent.kind, Some(Kind::ScriptHost | Kind::HtmlHost)) || !parent.found.is_empty()
}

/// Says whose doing stages are, where it is not the process to blame.
fn name_all(found: &mut [Found], image: &str) {
    for stage in found {
        stage.text = format!("{} {}", short(image), stage.text);
    }
}
