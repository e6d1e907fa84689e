use std::{net::TcpListener, sync::mpsc, thread};

use super::{
    super::client::tests::{client, serve},
    *,
};

const FINDING: &str = include_str!("../../sinks/golden/powershell_chain.ndjson");

fn output(layout: Option<Layout>) -> Output<Vec<u8>> {
    Output {
        out: Vec::new(),
        layout,
        last: None,
    }
}

/// What is passed on is the finding as it is, byte for byte; what was cut off
/// comes again and is not shown by half.
#[test]
fn lines_are_passed_on() {
    let finding = FINDING.trim_end();
    let answer = format!("\n{{\"number\":7,\"finding\":{finding}}}\n\n{{\"number\":8,\"fin");
    let mut out = output(None);
    let end = copy(answer.as_bytes(), &client("http://x"), &mut out).unwrap();
    assert!(matches!(end, End::Connection));
    assert_eq!(String::from_utf8(out.out).unwrap(), format!("{finding}\n"));
    assert_eq!(out.last, Some(7));
    let error = copy(&b"<html>\n"[..], &client("http://x"), &mut output(None));
    assert!(matches!(error, Err(ClientError::Answer { .. })));
}

/// The line is the one that `scan --format brief` writes.
#[test]
fn lines_for_reading() {
    let layout = Layout {
        width: usize::MAX,
        ..Layout::default()
    };
    assert_eq!(
        headline(FINDING, layout),
        "2026-03-04 09:16:06.140 UTC [CRITICAL] AN1252 ws-042.corp.example 115 Word started an \
         encoded PowerShell that loaded an unsigned module and called 203.0.113.7:8443\n"
    );
    let hostile = r#"{"message":"a\u001b[2Jb","risk_score":-1}"#;
    let line = headline(hostile, layout);
    assert!(line.contains("a␛[2Jb"), "{line}");
}

#[test]
fn the_latest_number() {
    let (url, served) = serve(
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"findings\":[{\"number\":9,\"finding\":{}}]}",
    );
    assert_eq!(latest(&client(&url)).unwrap(), 9);
    served.join().unwrap();
}

/// A finding is shown when it comes, not when the answer ends.
#[test]
fn findings_are_shown_at_once() {
    struct Tell(mpsc::Sender<Vec<u8>>);
    impl Write for Tell {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            // Only the first piece is waited for.
            let _ = self.0.send(text.to_vec());
            Ok(text.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (shown, seen) = mpsc::channel();
    let daemon = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = BufReader::new(stream.try_clone().unwrap()).lines();
        assert!(head.map(Result::unwrap).any(|line| line.is_empty()));
        let line = "{\"number\":1,\"finding\":{\"x\":2}}\n";
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
        stream.write_all(answer.as_bytes()).unwrap();
        // The answer goes on until the finding was shown.
        seen.recv_timeout(Duration::from_secs(60)).unwrap()
    });
    let client = client(&url);
    let mut out = Output {
        out: Tell(shown),
        layout: None,
        last: None,
    };
    let answer = client.follow("/api/v1/findings?follow=true").unwrap();
    let end = copy(answer, &client, &mut out).unwrap();
    assert!(matches!(end, End::Connection));
    assert_eq!(out.last, Some(1));
    assert!(daemon.join().unwrap().starts_with(b"{\"x\":2}"));
}
