//! The vocabulary of event classes and field names, read from
//! `wit/vocabulary.toml`, which says what each means and where it comes from.

pub mod fields {
    //! A constant for every field.
    use super::FieldId;
    include!(concat!(env!("OUT_DIR"), "/fields.rs"));
}

pub mod classes {
    //! A constant for every class.
    use super::ClassId;
    include!(concat!(env!("OUT_DIR"), "/classes.rs"));
}

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use serde::Deserialize;

/// A field by its position in the vocabulary, or beyond it a raw field that a
/// subscription names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// A class by its position in the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u8);

/// The whole vocabulary.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    fields: BTreeMap<String, Field>,
    class: Vec<Class>,
    source: Vec<Source>,
    #[serde(skip)]
    order: Vec<String>,
}

/// A field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// How it crosses to an analytic.
    #[serde(rename = "type")]
    pub value: ValueType,
    /// How raw text is brought into one form.
    #[serde(default)]
    pub kind: Kind,
    /// Whether the same values come again and again.
    #[serde(default)]
    pub repeats: bool,
    /// Whether the host works it out rather than reading it.
    #[serde(default)]
    pub derived: bool,
    /// Whether it is large and decoded only for who asks.
    #[serde(default)]
    pub heavy: bool,
    /// What it means.
    pub doc: String,
}

/// How a field crosses to an analytic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// UTF-8 text.
    Text,
    /// A number from 0.
    Unsigned,
}

/// How raw text is brought into one form; the vocabulary file describes each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "described in the vocabulary file")]
pub enum Kind {
    #[default]
    Text,
    Path,
    Guid,
    Number,
    Truth,
    Sha256,
    Registry,
    Ip,
    Protocol,
    Outbound,
}

/// A class of events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// What it is in OCSF.
    pub ocsf: Ocsf,
    /// What it means.
    pub doc: String,
}

/// The OCSF class and activity of a class.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are OCSF's own")]
pub struct Ocsf {
    pub class_uid: u32,
    pub activity_id: u32,
    pub class_name: String,
}

/// Which records of a log become a class, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The log's short name.
    pub log: Log,
    /// Its event ids.
    pub codes: Vec<u32>,
    /// The class's name.
    pub class: String,
    /// Our field names and the record's.
    pub fields: BTreeMap<String, String>,
}

/// The logs that are mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "described in the vocabulary file")]
pub enum Log {
    Sysmon,
    Security,
    Powershell,
    PowershellClassic,
    System,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let text = include_str!("../../wit/vocabulary.toml");
    #[expect(
        clippy::expect_used,
        reason = "the file is part of the program and read by its tests"
    )]
    let mut vocabulary: Vocabulary = toml::from_str(text).expect("vocabulary.toml");
    vocabulary.order = vocabulary.fields.keys().cloned().collect();
    vocabulary
});

/// The vocabulary this host was built with.
pub fn vocabulary() -> &'static Vocabulary {
    &VOCABULARY
}

impl Vocabulary {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<(FieldId, &Field)> {
        let position = self
            .order
            .binary_search_by(|known| known.as_str().cmp(name));
        let id = FieldId(u16::try_from(position.ok()?).ok()?);
        Some((id, self.fields.get(name)?))
    }

    /// What the vocabulary says of a field; nothing for raw fields.
    pub fn describe(&self, field: FieldId) -> Option<(&str, &Field)> {
        let name = self.order.get(field.0 as usize)?;
        Some((name, self.fields.get(name)?))
    }

    /// All fields by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.fields
            .iter()
            .map(|(name, field)| (name.as_str(), field))
    }

    /// The class of that name.
    pub fn class(&self, name: &str) -> Option<(ClassId, &Class)> {
        let position = self.class.iter().position(|class| class.name == name)?;
        Some((
            ClassId(u8::try_from(position).ok()?),
            self.class.get(position)?,
        ))
    }

    /// What the vocabulary says of a class.
    pub fn describe_class(&self, class: ClassId) -> Option<&Class> {
        self.class.get(class.0 as usize)
    }

    /// All classes in order.
    pub fn classes(&self) -> impl Iterator<Item = &Class> {
        self.class.iter()
    }

    /// All sources in order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.source.iter()
    }
}

/// Resolves field names, handing out numbers beyond the vocabulary to the raw
/// fields that subscriptions name as `unmapped.<name>`.
#[derive(Debug, Clone, Default)]
pub struct FieldNames {
    raw: Vec<String>,
    by_name: HashMap<String, FieldId>,
}

/// How raw fields are named in subscriptions.
pub const RAW_PREFIX: &str = "unmapped.";

impl FieldNames {
    /// The number of a field of the vocabulary or of a raw field.
    pub fn resolve(&mut self, name: &str) -> Option<FieldId> {
        let Some(raw) = name.strip_prefix(RAW_PREFIX) else {
            return vocabulary().field(name).map(|(id, _)| id);
        };
        if let Some(id) = self.by_name.get(raw) {
            return Some(*id);
        }
        if raw.is_empty() || raw.len() > 256 {
            return None;
        }
        let id = FieldId(u16::try_from(vocabulary().order.len() + self.raw.len()).ok()?);
        self.raw.push(raw.to_owned());
        self.by_name.insert(raw.to_owned(), id);
        Some(id)
    }

    /// The number of a field of the vocabulary or of a raw field, if anyone
    /// named it.
    pub fn find(&self, name: &str) -> Option<FieldId> {
        match name.strip_prefix(RAW_PREFIX) {
            Some(raw) => self.by_name.get(raw).copied(),
            None => vocabulary().field(name).map(|(id, _)| id),
        }
    }

    /// The name by which a field is found.
    pub fn name(&self, field: FieldId) -> Option<Cow<'_, str>> {
        if let Some((name, _)) = vocabulary().describe(field) {
            return Some(Cow::Borrowed(name));
        }
        let offset = usize::from(field.0).checked_sub(vocabulary().order.len())?;
        let raw = self.raw.get(offset)?;
        Some(Cow::Owned(format!("{RAW_PREFIX}{raw}")))
    }

    /// The raw fields named so far, with their numbers.
    pub fn raw(&self) -> impl Iterator<Item = (FieldId, &str)> {
        let first = vocabulary().order.len();
        self.raw
            .iter()
            .enumerate()
            .map(move |(offset, name)| (FieldId((first + offset) as u16), name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_agree_with_the_file() {
        let (id, _) = vocabulary().field("process.cmd_line").unwrap();
        assert_eq!(id, fields::PROCESS_CMD_LINE);
        let (id, _) = vocabulary().class("network.open").unwrap();
        assert_eq!(id, classes::NETWORK_OPEN);
    }

    #[test]
    fn sources_name_known_classes_and_fields() {
        for source in vocabulary().sources() {
            assert!(
                vocabulary().class(&source.class).is_some(),
                "{}",
                source.class
            );
            for name in source.fields.keys() {
                let (_, field) = vocabulary().field(name).expect(name);
                assert!(!field.derived, "{name} is derived, not read");
            }
        }
    }
}
