//! What the .NET tools were told to load: InstallUtil, RegAsm and RegSvcs.
//!
//! All three run code of the assembly: its installer classes, or its functions for
//! registering and unregistering. InstallUtil does so without any right of an administrator
//! when it uninstalls, which is what abusers ask for.

use sandtrap_sdk::windows::{command_line, path};

use crate::{
    origin::Origin,
    stage::{Stage, brief},
    utility::Utility,
};

/// What assemblies are called.
const EXTENSIONS: &[&str] = &["exe", "dll", ""];
const MAX_ARGUMENTS: usize = 64;

/// A command line of one of these tools, understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// The assembly as given; empty if there is none.
    pub assembly: String,
    is_uninstall: bool,
    is_install: bool,
    is_help: bool,
    has_no_log: bool,
    has_no_console: bool,
}

impl Load {
    /// Reads a command line.
    pub fn parse(line: &str) -> Self {
        let mut load = Self::default();
        for argument in command_line::arguments_after_executable(line).take(MAX_ARGUMENTS) {
            let text = argument.text.trim();
            let Some(option) = text.strip_prefix(['/', '-']) else {
                if load.assembly.is_empty() {
                    load.assembly = text.to_owned();
                }
                continue;
            };
            match option.to_ascii_lowercase().as_str() {
                "u" | "uninstall" | "unregister" | "action=uninstall" => load.is_uninstall = true,
                "i" | "install" | "action=install" => load.is_install = true,
                "?" | "h" | "help" => load.is_help = true,
                "logfile=" | "logfile" => load.has_no_log = true,
                "logtoconsole=false" => load.has_no_console = true,
                _ => {}
            }
        }
        load
    }

    /// What this is worth to a tool that runs in a directory.
    pub fn stages(&self, utility: Utility, directory: &str) -> Vec<Stage> {
        let mut stages = Vec::new();
        if self.assembly.is_empty() {
            return stages;
        }
        let assembly = brief(&self.assembly);
        if self.has_no_log && self.has_no_console {
            let note = "was told to leave no log and no output";
            stages.push(Stage::new("invocation.silenced", 25, note));
        }
        if self.is_help && utility == Utility::InstallUtil {
            let note = format!("was asked for the help text of {assembly}, which runs its code");
            stages.push(Stage::new("invocation.help-text", 20, note));
        } else if self.is_uninstall {
            let note = format!("was told to uninstall {assembly}");
            stages.push(Stage::new("invocation.uninstall", 15, note));
        }
        let origin = Origin::of(&self.assembly, directory);
        if origin == Origin::Web {
            let note = format!("was given an assembly on the web, {assembly}");
            stages.push(Stage::new("abuse.web-assembly", 50, note));
            return stages;
        }
        if origin == Origin::Share {
            // .NET does not run code from shares unless told to trust them; who
            // deploys a service copies it first.
            let note = format!("ran an assembly from a share: {assembly}");
            stages.push(Stage::new("payload.share", 35, note));
        } else {
            stages.extend(origin.stage("an assembly", &self.assembly, 25));
        }
        let is_bare = !self.assembly.contains(['\\', '/', ':']);
        // Nobody deploys a service to System32, where an elevated prompt begins.
        if origin == Origin::Windows || (origin == Origin::Unresolved && is_bare) {
            let note =
                format!("ran an assembly that is not where programs are installed: {assembly}");
            stages.push(Stage::new("payload.odd-place", 15, note));
        }
        let extension = path::extension(&self.assembly).to_ascii_lowercase();
        if !EXTENSIONS.contains(&extension.as_str()) {
            let note = format!("ran an assembly that is not called one: {assembly}");
            stages.push(Stage::new("payload.disguised-assembly", 20, note));
        }
        stages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(line: &str, directory: &str) -> (i32, Vec<&'static str>) {
        let stages = Load::parse(line).stages(Utility::InstallUtil, directory);
        let sum = stages.iter().map(|stage| stage.score).sum();
        (sum, stages.iter().map(|stage| stage.name).collect())
    }

    #[test]
    fn the_silent_uninstall_of_a_stray_assembly_is_enough() {
        let line = "InstallUtil.exe  /logfile= /LogToConsole=false /U C:\\Users\\a\\Desktop\\x.exe";
        assert_eq!(scores(line, "").0, 65);
        let line = "InstallUtil.exe /logfile= /LogToConsole=false /u x.dll";
        assert_eq!(scores(line, "C:\\Windows\\system32\\").0, 55);
    }

    #[test]
    fn ordinary_installations_are_worth_little() {
        let line = "InstallUtil.exe \"C:\\Program Files\\Acme\\Service.exe\"";
        assert_eq!(scores(line, ""), (0, vec![]));
        let line = "InstallUtil.exe /u C:\\Users\\dev\\source\\Service\\bin\\Debug\\Service.exe";
        assert_eq!(scores(line, "").0, 25);
        let line =
            "InstallUtil.exe /LogFile=C:\\log.txt /u \"C:\\Program Files\\Acme\\Service.exe\"";
        assert_eq!(scores(line, "").0, 15);
    }

    #[test]
    fn other_spellings_count_too() {
        let line = "InstallUtil.exe /logfile= /logtoconsole=false /installtype=notransaction \
                    /action=uninstall C:\\Users\\a\\AppData\\Local\\Temp\\x.txt";
        let (_, names) = scores(line, "");
        assert!(names.contains(&"invocation.uninstall"));
        assert!(names.contains(&"payload.disguised-assembly"));
        let (sum, names) = scores("InstallUtil.exe -? x.dll", "C:\\Users\\a\\");
        assert_eq!(
            (sum, names.first().copied()),
            (45, Some("invocation.help-text"))
        );
        assert_eq!(
            scores("InstallUtil.exe /u \\\\198.51.100.4\\a\\b.dll", "").0,
            50
        );
        assert_eq!(scores("InstallUtil.exe \\\\deploy\\a\\b.exe", "").0, 35);
        let (_, names) = scores("InstallUtil.exe https://example.org/a.exe", "");
        assert_eq!(names, ["abuse.web-assembly"]);
    }
}
