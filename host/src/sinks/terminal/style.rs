//! Colour, where the caller wants it.

use crate::finding::Severity;

/// What a piece of text is, and so what it looks like. Whatever matters is
/// said by words or signs as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Ordinary text.
    Text,
    /// What stands out.
    Strong,
    /// Labels, positions, guides and notes.
    Quiet,
    /// Names of classes.
    Class,
    /// Scores, and what deserves a second look.
    Accent,
    /// Addresses and names that can be looked up elsewhere.
    Indicator,
    /// The guilty process, and what else is wrong.
    Alarm,
    /// A severity as a word.
    Severity(Severity),
    /// A severity as a badge.
    Badge(Severity),
}

/// Appends `text` in the look of `role`, where there is colour.
pub(super) fn paint(colour: bool, out: &mut String, role: Role, text: &str) {
    let code = role.code();
    if !colour || code.is_empty() || text.is_empty() {
        out.push_str(text);
        return;
    }
    out.push_str("\x1b[");
    out.push_str(code);
    out.push('m');
    out.push_str(text);
    out.push_str("\x1b[0m");
}

impl Role {
    /// Parameters of Select Graphic Rendition; none for ordinary text.
    fn code(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::Strong => "1",
            Self::Quiet => "2",
            Self::Class => "36",
            Self::Accent => "33",
            Self::Indicator => "1;36",
            Self::Alarm => "1;31",
            // Backgrounds come with their own text colour, so that they can be
            // read on dark and on light terminals.
            Self::Badge(Severity::Critical) => "1;38;5;231;48;5;160",
            Self::Badge(Severity::High) => "1;38;5;16;48;5;208",
            Self::Badge(Severity::Medium) => "1;38;5;16;48;5;220",
            Self::Badge(Severity::Low) => "1;38;5;16;48;5;75",
            Self::Badge(Severity::Informational) => "1;38;5;16;48;5;250",
            Self::Severity(Severity::Critical) => "1;38;5;196",
            Self::Severity(Severity::High) => "1;38;5;208",
            Self::Severity(Severity::Medium) => "1;38;5;178",
            Self::Severity(Severity::Low) => "1;38;5;75",
            Self::Severity(Severity::Informational) => "1",
        }
    }
}
