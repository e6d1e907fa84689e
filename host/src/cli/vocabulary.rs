//! `sandtrap vocabulary`: what analytics can subscribe to, and where it comes
//! from. The page `wit/VOCABULARY.md` is this command's output.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;

use crate::vocabulary::{Log, Source, vocabulary};

/// List the event classes and fields that analytics can subscribe to, as
/// Markdown.
#[derive(Debug, Args)]
pub struct Vocabulary {}

impl Vocabulary {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        print!("{}", page());
        Ok(ExitCode::SUCCESS)
    }
}

/// The whole page.
pub fn page() -> String {
    let mut page = String::from(
        "# Vocabulary\n\n\
         Generated from `vocabulary.toml` by `sandtrap vocabulary > wit/VOCABULARY.md`.\n\n\
         Every class also has the fields `device.hostname`, `metadata.event_code`, \
         `metadata.log_name` and `metadata.record_id`, the time of each row, and every raw \
         field of the original record as `unmapped.<its own name>`.\n\n\
         ## Classes\n",
    );
    for class in vocabulary().classes() {
        let _ = write!(
            page,
            "\n### {}\n\n{}\nOCSF: {} ({}), activity {}.\n",
            class.name,
            class.doc,
            class.ocsf.class_name,
            class.ocsf.class_uid,
            class.ocsf.activity_id
        );
        let sources: Vec<&Source> = vocabulary()
            .sources()
            .filter(|source| source.class == class.name)
            .collect();
        if sources.is_empty() {
            continue;
        }
        page.push_str("\n| field |");
        for source in &sources {
            let codes: Vec<String> = source.codes.iter().map(u32::to_string).collect();
            let _ = write!(page, " {} {} |", log(source.log), codes.join(", "));
        }
        let _ = write!(page, "\n| --- |{}\n", " --- |".repeat(sources.len()));
        for (name, _) in vocabulary().fields() {
            if !sources
                .iter()
                .any(|source| source.fields.contains_key(name))
            {
                continue;
            }
            let _ = write!(page, "| `{name}` |");
            for source in &sources {
                match source.fields.get(name) {
                    Some(from) => {
                        let _ = write!(page, " `{}` |", from.replace('|', "` or `"));
                    }
                    None => page.push_str("  |"),
                }
            }
            page.push('\n');
        }
    }
    page.push_str("\n## Fields\n\n| field | type | meaning |\n| --- | --- | --- |\n");
    for (name, field) in vocabulary().fields() {
        let kind = match field.value {
            crate::vocabulary::ValueType::Text => "text",
            crate::vocabulary::ValueType::Unsigned => "number",
        };
        let _ = writeln!(page, "| `{name}` | {kind} | {} |", field.doc);
    }
    page
}

fn log(log: Log) -> &'static str {
    match log {
        Log::Sysmon => "Sysmon",
        Log::Security => "Security",
        Log::Powershell => "PowerShell",
        Log::PowershellClassic => "Windows PowerShell",
        Log::System => "System",
    }
}
