use std::{fs, path::Path};

use sandtrap::{config::Config, grant::Grant, router::Router, vocabulary::FieldNames};
use sandtrap_tests::{catalog, root};
use serde_json::Value;

/// The five, and nothing else, under the names of their folders.
#[test]
fn every_analytic_is_named_after_its_folder() {
    let ids: Vec<&str> = catalog()
        .analytics()
        .map(|loaded| loaded.prepared().id())
        .collect();
    assert_eq!(ids, ["AN1229", "AN1252", "AN1288", "AN1389", "AN1925"]);
    for loaded in catalog().analytics() {
        let file = loaded.path.file_stem().unwrap().to_string_lossy();
        let id = loaded.prepared().id().to_lowercase();
        assert!(file.starts_with(&id), "{id} comes from {file}");
    }
}

/// What MITRE says of an analytic is what it says of itself.
#[test]
fn descriptions_carry_the_official_facts() {
    let Some(official) = official() else { return };
    for loaded in catalog().analytics() {
        let said = &loaded.prepared().description;
        let facts = official
            .iter()
            .find(|facts| facts["id"] == said.id.as_str())
            .unwrap();
        assert_eq!(facts["technique"]["id"], said.technique.id);
        assert_eq!(facts["technique"]["name"], said.technique.name);
        let strategy = said.strategy.as_ref().unwrap();
        assert_eq!(facts["detection_strategy"]["id"], strategy.id);
        assert_eq!(facts["detection_strategy"]["name"], strategy.name);
        assert_eq!(facts["platforms"], Value::from(said.platforms.clone()));
        let sources: Vec<[&str; 3]> = said
            .log_sources
            .iter()
            .map(|source| [&*source.component.id, &*source.name, &*source.channel])
            .collect();
        let official: Vec<[&str; 3]> = facts["log_sources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|source| {
                ["data_component", "name", "channel"].map(|key| source[key].as_str().unwrap())
            })
            .collect();
        assert_eq!(sources, official, "{}", said.id);
        let official: Vec<&str> = facts["mutable_elements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|element| element["field"].as_str().unwrap())
            .collect();
        let settings: Vec<&str> = said
            .settings
            .iter()
            .filter(|setting| setting.official)
            .map(|setting| &*setting.name)
            .collect();
        assert_eq!(settings, official, "{}", said.id);
    }
}

fn official() -> Option<Vec<Value>> {
    let path = root().join("../shared/official-analytics.json");
    let Ok(text) = fs::read(&path) else {
        eprintln!("skipped: there is no {}", path.display());
        return None;
    };
    let facts: Value = serde_json::from_slice(&text).unwrap();
    Some(facts["analytics"].as_array().unwrap().clone())
}

/// `describe` needs no capability, and the defaults it documents are accepted.
#[test]
fn documented_defaults_are_accepted() {
    for loaded in catalog().analytics() {
        let mut settings = serde_json::Map::new();
        for setting in &loaded.prepared().description.settings {
            let default: Value = serde_json::from_str(&setting.default_value).unwrap();
            settings.insert(setting.name.clone(), default);
        }
        for settings in [serde_json::Map::new(), settings] {
            let configured = configured(&loaded.path, Value::Object(settings));
            configured.check().unwrap();
        }
        let unknown = configured(&loaded.path, serde_json::json!({ "NoSuchSetting": 1 }));
        let error = unknown.check().unwrap_err().to_string();
        assert!(error.contains("NoSuchSetting"), "{error}");
    }
}

fn configured(path: &Path, settings: Value) -> sandtrap::analytic::Configured {
    let loaded = catalog()
        .analytics()
        .find(|loaded| loaded.path == path)
        .unwrap();
    sandtrap_tests::configured(
        &loaded.admitted.prepared,
        Grant::default(),
        &settings.to_string(),
    )
}

/// What is not granted is not linked: loading says which line would allow it.
#[test]
fn what_is_not_granted_is_refused_by_name() {
    for (key, expected) in [
        ("grants", "to `grants` of [analytics.ID]"),
        ("events", "to `events` of [analytics.ID]"),
        ("fields", "to `fields` of [analytics.ID]"),
    ] {
        for loaded in catalog().analytics() {
            let id = loaded.prepared().id();
            let config = serde_json::json!({ "analytics": { id: { key: [] } } });
            let config: Config = serde_json::from_value(config).unwrap();
            let configured = loaded.admitted.configure(&config, &config.site);
            let error = configured.err().unwrap().to_string();
            assert!(error.contains(&expected.replace("ID", id)), "{error}");
        }
    }
}

/// Every subscription resolves, and none takes all of a frequent class.
#[test]
fn subscriptions_are_narrow() {
    for loaded in catalog().analytics() {
        let mut names = FieldNames::default();
        let subscriptions = loaded.prepared().subscriptions(&mut names).unwrap();
        let router = Router::new(&subscriptions, names);
        for class in [
            sandtrap::vocabulary::classes::PROCESS_OPEN,
            sandtrap::vocabulary::classes::MODULE_LOAD,
            sandtrap::vocabulary::classes::REGISTRY_KEY,
        ] {
            let mut found = Vec::new();
            router.matches(class, &sandtrap::event::Fields::default(), &mut found);
            assert!(
                found.is_empty(),
                "{} takes every event of a frequent class",
                loaded.prepared().id()
            );
        }
    }
}

/// Each analytic has a page, an attack and a look-alike.
#[test]
fn every_analytic_has_a_page_and_scenarios() {
    for loaded in catalog().analytics() {
        let id = loaded.prepared().id().to_lowercase();
        let folder = fs::read_dir(root().join("analytics"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_name().unwrap().to_string_lossy().starts_with(&id))
            .unwrap();
        let page = fs::read_to_string(folder.join("README.md")).unwrap();
        for setting in &loaded.prepared().description.settings {
            assert!(page.contains(&setting.name), "{id}: {}", setting.name);
        }
        let scenarios: Vec<String> = fs::read_dir(root().join("tests/scenarios").join(&id))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert!(
            scenarios.iter().any(|name| name.starts_with("benign")),
            "{id}"
        );
        assert!(
            scenarios.iter().any(|name| !name.starts_with("benign")),
            "{id}"
        );
    }
}
