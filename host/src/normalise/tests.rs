//! What is kept of events, and their identity.

use super::*;
use crate::{
    router::{Comparison, Predicate, Step, Subscription},
    vocabulary::FieldNames,
};

const LOAD: &str = r#"{"EventID":7,"SourceName":"Microsoft-Windows-Sysmon","Channel":"ForwardedEvents","Hostname":"PC","ProcessGuid":"{AB-1}","ProcessId":"5","Image":"C:\\a.exe","ImageLoaded":"C:\\b.dll","OriginalFileName":"b","Signed":"true","Hashes":"SHA256=00"}"#;

const OPEN: &str = r#"{"EventID":10,"Channel":"microsoft-windows-sysmon/operational","SourceImage":"C:\\a.exe","TargetImage":"C:\\lsass.exe","CallTrace":"ntdll.dll+1"}"#;

fn router(class: &str, ending: &str) -> Router {
    let mut names = FieldNames::default();
    let step = Step::Text {
        field: "module.file.path".to_owned(),
        comparison: Comparison::EndsWith,
        values: vec![ending.to_owned()],
    };
    let subscription = Subscription {
        class: crate::vocabulary::vocabulary().class(class).unwrap().0,
        predicate: Predicate::compile(&[step], &mut names).unwrap(),
        fields: vec![fields::CALL_TRACE],
    };
    Router::new([&subscription], names)
}

fn kept(record: &str, router: &Router) -> Option<Event> {
    let mut normaliser = Normaliser::new(router);
    let normalised = normaliser
        .record(record.as_bytes(), Encoding::Json, "input", router)
        .unwrap();
    match normalised.kept {
        Kept::Event(event) => Some(event),
        _ => None,
    }
}

#[test]
fn what_nobody_asked_for_is_kept_in_outline_or_not_at_all() {
    let wanted = kept(LOAD, &router("module.load", ".dll")).unwrap();
    assert_eq!(*wanted.matches, [0]);
    assert_eq!(wanted.fields.text(fields::MODULE_FILE_INTERNAL_NAME), "b");
    let outline = kept(LOAD, &router("module.load", ".exe")).unwrap();
    assert!(outline.matches.is_empty());
    assert_eq!(outline.fields.text(fields::MODULE_FILE_PATH), r"C:\b.dll");
    assert_eq!(
        outline.fields.number(fields::MODULE_FILE_SIGNATURE_SIGNED),
        Some(1)
    );
    assert!(!outline.fields.has(fields::MODULE_FILE_INTERNAL_NAME));
    assert!(!outline.fields.has(fields::METADATA_EVENT_CODE));
    assert!(kept(OPEN, &router("process.open", ".dll")).is_none());
    assert!(kept(r#"{"EventID":1102}"#, &router("module.load", ".dll")).is_none());
}

#[test]
fn heavy_fields_are_decoded_for_who_asks() {
    let mut names = FieldNames::default();
    let mut subscription = Subscription {
        class: classes::PROCESS_OPEN,
        predicate: Predicate::compile(&[], &mut names).unwrap(),
        fields: vec![fields::PROCESS_FILE_PATH],
    };
    let event = kept(OPEN, &Router::new([&subscription], names.clone())).unwrap();
    assert!(!event.fields.has(fields::CALL_TRACE));
    subscription.fields.push(fields::CALL_TRACE);
    let event = kept(OPEN, &Router::new([&subscription], names)).unwrap();
    assert_eq!(event.fields.text(fields::CALL_TRACE), "ntdll.dll+1");
}

#[test]
fn the_same_record_has_the_same_identity() {
    let router = router("module.load", ".dll");
    let first = kept(LOAD, &router).unwrap();
    assert_eq!(first.uid, kept(LOAD, &router).unwrap().uid);
    assert_ne!(
        first.uid,
        kept(&LOAD.replace("b.dll", "c.dll"), &router).unwrap().uid
    );
}
