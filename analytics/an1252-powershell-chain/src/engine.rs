//! Programs other than PowerShell that host its engine.

use sandtrap_sdk::{
    Row, field,
    lineage::{self, Process},
    signatures,
    windows::{
        Place, ProcessName, command_line,
        path::{self, is_user_writable},
        process_name::POWERSHELL_HOSTS,
    },
};

use crate::{settings::Policy, stage::Stage};

/// Programs that host the engine as part of what they are for, when they lie where
/// no user can write.
pub(crate) const USUAL_HOSTS: &[&str] = &[
    "wsmprovhost.exe",
    "winrshost.exe",
    "wmiprvse.exe",
    "sdiagnhost.exe",
    "servermanager.exe",
    "dsac.exe",
    "mmc.exe",
    "mscorsvw.exe",
    "ngen.exe",
    "ngentask.exe",
    "runscripthelper.exe",
    "syncappvpublishingserver.exe",
    "w3wp.exe",
    "monitoringhost.exe",
    "healthservice.exe",
    "gc_worker.exe",
    "gc_service.exe",
    "senseir.exe",
    "ssms.exe",
    "sqlagent.exe",
    "devenv.exe",
    "code.exe",
    "choco.exe",
    "chocolatey.exe",
    "configsync.exe",
    "gethelp.exe",
    "pdqdeployrunner-1.exe",
    "microsoft.management.services.intunewindowsagent.exe",
    "agentexecutor.exe",
    "ccmexec.exe",
    "cmrcservice.exe",
    "microsoft.configurationmanagement.exe",
    "ssm-document-worker.exe",
    "veeam.backup.manager.exe",
    "tiworker.exe",
    "trustedinstaller.exe",
    "azurearcagent.exe",
    "windowsazureguestagent.exe",
    "waappagent.exe",
    "collectguestlogs.exe",
    "dscservice.exe",
];

/// Programs of Windows that have no use for a PowerShell engine at all.
const NO_USE: &[&str] = &[
    "notepad.exe",
    "calc.exe",
    "calculator.exe",
    "calculatorapp.exe",
    "mspaint.exe",
    "write.exe",
    "wordpad.exe",
    "explorer.exe",
    "regsvr32.exe",
    "mshta.exe",
    "wscript.exe",
    "cscript.exe",
    "hh.exe",
    "cmstp.exe",
    "odbcconf.exe",
    "werfault.exe",
    "spoolsv.exe",
    "lsass.exe",
    "winlogon.exe",
    "services.exe",
    "smss.exe",
    "csrss.exe",
    "logonui.exe",
    "dwm.exe",
    "ctfmon.exe",
    "userinit.exe",
    "runtimebroker.exe",
    "searchindexer.exe",
    "conhost.exe",
    "cmd.exe",
    "certutil.exe",
    "control.exe",
    "msdt.exe",
    "forfiles.exe",
    "pcalua.exe",
    "taskmgr.exe",
    "iexplore.exe",
    "winword.exe",
    "excel.exe",
    "powerpnt.exe",
    "outlook.exe",
    "werfaultsecure.exe",
    "dllhost.exe",
    "sihost.exe",
    "backgroundtaskhost.exe",
];

/// Programs of Windows that run whatever library they are given: the engine is never
/// their own.
const LOADERS: &[&str] = &[
    "rundll32.exe",
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
];

/// Tools of .NET that developers run all day.
const BUILD_TOOLS: &[&str] = &["msbuild.exe", "csc.exe", "aspnet_compiler.exe"];

/// Whether the program is PowerShell, whatever its file is called.
pub(crate) fn is_powershell(name: &ProcessName) -> bool {
    name.is_any(POWERSHELL_HOSTS)
}

/// Whether a program may host the engine without anyone wondering.
pub(crate) fn is_usual_host(image: &str, policy: &Policy) -> bool {
    let name = ProcessName::of(image, "");
    let is_usual = is_powershell(&name) || name.is_any(USUAL_HOSTS);
    // Some of them install themselves below ProgramData or a profile.
    let installs_there = name.is_any(&["choco.exe", "chocolatey.exe", "code.exe"]);
    let is_at_home =
        name.is_expected_place() != Some(false) && (installs_there || !is_user_writable(image));
    (is_usual && is_at_home) || policy.may_host_engine(image)
}

/// The stages earned by a program that turned out to host the engine: how odd that
/// is depends on what it is and where it lies.
pub(crate) fn hosted(
    row: &Row<'_>,
    process: Option<Process>,
    image: &str,
    evidence: &str,
) -> Vec<Stage> {
    let name = ProcessName::of(image, "");
    let file = path::file_name(image);
    let signature = match process {
        Some(process) => signatures::of_process(row, process),
        None => signatures::of_file(row, image, ""),
    };
    let place = path::place(image);
    let is_ours = matches!(place, Place::System | Place::Windows | Place::DotNet);
    let known = process.and_then(|process| lineage::process(row, process));
    let (mut score, kind) = match place {
        _ if is_powershell(&name) => (20, "a PowerShell away from its home"),
        _ if is_ours && is_custom_action(row, &name, process) => (10, "run by an installer"),
        _ if is_ours && name.is_any(BUILD_TOOLS) => (30, "a build tool"),
        _ if is_ours && name.is_any(LOADERS) => (40, "a program that runs foreign libraries"),
        _ if is_ours => (35, "a program of Windows that is no PowerShell host"),
        Place::UserWritable | Place::Network | Place::Removable => {
            (25, "a program in a user-writable place")
        }
        Place::ProgramFiles => (10, "an installed program"),
        _ => (20, "a program that is no known PowerShell host"),
    };
    if signature.is_valid() && !is_ours {
        score -= 10;
    }
    let mut stages = vec![Stage::new(
        "engine.hosted",
        score,
        format!("{file}, {kind}, hosts the PowerShell engine: {evidence}"),
    )];
    if name.is_any(NO_USE) && place != Place::ProgramFiles {
        let note = format!("{file} has no use for PowerShell");
        stages.push(Stage::new("origin.no-use", 20, note));
    }
    if let Some(dropped) = known.and_then(|known| dropped_argument(&known.command_line)) {
        let note = format!("{file} was given {dropped}");
        stages.push(Stage::new("origin.dropped-file", 15, note));
    }
    if is_user_writable(image) && !signature.is_valid() {
        let note = format!("its image {image} lies where any user can write");
        stages.push(Stage::new("origin.user-writable", 15, note));
    }
    if signature.is_untrustworthy() && !path::is_native_image(image) {
        stages.push(Stage::new(
            "origin.unsigned",
            10,
            format!("{file} is not signed"),
        ));
    }
    stages
}

