use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread,
};

use sandtrap::daemon::repairs::{Form, Letter, ReplayResult, Replayed, Selection, Which};
use sandtrap_tests::{GUESTS, daemon::Daemon, root};

/// A recording in which one command line has the poison.
fn recording() -> String {
    let path = "tests/scenarios/an1252/encoded-stager-from-script-host/events.ndjson";
    fs::read_to_string(root().join(path)).unwrap()
}

const POISON: &str = "whoami";

/// Two analytics that report everything and count everything.
fn daemon(misbehave: &str) -> Daemon {
    let mut daemon = Daemon::new(&GUESTS, 1);
    daemon.start();
    if !misbehave.is_empty() {
        daemon.configure(&format!(
            "[analytics.echo.settings]\nMisbehave = {{ {misbehave} }}\n"
        ));
        let report = daemon.reload();
        assert_eq!(report.loaded, ["echo"], "{report:?}");
    }
    daemon
}

fn letters(daemon: &Daemon) -> Vec<(u64, Letter)> {
    let all = Selection {
        limit: usize::MAX,
        ..Selection::default()
    };
    let store = &daemon.core().store;
    let listed = store.letters(&all).unwrap().into_iter();
    listed
        .map(|one| (one.number, store.letter(one.number).unwrap().unwrap()))
        .collect()
}

fn uids(daemon: &Daemon) -> Vec<String> {
    let findings = daemon.findings();
    let mut uids: Vec<String> = findings.iter().map(|entry| entry.uid.to_string()).collect();
    uids.sort();
    uids
}

/// The only letter there is, tried again.
fn replayed(daemon: &Daemon, number: u64) -> Replayed {
    let mut report = daemon.replay(Which::Numbers(vec![number]));
    assert_eq!(report.letters.len(), 1);
    report.letters.pop().unwrap()
}

fn shown(daemon: &Daemon, analytic: &str) -> u64 {
    daemon.core().board.status().analytics[analytic].events
}

/// An event that one analytic failed on is shown to that one again, and gives
/// what it would have given: once, however often one asks.
#[test]
fn a_faulted_event_is_shown_again_to_who_failed() {
    let undisturbed = daemon("");
    undisturbed.deliver(&recording());
    let whole = uids(&undisturbed);

    let mut daemon = daemon(&format!("how = 'trap', on = '{POISON}'"));
    daemon.deliver(&recording());
    assert_eq!(
        uids(&daemon).len(),
        whole.len() - 1,
        "{:#?}",
        letters(&daemon)
    );
    let [(number, letter)] = letters(&daemon).try_into().unwrap();
    assert_eq!((letter.reason.as_str(), letter.replays), ("trap", 0));
    assert_eq!(letter.analytic.as_deref(), Some("echo"));
    assert_eq!(letter.blame.as_deref(), Some("guest"));
    assert!(recording().lines().any(|line| line == letter.event));
    let status = daemon.core().board.status();
    let status = &status.analytics["echo"];
    assert_eq!(
        status.fault_reasons,
        BTreeMap::from([("trap".to_owned(), 1)])
    );
    let fault = status.last_fault.as_ref().unwrap();
    assert_eq!(
        (fault.reason.as_str(), fault.blame.as_str()),
        ("trap", "guest")
    );

    let failed = replayed(&daemon, number);
    assert_eq!((failed.result, failed.findings), (ReplayResult::Failed, 0));
    assert_eq!(letters(&daemon)[0].1.replays, 1);
    assert_eq!(uids(&daemon).len(), whole.len() - 1);

    // A version that works, after a restart.
    daemon.stop();
    daemon.start();
    assert_eq!(letters(&daemon)[0].0, number);
    let handled = replayed(&daemon, number);
    assert_eq!(
        (handled.result, handled.findings),
        (ReplayResult::Handled, 1)
    );
    assert_eq!(uids(&daemon), whole);
    assert_eq!((shown(&daemon, "echo"), shown(&daemon, "tally")), (1, 0));
    assert!(letters(&daemon).is_empty());

    assert_eq!(replayed(&daemon, number).result, ReplayResult::Missing);
    assert_eq!(uids(&daemon), whole);
    // What came of it is on disk, and the sinks have it.
    daemon.stop();
    assert_eq!(daemon.written().len(), whole.len());
    daemon.start();
    assert_eq!(uids(&daemon), whole);
    assert!(letters(&daemon).is_empty());
}

