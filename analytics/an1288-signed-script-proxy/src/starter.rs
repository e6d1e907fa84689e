//! Who started the utility.

use sandtrap_sdk::{
    Row, Site, field,
    lineage::{self, Process},
    windows::{
        ProcessName,
        path::{self, Place},
        process_name::{
            BROWSERS, DATABASE_SERVERS, INTERMEDIARIES, MAIL_AND_DOCUMENTS, OFFICE, WEB_SERVERS,
        },
    },
};

use crate::stage::{Stage, brief};

/// Programs through which another device starts processes here.
const REMOTE: &[&str] = &[
    "wmiprvse.exe",
    "wsmprovhost.exe",
    "winrshost.exe",
    "psexesvc.exe",
    "scrcons.exe",
];
/// Programs that unpack what was downloaded.
const ARCHIVERS: &[&str] = &[
    "winrar.exe",
    "7zfm.exe",
    "7zg.exe",
    "winzip64.exe",
    "peazip.exe",
];
/// Programs that run scripts and installers for administrators.
const MANAGEMENT: &[&str] = &[
    "ccmexec.exe",
    "monitoringhost.exe",
    "healthservice.exe",
    "agentexecutor.exe",
    "microsoft.management.services.intunewindowsagent.exe",
    "gpscript.exe",
    "msiexec.exe",
    "poqexec.exe",
    "tiworker.exe",
];
/// How many generations are looked at for the first that is no command shell.
const GENERATIONS: u32 = 4;

/// The process behind a launch, past command shells.
#[derive(Debug, Clone)]
pub struct Starter {
    name: ProcessName,
    image: String,
    command_line: String,
}

impl Starter {
    /// The starter of a launched process.
    pub fn of_launch(row: &Row<'_>, process: Process) -> Self {
        let image = row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH);
        let name = ProcessName::of(image, "");
        if !image.is_empty() && !name.is_any(INTERMEDIARIES) {
            let command_line = row.text(field::PROCESS_PARENT_PROCESS_CMD_LINE).to_owned();
            let image = image.to_owned();
            return Self {
                name,
                image,
                command_line,
            };
        }
        let ancestors = lineage::ancestors(row, process, GENERATIONS);
        let known = ancestors.into_iter().find_map(|ancestor| {
            let name = ProcessName::of(&ancestor.image, &ancestor.original_file_name);
            (!ancestor.image.is_empty() && !name.is_any(INTERMEDIARIES)).then_some(Self {
                name,
                image: ancestor.image,
                command_line: ancestor.command_line,
            })
        });
        known.unwrap_or_else(|| Self {
            name,
            image: image.to_owned(),
            command_line: String::new(),
        })
    }

    /// Its file name; empty if unknown.
    pub fn display_name(&self) -> &str {
        path::file_name(&self.image)
    }

    /// What it is worth that it started a utility for a target.
    pub fn stage(&self, target: &str, site: &Site) -> Option<Stage> {
        let shown = self.display_name();
        let started = |by: &str| format!("was started by {by}, {shown}");
        if self.is_management(site) {
            let note = format!("was started by {shown}, which manages this device");
            return Some(Stage::new("usual.management", -20, note));
        }
        if self.name.is_any(OFFICE) || self.name.is_any(MAIL_AND_DOCUMENTS) {
            return Some(Stage::new(
                "lineage.document",
                25,
                started("a program for documents"),
            ));
        }
        if self.name.is_any(WEB_SERVERS) || self.name.is_any(DATABASE_SERVERS) {
            return Some(Stage::new("lineage.server", 25, started("a server")));
        }
        if self.name.is_any(BROWSERS) || self.name.is_any(ARCHIVERS) {
            return Some(Stage::new(
                "lineage.download",
                15,
                started("what had downloaded or unpacked it"),
            ));
        }
        if self.name.is_any(REMOTE) {
            return Some(Stage::new(
                "lineage.remote",
                15,
                started("another device through a service"),
            ));
        }
        let is_redirected = self.name.is_any(&["rundll32.exe", "explorer.exe"])
            && self.command_line.to_ascii_lowercase().contains("shell:::{");
        if is_redirected {
            return Some(Stage::new(
                "lineage.redirected",
                15,
                started("a shell folder that points at it"),
            ));
        }
        let is_opened = self.name.is("explorer.exe") && is_landing(target);
        is_opened.then(|| {
            let note = format!("was opened from where downloads land: {}", brief(target));
            Stage::new("lineage.opened-download", 10, note)
        })
    }

    fn is_management(&self, site: &Site) -> bool {
        let is_installed = matches!(
            path::place(&self.image),
            Place::ProgramFiles | Place::System | Place::Windows
        );
        site.is_approved_deployment(&self.image) == Some(true)
            || (is_installed && self.name.is_any(MANAGEMENT))
    }
}

/// Where browsers, mail programs and archivers put what was opened in place.
fn is_landing(target: &str) -> bool {
    let target = path::normalise(target);
    [
        "/downloads/",
        "/temp/",
        "/inetcache/",
        "/content.outlook/",
        "/temporary internet files/",
    ]
    .iter()
    .any(|landing| target.contains(landing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(image: &str, command_line: &str, target: &str) -> Option<(&'static str, i32)> {
        let starter = Starter {
            name: ProcessName::of(image, ""),
            image: image.to_owned(),
            command_line: command_line.to_owned(),
        };
        let stage = starter.stage(target, &Site::default())?;
        Some((stage.name, stage.score))
    }

    #[test]
    fn who_started_it_counts() {
        let explorer = "C:\\Windows\\explorer.exe";
        assert_eq!(stage(explorer, "", "C:\\Users\\a\\Desktop\\a.vbs"), None);
        assert_eq!(
            stage(explorer, "", "C:\\Users\\a\\Downloads\\a.vbs"),
            Some(("lineage.opened-download", 10))
        );
        assert_eq!(
            stage("C:\\Program Files\\Microsoft Office\\WINWORD.EXE", "", ""),
            Some(("lineage.document", 25))
        );
        let route =
            "rundll32.exe zipfldr.dll,RouteTheCall shell:::{769f9427-3cc6-4b62-be14-2a705115b7ab}";
        assert_eq!(
            stage("C:\\Windows\\System32\\rundll32.exe", route, ""),
            Some(("lineage.redirected", 15))
        );
    }

    #[test]
    fn management_counts_against_only_where_it_is_installed() {
        let installed = "C:\\Program Files\\Microsoft Monitoring Agent\\Agent\\MonitoringHost.exe";
        assert_eq!(stage(installed, "", ""), Some(("usual.management", -20)));
        assert_eq!(stage("C:\\Users\\a\\MonitoringHost.exe", "", ""), None);
    }
}
