//! Stage class `enablement`: scripts are switched on.
//!
//! What is switched on for good is marked on an item of the device, one for each
//! family of scripts, so that a run hours later finds it. It is also worth a
//! finding of its own: on a computer that needs no scripts, nobody turns them on.

use sandtrap_sdk::{
    Chain, Finding, Findings, Row, Severity, class, field,
    lineage::{self, Process, Subject},
    windows::{
        ProcessName, path,
        process_name::{MAIL_AND_DOCUMENTS, OFFICE, SCRIPT_HOSTS},
    },
};

use crate::{
    An1925,
    directive::{self, Directive, Scope},
    found::Found,
    switchboard::{self, Change, Family, Switch, Turn, Weight},
    tree::{Tree, is_deployment_agent, short},
};

/// Undone within this time, a change was meant to go unseen.
const REVERT_MILLISECONDS: i64 = 60 * 60 * 1000;

/// From this on, what was switched on is worth a look by itself.
const MIN_CONFIGURATION: i32 = 20;

/// Programs with no business changing how scripts run.
const ODD_WRITERS: &[&str] = &[
    "rundll32.exe",
    "regsvr32.exe",
    "wmiprvse.exe",
    "installutil.exe",
    "msbuild.exe",
    "regasm.exe",
];

/// Something that was switched on for good.
struct Opening<'a> {
    stage: &'a str,
    family: Family,
    weight: Weight,
    is_machine_wide: bool,
    is_policy: bool,
    text: String,
}

/// Who switched it.
struct Writer<'a> {
    process: Option<Process>,
    image: &'a str,
}

impl An1925 {
    /// A registry value was set or deleted, or a key deleted.
    pub(crate) fn registry(&self, row: &Row<'_>, findings: &mut Findings) {
        let path = row.text(field::REG_TARGET_PATH);
        let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
        let writer = Writer {
            process: row.process(field::ACTOR_PROCESS_HANDLE),
            image,
        };
        if self.is_managed(row, &writer, path) {
            return;
        }
        let operation = row.text(field::REG_TARGET_OPERATION);
        let is_key = row.class() == class::REGISTRY_KEY;
        let deletes = operation.to_ascii_lowercase().contains("delete") || operation == "%%1906";
        let change = match is_key || deletes {
            true => Change::Deleted,
            false => Change::Set(row.text(field::REG_TARGET_DATA)),
        };
        let is_unchanged = !is_key
            && matches!(change, Change::Set(data)
                if !data.is_empty() && data == row.text(field::REG_TARGET_PREVIOUS_DATA));
        if is_unchanged {
            return;
        }
        let turn = switchboard::judge(path, change).or_else(|| {
            let key = switchboard::judge_key(path).filter(|_| is_key)?;
            Some(Turn::Opened(key))
        });
        match turn {
            Some(Turn::Opened(switch)) => {
                let opening = opening(switch, path, change, image);
                self.enabled(row, findings, &opening, &writer);
            }
            Some(Turn::Closed(switch)) => self.closed(row, findings, switch, &writer),
            None => {}
        }
    }

    /// Commands that switch scripts on, wherever they stand.
    pub(crate) fn directives(
        &self,
        row: &Row<'_>,
        findings: &mut Findings,
        found: &[Directive],
        process: Option<Process>,
        image: &str,
    ) {
        let writer = Writer { process, image };
        for directive in found.iter().take(4) {
            if directive.scope == Scope::Process {
                self.for_one_process(row, findings, directive, process);
                continue;
            }
            let opening = Opening {
                stage: directive.stage,
                family: directive.family,
                weight: directive.weight,
                is_machine_wide: directive.scope == Scope::Machine,
                is_policy: directive.is_policy,
                text: format!(
                    "{} runs a command by which {}",
                    short(image),
                    directive.meaning
                ),
            };
            self.enabled(row, findings, &opening, &writer);
        }
    }

    /// The commands of a script block or of a logged pipeline.
    pub(crate) fn script_directives(&self, row: &Row<'_>, findings: &mut Findings) {
        let content = row.text(field::SCRIPT_CONTENT);
        let found = match row.class() {
            class::SCRIPT_COMMAND => directive::of_pipeline(content),
            _ => directive::of(content),
        };
        if found.is_empty() {
            return;
        }
        let process = row.process(field::ACTOR_PROCESS_HANDLE);
        let image = process
            .and_then(|process| lineage::process(row, process))
            .map_or_else(|| "powershell.exe".to_owned(), |info| info.image);
        self.directives(row, findings, &found, process, &image);
    }

    fn enabled(
        &self,
        row: &Row<'_>,
        findings: &mut Findings,
        opening: &Opening<'_>,
        writer: &Writer<'_>,
    ) {
        let score = match (opening.weight, opening.is_machine_wide) {
            (Weight::Full, true) => 30,
            (Weight::Full, false) => 20,
            (Weight::Control, _) => 25,
            (Weight::Weak, _) => 10,
        };
        let stage = format!("enablement.{}", opening.stage);
        let item = Subject::item(opening.family.item());
        let lifetime = self.settings.enabled_lifetime(opening.is_policy);
        let mut chain = Chain::on(row, item, lifetime);
        chain.add(stage.as_str(), score, opening.text.as_str());
        let is_odd = opening.weight != Weight::Weak && is_odd_writer(writer.image);
        if is_odd {
            let text = format!("{} is no tool of administrators", short(writer.image));
            chain.add("enablement.odd-writer", 10, text);
        }
        self.report_configuration(row, findings, chain, writer, &opening.text);
        self.within_tree(row, findings, writer.process, &stage, score, &opening.text);
    }

