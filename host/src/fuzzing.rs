//! One function for each decoder that hostile bytes reach, for the fuzz
//! targets in `tests/fuzz` and the test that replays their seeds.
//!
//! None of them only looks for a panic. Each asserts what must hold of
//! whatever was decoded: that counts add up, that pieces are the same however
//! the bytes arrive, that limits were kept, that what is written can be read.

mod configuration;
mod files;
mod predicates;
mod records;
mod shape;
mod state;

pub use configuration::{catalogue, config, labels};
pub use files::{authenticode, component, evtx};
pub use predicates::predicate;
pub use records::{json, lines, stream, xml};
pub use shape::Shape;
pub use state::state;

pub use crate::columns::table;
pub use crate::http::{body::fuzzing::body, bulk::fuzzing::bulk};
pub use crate::trust::fuzzing::{manifest, signature};

/// Feeds bytes to a decoder and asserts what must hold of what it made of them.
pub type Target = fn(&[u8]);

/// Every function by its name, which is also the name of its target and of the
/// folder of its seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("authenticode", authenticode),
    ("body", body),
    ("bulk", bulk),
    ("catalogue", catalogue),
    ("component", component),
    ("config", config),
    ("evtx", evtx),
    ("json", json),
    ("labels", labels),
    ("lines", lines),
    ("manifest", manifest),
    ("predicate", predicate),
    ("signature", signature),
    ("state", state),
    ("stream", stream),
    ("xml", xml),
];
