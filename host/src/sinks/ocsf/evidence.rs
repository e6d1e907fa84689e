//! An event behind a finding as an OCSF evidence artifact.
//!
//! Field names of the vocabulary follow OCSF, so most find their place by
//! name. Evidence has no attribute for a time, an input or a module; those and
//! whatever else has no place are kept in `data`.

use super::{
    Object,
    process::{file, user},
};
use crate::{finding::Evidence, sinks::base_name};

/// The event as an evidence artifact; `device` is the finding's.
pub fn evidence<'a>(event: &'a Evidence, device: &str) -> Object<'a> {
    let mut fields = Fields::new(event);
    // Handles mean nothing outside the run that gave them out.
    fields.left.retain(|(name, _)| !name.ends_with(".handle"));
    if fields.peek("device.hostname") == device {
        fields.take("device.hostname");
    }
    let actor = Object::new()
        .object("process", process(&mut fields, "actor.process"))
        .object("user", user(fields.take("actor.user.name")));
    let subject = process(&mut fields, "process");
    let mut object = Object::new()
        .text("uid", uid(event))
        .text("name", event.class)
        .object("actor", actor)
        .object("process", subject)
        .object("file", file_of(&mut fields, event.class))
        .object("script", script(&mut fields, event.is_cut))
        .object("src_endpoint", endpoint(&mut fields, "src_endpoint"))
        .object("dst_endpoint", endpoint(&mut fields, "dst_endpoint"))
        .object("connection_info", connection(&mut fields))
        .object(
            "query",
            Object::new().text("hostname", fields.take("query.hostname")),
        )
        .object("job", Object::new().text("name", fields.take("job.name")));
    object = registry(object, &mut fields, event.class);
    let service = fields.take("service.name");
    if !service.is_empty() {
        let service = Object::new()
            .text("name", service)
            .text("cmd_line", fields.take("service.cmd_line"))
            .text("service_start_name", fields.take("service.account"));
        object = object.object("win_service", service);
    }
    let data = Object::new()
        .text("class", event.class)
        .number("time", event.time)
        .text("input", &*event.input)
        .number("record", i64::from(event.origin.record))
        .truth("is_cut", event.is_cut)
        .object("fields", fields.rest());
    object.object("data", data)
}

/// The event's identifier as text; a number would not survive readers that
/// keep numbers as doubles.
pub fn uid(event: &Evidence) -> String {
    format!("{:016x}", event.uid)
}

/// The fields of an event that have not found a place yet.
struct Fields<'a> {
    left: Vec<(&'static str, &'a str)>,
}

impl<'a> Fields<'a> {
    fn new(event: &'a Evidence) -> Self {
        let fields = event.fields.iter();
        Self {
            left: fields.map(|(name, text)| (*name, text.as_str())).collect(),
        }
    }

    fn peek(&self, name: &str) -> &'a str {
        let field = self.left.iter().find(|(known, _)| *known == name);
        field.map_or("", |(_, text)| text)
    }

    fn take(&mut self, name: &str) -> &'a str {
        let text = self.peek(name);
        self.left.retain(|(known, _)| *known != name);
        text
    }

    /// A number, or nothing and the field stays where it is not one.
    fn take_number(&mut self, name: &str) -> Option<i64> {
        let number = self.peek(name).parse().ok()?;
        self.take(name);
        Some(number)
    }

    fn rest(mut self) -> Object<'a> {
        self.left.sort_unstable();
        let mut object = Object::new();
        for (name, text) in self.left {
            object = object.text(name, text);
        }
        object
    }
}

