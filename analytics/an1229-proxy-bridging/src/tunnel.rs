//! Forwarding that a command line asks for, whatever the tool is called.

use sandtrap_sdk::windows::command_line;

/// What is to be forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The switch and its value, or the words that ask for it.
    pub specification: String,
    /// Whether the far end opens the connections: a way in.
    pub is_reverse: bool,
}

impl Forward {
    /// What it adds. A single port that is brought here is what administrators
    /// use to reach a database.
    pub fn score(&self) -> i32 {
        if self.is_reverse {
            35
        } else if self.specification.starts_with("-L") {
            20
        } else {
            25
        }
    }
}

/// The first forwarding a command line asks for: `-R`, `-L` or `-D` as SSH
/// clients take them, or `R:…` and `…:socks` as newer tools do.
pub fn forward(line: &str) -> Option<Forward> {
    let mut arguments = command_line::arguments_after_executable(line)
        .take(64)
        .peekable();
    while let Some(argument) = arguments.next() {
        let text = argument.text.as_ref();
        if let Some((switch, attached)) = switch(text) {
            let value = match attached {
                "" => arguments.peek().map_or("", |next| next.text.as_ref()),
                attached => attached,
            };
            let fits = match switch {
                'D' => is_listener(value),
                'R' => is_forwarding(value) || is_listener(value),
                _ => is_forwarding(value),
            };
            if fits {
                let specification = format!("-{switch} {value}");
                return Some(Forward {
                    specification,
                    is_reverse: switch == 'R',
                });
            }
        }
        let reverse = text.strip_prefix("R:");
        let rest = reverse.unwrap_or(text);
        let is_socks = rest.eq_ignore_ascii_case("socks") || rest.ends_with(":socks");
        if (reverse.is_some() && is_forwarding(rest)) || (is_socks && rest.len() < text.len()) {
            let specification = text.to_owned();
            return Some(Forward {
                specification,
                is_reverse: reverse.is_some(),
            });
        }
    }
    None
}

/// `-R`, alone or with its value attached. Case matters to SSH clients.
fn switch(text: &str) -> Option<(char, &str)> {
    let rest = text.strip_prefix('-')?;
    let letter = rest
        .chars()
        .next()
        .filter(|letter| matches!(letter, 'R' | 'L' | 'D'))?;
    Some((letter, rest.get(1..)?))
}

/// `[address:]port:host:port`.
fn is_forwarding(text: &str) -> bool {
    let parts: Vec<&str> = text.rsplit(':').collect();
    let [port, host, listen, ..] = parts.as_slice() else {
        return false;
    };
    parts.len() <= 10 && is_port(port) && !host.is_empty() && is_port(listen)
}

/// `[address:]port`, with a port that needs no privileges: a smaller number
/// is a count or a level for most tools.
fn is_listener(text: &str) -> bool {
    let (address, port) = text.rsplit_once(':').unwrap_or(("", text));
    let is_address = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '*' | '-');
    address.len() < 64
        && address.chars().all(is_address)
        && port.parse::<u16>().is_ok_and(|port| port >= 1024)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarding_is_found_whatever_the_tool() {
        for (line, expected) in [
            (
                "plink.exe 198.51.100.9 -P 22 -C -R 127.0.0.1:4444:127.0.0.1:3389",
                Some(true),
            ),
            ("x.exe -R4444:127.0.0.1:3389 a@198.51.100.9", Some(true)),
            ("ssh -N -L 8080:intranet:80 bastion", Some(false)),
            ("ssh -D 1080 bastion", Some(false)),
            ("svc.exe client 198.51.100.9:8080 R:socks", Some(true)),
            (
                "svc.exe client 198.51.100.9:8080 R:3389:10.0.0.5:3389",
                Some(true),
            ),
            ("robocopy a b -R 5", None),
            ("tool.exe -L C:\\a\\b", None),
            ("tool.exe socks", None),
            ("java -Dproxy=host:8080 x", None),
            ("ssh host", None),
            ("", None),
        ] {
            let found = forward(line).map(|forward| forward.is_reverse);
            assert_eq!(found, expected, "{line}");
        }
    }
}
