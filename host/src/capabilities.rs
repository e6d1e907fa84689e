//! What an analytic may reach: the capabilities, what each component imports
//! of them, and the linker that offers what was granted and nothing else.

pub mod baselines;
mod calls;
pub mod lineage;
pub mod log;
pub mod signatures;

pub use calls::{HostCallCount, HostCalls, HostFunction};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wasmtime::component::{HasSelf, Linker};

use crate::{bindings::sandtrap::analytic, error::LoadError, instance::State};

/// A capability: one imported interface of the contract.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// Processes, what led to them, and marks on them.
    Lineage,
    /// Code signatures.
    Signatures,
    /// What is usual.
    Baselines,
    /// Messages to the operator.
    Log,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lineage, Self::Signatures, Self::Baselines, Self::Log];

    /// Its name in the contract, the configuration and the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lineage => "lineage",
            Self::Signatures => "signatures",
            Self::Baselines => "baselines",
            Self::Log => "log",
        }
    }

    fn of_import(interface: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.name() == interface)
    }
}

/// The capabilities an analytic was granted.
pub type Grants = BTreeSet<Capability>;

/// Which capabilities a component's imports ask for. Anything else it imports
/// is refused by name.
pub fn requested<'a>(imports: impl Iterator<Item = &'a str>) -> Result<Grants, LoadError> {
    let mut requested = Grants::new();
    for import in imports {
        let interface = import
            .strip_prefix("sandtrap:analytic/")
            .and_then(|rest| rest.split_once('@'))
            .filter(|(_, version)| is_our_track(version))
            .map(|(interface, _)| interface);
        match interface {
            // Types only: nothing to call.
            Some("events" | "findings") => {}
            Some(interface) => match Capability::of_import(interface) {
                Some(capability) => {
                    requested.insert(capability);
                }
                None => return Err(LoadError::UnknownImport(import.to_owned())),
            },
            None => return Err(LoadError::UnknownImport(import.to_owned())),
        }
    }
    Ok(requested)
}

/// Versions 0.1.z are compatible with one another, as wasmtime resolves them.
fn is_our_track(version: &str) -> bool {
    version
        .strip_prefix("0.1.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A linker that offers the granted capabilities and nothing else.
pub fn linker(
    engine: &wasmtime::Engine,
    grants: &Grants,
) -> Result<Linker<State>, wasmtime::Error> {
    let mut linker = Linker::new(engine);
    for capability in grants {
        let add = match capability {
            Capability::Lineage => analytic::lineage::add_to_linker::<State, HasSelf<State>>,
            Capability::Signatures => analytic::signatures::add_to_linker::<State, HasSelf<State>>,
            Capability::Baselines => analytic::baselines::add_to_linker::<State, HasSelf<State>>,
            Capability::Log => analytic::log::add_to_linker::<State, HasSelf<State>>,
        };
        add(&mut linker, |state| state)?;
    }
    analytic::events::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// Types only: the trait is empty, but wasmtime wants it implemented.
impl analytic::events::Host for State {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_outside_the_world_is_refused_by_name() {
        for import in [
            "wasi:cli/environment@0.2.0",
            "sandtrap:analytic/network@0.1.0",
            "sandtrap:analytic/lineage@0.2.0",
            "sandtrap:analytic/lineage@0.1.0-rc",
            "sandtrap:analytic/lineage",
            "lineage",
        ] {
            let error = requested([import].into_iter()).unwrap_err();
            assert!(error.to_string().contains(import), "{error}");
        }
        let both = requested(
            [
                "sandtrap:analytic/lineage@0.1.0",
                "sandtrap:analytic/events@0.1.7",
            ]
            .into_iter(),
        );
        assert_eq!(both.unwrap(), Grants::from([Capability::Lineage]));
    }
}
