//! Dead letters: what could not be handled, and why.

use serde::Serialize;

/// Longest event kept, in bytes. A million broken records must not fill the
/// disk with their content.
const MAX_EVENT: usize = 16 * 1024;

/// A record that could not be handled.
pub struct Letter<'a> {
    /// What is wrong, in a sentence.
    pub error: &'a str,
    /// The same in a word.
    pub reason: &'static str,
    /// The source it came by.
    pub source: &'a str,
    /// The input it was read from.
    pub input: &'a str,
    /// Which record of that.
    pub record: u32,
    /// The analytic that could not handle it.
    pub analytic: Option<&'a str>,
    /// Whose fault it is.
    pub blame: Option<&'static str>,
    /// The record as it came.
    pub event: &'a [u8],
}

/// Writes a letter as a JSON object.
pub fn write(letter: &Letter<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Written<'a> {
        time: String,
        reason: &'static str,
        error: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        analytic: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        blame: Option<&'static str>,
        source: &'a str,
        input: &'a str,
        record: u32,
        event: String,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_cut: bool,
    }
    let kept = letter.event.get(..MAX_EVENT).unwrap_or(letter.event);
    let written = Written {
        time: super::now(),
        reason: letter.reason,
        error: letter.error,
        analytic: letter.analytic,
        blame: letter.blame,
        source: letter.source,
        input: letter.input,
        record: letter.record,
        event: String::from_utf8_lossy(kept).into_owned(),
        is_cut: kept.len() < letter.event.len(),
    };
    serde_json::to_vec(&written).unwrap_or_default()
}
