//! JSON objects whose keys come out in the order they were put in, and which
//! leave out what is empty.
//!
//! OCSF is mostly optional attributes: a struct with thirty `Option`s for each
//! of its objects would say less than the functions that fill them in.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};

/// An object under construction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// A value of an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A number.
    Number(i64),
    /// A truth value.
    Truth(bool),
    /// An object.
    Object(Object<'a>),
    /// A list.
    List(Vec<Self>),
}

impl<'a> Object<'a> {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text, unless it is empty.
    pub fn text(self, key: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        let is_empty = text.is_empty();
        self.with(key, (!is_empty).then_some(Value::Text(text)))
    }

    /// Adds a number, if there is one.
    pub fn number(self, key: impl Into<Cow<'a, str>>, number: impl Into<Option<i64>>) -> Self {
        self.with(key, number.into().map(Value::Number))
    }

    /// Adds a truth value.
    pub fn truth(self, key: impl Into<Cow<'a, str>>, truth: bool) -> Self {
        self.with(key, Some(Value::Truth(truth)))
    }

    /// Adds an object, unless it is empty.
    pub fn object(self, key: impl Into<Cow<'a, str>>, object: Self) -> Self {
        let is_empty = object.is_empty();
        self.with(key, (!is_empty).then_some(Value::Object(object)))
    }

    /// Adds a list, unless it is empty.
    pub fn list<V: Into<Value<'a>>>(
        self,
        key: impl Into<Cow<'a, str>>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values: Vec<_> = values.into_iter().map(Into::into).collect();
        let is_empty = values.is_empty();
        self.with(key, (!is_empty).then_some(Value::List(values)))
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn with(mut self, key: impl Into<Cow<'a, str>>, value: Option<Value<'a>>) -> Self {
        self.members.extend(value.map(|value| (key.into(), value)));
        self
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<Object<'a>> for Value<'a> {
    fn from(object: Object<'a>) -> Self {
        Self::Object(object)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (key, value) in &self.members {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Truth(truth) => serializer.serialize_bool(*truth),
            Self::Object(object) => object.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_emptiness_left_out() {
        let object = Object::new()
            .text("z", "1")
            .text("nothing", "")
            .number("a", 2)
            .number("none", None)
            .object("empty", Object::new())
            .list("m", ["x"]);
        assert_eq!(
            serde_json::to_string(&object).unwrap(),
            r#"{"z":"1","a":2,"m":["x"]}"#
        );
    }
}
