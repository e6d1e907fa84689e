//! What every analytic on Windows telemetry needs to know about Windows.
//!
//! Pure functions over text from an event: no clock, no environment, no host call.
//! Everything here accepts hostile input: nothing panics, time is linear in the
//! input, and each module names the bound past which it stops reading.
//!
//! | module | question it answers |
//! | --- | --- |
//! | [`command_line`] | which arguments did the process really get, and how odd is their spelling? |
//! | [`powershell`] | what was PowerShell told to do on its command line? |
//! | [`payload`] | what does a piece of base64 hold? |
//! | [`path`] | who can write at this path, and which file is it? |
//! | [`process_name`] | which program is this, whatever it is called? |
//! | [`script`] | what does this script text do? |
//!
//! Names, paths and script text are under the control of whoever started the
//! process; only hashes and signatures are not. These helpers undo disguises, they
//! do not establish trust.

pub mod command_line;
pub mod path;
pub mod payload;
pub mod powershell;
pub mod process_name;
pub mod script;

pub use command_line::{Argument, Arguments, Obfuscation};
pub use path::Place;
pub use payload::{Content, Decoded};
pub use powershell::{Edition, Invocation, Payload};
pub use process_name::ProcessName;
pub use script::{Trait, Traits};
