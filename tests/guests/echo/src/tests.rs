use sandtrap_sdk::{
    json,
    testing::{self, World},
};

use super::*;

#[test]
fn it_reports_what_it_was_told() {
    let world = World::new().process(testing::process(3).image("C:\\parent.exe"));
    let events = [
        testing::launch(7)
            .child_of(3)
            .image("C:\\a.exe")
            .set(field::PROCESS_PID, 44),
        testing::event(class::NETWORK_OPEN)
            .by(7)
            .set(field::DST_ENDPOINT_IP, "10.0.0.1")
            .set(field::DST_ENDPOINT_PORT, 443),
        testing::event(class::NETWORK_OPEN).by(7),
    ];
    let found = testing::run::<Echo>(world, json!({}), json!({}), events);
    let detail = |finding: &Finding, name: &str| {
        let detail = finding.details.iter().find(|detail| detail.name == name);
        detail
            .map(|detail| detail.value.clone())
            .unwrap_or_default()
    };
    assert_eq!(found.len(), 2);
    assert_eq!(detail(&found[0], "process.file.path"), "C:\\a.exe");
    assert_eq!(detail(&found[0], "ancestors"), "C:\\parent.exe");
    assert_eq!(detail(&found[0], "found"), "true");
    assert_eq!(detail(&found[0], "marks"), "0 of []");
    assert_eq!(detail(&found[1], "marks"), "1 of [1]");
    assert_eq!(detail(&found[1], "scope"), "Internal");
    assert_eq!(detail(&found[1], "baseline"), "2 here, 2 in all, 1 devices");
    assert_eq!(found[1].process, Some(7));
}

#[test]
#[should_panic(expected = "as asked at event 2")]
fn it_traps_when_asked() {
    let settings = json!({ "Misbehave": { "how": "trap", "on": "poison" } });
    let events = [
        testing::launch(1),
        testing::launch(2).command_line("poison"),
    ];
    testing::run::<Echo>(World::new(), settings, json!({}), events);
}

#[test]
fn it_refuses_when_asked() {
    let refusal = testing::refusal::<Echo>(json!({ "Refuse": true }), json!({}));
    assert_eq!(refusal.as_deref(), Some("it was asked to refuse"));
}
