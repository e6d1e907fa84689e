//! rsyslog with its omelasticsearch module.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::Shipper;
use crate::{daemon::Setup, process::Process};

pub struct Rsyslog;

/// Where distributions put the program, which is not in everyone's path.
const PROGRAMS: [&str; 3] = [
    "/usr/sbin/rsyslogd",
    "/usr/local/sbin/rsyslogd",
    "/sbin/rsyslogd",
];

fn program() -> Option<PathBuf> {
    PROGRAMS
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

fn has_module() -> bool {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
    folders.extend(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    folders
        .iter()
        .any(|folder| folder.join("rsyslog/omelasticsearch.so").is_file())
}

impl Shipper for Rsyslog {
    fn name(&self) -> &'static str {
        "rsyslog"
    }

    fn missing(&self) -> Option<String> {
        let install = "apt-get install -y rsyslog rsyslog-elasticsearch";
        if program().is_none() {
            return Some(format!("rsyslogd is not installed; {install}"));
        }
        (!has_module()).then(|| format!("its module omelasticsearch is not installed; {install}"))
    }

    fn start(
        &self,
        setup: &Setup,
        folder: &Path,
        file: &Path,
        _events: u64,
    ) -> anyhow::Result<Process> {
        let work = folder.join("work");
        fs::create_dir_all(&work)?;
        let config = folder.join("rsyslog.conf");
        fs::write(&config, text(setup, &work, file)?)?;
        let mut command = Command::new(program().unwrap_or_default());
        command
            .arg("-n")
            .arg("-f")
            .arg(&config)
            .arg("-i")
            .arg(folder.join("rsyslog.pid"));
        Process::start("rsyslogd", command, &folder.join("rsyslog.log"))
    }
}

/// Follows the file and sends its lines as they are. What was not taken is
/// tried again without end, from a queue that goes to the disk.
fn text(setup: &Setup, work: &Path, file: &Path) -> anyhow::Result<String> {
    let work = work.display();
    let file = file.display();
    let port = setup.port();
    let token = setup.ingest_token()?;
    Ok(format!(
        r#"global(workDirectory="{work}" maxMessageSize="64k" net.enableDNS="off")
module(load="imfile")
module(load="omelasticsearch")
template(name="line" type="string" string="%rawmsg%")
ruleset(name="ship") {{
  action(type="omelasticsearch"
    server="127.0.0.1" serverport="{port}"
    uid="sandtrap" pwd="{token}"
    template="line" searchIndex="events" searchType=""
    bulkmode="on" maxbytes="1m"
    retryfailures="on" retryruleset="ship"
    errorFile="{work}/errors.json"
    queue.type="LinkedList" queue.filename="ship" queue.saveOnShutdown="on"
    queue.size="5000" queue.highWatermark="2000" queue.lowWatermark="500"
    queue.dequeueBatchSize="200"
    action.resumeRetryCount="-1" action.resumeInterval="1"
    action.resumeIntervalMax="2")
}}
input(type="imfile" File="{file}" Tag="events" ruleset="ship")
"#
    ))
}
