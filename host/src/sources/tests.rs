//! Whole inputs, from bytes to events.

mod corpus;

use std::{fs, io::Write as _, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{
    event::Event,
    router::{Predicate, Router, Subscription},
    vocabulary::{ClassId, FieldNames, classes, fields, vocabulary},
};

/// A router that wants every event of every class, and some raw fields.
pub(super) fn everything() -> Router {
    let mut names = FieldNames::default();
    for name in ["unmapped.Task", "unmapped.Channel", "unmapped.winlog.task"] {
        names.resolve(name).unwrap();
    }
    let subscriptions: Vec<Subscription> = (0..vocabulary().classes().count())
        .map(|class| Subscription {
            class: ClassId(class as u8),
            predicate: Predicate::compile(&[], &mut names).unwrap(),
            fields: Vec::new(),
        })
        .collect();
    Router::new(&subscriptions, names)
}

fn options() -> Options {
    Options {
        threads: 1,
        ..Options::default()
    }
}

fn read_all(recording: &mut Recording) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let batch = recording.next_batch(100).unwrap();
        if batch.is_empty() {
            return events;
        }
        events.extend(batch);
    }
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn read_with(&self, content: impl AsRef<[u8]>, options: &Options) -> (Recording, Vec<Event>) {
        let path = self.path("input", content);
        let inputs = find_inputs(&[path]).unwrap();
        let mut recording =
            Recording::read(&inputs, &everything(), options, &mut |_, _| {}).unwrap();
        let events = read_all(&mut recording);
        (recording, events)
    }
}

fn read(content: impl AsRef<[u8]>) -> (Recording, Vec<Event>) {
    Files::new().read_with(content, &options())
}

const LAUNCH: &str = r#"{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"PC.Local","RecordNumber":7,"TimeCreated":"2022-08-08T01:55:39.098Z","ProcessGuid":"{AB-1}","ProcessId":"0x10","Image":"C:\\Windows\\a.exe","CommandLine":"a \"b\"","ParentCommandLine":"-","Task":"1"}"#;

/// What every shape of the same launch has in common.
fn check_launch(event: &Event) {
    assert_eq!(event.class, classes::PROCESS_LAUNCH);
    assert_eq!(&*event.device, "pc.local");
    assert_eq!(event.time, 1_659_923_739_098);
    let values = &event.fields;
    assert_eq!(values.number(fields::METADATA_EVENT_CODE), Some(1));
    assert_eq!(values.number(fields::METADATA_RECORD_ID), Some(7));
    assert_eq!(values.number(fields::PROCESS_PID), Some(16));
    assert_eq!(values.text(fields::PROCESS_UID), "ab-1");
    assert_eq!(values.text(fields::PROCESS_FILE_PATH), r"C:\Windows\a.exe");
    assert_eq!(values.text(fields::PROCESS_CMD_LINE), "a \"b\"");
    assert!(!values.has(fields::PROCESS_PARENT_PROCESS_CMD_LINE));
}