/// A record that can be decoded now is one as any other; one that cannot stays
/// with what is wrong with it.
#[test]
fn an_undecodable_record_is_decoded_again() {
    let undisturbed = daemon("");
    undisturbed.deliver(&recording());
    let whole = uids(&undisturbed);

    let mut daemon = daemon("");
    let text = recording();
    let (last, rest) = text
        .trim_end()
        .rsplit_once('\n')
        .map(|(a, b)| (b, a))
        .unwrap();
    daemon.deliver(&format!("{rest}\n{{\"broken\n"));
    let before = uids(&daemon);
    let [(broken, _)] = letters(&daemon).try_into().unwrap();
    // As an older version of the host may have left them: twice the same, one
    // cut, and a finding.
    daemon.stop();
    daemon.start();
    let undecodable = Letter::new("undecodable", "not known yet").from_input("test", "a.json", 0);
    let whole_one = undecodable.clone().with_record(Form::Json, last.as_bytes());
    let cut = Letter {
        is_cut: true,
        ..whole_one.clone()
    };
    let refused = undecodable.with_record(Form::Finding, b"{}");
    let old: Vec<Vec<u8>> = [&whole_one, &whole_one, &cut, &refused]
        .map(Letter::encode)
        .into();
    let store = &daemon.core().store;
    store.commit([], &old, &BTreeMap::new(), u64::MAX).unwrap();

    let report = daemon.replay(Which::Selected(Selection {
        after: Some(0),
        limit: 100,
        ..Selection::default()
    }));
    let came: Vec<(u64, ReplayResult, u64)> = report
        .letters
        .iter()
        .map(|letter| (letter.number - broken, letter.result, letter.findings))
        .collect();
    let new = (whole.len() - before.len()) as u64;
    assert!(new > 0);
    assert_eq!(
        came,
        [
            (0, ReplayResult::Failed, 0),
            (1, ReplayResult::Handled, new),
            (2, ReplayResult::Handled, 0),
            (3, ReplayResult::Kept, 0),
            (4, ReplayResult::Kept, 0),
        ]
    );
    assert_eq!(uids(&daemon), whole);
    let left: Vec<(u64, u32)> = letters(&daemon)
        .iter()
        .map(|(number, letter)| (number - broken, letter.replays))
        .collect();
    assert_eq!(left, [(0, 1), (3, 0), (4, 0)]);
}

/// A script block that no single record holds comes again whole.
#[test]
fn a_script_block_in_parts_comes_again_whole() {
    let part = |number: u32, text: &str| {
        format!(
            r#"{{"EventID":4104,"Channel":"Microsoft-Windows-PowerShell/Operational","Hostname":"h","EventTime":"2024-01-01 00:00:0{number}","ProcessID":7,"MessageNumber":{number},"MessageTotal":2,"ScriptBlockText":"{text}","ScriptBlockId":"b-1"}}"#
        )
    };
    let mut daemon = daemon("how = 'trap', on = 'first'");
    daemon.deliver(&part(1, "first "));
    daemon.deliver(&part(2, "second"));
    let [(number, letter)] = letters(&daemon).try_into().unwrap();
    assert_eq!((letter.form, letter.is_cut), (Form::Event, false));
    assert!(letter.event.contains("first second"), "{}", letter.event);
    daemon.stop();
    daemon.start();
    let handled = replayed(&daemon, number);
    assert_eq!(
        (handled.result, handled.findings),
        (ReplayResult::Handled, 1)
    );
    let finding = &daemon.findings()[0].json;
    let finding = String::from_utf8_lossy(finding);
    assert!(finding.contains("first second"), "{finding}");
}

/// Who is not there, or not called, cannot be asked; the letter waits. Called
/// again by hand, it is asked.
#[test]
fn a_letter_waits_for_its_analytic() {
    let daemon = daemon("how = 'trap', on = 'poison'");
    let launch = |number: u32| {
        format!(
            r#"{{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"h","EventTime":"2024-01-01 00:00:00","ProcessId":{number},"Image":"C:\\a.exe","CommandLine":"poison"}}"#
        )
    };
    let launches: Vec<String> = (1..100).map(launch).collect();
    daemon.deliver(&launches.join("\n"));
    let state = || daemon.core().board.status().analytics["echo"].state.clone();
    assert_ne!(state(), "running");
    let (number, before) = letters(&daemon).swap_remove(0);
    let waits = replayed(&daemon, number);
    assert_eq!(waits.result, ReplayResult::Kept);
    assert!(waits.error.unwrap().contains("sandtrap release echo"));

    daemon.release("echo");
    let tried = replayed(&daemon, number);
    assert_eq!(tried.result, ReplayResult::Failed, "{tried:?}");
    assert_eq!(state(), "running");

    fs::remove_file(daemon.analytics().join("sandtrap_guest_echo.wasm")).unwrap();
    assert_eq!(daemon.reload().unloaded, ["echo"]);
    let waits = replayed(&daemon, number);
    assert_eq!(waits.result, ReplayResult::Kept);
    assert!(waits.error.unwrap().contains("not loaded"));
    let (_, after) = letters(&daemon).swap_remove(0);
    assert_eq!((after.event, after.replays), (before.event, 1));
}

