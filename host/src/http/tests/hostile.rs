//! Bad input: a clear answer, a counter, and nobody else is worse off.

use super::{
    ingestion::{gzip, zstd},
    *,
};

const MIB: usize = 1024 * 1024;

fn small() -> Setup {
    Setup::default().limits(|limits| {
        limits.body = MIB;
        limits.record = MIB / 2;
    })
}

#[test]
fn other_types_and_encodings_are_refused_with_what_is_taken() {
    let daemon = Daemon::start();
    for (headers, body, says) in [
        (
            "Content-Type: image/png\r\n",
            &b"{}"[..],
            "application/x-ndjson",
        ),
        ("Content-Encoding: br\r\n", b"{}", "zstd"),
        ("Content-Encoding: gzip, gzip\r\n", b"{}", "zstd"),
        ("", b"\x1f\x8b\x08\x00", "Content-Encoding"),
        ("", b"ElfFile\0", "EVTX"),
        ("", b"<Event>", "XML"),
        ("", b"\xff\xfe{\0}\0", "UTF-8"),
    ] {
        let answer = daemon.post("/ingest", headers, body);
        assert_eq!(answer.status, 415, "{headers}");
        assert!(answer.reason().contains(says), "{}", answer.reason());
    }
    assert_eq!(daemon.refused("http", "encoding").as_deref(), Some("2"));
    assert_eq!(daemon.refused("http", "type").as_deref(), Some("5"));
    assert!(daemon.taken().is_empty());
}

#[test]
fn broken_compression_is_refused() {
    let daemon = Daemon::start();
    let whole = [gzip(b"{\"a\":1}\n"), zstd(b"{\"a\":1}\n")];
    for (coding, whole) in [("gzip", &whole[0]), ("zstd", &whole[1])] {
        let headers = format!("Content-Encoding: {coding}\r\n");
        let cut = &whole[..whole.len() - 3];
        let followed = [&whole[..], b"rubbish, and more of it"].concat();
        let mut broken = whole.clone();
        *broken.last_mut().unwrap() ^= 1;
        broken[2] ^= 0x55;
        for body in [&b"nonsense"[..], cut, &followed, &broken] {
            let answer = daemon.post("/ingest", &headers, body);
            assert_eq!(answer.status, 400, "{coding} {body:?}");
            assert!(answer.reason().contains(coding), "{}", answer.reason());
        }
    }
    assert!(daemon.taken().is_empty());
    assert_eq!(daemon.refused("http", "encoding").as_deref(), Some("8"));
}

#[test]
fn bombs_end_at_the_limit() {
    let daemon = small().start();
    let zeros = vec![b' '; 300 * MIB];
    let (gzip, zstd) = (gzip(&zeros), zstd(&zeros));
    assert!(gzip.len() < MIB && zstd.len() < MIB);
    for (coding, body) in [("gzip", gzip), ("zstd", zstd)] {
        let answer = daemon.post("/ingest", &format!("Content-Encoding: {coding}\r\n"), &body);
        assert_eq!(answer.status, 413, "{coding}");
        assert!(answer.reason().contains("1 MiB"), "{}", answer.reason());
    }
    assert_eq!(daemon.refused("http", "size").as_deref(), Some("2"));
    assert!(daemon.gate.try_reserve(daemon.gate.size()).is_some());
}

