//! One instance of an analytic: a store, one call at a time, teardown.

mod limiter;
mod told;

use std::{sync::Arc, time::Duration};

use limiter::Limiter;
pub use told::Told;
use wasmtime::{Store, Trap};

use crate::{
    analytic::Configured,
    baselines::Baselines,
    bindings::{
        Analytic as Exports, AnalyticPre,
        exports::sandtrap::analytic::detector::{InspectionError, SettingsError},
        sandtrap::analytic::{events::Batch, findings::Finding},
    },
    budget::{Budget, TEXT, TICK},
    capabilities::{HostCalls, HostFunction},
    error::{CallError, LoadError},
    event::Event,
    evidence::EvidenceDesk,
    finding::Evidence,
    lineage::{AsOf, Lineage},
    marks::Marks,
    signatures::Signatures,
};

/// What a shard knows of its devices.
pub struct World {
    /// Processes.
    pub lineage: Lineage,
    /// Signatures.
    pub signatures: Signatures,
}

/// What the host keeps for one analytic on one shard.
pub struct Memory {
    /// Its marks.
    pub marks: Marks,
    /// Its baselines.
    pub baselines: Baselines,
}

impl Memory {
    /// Makes what was written since the last commit last.
    pub fn commit(&mut self) {
        self.marks.commit();
        self.baselines.commit();
    }

    /// Bounds what it may hold from now on.
    pub fn limit(&mut self, budget: &Budget) {
        self.marks.limit(budget.mark_limits());
        self.baselines.limit(budget.baseline_limits());
    }

    /// Forgets what was written since the last commit.
    pub fn roll_back(&mut self) {
        self.marks.roll_back();
        self.baselines.roll_back();
    }
}

/// All that imports may reach while a batch is inspected. It moves into the
/// store for the call and out again after it, so no lock is needed.
pub struct Scene {
    /// The shard's knowledge.
    pub world: World,
    /// The analytic's memory.
    pub memory: Memory,
    /// The events of the batch.
    pub desk: EvidenceDesk,
    /// What answers may still take.
    pub answers: Allowance,
    /// How many lines it may still log.
    pub log_lines: u32,
    /// The events that the call shows to the analytic, ascending. The batch has
    /// others, of classes and devices that are none of its business.
    pub shown: Vec<u64>,
}

impl Scene {
    /// An event that the call shows to the analytic.
    pub fn event(&self, sequence: u64) -> Option<&Event> {
        self.shown.binary_search(&sequence).ok()?;
        self.desk.event(sequence)
    }

    /// Its point of view.
    fn as_of(&self, sequence: u64) -> Option<AsOf> {
        self.event(sequence).map(|event| AsOf {
            sequence,
            time: event.time,
            device: Arc::clone(&event.device),
        })
    }

    /// The evidence behind an event, as of another: the event at hand itself,
    /// or one that a mark holds. Any other event of the batch is out of reach,
    /// because it would not be in a smaller batch.
    pub fn cite(&mut self, as_of: &AsOf, event: u64) -> Option<Arc<Evidence>> {
        if event == as_of.sequence {
            self.desk.evidence(event)
        } else {
            self.memory.marks.evidence(as_of, event)
        }
    }
}

/// How many bytes the answers of imports may still take in this call. Answers
/// the question for a million long command lines: wasmtime bounds only what a
/// guest passes to the host, not what it is told.
#[derive(Debug, Default)]
pub struct Allowance {
    left: usize,
    is_exceeded: bool,
}

impl Allowance {
    /// Takes so many bytes for an answer; an error traps the guest.
    pub fn take(&mut self, bytes: usize) -> wasmtime::Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.is_exceeded = true;
                Err(wasmtime::Error::msg(ANSWERS_EXCEEDED))
            }
        }
    }
}

const OUTSIDE: &str = "called an import outside `inspect`";
const ANSWERS_EXCEEDED: &str = "asked for longer answers than it may have in one call";

