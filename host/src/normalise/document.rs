//! Documents of other schemas, as far as they go: ECS as Elastic's agents write
//! it, and OCSF, whose paths are our own names.

use crate::{
    event::Fields,
    router::Router,
    sources::{Keys, Record, Slot},
    vocabulary::{ClassId, FieldId, Kind, ValueType, classes, vocabulary},
};

use super::value;

/// Reads documents.
#[derive(Debug)]
pub(super) struct Documents {
    ocsf_class: Slot,
    ocsf_activity: Slot,
    category: [Slot; 2],
    kinds: [Slot; 3],
    launch: Vec<(FieldId, ValueType, Kind, Vec<Slot>)>,
    activity: Vec<(FieldId, ValueType, Kind, Vec<Slot>)>,
}

/// ECS for events about a process itself.
const LAUNCH: &[(&str, &[&str])] = &[
    ("process.uid", &["process.entity_id"]),
    ("process.file.path", &["process.executable"]),
    (
        "process.file.internal_name",
        &["process.pe.original_file_name"],
    ),
    ("process.file.company_name", &["process.pe.company"]),
    ("process.file.hashes.sha256", &["process.hash.sha256"]),
    ("process.cmd_line", &["process.command_line"]),
    ("process.user.name", &["user.name"]),
    ("process.parent_process.uid", &["process.parent.entity_id"]),
    ("process.parent_process.pid", &["process.parent.pid"]),
    (
        "process.parent_process.file.path",
        &["process.parent.executable"],
    ),
    (
        "process.parent_process.cmd_line",
        &["process.parent.command_line"],
    ),
];

/// ECS for what a process does.
const ACTIVITY: &[(&str, &[&str])] = &[
    ("actor.process.uid", &["process.entity_id"]),
    ("actor.process.pid", &["process.pid"]),
    ("actor.process.file.path", &["process.executable"]),
    ("actor.user.name", &["user.name"]),
    ("module.file.path", &["dll.path", "file.path"]),
    ("module.file.internal_name", &["dll.pe.original_file_name"]),
    ("module.file.company_name", &["dll.pe.company"]),
    ("module.file.hashes.sha256", &["dll.hash.sha256"]),
    (
        "module.file.signature.signed",
        &["dll.code_signature.exists"],
    ),
    (
        "module.file.signature.status",
        &["dll.code_signature.status"],
    ),
    (
        "module.file.signature.signer",
        &["dll.code_signature.subject_name"],
    ),
    ("src_endpoint.ip", &["source.ip"]),
    ("src_endpoint.port", &["source.port"]),
    ("dst_endpoint.ip", &["destination.ip"]),
    ("dst_endpoint.port", &["destination.port"]),
    ("dst_endpoint.hostname", &["destination.domain"]),
    ("connection_info.protocol_name", &["network.transport"]),
    ("connection_info.outbound", &["network.direction"]),
    ("query.hostname", &["dns.question.name"]),
    ("file.path", &[]),
    ("file.hashes.sha256", &["file.hash.sha256"]),
    ("reg_target.path", &["registry.path"]),
    (
        "reg_target.data",
        &["registry.data.strings", "registry.data.strings.0"],
    ),
    ("script.content", &["powershell.file.script_block_text"]),
    ("script.uid", &["powershell.file.script_block_id"]),
];

impl Documents {
    pub(super) fn new(keys: &mut Keys, router: &Router) -> Self {
        Self {
            ocsf_class: keys.path("class_uid"),
            ocsf_activity: keys.path("activity_id"),
            category: [keys.path("event.category"), keys.path("event.category.0")],
            kinds: [
                keys.path("event.type"),
                keys.path("event.type.0"),
                keys.path("event.type.1"),
            ],
            launch: fields("process.", LAUNCH, keys, router),
            activity: fields("", ACTIVITY, keys, router),
        }
    }

    /// Whether a record is such a document at all.
    pub(super) fn is_one(&self, record: &Record<'_>) -> bool {
        record.has(self.ocsf_class) || self.category.iter().any(|slot| record.has(*slot))
    }

    /// The class of a document that no log of ours explains.
    pub(super) fn class(&self, record: &Record<'_>) -> Option<ClassId> {
        if record.has(self.ocsf_class) {
            let number = |slot| value::number(str::from_utf8(record.raw(slot)).ok()?);
            let class = number(self.ocsf_class)?;
            let activity = number(self.ocsf_activity)?;
            let position = vocabulary().classes().position(|known| {
                u64::from(known.ocsf.class_uid) == class
                    && u64::from(known.ocsf.activity_id) == activity
                    && class != 0
            })?;
            return Some(ClassId(u8::try_from(position).ok()?));
        }
        let is = |slots: &[Slot], word: &[u8]| slots.iter().any(|slot| record.raw(*slot) == word);
        let category = self
            .category
            .iter()
            .map(|slot| record.raw(*slot))
            .find(|category| !category.is_empty())?;
        let class = match category {
            b"process" if is(&self.kinds, b"start") => classes::PROCESS_LAUNCH,
            b"process" if is(&self.kinds, b"end") => classes::PROCESS_TERMINATE,
            b"library" => classes::MODULE_LOAD,
            b"driver" => classes::DRIVER_LOAD,
            b"network" if self.has_query(record) => classes::DNS_QUERY,
            b"network" => classes::NETWORK_OPEN,
            b"file" if is(&self.kinds, b"creation") => classes::FILE_CREATE,
            b"file" if is(&self.kinds, b"deletion") => classes::FILE_DELETE,
            b"registry" => classes::REGISTRY_VALUE,
            _ => return None,
        };
        Some(class)
    }

    /// Sets what the record's own fields did not.
    pub(super) fn fill(
        &self,
        class: ClassId,
        record: &Record<'_>,
        fields: &mut Fields,
        scratch: &mut String,
    ) {
        let table = match class {
            classes::PROCESS_LAUNCH | classes::PROCESS_TERMINATE => &self.launch,
            _ => &self.activity,
        };
        for (field, value, kind, slots) in table {
            if fields.has(*field) {
                continue;
            }
            if let Some(slot) = slots.iter().find(|slot| record.has(**slot)) {
                let text = record.text(*slot, scratch);
                value::set(fields, *field, *value, *kind, text);
            }
        }
    }

    fn has_query(&self, record: &Record<'_>) -> bool {
        let query = crate::vocabulary::fields::QUERY_HOSTNAME;
        self.activity
            .iter()
            .filter(|(field, ..)| *field == query)
            .any(|(.., slots)| slots.iter().any(|slot| record.has(*slot)))
    }
}

/// The fields under `prefix`: OCSF's path first, then ECS's.
fn fields(
    prefix: &str,
    ecs: &[(&str, &[&str])],
    keys: &mut Keys,
    router: &Router,
) -> Vec<(FieldId, ValueType, Kind, Vec<Slot>)> {
    let mut table = Vec::new();
    for (name, field) in vocabulary().fields() {
        let Some((id, _)) = vocabulary().field(name) else {
            continue;
        };
        let is_header = name.starts_with("device.") || name.starts_with("metadata.");
        let is_other = is_header || field.derived || !name.starts_with(prefix);
        if is_other || field.heavy && !router.wants(id) {
            continue;
        }
        let known = ecs.iter().find(|(known, _)| *known == name);
        let paths = known.map_or(&[][..], |(_, paths)| paths);
        let slots = std::iter::once(&name)
            .chain(paths)
            .map(|path| keys.path(path))
            .collect();
        table.push((id, field.value, field.kind, slots));
    }
    table
}
