//! The vocabulary's sources, compiled: for each kind of record, which slots
//! fill which fields.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::{
    router::Router,
    sources::{Keys, Slot},
    vocabulary::{ClassId, FieldId, Kind, Log, ValueType, classes, fields, vocabulary},
};

/// How one kind of record becomes an event.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) class: ClassId,
    pub(super) assignments: Vec<Assignment>,
}

/// Where one field comes from.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) field: FieldId,
    pub(super) value: ValueType,
    pub(super) kind: Kind,
    pub(super) recipe: Recipe,
}

/// What a field is made of.
#[derive(Debug)]
pub(super) enum Recipe {
    /// The first of several that has a value.
    Slots(Vec<Slot>),
    /// Two, joined with a backslash.
    Joined(Slot, Slot),
    /// A line of a PowerShell context.
    Context(String),
    /// What a PowerShell pipeline ran.
    Details,
    /// The process that wrote the record.
    ExecutionPid,
    /// The account that wrote the record.
    User,
}

/// Which events are worth keeping when no subscription matches them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retention {
    /// Lineage needs them whole.
    Whole,
    /// Lineage and signatures need a few of their fields.
    Outline,
    /// None.
    Matched,
}

/// Finds the mapping of a record.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    all: Vec<Mapping>,
    by_code: HashMap<(Log, u32), usize, FixedState>,
}

impl Mappings {
    pub(super) fn new(keys: &mut Keys, router: &Router) -> Self {
        let mut mappings = Self::default();
        for source in vocabulary().sources() {
            let Some((class, _)) = vocabulary().class(&source.class) else {
                continue;
            };
            for code in &source.codes {
                mappings
                    .by_code
                    .insert((source.log, *code), mappings.all.len());
            }
            let assignments = source
                .fields
                .iter()
                .filter_map(|(name, from)| assignment(name, from, keys, router))
                .collect();
            mappings.all.push(Mapping { class, assignments });
        }
        mappings
    }

    pub(super) fn find(&self, log: Log, code: u32) -> Option<&Mapping> {
        self.all.get(*self.by_code.get(&(log, code))?)
    }
}

/// Nothing for heavy fields that nobody asks for.
fn assignment(name: &str, from: &str, keys: &mut Keys, router: &Router) -> Option<Assignment> {
    let (id, field) = vocabulary().field(name)?;
    if field.heavy && !router.wants(id) {
        return None;
    }
    let recipe = if let Some(line) = from.strip_prefix("context:") {
        Recipe::Context(line.to_owned())
    } else if let Some((first, second)) = from.split_once('&') {
        Recipe::Joined(keys.data(first.trim()), keys.data(second.trim()))
    } else {
        match from {
            "details:" => Recipe::Details,
            "@execution_pid" => Recipe::ExecutionPid,
            "@user" => Recipe::User,
            names => Recipe::Slots(
                names
                    .split('|')
                    .map(|name| keys.data(name.trim()))
                    .collect(),
            ),
        }
    };
    Some(Assignment {
        field: id,
        value: field.value,
        kind: field.kind,
        recipe,
    })
}

/// Whether an event of a class is kept without a match.
pub(crate) fn retention(class: ClassId) -> Retention {
    match class {
        classes::PROCESS_LAUNCH
        | classes::PROCESS_TERMINATE
        | classes::PROCESS_INJECT
        | classes::NETWORK_OPEN
        | classes::NETWORK_LISTEN
        | classes::SCRIPT_EXECUTE
        | classes::SCRIPT_COMMAND
        | classes::SCRIPT_ENGINE => Retention::Whole,
        classes::MODULE_LOAD
        | classes::DRIVER_LOAD
        | classes::DNS_QUERY
        | classes::FILE_CREATE
        | classes::FILE_DELETE
        | classes::FILE_STREAM
        | classes::PIPE_CREATE
        | classes::PIPE_CONNECT
        | classes::REGISTRY_KEY
        | classes::REGISTRY_VALUE => Retention::Outline,
        _ => Retention::Matched,
    }
}

/// Whether lineage or signatures use a field of an event kept in outline.
pub(super) fn is_in_outline(field: FieldId) -> bool {
    matches!(
        field,
        fields::ACTOR_PROCESS_UID
            | fields::ACTOR_PROCESS_PID
            | fields::ACTOR_PROCESS_FILE_PATH
            | fields::ACTOR_USER_NAME
            | fields::MODULE_FILE_PATH
            | fields::MODULE_FILE_SIGNATURE_SIGNED
            | fields::MODULE_FILE_SIGNATURE_STATUS
            | fields::MODULE_FILE_SIGNATURE_SIGNER
            | fields::MODULE_FILE_HASHES_SHA256
    )
}
