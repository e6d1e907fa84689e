//! Where Windows keeps its programs.

use crate::windows::path;

/// A group of directories on the system drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// `System32` and its 32-bit counterpart.
    System,
    /// `wbem` in either.
    Wbem,
    /// `WindowsPowerShell\v1.0` in either.
    WindowsPowerShell,
    /// PowerShell 7 and later: `Program Files\PowerShell` or a store package.
    PowerShellCore,
    /// `\Windows` itself, with `System32` allowed.
    Windows,
    /// Below `Microsoft.NET`.
    DotNet,
    /// Below `Microsoft.NET`, or shipped with developer tools in `Program Files`.
    DotNetOrTools,
}

const HOMES: &[(Home, &[&str])] = &[
    (
        Home::WindowsPowerShell,
        &["powershell.exe", "powershell_ise.exe"],
    ),
    (Home::PowerShellCore, &["pwsh.exe"]),
    (
        Home::Wbem,
        &[
            "wmic.exe",
            "wmiprvse.exe",
            "mofcomp.exe",
            "scrcons.exe",
            "unsecapp.exe",
        ],
    ),
    (
        Home::Windows,
        &[
            "explorer.exe",
            "hh.exe",
            "regedit.exe",
            "notepad.exe",
            "splwow64.exe",
        ],
    ),
    (
        Home::DotNet,
        &[
            "installutil.exe",
            "regasm.exe",
            "regsvcs.exe",
            "aspnet_compiler.exe",
            "jsc.exe",
            "ilasm.exe",
            "ngen.exe",
            "mscorsvw.exe",
            "addinprocess.exe",
            "addinprocess32.exe",
        ],
    ),
    (Home::DotNetOrTools, &["msbuild.exe", "csc.exe", "vbc.exe"]),
    (
        Home::System,
        &[
            "at.exe",
            "attrib.exe",
            "bitsadmin.exe",
            "certutil.exe",
            "cmd.exe",
            "cmdkey.exe",
            "cmstp.exe",
            "conhost.exe",
            "consent.exe",
            "control.exe",
            "cscript.exe",
            "csrss.exe",
            "diskshadow.exe",
            "dllhost.exe",
            "esentutl.exe",
            "eventvwr.exe",
            "expand.exe",
            "extrac32.exe",
            "findstr.exe",
            "fodhelper.exe",
            "forfiles.exe",
            "ftp.exe",
            "gpupdate.exe",
            "hostname.exe",
            "ipconfig.exe",
            "logonui.exe",
            "lsass.exe",
            "lsm.exe",
            "makecab.exe",
            "mavinject.exe",
            "mmc.exe",
            "msdt.exe",
            "mshta.exe",
            "msiexec.exe",
            "mstsc.exe",
            "net.exe",
            "net1.exe",
            "netsh.exe",
            "netstat.exe",
            "nltest.exe",
            "nslookup.exe",
            "odbcconf.exe",
            "pcalua.exe",
            "ping.exe",
            "print.exe",
            "reg.exe",
            "regsvr32.exe",
            "rundll32.exe",
            "runtimebroker.exe",
            "sc.exe",
            "schtasks.exe",
            "services.exe",
            "sdiagnhost.exe",
            "smss.exe",
            "spoolsv.exe",
            "svchost.exe",
            "syncappvpublishingserver.exe",
            "systeminfo.exe",
            "taskhost.exe",
            "taskhostw.exe",
            "taskkill.exe",
            "tasklist.exe",
            "taskmgr.exe",
            "userinit.exe",
            "verclsid.exe",
            "vssadmin.exe",
            "wbadmin.exe",
            "werfault.exe",
            "wermgr.exe",
            "wevtutil.exe",
            "whoami.exe",
            "wininit.exe",
            "winlogon.exe",
            "wscript.exe",
            "wsmprovhost.exe",
            "xwizard.exe",
        ],
    ),
];

/// Where the program of this name, in lower case, belongs.
pub(super) fn of(name: &str) -> Option<Home> {
    HOMES
        .iter()
        .find(|(_, names)| names.contains(&name))
        .map(|(home, _)| *home)
}

/// Whether the image lies there; `None` if its directory is not known.
pub(super) fn is_within(image: &str, home: Home) -> Option<bool> {
    match path::place(image) {
        path::Place::Unknown | path::Place::Relative => return None,
        path::Place::Network | path::Place::Removable | path::Place::UserWritable => {
            return Some(false);
        }
        _ => {}
    }
    let image = path::normalise(image);
    let rooted = image.strip_prefix("c:").unwrap_or(&image);
    let (directory, _) = rooted.rsplit_once('/')?;
    let tools = ["/program files/", "/program files (x86)/"];
    let in_tools = tools.iter().any(|root| directory.starts_with(root));
    let below_windows = directory.strip_prefix("/windows").unwrap_or("-");
    // Servicing keeps a copy of every system file in the component store.
    if below_windows.starts_with("/winsxs/") {
        return Some(true);
    }
    let in_system = ["/system32", "/syswow64", "/sysnative"]
        .iter()
        .find_map(|system| below_windows.strip_prefix(system));
    let in_dotnet = below_windows.starts_with("/microsoft.net/framework");
    Some(match home {
        Home::System => in_system == Some(""),
        Home::Wbem => in_system == Some("/wbem"),
        Home::WindowsPowerShell => in_system == Some("/windowspowershell/v1.0"),
        Home::PowerShellCore => tools.iter().any(|root| {
            directory.strip_prefix(root).is_some_and(|rest| {
                rest.starts_with("powershell/")
                    || rest.starts_with("windowsapps/microsoft.powershell")
            })
        }),
        Home::Windows => below_windows.is_empty() || in_system == Some(""),
        Home::DotNet => in_dotnet,
        Home::DotNetOrTools => in_dotnet || in_tools,
    })
}
