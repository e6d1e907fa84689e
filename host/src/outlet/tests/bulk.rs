use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::{
    entries,
    server::{Request, Server},
};
use crate::{
    config::{Bulk, OnFull},
    outlet::{BulkDestination, Destination},
};

fn bulk(server: &Server) -> BulkDestination {
    let config = Bulk {
        url: format!("http://{}/", server.address),
        index: "sandtrap-\"findings\"".to_owned(),
        headers: [].into(),
        timeout_seconds: 5,
        on_full: OnFull::Block,
    };
    BulkDestination::new(&config).unwrap()
}

fn lines(request: &Request) -> Vec<Value> {
    assert_eq!(request.line, "POST /_bulk HTTP/1.1");
    assert_eq!(request.headers["content-type"], "application/x-ndjson");
    assert_eq!(request.headers["content-encoding"], "gzip");
    let mut text = String::new();
    GzDecoder::new(&*request.body)
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn ids(request: &Request) -> Vec<String> {
    let actions = lines(request).into_iter().step_by(2);
    let id = |action: Value| action["create"]["_id"].as_str().unwrap().to_owned();
    actions.map(id).collect()
}

#[test]
fn every_item_has_its_own_fate() {
    let item = |status, reason: &str| json!({"create": {"status": status, "error": {"type": "a_type", "reason": reason}}});
    let mixed = json!({"took": 3, "errors": true, "items": [
        {"create": {"_id": "uid-1", "status": 201}},
        item(409, "exists"),
        item(429, "full"),
        item(400, "not\na date"),
        item(403, "read-only"),
        {"create": {"status": 500, "error": "plain"}},
    ]});
    let rest = json!({"errors": true, "items": [
        {"create": {"status": 201}}, item(400, "too old"), {"create": {"status": 201}},
    ]});
    let server = Server::scripted(vec![
        (200, "retry-after: 2\r\n", mixed.to_string()),
        (200, "", rest.to_string()),
    ]);
    let mut sink = bulk(&server);
    let host = server.address;
    let error = sink.deliver(&entries(1..=6)).unwrap_err();
    assert_eq!(error.reason, format!("{host} answered 429: a_type full"));
    assert_eq!(error.retry_after, Some(2));
    let refused = sink.deliver(&entries(1..=6)).unwrap().refused;
    let expected = [
        (4, format!("{host} answered 400: a_type not a date")),
        (5, format!("{host} answered 400: a_type too old")),
    ];
    assert_eq!(refused, expected);

    let requests = server.requests();
    assert_eq!(ids(&requests[1]), ["uid-3", "uid-5", "uid-6"]);
    let lines = lines(&requests[0]);
    let action = json!({"create": {"_index": "sandtrap-\"findings\"", "_id": "uid-1"}});
    assert_eq!(lines[0], action);
    let document = json!({
        "@timestamp": "2026-03-04T09:15:02.121Z",
        "metadata": {"uid": "uid-1"},
    });
    assert_eq!(lines[1], document);
}

#[test]
fn an_answer_that_says_nothing_settles_nothing() {
    let one = r#"{"errors":true,"items":[{"create":{"status":201}}]}"#;
    let server = Server::scripted(vec![
        (200, "", "<html>".to_owned()),
        (200, "", one.to_owned()),
        (400, "", "no such index".to_owned()),
        (503, "", String::new()),
        (200, "", r#"{"errors":false}"#.to_owned()),
    ]);
    let mut sink = bulk(&server);
    for _ in 0..4 {
        assert!(sink.deliver(&entries(1..=2)).is_err());
    }
    assert!(sink.deliver(&entries(1..=2)).unwrap().refused.is_empty());
    assert!(
        server
            .requests()
            .iter()
            .all(|request| ids(request).len() == 2)
    );
}

#[test]
fn what_is_too_large_goes_in_halves() {
    let server = Server::start(5, |request| match &*ids(request) {
        [id] if id != "uid-2" => (200, "", r#"{"errors":false}"#.to_owned()),
        _ => (413, "", String::new()),
    });
    let refused = bulk(&server).deliver(&entries(1..=3)).unwrap().refused;
    assert_eq!(refused, [(2, format!("{} answered 413", server.address))]);
    server.requests();
}
