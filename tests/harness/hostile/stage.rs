//! Runs a hostile guest in the real pipeline beside analytics that are not,
//! and says what became of it and of them.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use sandtrap::{
    analytic::Configured,
    budget::Budget,
    cache::Cache,
    catalog::Catalog,
    config::{AnalyticConfig, BudgetConfig, Config},
    engine::Engine,
    error::{Blame, CallError, LoadError},
    finding::Finding,
    pipeline::{Options, Pipeline, Plan, Start, StateChanges},
    shard::{Fault, Usage},
    sinks::ocsf,
    sources::{self, Input, Recording, find_inputs},
};
use tempfile::TempDir;

use super::{Expectation, Guest, Reason, events::launches};
use crate::{ANALYTICS, analytics, scenario};

/// How many events an analytic may fail on before it is stopped.
const BORNE: u64 = 32;

/// What hostile guests may use here: little, so that a test of all is short.
fn budget(guest: &Guest) -> BudgetConfig {
    let call = guest.header.call.unwrap_or(Duration::from_millis(50));
    BudgetConfig {
        call_ms: u32::try_from(call.as_millis()).ok(),
        memory_mib: Some(32),
        ..BudgetConfig::default()
    }
}

/// The analytics that must not notice, and what they find on their own.
pub struct Stage {
    folder: TempDir,
    engine: Engine,
    good: Vec<Arc<Configured>>,
    /// The component of one of them.
    resident: PathBuf,
    inputs: Vec<Input>,
    alone: Vec<String>,
}

/// What became of a guest.
#[derive(Debug, Clone)]
pub struct Contained {
    /// In one word: refused, quarantined, faulted or held.
    pub outcome: &'static str,
    /// The reason, where something failed.
    pub reason: Option<String>,
    /// Whose defect it was said to be.
    pub blame: Option<&'static str>,
    /// How long its loading and its calls took together.
    pub time: Duration,
}

/// Why a guest was not loaded.
struct Refused {
    reason: String,
    blame: Blame,
    message: String,
}

/// What a run with a guest showed.
struct Run {
    findings: Vec<Finding>,
    faults: Vec<Fault>,
    unknown_evidence: u64,
    usage: BTreeMap<String, Usage>,
    state: StateChanges,
}

