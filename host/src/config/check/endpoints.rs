//! Where findings go.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use ureq::http::{HeaderName, HeaderValue, Uri};

use super::{DAY, distinct, within};
use crate::config::{Sinks, problem::Problems};

const INSTEAD: &str = "write such as https://collector.example/findings";

pub(super) fn check(sinks: &Sinks, problems: &mut Problems) {
    for (number, file) in sinks.file.iter().enumerate() {
        let key = format!("sinks.file[{number}]");
        if file.path.as_os_str().is_empty() {
            problems.error(
                format!("{key}.path"),
                "it is empty",
                "name a file, or leave the section out",
            );
        }
        let megabytes = file.rotate_mib;
        within(
            problems,
            format!("{key}.rotate_mib"),
            megabytes,
            1..=1_048_576,
        );
        within(problems, format!("{key}.keep"), file.keep, 0..=10_000);
    }
    for (number, webhook) in sinks.webhook.iter().enumerate() {
        let key = format!("sinks.webhook[{number}]");
        endpoint(problems, &key, &webhook.url, &webhook.headers);
        let seconds = webhook.timeout_seconds;
        within(problems, format!("{key}.timeout_seconds"), seconds, 1..=DAY);
    }
    for (number, bulk) in sinks.bulk.iter().enumerate() {
        let key = format!("sinks.bulk[{number}]");
        endpoint(problems, &key, &bulk.url, &bulk.headers);
        if bulk.url.trim_end_matches('/').ends_with("/_bulk") {
            problems.error(
                format!("{key}.url"),
                "`/_bulk` is added to it",
                "leave `/_bulk` out",
            );
        }
        if !is_index(&bulk.index) {
            problems.error(
                format!("{key}.index"),
                format!("`{}` is no name of an index", bulk.index),
                "write lower-case letters, digits and `-`, such as sandtrap-findings",
            );
        }
        let seconds = bulk.timeout_seconds;
        within(problems, format!("{key}.timeout_seconds"), seconds, 1..=DAY);
    }
    twice(sinks, problems);
}

/// Sinks that cannot be told apart would deliver every finding twice.
fn twice(sinks: &Sinks, problems: &mut Problems) {
    let path = |path: &Path| path.components().collect::<std::path::PathBuf>();
    let files = sinks.file.iter().enumerate();
    let files = files.map(|(n, one)| (format!("sinks.file[{n}].path"), path(&one.path)));
    distinct(
        problems,
        files,
        "another sink writes to this file",
        "name another file, or leave one out",
    );
    let what = "another sink sends there already, so findings would arrive twice";
    let instead = "leave one of the two out";
    let webhooks = sinks.webhook.iter().enumerate();
    let webhooks = webhooks.map(|(n, one)| (format!("sinks.webhook[{n}].url"), &one.url));
    distinct(problems, webhooks, what, instead);
    let bulks = sinks.bulk.iter().enumerate();
    let bulks = bulks.map(|(n, one)| (format!("sinks.bulk[{n}].url"), (&one.url, &one.index)));
    distinct(problems, bulks, what, instead);
}

fn endpoint(problems: &mut Problems, key: &str, url: &str, headers: &BTreeMap<String, String>) {
    for (name, value) in headers {
        let key = format!("{key}.headers.{name:?}");
        if HeaderName::try_from(name).is_err() {
            problems.error(
                key,
                "this is no name of a header",
                "write letters, digits and `-` only, such as Authorization",
            );
        } else if HeaderValue::try_from(value).is_err() {
            // The value may be a secret and is not shown.
            problems.error(
                key,
                "its value has characters that a header cannot carry",
                "write visible ASCII characters and spaces only",
            );
        }
    }
    let key = format!("{key}.url");
    let Ok(parsed) = url.parse::<Uri>() else {
        problems.error(key, "this is no URL", INSTEAD);
        return;
    };
    let (scheme, host) = (parsed.scheme_str(), parsed.host().unwrap_or_default());
    if !matches!(scheme, Some("http" | "https")) || host.is_empty() {
        problems.error(
            key,
            "a URL begins with http:// or https:// and names a host",
            INSTEAD,
        );
        return;
    }
    if parsed
        .authority()
        .is_some_and(|all| all.as_str().contains('@'))
    {
        problems.error(
            key,
            "it has a user name, which would not be sent",
            "put it into headers as Authorization",
        );
    } else if scheme == Some("http") && !is_loopback(host) {
        problems.warn(
            key,
            format!("findings and headers go to {host} unencrypted"),
            "write https:// if it is spoken there",
        );
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// What Elasticsearch and OpenSearch take as name.
fn is_index(name: &str) -> bool {
    let is_fit = |c: char| !c.is_uppercase() && !c.is_control() && !r#"\/*?"<>| ,#:"#.contains(c);
    (1..=255).contains(&name.len())
        && !name.starts_with(['-', '_', '+', '.'])
        && name.chars().all(is_fit)
}
