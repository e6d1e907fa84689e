//! Events to show to an analytic.

use std::collections::BTreeMap;

use crate::{
    class, field,
    lineage::Process,
    vocabulary::{Class, Field, Text, Unsigned},
};

/// An event under construction.
#[derive(Debug, Clone)]
pub struct TestEvent {
    pub(super) class: Class,
    pub(super) time: Option<i64>,
    pub(super) device: String,
    pub(super) texts: BTreeMap<String, String>,
    pub(super) numbers: BTreeMap<String, u64>,
}

/// A field that can be set to a value of its own type.
pub trait Settable: Into<Field> {
    /// The type of its values.
    type Value<'v>;

    /// Sets it.
    fn set(self, event: &mut TestEvent, value: Self::Value<'_>);
}

/// An event of a class, on the device `device-1`, one millisecond after the one
/// before it.
pub fn event(class: Class) -> TestEvent {
    TestEvent {
        class,
        time: None,
        device: super::world::DEVICE.to_owned(),
        texts: BTreeMap::new(),
        numbers: BTreeMap::new(),
    }
}

/// The launch of a process. The path and the command line of its parent are
/// added where the parent is known and the test did not set them.
pub fn launch(process: Process) -> TestEvent {
    event(class::PROCESS_LAUNCH).set(field::PROCESS_HANDLE, process)
}

/// The end of a process.
pub fn terminate(process: Process) -> TestEvent {
    event(class::PROCESS_TERMINATE).set(field::PROCESS_HANDLE, process)
}

impl TestEvent {
    /// When it happens, in milliseconds since 1970 UTC.
    #[must_use]
    pub fn at(mut self, time: i64) -> Self {
        self.time = Some(time);
        self
    }

    /// The device it happens on.
    #[must_use]
    pub fn on(mut self, device: &str) -> Self {
        device.clone_into(&mut self.device);
        self
    }

    /// Sets a field: a text to a `&str`, a number to a `u64`.
    #[must_use]
    pub fn set<F: Settable>(mut self, field: F, value: F::Value<'_>) -> Self {
        field.set(&mut self, value);
        self
    }

    /// Sets a field to a process.
    #[must_use]
    pub fn process(self, field: Unsigned, process: Process) -> Self {
        self.set(field, process)
    }

    /// The process that acts. The path of its image is added where it is known
    /// and the test did not set it.
    #[must_use]
    pub fn by(self, process: Process) -> Self {
        self.set(field::ACTOR_PROCESS_HANDLE, process)
    }

    /// The parent of the process that is launched.
    #[must_use]
    pub fn child_of(self, parent: Process) -> Self {
        self.set(field::PROCESS_PARENT_PROCESS_HANDLE, parent)
    }

    /// The path of the process's image.
    #[must_use]
    pub fn image(self, path: &str) -> Self {
        self.set(field::PROCESS_FILE_PATH, path)
    }

    /// The command line of the process.
    #[must_use]
    pub fn command_line(self, command_line: &str) -> Self {
        self.set(field::PROCESS_CMD_LINE, command_line)
    }

    /// The account the process runs as.
    #[must_use]
    pub fn user(self, user: &str) -> Self {
        self.set(field::PROCESS_USER_NAME, user)
    }

    pub(super) fn text(&self, field: Text) -> &str {
        self.texts.get(&field.name()).map_or("", String::as_str)
    }

    pub(super) fn number(&self, field: Unsigned) -> Option<u64> {
        self.numbers.get(&field.name()).copied()
    }

    pub(super) fn process_in(&self, field: Unsigned) -> Option<Process> {
        self.number(field).filter(|process| *process != 0)
    }

    /// Sets a text unless it was set, if only to nothing.
    pub(super) fn complete(&mut self, field: Text, value: &str) {
        self.texts
            .entry(field.name())
            .or_insert_with(|| value.to_owned());
    }
}

impl Settable for Text {
    type Value<'v> = &'v str;

    fn set(self, event: &mut TestEvent, value: &str) {
        event.texts.insert(self.name(), value.to_owned());
    }
}

impl Settable for Unsigned {
    type Value<'v> = u64;

    fn set(self, event: &mut TestEvent, value: u64) {
        event.numbers.insert(self.name(), value);
    }
}
