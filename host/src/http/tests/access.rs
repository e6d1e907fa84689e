//! Who gets in, and where.

use super::*;

fn status(daemon: &Daemon, path: &str, authorization: &str) -> u16 {
    let headers = match authorization {
        "" => String::new(),
        value => format!("Authorization: {value}\r\n"),
    };
    daemon.client().request("GET", path, &headers, b"").status
}

#[test]
fn every_form_of_a_token_opens_what_it_is_for() {
    let daemon = Daemon::start();
    // The encoded ones are `someone:` and the token.
    for (authorization, ingest, api) in [
        ("", 401, 401),
        ("Bearer wrong", 401, 401),
        ("Bearer ", 401, 401),
        ("Digest x", 401, 401),
        ("Basic ???", 401, 401),
        ("Bearer the-ingest-token", 200, 403),
        ("bearer  the-api-token", 200, 200),
        ("ApiKey the-ingest-token", 200, 403),
        ("ApiKey c29tZW9uZTp0aGUtaW5nZXN0LXRva2Vu", 200, 403),
        ("Basic c29tZW9uZTp0aGUtaW5nZXN0LXRva2Vu", 200, 403),
        ("Basic c29tZW9uZTp0aGUtYXBpLXRva2Vu", 200, 200),
        ("Bearer c29tZW9uZTp0aGUtYXBpLXRva2Vu", 401, 401),
    ] {
        assert_eq!(
            status(&daemon, "/", authorization),
            ingest,
            "{authorization}"
        );
        for path in ["/metrics", "/api/v1/status"] {
            assert_eq!(status(&daemon, path, authorization), api, "{authorization}");
        }
    }
    assert_eq!(status(&daemon, "/healthz", ""), 200);
    assert!(daemon.refused("http", "token").is_some());
}

#[test]
fn a_refusal_says_where_the_token_is() {
    let daemon = Daemon::start();
    let answer = daemon.client().request("POST", "/ingest", "", b"{}");
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .starts_with("Bearer")
    );
    assert!(
        answer.reason().contains("/state/ingest-token"),
        "{}",
        answer.reason()
    );
    let headers = "Authorization: Bearer the-ingest-token\r\n";
    let answer = daemon.client().request("GET", "/metrics", headers, b"");
    assert!(
        answer.reason().contains("/state/api-token"),
        "{}",
        answer.reason()
    );
    assert!(daemon.taken().is_empty());
}

#[test]
fn what_is_not_there_says_what_is() {
    let daemon = Daemon::start();
    for path in ["/nothing", "/api/v1/nothing", "/_search", "/a/b/c"] {
        let answer = daemon.api("GET", path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.reason().contains("POST /ingest"));
    }
    for (method, path) in [
        ("GET", "/ingest"),
        ("DELETE", "/_bulk"),
        ("POST", "/metrics"),
    ] {
        let answer = daemon.api(method, path);
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.header("allow").is_some());
        assert!(answer.reason().contains("Allow"));
    }
    assert_eq!(status(&daemon, "/nothing", ""), 401);
}

#[test]
fn plain_http_stays_on_loopback_unless_permitted() {
    let daemon = Daemon::start();
    let config = Http {
        listen: SocketAddr::from(([0, 0, 0, 0], 0)),
        ..Http::default()
    };
    let token = Token::new(API, "");
    let tokens = Tokens {
        api: token.clone(),
        ingest: token,
    };
    let started = daemon.runtime.block_on(Server::start(
        &config,
        tokens,
        daemon.gate.clone(),
        Metrics::default(),
        SharedBoard::default(),
        Arc::new(Findings::default()),
    ));
    let error = started.unwrap_err().to_string();
    assert!(error.contains("http.plaintext"), "{error}");
}
