//! One instance of an analytic: a store, one call at a time, teardown.

mod limiter;
mod state;
mod told;
mod verdict;

use std::{sync::Arc, time::Duration};

use wasmtime::Store;

pub use state::State;
pub use told::Told;

use self::verdict::{check_findings, explain};
use crate::{
    analytic::Configured,
    bindings::{
        Analytic as Exports, AnalyticPre,
        exports::sandtrap::analytic::detector::{InspectionError, SettingsError},
        sandtrap::analytic::{events::Batch, findings::Finding},
    },
    budget::{Budget, TICK},
    capabilities::HostCalls,
    error::{CallError, LoadError},
    scene::{Allowance, Scene},
    text::clean,
};

/// An instance, configured and ready.
pub struct Instance {
    store: Store<State>,
    exports: Exports,
}

impl Instance {
    /// Instantiates and configures an analytic.
    pub fn start(configured: &Configured) -> Result<Self, LoadError> {
        let id = Arc::from(configured.prepared.id());
        let grant = &configured.grant;
        let told = Told::granted(&grant.fields);
        let state = State::new(id, grant.budget.clone(), told);
        let mut instance = Self::new(&configured.pre, state)?;
        let (settings, site) = (&configured.settings, &configured.site);
        let time = grant.budget.time;
        let answer = instance.guarded("configure", time, |exports, store| {
            exports
                .sandtrap_analytic_detector()
                .call_configure(store, settings, site)
        })?;
        match answer {
            Ok(()) => Ok(instance),
            Err(SettingsError::Malformed(why) | SettingsError::Rejected(why)) => {
                Err(LoadError::Settings(clean(&why)))
            }
        }
    }

    /// Instantiates without configuring: good for `describe` only.
    pub fn bare(pre: &AnalyticPre<State>, name: &str) -> Result<Self, CallError> {
        let state = State::new(Arc::from(name), Budget::default(), Told::default());
        Self::new(pre, state)
    }

    fn new(pre: &AnalyticPre<State>, state: State) -> Result<Self, CallError> {
        let (host_data, time) = (state.budget.host_data, state.budget.time);
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(host_data);
        arm(&mut store, time);
        match pre.instantiate(&mut store) {
            Ok(exports) => Ok(Self { store, exports }),
            Err(error) => Err(explain("instantiate", &error, store.data(), time)),
        }
    }

    /// How large its linear memory grew, in bytes.
    pub fn memory(&self) -> usize {
        self.store.data().limiter.memory()
    }

    /// The functions of the host that the last call used.
    pub fn host_calls(&self) -> HostCalls {
        self.store.data().calls
    }

    /// Calls `describe`.
    pub fn describe(
        &mut self,
    ) -> Result<crate::bindings::exports::sandtrap::analytic::detector::Description, CallError>
    {
        let time = self.store.data().budget.time;
        self.guarded("describe", time, |exports, store| {
            exports.sandtrap_analytic_detector().call_describe(store)
        })
    }

    /// Calls `inspect` with the scene in reach of the imports and so much time.
    /// After an error the instance must not be used again.
    pub fn inspect(
        &mut self,
        batch: &Batch,
        scene: Scene,
        time: Duration,
    ) -> (Scene, Result<Vec<Finding>, CallError>) {
        let state = self.store.data_mut();
        let scene = state.scene.insert(scene);
        scene.answers = Allowance::of(state.budget.host_data);
        scene.looks = state.budget.host_calls;
        scene.shown.clear();
        for table in &batch.tables {
            scene.shown.extend(&table.events);
        }
        scene.shown.sort_unstable();
        let answer = self.guarded("inspect", time, |exports, store| {
            exports
                .sandtrap_analytic_detector()
                .call_inspect(store, batch)
        });
        let budget = self.store.data().budget.clone();
        let result = answer.and_then(|answer| match answer {
            Ok(findings) => check_findings(findings, &budget),
            Err(InspectionError::MalformedBatch(why) | InspectionError::Failed(why)) => {
                Err(CallError::Returned {
                    export: "inspect",
                    reason: clean(&why),
                })
            }
        });
        #[expect(
            clippy::expect_used,
            reason = "put there above, and nothing else takes it"
        )]
        let scene = self.store.data_mut().scene.take().expect("the scene");
        (scene, result)
    }

    fn guarded<T>(
        &mut self,
        export: &'static str,
        time: Duration,
        call: impl FnOnce(&Exports, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        arm(&mut self.store, time);
        call(&self.exports, &mut self.store)
            .map_err(|error| explain(export, &error, self.store.data(), time))
    }
}

/// Gives the store a fresh budget for one call.
fn arm(store: &mut Store<State>, time: Duration) {
    store.data_mut().arm();
    let ticks = time.as_millis().div_ceil(TICK.as_millis());
    // One more, because the current tick is partly over.
    store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1));
}