impl Stage {
    /// Compiles the good ones and runs them alone.
    pub fn set() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let engine = Engine::start()
            .map_err(|error| anyhow::anyhow!("{error:#}"))?
            .with_cache(Cache::open(&folder.path().join("cache"))?);
        let path = folder.path().join("launches.ndjson");
        fs::write(&path, launches("hostile"))?;
        let mut paths = vec![path];
        for scenario in scenario::all() {
            paths.push(scenario.join("events.ndjson"));
        }
        let resident = ANALYTICS.join("an1252_powershell_chain.wasm");
        let mut good = analytics(&Config::default());
        // It asks the host about everything and says what it was told, so that
        // whatever a guest does to marks or baselines would show.
        good.push(crate::guest("sandtrap_guest_echo", "{}", Budget::default()));
        let mut stage = Self {
            folder,
            engine,
            good,
            resident,
            inputs: find_inputs(&paths)?,
            alone: Vec::new(),
        };
        let run = stage.run(stage.good.clone())?;
        ensure!(run.faults.is_empty(), "{:?}", run.faults);
        stage.alone = lines(&run.findings, "")?;
        ensure!(stage.alone.len() > 100, "the good ones find too little");
        Ok(stage)
    }

    /// Loads and runs a guest beside the good ones; the error says what did not
    /// go as its header has it.
    pub fn try_guest(&self, guest: &Guest) -> anyhow::Result<Contained> {
        let header = &guest.header;
        let path = self.folder.path().join(format!("z-{}.wasm", guest.name));
        fs::write(&path, guest.component()?)?;
        let config = self.config(guest)?;
        let started = Instant::now();
        let loaded = self.load(path.clone(), &config);
        let loading = started.elapsed();
        fs::remove_file(&path)?;
        let contained = match loaded {
            Err(refused) => {
                expect_reason(&header.expect, "refused", &refused.reason, &refused.message)?;
                Contained {
                    outcome: "refused",
                    reason: Some(refused.reason),
                    blame: Some(refused.blame.name()),
                    time: loading,
                }
            }
            Ok(configured) => {
                let refused = matches!(header.expect, Expectation::Refused(_));
                ensure!(!refused, "it was loaded");
                let id = configured.prepared.id().to_owned();
                let run = self.run_beside(configured)?;
                ensure!(
                    lines(&run.findings, &id)? == self.alone,
                    "the others found something else than alone"
                );
                let usage = run.usage.get(&id).context("it did not run")?;
                let mut contained = judge(guest, &id, &run, usage)?;
                contained.time = loading + usage.time;
                contained
            }
        };
        ensure!(
            contained.blame != Some(Blame::Host.name()),
            "the host takes the blame"
        );
        ensure!(
            contained.time <= header.contained,
            "contained only after {} ms, not within {}",
            contained.time.as_millis(),
            header.contained.as_millis()
        );
        Ok(contained)
    }

    fn config(&self, guest: &Guest) -> anyhow::Result<Config> {
        let mut config = Config::default();
        let mut of_guest = AnalyticConfig {
            budget: budget(guest),
            ..AnalyticConfig::default()
        };
        if let Some(grants) = &guest.header.grants {
            let grants: Result<_, _> = grants
                .iter()
                .map(|name| serde_json::from_value(name.as_str().into()))
                .collect();
            of_guest.grants = Some(grants?);
        }
        if let Some(settings) = &guest.header.settings {
            of_guest.settings = serde_json::from_value(settings.clone())?;
        }
        config.analytics.insert(guest.id().to_owned(), of_guest);
        Ok(config)
    }

    /// From a file to an analytic that runs, as an operator's folder is read.
    fn load(&self, path: PathBuf, config: &Config) -> Result<Arc<Configured>, Refused> {
        let files = [self.resident.clone(), path.clone()];
        let catalog = Catalog::load(&self.engine, &files, true, config)
            .map_err(|error| Refused::of(&LoadError::from(error)))?;
        if let Some((refused, error)) = catalog.refused().first() {
            let mut error = Refused::of(error);
            if *refused != path {
                error.reason = "another in its place".to_owned();
            }
            return Err(error);
        }
        let (ready, refused) = catalog.configure(config, &config.site);
        if let Some((_, error)) = refused.first() {
            return Err(Refused::of(error));
        }
        let found = ready.into_iter().find(|one| one.prepared.id() != "AN1252");
        #[expect(clippy::expect_used, reason = "what is not refused is ready")]
        Ok(found.expect("a guest that is ready"))
    }

    /// In the middle, so that some run before it and some after.
    fn run_beside(&self, guest: Arc<Configured>) -> anyhow::Result<Run> {
        let mut all = self.good.clone();
        all.insert(self.good.len() / 2, guest);
        self.run(all)
    }

    fn run(&self, analytics: Vec<Arc<Configured>>) -> anyhow::Result<Run> {
        let plan = Plan::new(analytics).map_err(|(_, error)| error)?;
        let mut recording = Recording::read(
            &self.inputs,
            plan.router(),
            &sources::Options::default(),
            &mut |_, _| {},
        )?;
        let options = Options::default();
        // Noting changes begins before there are analytics.
        let none = Plan::new(Vec::new()).map_err(|(_, error)| error)?;
        let mut pipeline = Pipeline::new(&none, &Start::default(), options.clone());
        pipeline.keep_changes()?;
        pipeline.replan(&plan, BTreeMap::new(), BTreeMap::new())?;
        let inputs: Vec<Arc<str>> = recording
            .inputs()
            .iter()
            .map(|input| Arc::from(input.name.as_str()))
            .collect();
        let inputs = Arc::new(inputs);
        let (mut findings, mut faults) = (Vec::new(), Vec::new());
        let mut out = |outcome: sandtrap::shard::Outcome| {
            findings.extend(outcome.findings);
            faults.extend(outcome.faults);
        };
        loop {
            let events = recording.next_batch(options.batch)?;
            if events.is_empty() {
                break;
            }
            pipeline.process(events, &inputs, &mut out)?;
        }
        pipeline.finish(&mut out)?;
        Ok(Run {
            findings,
            faults,
            unknown_evidence: pipeline.counts().unknown_evidence,
            usage: pipeline.usage()?,
            state: pipeline.take_changes()?,
        })
    }
}

