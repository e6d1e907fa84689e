//! From events to stages on the chain of the utility behind them.

use sandtrap_sdk::{
    Chain, Findings, Row, class, field,
    lineage::{self, Process, Subject},
    signatures,
    windows::{Invocation, ProcessName, path, process_name::INTERMEDIARIES},
};

use crate::{
    SignedScriptProxy,
    child::{Assessment, Child},
    dropped, effect,
    origin::resolve,
    proxy::Proxy,
    report::{self, Story},
    shell_script,
    stage::Stage,
    starter::Starter,
    usual,
};

/// How many command shells may stand between a utility and what it started.
const SHELLS_BETWEEN: u32 = 3;

impl SignedScriptProxy {
    /// A process started: a utility, a child of one, or a file that one wrote.
    pub(crate) fn launched(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::PROCESS_HANDLE) else {
            return;
        };
        let own = Proxy::of_launch(row, &self.tuning);
        let target = own.as_ref().map(Proxy::target).unwrap_or_default();
        let named = match &own {
            Some(proxy) => {
                self.began(row, proxy, &target, findings);
                None
            }
            None => named_script(row),
        };
        let directory = row.text(field::PROCESS_WORKING_DIRECTORY);
        let script = resolve(&target, directory);
        let mut writers = dropped::writers(row, &[row.text(field::PROCESS_FILE_PATH), &script]);
        if let Some(parent) = self.utility_above(row, process) {
            let is_parent = |writer: &mut (Process, Stage)| writer.0 == parent.process;
            let wrote = writers.extract_if(.., is_parent).map(|(_, stage)| stage);
            // What the utility itself was seen to be told needs no second witness.
            let told = parent.stages(&self.tuning);
            let is_told = told.iter().any(|stage| stage.name.starts_with("abuse."));
            let stages: Vec<Stage> = wrote.chain(named.filter(|_| !is_told)).collect();
            self.started(row, &parent, stages, findings);
        } else if let Some(stage) = named {
            self.ran_named(row, process, stage, findings);
        }
        for (writer, stage) in writers {
            let known = lineage::process(row, writer);
            let Some(proxy) = known.and_then(|info| Proxy::of_info(&info, &self.tuning)) else {
                continue;
            };
            self.settle(row, &proxy, vec![stage], String::new(), findings);
        }
    }

    /// A script block called for a signed script.
    pub(crate) fn compiled(&self, row: &Row<'_>, findings: &mut Findings) {
        let process = row.process(field::ACTOR_PROCESS_HANDLE);
        let host = process.and_then(|process| lineage::process(row, process));
        let is_troubleshooter = host
            .as_ref()
            .is_some_and(|host| matches!(host.file_name().as_str(), "sdiagnhost.exe" | "msdt.exe"));
        let file = path::normalise(row.text(field::SCRIPT_PATH));
        let is_shipped = file.contains("/sdiag_") || file.contains("/windows/diagnostics/");
        if is_troubleshooter || is_shipped {
            return;
        }
        let content = row.text(field::SCRIPT_CONTENT);
        let Some(stage) = shell_script::abuse(content) else {
            return;
        };
        let subject = match process {
            Some(process) => Subject::Process(process),
            None => Subject::item(format!("script {}", row.text(field::SCRIPT_UID))),
        };
        let story = Story {
            utility: "PowerShell".to_owned(),
            command_line: host.map(|host| host.command_line).unwrap_or_default(),
            target: content.to_owned(),
            ..Story::default()
        };
        self.report(row, subject, vec![stage], story, findings);
    }

    /// A process did something: a utility, or a child of one that turns out unsigned.
    pub(crate) fn acted(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some(process) = row.process(field::ACTOR_PROCESS_HANDLE) else {
            return;
        };
        let Some(info) = lineage::process(row, process) else {
            return;
        };
        let Some(proxy) = Proxy::of_info(&info, &self.tuning) else {
            if row.class() == class::MODULE_LOAD {
                self.turned_out(row, process, findings);
            }
            return;
        };
        let stages = match row.class() {
            class::FILE_CREATE => dropped::remember(row, &proxy, &self.tuning),
            _ => effect::stages(row, &proxy, &self.site),
        };
        self.settle(row, &proxy, stages, String::new(), findings);
    }

    fn began(&self, row: &Row<'_>, proxy: &Proxy, target: &str, findings: &mut Findings) {
        let starter = Starter::of_launch(row, proxy.process);
        let mut stages = self.told(proxy, target);
        stages.extend(starter.stage(&resolve(target, &proxy.working_directory), &self.site));
        self.settle(row, proxy, stages, String::new(), findings);
    }

    /// What the command line is worth; where an approved script lies says nothing.
    fn told(&self, proxy: &Proxy, target: &str) -> Vec<Stage> {
        let mut stages = proxy.stages(&self.tuning);
        let resolved = resolve(target, &proxy.working_directory);
        if self.site.is_approved_script(&resolved) == Some(true) {
            stages.retain(|stage| !stage.name.starts_with("payload."));
        }
        stages
    }

    /// PowerShell or a shell ran a signed script, and no utility stands above it.
    fn ran_named(&self, row: &Row<'_>, process: Process, stage: Stage, findings: &mut Findings) {
        let starter = row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH);
        let story = Story {
            utility: path::file_name(row.text(field::PROCESS_FILE_PATH)).to_owned(),
            starter: path::file_name(starter).to_owned(),
            command_line: row.text(field::PROCESS_CMD_LINE).to_owned(),
            ..Story::default()
        };
        self.report(row, Subject::Process(process), vec![stage], story, findings);
    }

    /// The utility that started a process, directly or through command shells.
    fn utility_above(&self, row: &Row<'_>, process: Process) -> Option<Proxy> {
        let image = row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH);
        let described = Proxy::of_parent(row, &self.tuning);
        let is_transparent = image.is_empty() || ProcessName::of(image, "").is_any(INTERMEDIARIES);
        if described.is_none() && !is_transparent {
            return None;
        }
        let ancestors = lineage::ancestors(row, process, SHELLS_BETWEEN);
        let known = ancestors
            .iter()
            .find(|ancestor| {
                let name = ProcessName::of(&ancestor.image, &ancestor.original_file_name);
                !name.is_any(INTERMEDIARIES)
            })
            .and_then(|ancestor| Proxy::of_info(ancestor, &self.tuning));
        match known {
            Some(known) if !known.command_line.is_empty() => Some(known),
            known => described.or(known),
        }
    }

    fn started(&self, row: &Row<'_>, parent: &Proxy, wrote: Vec<Stage>, findings: &mut Findings) {
        let Some(process) = row.process(field::PROCESS_HANDLE) else {
            return;
        };
        let image = row.text(field::PROCESS_FILE_PATH);
        let child = Child {
            name: ProcessName::of(image, row.text(field::PROCESS_FILE_INTERNAL_NAME)),
            image: image.to_owned(),
            command_line: row.text(field::PROCESS_CMD_LINE).to_owned(),
            signature: signatures::of_process(row, process),
        };
        let Assessment {
            mut stages,
            decoded,
        } = child.assess(parent, &self.tuning);
        stages.extend(wrote);
        if stages.is_empty() {
            return;
        }
        let target = parent.target();
        stages.extend(usual::compare(row, &target, image, &self.tuning));
        // Without the utility's own start its command line is known from its child only.
        let has_start =
            lineage::process(row, parent.process).is_some_and(|info| info.start_event.is_some());
        if !has_start {
            stages.extend(self.told(parent, &target));
        }
        self.settle(row, parent, stages, decoded.unwrap_or_default(), findings);
    }

    /// A program loaded itself and is unsigned; a utility may have started it.
    fn turned_out(&self, row: &Row<'_>, process: Process, findings: &mut Findings) {
        let module = row.text(field::MODULE_FILE_PATH);
        if !path::is_same_file(module, row.text(field::ACTOR_PROCESS_FILE_PATH)) {
            return;
        }
        let Some(parent) = self.utility_over(row, process) else {
            return;
        };
        let child = Child {
            name: ProcessName::of(module, ""),
            image: module.to_owned(),
            command_line: String::new(),
            signature: signatures::of_process(row, process),
        };
        let mut stages = child.assess(&parent, &self.tuning).stages;
        stages.retain(|stage| stage.name == "child.transition");
        self.settle(row, &parent, stages, String::new(), findings);
    }

    fn utility_over(&self, row: &Row<'_>, process: Process) -> Option<Proxy> {
        let ancestors = lineage::ancestors(row, process, SHELLS_BETWEEN);
        let first = ancestors.iter().find(|ancestor| {
            let name = ProcessName::of(&ancestor.image, &ancestor.original_file_name);
            !name.is_any(INTERMEDIARIES)
        })?;
        Proxy::of_info(first, &self.tuning)
    }

    fn settle(
        &self,
        row: &Row<'_>,
        proxy: &Proxy,
        stages: Vec<Stage>,
        decoded: String,
        findings: &mut Findings,
    ) {
        let story = Story {
            utility: proxy.display_name().to_owned(),
            command_line: proxy.command_line.clone(),
            target: proxy.target(),
            decoded,
            starter: String::new(),
        };
        self.report(
            row,
            Subject::Process(proxy.process),
            stages,
            story,
            findings,
        );
    }

    /// Puts the stages on the chain, and reports it if that is now worth it.
    fn report(
        &self,
        row: &Row<'_>,
        subject: Subject,
        stages: Vec<Stage>,
        mut story: Story,
        findings: &mut Findings,
    ) {
        let mut chain = Chain::on(row, subject.clone(), self.tuning.time_window);
        for stage in stages {
            chain.add(stage.name, stage.score, stage.note);
        }
        let verdict = chain.settle(&self.caps, |tally| report::judge(tally, &self.tuning));
        let Some(verdict) = verdict else { return };
        if let (Subject::Process(process), true) = (&subject, story.starter.is_empty()) {
            let parent = lineage::ancestors(row, *process, 1).pop();
            story.starter = parent.map(|parent| parent.file_name()).unwrap_or_default();
        }
        findings.report(report::tell(verdict, &story));
    }
}

/// The abuse of a signed script that PowerShell or a shell was told to run.
fn named_script(row: &Row<'_>) -> Option<Stage> {
    let line = row.text(field::PROCESS_CMD_LINE);
    let name = ProcessName::of(
        row.text(field::PROCESS_FILE_PATH),
        row.text(field::PROCESS_FILE_INTERNAL_NAME),
    );
    // The shell's child is the one to tell.
    let is_passed_on = name.is("cmd.exe") && Invocation::nested(line).is_some();
    (!is_passed_on).then(|| shell_script::abuse(line))?
}
