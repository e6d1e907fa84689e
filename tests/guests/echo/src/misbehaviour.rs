//! One way to break each limit.

use sandtrap_sdk::{Finding, Findings, Row, Severity, Stage, field};
use serde::Deserialize;

/// Which rule to break, and when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Misbehaviour {
    how: How,
    /// At which event since the instance started, counted from 1.
    #[serde(default)]
    at: Option<u64>,
    /// At each launch whose command line, and each script whose text, contains
    /// this.
    #[serde(default)]
    on: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum How {
    /// Panics.
    Trap,
    /// Never returns.
    Loop,
    /// Calls itself until the stack ends.
    Recurse,
    /// Takes memory until there is none.
    Allocate,
    /// Reports findings without end.
    Findings,
    /// Reports one finding of several megabytes.
    Text,
    /// Cites an event it never saw.
    Forge,
    /// Logs without end.
    #[cfg(feature = "log")]
    Log,
    /// Asks without end.
    #[cfg(feature = "lineage")]
    Questions,
    /// Puts marks without end.
    #[cfg(feature = "lineage")]
    Marks,
    /// Observes keys without end.
    #[cfg(feature = "baselines")]
    Keys,
}

/// How often "without end" is: more than any budget, less than the test's
/// patience if the budget does not hold.
const ENDLESS: u64 = 3_000_000;

impl Misbehaviour {
    pub fn is_due(&self, seen: u64, row: &Row<'_>) -> bool {
        let provokes = |text: &String| {
            let fields = [field::PROCESS_CMD_LINE, field::SCRIPT_CONTENT];
            let mut present = fields.into_iter().filter(|field| row.has(*field));
            present.any(|field| row.text(field).contains(text))
        };
        self.at == Some(seen) || self.on.as_ref().is_some_and(provokes)
    }

    #[expect(clippy::panic, reason = "that is what it is for")]
    pub fn commit(&self, row: &Row<'_>, findings: &mut Findings) {
        match self.how {
            How::Trap => panic!("as asked at event {}", row.event()),
            How::Loop => while std::hint::black_box(true) {},
            How::Recurse => {
                recurse(0);
            }
            How::Allocate => {
                let mut held = Vec::new();
                while held.len() < 1 << 16 {
                    held.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            How::Findings => {
                for _ in 0..ENDLESS {
                    findings.report(Finding::new("flood", Severity::Critical, row.event()));
                }
            }
            How::Text => {
                let text = "text".repeat(1 << 20);
                findings.report(Finding::new(text, Severity::Critical, row.event()));
            }
            How::Forge => findings.report(
                Finding::new("forged", Severity::Critical, row.event() + 1_000_000).stage(Stage {
                    name: "forged".to_owned(),
                    score: i32::MAX,
                    summary: "an event that it never saw".to_owned(),
                    events: vec![row.event() + 1_000_000],
                }),
            ),
            #[cfg(feature = "log")]
            How::Log => {
                for number in 0..ENDLESS {
                    sandtrap_sdk::log::warn(number);
                }
            }
            #[cfg(feature = "lineage")]
            How::Questions => {
                for number in 0..ENDLESS {
                    sandtrap_sdk::lineage::processes(row, &[number; 64]);
                }
            }
            #[cfg(feature = "lineage")]
            How::Marks => {
                use sandtrap_sdk::lineage::{NewMark, Subject, mark};
                let day = std::time::Duration::from_secs(86_400);
                for number in 0..ENDLESS {
                    let item = Subject::item(number.to_string());
                    if mark(row, NewMark::new(row, item, "flood", 1, "", day)).is_err() {
                        break;
                    }
                }
            }
            #[cfg(feature = "baselines")]
            How::Keys => {
                for number in 0..ENDLESS {
                    let key = number.to_string();
                    if sandtrap_sdk::baselines::observe(row, &[("flood", &key)]).is_err() {
                        break;
                    }
                }
            }
        }
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + frame.iter().sum::<u64>()
}