/// Whether everything happened that must, and nothing else.
fn judge(guest: &Guest, id: &str, run: &Run, usage: &Usage) -> anyhow::Result<Contained> {
    let header = &guest.header;
    let faults: Vec<&CallError> = run
        .faults
        .iter()
        .map(|fault| {
            ensure!(&*fault.analytic == id, "{} failed too", fault.analytic);
            Ok(&fault.error)
        })
        .collect::<anyhow::Result<_>>()?;
    let own: Vec<&Finding> = run
        .findings
        .iter()
        .filter(|finding| finding.analytic.id == id)
        .collect();
    for finding in &own {
        ensure!(finding.title == "held", "it reported \"{}\"", finding.title);
        let mut cited = finding.stages.iter().flat_map(|stage| &stage.evidence);
        ensure!(
            cited.all(|evidence| evidence.sequence == finding.sequence),
            "it cited an event it had no right to"
        );
    }
    for error in &faults {
        expect_reason(
            &header.expect,
            "a fault",
            kebab(error.reason()).as_str(),
            &error.to_string(),
        )?;
        ensure!(error.blame() == Blame::Guest, "the host takes the blame");
    }
    let count = faults.len() as u64;
    match &header.expect {
        Expectation::Refused(_) => {}
        Expectation::Faults(_) => {
            ensure!(count > 0, "nothing failed");
            let has_failed_on_few = usage.rows == 0 && count <= BORNE;
            let is_stopped = usage.quarantine.is_some() || has_failed_on_few;
            ensure!(is_stopped, "it was not stopped");
        }
        Expectation::Loses(events, _) => {
            ensure!(count == *events, "{count} events were lost");
            ensure!(!own.is_empty() && usage.unseen == 0, "it was stopped");
        }
        Expectation::Held => ensure!(!own.is_empty(), "it did not get to the end"),
        Expectation::Silenced => {
            ensure!(own.is_empty(), "it was heard");
            ensure!(run.unknown_evidence > 0, "nothing it said was dropped");
        }
    }
    let state = run.state.analytics.get(id).context("no state")?;
    ensure!(
        header.expect == Expectation::Held
            || (state.marks.is_empty() && state.baselines.is_empty()),
        "something of a failed call remains"
    );
    ensure!(
        !own.is_empty() || state.issued.is_empty(),
        "a chain remains of which there is no finding"
    );
    if header.is_evidence_dropped {
        ensure!(run.unknown_evidence > 0, "no evidence was dropped");
    }
    if let Some(function) = &header.denied {
        let denied = usage
            .host_calls
            .iter()
            .any(|(known, count)| known.name() == function && count.denied > 0);
        ensure!(denied, "no call of {function} was denied");
    }
    Ok(Contained {
        outcome: match &header.expect {
            Expectation::Refused(_) => "refused",
            Expectation::Faults(_) => "quarantined",
            Expectation::Loses(..) => "faulted",
            Expectation::Held | Expectation::Silenced => "held",
        },
        reason: faults.first().map(|error| kebab(error.reason())),
        blame: faults.first().map(|error| error.blame().name()),
        time: Duration::ZERO,
    })
}

/// Fails unless this is what the header names.
fn expect_reason(
    expect: &Expectation,
    what: &str,
    name: &str,
    message: &str,
) -> anyhow::Result<()> {
    let found = format!("{what} {name} \"{message}\"");
    ensure!(
        !message.chars().any(is_unprintable),
        "a message with control characters: {found:?}"
    );
    if what == "refused" {
        ensure!(matches!(expect, Expectation::Refused(_)), "{found}");
    }
    let Reason { name: known, text } = expect.reason().with_context(|| found.clone())?;
    ensure!(known == name && message.contains(text), "{found}");
    Ok(())
}

impl Refused {
    fn of(error: &LoadError) -> Self {
        let (reason, blame) = match error {
            LoadError::Call(error) => (kebab(error.reason()), error.blame()),
            LoadError::Read { .. } => ("read".to_owned(), Blame::Host),
            other => {
                // The name of the variant, which comes first of what it says
                // to those who debug.
                let text = format!("{other:?}");
                let end = text.find(|char: char| !char.is_alphanumeric());
                let name = &text[..end.unwrap_or(text.len())];
                (kebab(name), Blame::Guest)
            }
        };
        Self {
            reason,
            blame,
            message: error.to_string(),
        }
    }
}

/// `NotGranted` and `malformed_result` as headers have them.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(if char == '_' {
            '-'
        } else {
            char.to_ascii_lowercase()
        });
    }
    kebab
}

/// What the analytics but one found, as it leaves the host.
fn lines(findings: &[Finding], except: &str) -> anyhow::Result<Vec<String>> {
    findings
        .iter()
        .filter(|finding| finding.analytic.id != except)
        .map(|finding| Ok(serde_json::to_string(&ocsf::detection_finding(finding))?))
        .collect()
}

/// What a terminal takes for commands, or shows in another order than it is.
fn is_unprintable(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
