use sandtrap_tests::scenario;

#[test]
fn every_scenario_gives_what_was_recorded() {
    let failures: Vec<String> = scenario::all()
        .iter()
        .filter_map(|folder| scenario::check(folder).err())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Benign look-alikes are named so, and nobody may speak up in them.
#[test]
fn look_alikes_stay_silent() {
    let mut count = 0;
    for folder in scenario::all() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("benign") {
            count += 1;
            let findings = scenario::run(&folder);
            assert!(findings.is_empty(), "{name}: {}", findings[0].title);
        }
    }
    assert!(count >= 5, "only {count} look-alikes");
}
