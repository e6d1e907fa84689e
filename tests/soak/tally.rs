//! The test guest that issues a finding for each serial number, in as many
//! versions as a scenario wants; and other analytics in another form.

use anyhow::{Context, bail};

/// Its identifier.
pub const ID: &str = "tally";

/// The text in the component that is its version.
const VERSION: &str = "1.0.10000-tally";

/// The serial number as it stands in command lines.
pub fn serial(series: &str, number: u64) -> String {
    format!("{series}-{number}")
}

/// The name of a version.
pub fn version(number: u64) -> String {
    format!("1.0.{:05}-tally", 10_000 + number % 90_000)
}

/// The component in that version. The text is a constant of the guest, so that
/// the component says its version and puts it into its chains.
pub fn with_version(component: &[u8], version: &str) -> anyhow::Result<Vec<u8>> {
    if version.len() != VERSION.len() {
        bail!("the version must have {} bytes", VERSION.len());
    }
    let mut bytes = component.to_vec();
    let places: Vec<usize> = bytes
        .windows(VERSION.len())
        .enumerate()
        .filter(|(_, window)| *window == VERSION.as_bytes())
        .map(|(place, _)| place)
        .collect();
    if places.is_empty() {
        bail!("the tally does not contain its version");
    }
    for place in places {
        bytes
            .get_mut(place..place + VERSION.len())
            .context("the version is cut off")?
            .copy_from_slice(version.as_bytes());
    }
    Ok(bytes)
}

/// A component that does the same and is another one: a custom section with
/// that text is added.
pub fn rebuilt(component: &[u8], text: &str) -> Vec<u8> {
    const NAME: &[u8] = b"soak";
    let mut bytes = component.to_vec();
    // Lengths below 128 take one byte each.
    let text = text.as_bytes().get(..64).unwrap_or(text.as_bytes());
    bytes.push(0);
    bytes.push((1 + NAME.len() + text.len()) as u8);
    bytes.push(NAME.len() as u8);
    bytes.extend_from_slice(NAME);
    bytes.extend_from_slice(text);
    bytes
}