#[test]
fn every_shape_yields_the_same_launch() {
    let data = r#"{"ProcessGuid":"{AB-1}","ProcessId":16,"Image":"C:\\Windows\\a.exe","CommandLine":"a \"b\""}"#;
    let evtx_dump = format!(
        r##"{{"Event":{{"#attributes":{{"xmlns":"x"}},"System":{{"Provider":{{"#attributes":{{"Name":"Microsoft-Windows-Sysmon"}}}},
        "EventID":{{"#attributes":{{"Qualifiers":0}},"#text":1}},"TimeCreated":{{"#attributes":{{"SystemTime":"2022-08-08T01:55:39.098123Z"}}}},
        "EventRecordID":7,"Correlation":null,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"PC.Local"}},"EventData":{data}}}}}"##
    );
    let winlogbeat6 = format!(
        r#"{{"@timestamp":"2022-08-08T01:55:39.098Z","computer_name":"PC.Local","log_name":"Microsoft-Windows-Sysmon/Operational",
        "source_name":"Microsoft-Windows-Sysmon","event_id":1,"record_number":"7","process_id":99,"event_data":{data},"host":{{"name":"WEC"}}}}"#
    );
    let winlogbeat7 = format!(
        r#"{{"@timestamp":"2022-08-08T01:55:39.098Z","event":{{"code":1,"kind":"event"}},"host":{{"name":"WEC"}},
        "winlog":{{"record_id":7,"computer_name":"PC.Local","event_id":1,"channel":"Microsoft-Windows-Sysmon/Operational","event_data":{data}}}}}"#
    );
    let azure = r#"[{"EventSourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"PC.Local","TimeCreated":"2022-08-08T01:55:39.098Z","TimeGenerated":"2022-08-08T09:55:39.098Z","EventRecordID":"7","EventID":1,"EventData":"\u003cEventData xmlns=\"x\"\u003e<Data Name=\"ProcessGuid\">{AB-1}</Data><Data Name=\"ProcessId\">16</Data><Data Name=\"CommandLine\">a &quot;b&quot;</Data></EventData>","Image":"C:\\Windows\\a.exe"},{"EventID":2}]"#;
    let xml = "<Event xmlns='x'><System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID><TimeCreated SystemTime='2022-08-08T01:55:39.098123400Z'/><EventRecordID>7</EventRecordID><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>PC.Local</Computer></System><EventData><Data Name='ProcessGuid'>{AB-1}</Data><Data Name='ProcessId'>16</Data><Data Name='Image'>C:\\Windows\\a.exe</Data><Data Name='CommandLine'>a &quot;b&#34;</Data></EventData></Event>";
    let pairs = evtx_dump.replace(
        data,
        r##"{"Data":[{"@Name":"ProcessGuid","#text":"{AB-1}"},{"@Name":"ProcessId","#text":"16"},{"#attributes":{"Name":"Image"},"#text":"C:\\Windows\\a.exe"},{"Name":"CommandLine","Value":"a \"b\""}]}"##,
    );
    let mut utf16 = b"\xff\xfe".to_vec();
    utf16.extend(LAUNCH.encode_utf16().flat_map(u16::to_le_bytes));
    for content in [
        LAUNCH.as_bytes(),
        format!("\u{feff}{LAUNCH}\n").as_bytes(),
        utf16.as_slice(),
        format!("[{LAUNCH},\n{LAUNCH}]").as_bytes(),
        format!("[{LAUNCH},{LAUNCH}]").as_bytes(),
        format!("{LAUNCH}{LAUNCH}").as_bytes(),
        LAUNCH.replace(",\"", ",\n  \"").as_bytes(),
        evtx_dump.as_bytes(),
        evtx_dump.replace('\n', "").as_bytes(),
        pairs.as_bytes(),
        winlogbeat6.as_bytes(),
        winlogbeat7.as_bytes(),
        azure.as_bytes(),
        xml.as_bytes(),
        format!("<?xml version=\"1.0\"?>\n<Events>{xml}\n{xml}</Events>").as_bytes(),
    ] {
        let (recording, events) = read(content);
        assert_eq!(recording.undecodable(), [], "{}", content.escape_ascii());
        check_launch(&events[0]);
        assert_eq!(events[0].sequence, 1);
    }
}

