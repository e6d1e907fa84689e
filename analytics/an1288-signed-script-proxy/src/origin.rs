//! Where the code that a utility runs comes from.

use sandtrap_sdk::windows::path::{self, Place};

use crate::stage::{Stage, brief};

/// Where code lies, as far as it can be told from the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Fetched from a web server or a WebDAV share.
    Web,
    /// The domain's share of logon scripts, where only its administrators write.
    LogonShare,
    /// Any other share.
    Share,
    /// A drive that is not the system's.
    Removable,
    /// A directory of the system drive where users write.
    UserWritable,
    /// Below a user's profile, but where builds put what they made.
    BuildOutput,
    /// Among the files of Windows.
    Windows,
    /// A relative path that names a directory not known here.
    Unresolved,
    /// A directory of the system drive that belongs to nobody in particular.
    Elsewhere,
    /// Among the installed programs.
    Installed,
}

impl Origin {
    /// Where a path leads, taken as relative to a working directory that may be empty.
    pub fn of(path: &str, working_directory: &str) -> Self {
        let lower = path
            .trim_matches('"')
            .to_ascii_lowercase()
            .replace('/', "\\");
        if is_web(&lower) {
            return Self::Web;
        }
        let resolved = resolve(path, working_directory);
        match path::place(&resolved) {
            Place::Network if is_logon_share(&resolved) => Self::LogonShare,
            Place::Network => Self::Share,
            Place::Removable => Self::Removable,
            Place::UserWritable if is_build_output(&resolved) => Self::BuildOutput,
            Place::UserWritable => Self::UserWritable,
            Place::System | Place::DotNet | Place::Windows => Self::Windows,
            Place::Relative | Place::Unknown => Self::Unresolved,
            Place::Other => Self::Elsewhere,
            Place::ProgramFiles => Self::Installed,
        }
    }

    /// Whether anyone but an administrator could have put the code there.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::Web | Self::Share | Self::Removable | Self::UserWritable
        )
    }

    /// The stage this is worth, where `user_writable` is what a user's directory is worth
    /// to the utility at hand.
    pub fn stage(self, what: &str, path: &str, user_writable: i32) -> Option<Stage> {
        let path = brief(path);
        let stage = match self {
            Self::Web => (
                "payload.web",
                35,
                format!("ran {what} from the web: {path}"),
            ),
            Self::Share => (
                "payload.share",
                20,
                format!("ran {what} from a share: {path}"),
            ),
            Self::LogonShare => (
                "payload.logon-share",
                5,
                format!("ran {what} from the share of logon scripts: {path}"),
            ),
            Self::Removable => (
                "payload.removable",
                20,
                format!("ran {what} from a drive that is not the system's: {path}"),
            ),
            Self::UserWritable => (
                "payload.user-writable",
                user_writable,
                format!("ran {what} from where users can write: {path}"),
            ),
            Self::BuildOutput => (
                "payload.build-output",
                10,
                format!("ran {what} from a build directory: {path}"),
            ),
            Self::Elsewhere => (
                "payload.elsewhere",
                user_writable.min(10),
                format!("ran {what} from outside the installed programs: {path}"),
            ),
            Self::Windows | Self::Unresolved | Self::Installed => return None,
        };
        let (name, score, note) = stage;
        (score > 0).then(|| Stage::new(name, score, note))
    }
}

/// A path made absolute, if it is relative and the directory is known.
pub fn resolve(path: &str, working_directory: &str) -> String {
    let path = path.trim().trim_matches('"');
    let directory = working_directory.trim().trim_end_matches('\\');
    if path.is_empty() || directory.is_empty() || path::place(path) != Place::Relative {
        return path.to_owned();
    }
    format!("{directory}\\{path}")
}

fn is_web(lower: &str) -> bool {
    let has_scheme = ["http:", "https:", "ftp:"]
        .iter()
        .any(|scheme| lower.starts_with(scheme));
    let is_dav = lower.starts_with("\\\\")
        && (lower.contains("davwwwroot") || lower.contains("@ssl") || has_port(lower));
    has_scheme || is_dav
}

/// `\\host@8080\share`: shares have no ports, WebDAV has.
fn has_port(lower: &str) -> bool {
    let host = lower.trim_start_matches('\\').split('\\').next();
    host.and_then(|host| host.rsplit_once('@'))
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

fn is_logon_share(path: &str) -> bool {
    let lower = path::normalise(path);
    let mut components = lower.trim_start_matches('/').split('/');
    let (_host, share) = (components.next(), components.next());
    matches!(share, Some("sysvol" | "netlogon"))
}

/// Below a profile, in what compilers call their output directory.
fn is_build_output(path: &str) -> bool {
    let lower = path::normalise(path);
    lower.contains("/users/")
        && ["/bin/debug/", "/bin/release/", "/bin/x64/", "/bin/x86/"]
            .iter()
            .any(|output| lower.contains(output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comes_from_where_its_path_leads() {
        for (path, directory, origin) in [
            ("https://example.org/a.sct", "", Origin::Web),
            ("\\\\host@SSL\\DavWWWRoot\\a.vbs", "", Origin::Web),
            ("\\\\host@8080\\a\\b.vbs", "", Origin::Web),
            (
                "\\\\corp.example\\SYSVOL\\a\\logon.vbs",
                "",
                Origin::LogonShare,
            ),
            ("\\\\host\\c$\\a.vbs", "", Origin::Share),
            ("D:\\a.vbs", "", Origin::Removable),
            ("a.dll", "C:\\Users\\a\\Desktop\\", Origin::UserWritable),
            ("a.dll", "C:\\Windows\\system32\\", Origin::Windows),
            ("a.dll", "", Origin::Unresolved),
            (
                "C:\\Users\\a\\s\\bin\\Debug\\a.exe",
                "",
                Origin::BuildOutput,
            ),
            ("C:\\Tools\\a.vbs", "", Origin::Elsewhere),
            ("C:\\Program Files\\a\\a.vbs", "", Origin::Installed),
        ] {
            assert_eq!(Origin::of(path, directory), origin, "{path}");
        }
    }
}
