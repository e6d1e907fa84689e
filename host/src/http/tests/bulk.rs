//! The bulk protocol and the calls before it.

use super::*;

#[test]
fn documents_are_answered_in_order() {
    let daemon = Daemon::start();
    let body = concat!(
        "{\"create\":{\"_index\":\"winlog\",\"_id\":\"one\",\"_type\":\"_doc\"}}\n{\"a\":1}\n",
        "{ \"index\" : { } }\nnonsense\n",
        "{\"delete\":{\"_id\":7}}\n",
        "\n{\"update\":{\"_id\":\"u\"}}\n{\"doc\":{}}\n",
        "{\"create\":{\"_id\":null}}\r\n{\"b\":2}\r\n",
    );
    let headers = "Content-Type: application/vnd.elasticsearch+x-ndjson; compatible-with=8\r\n\
                   Accept: application/vnd.elasticsearch+json; compatible-with=8\r\n";
    let answer = daemon.post(
        "/logs/_bulk?filter_path=items.*.error,errors",
        headers,
        body.as_bytes(),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"));
    let versioned = "application/vnd.elasticsearch+json;compatible-with=8";
    assert_eq!(answer.header("content-type"), Some(versioned));
    let answer = answer.json();
    assert_eq!(answer["errors"], true);
    let items = answer["items"].as_array().unwrap();
    let seen: Vec<_> = items
        .iter()
        .flat_map(|item| item.as_object().unwrap())
        .map(|(verb, item)| (verb.as_str(), item["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            ("create", 201),
            ("index", 400),
            ("delete", 400),
            ("update", 400),
            ("create", 201)
        ]
    );
    assert_eq!(items[0]["create"]["_index"], "winlog");
    assert_eq!(items[0]["create"]["_id"], "one");
    assert_eq!(items[0]["create"]["result"], "created");
    assert_eq!(items[0]["create"]["_shards"]["successful"], 1);
    assert_eq!(
        items[1]["index"]["error"]["type"],
        "document_parsing_exception"
    );
    assert_eq!(items[1]["index"]["error"]["reason"], "not a JSON object");
    assert_eq!(items[2]["delete"]["_id"], "7");
    let taken: Vec<_> = daemon
        .taken()
        .into_iter()
        .map(|(input, text, _)| (input, text))
        .collect();
    let expected = ["{\"a\":1}", "nonsense", "{\"b\":2}"];
    assert_eq!(
        taken,
        expected.map(|text| ("logs".to_owned(), text.to_owned()))
    );
}

#[test]
fn the_index_of_an_action_is_its_own() {
    let daemon = Daemon::start();
    let body = "{\"create\":{\"_index\":\"x\"}}\n{\"a\":1}\n{\"create\":{}}\n{\"a\":1}\n";
    let answer = daemon.post("/_bulk", "", body.as_bytes()).json();
    let items = &answer["items"];
    assert_eq!(items[0]["create"]["_index"], "x");
    assert_eq!(items[1]["create"]["_index"], "sandtrap");
    // The same document gets the same identifier each time it is sent.
    assert_eq!(items[0]["create"]["_id"], items[1]["create"]["_id"]);
    assert_eq!(items[0]["create"]["_id"].as_str().unwrap().len(), 20);
    assert_eq!(answer["errors"], false);
}

#[test]
fn a_malformed_action_costs_the_request_and_takes_nothing_in() {
    let daemon = Daemon::start();
    let long = format!("{{\"create\":{{\"_id\":\"{}\"}}}}\n{{}}\n", "x".repeat(600));
    for (body, says) in [
        ("", "body is required"),
        ("{\"create\":{}}\n{}\nnonsense\n{}\n", "line [3]"),
        ("{\"upsert\":{}}\n{}\n", "line [1]"),
        ("{\"create\":{},\"index\":{}}\n{}\n", "line [1]"),
        ("{\"create\":7}\n{}\n", "line [1]"),
        ("{\"create\":{}}\n", "no document"),
        ("{\"create\":{\"_id\":{}}}\n{}\n", "_id"),
        (long.as_str(), "_id"),
    ] {
        let answer = daemon.post("/_bulk", "", body.as_bytes());
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.reason().contains(says), "{}", answer.reason());
        assert_eq!(answer.json()["error"]["type"], "illegal_argument_exception");
    }
    assert!(daemon.taken().is_empty());
    assert_eq!(daemon.refused("bulk", "malformed").as_deref(), Some("8"));
}

#[test]
fn shippers_are_let_through_what_they_ask_first() {
    let daemon = Daemon::start();
    let ask = |method: &str, path: &str| {
        let headers = format!("Authorization: Bearer {INGEST}\r\n");
        let answer = daemon.client().request(method, path, &headers, b"{}");
        assert_eq!(answer.status, 200, "{method} {path}");
        assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"));
        answer
    };
    let info = ask("GET", "/").json();
    assert_eq!(info["version"]["number"], "8.17.0");
    assert_eq!(info["version"]["build_flavor"], "default");
    assert_eq!(info["tagline"], "You Know, for Search");
    assert_eq!(
        ask("GET", "/_license").json()["license"]["status"],
        "active"
    );
    assert_eq!(ask("GET", "/_cluster/health").json()["status"], "green");
    ask("GET", "/_xpack?human=false");
    ask("GET", "/_nodes/http");
    ask("GET", "/_cat/health");
    ask("HEAD", "/");
    ask("HEAD", "/winlogbeat-8.17");
    ask("PUT", "/winlogbeat-8.17");
    for path in [
        "/_index_template/a",
        "/_component_template/a",
        "/_template/a",
        "/_ilm/policy/a",
        "/_data_stream/a",
        "/_ingest/pipeline/a",
    ] {
        ask("HEAD", path);
        assert!(ask("GET", path).json().is_object());
        assert_eq!(ask("PUT", path).json()["acknowledged"], true);
    }
}
