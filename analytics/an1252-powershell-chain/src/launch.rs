//! A launch of PowerShell: the switches, the code, the ancestors and the image.

use sandtrap_sdk::{
    Row, field, lineage as processes,
    windows::{Edition, Invocation, ProcessName},
};

use crate::{
    content, engine::is_powershell, invocation, lineage, settings::Policy, shape, stage::Stage,
};

/// The stages that a launched process earns itself; none if it is not PowerShell.
pub(crate) fn stages(row: &Row<'_>, policy: &Policy) -> Vec<Stage> {
    let image = row.text(field::PROCESS_FILE_PATH);
    let line = row.text(field::PROCESS_CMD_LINE);
    let name = ProcessName::of(image, row.text(field::PROCESS_FILE_INTERNAL_NAME));
    let edition = if name.is("pwsh.exe") {
        Edition::Core
    } else {
        Edition::Windows
    };
    let invocation = Invocation::parse_as(edition, line);
    let mut stages = match image_stages(&name, image, &invocation) {
        Some(stages) => stages,
        None => return Vec::new(),
    };
    stages.extend(invocation::stages(line, &invocation, policy));
    let shell_line = parent_line(row);
    stages.extend(invocation::carets(&shell_line));
    stages.extend(content::of_command_line(&invocation, policy));
    if stages
        .iter()
        .any(|stage| stage.name == "invocation.elsewhere")
    {
        stages.extend(content::of_shell(&shell_line, policy));
    }
    let origin = lineage::of_launch(row, policy);
    stages.extend(origin.stages);
    stages.extend(shape::known(
        row,
        &origin.starter,
        line,
        &invocation,
        policy,
    ));
    // A plain console that nothing sets apart needs no marks.
    if stages.iter().all(|stage| stage.score <= 0) {
        stages.clear();
    }
    stages
}

/// The command line of the parent, which the Security log tells only with the parent's
/// own launch.
fn parent_line(row: &Row<'_>) -> String {
    let line = row.text(field::PROCESS_PARENT_PROCESS_CMD_LINE);
    let parent = row
        .process(field::PROCESS_PARENT_PROCESS_HANDLE)
        .filter(|_| line.is_empty());
    parent
        .and_then(|parent| processes::process(row, parent))
        .map_or_else(|| line.to_owned(), |parent| parent.command_line)
}

/// What the image says of itself; `None` if it is not PowerShell.
fn image_stages(name: &ProcessName, image: &str, invocation: &Invocation) -> Option<Vec<Stage>> {
    if is_powershell(name) {
        let stage = if name.is_renamed() {
            let note = format!("{image} is PowerShell under another name");
            Some(Stage::new("origin.renamed", 20, note))
        } else if name.is_expected_place() == Some(false) {
            let note = format!("{image} is not where PowerShell belongs");
            Some(Stage::new("origin.misplaced", 15, note))
        } else {
            None
        };
        return Some(stage.into_iter().collect());
    }
    // No other program takes UTF-16 text in base64 under that switch.
    let text = invocation.encoded_command.as_ref()?.text.as_deref()?;
    let is_code = text.len() >= 8 && text.contains(['$', '-', '(', '|', ' ']);
    is_code.then(|| {
        let note = format!("{image} takes encoded commands as only PowerShell does");
        vec![Stage::new("origin.renamed", 20, note)]
    })
}
