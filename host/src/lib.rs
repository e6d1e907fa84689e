//! Sandtrap.
pub mod event;
pub mod finding;
pub mod router;
pub mod vocabulary;