fn process<'a>(fields: &mut Fields<'a>, prefix: &str) -> Object<'a> {
    let at = |name: &str| format!("{prefix}.{name}");
    let path = fields.take(&at("file.path"));
    let mut image = file(path, 1);
    if !path.is_empty() {
        image = about_file(image, fields, &at("file"));
    }
    let parent = if prefix == "process" {
        process(fields, "process.parent_process")
    } else {
        Object::new()
    };
    let integrity = fields.take(&at("integrity"));
    Object::new()
        .text("name", base_name(path))
        .text("path", path)
        .text("uid", fields.take(&at("uid")))
        .number("pid", fields.take_number(&at("pid")))
        .text("cmd_line", fields.take(&at("cmd_line")))
        .text("working_directory", fields.take(&at("working_directory")))
        .number("integrity_id", integrity_id(integrity))
        .text("integrity", integrity)
        .object("file", image)
        .object("user", user(fields.take(&at("user.name"))))
        .object("parent_process", parent)
}

/// The number of an integrity level, whether named or given as a SID.
fn integrity_id(level: &str) -> Option<i64> {
    const LEVELS: [(&str, &str, i64); 5] = [
        ("untrusted", "S-1-16-0", 1),
        ("low", "S-1-16-4096", 2),
        ("medium", "S-1-16-8192", 3),
        ("high", "S-1-16-12288", 4),
        ("system", "S-1-16-16384", 5),
    ];
    if level.is_empty() {
        return None;
    }
    let known = LEVELS
        .iter()
        .find(|(name, sid, _)| level.eq_ignore_ascii_case(name) || level == *sid);
    Some(known.map_or(99, |(_, _, id)| *id))
}

/// The file the event is about; OCSF's evidence has no module, so a loaded
/// image is a file there.
fn file_of<'a>(fields: &mut Fields<'a>, class: &str) -> Object<'a> {
    let prefix = if fields.peek("file.path").is_empty() {
        "module.file"
    } else {
        "file"
    };
    let path = fields.take(&format!("{prefix}.path"));
    if path.is_empty() {
        return Object::new();
    }
    let type_id = if class.starts_with("pipe.") { 6 } else { 1 };
    about_file(file(path, type_id), fields, prefix)
}

fn about_file<'a>(file: Object<'a>, fields: &mut Fields<'a>, prefix: &str) -> Object<'a> {
    let sha256 = fields.take(&format!("{prefix}.hashes.sha256"));
    let hash = (!sha256.is_empty()).then(|| {
        Object::new()
            .number("algorithm_id", 3)
            .text("algorithm", "SHA-256")
            .text("value", sha256)
    });
    file.text(
        "internal_name",
        fields.take(&format!("{prefix}.internal_name")),
    )
    .text(
        "company_name",
        fields.take(&format!("{prefix}.company_name")),
    )
    .list("hashes", hash)
    .object("signature", signature(fields, prefix))
}

/// What the source says of a signature. OCSF has no unsigned state and its
/// certificate wants an issuer and a serial number, so whether there is a
/// signature and whose it is stay in `data`.
fn signature<'a>(fields: &mut Fields<'a>, prefix: &str) -> Object<'a> {
    let status = format!("{prefix}.signature.status");
    let state = match fields.peek(&status).to_ascii_lowercase().as_str() {
        "valid" => (1, "Valid"),
        "expired" => (2, "Expired"),
        "revoked" => (3, "Revoked"),
        "untrusted" => (6, "Untrusted"),
        _ => return Object::new(),
    };
    fields.take(&status);
    Object::new()
        .number("algorithm_id", 4)
        .text("algorithm", "Authenticode")
        .number("state_id", state.0)
        .text("state", state.1)
}

fn script<'a>(fields: &mut Fields<'a>, is_cut: bool) -> Object<'a> {
    let content = fields.take("script.content");
    if content.is_empty() {
        return Object::new();
    }
    let mut long = Object::new().text("value", content);
    if is_cut {
        long = long.truth("is_truncated", true);
    }
    Object::new()
        .number("type_id", 2)
        .text("type", "PowerShell")
        .text("uid", fields.take("script.uid"))
        .object("file", file(fields.take("script.path"), 1))
        .object("script_content", long)
}

