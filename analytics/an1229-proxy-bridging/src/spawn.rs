//! Stage class `spawn`: what is suspicious about the way a process was started.

use sandtrap_sdk::{
    Chain, Row, Site, baselines, field,
    lineage::{self, ProcessInfo},
    signatures,
    windows::{
        Invocation, Place, ProcessName, Trait, Traits, command_line, path,
        process_name::{self, INTERMEDIARIES, POWERSHELL_HOSTS},
    },
};

use crate::{
    arguments, known,
    program::{Kind, NEEDS_ARGUMENTS},
    settings::Settings,
    tunnel,
};

/// Parents that start programs for others all day.
const EVERYDAY_PARENTS: &[&str] = &["svchost.exe"];

/// Programs that start service hosts.
const SERVICE_HOST_PARENTS: &[&str] = &[
    "services.exe",
    "msmpeng.exe",
    "tiworker.exe",
    "mrt.exe",
    "ngen.exe",
    "rpcnet.exe",
];

/// How far up a parent that says something is looked for.
const MAX_DISTANCE: u32 = 4;

/// The launched process and what is known of those before it.
struct Launch {
    name: ProcessName,
    kind: Kind,
    image: String,
    command_line: String,
    /// Nearest first.
    ancestors: Vec<ProcessInfo>,
}

/// Adds the stages that a launch earns.
pub fn add_stages(row: &Row<'_>, settings: &Settings, site: &Site, chain: &mut Chain<'_, '_>) {
    let Some(process) = row.process(field::PROCESS_HANDLE) else {
        return;
    };
    let image = row.text(field::PROCESS_FILE_PATH);
    let name = ProcessName::of(image, row.text(field::PROCESS_FILE_INTERNAL_NAME));
    let kind = Kind::of(&name, image);
    let mut ancestors = lineage::ancestors(row, process, MAX_DISTANCE);
    // The event may know the parent where lineage does not yet.
    if let Some(parent) = ancestors.first_mut()
        && parent.image.is_empty()
    {
        row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH)
            .clone_into(&mut parent.image);
    }
    let command_line = row.text(field::PROCESS_CMD_LINE).to_owned();
    let launch = Launch {
        name,
        kind,
        image: image.to_owned(),
        command_line,
        ancestors,
    };

    launch.add_service_host(chain);
    launch.add_parent(row, settings, chain);
    launch.add_arguments(row, chain);
    launch.add_image(row, process, chain);
    // Deployment agents hide and encode what they run.
    let is_deployed = launch
        .ancestors
        .iter()
        .any(|ancestor| site.is_approved_deployment(&ancestor.image) == Some(true));
    if !is_deployed {
        launch.add_shell(chain);
    }
    if let Some(forward) = tunnel::forward(&launch.command_line) {
        let client = launch.name.file_name();
        chain.add(
            "spawn.tunnel",
            forward.score(),
            format!(
                "{client} was told to forward connections: {}",
                forward.specification
            ),
        );
    }
}

impl Launch {
    /// A service host that was not started as one.
    fn add_service_host(&self, chain: &mut Chain<'_, '_>) {
        if self.kind != Kind::ServiceHost {
            return;
        }
        if let Some(parent) = self
            .ancestors
            .first()
            .filter(|parent| !parent.image.is_empty())
        {
            let name = ProcessName::of(&parent.image, "");
            if !name.is_any(SERVICE_HOST_PARENTS) {
                let note = format!("svchost.exe was started by {}", parent.image);
                chain.add("spawn.service-host-parent", 30, note);
            }
        }
        let has_group = command_line::arguments_after_executable(&self.command_line)
            .any(|argument| argument.text.eq_ignore_ascii_case("-k"));
        if !self.command_line.is_empty() && !has_group {
            let note = format!(
                "svchost.exe was started without a service group: {}",
                self.command_line
            );
            chain.add("spawn.service-host-arguments", 30, note);
        }
    }

