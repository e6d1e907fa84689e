//! The events of a batch as the imports and the findings need them: by their
//! handle, and reduced to what an analyst reads.

use std::{collections::HashMap, sync::Arc};

use crate::{
    event::Event,
    finding::Evidence,
    vocabulary::{self, vocabulary},
};

/// Longest text of a field kept as evidence, in bytes. A mark keeps its
/// evidence for hours, so a script of a megabyte cannot stay whole.
const MAX_FIELD: usize = 4096;

/// The events of one batch.
#[derive(Default)]
pub struct EvidenceDesk {
    events: Arc<Vec<Event>>,
    inputs: Arc<Vec<Arc<str>>>,
    made: HashMap<u64, Arc<Evidence>>,
}

impl EvidenceDesk {
    /// Over the events of a batch, ascending by sequence, and the names of the
    /// inputs.
    pub fn new(events: Arc<Vec<Event>>, inputs: Arc<Vec<Arc<str>>>) -> Self {
        Self {
            events,
            inputs,
            made: HashMap::new(),
        }
    }

    /// The event of that handle, if it is of the batch.
    pub fn event(&self, sequence: u64) -> Option<&Event> {
        let position = self
            .events
            .binary_search_by_key(&sequence, |event| event.sequence)
            .ok()?;
        self.events.get(position)
    }

    /// The event as evidence, if it is of the batch.
    pub fn evidence(&mut self, sequence: u64) -> Option<Arc<Evidence>> {
        if let Some(made) = self.made.get(&sequence) {
            return Some(Arc::clone(made));
        }
        let event = self.event(sequence)?;
        let input = self
            .inputs
            .get(event.origin.input as usize)
            .cloned()
            .unwrap_or_default();
        let made = Arc::new(evidence(event, input));
        self.made.insert(sequence, Arc::clone(&made));
        Some(made)
    }
}

fn evidence(event: &Event, input: Arc<str>) -> Evidence {
    let mut is_cut = false;
    let mut fields = Vec::new();
    for id in event.fields.ids() {
        let Some((name, field)) = vocabulary().describe(id) else {
            continue;
        };
        let value = match field.value {
            vocabulary::ValueType::Unsigned => event
                .fields
                .number(id)
                .map(|number| number.to_string())
                .unwrap_or_default(),
            vocabulary::ValueType::Text => {
                let text = event.fields.text(id);
                let end = text.floor_char_boundary(MAX_FIELD.min(text.len()));
                is_cut |= end < text.len();
                text.get(..end).unwrap_or_default().to_owned()
            }
        };
        fields.push((name, value));
    }
    Evidence {
        sequence: event.sequence,
        uid: event.uid,
        time: event.time,
        process: event.processes.doer(),
        class: vocabulary()
            .describe_class(event.class)
            .map_or("other", |class| class.name.as_str()),
        input,
        origin: event.origin,
        fields,
        is_cut,
    }
}
