//! Messages for the operator, limited in number and length. A component that
//! calls nothing here does not ask for the capability.
//!
//! Each function takes a text or `format_args!("…")`. Findings are for what
//! happened on a device; messages are for what went wrong in the analytic.

use std::fmt::Display;

#[cfg(target_family = "wasm")]
use crate::bindings::sandtrap::analytic::log as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::log as host;

pub use crate::bindings::sandtrap::analytic::log::Level;

/// For the analytic's author.
pub fn debug(message: impl Display) {
    write(Level::Debug, message);
}

/// For the record.
pub fn info(message: impl Display) {
    write(Level::Info, message);
}

/// Something the operator should look at.
pub fn warn(message: impl Display) {
    write(Level::Warn, message);
}

/// From here on, a panic says where and why before it ends the call. Without
/// it the host only sees that the component trapped.
pub fn report_panics() {
    // Natively the test harness has a hook of its own that says more.
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| warn(panic)));
}

fn write(level: Level, message: impl Display) {
    host::write(level, &message.to_string());
}
