use super::*;
use crate::{class, field, fields};
use wire::{Column as WireColumn, DictionaryColumn, TextColumn};

fn texts(values: &[&str]) -> TextColumn {
    let mut column = TextColumn {
        bytes: Vec::new(),
        ends: Vec::new(),
    };
    for value in values {
        column.bytes.extend_from_slice(value.as_bytes());
        column.ends.push(column.bytes.len() as u32);
    }
    column
}

fn layouts() -> Vec<Layout> {
    let fields = fields![field::PROCESS_CMD_LINE, field::PROCESS_PID];
    vec![
        Layout::new(class::PROCESS_LAUNCH, &fields),
        Layout::new(class::DNS_QUERY, &fields![field::QUERY_HOSTNAME]),
    ]
}

fn launches(events: &[u64], lines: &[&str], pids: &[u64]) -> wire::Table {
    wire::Table {
        subscription: 0,
        events: events.to_vec(),
        times: events.iter().map(|event| *event as i64 * 10).collect(),
        columns: vec![
            WireColumn::Text(texts(lines)),
            WireColumn::Unsigned(pids.to_vec()),
        ],
    }
}

fn queries(events: &[u64], values: &[&str], codes: &[u32]) -> wire::Table {
    let column = DictionaryColumn {
        values: texts(values),
        codes: codes.to_vec(),
    };
    wire::Table {
        subscription: 1,
        events: events.to_vec(),
        times: vec![0; events.len()],
        columns: vec![WireColumn::Dictionary(column)],
    }
}

#[test]
fn rows_come_in_event_order_across_tables() {
    let layouts = layouts();
    let batch = wire::Batch {
        tables: vec![
            queries(&[2, 5, 9], &["ä.example", ""], &[0, 1, 0]),
            launches(&[1, 2, 7], &["öne", "", "two"], &[11, u64::MAX, 0]),
        ],
    };
    let batch = Batch::check(&batch, &layouts).unwrap();
    let mut seen = Vec::new();
    batch.for_each_row(|row| {
        let said = match row.class() {
            class::DNS_QUERY => row.text(field::QUERY_HOSTNAME).to_owned(),
            _ => format!(
                "{}/{:?}",
                row.text(field::PROCESS_CMD_LINE),
                row.number(field::PROCESS_PID)
            ),
        };
        seen.push((row.event(), said));
    });
    let expected = [
        (1, "öne/Some(11)"),
        (2, "ä.example"),
        (2, "/None"),
        (5, ""),
        (7, "two/Some(0)"),
        (9, "ä.example"),
    ];
    assert_eq!(seen, expected.map(|(event, said)| (event, said.to_owned())));
}

#[test]
fn a_malformed_batch_is_refused_with_its_place() {
    let spoil = |change: fn(&mut wire::Table)| {
        let mut table = launches(&[1, 2], &["aé", "b"], &[1, 2]);
        change(&mut table);
        let batch = wire::Batch {
            tables: vec![table],
        };
        Batch::check(&batch, &layouts()).err().unwrap_or_default()
    };
    let text = |change: fn(&mut TextColumn)| {
        let mut table = launches(&[1, 2], &["aé", "b"], &[1, 2]);
        if let WireColumn::Text(column) = &mut table.columns[0] {
            change(column);
        }
        let batch = wire::Batch {
            tables: vec![table],
        };
        Batch::check(&batch, &layouts()).err().unwrap_or_default()
    };
    assert_eq!(spoil(|_| ()), "");
    assert!(spoil(|table| table.subscription = 2).contains("there are 2 subscriptions"));
    assert!(spoil(|table| table.times.clear()).contains("0 times"));
    assert!(spoil(|table| table.events.reverse()).contains("ascend"));
    assert!(
        spoil(|table| table.columns.reverse()).contains("`process.cmd_line`: it holds numbers")
    );
    assert!(spoil(|table| table.columns.truncate(1)).contains("1 columns"));
    assert!(spoil(|table| table.columns[1] = WireColumn::Unsigned(vec![1])).contains("1 values"));
    assert!(spoil(|table| table.columns[1] = WireColumn::Signed(vec![1, 2])).contains("signed"));
    assert!(text(|column| column.bytes[0] = 0xff).contains("utf-8"));
    assert!(text(|column| column.ends[0] = 2).contains("ends at 2"));
    assert!(text(|column| column.ends[0] = u32::MAX).contains("ends at"));
    assert!(text(|column| column.ends[1] = 3).contains("behind the last"));
    assert!(text(|column| column.ends.reverse()).contains("ends at 3"));

    let twice = wire::Batch {
        tables: vec![queries(&[1], &["a"], &[0]); 2],
    };
    assert!(Batch::check(&twice, &layouts()).is_err_and(|reason| reason.contains("two")));
    let astray = wire::Batch {
        tables: vec![queries(&[1], &["a"], &[1])],
    };
    assert!(Batch::check(&astray, &layouts()).is_err_and(|reason| reason.contains("code")));
}

proptest::proptest! {
    #[test]
    fn no_column_panics(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..12),
        ends in proptest::collection::vec(0_u32..14, 0..4),
        codes in proptest::collection::vec(0_u32..5, 0..4),
    ) {
        let layouts = vec![Layout::new(class::DNS_QUERY, &fields![field::QUERY_HOSTNAME])];
        let values = TextColumn { bytes, ends };
        let table = wire::Table {
            subscription: 0,
            events: (0..codes.len() as u64).collect(),
            times: vec![0; codes.len()],
            columns: vec![WireColumn::Dictionary(DictionaryColumn { values, codes })],
        };
        let batch = wire::Batch { tables: vec![table] };
        if let Ok(batch) = Batch::check(&batch, &layouts) {
            batch.for_each_row(|row| { row.text(field::QUERY_HOSTNAME); });
        }
    }
}
