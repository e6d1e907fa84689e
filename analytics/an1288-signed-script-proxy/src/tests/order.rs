//! Whatever the order, and whatever is missing.

use super::*;

#[test]
fn the_order_of_a_chain_does_not_matter() {
    let events = || {
        [
            launch(INSTALLUTIL, "InstallUtil.exe /u C:\\Users\\a\\a.dll"),
            connection("203.0.113.9", 8443),
            loaded(7, "C:\\Users\\a\\a.dll", 0),
        ]
    };
    let expected = severity(events());
    assert_eq!(expected, Some(Severity::High));
    let [first, second, third] = events();
    let world = || world().process(testing::process(7).image(INSTALLUTIL));
    let shuffled = [third.at(1), second.at(2), first.at(3)];
    let found = testing::run::<SignedScriptProxy>(world(), json!({}), json!({}), shuffled);
    assert_eq!(found.last().map(|finding| finding.severity), expected);
}

#[test]
fn a_file_may_turn_up_after_it_ran() {
    let program = "C:\\ProgramData\\u.exe";
    let events = [
        launch(WSCRIPT, "wscript C:\\Users\\a\\Downloads\\a.vbs"),
        child(program, program),
        wrote(program),
    ];
    assert_eq!(severity(events), Some(Severity::High));
}

#[test]
fn a_utility_that_started_before_the_recording_is_known_from_its_child() {
    let line = "wscript.exe C:\\Users\\a\\x.vbs";
    let world = World::new().process(testing::process(7).image(WSCRIPT).command_line(line));
    let event = child(POWERSHELL, &format!("powershell -enc {ENCODED}"));
    let found = testing::run::<SignedScriptProxy>(world, json!({}), json!({}), [event]);
    assert_eq!(found.len(), 1);
}

#[test]
fn what_comes_after_the_window_does_not_count() {
    let events = [
        launch(WSCRIPT, "wscript.exe C:\\Users\\a\\x.vbs").at(0),
        child(POWERSHELL, &format!("powershell -enc {ENCODED}")).at(601_000),
    ];
    assert_eq!(severity(events), None);
}

#[test]
fn a_chain_is_reported_once() {
    let spawn = || child(POWERSHELL, &format!("powershell -enc {ENCODED}"));
    let events = [
        launch(WSCRIPT, "wscript.exe C:\\Users\\a\\x.vbs"),
        spawn(),
        spawn(),
        spawn(),
    ];
    assert_eq!(run(events).len(), 1);
}

#[test]
fn what_the_fleet_has_long_been_doing_counts_against_the_chain() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let program = "C:\\Users\\a\\AppData\\Local\\Temp\\helper.exe";
    let key = "c:/users/*/ops/start.vbs > c:/users/*/appdata/local/temp/helper.exe";
    let events = || {
        [
            launch(WSCRIPT, "wscript.exe C:\\Users\\a\\ops\\start.vbs").at(40 * DAY),
            child(program, program).at(40 * DAY + 1000),
        ]
    };
    assert_eq!(run(events()).len(), 1);
    let seen = (1..=6).fold(world(), |world, number| {
        let device = format!("device-{number}");
        world.observed("target and child", key, &device, DAY, 3)
    });
    let found = testing::run::<SignedScriptProxy>(seen, json!({}), json!({}), events());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn utilities_that_are_not_watched_are_silent() {
    let settings = json!({ "ParentProcessName": ["installutil.exe"] });
    let line = "cscript C:\\Windows\\System32\\winrm.vbs i c wmicimv2/Win32_Process @{}";
    let events = [launch(CSCRIPT, line)];
    let found = testing::run::<SignedScriptProxy>(world(), settings, json!({}), events);
    assert!(found.is_empty());
}
