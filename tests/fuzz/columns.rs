//! Events as the host lays them out in columns, read by the guest's decoder.

use std::{cell::RefCell, sync::Arc};

use sandtrap::{
    bindings::sandtrap::analytic::events as host,
    event::{Event, Fields, Origin, Processes},
    fuzzing::{Shape, table},
    router::{Predicate, Subscription},
    vocabulary::{ClassId, FieldId, FieldNames, vocabulary},
};
use sandtrap_sdk::{
    Analytic, Description, Findings, Row, Site, adapter::Configured,
    bindings::sandtrap::analytic::events as guest, class, field, fields,
};

/// The fields of both subscriptions: texts that repeat and such that do not,
/// the device, numbers, handles, and a field of the raw record.
const FIELDS: [&str; 7] = [
    "process.cmd_line",
    "process.file.path",
    "device.hostname",
    "unmapped.Task",
    "process.pid",
    "process.handle",
    "actor.process.handle",
];

/// A row as one side has it: the event, its time, its class, its texts and its
/// numbers.
type Seen = (u64, i64, usize, [String; 4], [Option<u64>; 3]);

thread_local! {
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
}

/// Notes every row it is shown.
struct Reader;

impl Analytic for Reader {
    type Settings = serde_json::Map<String, serde_json::Value>;

    fn description() -> Description {
        let fields = fields![
            field::PROCESS_CMD_LINE,
            field::PROCESS_FILE_PATH,
            field::DEVICE_HOSTNAME,
            field::raw("Task"),
            field::PROCESS_PID,
            field::PROCESS_HANDLE,
            field::ACTOR_PROCESS_HANDLE,
        ];
        Description::new("reader", "Reader", "1.0.0")
            .subscribe(sandtrap_sdk::Subscription::to(class::PROCESS_LAUNCH).fields(fields))
            .subscribe(sandtrap_sdk::Subscription::to(class::NETWORK_OPEN).fields(fields))
    }

    fn new(_: Self::Settings, _: Site) -> Result<Self, String> {
        Ok(Self)
    }

    fn inspect(&self, row: &Row<'_>, _: &mut Findings) {
        let texts = [
            field::PROCESS_CMD_LINE,
            field::PROCESS_FILE_PATH,
            field::DEVICE_HOSTNAME,
            field::raw("Task"),
        ];
        let numbers = [
            field::PROCESS_PID,
            field::PROCESS_HANDLE,
            field::ACTOR_PROCESS_HANDLE,
        ];
        let seen = (
            row.event(),
            row.time(),
            row.subscription(),
            texts.map(|field| row.text(field).to_owned()),
            numbers.map(|field| row.number(field)),
        );
        SEEN.with_borrow_mut(|all| all.push(seen));
    }
}

/// Events made of these bytes, there and back.
pub fn columns(bytes: &[u8]) {
    let mut names = FieldNames::default();
    let fields: Vec<FieldId> = FIELDS
        .iter()
        .map(|name| names.resolve(name).expect("a field of the vocabulary"))
        .collect();
    let classes = ["process.launch", "network.open"].map(|name| {
        let (class, _) = vocabulary().class(name).expect("a class of the vocabulary");
        class
    });
    let mut shape = Shape::new(bytes);
    let pool: Vec<String> = (0..4).map(|_| shape.text()).collect();
    let mut sequence = 0;
    let mut events = Vec::new();
    while !shape.is_over() && events.len() < 200 {
        sequence += 1 + shape.number() % 3;
        let class = shape.below(2);
        events.push((
            class,
            event(&mut shape, sequence, classes[class], &fields, &pool),
        ));
    }

    let tables: Vec<guest::Table> = (0..2)
        .map(|number| {
            let subscription = Subscription {
                class: classes[number],
                predicate: Predicate::compile(&[], &mut names).expect("no steps"),
                fields: fields.clone(),
            };
            let rows: Vec<&Event> = events
                .iter()
                .filter(|(class, _)| *class == number)
                .map(|(_, event)| event)
                .collect();
            crossed(table(number as u32, &subscription, &rows))
        })
        .collect();
    let reader = Configured::<Reader>::new("{}", "{}").expect("settings");
    SEEN.with_borrow_mut(Vec::clear);
    let read = reader.inspect(&guest::Batch { tables });
    assert!(
        read.is_ok(),
        "the guest refuses what the host wrote: {read:?}"
    );
    let expected: Vec<Seen> = events
        .iter()
        .map(|(class, event)| seen(*class, event, &fields))
        .collect();
    SEEN.with_borrow(|seen| assert_eq!(*seen, expected));
}

fn event(
    shape: &mut Shape<'_>,
    sequence: u64,
    class: ClassId,
    fields: &[FieldId],
    pool: &[String],
) -> Event {
    let mut values = Fields::default();
    for text in [0, 1, 3] {
        match shape.below(8) {
            known @ 0..4 => values.set_text(fields[text], &pool[known]),
            4..7 => values.set_text(fields[text], &shape.text()),
            _ => {}
        }
    }
    if shape.below(3) > 0 {
        values.set_number(fields[4], shape.number());
    }
    Event {
        sequence,
        uid: 0,
        time: i64::from_le_bytes(shape.number().to_le_bytes()),
        device: Arc::from(pool[shape.below(4)].as_str()),
        class,
        origin: Origin::default(),
        processes: Processes {
            process: shape.below(4) as u64,
            parent: 0,
            actor: shape.number(),
        },
        matches: Box::default(),
        fields: values,
        is_again: false,
    }
}

/// What the guest should see of an event.
fn seen(class: usize, event: &Event, fields: &[FieldId]) -> Seen {
    let text = |number: usize| event.fields.text(fields[number]).to_owned();
    let known = |number: u64| (number != u64::MAX).then_some(number);
    let handle = |number: u64| known(number).filter(|number| *number != 0);
    let texts = [text(0), text(1), event.device.to_string(), text(3)];
    let numbers = [
        event.fields.number(fields[4]).and_then(known),
        handle(event.processes.process),
        handle(event.processes.actor),
    ];
    (event.sequence, event.time, class, texts, numbers)
}

/// What crosses into the sandbox, value by value.
fn crossed(table: host::Table) -> guest::Table {
    let text = |column: host::TextColumn| guest::TextColumn {
        bytes: column.bytes,
        ends: column.ends,
    };
    let column = |column| match column {
        host::Column::Text(column) => guest::Column::Text(text(column)),
        host::Column::Dictionary(column) => guest::Column::Dictionary(guest::DictionaryColumn {
            values: text(column.values),
            codes: column.codes,
        }),
        host::Column::Unsigned(numbers) => guest::Column::Unsigned(numbers),
        host::Column::Signed(numbers) => guest::Column::Signed(numbers),
    };
    guest::Table {
        subscription: table.subscription,
        events: table.events,
        times: table.times,
        columns: table.columns.into_iter().map(column).collect(),
    }
}
