//! What the code does that PowerShell was given, by the names it mentions.

use sandtrap_sdk::windows::{
    Content, Invocation, Trait, Traits, command_line,
    payload::{find_base64, shannon_entropy},
};

use crate::{settings::Policy, stage::Stage};

/// Entropy from which long text is packed rather than written, in bits per byte.
const PACKED_ENTROPY: f64 = 5.5;

/// Traits that honest jobs have no reason to hide in base64.
const WORTH_HIDING: &[Trait] = &[
    Trait::Reflection,
    Trait::Socket,
    Trait::Xor,
    Trait::Tamper,
    Trait::WmiProcess,
    Trait::Credentials,
    Trait::PolicyChange,
];

/// Names that earn [`Trait::Reflection`] or [`Trait::Credentials`] in honest scripts as
/// well: compiling a helper, asking for a password, listing processes.
const EVERYDAY: &[&str] = &["add-type", "dllimport", "promptforcredential", "lsass"];

/// The stages that the code on a command line earns.
pub(crate) fn of_command_line(invocation: &Invocation, policy: &Policy) -> Vec<Stage> {
    let Some(script) = invocation.script() else {
        return Vec::new();
    };
    let traits = pointed(script);
    let embedded = find_base64(script);
    let is_run = traits.has_any(&[
        Trait::Decompression,
        Trait::Reflection,
        Trait::InvokeExpression,
    ]);
    let is_packed = (traits.has(Trait::Base64) && is_run)
        || embedded.iter().any(|inner| {
            matches!(
                inner.content,
                Content::Gzip | Content::Deflate | Content::Zlib
            )
        });
    let holds_program = embedded
        .iter()
        .any(|inner| inner.content == Content::Executable);
    let mut stages: Vec<Stage> = [
        (
            traits.has(Trait::Tamper),
            "content.tamper",
            25,
            "tampers with AMSI or logging",
        ),
        (
            traits.has(Trait::Credentials),
            "content.credentials",
            20,
            "names tools or stores of credentials",
        ),
        (
            holds_program,
            "content.program",
            20,
            "carries a program in base64",
        ),
        (
            traits.has(Trait::Download),
            "content.download",
            15,
            "fetches from the network",
        ),
        (
            traits.has(Trait::Socket),
            "content.socket",
            15,
            "opens sockets of its own",
        ),
        (
            traits.has(Trait::Reflection),
            "content.reflection",
            15,
            "loads code into memory",
        ),
        (is_packed, "content.packed", 15, "unpacks code in memory"),
        (
            traits.has(Trait::WmiProcess),
            "content.wmi-process",
            15,
            "starts processes through WMI",
        ),
        (
            traits.has(Trait::InvokeExpression) && !is_wrapper(script, traits),
            "content.run-text",
            10,
            "runs text as code",
        ),
        (
            traits.has(Trait::Xor),
            "content.xor",
            10,
            "decodes by exclusive or",
        ),
    ]
    .into_iter()
    .filter(|(is_there, ..)| *is_there)
    .map(|(_, name, score, does)| Stage::new(name, score, format!("its command {does}")))
    .collect();
    if traits.has(Trait::Download) && traits.has(Trait::InvokeExpression) {
        let note = "its command runs what it fetches";
        stages.push(Stage::new("content.cradle", 15, note));
    }
    let is_encoded = invocation.encoded_command.is_some();
    let runs_data = traits.has(Trait::InvokeExpression)
        && traits.has_any(&[Trait::Download, Trait::Base64, Trait::Decompression]);
    if is_encoded && (traits.has_any(WORTH_HIDING) || runs_data) {
        let names: Vec<_> = traits.names().collect();
        let note = format!("base64 hid the command's purpose: {}", names.join(", "));
        stages.push(Stage::new("content.concealed", 10, note));
    }
    if is_encoded && command_line::obfuscation(script).is_dense() {
        let note = "the decoded command is spelt to be unreadable";
        stages.push(Stage::new("content.obfuscated", 10, note));
    }
    if let Some(source) = policy.trusted_source(script)
        && !traits.has_any(&[Trait::Tamper, Trait::Credentials])
    {
        let note = format!("all it fetches is from {source}, a trusted source");
        stages.push(Stage::new("known.source", -20, note));
    }
    stages
}

