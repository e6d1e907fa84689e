//! Which programs are watched, and which ports are usual for them.

use sandtrap_sdk::windows::{ProcessName, path, process_name};

/// Programs of Windows whose connections say something: they run other
/// people's code, or have no business on the network.
pub const WATCHED: &[&str] = &[
    "rundll32.exe",
    "powershell.exe",
    "pwsh.exe",
    "powershell_ise.exe",
    "netsh.exe",
    "regsvr32.exe",
    "mshta.exe",
    "wscript.exe",
    "cscript.exe",
    "msbuild.exe",
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
    "dllhost.exe",
    "wmic.exe",
    "certutil.exe",
    "bitsadmin.exe",
    "cmstp.exe",
    "msxsl.exe",
    "odbcconf.exe",
    "hh.exe",
    "control.exe",
    "notepad.exe",
    "calc.exe",
    "mspaint.exe",
    "werfault.exe",
    "wermgr.exe",
    "gpupdate.exe",
    "searchprotocolhost.exe",
    "sndvol.exe",
    "write.exe",
    "cmd.exe",
];

/// What the version resource of those says, where it differs from the file
/// name. For renamed copies.
pub const ORIGINAL_NAMES: &[&str] = &[
    "rundll32.exe",
    "powershell.exe",
    "pwsh.dll",
    "regsvr32.exe",
    "mshta.exe",
    "wscript.exe",
    "cscript.exe",
    "msbuild.exe",
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
    "wmic.exe",
    "certutil.exe",
];

/// Programs that forward connections as their purpose, administrators' tools
/// among them.
pub const TUNNEL_CLIENTS: &[&str] = &[
    "ssh.exe",
    "plink.exe",
    "klink.exe",
    "putty.exe",
    "kitty.exe",
    "chisel.exe",
    "frpc.exe",
    "frps.exe",
    "ngrok.exe",
    "cloudflared.exe",
    "iox.exe",
    "gost.exe",
    "socat.exe",
    "ncat.exe",
    "nc.exe",
    "nc64.exe",
    "htran.exe",
    "lcx.exe",
    "ligolo.exe",
    "agent.exe",
    "rathole.exe",
    "revsocks.exe",
    "stunnel.exe",
    "bore.exe",
    "3proxy.exe",
];

/// Programs that never run without an argument: a bare one was started to be
/// filled with other code.
pub const NEEDS_ARGUMENTS: &[&str] = &[
    "rundll32.exe",
    "regsvr32.exe",
    "dllhost.exe",
    "werfault.exe",
    "searchprotocolhost.exe",
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
];

/// Ports through which a machine is administered, and what tunnels lead to.
pub const ADMINISTRATION_PORTS: &[u16] = &[
    22, 23, 135, 139, 445, 1433, 3306, 3389, 5432, 5900, 5985, 5986,
];

/// What kind of program it is, as far as this analytic cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A service host.
    ServiceHost,
    /// Another program of [`WATCHED`].
    Watched,
    /// A tool that forwards connections.
    TunnelClient,
    /// A web server: it accepts connections by nature.
    WebServer,
    /// Anything that lies where users can write.
    UserWritable,
    /// Anything else.
    Other,
}

impl Kind {
    /// Of a program by its names and where it lies.
    pub fn of(name: &ProcessName, image: &str) -> Self {
        if name.is("svchost.exe") {
            Self::ServiceHost
        } else if name.is_any(WATCHED) {
            Self::Watched
        } else if name.is_any(TUNNEL_CLIENTS) {
            Self::TunnelClient
        } else if name.is_any(process_name::WEB_SERVERS) {
            Self::WebServer
        } else if path::is_user_writable(image) {
            Self::UserWritable
        } else {
            Self::Other
        }
    }
}

/// Whether a port is usual for a program. Most watched programs have none:
/// that they connect at all is rare.
pub fn is_usual_port(kind: Kind, name: &ProcessName, port: u16) -> bool {
    let usual: &[u16] = match kind {
        Kind::ServiceHost => &[
            53, 67, 68, 80, 123, 135, 137, 138, 139, 389, 443, 445, 547, 1900, 3544, 5353, 5355,
            5985, 7680,
        ],
        Kind::Watched if name.is_any(process_name::POWERSHELL_HOSTS) => {
            // With mail, databases, updates and the directory's web service: servers
            // that administrators' scripts are there for.
            &[
                25, 53, 80, 88, 135, 389, 443, 445, 587, 636, 1433, 3268, 5985, 5986, 8530, 8531,
                9389,
            ]
        }
        Kind::Watched => &[],
        Kind::TunnelClient => &[22, 80, 443],
        Kind::WebServer => &[53, 80, 88, 135, 389, 443, 445, 636, 1433, 3306, 5432],
        Kind::UserWritable | Kind::Other => &[53, 80, 123, 443, 1900, 5353],
    };
    usual.contains(&port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(image: &str) -> (Kind, ProcessName) {
        let name = ProcessName::of(image, "");
        (Kind::of(&name, image), name)
    }

    #[test]
    fn programs_have_kinds_and_ports() {
        let (service_host, name) = kind("C:\\Windows\\System32\\svchost.exe");
        assert_eq!(service_host, Kind::ServiceHost);
        assert!(is_usual_port(service_host, &name, 5985));
        assert!(!is_usual_port(service_host, &name, 4444));
        let (shell, name) = kind("C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe");
        assert_eq!(shell, Kind::Watched);
        assert!(is_usual_port(shell, &name, 443) && !is_usual_port(shell, &name, 8080));
        let (proxy, name) = kind("C:\\Windows\\System32\\rundll32.exe");
        assert!(!is_usual_port(proxy, &name, 443));
        assert_eq!(kind("C:\\Tools\\plink.exe").0, Kind::TunnelClient);
        assert_eq!(
            kind("C:\\Windows\\System32\\inetsrv\\w3wp.exe").0,
            Kind::WebServer
        );
        assert_eq!(kind("C:\\Users\\a\\x.exe").0, Kind::UserWritable);
        assert_eq!(kind("C:\\Program Files\\x\\x.exe").0, Kind::Other);
    }
}
