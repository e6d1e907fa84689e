//! The wasmtime engine and the thread that drives its clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use wasmtime::Config;

use crate::{
    budget::{STACK, TICK},
    cache::Cache,
    compiler::Worker,
};

/// How components are compiled and run, which is the same wherever it is done:
/// wasmtime refuses code that was compiled for another configuration.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        // The contract needs nothing beyond a plain 32-bit memory, and
        // every feature left on is attack surface.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false);
    config
}

/// An engine whose epoch advances every [`TICK`] for as long as it lives.
pub struct Engine {
    engine: wasmtime::Engine,
    cache: Option<Cache>,
    worker: Option<Worker>,
    stopped: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts an engine and its ticker.
    pub fn start() -> Result<Self, wasmtime::Error> {
        let engine = wasmtime::Engine::new(&config())?;
        let stopped = Arc::new(AtomicBool::new(false));
        let ticker = std::thread::Builder::new()
            .name("epoch".to_owned())
            .spawn({
                let engine = engine.clone();
                let stopped = Arc::clone(&stopped);
                move || {
                    while !stopped.load(Ordering::Relaxed) {
                        std::thread::sleep(TICK);
                        engine.increment_epoch();
                    }
                }
            })
            .map_err(|error| wasmtime::Error::msg(format!("cannot start the ticker: {error}")))?;
        Ok(Self {
            engine,
            cache: None,
            worker: None,
            stopped,
            ticker: Some(ticker),
        })
    }

    /// Keeps what it compiles, and takes what was kept.
    pub fn with_cache(mut self, cache: Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Where compiled components are kept, if anywhere.
    pub fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// Compiles in a process of its own. Without one, whatever a component does
    /// to the compiler it does to this process.
    pub fn with_worker(mut self, worker: impl Into<Worker>) -> Self {
        self.worker = Some(worker.into());
        self
    }

    /// What compiles in a process of its own, if anything.
    pub fn worker(&self) -> Option<&Worker> {
        self.worker.as_ref()
    }

    /// The engine itself.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.engine
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            // A ticker that panicked has nothing left to stop.
            let _ = ticker.join();
        }
    }
}