    /// A parent that rarely starts programs that use the network. Shells in
    /// between, and another process of the same program, are looked past.
    fn add_parent(&self, row: &Row<'_>, settings: &Settings, chain: &mut Chain<'_, '_>) {
        if self.kind == Kind::ServiceHost {
            return;
        }
        let told = self.ancestors.iter().find(|ancestor| {
            let name = ProcessName::of(&ancestor.image, &ancestor.original_file_name);
            let is_shell = name.is_any(INTERMEDIARIES) || name.is_any(POWERSHELL_HOSTS);
            !is_shell && !ancestor.image.is_empty()
        });
        let Some(parent) = told else { return };
        let name = ProcessName::of(&parent.image, &parent.original_file_name);
        let is_listed = settings
            .parent_process_name
            .iter()
            .any(|listed| name.is(listed));
        let key = format!("{} > {}", name.file_name(), self.name.file_name());
        if is_listed && !known::is_usual(row, "spawns", &key, settings) {
            let score = if name.is_any(EVERYDAY_PARENTS) {
                10
            } else {
                20
            };
            let note = format!("{} was started by {}", self.name.file_name(), parent.image);
            chain.add("spawn.parent", score, note);
        } else if !is_listed && self.kind == Kind::Watched && path::is_user_writable(&parent.image)
        {
            let note = format!(
                "started by {}, which lies where users can write",
                parent.image
            );
            chain.add("spawn.parent-place", 10, note);
        }
        if is_listed {
            // Refusals are counted by the host.
            let _ = baselines::observe(row, &[("spawns", &key)]);
        }
    }

    /// Arguments that make the program run something it should not, or none
    /// where there must be some.
    fn add_arguments(&self, row: &Row<'_>, chain: &mut Chain<'_, '_>) {
        if self.command_line.is_empty() {
            return;
        }
        let is_bare = command_line::arguments_after_executable(&self.command_line)
            .next()
            .is_none();
        if is_bare && self.name.is_any(NEEDS_ARGUMENTS) {
            let note = format!("{} was started without any argument", self.name.file_name());
            chain.add("spawn.no-arguments", 25, note);
        }
        // The build tool of an installed development environment builds what its users
        // wrote; the one that comes with Windows is what intruders find.
        let is_development =
            self.name.is("msbuild.exe") && path::place(&self.image) == Place::ProgramFiles;
        if let Some(abuse) =
            arguments::abuse(&self.name, &self.command_line).filter(|_| !is_development)
        {
            let module = abuse.module.map(|path| signatures::of_file(row, &path, ""));
            let score = match module {
                Some(signature) if signature.is_valid() => 5,
                _ => abuse.score,
            };
            chain.add("spawn.arguments", score, abuse.note);
        }
    }

    /// An image that is not what it is called, or lies where it should not.
    fn add_image(&self, row: &Row<'_>, process: u64, chain: &mut Chain<'_, '_>) {
        let file_name = self.name.file_name();
        if matches!(self.kind, Kind::Watched | Kind::ServiceHost) {
            if self.name.is_renamed() {
                let note = format!(
                    "{file_name} is a renamed {}",
                    self.name.original_file_name()
                );
                chain.add("spawn.renamed", 20, note);
            } else if self.name.is_expected_place() == Some(false) {
                let score = if self.kind == Kind::ServiceHost {
                    30
                } else {
                    15
                };
                let note = format!("{file_name} runs from {}", self.image);
                chain.add("spawn.place", score, note);
            }
        }
        if self.kind == Kind::UserWritable {
            let signature = signatures::of_process(row, process);
            if signature.is_untrustworthy() {
                let note = format!("{} carries no valid signature", self.image);
                chain.add("spawn.untrusted-image", 15, note);
            }
        }
    }

    /// PowerShell that hides, or that builds code in memory.
    fn add_shell(&self, chain: &mut Chain<'_, '_>) {
        if !self.name.is_any(process_name::POWERSHELL_HOSTS) {
            return;
        }
        let invocation = Invocation::parse(&self.command_line);
        if invocation.encoded_command.is_some() {
            chain.add(
                "spawn.encoded-command",
                10,
                "PowerShell was given an encoded command",
            );
        }
        if invocation.window_hidden {
            chain.add(
                "spawn.hidden-window",
                10,
                "PowerShell was started without a window",
            );
        }
        let traits = invocation
            .script()
            .map(Traits::of_layers)
            .unwrap_or_default();
        let telling = [
            Trait::Reflection,
            Trait::Decompression,
            Trait::Socket,
            Trait::InvokeExpression,
            Trait::Download,
            Trait::Rc4Loop,
        ];
        let names: Vec<_> = telling
            .into_iter()
            .filter(|each| traits.has(*each))
            .map(Trait::name)
            .collect();
        // A download alone is what administrators' scripts do.
        if !names.is_empty() && names != [Trait::Download.name()] {
            let note = format!(
                "the command on PowerShell's command line has: {}",
                names.join(", ")
            );
            chain.add("spawn.code-in-memory", 15, note);
        }
    }
}

/// Whether a path was put where an attacker could put it, not counting shares:
/// logon scripts and software live there.
pub fn is_planted(path: &str) -> bool {
    matches!(path::place(path), Place::UserWritable | Place::Removable)
}
