//! A process that is a watched utility, and what it was told to run.

use sandtrap_sdk::{
    Row, field,
    lineage::{Process, ProcessInfo},
    windows::{ProcessName, path},
};

use crate::{
    assembly::Load,
    catalogue, component, project,
    script_host::Run,
    settings::Tuning,
    stage::{Stage, brief},
    utility::Utility,
};

/// A watched utility at work.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// The process.
    pub process: Process,
    /// Which utility it is.
    pub utility: Utility,
    /// By its names.
    pub name: ProcessName,
    /// The path of its image.
    pub image: String,
    /// Its command line, empty if unknown.
    pub command_line: String,
    /// Its working directory, empty if unknown.
    pub working_directory: String,
}

impl Proxy {
    /// The process of a launch, if it is a watched utility.
    pub fn of_launch(row: &Row<'_>, tuning: &Tuning) -> Option<Self> {
        let process = row.process(field::PROCESS_HANDLE)?;
        Self::new(
            process,
            row.text(field::PROCESS_FILE_PATH),
            row.text(field::PROCESS_FILE_INTERNAL_NAME),
            row.text(field::PROCESS_CMD_LINE),
            row.text(field::PROCESS_WORKING_DIRECTORY),
            tuning,
        )
    }

    /// The parent of a launch, as the launch itself describes it.
    pub fn of_parent(row: &Row<'_>, tuning: &Tuning) -> Option<Self> {
        let process = row.process(field::PROCESS_PARENT_PROCESS_HANDLE)?;
        Self::new(
            process,
            row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH),
            "",
            row.text(field::PROCESS_PARENT_PROCESS_CMD_LINE),
            "",
            tuning,
        )
    }

    /// A process that lineage knows, if it is a watched utility.
    pub fn of_info(info: &ProcessInfo, tuning: &Tuning) -> Option<Self> {
        Self::new(
            info.process,
            &info.image,
            &info.original_file_name,
            &info.command_line,
            &info.working_directory,
            tuning,
        )
    }

    fn new(
        process: Process,
        image: &str,
        original: &str,
        command_line: &str,
        working_directory: &str,
        tuning: &Tuning,
    ) -> Option<Self> {
        let name = ProcessName::of(image, original);
        let utility = Utility::of(&name, command_line)?;
        tuning.is_watched(&name, image).then(|| Self {
            process,
            utility,
            name,
            image: image.to_owned(),
            command_line: command_line.to_owned(),
            working_directory: working_directory.to_owned(),
        })
    }

    /// The script, assembly, library or project it was told to run, as given.
    pub fn target(&self) -> String {
        let (line, directory) = (&self.command_line, &self.working_directory);
        match self.utility {
            Utility::ScriptHost => Run::parse(line).script,
            Utility::InstallUtil | Utility::Registration => Load::parse(line).assembly,
            Utility::Regsvr32 => component::registration(line, directory).0,
            Utility::ControlPanel => component::control_panel_item(line, directory).0,
            Utility::MsBuild => project::build(line, directory, &self.image).0,
            Utility::AppV => String::new(),
        }
    }

    /// What its command line and its own place are worth.
    pub fn stages(&self, tuning: &Tuning) -> Vec<Stage> {
        let (line, directory) = (&self.command_line, &self.working_directory);
        let mut stages = match self.utility {
            Utility::ScriptHost => Run::parse(line).stages(tuning, directory, &self.image),
            Utility::InstallUtil | Utility::Registration => {
                Load::parse(line).stages(self.utility, directory)
            }
            Utility::Regsvr32 => component::registration(line, directory).1,
            Utility::ControlPanel => component::control_panel_item(line, directory).1,
            Utility::MsBuild => project::build(line, directory, &self.image).1,
            Utility::AppV => catalogue::appended_command(std::slice::from_ref(line))
                .into_iter()
                .collect(),
        };
        if self.name.is_renamed() {
            let note = format!("is {} under another name", self.name.original_file_name());
            stages.push(Stage::new("invocation.renamed", 20, note));
        } else if self.name.is_expected_place() == Some(false) {
            let note = format!(
                "runs from where Windows does not keep it: {}",
                brief(&self.image)
            );
            stages.push(Stage::new("invocation.moved", 20, note));
        }
        stages
    }

    /// Its file name as people know it.
    pub fn display_name(&self) -> &str {
        path::file_name(&self.image)
    }
}
