//! An analytic before it runs: from a file to something that can be started.
//!
//! One type for each cost. [`Prepared`] is compiled and described, which takes a
//! good part of a second; [`Configured`] is linked with what it is granted and
//! adds settings, which takes microseconds; an [`Instance`] is started from it
//! for every shard.

use std::{collections::BTreeSet, io, path::Path, sync::Arc};

use ring::digest::{SHA256, digest};
use wasmtime::component::{Component, Linker};

use crate::{
    bindings::{
        AnalyticPre,
        exports::sandtrap::analytic::detector::{
            Comparison as WitComparison, Description, Step as WitStep,
        },
    },
    budget,
    capabilities::{self, Grants},
    config::{Config, Site},
    engine::Engine,
    error::LoadError,
    file,
    finding::AnalyticRef,
    grant::Grant,
    instance::{Instance, State},
    normalise::is_always_kept,
    router::{Comparison, Predicate, Step, Subscription, Tally},
    text::{clean, is_identifier, is_printable},
    vocabulary::{FieldNames, vocabulary},
};

/// How many subscriptions an analytic may have; each is one predicate for
/// every event of its class.
const MAX_SUBSCRIPTIONS: usize = 64;
/// How many fields a subscription may ask for, and all of them together. Each
/// is copied for every event that matches.
const MAX_FIELDS: usize = 64;
const MAX_COLUMNS: usize = 512;
/// How many raw fields all subscriptions may name. Each is looked for in every
/// record.
const MAX_RAW_FIELDS: usize = 32;

/// A component compiled and described. Nothing is decided yet about what it
/// may reach.
pub struct Prepared {
    component: Component,
    engine: wasmtime::Engine,
    /// What it says of itself.
    pub description: Description,
    /// What findings say of it.
    pub reference: Arc<AnalyticRef>,
    /// The capabilities it imports.
    pub requested: Grants,
    /// Size of the component in bytes.
    pub size: usize,
}

impl Prepared {
    /// Reads, compiles and describes a component file, whoever it is from.
    pub fn load(engine: &Engine, path: &Path) -> Result<Self, LoadError> {
        Self::new(engine, &name_of(path), &read(path)?)
    }

    /// Compiles, checks and describes a component. `name` stands for it in
    /// messages until it has said what it is called.
    pub fn new(engine: &Engine, name: &str, bytes: &[u8]) -> Result<Self, LoadError> {
        let component = engine.compile(bytes)?;
        let world = component.component_type();
        let imports: Vec<String> = world
            .imports(engine.wasmtime())
            .map(|(name, _)| name.to_owned())
            .collect();
        let requested = capabilities::requested(imports.iter().map(String::as_str))?;
        // Without a batch at hand every import traps, so it can be asked who it
        // is before it is known what it may reach.
        let linker = capabilities::linker(engine.wasmtime(), &requested).map_err(invalid)?;
        let pre = link(&linker, &component)?;
        let description = Instance::bare(&pre, name)?.describe()?;
        check(&description)?;
        let prepared = Self {
            reference: Arc::new(reference(&description, bytes)),
            engine: engine.wasmtime().clone(),
            component,
            description,
            requested,
            size: bytes.len(),
        };
        // Unknown classes and fields are refused now, by name, and not when
        // there are events.
        let mut names = FieldNames::default();
        let subscriptions = prepared.subscriptions(&mut names)?;
        let columns: usize = subscriptions.iter().map(|one| one.fields.len()).sum();
        for (what, count, limit) in [
            (
                "fields, subscription by subscription,",
                columns,
                MAX_COLUMNS,
            ),
            ("different raw fields", names.raw().count(), MAX_RAW_FIELDS),
        ] {
            if count > limit {
                let reason = format!("it asks for {count} {what} where {limit} are the most");
                return Err(LoadError::Description(reason));
            }
        }
        Ok(prepared)
    }