#[test]
fn raw_fields_are_reachable_in_any_class() {
    let router = everything();
    let raw = |name: &str| {
        router
            .names()
            .raw()
            .find(|(_, raw)| *raw == name)
            .unwrap()
            .0
    };
    let (_, events) = read(LAUNCH);
    assert_eq!(events[0].fields.text(raw("Task")), "1");
    let channel = events[0].fields.text(fields::METADATA_LOG_NAME);
    assert_eq!(events[0].fields.text(raw("Channel")), channel);
    let (_, events) = read(r#"{"EventID":99,"winlog":{"task":"x"}}"#);
    assert_eq!(events[0].class, classes::OTHER);
    assert_eq!(events[0].fields.text(raw("winlog.task")), "x");
    assert_eq!(&*events[0].device, "unknown@input");
}

#[test]
fn documents_of_other_schemas_are_read_as_far_as_they_go() {
    let (_, events) = read(
        r#"{"@timestamp":"2022-08-08T01:55:39.098Z","event":{"category":["process"],"type":["start"]},"host":{"hostname":"PC"},"process":{"pid":16,"executable":"C:\\a.exe","parent":{"pid":4}}}
           {"class_uid":4001,"activity_id":1,"time":1659923739098,"device":{"hostname":"PC"},"actor":{"process":{"pid":16}},"dst_endpoint":{"ip":"0:0:0:0:0:0:0:1","port":443}}"#,
    );
    assert_eq!(events[0].class, classes::PROCESS_LAUNCH);
    assert_eq!(
        events[0].fields.text(fields::PROCESS_FILE_PATH),
        r"C:\a.exe"
    );
    assert_eq!(
        events[0].fields.number(fields::PROCESS_PARENT_PROCESS_PID),
        Some(4)
    );
    assert_eq!(events[1].class, classes::NETWORK_OPEN);
    assert_eq!(events[1].fields.number(fields::ACTOR_PROCESS_PID), Some(16));
    assert_eq!(events[1].fields.text(fields::DST_ENDPOINT_IP), "::1");
    assert_eq!(events[1].time, events[0].time);
}

#[test]
fn broken_records_are_counted_in_place_and_passed_over() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(600_000));
    let content =
        format!("{LAUNCH}\n{{\"a\":\nnonsense\n{long}\n{LAUNCH} {{\"b\":1}} ?\n{LAUNCH}\n");
    let files = Files::new();
    let options = Options {
        max_record: 300_000,
        ..options()
    };
    let (recording, events) = files.read_with(content, &options);
    let summary = &recording.inputs()[0];
    assert_eq!((summary.records, summary.undecodable), (8, 4));
    assert_eq!(recording.events(), 4);
    let faults: Vec<u32> = recording
        .undecodable()
        .iter()
        .map(|record| record.origin.record)
        .collect();
    assert_eq!(faults, [1, 2, 3, 6]);
    let places: Vec<u32> = events.iter().map(|event| event.origin.record).collect();
    assert_eq!(places, [0, 4, 5, 7]);
    assert!(
        recording
            .undecodable()
            .iter()
            .all(|record| record.excerpt.len() <= 512)
    );
}

#[test]
fn compressed_inputs_are_told_by_content_and_may_end_early() {
    let content = format!("{LAUNCH}\n").repeat(5000);
    let mut gzip = Vec::new();
    // Two members, as `cat a.gz b.gz` makes them.
    for _ in 0..2 {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content.as_bytes()).unwrap();
        gzip.extend(encoder.finish().unwrap());
    }
    let zstd = zstd::encode_all(content.as_bytes(), 1).unwrap();
    assert_eq!(read(&gzip).0.events(), 10_000);
    assert_eq!(read(zstd).0.events(), 5000);
    let (recording, _) = read(&gzip[..gzip.len() - 200]);
    assert!(recording.events() > 5000);
    assert_eq!(recording.inputs()[0].undecodable, 1);
    assert!(recording.undecodable()[0].reason.contains("too early"));
}

#[test]
fn deep_nesting_is_refused_without_harm() {
    for open in ["[", "{\"a\":", "{\"Event\":", "{\"EventData\":"] {
        let content = format!("{LAUNCH}\n{{\"a\":{}\n", open.repeat(100_000));
        let (recording, _) = read(content);
        assert_eq!(recording.inputs()[0].undecodable, 1);
    }
    let (recording, _) = read(format!("[{{}},{}", "[".repeat(100_000)));
    assert_eq!(recording.events(), 1);
    let (recording, _) = read(format!("<Event>{}</Event>", "<a>".repeat(100_000)));
    assert_eq!(recording.inputs()[0].undecodable, 1);
}

#[test]
fn records_without_a_time_take_the_one_before() {
    let untimed = r#"{"EventID":99}"#;
    let (recording, events) = read(format!("{untimed}\n{LAUNCH}\n{untimed}"));
    let times: Vec<i64> = events.iter().map(|event| event.time).collect();
    assert_eq!(times, [0, 1_659_923_739_098, 1_659_923_739_098]);
    assert_eq!(recording.inputs()[0].untimed, 2);
}

