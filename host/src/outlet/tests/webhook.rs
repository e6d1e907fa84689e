use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use super::{
    entries,
    server::{Reply, Server},
};
use crate::{
    config::{OnFull, Sinks, Webhook},
    daemon::board::Board,
    metrics::{Metrics, Sink},
    outlet::{Backoff, Destination, Outlet, Settled, Setup, WebhookDestination, configured},
};

const TOKEN: &str = "correct-horse-battery";

fn config(url: String) -> Webhook {
    let authorization = ("Authorization".to_owned(), format!("Bearer {TOKEN}"));
    Webhook {
        url,
        headers: [authorization].into(),
        timeout_seconds: 5,
        on_full: OnFull::Block,
    }
}

fn webhook(server: &Server) -> WebhookDestination {
    WebhookDestination::new(&config(server.url())).unwrap()
}

fn ok() -> Reply {
    (200, "", String::new())
}

#[test]
fn an_unwell_endpoint_gets_the_same_request_again() {
    let unwell = (503, "retry-after: 0\r\n", "wait a\r\nlittle".to_owned());
    let server = Server::scripted(vec![unwell.clone(), unwell, ok()]);
    let (metrics, board) = (Metrics::default(), Arc::new(Board::default()));
    let setup = Setup {
        name: "hook".into(),
        on_full: OnFull::Block,
        backlog: entries(7..=9),
        backoff: Backoff::new(Duration::ZERO, Duration::ZERO),
        metrics: metrics.clone(),
        board: board.clone(),
    };
    let (settle, settled) = mpsc::channel();
    let outlet = Outlet::start(setup, Box::new(webhook(&server)), move |what: Settled| {
        settle.send(what).unwrap();
    })
    .unwrap();
    assert_eq!(settled.recv().unwrap().through, 9);
    outlet.stop(Instant::now() + Duration::from_secs(60));
    assert!(outlet.wait());

    let requests = server.requests();
    for request in &requests {
        assert_eq!(request.line, "POST /take HTTP/1.1");
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["idempotency-key"], "uid-7-7-9");
        assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
        let findings: Vec<serde_json::Value> = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(findings.len(), 3);
        assert_eq!(findings[2]["metadata"]["uid"], "uid-9");
    }
    let sink = Sink {
        sink: "hook".to_owned(),
    };
    assert_eq!(metrics.sink_retries.get_or_create(&sink).get(), 2);
    assert_eq!(metrics.delivered.get_or_create(&sink).get(), 3);
    let status = &board.status().sinks["hook"];
    assert_eq!((status.confirmed, status.waiting), (9, 0));
    assert_eq!(status.last_error, None);
}

#[test]
fn a_bad_finding_takes_no_other_with_it() {
    let mut taken = 0;
    let server = Server::start(6, move |request| {
        if String::from_utf8_lossy(&request.body).contains("uid-2") {
            return (400, "", "what is \u{1b}[1muid-2?".to_owned());
        }
        taken += 1;
        // The last one has to be sent again, alone.
        if taken == 2 {
            (429, "retry-after: 3\r\n", String::new())
        } else {
            ok()
        }
    });
    let mut hook = webhook(&server);
    let error = hook.deliver(&entries(1..=3)).unwrap_err();
    assert_eq!(error.retry_after, Some(3));
    let delivered = hook.deliver(&entries(1..=3)).unwrap();
    let host = server.address;
    let reason = format!("{host} answered 400: what is [1muid-2?");
    assert_eq!(delivered.refused, [(2, reason)]);
    let bodies = server.requests();
    let counts = bodies.iter().map(|request| {
        let findings: Vec<serde_json::Value> = serde_json::from_slice(&request.body).unwrap();
        findings.len()
    });
    assert_eq!(counts.collect::<Vec<_>>(), [3, 1, 2, 1, 1, 1]);
}

#[test]
fn mistakes_of_the_configuration_refuse_nothing() {
    let elsewhere = "location: http://127.0.0.1:1/\r\n";
    let server = Server::scripted(vec![
        (401, "", format!("who is {TOKEN}?")),
        (404, "", "x".repeat(100_000)),
        (302, elsewhere, String::new()),
        (307, elsewhere, String::new()),
        ok(),
    ]);
    let mut hook = webhook(&server);
    let mut fail = || hook.deliver(&entries(1..=2)).unwrap_err().reason;
    // A server that repeats the credentials must not bring them into the log.
    assert!(fail().ends_with("answered 401: who is ***?"));
    assert!(fail().len() < 300);
    assert!(fail().ends_with("answered 302"));
    assert!(fail().ends_with("answered 307"));
    assert!(hook.deliver(&entries(1..=2)).unwrap().refused.is_empty());
    server.requests();
}

#[test]
fn an_endpoint_that_comes_up_gets_what_waited() {
    // No other test has this address, so nobody takes the port meanwhile.
    let host = if cfg!(target_os = "linux") { 2 } else { 1 };
    let free = SocketAddr::from(([127, 0, 0, host], 0));
    let address = Server::start_at(free, 0, |_| ok()).shut();
    let mut hook = WebhookDestination::new(&config(format!("http://{address}/secret"))).unwrap();
    let error = hook.deliver(&entries(1..=2)).unwrap_err();
    assert!(
        error
            .reason
            .starts_with(&format!("{address} cannot be reached"))
    );
    assert!(!error.reason.contains("secret"));
    let server = Server::start_at(address, 1, |_| ok());
    assert!(hook.deliver(&entries(1..=2)).is_ok());
    server.requests();
}

#[test]
fn secrets_are_in_no_name_and_no_message() {
    let refused = |url: &str| {
        let error = WebhookDestination::new(&config(url.to_owned())).unwrap_err();
        error.to_string()
    };
    let message = refused("https://me:hunter2@hooks.example/x");
    assert!(message.contains("hooks.example") && !message.contains("hunter2"));
    let secret = config("https://hooks.example/hunter2".to_owned());
    let shown = format!("{:?}", WebhookDestination::new(&secret).unwrap());
    assert!(
        !shown.contains("hunter2") && !shown.contains(TOKEN),
        "{shown}"
    );
    assert!(!refused("ftp://hooks.example/hunter2").contains("hunter2"));
    assert!(!refused("hooks.example/hunter2").contains("hunter2"));

    let mut broken = config("https://hooks.example/x".to_owned());
    broken
        .headers
        .insert("X-Key".to_owned(), "hunter2\n".to_owned());
    let message = WebhookDestination::new(&broken).unwrap_err().to_string();
    assert!(message.contains("X-Key") && !message.contains("hunter2"));

    let hook = config("https://hooks.example/services/hunter2".to_owned());
    let sinks = Sinks {
        webhook: vec![hook.clone(), hook],
        ..Sinks::default()
    };
    let names = configured(&sinks)
        .unwrap()
        .into_iter()
        .map(|sink| sink.name);
    let expected = ["webhook:hooks.example", "webhook:hooks.example#2"];
    assert_eq!(names.collect::<Vec<_>>(), expected);
}