    /// Whether it is granted everything it imports and subscribes to.
    pub fn check_grant(&self, grant: &Grant) -> Result<(), LoadError> {
        grant.check(&self.requested)?;
        for (number, subscription) in self.description.subscriptions.iter().enumerate() {
            let refused = |what, name: &str, section: &str| LoadError::NotVisible {
                number,
                what,
                name: clean(name),
                section: section.to_owned(),
            };
            let class = &subscription.class;
            if let Some(section) = grant.events.refusal(class) {
                return Err(refused("event", class, section));
            }
            // What a predicate tests can be told from which rows match.
            let tested = subscription.predicate.iter().filter_map(field_of);
            for field in subscription.fields.iter().chain(tested) {
                if let Some(section) = grant.fields.refusal(field) {
                    return Err(refused("field", field, section));
                }
            }
        }
        Ok(())
    }

    /// Its identifier.
    pub fn id(&self) -> &str {
        &self.reference.id
    }

    /// Its subscriptions with their names resolved.
    pub fn subscriptions(&self, names: &mut FieldNames) -> Result<Vec<Subscription>, LoadError> {
        let mut resolved = Vec::new();
        let mut tally = Tally::default();
        for (number, subscription) in self.description.subscriptions.iter().enumerate() {
            let refused = |reason: String| LoadError::Subscription {
                number,
                class: clean(&subscription.class),
                reason,
            };
            let (class, _) = vocabulary().class(&subscription.class).ok_or_else(|| {
                refused("unknown class; `sandtrap vocabulary` lists them".to_owned())
            })?;
            if subscription.fields.len() > MAX_FIELDS {
                return Err(refused(format!("asks for more than {MAX_FIELDS} fields")));
            }
            let steps: Vec<Step> = subscription.predicate.iter().map(step).collect();
            // Counted first: automata take many times what they are made of.
            let predicate = tally
                .add(&steps)
                .and_then(|()| Predicate::compile(&steps, names))
                .map_err(|error| LoadError::predicate(number, &subscription.class, &error))?;
            let mut fields = Vec::new();
            for field in &subscription.fields {
                let id = names.resolve(field).ok_or_else(|| {
                    refused(format!(
                        "unknown field `{}`; `sandtrap vocabulary` lists them",
                        clean(field)
                    ))
                })?;
                if fields.contains(&id) {
                    return Err(refused(format!("asks for `{}` twice", clean(field))));
                }
                fields.push(id);
            }
            resolved.push(Subscription {
                class,
                predicate,
                fields,
            });
        }
        Ok(resolved)
    }
}

/// A prepared analytic linked with what it is granted, and its settings: all
/// an instance needs to start.
pub struct Configured {
    /// The analytic.
    pub prepared: Arc<Prepared>,
    /// Ready to instantiate.
    pub pre: AnalyticPre<State>,
    /// What it may reach, see and use.
    pub grant: Grant,
    /// Its settings, a JSON object.
    pub settings: String,
    /// The site knowledge, a JSON object.
    pub site: String,
    /// The keys of the site knowledge that the operator configured.
    pub site_keys: BTreeSet<String>,
}

impl Configured {
    /// Links an analytic with what it is granted and nothing else. An error if
    /// it wants more.
    pub fn new(
        prepared: Arc<Prepared>,
        grant: Grant,
        config: &Config,
        site: &Site,
    ) -> Result<Self, LoadError> {
        prepared.check_grant(&grant)?;
        let linker =
            capabilities::linker(&prepared.engine, &grant.capabilities()).map_err(invalid)?;
        Ok(Self {
            pre: link(&linker, &prepared.component)?,
            settings: config.settings(prepared.id()),
            site: site.to_json(),
            site_keys: site.keys(),
            grant,
            prepared,
        })
    }

    /// Whether it is the same in everything that matters to its instances.
    pub fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.prepared, &other.prepared)
            && self.grant == other.grant
            && self.settings == other.settings
            && self.site == other.site
    }

    /// Whether the analytic accepts its settings.
    pub fn check(&self) -> Result<(), LoadError> {
        Instance::start(self).map(drop)
    }
}

fn link(linker: &Linker<State>, component: &Component) -> Result<AnalyticPre<State>, LoadError> {
    let pre = linker.instantiate_pre(component).map_err(invalid)?;
    AnalyticPre::new(pre).map_err(|error| LoadError::NoDetector(clean(&format!("{error:#}"))))
}

