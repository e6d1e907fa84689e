//! Commands that write the registry.

use crate::switchboard::{Change, Turn, is_machine_wide, is_policy, judge};

use super::{Directive, Scope};

/// `reg add KEY /v NAME /d DATA`, `reg delete KEY /v NAME`.
pub(super) fn reg(arguments: &[String]) -> Option<Directive> {
    let verb = arguments.first()?;
    let key = arguments.get(1)?;
    let option = |name: &str| {
        let at = arguments.iter().position(|word| word == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let path = format!("{}\\{}", key.trim_end_matches('\\'), option("/v")?);
    match verb.as_str() {
        "add" => switched(&path, Change::Set(option("/d")?)),
        "delete" => switched(&path, Change::Deleted),
        _ => None,
    }
}

/// `Set-ItemProperty -Path KEY -Name NAME -Value DATA`, also by position.
pub(super) fn property<'a>(
    arguments: &'a [String],
    change: impl FnOnce(&'a str) -> Change<'a>,
) -> Option<Directive> {
    let mut named: [Option<&str>; 3] = [None; 3];
    let mut positional = Vec::new();
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let Some(parameter) = word.strip_prefix('-') else {
            positional.push(word);
            continue;
        };
        let slot = match parameter {
            "path" | "literalpath" | "pspath" => 0,
            "name" | "n" => 1,
            "value" | "v" => 2,
            "type" | "propertytype" | "erroraction" | "ea" => {
                words.next();
                continue;
            }
            _ => continue,
        };
        if let Some(slot) = named.get_mut(slot) {
            *slot = words.next();
        }
    }
    let mut positional = positional.into_iter();
    let [path, name, value] = named.map(|given| given.or_else(|| positional.next()));
    let path = format!("{}\\{}", path?.trim_end_matches('\\'), name?);
    switched(&path, change(value.unwrap_or_default()))
}

fn switched(path: &str, change: Change<'_>) -> Option<Directive> {
    let Some(Turn::Opened(switch)) = judge(path, change) else {
        return None;
    };
    Some(Directive {
        stage: switch.stage,
        family: switch.family,
        weight: switch.weight,
        scope: if is_machine_wide(path) {
            Scope::Machine
        } else {
            Scope::User
        },
        is_policy: is_policy(path),
        meaning: switch.meaning.to_owned(),
    })
}
