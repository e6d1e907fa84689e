//! The tables of the database.

use redb::TableDefinition;

/// Numbers that go on.
pub const META: TableDefinition<'_, &str, u64> = TableDefinition::new("daemon.meta");

/// Up to which hour the baselines of each analytic have told the fleet.
pub const HOURS: TableDefinition<'_, &str, i64> = TableDefinition::new("daemon.hours");

/// The highest version of each analytic that ever ran.
pub const VERSIONS: TableDefinition<'_, &str, &str> = TableDefinition::new("daemon.versions");

/// The number of the last finding each sink confirmed.
pub const CONFIRMED: TableDefinition<'_, &str, u64> = TableDefinition::new("daemon.confirmed");

/// Keys of hashes that must not be known outside.
pub const SECRETS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("daemon.secrets");

/// How far sources came.
pub const CHECKPOINTS: TableDefinition<'_, &str, &[u8]> =
    TableDefinition::new("daemon.checkpoints");

/// Fingerprints of records, eight bytes each, by transaction.
pub const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("daemon.records");

/// Identifiers of findings by number.
pub const UIDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("daemon.uids");

/// What could not be handled.
pub const DEAD_LETTERS: TableDefinition<'_, u64, &[u8]> =
    TableDefinition::new("daemon.dead-letters");

/// Identifier, analytic, time and OCSF JSON.
type Finding = (&'static str, &'static str, i64, &'static [u8]);

/// Findings by number.
pub const FINDINGS: TableDefinition<'_, u64, Finding> = TableDefinition::new("daemon.findings");

/// The processes.
pub const LINEAGE: &str = "daemon.lineage";

/// The signatures.
pub const SIGNATURES: &str = "daemon.signatures";

/// The script blocks that wait for parts.
pub const SCRIPTS: &str = "daemon.scripts";

/// The marks of an analytic.
pub fn marks_name(id: &str) -> String {
    format!("marks.{id}")
}

/// The chains an analytic reported.
pub fn issued_name(id: &str) -> String {
    format!("issued.{id}")
}

/// Device and key.
type Place = (&'static str, &'static [u8]);

/// A table of changes.
pub fn changes_table(name: &str) -> TableDefinition<'_, Place, &'static [u8]> {
    TableDefinition::new(name)
}
