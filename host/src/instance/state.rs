//! What imports see: the data of an instance's store.

use std::sync::Arc;

use super::{Told, limiter::Limiter};
use crate::{
    budget::Budget,
    capabilities::{HostCalls, HostFunction},
    lineage::AsOf,
    scene::Scene,
};

const OUTSIDE: &str = "called an import outside `inspect`";

/// What imports see: the data of an instance's store.
pub struct State {
    pub(super) limiter: Limiter,
    pub(super) budget: Budget,
    analytic: Arc<str>,
    pub(super) scene: Option<Scene>,
    /// What lineage may tell it of processes.
    told: Told,
    calls_left: u64,
    pub(super) calls: HostCalls,
    /// How it broke the contract in this call.
    pub(super) contract: Option<String>,
}

impl State {
    pub(super) fn new(analytic: Arc<str>, budget: Budget, told: Told) -> Self {
        Self {
            limiter: Limiter::new(&budget),
            budget,
            analytic,
            scene: None,
            told,
            calls_left: 0,
            calls: HostCalls::default(),
            contract: None,
        }
    }

    /// A fresh budget for one call.
    pub(super) fn arm(&mut self) {
        self.calls_left = self.budget.host_calls;
        self.contract = None;
        self.calls = HostCalls::default();
        self.limiter.forget();
    }

    /// The scene, charging so many host calls; an error traps the guest.
    fn scene(&mut self, function: HostFunction, calls: usize) -> wasmtime::Result<&mut Scene> {
        let calls = calls as u64 + 1;
        let is_answered = self.calls_left >= calls && self.scene.is_some();
        self.calls.count(function, is_answered);
        if self.calls_left < calls {
            return Err(self.breach("asked the host more than it may in one call"));
        }
        self.calls_left -= calls;
        if self.scene.is_none() {
            return Err(self.breach(OUTSIDE));
        }
        self.scene
            .as_mut()
            .ok_or_else(|| wasmtime::Error::msg("no scene"))
    }

    /// The scene as of an event of the batch.
    pub fn as_of(
        &mut self,
        function: HostFunction,
        event: u64,
        calls: usize,
    ) -> wasmtime::Result<(&mut Scene, AsOf)> {
        let known = self.scene(function, calls)?.as_of(event);
        let Some(as_of) = known else {
            return Err(self.breach("asked as of an event that is not of the batch"));
        };
        self.scene
            .as_mut()
            .map(|scene| (scene, as_of))
            .ok_or_else(|| wasmtime::Error::msg("no scene"))
    }

    /// Whom to name in the log, if it may still write; an error traps the
    /// guest.
    pub fn log_line(&mut self) -> wasmtime::Result<Option<&str>> {
        // A line beyond the allowance is dropped, not held against it.
        let left = match &mut self.scene {
            Some(scene) => {
                let left = scene.log_lines.checked_sub(1);
                scene.log_lines = left.unwrap_or(0);
                left
            }
            None => return Err(self.breach(OUTSIDE)),
        };
        self.calls.count(HostFunction::Log, left.is_some());
        Ok(left.map(|_| &*self.analytic))
    }

    /// What lineage may tell it of processes.
    pub fn told(&self) -> Told {
        self.told
    }

    /// Notes how the guest broke the contract and makes the error that traps
    /// it.
    pub fn breach(&mut self, reason: &str) -> wasmtime::Error {
        self.contract = Some(reason.to_owned());
        wasmtime::Error::msg(reason.to_owned())
    }
}
