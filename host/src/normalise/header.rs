//! What every record says of itself: its log, its event id, its computer.

use crate::{
    sources::{Keys, Record, Slot},
    vocabulary::Log,
};

use super::value;

/// The slots of a record's header, the likelier ones first.
#[derive(Debug)]
pub(super) struct Header {
    channel: Vec<Slot>,
    provider: Vec<Slot>,
    code: Vec<Slot>,
    computer: Vec<Slot>,
    record_id: Vec<Slot>,
    execution_pid: Vec<Slot>,
    users: [(Slot, Slot); 3],
    user_id: Vec<Slot>,
    kind: Slot,
}

impl Header {
    pub(super) fn new(keys: &mut Keys) -> Self {
        let mut paths = |paths: &[&str]| paths.iter().map(|path| keys.path(path)).collect();
        Self {
            channel: paths(&[
                "Channel",
                "Event.System.Channel",
                "winlog.channel",
                "log_name",
                "LogName",
            ]),
            provider: paths(&[
                "SourceName",
                "Event.System.Provider.#attributes.Name",
                "winlog.provider_name",
                "source_name",
                "EventSourceName",
                "Provider",
                "ProviderName",
                "event.provider",
            ]),
            code: paths(&[
                "EventID",
                "Event.System.EventID",
                "Event.System.EventID.#text",
                "winlog.event_id",
                "event_id",
                "EventId",
                "event.code",
            ]),
            // A collector's own name stands in `host`; it is the last resort.
            computer: paths(&[
                "Hostname",
                "Event.System.Computer",
                "winlog.computer_name",
                "computer_name",
                "Computer",
                "ComputerName",
                "device.hostname",
                "host.hostname",
                "host.name",
            ]),
            record_id: paths(&[
                "RecordNumber",
                "Event.System.EventRecordID",
                "winlog.record_id",
                "record_number",
                "EventRecordID",
                "EventRecordId",
            ]),
            execution_pid: paths(&[
                "ExecutionProcessID",
                "Event.System.Execution.#attributes.ProcessID",
                "winlog.process.pid",
                "process_id",
            ]),
            user_id: paths(&[
                "Event.System.Security.#attributes.UserID",
                "winlog.user.identifier",
                "user.identifier",
                "UserID",
                "UserId",
            ]),
            users: [
                (keys.path("Domain"), keys.path("AccountName")),
                (
                    keys.path("winlog.user.domain"),
                    keys.path("winlog.user.name"),
                ),
                (keys.path("user.domain"), keys.path("user.name")),
            ],
            kind: keys.path("Type"),
        }
    }

    /// The log a record belongs to: by its channel, else by its provider.
    /// `has_utc` tells that it carries Sysmon's own time, by which flat exports
    /// that name neither are known.
    pub(super) fn log(&self, record: &Record<'_>, has_utc: bool) -> Option<Log> {
        let mut scratch = String::new();
        let channel = first(record, &self.channel, &mut scratch);
        if let Some(log) = named(channel, &CHANNELS) {
            return Some(log);
        }
        let is_nameless = channel.is_empty();
        let provider = first(record, &self.provider, &mut scratch);
        if let Some(log) = named(provider, &PROVIDERS) {
            return Some(log);
        }
        if !is_nameless || !provider.is_empty() {
            return None;
        }
        if has_utc {
            return Some(Log::Sysmon);
        }
        (record.raw(self.kind) == b"SecurityEvent").then_some(Log::Security)
    }

    /// The event id.
    pub(super) fn code(&self, record: &Record<'_>) -> Option<u32> {
        let code = self.number(record, &self.code)?;
        u32::try_from(code).ok()
    }

    /// The record number within its channel.
    pub(super) fn record_id(&self, record: &Record<'_>) -> Option<u64> {
        self.number(record, &self.record_id)
    }

    /// The channel's name.
    pub(super) fn channel<'s>(&self, record: &Record<'s>, scratch: &'s mut String) -> &'s str {
        first(record, &self.channel, scratch)
    }

    /// The computer's name.
    pub(super) fn computer<'s>(&self, record: &Record<'s>, scratch: &'s mut String) -> &'s str {
        first(record, &self.computer, scratch)
    }

    /// The process that wrote the record.
    pub(super) fn execution_pid(&self, record: &Record<'_>) -> Option<u64> {
        // 0 stands for "not known": the classic PowerShell log has nothing else.
        self.number(record, &self.execution_pid)
            .filter(|pid| *pid != 0)
    }

    /// The account the record was written under: with its domain where known,
    /// else its security identifier. Appended to `text`.
    pub(super) fn user(&self, record: &Record<'_>, text: &mut String) {
        let mut scratch = String::new();
        for (domain, name) in self.users {
            if record.raw(name).is_empty() {
                continue;
            }
            let domain = record.text(domain, &mut scratch);
            if !domain.is_empty() {
                text.push_str(domain);
                text.push('\\');
            }
            text.push_str(record.text(name, &mut scratch));
            return;
        }
        text.push_str(first(record, &self.user_id, &mut scratch));
    }

    fn number(&self, record: &Record<'_>, slots: &[Slot]) -> Option<u64> {
        let raw = slots.iter().map(|slot| record.raw(*slot));
        let raw = raw.into_iter().find(|raw| !raw.is_empty())?;
        value::number(str::from_utf8(raw).ok()?)
    }
}

const CHANNELS: [(&str, Log); 5] = [
    ("Microsoft-Windows-Sysmon/Operational", Log::Sysmon),
    ("Security", Log::Security),
    ("Microsoft-Windows-PowerShell/Operational", Log::Powershell),
    ("Windows PowerShell", Log::PowershellClassic),
    ("System", Log::System),
];

const PROVIDERS: [(&str, Log); 5] = [
    ("Microsoft-Windows-Sysmon", Log::Sysmon),
    ("Microsoft-Windows-Security-Auditing", Log::Security),
    ("Microsoft-Windows-PowerShell", Log::Powershell),
    ("PowerShell", Log::PowershellClassic),
    ("Service Control Manager", Log::System),
];

fn named(name: &str, logs: &[(&str, Log)]) -> Option<Log> {
    let known = |(known, _): &&(&str, Log)| known.eq_ignore_ascii_case(name);
    logs.iter().find(known).map(|(_, log)| *log)
}

fn first<'s>(record: &Record<'s>, slots: &[Slot], scratch: &'s mut String) -> &'s str {
    let slot = slots.iter().find(|slot| !record.raw(**slot).is_empty());
    match slot {
        Some(slot) => record.text(*slot, scratch),
        None => "",
    }
}