    /// A change that is undone soon was meant to go unseen.
    fn closed(&self, row: &Row<'_>, findings: &mut Findings, switch: &Switch, writer: &Writer<'_>) {
        let item = Subject::item(switch.family.item());
        let stage = format!("enablement.{}", switch.stage);
        let is_recent = |time: i64| row.time().saturating_sub(time) <= REVERT_MILLISECONDS;
        let opened = lineage::marks_on(row, item.clone())
            .into_iter()
            .any(|mark| mark.stage == stage && is_recent(mark.time));
        if !opened {
            return;
        }
        let text = format!(
            "{} puts the switch back within the hour: {} no longer holds",
            short(writer.image),
            switch.meaning
        );
        let mut chain = Chain::on(row, item, self.settings.enabled_lifetime(false));
        chain.add("enablement.reverted", 10, text.as_str());
        self.report_configuration(row, findings, chain, writer, &text);
    }

    fn report_configuration(
        &self,
        row: &Row<'_>,
        findings: &mut Findings,
        chain: Chain<'_, '_>,
        writer: &Writer<'_>,
        text: &str,
    ) {
        let in_maintenance = self.site.in_maintenance(row.time()) == Some(true);
        let may_report = self.settings.configuration_findings;
        let verdict = chain.settle(&self.caps, |tally| match tally.score_of("enablement") {
            score if score < MIN_CONFIGURATION || !may_report => None,
            _ if in_maintenance => Some(Severity::Informational),
            _ => Some(Severity::Medium),
        });
        let Some(verdict) = verdict else { return };
        let mut finding: Finding = verdict.finding(text).process(writer.process);
        if row.has(field::REG_TARGET_PATH) {
            finding = finding.detail("value", row.text(field::REG_TARGET_PATH));
        }
        if row.has(field::REG_TARGET_DATA) {
            finding = finding.detail("data", row.text(field::REG_TARGET_DATA));
        }
        if row.has(field::REG_TARGET_PREVIOUS_DATA) {
            finding = finding.detail("data before", row.text(field::REG_TARGET_PREVIOUS_DATA));
        }
        findings.report(finding);
    }

    /// The writer may be part of a chain already; then the switch is a link of it.
    fn within_tree(
        &self,
        row: &Row<'_>,
        findings: &mut Findings,
        process: Option<Process>,
        stage: &str,
        score: i32,
        text: &str,
    ) {
        let Some(process) = process else { return };
        let tree = Tree::of(row, process);
        if !tree.is_known() {
            return;
        }
        let mut chain = tree.chain(row, &self.settings, &[]);
        chain.add(stage, score, text);
        self.settle(row, findings, &tree, chain);
    }

    fn for_one_process(
        &self,
        row: &Row<'_>,
        findings: &mut Findings,
        directive: &Directive,
        process: Option<Process>,
    ) {
        let Some(process) = process else { return };
        let tree = Tree::of(row, process);
        let mut chain = tree.chain(row, &self.settings, &[directive.family]);
        chain.add(
            "enablement.process-policy",
            10,
            format!("{} for this process", directive.meaning),
        );
        self.settle(row, findings, &tree, chain);
    }

    /// Whether the change comes from where the site manages its settings.
    fn is_managed(&self, row: &Row<'_>, writer: &Writer<'_>, path: &str) -> bool {
        if is_deployment_agent(writer.image)
            || self.site.is_approved_deployment(writer.image) == Some(true)
        {
            return true;
        }
        let name = ProcessName::of(writer.image, "");
        if !name.is("svchost.exe") || name.is_expected_place() == Some(false) {
            return false;
        }
        // The Group Policy client is one service host of many; the remote
        // registry and the event log are others.
        let line = writer
            .process
            .and_then(|process| lineage::process(row, process))
            .map_or_else(String::new, |info| info.command_line.to_ascii_lowercase());
        match line.as_str() {
            "" => switchboard::is_policy(path),
            line if line.contains("-s ") => line.contains("gpsvc") || line.contains("dmenrollment"),
            line => line.contains("gpsvc") || line.contains("-k netsvcs"),
        }
    }
}

/// What a script block directive adds to a process of its own, as a stage.
pub fn policy_of_line(is_bypassed: bool, is_downgraded: bool) -> Vec<Found> {
    let mut found = Vec::new();
    if is_bypassed {
        let text = "sets the execution policy aside on its command line";
        found.push(Found::new("enablement.process-policy", 10, text));
    }
    if is_downgraded {
        let text = "asks for an old PowerShell engine that logs nothing";
        found.push(Found::new("enablement.old-engine", 10, text));
    }
    found
}

fn opening<'a>(switch: &'a Switch, path: &str, change: Change<'_>, image: &str) -> Opening<'a> {
    let value = path.rsplit('\\').next().unwrap_or(path);
    let text = match change {
        Change::Set(data) => format!(
            "{} sets {value} to {data}: {}",
            short(image),
            switch.meaning
        ),
        Change::Deleted => format!("{} deletes {value}: {}", short(image), switch.meaning),
    };
    Opening {
        stage: switch.stage,
        family: switch.family,
        weight: switch.weight,
        is_machine_wide: switchboard::is_machine_wide(path),
        is_policy: switchboard::is_policy(path),
        text,
    }
}

fn is_odd_writer(image: &str) -> bool {
    let name = ProcessName::of(image, "");
    let families = [SCRIPT_HOSTS, OFFICE, MAIL_AND_DOCUMENTS, ODD_WRITERS];
    families.iter().any(|family| name.is_any(family)) || path::is_user_writable(image)
}
