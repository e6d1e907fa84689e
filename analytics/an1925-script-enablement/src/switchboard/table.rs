//! The switches, as data.

use super::{Family, Opens, Switch, Weight};

const OPEN_POLICIES: Opens = Opens::Words(&["bypass", "unrestricted"]);
const ON: Opens = Opens::Numbers(&[1]);
const OFF: Opens = Opens::Numbers(&[0]);

/// Programs that run what is opened with them, as a file type's command names them.
const SCRIPT_PROGRAMS: Opens =
    Opens::Contains(&["wscript", "cscript", "mshta", "powershell", "pwsh"]);

const fn switch(
    stage: &'static str,
    family: Family,
    weight: Weight,
    path: &'static str,
    opens: Opens,
    meaning: &'static str,
) -> Switch {
    Switch {
        stage,
        family,
        weight,
        path,
        opens,
        opens_when_deleted: false,
        meaning,
    }
}

/// As [`switch`], for values whose absence opens them too.
const fn guard(
    stage: &'static str,
    family: Family,
    weight: Weight,
    path: &'static str,
    opens: Opens,
    meaning: &'static str,
) -> Switch {
    Switch {
        opens_when_deleted: true,
        ..switch(stage, family, weight, path, opens, meaning)
    }
}

use Family::{All, Office, PowerShell, ScriptHost};
use Weight::{Control, Full, Weak};

