//! The names of event classes and fields, as constants that know their type.

/// A class of events; the constants are in [`class`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Class {
    name: &'static str,
}

/// A field that holds text; the constants are in [`field`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text {
    number: u16,
    name: &'static str,
}

/// A field that holds a number, a truth value (0 and 1) or a process; the
/// constants are in [`field`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unsigned {
    number: u16,
    name: &'static str,
}

/// A field of either type, as lists of fields hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// A text.
    Text(Text),
    /// A number.
    Unsigned(Unsigned),
}

/// Instead of a number of the vocabulary: a raw field, known by name only.
const RAW: u16 = u16::MAX;

/// A list of fields of both types, for [`Subscription::fields`]; also in a
/// constant.
///
/// ```
/// # use sandtrap_sdk::{field, fields};
/// let wanted = fields![field::PROCESS_CMD_LINE, field::PROCESS_PID];
/// assert_eq!(wanted.len(), 2);
/// ```
///
/// [`Subscription::fields`]: crate::Subscription::fields
#[macro_export]
macro_rules! fields {
    ($($field:expr),* $(,)?) => { [$($field.field()),*] };
}

pub mod class {
    //! A constant for every class of events.
    use super::Class;
    include!(concat!(env!("OUT_DIR"), "/class.rs"));
}

pub mod field {
    //! A constant for every field, and [`raw`] for those that have none.
    use super::{Field, RAW, Text, Unsigned};
    include!(concat!(env!("OUT_DIR"), "/field.rs"));

    /// A field of the original record that the vocabulary does not map, by its
    /// own name, such as `field::raw("CreationUtcTime")`.
    pub const fn raw(name: &'static str) -> Text {
        Text { number: RAW, name }
    }
}

impl Class {
    pub(crate) const fn known(name: &'static str) -> Self {
        Self { name }
    }

    /// Its name, such as `process.launch`.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl Text {
    pub(crate) const fn known(number: u16, name: &'static str) -> Self {
        Self { number, name }
    }

    /// As a field of either type.
    pub const fn field(self) -> Field {
        Field::Text(self)
    }

    /// Its name, such as `process.cmd_line`.
    pub fn name(self) -> String {
        self.field().name()
    }
}

impl Unsigned {
    pub(crate) const fn known(number: u16, name: &'static str) -> Self {
        Self { number, name }
    }

    /// As a field of either type.
    pub const fn field(self) -> Field {
        Field::Unsigned(self)
    }

    /// Its name, such as `process.pid`.
    pub fn name(self) -> String {
        self.field().name()
    }
}

impl Field {
    /// Itself, so that [`fields!`](crate::fields) takes it too.
    pub const fn field(self) -> Self {
        self
    }

    /// Its name, such as `process.cmd_line`, or `unmapped.` and the name of a
    /// raw field.
    pub fn name(self) -> String {
        let (number, name) = self.key();
        match number {
            RAW => format!("unmapped.{name}"),
            _ => name.to_owned(),
        }
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text(_))
    }

    fn key(self) -> (u16, &'static str) {
        match self {
            Self::Text(Text { number, name }) | Self::Unsigned(Unsigned { number, name }) => {
                (number, name)
            }
        }
    }
}

impl From<Text> for Field {
    fn from(field: Text) -> Self {
        field.field()
    }
}

impl From<Unsigned> for Field {
    fn from(field: Unsigned) -> Self {
        field.field()
    }
}

/// Which column of a table holds which field: a subscription's fields in
/// order, and the way back from a field to its position.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub class: Class,
    pub fields: Vec<Field>,
    positions: Vec<u8>,
}

/// No column holds the field.
const NOWHERE: u8 = u8::MAX;

impl Layout {
    pub fn new(class: Class, fields: &[Field]) -> Self {
        let mut positions = vec![NOWHERE; field::COUNT];
        for (position, field) in fields.iter().enumerate() {
            let slot = positions.get_mut(usize::from(field.key().0));
            if let (Some(slot), Ok(position)) = (slot, u8::try_from(position)) {
                *slot = position;
            }
        }
        Self {
            class,
            fields: fields.to_vec(),
            positions,
        }
    }

    /// The position of a field: a table look-up for those of the vocabulary.
    pub fn position(&self, field: Field) -> Option<usize> {
        match self.positions.get(usize::from(field.key().0)) {
            Some(&NOWHERE) => None,
            Some(&position) => Some(usize::from(position)),
            None => self.fields.iter().position(|known| *known == field),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_carry_the_names_of_the_vocabulary() {
        assert_eq!(field::PROCESS_CMD_LINE.name(), "process.cmd_line");
        assert_eq!(field::DST_ENDPOINT_PORT.name(), "dst_endpoint.port");
        assert_eq!(field::raw("GrantedAccess").name(), "unmapped.GrantedAccess");
        assert_eq!(class::PROCESS_LAUNCH.name(), "process.launch");
    }

    #[test]
    fn a_layout_finds_known_and_raw_fields() {
        let fields = fields![field::PROCESS_PID, field::raw("A"), field::PROCESS_CMD_LINE];
        let layout = Layout::new(class::PROCESS_LAUNCH, &fields);
        for (position, field) in fields.into_iter().enumerate() {
            assert_eq!(layout.position(field), Some(position));
        }
        assert_eq!(layout.position(field::raw("B").into()), None);
        assert_eq!(layout.position(field::FILE_PATH.into()), None);
    }
}