#[test]
fn script_blocks_are_joined_across_a_file() {
    let part = |number: u32| {
        format!(
            r#"{{"EventID":4104,"Channel":"Microsoft-Windows-PowerShell/Operational","Hostname":"PC","TimeCreated":"2022-08-08T01:55:0{number}Z","ScriptBlockId":"x","MessageNumber":{number},"MessageTotal":"3","ScriptBlockText":"<{number}>"}}"#
        )
    };
    let content = [part(2), LAUNCH.to_owned(), part(3), part(1)].join("\n");
    let (recording, events) = read(content);
    assert_eq!((recording.events(), events.len()), (4, 2));
    assert_eq!(events[0].fields.text(fields::SCRIPT_CONTENT), "<1><2><3>");
    assert_eq!(events[0].origin.record, 3);
    assert!(!events[0].matches.is_empty());
    // What never becomes whole comes as far as it got.
    let (_, events) = read([part(3), part(2)].join("\n"));
    assert_eq!(events[0].fields.text(fields::SCRIPT_CONTENT), "<2><3>");
}

#[test]
fn an_unknown_shape_is_an_error_where_it_was_named() {
    let files = Files::new();
    let path = files.path("notes.log", "2022-08-08 something happened\n");
    let read = |path: PathBuf| {
        let inputs = find_inputs(&[path]).unwrap();
        Recording::read(&inputs, &everything(), &options(), &mut |_, _| {})
    };
    let error = read(path).unwrap_err().to_string();
    assert!(error.contains("notes.log"), "{error}");
    let recording = read(files.0.path().to_owned()).unwrap();
    assert!(recording.inputs()[0].skipped.is_some());
}

#[test]
fn threads_change_nothing() {
    let content: String = (0..20_000)
        .map(|number| LAUNCH.replace("098Z", &format!("{:03}Z", number * 7919 % 1000)) + "\n")
        .collect();
    let files = Files::new();
    let [one, three] = [1, 3].map(|threads| {
        let (_, events) = files.read_with(
            &content,
            &Options {
                threads,
                ..options()
            },
        );
        format!("{events:?}")
    });
    assert!(one == three);
}

fn decode_as(content: &[u8], encoding: Encoding) -> Result<usize, Malformed> {
    let router = everything();
    let mut normaliser = crate::normalise::Normaliser::new(&router);
    let (_, rest) = normaliser.first_record(content, encoding, "input", &router)?;
    Ok(rest.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_decoder_panic(content in prop::collection::vec(any::<u8>(), 0..300)) {
        for prefix in ["", "{\"a\":", "<Event>", "ElfFile\0"] {
            let content = [prefix.as_bytes(), &content].concat();
            let _ = decode_as(&content, Encoding::Json);
            let _ = decode_as(&content, Encoding::Xml);
        }
    }

    #[test]
    fn mutated_records_are_decoded_or_accounted_for(
        changes in prop::collection::vec((0..LAUNCH.len(), any::<u8>()), 1..6),
        cut in 0..LAUNCH.len(),
    ) {
        let mut record = LAUNCH.as_bytes().to_vec();
        for (at, byte) in changes {
            record[at] = if byte == b'\n' { b' ' } else { byte };
        }
        let cut = LAUNCH.as_bytes()[..cut].trim_ascii().len();
        let lines = [LAUNCH.as_bytes(), &record, &LAUNCH.as_bytes()[..cut], LAUNCH.as_bytes()];
        let (recording, events) = read(lines.join(&b'\n'));
        let summary = &recording.inputs()[0];
        // A change may make two records of one, never none.
        let cut_record = u64::from(cut > 0);
        prop_assert!(summary.records >= 3 + cut_record);
        prop_assert!(summary.undecodable >= cut_record);
        prop_assert_eq!(events.len() as u64, summary.records - summary.undecodable);
        prop_assert_eq!(recording.undecodable().len() as u64, summary.undecodable);
    }

    #[test]
    fn what_serde_reads_we_read(value in json()) {
        let object = serde_json::json!({ "EventID": 1, "x": value });
        for written in [
            serde_json::to_string(&object).unwrap(),
            serde_json::to_string_pretty(&object).unwrap(),
        ] {
            prop_assert_eq!(decode_as(written.as_bytes(), Encoding::Json), Ok(0));
        }
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<f32>().prop_map(serde_json::Value::from),
        ".*".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map("(EventData|Data|#text|Event|.*)", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
