//! What the operator writes, and what tools write for them.

use crate::{
    backtest::labels::Case,
    config::{Config, Site},
    signatures::Catalogue,
};

/// A configuration.
pub fn config(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let Ok(config) = toml::from_str::<Config>(text) else {
        return;
    };
    for problem in &config.value_problems().errors {
        assert!(!problem.to_string().is_empty());
    }
    assert!(config.fixed_differences(&config).is_empty());
    let site = serde_json::from_str::<Site>(&config.site.to_json());
    assert_eq!(site.ok().as_ref(), Some(&config.site));
    for id in config.analytics.keys() {
        let settings = serde_json::from_str::<serde_json::Value>(&config.settings(id));
        assert!(settings.is_ok_and(|settings| settings.is_object()));
    }
}

/// The labels of a backtest.
pub fn labels(bytes: &[u8]) {
    let Ok(cases) = serde_json::from_slice::<Vec<Case>>(bytes) else {
        return;
    };
    assert!(cases.len() <= bytes.len());
    let labels = cases.iter().flat_map(|case| &case.analytics);
    for event in labels.flat_map(|label| &label.evidence) {
        let text = event.pid.as_ref().map(ToString::to_string);
        assert!(event.pid().is_none() || text.is_some_and(|text| !text.is_empty()));
    }
}

/// A catalogue of signatures.
pub fn catalogue(bytes: &[u8]) {
    let mut catalogue = Catalogue::default();
    let added = catalogue.add_lines("input".as_ref(), &mut &*bytes);
    let (by_hash, by_path) = catalogue.len();
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(by_hash <= lines && by_path <= lines);
    if added.is_ok() {
        // Of two about one file the later counts, so twice is as once.
        assert!(catalogue.add_lines("input".as_ref(), &mut &*bytes).is_ok());
        assert_eq!(catalogue.len(), (by_hash, by_path));
    }
}
