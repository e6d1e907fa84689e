//! A stage that an event earned.

/// A stage, before it becomes a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Class and name.
    pub stage: &'static str,
    /// What it adds.
    pub score: i32,
    /// What was seen, as the end of a sentence that begins with the process.
    pub text: String,
}

impl Found {
    /// A stage that an event earned.
    pub fn new(stage: &'static str, score: i32, text: impl Into<String>) -> Self {
        Self {
            stage,
            score,
            text: text.into(),
        }
    }
}
