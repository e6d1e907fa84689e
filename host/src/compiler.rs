//! From a component to machine code.
//!
//! Compiling is work on untrusted input: a component can be made to take hours
//! or all memory, and a defect of the compiler is reached by whoever writes
//! components. So it is done in a process of its own, which starts with no
//! environment, gives up every right it can before it reads the first byte,
//! and is killed when it takes too long. What it is given is a component, what
//! it returns is machine code, and there is nothing else between the two.

mod artifact;
mod confined;
mod worker;

pub(crate) use artifact::{Artifact, Seal};
pub use confined::{ConfinedError, Outcome, compile_confined};
pub use worker::Worker;

use wasmtime::component::Component;

use crate::{engine::Engine, error::LoadError, text::clean};

/// Exit status of a worker whose component is refused; the reason is on its
/// standard error.
pub const REFUSED: u8 = 10;

/// Exit status of a worker whose component needs more memory than there may be.
pub const OUT_OF_MEMORY: u8 = 11;

/// Refuses what is no component at all by its first bytes, so that nobody goes
/// looking for a signature of it.
pub fn recognise(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.get(..4) != Some(b"\0asm") {
        return Err(LoadError::NotWasm);
    }
    if bytes.get(4..8) == Some(&[1, 0, 0, 0]) {
        return Err(LoadError::CoreModule);
    }
    Ok(())
}

impl Engine {
    /// Compiles a component, or takes it from the cache.
    pub fn compile(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        recognise(bytes)?;
        let kept = self.cache().and_then(|cache| cache.get(bytes));
        // What an older version kept does not load, and is compiled anew.
        if let Some(component) = kept.and_then(|kept| kept.load(self.wasmtime()).ok()) {
            return Ok(component);
        }
        let (artifact, component) = match self.worker() {
            Some(worker) => {
                let artifact = worker.compile(bytes)?;
                let component = artifact.load(self.wasmtime()).map_err(foreign)?;
                (artifact, component)
            }
            None => {
                let artifact = Artifact::compile(self.wasmtime(), bytes).map_err(invalid)?;
                let component = artifact.load(self.wasmtime()).map_err(invalid)?;
                (artifact, component)
            }
        };
        if let Some(cache) = self.cache() {
            cache.put(bytes, &artifact);
        }
        Ok(component)
    }
}

fn invalid(error: wasmtime::Error) -> LoadError {
    LoadError::Invalid(clean(&format!("{error:#}")))
}

fn foreign(error: wasmtime::Error) -> LoadError {
    let error = clean(&format!("{error:#}"));
    LoadError::CompileWorker {
        reason: format!("returned what this program cannot use ({error})"),
    }
}