/// Whether it runs managed code of an installer's, which is how some of them use
/// PowerShell.
fn is_custom_action(row: &Row<'_>, name: &ProcessName, process: Option<Process>) -> bool {
    let parents = process.map(|process| lineage::ancestors(row, process, 1));
    let is_installer = |parent: &lineage::ProcessInfo| {
        ProcessName::of(&parent.image, "").is("msiexec.exe") && !is_user_writable(&parent.image)
    };
    name.is_any(&["rundll32.exe", "msiexec.exe"])
        && parents.is_some_and(|parents| parents.iter().any(is_installer))
}

/// The first argument that is a file in a user-writable place.
fn dropped_argument(line: &str) -> Option<String> {
    command_line::arguments_after_executable(line)
        .take(32)
        .map(|argument| argument.text)
        .find(|text| !path::extension(text).is_empty() && is_user_writable(text))
        .map(std::borrow::Cow::into_owned)
}

/// The stages of a module that was loaded.
pub(crate) fn of_module(row: &Row<'_>, policy: &Policy) -> Vec<Stage> {
    let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
    let module = row.text(field::MODULE_FILE_PATH);
    let file = path::file_name(module);
    if is_engine(module) {
        if is_usual_host(image, policy) {
            return Vec::new();
        }
        let process = row.process(field::ACTOR_PROCESS_HANDLE);
        return hosted(row, process, image, &format!("it loaded {file}"));
    }
    let mut stages = Vec::new();
    if policy.lists_module(module) {
        let note = format!("loaded {file}, which is on LoadedModuleList");
        stages.push(Stage::new("engine.listed-module", 10, note));
    }
    let is_unsigned = row.number(field::MODULE_FILE_SIGNATURE_SIGNED) == Some(0);
    if is_user_writable(module) && is_unsigned && path::file_name(image) != file {
        let note = format!("loaded {module}, unsigned and in a user-writable place");
        stages.push(Stage::new("engine.unsigned-module", 10, note));
    }
    stages
}

/// Whether a module is the PowerShell engine, as bytecode or as native image.
fn is_engine(module: &str) -> bool {
    let file = path::file_name(module).to_ascii_lowercase();
    [
        "system.management.automation.dll",
        "system.management.automation.ni.dll",
    ]
    .contains(&file.as_str())
}

/// The stages of a pipe that only a PowerShell engine creates.
pub(crate) fn of_pipe(row: &Row<'_>, policy: &Policy) -> Vec<Stage> {
    let image = row.text(field::ACTOR_PROCESS_FILE_PATH);
    if image.is_empty() || is_usual_host(image, policy) {
        return Vec::new();
    }
    let process = row.process(field::ACTOR_PROCESS_HANDLE);
    let pipe = row.text(field::FILE_PATH);
    hosted(row, process, image, &format!("it created the pipe {pipe}"))
}

/// The stage of a thread that another process started, and on whom.
pub(crate) fn of_injection(row: &Row<'_>) -> Option<(Process, Stage)> {
    let target = row.process(field::PROCESS_HANDLE)?;
    let source = row.process(field::ACTOR_PROCESS_HANDLE);
    if source == Some(target) {
        return None;
    }
    let from = path::file_name(row.text(field::ACTOR_PROCESS_FILE_PATH));
    let into = path::file_name(row.text(field::PROCESS_FILE_PATH));
    let note = format!("{from} started a thread in {into}");
    Some((target, Stage::new("injection.thread", 20, note)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use sandtrap_sdk::Site;

    #[test]
    fn usual_hosts_are_usual_only_at_home() {
        let policy = Policy::new(Settings::default(), Site::default()).unwrap();
        for (image, is_usual) in [
            (r"C:\Windows\System32\wbem\WmiPrvSE.exe", true),
            (r"C:\Windows\System32\wsmprovhost.exe", true),
            (r"C:\Program Files\PowerShell\7\pwsh.exe", true),
            (r"C:\ProgramData\chocolatey\choco.exe", true),
            (r"C:\Users\a\wsmprovhost.exe", false),
            (r"C:\Windows\Temp\WmiPrvSE.exe", false),
            (r"C:\Windows\System32\notepad.exe", false),
        ] {
            assert_eq!(is_usual_host(image, &policy), is_usual, "{image}");
        }
        assert!(is_engine(r"C:\x\System.Management.Automation.NI.dll"));
        assert!(!is_engine(
            r"C:\x\System.Management.Automation.resources.dll"
        ));
    }
}
