//! The daemon: live events in, findings out, for months.

pub mod board;
