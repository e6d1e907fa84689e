//! The daemon: live events in, findings out, for months.
//!
//! ```text
//! sources   hand deliveries over at the gate
//! dispatch  decodes them, runs the pipeline, collects what came of it
//! ledger    stores that in one transaction, feeds the outlets, acknowledges
//! ```

pub mod board;
pub mod core;
mod decode;
mod dispatch;
mod ledger;
mod letters;
pub mod reload;
pub mod repairs;
pub mod run;
mod seen;
pub mod store;

use std::time::Instant;

pub use reload::Report as ReloadReport;

/// The host's clock, RFC 3339. It is for operators only: nothing an analytic
/// sees and no finding depends on it.
fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// The time of the host's clock that this moment is, RFC 3339.
fn at(moment: Instant) -> String {
    let ahead = moment.saturating_duration_since(Instant::now());
    let time = jiff::Timestamp::now() + ahead;
    time.round(jiff::Unit::Second).unwrap_or(time).to_string()
}

/// The host's clock in milliseconds since 1970 UTC.
fn now_in_milliseconds() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