/// Every value that opens the way for scripts. Of several with the same path,
/// the first that the data opens counts.
#[rustfmt::skip]
pub const SWITCHES: &[Switch] = &[
    // PowerShell: what may run.
    switch("execution-policy", PowerShell, Full,
        r"microsoft\powershell\1\shellids\*\executionpolicy", OPEN_POLICIES,
        "the execution policy lets every PowerShell script run"),
    switch("remote-signed", PowerShell, Weak,
        r"microsoft\powershell\1\shellids\*\executionpolicy", Opens::Words(&["remotesigned"]),
        "the execution policy lets local PowerShell scripts run"),
    switch("execution-policy", PowerShell, Full,
        r"policies\microsoft\windows\powershell\executionpolicy", OPEN_POLICIES,
        "policy lets every PowerShell script run"),
    switch("execution-policy", PowerShell, Full,
        r"policies\microsoft\powershellcore\executionpolicy", OPEN_POLICIES,
        "policy lets every PowerShell script run"),
    switch("scripts-enabled", PowerShell, Full,
        r"policies\microsoft\windows\powershell\enablescripts", ON,
        "policy turns PowerShell scripts on"),
    switch("scripts-enabled", PowerShell, Full,
        r"policies\microsoft\powershellcore\enablescripts", ON,
        "policy turns PowerShell scripts on"),
    switch("policy-preference", PowerShell, Full,
        r"environment\psexecutionpolicypreference", OPEN_POLICIES,
        "an environment variable lets every PowerShell script run"),
    guard("language-mode", PowerShell, Control,
        r"session manager\environment\__pslockdownpolicy", Opens::NumbersBut(&[4]),
        "PowerShell leaves constrained language mode"),
    // PowerShell: what is recorded of it.
    guard("block-logging", PowerShell, Control,
        r"powershell\scriptblocklogging\enablescriptblocklogging", OFF,
        "script blocks are no longer logged"),
    guard("block-logging", PowerShell, Control,
        r"powershellcore\scriptblocklogging\enablescriptblocklogging", OFF,
        "script blocks are no longer logged"),
    guard("module-logging", PowerShell, Control,
        r"powershell\modulelogging\enablemodulelogging", OFF,
        "PowerShell pipelines are no longer logged"),
    guard("module-logging", PowerShell, Control,
        r"powershellcore\modulelogging\enablemodulelogging", OFF,
        "PowerShell pipelines are no longer logged"),
    guard("transcription", PowerShell, Control,
        r"powershell\transcription\enabletranscripting", OFF,
        "PowerShell sessions are no longer transcribed"),
    switch("event-channel", PowerShell, Control,
        r"winevt\channels\microsoft-windows-powershell/operational\enabled", OFF,
        "the PowerShell event log is switched off"),
    // Windows Script Host.
    guard("script-host", ScriptHost, Full,
        r"microsoft\windows script host\settings\enabled", Opens::NumbersBut(&[0]),
        "Windows Script Host is switched on"),
    switch("script-host-trust", ScriptHost, Full,
        r"microsoft\windows script host\settings\trustpolicy", OFF,
        "Windows Script Host runs unsigned scripts without asking"),
    switch("script-host-safer", ScriptHost, Control,
        r"microsoft\windows script host\settings\usewinsafer", OFF,
        "Windows Script Host ignores software restriction policies"),
    switch("script-host-user", ScriptHost, Weak,
        r"microsoft\windows script host\settings\ignoreusersettings", OFF,
        "users may switch Windows Script Host on for themselves"),
    switch("script-host-remote", ScriptHost, Full,
        r"microsoft\windows script host\settings\remote", ON,
        "Windows Script Host runs scripts for other computers"),
    switch("amsi", ScriptHost, Control,
        r"windows script\settings\amsienable", OFF,
        "scripts are no longer shown to the malware scanner"),
    switch("amsi-signing", All, Control,
        r"microsoft\amsi\featurebits", Opens::Numbers(&[0, 1]),
        "malware scanners for scripts need no signature"),
    // Office.
    switch("macros", Office, Full,
        r"office\*\*\security\vbawarnings", ON, "macros run without a warning"),
    switch("macro-object-model", Office, Full,
        r"office\*\*\security\accessvbom", ON, "programs may write macros"),
    guard("internet-macros", Office, Full,
        r"office\*\*\security\blockcontentexecutionfrominternet", OFF,
        "macros of downloaded documents are no longer blocked"),
    switch("macro-scan", Office, Control,
        r"office\*\common\security\macroruntimescanscope", OFF,
        "macros are no longer shown to the malware scanner"),
    switch("protected-view", Office, Control,
        r"security\protectedview\disableinternetfilesinpv", ON,
        "downloaded documents open outside Protected View"),
    switch("protected-view", Office, Control,
        r"security\protectedview\disableattachementsinpv", ON,
        "attachments open outside Protected View"),
    switch("protected-view", Office, Control,
        r"security\protectedview\disableattachmentsinpv", ON,
        "attachments open outside Protected View"),
    switch("protected-view", Office, Control,
        r"security\protectedview\disableunsafelocationsinpv", ON,
        "documents from unsafe places open outside Protected View"),
    switch("outlook-macros", Office, Full,
        r"office\*\outlook\security\level", ON, "Outlook runs macros without a warning"),
    switch("dde", Office, Full,
        r"office\*\*\security\allowdde", Opens::Numbers(&[1, 2]), "documents may start programs by DDE"),
    switch("python-formulas", Office, Full,
        r"office\*\excel\security\pythonfunctionwarnings", OFF,
        "Python in workbooks runs without a warning"),
    switch("network-trust", Office, Weak,
        r"security\trusted locations\allownetworklocations", ON,
        "shares may be trusted locations for macros"),
    // What may run at all.
    guard("applocker", All, Control,
        r"srpv2\*\enforcementmode", OFF, "AppLocker no longer enforces its rules"),
    switch("applocker-service", All, Control,
        r"services\appidsvc\start", Opens::Numbers(&[4]), "AppLocker's service is switched off"),
    switch("software-restriction", All, Control,
        r"safer\codeidentifiers\defaultlevel", Opens::Numbers(&[0x40000]),
        "software restriction policies allow everything"),
    switch("software-restriction", All, Control,
        r"safer\codeidentifiers\transparentenabled", OFF,
        "software restriction policies are switched off"),
    switch("smart-app-control", All, Control,
        r"control\ci\policy\verifiedandreputablepolicystate", OFF,
        "Smart App Control is switched off"),
    switch("zone-mark", All, Weak,
        r"policies\attachments\savezoneinformation", ON,
        "downloaded files no longer carry a mark of their origin"),
    switch("autorun", All, Weak,
        r"policies\explorer\nodrivetypeautorun", OFF,
        "inserted media run their programs by themselves"),
    // File types that were pointed away from their interpreter.
    switch("file-type", ScriptHost, Weak,
        r"fileexts\.vbs\userchoice\progid", Opens::Words(&["vbsfile"]), "opening .vbs runs it"),
    switch("file-type", ScriptHost, Weak,
        r"fileexts\.js\userchoice\progid", Opens::Words(&["jsfile"]), "opening .js runs it"),
    switch("file-type", ScriptHost, Weak,
        r"fileexts\.wsf\userchoice\progid", Opens::Words(&["wsffile"]), "opening .wsf runs it"),
    switch("file-type", ScriptHost, Weak,
        r"fileexts\.hta\userchoice\progid", Opens::Words(&["htafile"]), "opening .hta runs it"),
    switch("file-type", ScriptHost, Weak,
        r"vbsfile\shell\open\command\(default)", SCRIPT_PROGRAMS, "opening .vbs runs it"),
    switch("file-type", ScriptHost, Weak,
        r"jsfile\shell\open\command\(default)", SCRIPT_PROGRAMS, "opening .js runs it"),
    switch("file-type", PowerShell, Weak,
        r"microsoft.powershellscript.1\shell\open\command\(default)", SCRIPT_PROGRAMS,
        "opening .ps1 runs it"),
];

/// Keys whose deletion, with all values in them, opens a switch.
#[rustfmt::skip]
pub const DELETED_KEYS: &[Switch] = &[
    guard("script-host", ScriptHost, Full,
        r"microsoft\windows script host\settings", OFF,
        "what switched Windows Script Host off is gone"),
    guard("block-logging", PowerShell, Control,
        r"powershell\scriptblocklogging", OFF, "script blocks are no longer logged"),
    guard("module-logging", PowerShell, Control,
        r"powershell\modulelogging", OFF, "PowerShell pipelines are no longer logged"),
    guard("transcription", PowerShell, Control,
        r"powershell\transcription", OFF, "PowerShell sessions are no longer transcribed"),
    guard("amsi", All, Control,
        r"microsoft\amsi\providers\*", OFF, "a malware scanner for scripts is unregistered"),
    guard("applocker", All, Control,
        r"policies\microsoft\windows\srpv2\*", OFF, "AppLocker rules are gone"),
    guard("applocker", All, Control,
        r"policies\microsoft\windows\srpv2", OFF, "AppLocker's rules are gone"),
];
