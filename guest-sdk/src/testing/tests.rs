use std::cell::Cell;

use serde_json::json;

use super::*;
use crate::{
    Description, Findings, Severity, Site, Subscription, all, any, baselines, class, field, fields,
    lineage, log, not, signatures,
};

type NoSettings = serde_json::Map<String, Value>;

/// Makes an analytic out of a description's rest and an `inspect`.
macro_rules! analytic {
    ($name:ident, $subscriptions:expr, $inspect:expr) => {
        #[derive(Default)]
        struct $name {
            #[allow(dead_code)]
            seen: Cell<u64>,
        }

        impl Analytic for $name {
            type Settings = NoSettings;

            fn description() -> Description {
                let mut description = Description::new("test", "Test", "0");
                for subscription in $subscriptions {
                    description = description.subscribe(subscription);
                }
                description
            }

            fn new(_: NoSettings, _: Site) -> Result<Self, String> {
                Ok(Self::default())
            }

            fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
                let say = |text: String| Finding::new(text, Severity::Low, row.event());
                let inspect: fn(&Self, &Row<'_>) -> Vec<String> = $inspect;
                for text in inspect(self, row) {
                    findings.report(say(text));
                }
            }
        }
    };
}

fn titles<A: Analytic>(world: World, events: impl IntoIterator<Item = TestEvent>) -> Vec<String> {
    let found = run::<A>(world, json!({}), json!({}), events);
    found.into_iter().map(|finding| finding.title).collect()
}

fn launches() -> Subscription {
    Subscription::to(class::PROCESS_LAUNCH).fields(fields![field::PROCESS_HANDLE])
}

analytic!(
    Selective,
    [launches().fields([field::PROCESS_CMD_LINE]).when(any([
        field::PROCESS_FILE_PATH.ends_with(["\\A.EXE"]),
        all([
            field::PROCESS_PID.is_one_of([4, 8]),
            not(field::PROCESS_CMD_LINE.is_present())
        ]),
    ]))],
    |_, row| vec![format!(
        "{}{:?}",
        row.text(field::PROCESS_CMD_LINE),
        row.process(field::PROCESS_HANDLE)
    )]
);

#[test]
fn predicates_decide_what_is_seen() {
    let events = [
        launch(1).image("C:\\a.exe").command_line("x"),
        launch(2).image("C:\\b.exe").command_line("y"),
        launch(3).image("C:\\b.exe").set(field::PROCESS_PID, 8),
        launch(4).set(field::PROCESS_PID, 8).command_line("z"),
        event(class::PROCESS_LAUNCH).set(field::PROCESS_PID, 4),
        terminate(1).image("C:\\a.exe"),
    ];
    assert_eq!(
        titles::<Selective>(World::new(), events),
        ["xSome(1)", "Some(3)", "None"]
    );
}

analytic!(Forgetful, [launches()], |analytic, _| {
    analytic.seen.set(analytic.seen.get() + 1);
    vec![analytic.seen.get().to_string()]
});

#[test]
#[should_panic(expected = "depend on the batch size")]
fn state_between_events_is_found_out() {
    titles::<Forgetful>(World::new(), [launch(1), launch(2)]);
}

analytic!(Careless, [launches()], |_, row| {
    vec![row.text(field::PROCESS_CMD_LINE).to_owned()]
});

#[test]
#[should_panic(expected = "`process.cmd_line` is read, but subscription 0 (process.launch)")]
fn a_field_that_was_not_asked_for_is_named() {
    titles::<Careless>(World::new(), [launch(1)]);
}

analytic!(Unwanted, Vec::<Subscription>::new(), |_, _| Vec::new());

#[test]
#[should_panic(expected = "1 to 64 subscriptions")]
fn a_description_the_host_would_refuse_is_refused() {
    titles::<Unwanted>(World::new(), []);
}

analytic!(Relatives, [launches()], |_, row| {
    let Some(process) = row.process(field::PROCESS_HANDLE) else {
        return Vec::new();
    };
    let names = |processes: Vec<lineage::ProcessInfo>| {
        let names: Vec<_> = processes
            .iter()
            .map(|process| process.process.to_string())
            .collect();
        names.join(",")
    };
    vec![format!(
        "{} up {} down {} found {:?} ended {:?}",
        process,
        names(lineage::ancestors(row, process, 2)),
        names(lineage::descendants(row, 1, 9)),
        lineage::find(row, 44, row.time()),
        lineage::process(row, 5).map(|process| process.ended),
    )]
});

#[test]
fn lineage_answers_as_of_the_event() {
    let world = World::new()
        .process(process(1))
        .process(process(5).child_of(1));
    let events = [
        launch(2).child_of(1).at(10),
        launch(3).child_of(2).at(20).set(field::PROCESS_PID, 44),
        terminate(5).at(25),
        launch(4).child_of(3).at(30),
    ];
    let expected = [
        "2 up 1 down 5,2 found None ended Some(None)",
        "3 up 2,1 down 5,2,3 found Some(3) ended Some(None)",
        "4 up 3,2 down 5,2,3,4 found Some(3) ended Some(Some(25))",
    ];
    assert_eq!(titles::<Relatives>(world, events), expected);
}