fn endpoint<'a>(fields: &mut Fields<'a>, prefix: &str) -> Object<'a> {
    Object::new()
        .text("hostname", fields.take(&format!("{prefix}.hostname")))
        .text("ip", fields.take(&format!("{prefix}.ip")))
        .number("port", fields.take_number(&format!("{prefix}.port")))
}

fn connection<'a>(fields: &mut Fields<'a>) -> Object<'a> {
    let protocol = fields.take("connection_info.protocol_name");
    let outbound = fields.take("connection_info.outbound");
    if protocol.is_empty() && outbound.is_empty() {
        return Object::new();
    }
    let (direction_id, direction) = match outbound {
        "1" => (2, "Outbound"),
        "0" => (1, "Inbound"),
        _ => (0, "Unknown"),
    };
    Object::new()
        .text("protocol_name", protocol)
        .number("direction_id", direction_id)
        .text("direction", direction)
}

/// A key or a value; OCSF gives the path of a value without its name.
fn registry<'a>(object: Object<'a>, fields: &mut Fields<'a>, class: &str) -> Object<'a> {
    let path = fields.peek("reg_target.path");
    match path.rsplit_once('\\') {
        Some((key, name)) if class == "registry.value" && !key.is_empty() && !name.is_empty() => {
            fields.take("reg_target.path");
            let value = Object::new()
                .text("path", key)
                .text("name", name)
                .text("data", fields.take("reg_target.data"));
            object.object("reg_value", value)
        }
        _ if class == "registry.key" => {
            let path = fields.take("reg_target.path");
            object.object("reg_key", Object::new().text("path", path))
        }
        _ => object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::sample::event;

    fn json(class: &'static str, fields: &[(&'static str, &str)]) -> serde_json::Value {
        let event = event(1, 0, class, fields);
        serde_json::to_value(evidence(&event, "ws-042")).unwrap()
    }

    #[test]
    fn a_registry_value_is_split_from_its_key() {
        let json = json(
            "registry.value",
            &[
                (
                    "reg_target.path",
                    r"HKLM\SOFTWARE\Microsoft\Windows\Run\Updater",
                ),
                ("reg_target.data", "cmd.exe"),
                ("reg_target.operation", "SetValue"),
            ],
        );
        assert_eq!(
            json["reg_value"]["path"],
            r"HKLM\SOFTWARE\Microsoft\Windows\Run"
        );
        assert_eq!(json["reg_value"]["name"], "Updater");
        assert_eq!(json["reg_value"]["data"], "cmd.exe");
        assert_eq!(json["data"]["fields"]["reg_target.operation"], "SetValue");
    }

    #[test]
    fn a_module_is_a_file_and_keeps_its_signer() {
        let json = json(
            "module.load",
            &[
                ("module.file.path", r"C:\Windows\System32\amsi.dll"),
                ("module.file.signature.signed", "1"),
                ("module.file.signature.status", "Valid"),
                ("module.file.signature.signer", "Microsoft Windows"),
            ],
        );
        assert_eq!(json["file"]["name"], "amsi.dll");
        assert_eq!(json["file"]["signature"]["state_id"], 1);
        assert_eq!(
            json["data"]["fields"]["module.file.signature.signer"],
            "Microsoft Windows"
        );
    }

    #[test]
    fn an_odd_number_is_kept_as_text() {
        let json = json(
            "network.open",
            &[("dst_endpoint.port", "many"), ("dst_endpoint.ip", "::1")],
        );
        assert_eq!(json["dst_endpoint"]["ip"], "::1");
        assert_eq!(json["data"]["fields"]["dst_endpoint.port"], "many");
    }

    #[test]
    fn the_finding_s_own_device_is_not_repeated() {
        let json = json("other", &[("device.hostname", "ws-042")]);
        assert!(json["data"].get("fields").is_none());
    }
}