/// A daemon that gives these answers, and tells what it was asked.
fn answering(answers: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            asked.push(lines.next().unwrap().unwrap().replace(" HTTP/1.1", ""));
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let length = answer.len();
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length:";
            write!(stream, "{head} {length}\r\n\r\n{answer}").unwrap();
            // Until it went away, so that nothing is cut off.
            let _ = stream.read(&mut [0]);
        }
        asked
    });
    (url, asked)
}

const TRAPPED: &str = r#"{"number":7,"time":"2026-01-01T00:00:00Z","reason":"trap","error":"inspect: trapped","analytic":"AN1","blame":"guest","source":"http","input":"i","record":3,"form":"json","event":"{\"EventID\":1}"}"#;

/// Piped, the commands print lines of JSON, and what was asked for exactly.
#[test]
fn the_commands_print_lines_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "secret").unwrap();
    for (arguments, answers, asked, code, printed) in [
        (
            "deadletter list --limit 2 --analytic AN1",
            &[r#"{"letters":[{"number":7},{"number":9}]}"#][..],
            &["GET /api/v1/deadletters?limit=2&analytic=AN1"][..],
            0,
            "{\"number\":7}\n{\"number\":9}\n".to_owned(),
        ),
        (
            "deadletter show 7",
            &[TRAPPED],
            &["GET /api/v1/deadletters/7"],
            0,
            format!("{TRAPPED}\n"),
        ),
        (
            "deadletter show 7 --raw",
            &[TRAPPED],
            &["GET /api/v1/deadletters/7"],
            0,
            r#"{"EventID":1}"#.to_owned(),
        ),
        (
            // The daemon stops early, and is asked for the rest.
            "deadletter replay 9 7 7",
            &[
                r#"{"letters":[{"number":7,"result":"handled","findings":2}]}"#,
                r#"{"letters":[{"number":9,"result":"failed","findings":0,"error":"no"}]}"#,
            ],
            &[
                "POST /api/v1/deadletters/replay?numbers=7,9",
                "POST /api/v1/deadletters/replay?numbers=9",
            ],
            2,
            "{\"number\":7,\"result\":\"handled\",\"findings\":2}\n\
             {\"number\":9,\"result\":\"failed\",\"findings\":0,\"error\":\"no\"}\n"
                .to_owned(),
        ),
        (
            "deadletter replay --all --reason trap",
            &[
                r#"{"letters":[{"number":8}]}"#,
                r#"{"letters":[{"number":3,"result":"handled","findings":0}]}"#,
                r#"{"letters":[{"number":8,"result":"handled","findings":0}]}"#,
            ],
            &[
                "GET /api/v1/deadletters?limit=1&reason=trap",
                "POST /api/v1/deadletters/replay?after=0&limit=100&reason=trap",
                "POST /api/v1/deadletters/replay?after=3&limit=100&reason=trap",
            ],
            0,
            "{\"number\":3,\"result\":\"handled\",\"findings\":0}\n\
             {\"number\":8,\"result\":\"handled\",\"findings\":0}\n"
                .to_owned(),
        ),
        (
            "release AN/1",
            &[r#"{"id":"AN/1","was":"quarantined"}"#],
            &["POST /api/v1/analytics/AN%2F1/release"],
            0,
            "{\"id\":\"AN/1\",\"was\":\"quarantined\"}\n".to_owned(),
        ),
    ] {
        let (url, server) = answering(answers);
        let output = crate::cli::sandtrap()
            .args(arguments.split(' '))
            .args(["--url", &url, "--token-file"])
            .arg(&token)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text, printed, "{arguments}");
        assert_eq!(server.join().unwrap(), asked, "{arguments}");
    }
}