analytic!(
    Counting,
    [launches().fields([field::PROCESS_FILE_PATH])],
    |_, row| {
        let image = row.text(field::PROCESS_FILE_PATH);
        baselines::observe(row, &[("images", image)]).unwrap();
        let known = baselines::lookup_one(row, "images", image);
        let rate = baselines::rate(row, "images", image, 10);
        vec![format!(
            "{}/{} on {}, {} against {} in {}, learning {:?}",
            known.device.count,
            known.fleet.count,
            known.devices,
            rate.current,
            rate.mean,
            rate.windows,
            known.device.learning_for(row).as_secs(),
        )]
    }
);

#[test]
fn baselines_count_per_device_and_lag_for_the_fleet() {
    const HOUR: i64 = 3_600_000;
    let world = World::new()
        .observed("images", "a", "device-2", HOUR + 1, 3)
        .learning_since("images", 0);
    let events = [
        launch(1).image("a").at(HOUR + 60_000),
        launch(2).image("a").at(HOUR + 120_000),
        launch(3).image("a").at(2 * HOUR),
    ];
    let expected = [
        "1/1 on 1, 1 against 0 in 5, learning 3660",
        "2/2 on 1, 2 against 0 in 5, learning 3720",
        "3/6 on 2, 1 against 0.3333333333333333 in 6, learning 7200",
    ];
    assert_eq!(titles::<Counting>(world, events), expected);
}

analytic!(Signed, [launches()], |_, row| {
    row.process(field::PROCESS_HANDLE)
        .map(|process| signatures::of_process(row, process))
        .map(|signature| {
            format!(
                "{:?} {} {:?}",
                signature.state, signature.signer, signature.source
            )
        })
        .into_iter()
        .collect()
});

#[test]
fn signatures_come_from_self_loads_and_the_catalogue() {
    let world = World::new().signature("C:\\B.exe", signatures::State::Revoked, "Evil");
    let load = event(class::MODULE_LOAD)
        .by(1)
        .set(field::MODULE_FILE_PATH, "C:\\A.exe")
        .set(field::MODULE_FILE_SIGNATURE_SIGNED, 1)
        .set(field::MODULE_FILE_SIGNATURE_STATUS, "Valid")
        .set(field::MODULE_FILE_SIGNATURE_SIGNER, "Good");
    let events = [
        launch(1).image("C:\\a.exe"),
        load,
        launch(2).image("C:\\a.exe"),
        launch(3).image("C:\\b.exe"),
    ];
    let expected = [
        "State::Unknown  Source::None",
        "State::Valid Good Source::Observed",
        "State::Revoked Evil Source::Catalogue",
    ];
    assert_eq!(titles::<Signed>(world, events), expected);
}

analytic!(Marking, [launches()], |_, row| {
    let day = std::time::Duration::from_secs(86_400);
    let mark =
        |item: &str| lineage::NewMark::new(row, lineage::Subject::item(item), "seen", 1, "", day);
    let before = lineage::marks_on(row, lineage::Subject::item("x")).len();
    lineage::mark(row, mark("x")).unwrap();
    let foreign = lineage::mark(row, mark("y").earned_by(999));
    log::warn(format_args!("{before}"));
    vec![foreign.map_or_else(|error| error.name().to_owned(), |()| String::new())]
});

#[test]
fn marks_are_per_device_and_hold_known_events_only() {
    let events = [launch(1), launch(2), launch(3).on("device-2")];
    let outcome = outcome::<Marking>(World::new(), json!({}), json!({}), events);
    let messages: Vec<_> = outcome
        .messages
        .iter()
        .map(|(_, text)| text.as_str())
        .collect();
    assert_eq!(messages, ["0", "1", "0"]);
    assert_eq!(outcome.marks.len(), 2);
    assert!(
        outcome
            .findings
            .iter()
            .all(|finding| finding.title == "unknown-event")
    );
}

#[test]
fn settings_are_refused_by_name() {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {}
    struct Refusing;
    impl Analytic for Refusing {
        type Settings = Strict;
        fn description() -> Description {
            Description::new("r", "R", "0").subscribe(launches())
        }
        fn new(_: Strict, site: Site) -> Result<Self, String> {
            match site.is_configured("administrators") {
                true => Err("no administrators please".to_owned()),
                false => Ok(Self),
            }
        }
        fn inspect(&self, _: &Row<'_>, _: &mut Findings) {}
    }
    check::<Refusing>();
    assert_eq!(refusal::<Refusing>(json!({}), json!({})), None);
    let typo = refusal::<Refusing>(json!({ "tpyo": 1 }), json!({}));
    assert!(typo.is_some_and(|reason| reason.contains("`tpyo`")));
    let site = refusal::<Refusing>(json!({}), json!({ "administrators": [] }));
    assert_eq!(site.as_deref(), Some("no administrators please"));
    let nonsense = refusal::<Refusing>(json!({}), json!({ "internal_networks": ["?"] }));
    assert!(nonsense.is_some_and(|reason| reason.contains("internal_networks")));
}
