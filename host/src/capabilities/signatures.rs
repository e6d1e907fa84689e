//! The `signatures` capability: who signed an image.

use crate::{
    bindings::sandtrap::analytic::signatures::{
        Host, Signature, Source, State as WitState, Target,
    },
    capabilities::HostFunction,
    instance::State,
    lineage::AsOf,
    scene::{Scene, World},
    signatures,
};

impl Host for State {
    fn lookup(&mut self, as_of: u64, targets: Vec<Target>) -> wasmtime::Result<Vec<Signature>> {
        let (scene, as_of) = self.as_of(HostFunction::SignatureLookup, as_of, targets.len())?;
        let Scene { world, answers, .. } = scene;
        targets
            .iter()
            .map(|target| {
                let found = match target {
                    Target::Process(process) => of_process(world, &as_of, *process),
                    Target::File(file) => world.signatures.lookup(
                        &as_of,
                        signatures::Target::File {
                            path: &file.path,
                            sha256: &file.sha256,
                        },
                    ),
                };
                answers.take(size_of::<Signature>() + found.signer.len())?;
                Ok(Signature {
                    state: state(found.state),
                    signer: found.signer.to_string(),
                    source: source(found.source),
                })
            })
            .collect()
    }
}

/// What is known of the image of a process, under whatever handles it has been
/// known.
fn of_process<'a>(world: &'a World, as_of: &AsOf, process: u64) -> signatures::Signature<'a> {
    let handles = world.lineage.handles_of(as_of, process);
    let known = world.lineage.process(as_of, process);
    world.signatures.lookup(
        as_of,
        signatures::Target::Process {
            handles: &handles,
            image: known.as_ref().map_or("", |process| process.image),
            sha256: known.as_ref().map_or("", |process| process.sha256),
        },
    )
}

fn state(state: signatures::State) -> WitState {
    match state {
        signatures::State::Unknown => WitState::Unknown,
        signatures::State::Unsigned => WitState::Unsigned,
        signatures::State::Valid => WitState::Valid,
        signatures::State::Expired => WitState::Expired,
        signatures::State::Revoked => WitState::Revoked,
        signatures::State::Untrusted => WitState::Untrusted,
    }
}

fn source(source: signatures::Source) -> Source {
    match source {
        signatures::Source::None => Source::None,
        signatures::Source::SelfLoad => Source::SelfLoad,
        signatures::Source::Observed => Source::Observed,
        signatures::Source::Catalogue => Source::Catalogue,
    }
}
