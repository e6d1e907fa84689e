//! `POST /ingest`, and what is said when there is no room.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::config::OnFull;

pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

fn texts(daemon: &Daemon) -> Vec<String> {
    daemon
        .taken()
        .into_iter()
        .map(|(_, text, _)| text)
        .collect()
}

#[test]
fn every_layout_becomes_records() {
    for (content_type, body) in [
        (
            "Content-Type: application/x-ndjson\r\n",
            "{\"a\":1}\n\n{\"b\":2}\r\n",
        ),
        (
            "Content-Type: application/json; charset=utf-8\r\n",
            "[{\"a\":1},{\"b\":2}]",
        ),
        (
            "Content-Type: TEXT/plain\r\n",
            "\u{feff}{\"a\":1}\n{\"b\":2}",
        ),
        ("", "[\n{\"a\":1},\n{\"b\":2}\n]\n"),
        ("Content-Type: application/jsonl\r\n", "{\"a\":1}{\"b\":2}"),
    ] {
        let daemon = Daemon::start();
        let answer = daemon.post("/ingest", content_type, body.as_bytes());
        assert_eq!(answer.status, 200, "{body}");
        let expected = json!({"records": 2, "duplicates": 0, "undecodable": 0, "errors": []});
        assert_eq!(answer.json(), expected, "{body}");
        assert_eq!(texts(&daemon), ["{\"a\":1}", "{\"b\":2}"], "{body}");
    }
}

#[test]
fn what_became_of_each_record_is_told() {
    let daemon = Daemon::start();
    let body = b"{\"again\":1}\nnonsense\n{\"a\":\"\xff\"}\n";
    let answer = daemon.post("/ingest?input=dc-1", "", body);
    let expected = json!({
        "records": 3,
        "duplicates": 1,
        "undecodable": 1,
        "errors": [{"record": 1, "error": "not a JSON object"}],
    });
    assert_eq!(answer.json(), expected);
    assert!(daemon.taken().iter().all(|(input, ..)| input == "dc-1"));
    let counted = daemon.metric("sandtrap_records_total{source=\"http\"}");
    assert_eq!(counted.as_deref(), Some("3"));

    let many = "x\n".repeat(500);
    let answer = daemon.post("/ingest", "", many.as_bytes()).json();
    assert_eq!(answer["undecodable"], 500);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 100);
    assert_eq!(daemon.taken().last().unwrap().0, "http");

    let answer = daemon.post("/ingest", "", b" \n");
    assert_eq!((answer.status, &answer.json()["records"]), (200, &json!(0)));
    assert_eq!(daemon.post("/ingest?input=%07", "", b"{}").status, 400);
}

#[test]
fn compressed_bodies_may_have_several_parts() {
    let (one, two) = (b"{\"a\":1}\n", b"{\"b\":2}\n");
    for (coding, body) in [
        ("gzip", [gzip(one), gzip(two)].concat()),
        ("X-GZIP", [gzip(one), gzip(two)].concat()),
        ("zstd", [zstd(one), zstd(two)].concat()),
        ("identity", [&one[..], two].concat()),
    ] {
        let daemon = Daemon::start();
        let headers = format!("Content-Encoding: {coding}\r\n");
        let answer = daemon.post("/ingest", &headers, &body);
        assert_eq!(answer.json()["records"], 2, "{coding}");
        assert_eq!(texts(&daemon), ["{\"a\":1}", "{\"b\":2}"], "{coding}");
        assert_eq!(
            daemon.post("/ingest", &headers, b"").status,
            200,
            "{coding}"
        );
    }
}

#[test]
fn a_full_queue_says_when_to_come_again() {
    let daemon = Setup {
        commits: false,
        ..Setup::default()
    }
    .start();
    let all = daemon.gate.try_reserve(daemon.gate.size()).unwrap();
    for path in ["/ingest", "/_bulk"] {
        let answer = daemon.post(path, "", b"{\"index\":{}}\n{}\n");
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (429, Some("1"))
        );
        let told = answer.json();
        // rsyslog goes by the items and throws away what an answer without
        // any is about.
        let error = match path {
            "/_bulk" => &told["items"][0]["create"]["error"],
            _ => &told["error"],
        };
        assert_eq!(error["type"], "es_rejected_execution_exception", "{told}");
    }
    assert_eq!(daemon.refused("http", "full").as_deref(), Some("1"));
    assert_eq!(daemon.refused("bulk", "full").as_deref(), Some("1"));
    drop(all);
    daemon.gate.close();
    let answer = daemon.post("/ingest", "", b"{}");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );
}

#[test]
fn what_is_dropped_is_counted_and_told() {
    let daemon = Setup::default()
        .limits(|limits| limits.on_full = OnFull::Drop)
        .start();
    let all = daemon.gate.try_reserve(daemon.gate.size()).unwrap();
    let answer = daemon.post("/ingest", "", b"[{\"a\":1},{\"b\":[{}]}]");
    assert_eq!(answer.status, 200);
    assert_eq!(
        (&answer.json()["dropped"], &answer.json()["records"]),
        (&json!(2), &json!(0))
    );
    let body = "{\"create\":{}}\n{}\n".repeat(3);
    let answer = daemon.post("/_bulk", "", body.as_bytes()).json();
    assert_eq!(
        (&answer["dropped"], &answer["errors"]),
        (&json!(3), &json!(false))
    );
    let dropped = |source| daemon.metric(&format!("sandtrap_dropped_total{{source=\"{source}\"}}"));
    assert_eq!(dropped("http").as_deref(), Some("2"));
    assert_eq!(dropped("bulk").as_deref(), Some("3"));
    drop(all);
    assert_eq!(daemon.post("/ingest", "", b"{}").json()["records"], 1);
}

#[test]
fn room_comes_back_when_all_is_done() {
    let daemon = Daemon::start();
    let body = "{\"a\":1}\n".repeat(100_000);
    assert_eq!(
        daemon.post("/ingest", "", body.as_bytes()).json()["records"],
        100_000
    );
    let headers = "Content-Encoding: gzip\r\n";
    assert_eq!(daemon.post("/ingest", headers, b"broken").status, 400);
    let bulk = "{\"create\":{}}\n{}\n".repeat(1000);
    assert_eq!(daemon.post("/_bulk", "", bulk.as_bytes()).status, 200);
    let all = daemon
        .runtime
        .block_on(daemon.gate.reserve(daemon.gate.size()));
    assert!(all.is_ok());
}

#[test]
fn what_is_not_committed_in_time_is_not_acknowledged() {
    let daemon = Setup {
        commits: false,
        ..Setup::default()
    }
    .limits(|limits| limits.commit = Duration::from_millis(20))
    .start();
    let answer = daemon.post("/ingest", "", b"{}");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );
    assert!(answer.reason().starts_with("not acknowledged"));
    assert!(daemon.inlet.is_some());
}
