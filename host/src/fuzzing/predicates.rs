//! Predicates of components, against another way to answer them.

use super::Shape;
use crate::{
    event::Fields,
    router::{Comparison, Predicate, Router, Step, Subscription},
    vocabulary::{ClassId, FieldId, FieldNames, fields},
};

/// Texts, a number, and one that is never there.
const FIELDS: [(&str, FieldId); 4] = [
    ("process.cmd_line", fields::PROCESS_CMD_LINE),
    ("process.file.path", fields::PROCESS_FILE_PATH),
    ("process.pid", fields::PROCESS_PID),
    ("process.uid", fields::PROCESS_UID),
];

/// A predicate and an event.
pub fn predicate(bytes: &[u8]) {
    let mut shape = Shape::new(bytes);
    let mut event = Fields::default();
    event.set_text(fields::PROCESS_CMD_LINE, &shape.text());
    event.set_text(fields::PROCESS_FILE_PATH, &shape.text());
    event.set_number(fields::PROCESS_PID, shape.number());
    let mut steps = Vec::new();
    while !shape.is_over() && steps.len() < 300 {
        steps.push(step(&mut shape));
    }
    let mut names = FieldNames::default();
    let Ok(predicate) = Predicate::compile(&steps, &mut names) else {
        return;
    };
    let holds = predicate.matches(&event);
    assert_eq!(Some(holds), answer(&steps, &event), "{steps:?}");
    let class = ClassId(0);
    let subscription = Subscription {
        class,
        predicate,
        fields: Vec::new(),
    };
    let router = Router::new([&subscription, &subscription], names);
    let mut found = Vec::new();
    router.matches(class, &event, &mut found);
    assert_eq!(found, if holds { vec![0, 1] } else { Vec::new() });
    let tested = subscription.predicate.fields();
    assert!(tested.iter().all(|field| router.wants(*field)));
}

fn step(shape: &mut Shape<'_>) -> Step {
    let kind = shape.below(8);
    let field = FIELDS.get(shape.below(FIELDS.len()));
    let name = field.map_or("process.pid", |(name, _)| *name);
    match kind {
        0..=3 => Step::Text {
            field: name.to_owned(),
            comparison: match kind {
                0 => Comparison::Equals,
                1 => Comparison::StartsWith,
                2 => Comparison::EndsWith,
                _ => Comparison::Contains,
            },
            values: (0..shape.below(4)).map(|_| shape.text()).collect(),
        },
        4 => Step::Number {
            field: name.to_owned(),
            ranges: (0..shape.below(4))
                .map(|_| (shape.number(), shape.number()))
                .collect(),
        },
        5 => match shape.below(2) {
            0 => Step::Present(name.to_owned()),
            _ => Step::Negate,
        },
        6 => Step::AllOf(shape.below(5) as u32),
        _ => Step::AnyOf(shape.below(5) as u32),
    }
}

/// What the steps say of an event, worked out value by value.
fn answer(steps: &[Step], event: &Fields) -> Option<bool> {
    let mut values: Vec<bool> = Vec::new();
    let field = |name: &str| {
        FIELDS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, id)| *id)
    };
    for step in steps {
        let take = |values: &mut Vec<bool>, count: u32| {
            let from = values.len().checked_sub(count as usize)?;
            Some(values.split_off(from))
        };
        let value = match step {
            Step::Text {
                field: name,
                comparison,
                values,
            } => {
                let text = event.text(field(name)?).to_ascii_lowercase();
                values.iter().any(|value| {
                    let value = value.to_ascii_lowercase();
                    match comparison {
                        Comparison::Equals => text == value,
                        Comparison::StartsWith => text.starts_with(&value),
                        Comparison::EndsWith => text.ends_with(&value),
                        Comparison::Contains => text.contains(&value),
                    }
                })
            }
            Step::Number {
                field: name,
                ranges,
            } => {
                let number = event.number(field(name)?);
                number.is_some_and(|number| {
                    ranges
                        .iter()
                        .any(|(low, high)| *low <= number && number <= *high)
                })
            }
            Step::Present(name) => event.has(field(name)?),
            Step::AllOf(count) => take(&mut values, *count)?.iter().all(|value| *value),
            Step::AnyOf(count) => take(&mut values, *count)?.iter().any(|value| *value),
            Step::Negate => !values.pop()?,
        };
        values.push(value);
    }
    match values.as_slice() {
        [] if steps.is_empty() => Some(true),
        [value] => Some(*value),
        _ => None,
    }
}
