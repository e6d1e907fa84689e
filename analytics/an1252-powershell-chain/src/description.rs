//! Who the analytic is, in MITRE's words where they exist, and what may be tuned.

use sandtrap_sdk::{Description, class, json};

use crate::defaults::{COMMAND_LINE_PATTERN, MODULES, PARENTS, SOURCES};

/// The description without the subscriptions.
pub(crate) fn description() -> Description {
    let description = Description::new(
        "AN1252",
        "PowerShell behavioural chain",
        env!("CARGO_PKG_VERSION"),
    )
    .summary(
        "Detects behavioral chains where PowerShell is launched with encoded commands, unusual \
         parent processes, or suspicious modules loaded, potentially followed by network \
         connections or child process spawning. Supports detection of both direct \
         (powershell.exe) and indirect (.NET automation) invocations.",
    )
    .strategy("DET0455", "Abuse of PowerShell for Arbitrary Execution")
    .technique("T1059.001", "PowerShell")
    .tactics(["execution"])
    .platforms(["Windows"])
    .log_source(
        "DC0032",
        "Process Creation",
        "WinEventLog:Sysmon",
        "EventCode=1",
    )
    .log_source(
        "DC0064",
        "Command Execution",
        "WinEventLog:PowerShell",
        "EventCode=4103, 4104, 4105, 4106",
    )
    .log_source(
        "DC0034",
        "Process Metadata",
        "WinEventLog:PowerShell",
        "EventCode=400, 403",
    )
    .log_source("DC0016", "Module Load", "WinEventLog:Sysmon", "EventCode=7");
    inputs(settings(description))
}

fn settings(description: Description) -> Description {
    description
        .official_setting(
            "CommandLinePattern",
            COMMAND_LINE_PATTERN,
            "Regular expression that adds 10 to a PowerShell command line it occurs in and whose \
             switches, which a parser reads in any case, add nothing; at most 1,024 bytes, and \
             not one that fits ordinary command lines.",
        )
        .official_setting(
            "ParentProcessName",
            json!(PARENTS),
            "File names of programs that have little reason to start PowerShell; at most 512.",
        )
        .official_setting(
            "TimeWindow",
            json!([]),
            "Hours to which detection is scoped, written like the site's maintenance windows: \
             {\"days\": [\"sat\"], \"from\": \"22:00\", \"to\": \"04:00\", \"utc_offset\": \
             \"+02:00\"}. None means always.",
        )
        .official_setting(
            "LoadedModuleList",
            json!(MODULES),
            "File names of modules that are odd in PowerShell. Of modules below \\Windows and \
             \\Program Files only the default ones are seen.",
        )
        .official_setting(
            "ScriptBlockLengthThreshold",
            1000,
            "Bytes from which an unreadable script block is odd; 1 to 10,000,000.",
        )
        .setting(
            "ChainSeconds",
            1800,
            "Seconds for which a stage counts; 10 to 86,400.",
        )
        .setting(
            "AlertThreshold",
            50,
            "Score from which a chain is reported; 30 to 150.",
        )
        .setting(
            "EngineHosts",
            json!([]),
            "Patterns of paths of programs that may host the PowerShell engine, in addition to \
             those known to.",
        )
        .setting(
            "TrustedSources",
            json!(SOURCES),
            "Beginnings of addresses from which installers are fetched; a command that fetches \
             from nowhere else scores 20 less.",
        )
        .setting(
            "LearningDays",
            14,
            "Days a baseline learns before it is believed; 1 to 365.",
        )
}

fn inputs(description: Description) -> Description {
    description
        .input(
            class::PROCESS_LAUNCH,
            "switches, code and parents are known from PowerShell's own logs at best",
        )
        .input(
            class::MODULE_LOAD,
            "the engine inside other programs is seen only by its pipe or its log",
        )
        .input(
            class::PIPE_CREATE,
            "the engine inside other programs is seen only by its modules or its log",
        )
        .input(
            class::PROCESS_INJECT,
            "an engine that was injected looks like one that was loaded",
        )
        .input(class::NETWORK_OPEN, "connections do not raise the score")
        .input(
            class::SCRIPT_EXECUTE,
            "code that is not on the command line is not read",
        )
        .input(
            class::SCRIPT_ENGINE,
            "downgrades and unnamed hosts of the engine are missed",
        )
        .site_input(
            "approved_deployment_paths",
            "management tools are told from intruders by what they do only",
        )
        .site_input(
            "approved_script_paths",
            "approved scripts in shared folders count as dropped",
        )
        .site_input(
            "internal_networks",
            "all private addresses count as internal",
        )
}
