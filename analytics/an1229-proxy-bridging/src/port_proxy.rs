//! Port forwarding built into Windows: `netsh interface portproxy`, the
//! registry key behind it, and the listener that results.
//!
//! The marks are put on the forwarding, by its listening port, as the command,
//! the registry and the listener are three different processes.

use sandtrap_sdk::{
    Chain, Row, Scope, Site, field,
    lineage::Subject,
    windows::{ProcessName, command_line},
};

use crate::program::ADMINISTRATION_PORTS;

const SECURE_SHELL: u16 = 22;

/// A forwarding, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forwarding {
    listen_port: String,
    listen_address: String,
    connect_port: String,
    connect_address: String,
}

/// The parameters of `add` in their order, which is also that in which `netsh`
/// resolves an abbreviation and takes values without a name.
const PARAMETERS: [&str; 5] = [
    "listenport",
    "connectaddress",
    "connectport",
    "listenaddress",
    "protocol",
];

/// The words that lead to `add`, each of which may be abbreviated, and how
/// short.
const WORDS: [(&str, usize); 4] = [("interface", 1), ("portproxy", 1), ("add", 1), ("v", 1)];

impl Forwarding {
    /// From a command line of `netsh`.
    pub fn of_command(line: &str) -> Option<Self> {
        let arguments: Vec<String> = command_line::arguments_after_executable(line)
            .take(64)
            .map(|argument| argument.text.to_ascii_lowercase())
            .collect();
        let start = arguments.windows(WORDS.len()).position(|window| {
            window
                .iter()
                .zip(WORDS)
                .all(|(argument, (word, shortest))| match word {
                    "v" => argument.starts_with('v') && argument.len() <= 6,
                    _ => argument.len() >= shortest && word.starts_with(argument.as_str()),
                })
        })?;
        let mut found = Self::default();
        let values = arguments.get(start + WORDS.len()..).unwrap_or_default();
        for (position, argument) in values.iter().enumerate() {
            let (name, value) = match argument.split_once('=') {
                Some((tag, value)) => {
                    let name = PARAMETERS.into_iter().find(|name| name.starts_with(tag));
                    (name.unwrap_or_default(), value)
                }
                None => (
                    PARAMETERS.get(position).copied().unwrap_or_default(),
                    argument.as_str(),
                ),
            };
            found.set(name, value);
        }
        if found.connect_port.is_empty() {
            found.connect_port.clone_from(&found.listen_port);
        }
        (!found.listen_port.is_empty()).then_some(found)
    }

    /// From a registry value: `…\PortProxy\v4tov4\tcp\address/port` and what
    /// is written there, `address/port`.
    pub fn of_registry(path: &str, data: &str) -> Option<Self> {
        let (_, name) = path.rsplit_once('\\')?;
        let (listen_address, listen_port) = name.rsplit_once('/')?;
        let (connect_address, connect_port) = data.trim().rsplit_once('/')?;
        listen_port.parse::<u16>().ok()?;
        let mut found = Self::default();
        found.set("listenaddress", listen_address);
        found.set("listenport", listen_port);
        found.set("connectaddress", connect_address);
        found.set("connectport", connect_port);
        Some(found)
    }

    /// What its marks are put on.
    pub fn subject(&self) -> Subject {
        subject_of_port(&self.listen_port)
    }

    /// Adds what is said by where it leads.
    pub fn add_target(&self, site: &Site, chain: &mut Chain<'_, '_>) {
        let port = self.connect_port.parse::<u16>().unwrap_or_default();
        let address = if self.connect_address == "localhost" || self.connect_address.is_empty() {
            "127.0.0.1"
        } else {
            self.connect_address.as_str()
        };
        if port == SECURE_SHELL {
            // Developers reach their Linux subsystem that way.
            let note = "the forwarding leads to a secure shell";
            chain.add("target.secure-shell", 5, note);
        } else if ADMINISTRATION_PORTS.contains(&port) {
            let note = format!(
                "the forwarding leads to port {port}, through which machines are administered"
            );
            chain.add("target.administration", 15, note);
        }
        match site.scope(address) {
            Scope::Public => {
                chain.add(
                    "target.external",
                    15,
                    format!("the forwarding leads out, to {address}"),
                );
            }
            Scope::Loopback => {
                let note = format!("the forwarding opens local port {port} to other machines");
                chain.add("target.loopback", 10, note);
            }
            Scope::Internal if site.is_configured("internal_networks") => {
                let note = format!("the forwarding leads to the internal machine {address}");
                chain.add("target.internal", 10, note);
            }
            _ => {}
        }
    }

