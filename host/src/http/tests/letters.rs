//! Dead letters and quarantined analytics.

use super::*;
use crate::daemon::board::AnalyticStatus;

const LETTERS: &str = "/api/v1/deadletters";

#[test]
fn what_is_asked_for_is_bounded_and_understood() {
    let daemon = Daemon::start();
    let selected = |after: &str, limit: u32, analytic: &str| {
        format!(
            "Selection {{ after: {after}, limit: {limit}, analytic: {analytic}, reason: None }}"
        )
    };
    let many: Vec<String> = (0..101_u32).map(|number| number.to_string()).collect();
    let many = format!("/replay?numbers={}", many.join(","));
    for (method, query, expected) in [
        ("GET", "", Ok(selected("None", 100, "None"))),
        (
            "GET",
            "?after=3&limit=9999&analytic=A%20N",
            Ok(selected("Some(3)", 1000, "Some(\"A N\")")),
        ),
        (
            "POST",
            "/replay?numbers=3,4",
            Ok("Numbers([3, 4])".to_owned()),
        ),
        (
            "POST",
            "/replay?analytic=AN1&limit=500",
            Ok(format!(
                "Selected({})",
                selected("Some(0)", 100, "Some(\"AN1\")")
            )),
        ),
        ("GET", "?limit=x", Err("limit")),
        ("GET", "?numbers=3", Err("one letter")),
        ("GET", "/x", Err("a number")),
        ("POST", "/replay", Err("after=0 for all")),
        // A filter that is not known would let everything through.
        ("POST", "/replay?after=0&analytics=AN1", Err("analytics")),
        ("GET", "?reason=trp", Err("trap, deadline")),
        ("POST", "/replay?numbers=3,x", Err("such as 3,4")),
        ("POST", "/replay?numbers=3&analytic=AN1", Err("stand alone")),
        ("POST", &many, Err("at most 100")),
    ] {
        let answer = daemon.api(method, &format!("{LETTERS}{query}"));
        let asked = daemon.findings.1.lock().unwrap().pop();
        match expected {
            Ok(expected) => assert_eq!((answer.status, asked), (200, Some(expected)), "{query}"),
            Err(words) => {
                assert_eq!((answer.status, asked), (400, None), "{query}");
                assert!(
                    answer.reason().contains(words),
                    "{query}: {}",
                    answer.reason()
                );
            }
        }
    }
}

#[test]
fn letters_are_listed_and_shown() {
    let daemon = Daemon::start();
    let listed = daemon.api("GET", LETTERS).json();
    assert_eq!(listed["letters"][0]["number"], 7);
    let shown = daemon.api("GET", &format!("{LETTERS}/7")).json();
    assert_eq!(
        (&shown["number"], &shown["reason"]),
        (&json!(7), &json!("trap"))
    );
    let missing = daemon.api("GET", &format!("{LETTERS}/8"));
    assert_eq!(missing.status, 404);
    assert!(missing.reason().contains("no dead letter 8"));
}

#[test]
fn an_analytic_is_released_by_who_may() {
    let daemon = Daemon::start();
    let path = "/api/v1/analytics/AN%201/release";
    assert_eq!(daemon.api("POST", path).status, 404);
    daemon.board.update(|status| {
        let known = AnalyticStatus::default();
        status.analytics.insert("AN 1".to_owned(), known);
    });
    let held_up = daemon.api("POST", path);
    assert_eq!(held_up.status, 409);
    assert!(
        held_up.reason().contains("sandtrap status"),
        "{}",
        held_up.reason()
    );
    assert_eq!(daemon.findings.1.lock().unwrap().as_slice(), ["AN 1"]);
    for path in [path.to_owned(), format!("{LETTERS}/replay?after=0")] {
        assert_eq!(daemon.post(&path, "", b"").status, 403, "{path}");
    }
    let list = daemon.client().request("GET", LETTERS, "", b"");
    assert_eq!(list.status, 401);
    assert_eq!(daemon.findings.1.lock().unwrap().len(), 1);
}