/// Whether all it does is to run what comes over its standard input, as the wrappers of
/// remote configuration tools do. What they are sent shows in its effects.
fn is_wrapper(script: &str, traits: Traits) -> bool {
    traits.count() == 1 && script.to_ascii_lowercase().contains("$input")
}

/// The stages that the code earns which a command shell hands to its PowerShell by
/// other ways than the command line: a pipe, an environment variable.
pub(crate) fn of_shell(shell_line: &str, policy: &Policy) -> Vec<Stage> {
    let Some(command) = command_line::shell_command(shell_line) else {
        return Vec::new();
    };
    let invocation = Invocation {
        command: Some(command_line::remove_carets(command).into_owned()),
        ..Invocation::default()
    };
    of_command_line(&invocation, policy)
}

/// The stages that script text recorded by PowerShell itself earns. Modules and
/// consoles record much that looks bad, so all of them together add little.
pub(crate) fn of_script(script: &str, policy: &Policy) -> Vec<Stage> {
    let traits = pointed(script);
    let is_packed = traits.has(Trait::Base64) && traits.has(Trait::Decompression);
    let is_loader = traits.has(Trait::Reflection) || is_packed;
    let is_attack = traits.has(Trait::Reflection)
        && (is_packed || traits.has_any(&[Trait::Tamper, Trait::Credentials, Trait::Socket]));
    let is_cradle = traits.has(Trait::Download) && traits.has(Trait::InvokeExpression);
    let is_long = script.len() >= policy.script_block_length;
    let is_dense = is_long
        && (shannon_entropy(script.as_bytes()) >= PACKED_ENTROPY
            || command_line::obfuscation(script).is_dense());
    [
        (
            traits.has(Trait::Tamper),
            "script.tamper",
            20,
            "interferes with AMSI or logging",
        ),
        (
            traits.has(Trait::Credentials),
            "script.credentials",
            15,
            "names tools or stores of credentials",
        ),
        (is_cradle, "script.cradle", 10, "runs what it fetches"),
        (is_loader, "script.loader", 10, "loads code into memory"),
        (
            traits.has(Trait::Socket),
            "script.socket",
            10,
            "opens sockets of its own",
        ),
        (
            traits.has(Trait::WmiProcess),
            "script.wmi-process",
            5,
            "starts processes through WMI",
        ),
        (is_dense, "script.dense", 10, "is long and unreadable"),
        (
            is_attack,
            "attack.in-memory",
            25,
            "loads code into memory and reaches for secrets, logging or the network",
        ),
    ]
    .into_iter()
    .filter(|(is_there, ..)| *is_there)
    .map(|(_, name, score, does)| Stage::new(name, score, format!("a script it ran {does}")))
    .collect()
}

/// The traits of a script and its inner layers, without those it has only by names
/// that honest scripts use every day.
fn pointed(script: &str) -> Traits {
    let traits = Traits::of_layers(script);
    let is_doubtful = [Trait::Reflection, Trait::WmiProcess, Trait::Credentials];
    if !traits.has_any(&is_doubtful) {
        return traits;
    }
    // Base64 knows case, so the inner texts are found before the case goes.
    let mut lower = script.to_ascii_lowercase();
    for inner in find_base64(script) {
        if let Content::Text(text) = inner.content {
            lower.push('\n');
            lower.push_str(&text.to_ascii_lowercase());
        }
    }
    let rest = EVERYDAY
        .iter()
        .fold(lower.clone(), |rest, name| rest.replace(name, " "));
    let rest = Traits::of(&rest);
    let is_pointed = |each: &Trait| match each {
        Trait::Reflection | Trait::Credentials => rest.has(*each),
        // Inventories list processes; only who creates one is of interest.
        Trait::WmiProcess => lower.contains("create"),
        _ => true,
    };
    traits.iter().filter(is_pointed).collect()
}
