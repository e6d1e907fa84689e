//! Stand-in for signatures.

use super::{TestEvent, current, world::World};
use crate::{
    class, field,
    lineage::Process,
    signatures::{Signature, Source, State, Target},
};

/// What someone said about a signature.
#[derive(Debug, Clone)]
pub(super) struct Said {
    since: u64,
    process: Option<Process>,
    path: String,
    signature: Signature,
}

impl Said {
    pub fn of_file(path: &str, signature: Signature) -> Self {
        Self {
            since: 0,
            process: None,
            path: path.to_owned(),
            signature,
        }
    }
}

/// What a process's load of its own image says.
pub(super) fn self_load(number: u64, process: Process, event: &TestEvent) -> Option<Said> {
    let path = event.text(field::MODULE_FILE_PATH);
    let own = event.text(field::ACTOR_PROCESS_FILE_PATH);
    if event.class != class::MODULE_LOAD || path.is_empty() || !path.eq_ignore_ascii_case(own) {
        return None;
    }
    let status = event
        .text(field::MODULE_FILE_SIGNATURE_STATUS)
        .to_ascii_lowercase();
    let state = match (
        event.number(field::MODULE_FILE_SIGNATURE_SIGNED)?,
        status.as_str(),
    ) {
        (0, _) => State::Unsigned,
        (_, "valid") => State::Valid,
        (_, "expired") => State::Expired,
        (_, "revoked") => State::Revoked,
        _ => State::Untrusted,
    };
    let signer = event.text(field::MODULE_FILE_SIGNATURE_SIGNER).to_owned();
    let signature = Signature {
        state,
        signer,
        source: Source::SelfLoad,
    };
    Some(Said {
        since: number,
        process: Some(process),
        path: path.to_owned(),
        signature,
    })
}

pub(crate) fn lookup(as_of: u64, targets: &[Target]) -> Vec<Signature> {
    current::as_of(as_of, |world, _, _| {
        targets
            .iter()
            .map(|target| answer(world, as_of, target))
            .collect()
    })
}

fn answer(world: &World, as_of: u64, target: &Target) -> Signature {
    let (process, path) = match target {
        Target::Process(process) => {
            let known = world.known(*process, as_of);
            (
                Some(*process),
                known.map_or("", |known| known.info.image.as_str()),
            )
        }
        Target::File(file) => (None, file.path.as_str()),
    };
    let heard = || {
        world
            .signatures
            .iter()
            .filter(|said| said.since <= as_of)
            .rev()
    };
    let own = heard().find(|said| process.is_some() && said.process == process);
    let any = || heard().find(|said| !path.is_empty() && said.path.eq_ignore_ascii_case(path));
    let Some(said) = own.or_else(any) else {
        return Signature::unknown();
    };
    let mut signature = said.signature.clone();
    if said.process.is_some() && said.process != process {
        signature.source = Source::Observed;
    }
    signature
}
