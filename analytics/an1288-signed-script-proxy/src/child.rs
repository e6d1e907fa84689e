//! What the utility started, and how far that is a step down in trust.

use sandtrap_sdk::{
    signatures::{Signature, State},
    windows::{
        Invocation, ProcessName, Traits, command_line,
        path::{self, Place},
        process_name::{LOLBINS, POWERSHELL_HOSTS, SHELLS},
        script::Trait,
    },
};

use crate::{
    catalogue,
    origin::{Origin, resolve},
    project,
    proxy::Proxy,
    settings::{Transition, Tuning},
    stage::{Stage, brief},
    utility::Utility,
};

/// Programs that Windows itself starts beside any other.
const ATTENDANTS: &[&str] = &["conhost.exe", "werfault.exe", "dw20.exe", "wermgr.exe"];
/// How much of a command line the operator's pattern is tried on, in bytes.
const MAX_TEXT: usize = 16 * 1024;
const MAX_ARGUMENTS: usize = 32;

/// A process that a utility started, directly or through a command shell.
#[derive(Debug, Clone)]
pub struct Child {
    /// By its names.
    pub name: ProcessName,
    /// The path of its image.
    pub image: String,
    /// Its command line, empty if unknown.
    pub command_line: String,
    /// Who signed its image.
    pub signature: Signature,
}

/// What a child is worth.
#[derive(Debug, Default)]
pub struct Assessment {
    /// The stages it earns for its parent.
    pub stages: Vec<Stage>,
    /// The script that its command line held in base64.
    pub decoded: Option<String>,
}

impl Child {
    /// What this child of a utility is worth.
    pub fn assess(&self, proxy: &Proxy, tuning: &Tuning) -> Assessment {
        let mut found = Assessment::default();
        let is_relay = proxy.utility == Utility::ControlPanel
            && self.name.is_any(&["control.exe", "rundll32.exe"]);
        if self.name.is_any(ATTENDANTS) || is_relay || self.is_same_program(proxy) {
            return found;
        }
        let target = proxy.target();
        found
            .stages
            .extend(catalogue::foreign_child(&target, &self.image));
        if project::is_run_time_compiler(&self.name, &self.command_line) {
            let note = "compiled code that it made up at run time";
            found
                .stages
                .push(Stage::new("effect.run-time-compiler", 20, note));
            return found;
        }
        self.add_command(tuning, &mut found);
        found.stages.extend(self.tool(proxy));
        found.stages.extend(self.planted_module());
        found.stages.extend(self.transition(proxy, &target, tuning));
        let is_user_writable = path::is_user_writable(&self.image);
        if is_user_writable && self.name.is_renamed() {
            let original = self.name.original_file_name();
            let note = format!(
                "started {original} under the name {}",
                self.name.file_name()
            );
            found.stages.push(Stage::new("child.renamed", 15, note));
        }
        found
    }

    /// A 64-bit utility starts its own 32-bit copy.
    fn is_same_program(&self, proxy: &Proxy) -> bool {
        self.name.is(proxy.name.file_name()) && proxy.utility != Utility::ScriptHost
    }

    fn add_command(&self, tuning: &Tuning, found: &mut Assessment) {
        let shown = self.name.file_name();
        let invocation = match self.name.is_any(POWERSHELL_HOSTS) {
            true => Some(Invocation::parse(&self.command_line)),
            false => Invocation::nested(&self.command_line),
        };
        let encoded = invocation
            .as_ref()
            .and_then(|invocation| invocation.encoded_command.as_ref());
        if let Some(payload) = encoded.filter(|payload| payload.text.is_some()) {
            let note = format!("started {shown} with an encoded command");
            found
                .stages
                .push(Stage::new("child.encoded-command", 35, note));
            found.decoded.clone_from(&payload.text);
        }
        let decoded = found.decoded.as_deref().unwrap_or_default();
        let texts = [clip(&self.command_line), clip(decoded)];
        let matched = texts.iter().find_map(|text| tuning.payload_in(text));
        if let Some(matched) = matched {
            let note = format!(
                "started {shown} with a payload on its command line: {}",
                brief(matched)
            );
            found
                .stages
                .push(Stage::new("child.payload-command", 25, note));
        }
        let Some(invocation) = invocation else { return };
        let script = invocation.script().unwrap_or_default();
        let code = [
            Trait::Download,
            Trait::InvokeExpression,
            Trait::Reflection,
            Trait::Tamper,
        ];
        let traits = Traits::of_layers(script);
        if traits.has_any(&code) {
            let names: Vec<_> = traits.names().take(4).collect();
            let note = format!("started PowerShell for: {}", names.join(", "));
            found
                .stages
                .push(Stage::new("child.script-traits", 15, note));
        }
        if invocation.window_hidden && (invocation.no_profile || invocation.is_policy_bypassed()) {
            let note = "started PowerShell unseen and past its policy";
            found.stages.push(Stage::new("child.hidden", 5, note));
        }
    }

