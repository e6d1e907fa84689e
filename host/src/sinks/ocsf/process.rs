//! The process tree of a finding in OCSF's words.
//!
//! OCSF describes a process, its parent and its ancestry; it has no place for
//! descendants, which therefore go to `unmapped`.

use super::Object;
use crate::{finding::TreeProcess, sinks::base_name};

/// The guilty process as the actor of the finding, nearest ancestor first.
pub fn actor(tree: &[TreeProcess]) -> Object<'_> {
    let Some(position) = tree.iter().position(|process| process.is_guilty) else {
        return Object::new();
    };
    let (before, rest) = tree.split_at(position);
    let Some(guilty) = rest.first() else {
        return Object::new();
    };
    // The tree lists parents before their children, so walking back from the
    // guilty one, each step to a smaller depth is the next ancestor.
    let mut depth = guilty.depth;
    let ancestors: Vec<_> = before
        .iter()
        .rev()
        .filter(|process| {
            let is_ancestor = process.depth < depth;
            depth = depth.min(process.depth);
            is_ancestor
        })
        .collect();
    let parent = ancestors
        .first()
        .map_or_else(Object::new, |parent| process(parent));
    let guilty_process = process(guilty).object("parent_process", parent).list(
        "ancestry",
        ancestors.iter().map(|ancestor| entity(ancestor)),
    );
    Object::new()
        .object("process", guilty_process)
        .object("user", user(&guilty.user))
}

/// What the guilty process started, directly and further down.
pub fn descendants(tree: &[TreeProcess]) -> Vec<Object<'_>> {
    let Some(position) = tree.iter().position(|process| process.is_guilty) else {
        return Vec::new();
    };
    let mut after = tree.iter().skip(position);
    let Some(guilty) = after.next() else {
        return Vec::new();
    };
    after
        .take_while(|process| process.depth > guilty.depth)
        .map(|process| {
            entity(process)
                .text("user", &*process.user)
                .number("depth", i64::from(process.depth - guilty.depth))
                .number(
                    "hidden_children",
                    (process.hidden_children > 0).then_some(process.hidden_children.into()),
                )
        })
        .collect()
}

/// A file known by its path. The name is required, so there is no file without
/// a path.
pub fn file(path: &str, type_id: i64) -> Object<'_> {
    if path.is_empty() {
        return Object::new();
    }
    Object::new()
        .text("name", base_name(path))
        .text("path", path)
        .number("type_id", type_id)
}

/// A user known by name.
pub fn user(name: &str) -> Object<'_> {
    Object::new().text("name", name)
}

fn process(process: &TreeProcess) -> Object<'_> {
    entity(process)
        .object("file", file(&process.image, 1))
        .object("user", user(&process.user))
}

fn entity(process: &TreeProcess) -> Object<'_> {
    Object::new()
        .text("name", base_name(&process.image))
        .text("path", &*process.image)
        .text("uid", &*process.guid)
        .number("pid", process.pid.map(i64::from))
        .text("cmd_line", &*process.command_line)
        .number("created_time", process.started)
}