/// What imports see: the data of an instance's store.
pub struct State {
    limiter: Limiter,
    budget: Budget,
    analytic: Arc<str>,
    scene: Option<Scene>,
    /// What lineage may tell it of processes.
    told: Told,
    calls_left: u64,
    calls: HostCalls,
    contract: Option<String>,
}

impl State {
    fn new(analytic: Arc<str>, budget: Budget, told: Told) -> Self {
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
    fn breach(&mut self, reason: &str) -> wasmtime::Error {
        self.contract = Some(reason.to_owned());
        wasmtime::Error::msg(reason.to_owned())
    }
}

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
        scene.answers = Allowance {
            left: state.budget.host_data,
            is_exceeded: false,
        };
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
    let state = store.data_mut();
    state.calls_left = state.budget.host_calls;
    state.contract = None;
    state.calls = HostCalls::default();
    state.limiter.forget();
    let ticks = time.as_millis().div_ceil(TICK.as_millis());
    // One more, because the current tick is partly over.
    store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1));
}

fn explain(
    export: &'static str,
    error: &wasmtime::Error,
    state: &State,
    time: Duration,
) -> CallError {
    if let Some(reason) = &state.contract {
        return CallError::Contract {
            export,
            reason: reason.clone(),
        };
    }
    if state
        .scene
        .as_ref()
        .is_some_and(|scene| scene.answers.is_exceeded)
    {
        return CallError::Contract {
            export,
            reason: ANSWERS_EXCEEDED.to_owned(),
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => CallError::Deadline {
            export,
            milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        },
        _ if state.limiter.has_denied() => CallError::Memory {
            export,
            bytes: state.budget.memory,
        },
        Some(trap) => CallError::Trap {
            export,
            reason: trap.to_string(),
        },
        // The system refused something, such as memory for the instance.
        None if error.chain().any(|cause| cause.is::<std::io::Error>()) => CallError::Host {
            export,
            reason: clean(&format!("{error:#}")),
        },
        // There is nothing to lift yet: more instances, memories or tables than
        // it may have.
        None if export == "instantiate" => CallError::Memory {
            export,
            bytes: state.budget.memory,
        },
        // Everything else comes from lifting what the guest passed or
        // returned: bad pointers, bad UTF-8, unknown cases, too much data.
        None => CallError::MalformedResult {
            export,
            reason: clean(&format!("{error:#}")),
        },
    }
}

fn check_findings(findings: Vec<Finding>, budget: &Budget) -> Result<Vec<Finding>, CallError> {
    let malformed = |reason: String| CallError::MalformedResult {
        export: "inspect",
        reason,
    };
    if findings.len() > budget.findings {
        return Err(malformed(format!(
            "{} findings, more than {}",
            findings.len(),
            budget.findings
        )));
    }
    for finding in &findings {
        let stages: usize = finding
            .stages
            .iter()
            .map(|stage| stage.name.len() + stage.summary.len() + stage.events.len() * 8)
            .sum();
        let details: usize = finding
            .details
            .iter()
            .map(|detail| detail.name.len() + detail.value.len())
            .sum();
        let size = finding.title.len() + finding.chain.len() + stages + details;
        if size > budget.finding_size {
            return Err(malformed(format!(
                "a finding of {size} bytes, more than {}",
                budget.finding_size
            )));
        }
    }
    Ok(findings)
}

/// Whether a character stands for itself. Some are commands to a terminal,
/// others are not seen and have the text around them read the other way round.
pub fn is_printable(char: char) -> bool {
    let turns = matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !char.is_control() && !turns
}

/// Text of a guest made fit for a message: short, one line, no control
/// characters.
pub fn clean(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .map(|char| if is_printable(char) { char } else { ' ' })
        .take(TEXT / 4)
        .collect();
    clean.truncate(clean.trim_end().len());
    clean
}
