//! What an event earns, before it is put on a chain.

/// Most of a value that a note or a title repeats, in bytes.
const MAX_VALUE: usize = 160;

/// A stage: its name with its class, what it adds to the score, and what was seen.
///
/// The note is a verb phrase whose subject is the utility, so that notes can be put
/// together into the title of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Class and name.
    pub name: &'static str,
    /// What it adds.
    pub score: i32,
    /// What was seen.
    pub note: String,
}

impl Stage {
    /// A stage.
    pub fn new(name: &'static str, score: i32, note: impl Into<String>) -> Self {
        let note = note.into();
        Self { name, score, note }
    }
}

/// A value from an event, cut to a length that people read.
pub fn brief(value: &str) -> String {
    let value = value.trim();
    match value.get(..value.floor_char_boundary(MAX_VALUE)) {
        Some(head) if head.len() < value.len() => format!("{head}…"),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(brief(" short "), "short");
        let long = "é".repeat(200);
        let cut = brief(&long);
        assert!(cut.ends_with('…') && cut.len() <= MAX_VALUE + 3);
    }
}
