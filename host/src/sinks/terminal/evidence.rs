//! The fields of an event that tell what happened, by its class.

use super::style::Role;
use crate::{finding::Evidence, sinks::base_name};

/// A field to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What it is.
    pub label: &'static str,
    /// Its look.
    pub role: Role,
    /// Its text, as hostile as it came.
    pub text: String,
    /// What to say instead where the text was shown before; may be empty.
    pub again: String,
    /// How many lines it may take.
    pub lines: usize,
}

/// How many fields are shown of a class that has none of its own.
const MAX_OTHER: usize = 4;

/// The fields to show of an event.
pub(super) fn rows(event: &Evidence) -> Vec<Row> {
    let fields = Fields(event);
    let mut rows = match event.class {
        "process.launch" => vec![
            fields.process("image", "process"),
            Row {
                lines: 2,
                ..row("command", fields.text("process.cmd_line"))
            },
            row("user", fields.text("process.user.name")),
            fields.process("parent", "process.parent_process"),
        ],
        "process.terminate" => vec![fields.process("image", "process")],
        "process.open" | "process.inject" => vec![
            fields.process("by", "actor.process"),
            fields.process("target", "process"),
            row("access", fields.access()),
            row(
                "start",
                fields.joined(["start_module", "start_function"], "!"),
            ),
        ],
        "module.load" | "driver.load" => vec![
            indicator("module", fields.text("module.file.path")),
            fields.signature(),
            fields.process("by", "actor.process"),
        ],
        "network.open" | "network.listen" => {
            let (there, here) = match (event.class, fields.text("connection_info.outbound")) {
                ("network.listen", _) => ("peer", "on"),
                (_, "0") => ("from", "on"),
                _ => ("to", "from"),
            };
            vec![
                indicator(there, fields.endpoint("dst_endpoint")),
                row(here, fields.endpoint("src_endpoint")),
                fields.process("by", "actor.process"),
            ]
        }
        "dns.query" => vec![
            indicator("name", fields.text("query.hostname")),
            row("answers", fields.text("query.answers")),
            fields.process("by", "actor.process"),
        ],
        class if class.starts_with("registry.") => vec![
            indicator("key", fields.text("reg_target.path")),
            Row {
                lines: 2,
                ..row("data", fields.text("reg_target.data"))
            },
            row("before", fields.text("reg_target.previous_data")),
            row("action", fields.text("reg_target.operation")),
            fields.process("by", "actor.process"),
        ],
        class if class.starts_with("script.") => vec![
            Row {
                lines: 3,
                ..row("script", fields.text("script.content"))
            },
            row("file", fields.text("script.path")),
            row("host", fields.text("script.host_application")),
            fields.process("by", "actor.process"),
        ],
        class if class.starts_with("file.") || class.starts_with("pipe.") => vec![
            indicator(
                if class.starts_with("pipe.") {
                    "pipe"
                } else {
                    "file"
                },
                fields.text("file.path"),
            ),
            row("contents", fields.text("file.contents")),
            fields.process("by", "actor.process"),
        ],
        "service.install" => vec![
            indicator("service", fields.text("service.name")),
            Row {
                lines: 2,
                ..row("runs", fields.text("service.cmd_line"))
            },
            row("account", fields.text("service.account")),
            row("by", fields.text("actor.user.name")),
        ],
        "job.create" => vec![
            indicator("task", fields.text("job.name")),
            Row {
                lines: 3,
                ..row("does", fields.text("job.definition"))
            },
            row("by", fields.text("actor.user.name")),
        ],
        _ => Vec::new(),
    };
    rows.retain(|row| !row.text.is_empty());
    if rows.is_empty() {
        rows = fields.first();
    }
    rows
}

/// Where the event was read: the input's file name, the number of the record
/// in it, and its number in the log.
pub(super) fn origin(event: &Evidence) -> String {
    let input = event.input.rsplit(['/', '\\']).next().unwrap_or_default();
    let input = if input.is_empty() {
        &*event.input
    } else {
        input
    };
    let mut origin = format!("{input}:{}", event.origin.record);
    let record = Fields(event).text("metadata.record_id");
    if !record.is_empty() {
        origin.push_str(" · record ");
        origin.push_str(record);
    }
    if event.is_cut {
        origin.push_str(" · cut");
    }
    origin
}

fn row(label: &'static str, text: impl Into<String>) -> Row {
    Row {
        label,
        role: Role::Text,
        text: text.into(),
        again: String::new(),
        lines: 1,
    }
}

fn indicator(label: &'static str, text: impl Into<String>) -> Row {
    Row {
        role: Role::Indicator,
        ..row(label, text)
    }
}

