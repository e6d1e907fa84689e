use std::{io::Cursor, net::Ipv4Addr};

use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::*;
use crate::{
    config::OnFull,
    ingest::{
        Inlet,
        feed::testing::{feed, status},
    },
};

/// Longer than anything takes that works.
const BOUND: Duration = Duration::from_secs(60);

/// The next record: its input, its place, its bytes and whether it is one.
struct Seen(String, u32, Vec<u8>, bool);

async fn records(inlet: &mut Inlet, count: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let work = timeout(BOUND, inlet.next()).await.unwrap().unwrap();
        let delivery = &work.delivery;
        for (place, (record, fault)) in (delivery.first_record..).zip(delivery.records.iter()) {
            let input = delivery.input.to_string();
            seen.push(Seen(input, place, record.to_vec(), fault.is_none()));
        }
    }
    seen
}

fn local() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

#[tokio::test]
async fn lines_come_over_tcp_and_a_broken_one_is_accounted_for() {
    let (feed, mut inlet) = feed(1 << 24, OnFull::Block);
    let (running, address) = tcp(local(), false, feed.clone()).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"{\"n\":0}\r\n\n{\"n\"").await.unwrap();
    let seen = records(&mut inlet, 1).await;
    assert_eq!((&*seen[0].0, seen[0].1), ("tcp:127.0.0.1", 0));
    assert_eq!(seen[0].2, b"{\"n\":0}");
    client.write_all(b":1}\n{\"n\":").await.unwrap();
    let seen = records(&mut inlet, 1).await;
    assert_eq!((seen[0].1, &*seen[0].2), (1, &b"{\"n\":1}"[..]));
    drop(client);
    let seen = records(&mut inlet, 1).await;
    assert_eq!(
        (seen[0].1, &*seen[0].2, seen[0].3),
        (2, &b"{\"n\":"[..], false)
    );
    // A connection that says nothing does not keep it from stopping.
    let mut silent = TcpStream::connect(address).await.unwrap();
    timeout(BOUND, running.stop()).await.unwrap();
    assert_eq!(status(&feed).state, "stopped");
    let end = timeout(BOUND, silent.read(&mut [0])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_line_without_end_is_passed_over_and_the_next_one_arrives() {
    let (feed, mut inlet) = feed(1 << 20, OnFull::Block);
    let (running, address) = tcp(local(), false, feed).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    let sent = tokio::spawn(async move {
        for _ in 0..20 {
            client.write_all(&piece).await.unwrap();
        }
        client.write_all(b"\n").await.unwrap();
        client.write_all(&piece).await.unwrap();
        client.write_all(b"\n{}\n").await.unwrap();
        client
    });
    let seen = records(&mut inlet, 3).await;
    let found: Vec<_> = seen.iter().map(|seen| (seen.2.len(), seen.3)).collect();
    assert_eq!(found, [(1024, false), (1 << 20, true), (2, true)]);
    drop(sent.await.unwrap());
    timeout(BOUND, running.stop()).await.unwrap();
}

#[tokio::test]
async fn a_full_queue_stops_the_reading_and_loses_nothing() {
    let (feed, mut inlet) = feed(64 * 1024, OnFull::Block);
    let (running, address) = tcp(local(), false, feed.clone()).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let lines: usize = 200_000;
    let sent = tokio::spawn(async move {
        for chunk in 0..lines / 1000 {
            let text: String = (0..1000)
                .map(|line| format!("{{\"n\":{}}}\n", chunk * 1000 + line))
                .collect();
            client.write_all(text.as_bytes()).await.unwrap();
        }
    });
    let seen = records(&mut inlet, lines).await;
    sent.await.unwrap();
    for (line, seen) in seen.iter().enumerate() {
        assert_eq!(seen.1 as usize, line);
        assert_eq!(seen.2, format!("{{\"n\":{line}}}").as_bytes());
    }
    running.stop().await;
    assert_eq!(feed.metrics.queue_bytes.get(), 0);
}

#[tokio::test]
async fn an_address_that_others_can_reach_must_be_meant() {
    let (feed, _inlet) = feed(1024, OnFull::Block);
    let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let error = tcp(everywhere, false, feed.clone()).await.unwrap_err();
    assert!(error.to_string().contains("plaintext = true"), "{error}");
    let (running, taken) = tcp(everywhere, true, feed.clone()).await.unwrap();
    let error = tcp(taken, true, feed).await.unwrap_err();
    assert!(matches!(error, ListenError::Listen { .. }), "{error}");
    running.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_is_for_its_group_and_replaces_only_a_dead_one() {
    use std::{fs, os::unix::fs::PermissionsExt};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.sock");
    // What a killed process leaves.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let (feed, mut inlet) = feed(1 << 20, OnFull::Block);
    let running = unix(&path, feed.clone()).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut client = UnixStream::connect(&path).await.unwrap();
    client.write_all(b"{}\n").await.unwrap();
    assert_eq!(records(&mut inlet, 1).await[0].0, "unix");
    let error = unix(&path, feed.clone()).unwrap_err();
    assert!(matches!(error, ListenError::InUse(_)), "{error}");
    timeout(BOUND, running.stop()).await.unwrap();
    assert!(!path.exists());
    fs::write(&path, "precious").unwrap();
    let error = unix(&path, feed).unwrap_err();
    assert!(matches!(error, ListenError::NotASocket(_)), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[tokio::test]
async fn standard_input_is_read_to_its_end() {
    let (feed, mut inlet) = feed(1 << 20, OnFull::Block);
    let input = Cursor::new("{\"n\":0}\n{\"n\":1}");
    let running = stdin(input, feed.clone()).unwrap();
    let seen = records(&mut inlet, 2).await;
    assert_eq!((&*seen[1].0, seen[1].1), ("stdin", 1));
    assert!(seen.iter().all(|seen| seen.3));
    timeout(BOUND, running.over()).await.unwrap();
    assert_eq!(status(&feed).state, "finished");
}

#[tokio::test]
async fn where_the_operator_says_so_lines_are_dropped_and_counted() {
    let (feed, mut inlet) = feed(1024, OnFull::Drop);
    let held = feed.gate.try_reserve(1024).unwrap();
    let running = stdin(Cursor::new("{}\n{}\n"), feed.clone()).unwrap();
    timeout(BOUND, running.over()).await.unwrap();
    let source = crate::metrics::Source {
        source: "test".to_owned(),
    };
    assert_eq!(feed.metrics.dropped.get_or_create(&source).get(), 2);
    assert!(inlet.try_next().is_none());
    drop(held);
}
