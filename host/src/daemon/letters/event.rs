//! An event by the names of its fields, as a letter keeps one that stood in
//! several records.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    event::{Event, Fields, Origin, Processes},
    vocabulary::{FieldNames, vocabulary},
};

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    class: Cow<'a, str>,
    device: Cow<'a, str>,
    fields: BTreeMap<Cow<'a, str>, Value<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Value<'a> {
    Number(u64),
    Text(Cow<'a, str>),
}

/// An event as JSON.
pub(super) fn write(event: &Event, names: &FieldNames) -> String {
    let class = vocabulary().describe_class(event.class);
    let fields = event.fields.ids().filter_map(|id| {
        let value = match event.fields.number(id) {
            Some(number) => Value::Number(number),
            None => Value::Text(event.fields.text(id).into()),
        };
        Some((names.name(id)?, value))
    });
    let written = Written {
        class: class.map_or("", |class| &class.name).into(),
        device: (&*event.device).into(),
        fields: fields.collect(),
    };
    serde_json::to_string(&written).unwrap_or_default()
}

/// The event again, without time, identity and matches. Fields that have no
/// name now are left out.
pub(super) fn read(text: &str, names: &FieldNames) -> Option<Event> {
    let written: Written<'_> = serde_json::from_str(text).ok()?;
    let (class, _) = vocabulary().class(&written.class)?;
    let mut fields = Fields::default();
    for (name, value) in &written.fields {
        match (names.find(name), value) {
            (Some(id), Value::Number(number)) => fields.set_number(id, *number),
            (Some(id), Value::Text(text)) => fields.set_text(id, text),
            (None, _) => {}
        }
    }
    Some(Event {
        sequence: 0,
        uid: 0,
        time: 0,
        device: Arc::from(&*written.device),
        class,
        origin: Origin::default(),
        processes: Processes::default(),
        matches: Box::default(),
        is_again: false,
        fields: fields.compact(),
    })
}
