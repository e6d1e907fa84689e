//! Stage classes `cycle` and `asset`: whether anyone was meant to run scripts
//! here and now. They raise a suspicion, they never found one.

use sandtrap_sdk::{Role, Row, Site, field, lineage::ProcessInfo};

use crate::{
    found::Found,
    tree::{is_deployment_agent, short},
};

/// Accounts that belong to the system itself.
const SYSTEM_ACCOUNTS: &[&str] = &["system", "local service", "network service"];

/// What the time, the account and the ancestry say.
pub fn stages(row: &Row<'_>, site: &Site, user: &str, parents: &[&str]) -> Vec<Found> {
    let mut found = Vec::new();
    let deployed_by = parents.iter().find(|image| {
        is_deployment_agent(image) || site.is_approved_deployment(image) == Some(true)
    });
    if let Some(agent) = deployed_by {
        let text = format!("is run by {}, which deploys software", short(agent));
        found.push(Found::new("cycle.deployment", -25, text));
        return found;
    }
    match site.in_maintenance(row.time()) {
        // Patch days need no other excuse, but they excuse no proxy and no effect.
        Some(true) => return found,
        Some(false) => found.push(Found::new(
            "cycle.out-of-hours",
            15,
            "runs outside the site's maintenance windows",
        )),
        None => {}
    }
    if parents.iter().any(|image| !image.is_empty()) {
        let text = "was not started by anything that deploys software";
        found.push(Found::new("cycle.no-deployment", 10, text));
    }
    let account = user.rsplit('\\').next().unwrap_or_default();
    let is_person = !account.is_empty()
        && !account.ends_with('$')
        && !SYSTEM_ACCOUNTS
            .iter()
            .any(|own| account.eq_ignore_ascii_case(own));
    if is_person && site.is_administrator(user) == Some(false) {
        let text = format!("runs as {user}, who is no administrator");
        found.push(Found::new("cycle.no-administrator", 10, text));
    }
    found
}

/// What a device's role adds: scripts on a plant's own computers are rare.
pub fn asset(row: &Row<'_>, site: &Site) -> Option<Found> {
    let (score, name) = match site.role(row.text(field::DEVICE_HOSTNAME))? {
        Role::Hmi => (10, "an operator station of the plant"),
        Role::Historian => (10, "a historian of the plant"),
        Role::EngineeringStation => (5, "an engineering station of the plant"),
        Role::JumpHost => (5, "a jump host"),
        _ => return None,
    };
    Some(Found::new(
        "asset.role",
        score,
        format!("this device is {name}"),
    ))
}

/// The images of a parent and of its ancestors.
pub fn images<'a>(parent: &'a str, ancestors: &'a [ProcessInfo]) -> Vec<&'a str> {
    std::iter::once(parent)
        .chain(ancestors.iter().map(|ancestor| ancestor.image.as_str()))
        .collect()
}