/// The field that a step of a predicate tests.
fn field_of(step: &WitStep) -> Option<&String> {
    match step {
        WitStep::Text(test) => Some(&test.field),
        WitStep::Number(test) => Some(&test.field),
        WitStep::Present(field) => Some(field),
        WitStep::AllOf(_) | WitStep::AnyOf(_) | WitStep::Negate => None,
    }
}

fn invalid(error: wasmtime::Error) -> LoadError {
    LoadError::Invalid(clean(&format!("{error:#}")))
}

/// Reads a component file whole, if it is not too large.
pub fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    file::read(path, budget::COMPONENT).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => LoadError::TooLarge {
            limit: budget::COMPONENT,
        },
        _ => failed(error),
    })
}

/// What a component is called before it said so: its file's name.
pub fn name_of(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn check(description: &Description) -> Result<(), LoadError> {
    let refused = |reason: &str| Err(LoadError::Description(reason.to_owned()));
    if !is_identifier(&description.id) {
        return refused("its id must be 1 to 64 letters, digits, `-`, `_` or `.`");
    }
    if description.subscriptions.is_empty() {
        return refused("it subscribes to nothing");
    }
    if description.subscriptions.len() > MAX_SUBSCRIPTIONS {
        return refused("it has more than 64 subscriptions");
    }
    for (what, count, limit) in [
        ("inputs", description.inputs.len(), 64),
        ("settings", description.settings.len(), 256),
        ("tactics", description.tactics.len(), 16),
        ("log sources", description.log_sources.len(), 64),
    ] {
        if count > limit {
            return refused(&format!("it has more than {limit} {what}"));
        }
    }
    let texts = [
        &description.name,
        &description.version,
        &description.technique.id,
        &description.technique.name,
    ];
    if texts
        .iter()
        .any(|text| text.is_empty() || text.len() > 256 || !text.chars().all(is_printable))
    {
        return refused("name, version and technique must be 1 to 256 printable characters");
    }
    for input in &description.inputs {
        let class = vocabulary().class(&input.name);
        if class.is_some_and(|(class, _)| !is_always_kept(class)) {
            return refused(&format!(
                "its input `{}` is kept only where somebody subscribed to it, \
                 so that nobody can tell whether it is missing",
                input.name
            ));
        }
        if class.is_none() && !input.name.starts_with("site.") {
            return refused(&format!(
                "its input `{}` is neither a class nor `site.` and a key",
                clean(&input.name)
            ));
        }
    }
    Ok(())
}

fn reference(description: &Description, bytes: &[u8]) -> AnalyticRef {
    let sha256 = digest(&SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let pair = |id: &str, name: &str| (clean(id), clean(name));
    AnalyticRef {
        id: description.id.clone(),
        name: description.name.clone(),
        version: description.version.clone(),
        summary: clean(&description.summary),
        technique: pair(&description.technique.id, &description.technique.name),
        tactics: description.tactics.iter().map(|text| clean(text)).collect(),
        strategy: description
            .strategy
            .as_ref()
            .map(|strategy| pair(&strategy.id, &strategy.name)),
        sha256,
    }
}

fn step(step: &WitStep) -> Step {
    match step {
        WitStep::Text(test) => Step::Text {
            field: test.field.clone(),
            comparison: match test.comparison {
                WitComparison::Equals => Comparison::Equals,
                WitComparison::StartsWith => Comparison::StartsWith,
                WitComparison::EndsWith => Comparison::EndsWith,
                WitComparison::Contains => Comparison::Contains,
            },
            values: test.values.clone(),
        },
        WitStep::Number(test) => Step::Number {
            field: test.field.clone(),
            ranges: test.ranges.clone(),
        },
        WitStep::Present(field) => Step::Present(field.clone()),
        WitStep::AllOf(count) => Step::AllOf(*count),
        WitStep::AnyOf(count) => Step::AnyOf(*count),
        WitStep::Negate => Step::Negate,
    }
}
