//! What operators look at.

use super::*;
use crate::daemon::board::AnalyticStatus;

#[test]
fn readiness_follows_the_board() {
    let daemon = Daemon::start();
    let ready = || daemon.client().request("GET", "/readyz", "", b"");
    assert_eq!(ready().status, 503);
    daemon.board.update(|status| status.ready = true);
    assert_eq!(
        (ready().status, &ready().json()["status"]),
        (200, &json!("ready"))
    );
    daemon.board.update(|status| status.stopping = true);
    assert_eq!(
        (ready().status, &ready().json()["status"]),
        (503, &json!("stopping"))
    );
}

#[test]
fn status_analytics_and_metrics_are_shown() {
    let daemon = Daemon::start();
    daemon.board.update(|status| {
        status.version = "1.2.3".to_owned();
        status
            .refused
            .insert("bad.wasm".to_owned(), "not a component".to_owned());
        let analytic = AnalyticStatus {
            state: "running".to_owned(),
            ..AnalyticStatus::default()
        };
        status.analytics.insert("office-child".to_owned(), analytic);
    });
    assert_eq!(
        daemon.api("GET", "/api/v1/status").json()["version"],
        "1.2.3"
    );
    let analytics = daemon.api("GET", "/api/v1/analytics").json();
    assert_eq!(analytics["analytics"][0]["id"], "office-child");
    assert_eq!(analytics["refused"]["bad.wasm"], "not a component");
    let analytic = daemon.api("GET", "/api/v1/analytics/office-child").json();
    assert_eq!(analytic["state"], "running");
    assert_eq!(daemon.api("GET", "/api/v1/analytics/other").status, 404);
    let metrics = daemon.api("GET", "/metrics");
    let content_type = metrics.header("content-type").unwrap();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    let text = String::from_utf8(metrics.body).unwrap();
    assert!(
        text.contains("sandtrap_refused_total{source=\"http\",reason=\"path\"} 1"),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"));
    let reloaded = daemon.api("POST", "/api/v1/reload").json();
    assert_eq!(reloaded, json!({"loaded": ["one"]}));
}

#[test]
fn recent_findings_are_listed() {
    let daemon = Daemon::start();
    let numbers = |query: &str| -> Vec<u64> {
        let answer = daemon.api("GET", &format!("/api/v1/findings{query}"));
        assert_eq!(answer.status, 200);
        let answer = answer.json();
        let findings = answer["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| {
                assert_eq!(finding["number"], finding["finding"]["n"]);
                finding["number"].as_u64().unwrap()
            })
            .collect()
    };
    assert!(numbers("").is_empty());
    daemon.findings.0.send_replace(5);
    assert_eq!(numbers("?limit=2"), [4, 5]);
    assert_eq!(numbers("?after=1&limit=3"), [2, 3, 4]);
    assert_eq!(daemon.api("GET", "/api/v1/findings?limit=x").status, 400);
}

#[test]
fn findings_are_followed_until_the_server_stops() {
    let mut daemon = Setup::default()
        .limits(|limits| limits.heartbeat = Duration::from_millis(20))
        .start();
    daemon.findings.0.send_replace(3);
    let mut client = daemon.client();
    // Without chunks, so that what comes are the lines themselves.
    client.send(format!(
        "GET /api/v1/findings?follow=true&limit=2 HTTP/1.0\r\nAuthorization: Bearer {API}\r\n\r\n"
    ));
    let head = client.head();
    assert_eq!(head.header("content-type"), Some("application/x-ndjson"));
    let mut expect = |number: u64| loop {
        let line = client.line();
        if !line.is_empty() {
            let finding: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(finding, json!({"number": number, "finding": {"n": number}}));
            return;
        }
    };
    expect(2);
    expect(3);
    daemon.findings.0.send_replace(4);
    expect(4);
    daemon.findings.0.send_replace(200);
    (5..=200).for_each(&mut expect);
    let server = daemon.server.take().unwrap();
    daemon
        .runtime
        .block_on(server.stop(Duration::from_secs(60)));
    let rest = client.line();
    assert!(rest.is_empty(), "{rest}");
}

#[test]
fn a_defect_costs_one_request() {
    let daemon = Daemon::start();
    // Behind the last number there is none, which the daemon here stumbles on.
    let last = u64::MAX;
    let answer = daemon.api("GET", &format!("/api/v1/findings?after={last}"));
    assert_eq!(
        (answer.status, answer.header("connection")),
        (500, Some("close"))
    );
    assert_eq!(daemon.api("GET", "/api/v1/findings").status, 200);
}
