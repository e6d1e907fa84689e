//! The worker's side: a process that compiles one component and ends.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::Artifact;
use crate::{budget, engine, harden, text::clean};

/// What came of a component.
pub enum Outcome {
    /// Its machine code went to standard output.
    Compiled,
    /// The compiler refuses it.
    Refused(String),
    /// It needs more memory than there may be.
    OutOfMemory,
}

/// Why the worker cannot work. The component is not at fault.
#[derive(Debug, thiserror::Error)]
pub enum ConfinedError {
    /// It cannot be bounded.
    #[error("cannot limit {resource}")]
    Limit {
        /// What.
        resource: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The compiler does not start.
    #[error("cannot start the compiler: {0}")]
    Engine(String),
    /// It cannot be given the component, or cannot return the code.
    #[error("cannot {what}")]
    Pipe {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Gives up every right it can, reads a component from standard input, and
/// writes its machine code to standard output.
///
/// `memory` is the address space it may have, in bytes; `time` is how long it
/// may keep a processor, should nobody be left to kill it.
pub fn compile_confined(memory: u64, time: Duration) -> Result<Outcome, ConfinedError> {
    limit("memory", Resource::As, memory)?;
    limit("processor time", Resource::Cpu, time.as_secs().max(1))?;
    limit("core dumps", Resource::Core, 0)?;
    limit("file sizes", Resource::Fsize, 0)?;
    let mut config = engine::config();
    // One thread needs no right to make others, and one component cannot take
    // every processor of the node.
    config.parallel_compilation(false);
    let engine = wasmtime::Engine::new(&config)
        .map_err(|error| ConfinedError::Engine(clean(&format!("{error:#}"))))?;
    // What the kernel lacks it lacks; the limits hold in any case.
    harden::nothing_but_pipes(|| limit("open files", Resource::Nofile, 0))?;

    let mut component = Vec::new();
    io::stdin()
        .lock()
        .take(budget::COMPONENT + 1)
        .read_to_end(&mut component)
        .map_err(|source| ConfinedError::Pipe {
            what: "read the component",
            source,
        })?;
    let artifact = match Artifact::compile(&engine, &component) {
        Ok(artifact) => artifact,
        Err(error) if error.is::<wasmtime::OutOfMemory>() => return Ok(Outcome::OutOfMemory),
        Err(error) => return Ok(Outcome::Refused(clean(&format!("{error:#}")))),
    };
    let mut output = io::stdout().lock();
    output
        .write_all(artifact.bytes())
        .and_then(|()| output.flush())
        .map_err(|source| ConfinedError::Pipe {
            what: "return the code",
            source,
        })?;
    Ok(Outcome::Compiled)
}

/// Lowers a limit of this process for good.
fn limit(name: &'static str, resource: Resource, most: u64) -> Result<(), ConfinedError> {
    let most = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(resource, most).map_err(|error| ConfinedError::Limit {
        resource: name,
        source: error.into(),
    })
}
