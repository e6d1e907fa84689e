use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sandtrap_tests::root;
use serde_json::Value;

/// Host and analytics share the contract and nothing else.
#[test]
fn dependencies_point_one_way() {
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let names = package["dependencies"].as_array().unwrap();
        uses.insert(
            package["name"].as_str().unwrap().to_owned(),
            names
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned())
                .collect(),
        );
    }
    let ours: Vec<String> = uses.keys().cloned().collect();
    for (package, dependencies) in &uses {
        for dependency in dependencies.iter().filter(|name| ours.contains(name)) {
            let is_allowed = match package.as_str() {
                "sandtrap" | "sandtrap-sdk" => false,
                // Where both sides are compared.
                "sandtrap-tests" => ["sandtrap", "sandtrap-sdk"].contains(&dependency.as_str()),
                _ => dependency == "sandtrap-sdk",
            };
            assert!(is_allowed, "{package} must not depend on {dependency}");
        }
    }
}

/// Every item of the contract says what it means.
#[test]
fn every_item_of_the_contract_is_documented() {
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit")).unwrap();
    let documented = |docs: &wit_parser::Docs, what: &str| {
        assert!(docs.contents.is_some(), "{what} has no doc");
    };
    for id in resolve.packages[package].interfaces.values() {
        let interface = &resolve.interfaces[*id];
        let name = interface.name.as_deref().unwrap();
        documented(&interface.docs, name);
        for function in interface.functions.values() {
            documented(&function.docs, &format!("{name}.{}", function.name));
        }
        for (type_name, id) in &interface.types {
            let kind = &resolve.types[*id].kind;
            if matches!(kind, wit_parser::TypeDefKind::Type(wit_parser::Type::Id(_))) {
                // `use` of another interface's type.
                continue;
            }
            let what = format!("{name}.{type_name}");
            documented(&resolve.types[*id].docs, &what);
            match kind {
                wit_parser::TypeDefKind::Record(record) => {
                    for field in &record.fields {
                        documented(&field.docs, &format!("{what}.{}", field.name));
                    }
                }
                wit_parser::TypeDefKind::Variant(variant) => {
                    for case in &variant.cases {
                        documented(&case.docs, &format!("{what}.{}", case.name));
                    }
                }
                wit_parser::TypeDefKind::Enum(cases) => {
                    for case in &cases.cases {
                        documented(&case.docs, &format!("{what}.{}", case.name));
                    }
                }
                _ => {}
            }
        }
    }
}

/// The page is what the command prints.
#[test]
fn the_vocabulary_page_is_up_to_date() {
    let page = fs::read_to_string(root().join("wit/VOCABULARY.md")).unwrap();
    assert!(
        page == sandtrap::cli::vocabulary_page(),
        "run `cargo run -- vocabulary > wit/VOCABULARY.md`"
    );
}

/// A file is about one thing; past so many lines it rarely is.
#[test]
fn files_are_short() {
    const LIMIT: usize = 600;
    let mut long = Vec::new();
    for folder in ["host/src", "guest-sdk/src", "analytics", "tests"] {
        for file in rust_files(&root().join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > LIMIT {
                long.push(format!("{} has {lines} lines", file.display()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// Links of the documents lead somewhere.
#[test]
fn links_lead_somewhere() {
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "docs/operating.md",
        "guest-sdk/README.md",
    ] {
        let path = root().join(name);
        let text = fs::read_to_string(&path).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let linked = path.parent().unwrap().join(target);
            assert!(linked.exists(), "{name} links to {target}");
        }
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
