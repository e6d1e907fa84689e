//! From events to the columns an analytic asked for, by the host's rules.

use std::collections::BTreeMap;

use super::TestEvent;
use crate::bindings::{
    exports::sandtrap::analytic::detector::{
        Comparison, Description, NumberTest, Step, Subscription, TextTest,
    },
    sandtrap::analytic::events::{Batch, Column, DictionaryColumn, Table, TextColumn},
};
use crate::vocabulary::{Field, field};

/// Refuses what the host refuses when it loads a component.
pub(super) fn check(description: &Description) -> Result<(), String> {
    let id = &description.id;
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    if id.is_empty() || id.len() > 64 || !id.chars().all(plain) || id.starts_with('.') {
        return Err("its id must be 1 to 64 letters, digits, `-`, `_` or `.`".to_owned());
    }
    if description.subscriptions.is_empty() || description.subscriptions.len() > 64 {
        return Err("it must have 1 to 64 subscriptions".to_owned());
    }
    for (number, subscription) in description.subscriptions.iter().enumerate() {
        let wrong = |reason: &str| Err(format!("subscription {number}: {reason}"));
        if subscription.fields.len() > 64 {
            return wrong("it asks for more than 64 fields");
        }
        if subscription.predicate.len() > 256 {
            return wrong("its predicate has more than 256 steps");
        }
        for step in &subscription.predicate {
            let (count, longest) = match step {
                Step::Text(test) => (test.values.len(), test.values.iter().map(String::len).max()),
                Step::Number(test) => (test.ranges.len(), None),
                _ => (0, None),
            };
            if count > 4096 || longest.is_some_and(|length| length > 1024) {
                return wrong("a test has more than 4096 values, or one of more than 1024 bytes");
            }
        }
    }
    Ok(())
}

/// The batch of these events, of which the first is number `first + 1`.
pub(super) fn batch(subscriptions: &[Subscription], events: &[TestEvent], first: usize) -> Batch {
    let mut tables = Vec::new();
    for (number, subscription) in (0_u32..).zip(subscriptions) {
        let rows: Vec<(u64, &TestEvent)> = (first as u64 + 1..)
            .zip(events)
            .filter(|(_, event)| matches(subscription, event))
            .collect();
        if rows.is_empty() {
            continue;
        }
        tables.push(Table {
            subscription: number,
            events: rows.iter().map(|(event, _)| *event).collect(),
            times: rows
                .iter()
                .map(|(_, event)| event.time.unwrap_or(0))
                .collect(),
            columns: subscription
                .fields
                .iter()
                .map(|field| column(field, &rows))
                .collect(),
        });
    }
    Batch { tables }
}

fn matches(subscription: &Subscription, event: &TestEvent) -> bool {
    if subscription.class != event.class.name() {
        return false;
    }
    let mut stack: Vec<bool> = Vec::new();
    for step in &subscription.predicate {
        let mut take = |count: u32| stack.split_off(stack.len() - count as usize);
        let value = match step {
            Step::Text(test) => holds_text(test, event),
            Step::Number(test) => holds_number(test, event),
            Step::Present(field) => {
                event.texts.get(field).is_some_and(|text| !text.is_empty())
                    || event.numbers.contains_key(field)
            }
            Step::AllOf(count) => take(*count).into_iter().all(|value| value),
            Step::AnyOf(count) => take(*count).into_iter().any(|value| value),
            Step::Negate => take(1) == [false],
        };
        stack.push(value);
    }
    stack.pop().unwrap_or(true)
}

fn holds_text(test: &TextTest, event: &TestEvent) -> bool {
    let text = event
        .texts
        .get(&test.field)
        .map(|text| text.to_ascii_lowercase());
    let text = text.unwrap_or_default();
    test.values.iter().any(|value| {
        let value = value.to_ascii_lowercase();
        match test.comparison {
            Comparison::Equals => text == value,
            Comparison::StartsWith => text.starts_with(&value),
            Comparison::EndsWith => text.ends_with(&value),
            Comparison::Contains => text.contains(&value),
        }
    })
}

fn holds_number(test: &NumberTest, event: &TestEvent) -> bool {
    event.numbers.get(&test.field).is_some_and(|number| {
        test.ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(number))
    })
}

fn column(field: &str, rows: &[(u64, &TestEvent)]) -> Column {
    if is_number(field) {
        let number = |(_, event): &(u64, &TestEvent)| event.numbers.get(field).copied();
        return Column::Unsigned(
            rows.iter()
                .map(|row| number(row).unwrap_or(u64::MAX))
                .collect(),
        );
    }
    let texts = rows
        .iter()
        .map(|(_, event)| event.texts.get(field).map_or("", String::as_str));
    let mut codes_by_text = BTreeMap::new();
    let mut values = TextColumn {
        bytes: Vec::new(),
        ends: Vec::new(),
    };
    let mut codes = Vec::new();
    for text in texts.clone() {
        let next = codes_by_text.len() as u32;
        let code = *codes_by_text.entry(text).or_insert_with(|| {
            push(&mut values, text);
            next
        });
        codes.push(code);
    }
    // Both forms are used, so that both are tested.
    if values.ends.len() < rows.len() {
        return Column::Dictionary(DictionaryColumn { values, codes });
    }
    Column::Text(values)
}

fn push(column: &mut TextColumn, text: &str) {
    column.bytes.extend_from_slice(text.as_bytes());
    column.ends.push(column.bytes.len() as u32);
}

fn is_number(name: &str) -> bool {
    field::ALL
        .iter()
        .any(|field| matches!(field, Field::Unsigned(_)) && field.name() == name)
}
