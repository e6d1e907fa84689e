//! Connections: how many, how long, and how they end.

use super::*;

#[test]
fn a_connection_serves_many_requests() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let headers = format!("Authorization: Bearer {INGEST}\r\n");
    for _ in 0..3 {
        assert_eq!(
            client.request("POST", "/ingest", &headers, b"{}").status,
            200
        );
        assert_eq!(
            client.request("POST", "/_bulk", &headers, b"x\n").status,
            400
        );
        assert_eq!(
            client
                .request("PUT", "/_template/a", &headers, b"{}")
                .status,
            200
        );
        assert_eq!(client.request("GET", "/healthz", "", b"").status, 200);
    }
    // A body that nobody read ends it.
    let answer = client.request("POST", "/healthz", "", b"{}");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (405, Some("close"))
    );
    assert!(client.is_closed());
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let head = "POST /ingest HTTP/1.1\r\nHost: s\r\nContent-Length: 2\r\nExpect: 100-continue\r\n";
    client.send(format!("{head}Authorization: Bearer {INGEST}\r\n\r\n"));
    assert_eq!(client.head().status, 100);
    client.send("{}");
    assert_eq!(client.answer(false).status, 200);
    // Who may not, is told before it sends.
    let mut client = daemon.client();
    client.send(format!("{head}\r\n"));
    assert_eq!(client.answer(false).status, 401);
}

#[test]
fn a_connection_too_many_is_told_so() {
    let daemon = Setup::default()
        .limits(|limits| limits.connections = 1)
        .start();
    let mut first = daemon.client();
    assert_eq!(first.request("GET", "/healthz", "", b"").status, 200);
    let mut second = daemon.client();
    let answer = second.answer(false);
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );
    assert_eq!(daemon.refused("http", "connections").as_deref(), Some("1"));
    assert_eq!(first.request("GET", "/healthz", "", b"").status, 200);
}

#[test]
fn stopping_finishes_what_is_under_way() {
    let mut daemon = Setup {
        commits: false,
        ..Setup::default()
    }
    .start();
    let mut busy = daemon.client();
    let mut idle = daemon.client();
    assert_eq!(idle.request("GET", "/healthz", "", b"").status, 200);
    let headers = format!("Authorization: Bearer {INGEST}\r\n");
    busy.send(format!(
        "POST /ingest HTTP/1.1\r\nHost: s\r\nContent-Length: 2\r\n{headers}\r\n{{}}"
    ));
    let mut inlet = daemon.inlet.take().unwrap();
    let work = daemon.runtime.block_on(inlet.next()).unwrap();
    let server = daemon.server.take().unwrap();
    let stopped = daemon.runtime.spawn(server.stop(Duration::from_secs(60)));
    assert!(idle.is_closed());
    let receipt = Receipt {
        records: 1,
        ..Receipt::default()
    };
    work.receipt.send(receipt).unwrap();
    assert_eq!(busy.answer(false).json()["records"], 1);
    daemon.runtime.block_on(stopped).unwrap();
    assert!(std::net::TcpStream::connect(daemon.address).is_err());
}

#[test]
fn what_does_not_finish_in_time_is_ended() {
    let mut daemon = Setup {
        commits: false,
        ..Setup::default()
    }
    .start();
    let mut client = daemon.client();
    let headers = format!("Authorization: Bearer {INGEST}\r\n");
    client.send(format!(
        "POST /ingest HTTP/1.1\r\nHost: s\r\nContent-Length: 2\r\n{headers}\r\n{{}}"
    ));
    let mut inlet = daemon.inlet.take().unwrap();
    let work = daemon.runtime.block_on(inlet.next()).unwrap();
    let server = daemon.server.take().unwrap();
    daemon
        .runtime
        .block_on(server.stop(Duration::from_millis(10)));
    assert!(client.is_closed());
    drop(work);
}
