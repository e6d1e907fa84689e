//! Programs that analytics treat alike, by file name.
//!
//! For use with [`ProcessName::is_any`](super::ProcessName::is_any).

/// Programs that are PowerShell, or host its engine as their purpose.
pub const POWERSHELL_HOSTS: &[&str] = &[
    "powershell.exe",
    "pwsh.exe",
    "powershell_ise.exe",
    "sqlps.exe",
    "sqltoolsps.exe",
];

/// Windows Script Host and the HTML application host.
pub const SCRIPT_HOSTS: &[&str] = &["wscript.exe", "cscript.exe", "mshta.exe"];

/// Programs of Microsoft Office that open documents with macros or embedded objects.
pub const OFFICE: &[&str] = &[
    "winword.exe",
    "excel.exe",
    "powerpnt.exe",
    "outlook.exe",
    "msaccess.exe",
    "mspub.exe",
    "visio.exe",
    "onenote.exe",
    "onenotem.exe",
    "infopath.exe",
    "winproj.exe",
    "eqnedt32.exe",
    "fltldr.exe",
];

/// Web browsers and embedded browser engines.
pub const BROWSERS: &[&str] = &[
    "chrome.exe",
    "msedge.exe",
    "msedgewebview2.exe",
    "firefox.exe",
    "iexplore.exe",
    "microsoftedge.exe",
    "microsoftedgecp.exe",
    "opera.exe",
    "brave.exe",
    "vivaldi.exe",
    "chromium.exe",
    "safari.exe",
    "tor.exe",
    "waterfox.exe",
];

/// Mail clients and document viewers.
pub const MAIL_AND_DOCUMENTS: &[&str] = &[
    "outlook.exe",
    "olk.exe",
    "hxoutlook.exe",
    "thunderbird.exe",
    "winmail.exe",
    "foxmail.exe",
    "acrord32.exe",
    "acrobat.exe",
    "rdrcef.exe",
    "foxitreader.exe",
    "foxitpdfreader.exe",
    "foxitphantom.exe",
    "sumatrapdf.exe",
    "pdfxedit.exe",
    "wordpad.exe",
];

/// Web and application servers.
pub const WEB_SERVERS: &[&str] = &[
    "w3wp.exe",
    "httpd.exe",
    "apache.exe",
    "nginx.exe",
    "php.exe",
    "php-cgi.exe",
    "caddy.exe",
    "lighttpd.exe",
    "tomcat.exe",
    "tomcat7.exe",
    "tomcat8.exe",
    "tomcat9.exe",
    "tomcat10.exe",
    "java.exe",
    "javaw.exe",
    "ws_tomcatservice.exe",
    "umworkerprocess.exe",
    "beasvc.exe",
    "coldfusion.exe",
];

/// Database servers and their agents.
pub const DATABASE_SERVERS: &[&str] = &[
    "sqlservr.exe",
    "sqlagent.exe",
    "mysqld.exe",
    "mariadbd.exe",
    "postgres.exe",
    "oracle.exe",
    "mongod.exe",
    "fbserver.exe",
    "db2syscs.exe",
];

/// Utilities of the .NET Framework that load and run code from a file they are given.
pub const DOTNET_UTILITIES: &[&str] = &[
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
    "msbuild.exe",
    "aspnet_compiler.exe",
    "csc.exe",
    "vbc.exe",
    "jsc.exe",
    "ilasm.exe",
    "addinprocess.exe",
    "addinprocess32.exe",
    "microsoft.workflow.compiler.exe",
];

/// Programs of Windows that run someone else's code on its behalf.
pub const PROXIES: &[&str] = &[
    "rundll32.exe",
    "regsvr32.exe",
    "mshta.exe",
    "wscript.exe",
    "cscript.exe",
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
    "msbuild.exe",
    "wmic.exe",
    "cmstp.exe",
    "control.exe",
    "hh.exe",
    "odbcconf.exe",
    "msiexec.exe",
    "msdt.exe",
    "pcalua.exe",
    "forfiles.exe",
    "xwizard.exe",
    "mavinject.exe",
    "presentationhost.exe",
    "syncappvpublishingserver.exe",
    "dllhost.exe",
];

/// Programs of Windows that stand out as children of an interpreter or a document.
pub const LOLBINS: &[&str] = &[
    "bitsadmin.exe",
    "certutil.exe",
    "cmstp.exe",
    "control.exe",
    "cscript.exe",
    "curl.exe",
    "esentutl.exe",
    "expand.exe",
    "extrac32.exe",
    "findstr.exe",
    "forfiles.exe",
    "hh.exe",
    "installutil.exe",
    "makecab.exe",
    "mavinject.exe",
    "msbuild.exe",
    "msdt.exe",
    "mshta.exe",
    "msiexec.exe",
    "msxsl.exe",
    "netsh.exe",
    "odbcconf.exe",
    "pcalua.exe",
    "presentationhost.exe",
    "reg.exe",
    "regasm.exe",
    "regsvcs.exe",
    "regsvr32.exe",
    "rundll32.exe",
    "sc.exe",
    "schtasks.exe",
    "scriptrunner.exe",
    "vssadmin.exe",
    "wbadmin.exe",
    "wmic.exe",
    "wscript.exe",
    "xwizard.exe",
];

/// Command interpreters.
pub const SHELLS: &[&str] = &[
    "cmd.exe",
    "powershell.exe",
    "pwsh.exe",
    "powershell_ise.exe",
    "bash.exe",
    "sh.exe",
    "wsl.exe",
];

/// Programs that stand between a process and what it really started; look past them
/// when judging lineage.
pub const INTERMEDIARIES: &[&str] = &["cmd.exe", "conhost.exe"];