#[test]
fn endless_bodies_end_at_the_limit() {
    let daemon = small().start();
    // One says how much it sends, the other just sends.
    let mut client = daemon.client();
    let head = format!("POST /ingest HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {INGEST}\r\n");
    client.send(format!("{head}Content-Length: 1073741824\r\n\r\n"));
    assert_eq!(client.answer(false).status, 413);
    let mut client = daemon.client();
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    let piece = [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat();
    let mut sent = 0;
    while sent < 32 && client.send(&piece) {
        sent += 1;
    }
    let answer = client.answer(false);
    assert_eq!(
        (answer.status, answer.header("connection")),
        (413, Some("close"))
    );
    assert_eq!(daemon.refused("http", "size").as_deref(), Some("2"));
    assert_eq!(daemon.post("/ingest", "", b"{}").status, 200);
}

#[test]
fn a_long_line_costs_itself_only() {
    let daemon = small().start();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MIB / 2));
    let answer = daemon.post("/ingest", "", format!("{{}}\n{long}\n{{}}\n").as_bytes());
    let answer = answer.json();
    assert_eq!(
        (&answer["records"], &answer["undecodable"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(answer["errors"][0]["record"], 1);
    let bulk = format!("{{\"create\":{{}}}}\n{long}\n{{\"create\":{{}}}}\n{{}}\n");
    let answer = daemon.post("/_bulk", "", bulk.as_bytes()).json();
    assert_eq!(answer["items"][0]["create"]["status"], 400);
    assert_eq!(answer["items"][1]["create"]["status"], 201);
    // Only the beginning of what is no record is kept.
    assert!(daemon.taken().iter().all(|(_, text, _)| text.len() <= 1024));
}

#[test]
fn tiny_records_cost_what_they_take() {
    let daemon = Setup {
        room: MIB,
        ..Setup::default()
    }
    .limits(|limits| limits.body = MIB / 2)
    .start();
    let lines = "1\n".repeat(MIB / 8);
    let answer = daemon.post("/ingest", "", lines.as_bytes());
    assert_eq!(
        answer.status,
        413,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert!(answer.reason().contains("daemon.queue_mib"));
    let bulk = "{\"index\":{}}\n{}\n".repeat(MIB / 64);
    assert_eq!(daemon.post("/_bulk", "", bulk.as_bytes()).status, 413);
    assert!(daemon.taken().is_empty());
}

#[test]
fn slow_senders_are_cut_off() {
    let daemon = Setup::default()
        .limits(|limits| {
            limits.read = Duration::from_millis(50);
            limits.linger = Duration::from_millis(50);
        })
        .start();
    // Headers that never end.
    let mut client = daemon.client();
    client.send("POST /ingest HTTP/1.1\r\nHost: s\r\nX-A: ");
    assert_eq!(client.answer(false).status, 408);
    // A body that stops.
    let mut client = daemon.client();
    let head = format!("POST /ingest HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {INGEST}\r\n");
    client.send(format!("{head}Content-Length: 100\r\n\r\n{{"));
    let answer = client.answer(false);
    assert_eq!(
        (answer.status, answer.header("connection")),
        (408, Some("close"))
    );
    // A connection without a request is closed without a word.
    assert!(daemon.client().is_closed());
    assert_eq!(daemon.refused("http", "slow").as_deref(), Some("2"));
}

#[test]
fn a_steady_trickle_is_cut_off() {
    let daemon = Setup::default()
        .limits(|limits| {
            limits.grace = Duration::from_millis(50);
            limits.pace = 1_000_000;
        })
        .start();
    let mut client = daemon.client();
    let head = format!("POST /ingest HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {INGEST}\r\n");
    client.send(format!("{head}Content-Length: 100000\r\n\r\n"));
    // As fast as it can, a byte at a time, but never as much as it must.
    for _ in 0..100 {
        client.send("x");
    }
    let answer = client.answer(false);
    assert_eq!(answer.status, 408);
    assert!(
        answer.reason().contains("1000000 bytes a second"),
        "{}",
        answer.reason()
    );
}

#[test]
fn headers_are_bounded() {
    let daemon = Daemon::start();
    let long = format!("X-A: {}\r\n", "x".repeat(20_000));
    let many = "X-A: x\r\n".repeat(100);
    for headers in [long, many] {
        let mut client = daemon.client();
        client.send(format!("GET /healthz HTTP/1.1\r\nHost: s\r\n{headers}\r\n"));
        assert_eq!(client.answer(false).status, 431);
        assert!(client.is_closed());
    }
    // A million more, without an end.
    let mut client = daemon.client();
    client.send("GET /healthz HTTP/1.1\r\n");
    let mut sent = 0;
    while sent < 1_000_000 && client.send("X-A: x\r\n".repeat(1000)) {
        sent += 1000;
    }
    assert_eq!(client.answer(false).status, 431);
    assert!(client.is_closed());
    assert_eq!(daemon.refused("http", "headers").as_deref(), Some("3"));
    let mut client = daemon.client();
    client.send("\0\0\0\0\r\n\r\n");
    assert_eq!(client.answer(false).status, 400);
    assert!(client.is_closed());
    assert_eq!(daemon.refused("http", "malformed").as_deref(), Some("1"));
}

#[test]
fn a_body_that_breaks_off_takes_nothing_in() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let head = format!("POST /ingest HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {INGEST}\r\n");
    client.send(format!("{head}Content-Length: 100\r\n\r\n{{\"a\":1}}\n"));
    client.finish();
    assert!(client.is_closed() || daemon.taken().is_empty());
    assert!(daemon.taken().is_empty());
}
