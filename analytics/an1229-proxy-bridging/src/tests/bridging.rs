//! Bridges and forwarding rules.

use super::*;

#[test]
fn a_program_that_accepts_and_connects_bridges() {
    let events = [
        by(SHELL, network(0, "10.1.0.9", 1080)),
        by(SHELL, connect("10.1.0.77", 3389)),
    ];
    let found = found(events);
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(
        finding.title.contains("bridges traffic"),
        "{}",
        finding.title
    );
}

#[test]
fn programs_of_users_bridge_only_if_known_to_be_unsigned() {
    use sandtrap_sdk::signatures::State;
    let image = "C:\\Users\\a\\AppData\\Local\\sync\\sync.exe";
    let events = || {
        [
            by(image, network(0, "10.1.0.9", 17_500)),
            by(image, connect("198.51.100.9", 4444)),
        ]
    };
    let run = |world| testing::run::<ProxyBridging>(world, json!({}), json!({}), events());
    assert!(run(World::new()).is_empty());
    assert!(run(World::new().signature(image, State::Valid, "Sync Ltd")).is_empty());
    assert_eq!(
        run(World::new().signature(image, State::Unsigned, "")).len(),
        1
    );
}

#[test]
fn programs_of_unknown_signer_bridge_if_they_reach_into_internal_machines() {
    let image = "C:\\ProgramData\\svc\\upd.exe";
    let events = |port| {
        [
            by(image, network(0, "10.1.0.9", 1080)),
            by(image, connect("10.1.0.77", port)),
        ]
    };
    assert_eq!(found(events(3389)).len(), 1);
    assert!(found(events(5432)).is_empty());
}

#[test]
fn a_web_server_that_works_at_another_machine_bridges() {
    let image = "C:\\Windows\\System32\\inetsrv\\w3wp.exe";
    assert_eq!(found([by(image, connect("10.1.0.77", 3389))]).len(), 1);
    assert!(found([by(image, connect("10.1.0.77", 1433))]).is_empty());
}

#[test]
fn a_remote_desktop_session_out_of_a_tunnel_is_found() {
    let image = "C:\\Windows\\System32\\svchost.exe";
    let session = |from: &str| {
        let event = by(image, network(0, "127.0.0.1", 3389));
        event.set(field::SRC_ENDPOINT_IP, from)
    };
    assert_eq!(found([session("127.0.0.1")]).len(), 1);
    assert!(found([session("10.1.0.3")]).is_empty());
}

#[test]
fn a_tunnel_client_that_leads_home_is_found() {
    let events = [
        parent("C:\\Windows\\System32\\cmd.exe"),
        start(
            "C:\\Tools\\plink.exe",
            "plink.exe 198.51.100.7 -R 4444:127.0.0.1:3389",
        ),
        connect("198.51.100.7", 80),
        connect("127.0.0.1", 3389).set(field::SRC_ENDPOINT_IP, "127.0.0.1"),
    ];
    assert!(!found(events).is_empty());
}

fn netsh(line: &str) -> TestEvent {
    start("C:\\Windows\\System32\\netsh.exe", line)
}

fn rule(listen: &str, target: &str) -> TestEvent {
    let path =
        format!("HKLM\\System\\CurrentControlSet\\Services\\PortProxy\\v4tov4\\tcp\\{listen}");
    by(
        "C:\\Windows\\System32\\netsh.exe",
        testing::event(class::REGISTRY_VALUE).by(7),
    )
    .set(field::REG_TARGET_PATH, &path)
    .set(field::REG_TARGET_DATA, target)
}

#[test]
fn a_forwarding_that_leads_out_or_to_administration_needs_one_witness() {
    let netsh_to = |target: &str| {
        netsh(&format!(
            "netsh interface portproxy add v4tov4 listenport=8001 {target}"
        ))
    };
    for (event, expected) in [
        (netsh_to("connectport=3389 connectaddress=10.1.0.5"), 1),
        (netsh_to("connectport=443 connectaddress=203.0.113.5"), 1),
        (rule("*/8001", "10.1.0.5/3389"), 1),
        (netsh_to("connectport=3389 connectaddress=127.0.0.1"), 0),
        (netsh_to("connectport=22 connectaddress=172.20.11.5"), 0),
        (netsh_to("connectport=3000 connectaddress=172.20.11.5"), 0),
        (rule("*/8001", "172.20.11.5/22"), 0),
    ] {
        assert_eq!(found([event]).len(), expected);
    }
}

#[test]
fn a_forwarding_to_remote_desktop_is_reported_once() {
    let command = || netsh("netsh I p a v l=8001 listena=192.0.2.1 connectp=3389 c=192.0.2.5");
    let found = found([command(), rule("192.0.2.1/8001", "192.0.2.5/3389")]);
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(
        finding
            .title
            .contains("port 8001 of 192.0.2.1 to 192.0.2.5:3389"),
        "{}",
        finding.title
    );
}

#[test]
fn a_developers_forwarding_is_silent_until_someone_uses_it() {
    let events = || {
        vec![
            netsh(
                "netsh interface portproxy add v4tov4 listenport=3000 connectport=3000 connectaddress=172.20.11.5",
            ),
            rule("*/3000", "172.20.11.5/3000"),
        ]
    };
    assert!(found(events()).is_empty());
    let listener = testing::event(class::NETWORK_LISTEN)
        .by(9)
        .set(field::METADATA_EVENT_CODE, 5154)
        .set(
            field::ACTOR_PROCESS_FILE_PATH,
            "C:\\Windows\\System32\\svchost.exe",
        )
        .set(field::SRC_ENDPOINT_PORT, 3000);
    let used = found(events().into_iter().chain([listener]));
    assert_eq!(used.len(), 1);
    assert_eq!(used[0].severity, Severity::High);
}