struct Fields<'a>(&'a Evidence);

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> &'a str {
        let field = self.0.fields.iter().find(|(known, _)| *known == name);
        field.map_or("", |(_, text)| text)
    }

    fn at(&self, prefix: &str, name: &str) -> &'a str {
        self.text(&format!("{prefix}.{name}"))
    }

    fn joined<const N: usize>(&self, names: [&str; N], between: &str) -> String {
        let texts = names.map(|name| self.text(name));
        let present: Vec<_> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        present.join(between)
    }

    /// A process; once it was shown with its path, its name will do.
    fn process(&self, label: &'static str, prefix: &str) -> Row {
        let (image, pid) = (self.at(prefix, "file.path"), self.at(prefix, "pid"));
        let with_pid = |image: &str| match (image.is_empty(), pid.is_empty()) {
            (_, true) => image.to_owned(),
            (true, false) => format!("pid {pid}"),
            (false, false) => format!("{image} (pid {pid})"),
        };
        // Without its pid it might be another one.
        let again = if pid.is_empty() {
            String::new()
        } else {
            with_pid(base_name(image))
        };
        Row {
            again,
            ..row(label, with_pid(image))
        }
    }

    fn endpoint(&self, prefix: &str) -> String {
        let (ip, port) = (self.at(prefix, "ip"), self.at(prefix, "port"));
        let name = self.at(prefix, "hostname");
        let mut text = match (ip.contains(':'), port.is_empty()) {
            (_, true) => ip.to_owned(),
            (true, false) => format!("[{ip}]:{port}"),
            (false, false) => format!("{ip}:{port}"),
        };
        let protocol = self.text("connection_info.protocol_name");
        for more in [
            if prefix == "dst_endpoint" {
                protocol
            } else {
                ""
            },
            name,
        ] {
            if !more.is_empty() && !text.is_empty() {
                text.push(' ');
            }
            text.push_str(more);
        }
        if ip.is_empty() && port.is_empty() && name.is_empty() {
            String::new()
        } else {
            text
        }
    }

    /// An access mask is read in hexadecimal.
    fn access(&self) -> String {
        let mask = self.text("actual_permissions");
        mask.parse::<u64>()
            .map_or_else(|_| mask.to_owned(), |mask| format!("{mask:#x}"))
    }

    /// What is known of a signature; silence of the source is no verdict.
    fn signature(&self) -> Row {
        let (has, role) = match self.at("module.file.signature", "signed") {
            "1" => ("signed", Role::Text),
            "0" => ("not signed", Role::Accent),
            _ => ("unknown", Role::Text),
        };
        let signer = self.at("module.file.signature", "signer");
        let by = if signer.is_empty() {
            String::new()
        } else {
            format!(" by {signer}")
        };
        let text = match self.at("module.file.signature", "status") {
            "" => format!("{has}{by}"),
            status => format!("{has}{by} ({status})"),
        };
        Row {
            role,
            ..row("signature", text)
        }
    }

    /// The first fields that are not about the record itself.
    fn first(&self) -> Vec<Row> {
        let fields = self.0.fields.iter();
        fields
            .filter(|(name, text)| {
                let is_about_record = name.starts_with("metadata.") || name.ends_with(".handle");
                !is_about_record && *name != "device.hostname" && !text.is_empty()
            })
            .take(MAX_OTHER)
            .map(|(name, text)| row("field", format!("{name} = {text}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::sample::event;

    fn texts(class: &'static str, fields: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        rows(&event(1, 0, class, fields))
            .into_iter()
            .map(|row| (row.label, row.text))
            .collect()
    }

    #[test]
    fn connections_say_which_way() {
        let fields = |outbound| {
            [
                ("dst_endpoint.ip", "2001:db8::7"),
                ("dst_endpoint.port", "443"),
                ("connection_info.protocol_name", "tcp"),
                ("connection_info.outbound", outbound),
            ]
        };
        assert_eq!(
            texts("network.open", &fields("1")),
            [("to", "[2001:db8::7]:443 tcp".to_owned())]
        );
        assert_eq!(
            texts("network.open", &fields("0")),
            [("from", "[2001:db8::7]:443 tcp".to_owned())]
        );
    }

    #[test]
    fn signatures_have_three_states() {
        let module = ("module.file.path", "a.dll");
        let signed = [
            module,
            ("module.file.signature.signed", "1"),
            ("module.file.signature.signer", "Contoso"),
        ];
        assert_eq!(texts("module.load", &signed)[1].1, "signed by Contoso");
        assert_eq!(
            texts(
                "module.load",
                &[module, ("module.file.signature.signed", "0")]
            )[1]
            .1,
            "not signed"
        );
        assert_eq!(texts("module.load", &[module])[1].1, "unknown");
    }

    #[test]
    fn masks_are_hexadecimal() {
        let rows = texts("process.open", &[("actual_permissions", "2097151")]);
        assert_eq!(rows, [("access", "0x1fffff".to_owned())]);
    }

    #[test]
    fn unknown_classes_show_their_first_fields() {
        let rows = texts("other", &[("metadata.record_id", "1"), ("job.name", "x")]);
        assert_eq!(rows, [("field", "job.name = x".to_owned())]);
    }
}
