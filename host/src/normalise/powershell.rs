//! The `Name=value` lines that PowerShell hides in its messages.

use crate::sources::{Keys, Record, Slot};

/// Where contexts and messages stand, and their text once read.
#[derive(Debug)]
pub(super) struct Context {
    slots: Vec<Slot>,
    details: Slot,
    message: [Slot; 3],
    texts: Vec<String>,
    is_read: bool,
}

impl Context {
    pub(super) fn new(keys: &mut Keys) -> Self {
        let details = keys.position(2);
        let message = [
            keys.path("Message"),
            keys.path("message"),
            keys.path("Event.RenderingInfo.Message"),
        ];
        // The first of the unnamed data is what the user typed, which may look
        // like a context; it is not looked at before the others.
        let mut slots = vec![
            keys.data("ContextInfo"),
            keys.position(1),
            details,
            keys.position(0),
        ];
        slots.extend(message);
        Self {
            slots,
            details,
            message,
            texts: Vec::new(),
            is_read: false,
        }
    }

    /// Forgets the record before.
    pub(super) fn clear(&mut self) {
        self.is_read = false;
    }

    /// The value of the first line of that name.
    pub(super) fn line(&mut self, record: &Record<'_>, name: &str) -> Option<&str> {
        if !self.is_read {
            self.read(record);
        }
        self.texts.iter().find_map(|text| line(text, name))
    }

    /// What a pipeline's record says of the commands it ran.
    pub(super) fn details<'s>(&self, record: &Record<'s>, scratch: &'s mut String) -> &'s str {
        if record.has(self.details) {
            return record.text(self.details, scratch).trim();
        }
        let message = self.message.iter().find(|slot| record.has(**slot));
        let Some(message) = message else {
            return "";
        };
        let text = after_context(record.text(*message, scratch));
        match text.split_once("\nDetails:") {
            Some((_, details)) => details.trim(),
            None => "",
        }
    }

    fn read(&mut self, record: &Record<'_>) {
        self.texts.clear();
        let mut scratch = String::new();
        for slot in &self.slots {
            if record.has(*slot) {
                let text = record.text(*slot, &mut scratch);
                self.texts.push(after_context(text).to_owned());
            }
        }
        self.is_read = true;
    }
}

/// A message from its context on: the command line before may be anything.
fn after_context(text: &str) -> &str {
    let start = memchr::memmem::find(text.as_bytes(), b"\nContext Information:");
    text.get(start.unwrap_or(0)..).unwrap_or(text)
}

fn line<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let rest = line.trim_start().strip_prefix(name)?;
        Some(rest.trim_start().strip_prefix('=')?.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::{Decoder, Encoding};

    #[test]
    fn context_lines_and_details_are_found_in_every_layout() {
        let mut keys = Keys::new();
        let mut context = Context::new(&mut keys);
        let mut decoder = Decoder::new(keys);
        for record in [
            r#"{"Message":"Pipeline: HostApplication=fake\r\n\r\nContext Information: \r\n\tDetailSequence=1\r\n\tHostApplication=ps.exe -x a=b\r\n\tScriptName=\r\n\r\nDetails: \r\nCommandInvocation(x)\r\n"}"#,
            r#"{"Event":{"EventData":{"Data":["HostApplication=fake","\tHostApplication=ps.exe -x a=b\n","CommandInvocation(x)"]}}}"#,
            r##"{"Event":{"EventData":{"Data":{"#text":["HostApplication=fake","HostApplication=ps.exe -x a=b","CommandInvocation(x)"]}}}}"##,
            r#"{"winlog":{"event_data":{"param1":"","param2":"HostApplication = ps.exe -x a=b","param3":"CommandInvocation(x)\n"}}}"#,
        ] {
            let record = decoder.decode(record.as_bytes(), Encoding::Json).unwrap();
            context.clear();
            let line = context.line(&record, "HostApplication");
            assert_eq!(line, Some("ps.exe -x a=b"));
            let mut scratch = String::new();
            assert_eq!(
                context.details(&record, &mut scratch),
                "CommandInvocation(x)"
            );
        }
    }
}