    /// An interpreter or a tool of Windows, or anything where nothing is expected.
    fn tool(&self, proxy: &Proxy) -> Option<Stage> {
        let is_tool = [SHELLS, LOLBINS, POWERSHELL_HOSTS]
            .iter()
            .any(|family| self.name.is_any(family));
        let score = proxy.utility.tool_score();
        let (shown, line) = (self.name.file_name(), brief(&self.command_line));
        if is_tool && score > 0 {
            let note = format!("started {shown}: {line}");
            return Some(Stage::new("child.tool", score, note));
        }
        (proxy.utility.is_childless() && !is_tool && !shown.is_empty()).then(|| {
            let note = format!("started {shown}, although it has no reason to start anything");
            Stage::new("child.unexpected", 20, note)
        })
    }

    /// A loader of libraries is signed whatever it loads, so the library counts.
    fn planted_module(&self) -> Option<Stage> {
        if !self.name.is_any(&["rundll32.exe", "regsvr32.exe"]) {
            return None;
        }
        let module = command_line::arguments_after_executable(&self.command_line)
            .take(MAX_ARGUMENTS)
            .map(|argument| {
                let text = argument.text.as_ref();
                text.split(',').next().unwrap_or(text).to_owned()
            })
            .find(|file| path::is_user_writable(file))?;
        let note = format!(
            "had {} load {} from where users can write",
            self.name.file_name(),
            brief(&module)
        );
        Some(Stage::new("child.planted-module", 20, note))
    }

    /// From a program that Microsoft signed to one that nobody vouches for.
    fn transition(&self, proxy: &Proxy, target: &str, tuning: &Tuning) -> Option<Stage> {
        if tuning.transition == Transition::Off || self.image.is_empty() {
            return None;
        }
        let place = path::place(&self.image);
        let is_store_app = path::normalise(&self.image).contains("/windowsapps/");
        let is_open = matches!(
            place,
            Place::UserWritable | Place::Removable | Place::Network
        );
        // A launcher script beside the program it launches is how some programs install, and
        // a share that holds both is how some are deployed.
        let target = resolve(target, &proxy.working_directory);
        let is_neighbour =
            is_in_directory_of(&target, &self.image) || is_on_share_of(&target, &self.image);
        let image = brief(&self.image);
        if self.signature.is_untrustworthy() && !is_store_app {
            let score = match (is_open, is_neighbour) {
                (true, false) => 35,
                _ => 25,
            };
            let note = format!("started a program without a valid signature: {image}");
            return Some(Stage::new("child.transition", score, note));
        }
        let is_counted = tuning.transition == Transition::UnsignedOrUnknown && is_open;
        match self.signature.state {
            State::Unknown if is_counted => {
                let score = if is_neighbour { 10 } else { 30 };
                let note = format!(
                    "started a program of unknown signature where users can write: {image}"
                );
                Some(Stage::new("child.transition", score, note))
            }
            State::Valid | State::Expired if is_open && !is_microsoft(&self.signature.signer) => {
                let note = format!(
                    "started a program signed by {} where users can write: {image}",
                    brief(&self.signature.signer)
                );
                Some(Stage::new("child.transition", 10, note))
            }
            _ => None,
        }
    }
}

fn is_microsoft(signer: &str) -> bool {
    signer.to_ascii_lowercase().starts_with("microsoft")
}

fn is_in_directory_of(neighbour: &str, image: &str) -> bool {
    let (neighbour, image) = (path::normalise(neighbour), path::normalise(image));
    match (neighbour.rsplit_once('/'), image.rsplit_once('/')) {
        (Some((directory, _)), Some((own, _))) => {
            // Not where everything lands together.
            let is_landing = ["/temp", "/downloads", "/desktop", "/public"]
                .iter()
                .any(|landing| directory.ends_with(landing));
            directory == own && !is_landing
        }
        _ => false,
    }
}

fn is_on_share_of(neighbour: &str, image: &str) -> bool {
    if Origin::of(image, "") != Origin::Share {
        return false;
    }
    let share = |path: &str| -> Option<(String, String)> {
        let path = path::normalise(path);
        let mut components = path.strip_prefix("//")?.split('/');
        Some((components.next()?.to_owned(), components.next()?.to_owned()))
    };
    share(image).is_some_and(|own| share(neighbour) == Some(own))
}

fn clip(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests;
