use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    cli::{EXAMPLE, config_schema},
    config::{Config, FileSink, Sinks},
};

/// The example as it is says nothing but defaults, except for where things
/// are.
#[test]
fn the_example_has_the_defaults() {
    let config: Config = toml::from_str(EXAMPLE).unwrap();
    let [file] = config.sinks.file.as_slice() else {
        panic!("{:?}", config.sinks);
    };
    let bare = format!("[[sinks.file]]\npath = {:?}", file.path);
    let bare: Config = toml::from_str(&bare).unwrap();
    let expected = Config {
        analytics_folder: config.analytics_folder.clone(),
        state_folder: config.state_folder.clone(),
        sinks: Sinks {
            file: vec![FileSink::clone(&bare.sinks.file[0])],
            ..Sinks::default()
        },
        ..Config::default()
    };
    assert_eq!(config, expected);
}

/// A `#` without a space behind it is a key that is off.
fn everything_on() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(key) if !key.is_empty() && !key.starts_with(' ') => key,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_can_be_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandtrap.toml");
    std::fs::write(&path, everything_on()).unwrap();
    let config = Config::read(&path).unwrap();
    assert!(config.daemon.signatures.is_some());
    assert!(!config.sinks.bulk[0].headers.is_empty());
    assert!(config.site.asset_roles.is_some());
}

#[test]
fn every_key_is_there() {
    let schema = config_schema();
    let mut known = BTreeSet::new();
    keys(&schema, &schema, "", &mut known);
    assert!(known.contains("sinks.bulk.headers"), "{known:?}");
    assert!(known.contains("site.asset_roles.role"), "{known:?}");
    let example: Value = toml::from_str(&everything_on()).unwrap();
    let missing: Vec<&String> = known
        .iter()
        .filter(|key| !has(&example, &key.split('.').collect::<Vec<_>>()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Collects the paths of all properties; `*` stands for any name.
fn keys(root: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let inner = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        keys(root, target, path, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(inner(name));
        keys(root, property, &inner(name), found);
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        keys(root, choice, path, found);
    }
    if schema["items"].is_object() {
        keys(root, &schema["items"], path, found);
    }
    if schema["additionalProperties"].is_object() {
        keys(root, &schema["additionalProperties"], &inner("*"), found);
    }
}

fn has(value: &Value, path: &[&str]) -> bool {
    match (value, path) {
        (_, []) => true,
        (Value::Array(all), _) => all.iter().any(|one| has(one, path)),
        (Value::Object(all), ["*", rest @ ..]) => all.values().any(|one| has(one, rest)),
        (Value::Object(all), [name, rest @ ..]) => all.get(*name).is_some_and(|one| has(one, rest)),
        _ => false,
    }
}