    /// In words.
    pub fn describe(&self) -> String {
        let any = |address: &str| match address {
            "" | "*" => "any address".to_owned(),
            address => address.to_owned(),
        };
        let to = if self.connect_address.is_empty() {
            "localhost"
        } else {
            &self.connect_address
        };
        format!(
            "port {} of {} to {to}:{}",
            self.listen_port,
            any(&self.listen_address),
            self.connect_port
        )
    }

    fn set(&mut self, name: &str, value: &str) {
        let value: String = value.chars().take(64).collect();
        match name {
            "listenport" => self.listen_port = value,
            "listenaddress" => self.listen_address = value,
            "connectport" => self.connect_port = value,
            "connectaddress" => self.connect_address = value,
            _ => {}
        }
    }
}

/// What the marks of the forwarding with a listening port are put on.
pub fn subject_of_port(port: &str) -> Subject {
    Subject::item(format!("port-proxy {port}"))
}

/// The firewall rule that lets a program in, if `netsh` is told to add one for
/// a program that lies where users can write.
pub fn allowed_program(line: &str) -> Option<String> {
    let arguments: Vec<String> = command_line::arguments_after_executable(line)
        .take(64)
        .map(|argument| argument.text.to_ascii_lowercase())
        .collect();
    let adds = |argument: &String| argument == "add" || argument == "ad";
    let is_firewall =
        |argument: &String| argument.contains("firewall") || argument.starts_with("advf");
    if !arguments.iter().any(adds) || !arguments.iter().any(is_firewall) {
        return None;
    }
    let program = arguments.iter().find_map(|argument| {
        argument
            .strip_prefix("program=")
            .or_else(|| argument.contains(":\\").then_some(argument))
    })?;
    crate::spawn::is_planted(program).then(|| program.to_owned())
}

/// Whether the launched program is `netsh`.
pub fn is_netsh(row: &Row<'_>) -> bool {
    let image = row.text(field::PROCESS_FILE_PATH);
    ProcessName::of(image, row.text(field::PROCESS_FILE_INTERNAL_NAME)).is("netsh.exe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_command() {
        let expected = Forwarding {
            listen_port: "8001".to_owned(),
            listen_address: "192.0.2.1".to_owned(),
            connect_port: "3389".to_owned(),
            connect_address: "192.0.2.5".to_owned(),
        };
        for line in [
            "netsh I p a v l=8001 listena=192.0.2.1 connectp=3389 c=192.0.2.5",
            "netsh.exe interface portproxy add v4tov4 listenport=8001 listenaddress=192.0.2.1 \
             connectport=3389 connectaddress=192.0.2.5",
            "netsh int port add v4tov4 8001 192.0.2.5 3389 192.0.2.1",
        ] {
            assert_eq!(
                Forwarding::of_command(line).as_ref(),
                Some(&expected),
                "{line}"
            );
        }
        let key =
            "HKLM\\System\\CurrentControlSet\\Services\\PortProxy\\v4tov4\\tcp\\192.0.2.1/8001";
        assert_eq!(
            Forwarding::of_registry(key, "192.0.2.5/3389"),
            Some(expected)
        );
        for line in [
            "netsh interface portproxy show all",
            "netsh interface portproxy delete v4tov4 listenport=8001",
            "netsh interface ip show config",
            "netsh",
        ] {
            assert_eq!(Forwarding::of_command(line), None, "{line}");
        }
    }

    #[test]
    fn firewall_rules_for_planted_programs() {
        let rule = "netsh advfirewall firewall add rule name=x dir=in action=allow program=";
        let planted = format!("{rule}\"C:\\Users\\Public\\x.exe\"");
        assert_eq!(
            allowed_program(&planted).as_deref(),
            Some("c:\\users\\public\\x.exe")
        );
        assert_eq!(
            allowed_program(&format!("{rule}\"C:\\Program Files\\x\\x.exe\"")),
            None
        );
        assert_eq!(allowed_program("netsh firewall show config"), None);
    }
}
