//! Joins an [`Analytic`] to the generated exports; the only file that knows
//! both. Natively, [`testing`](crate::testing) drives the same code.

use std::{cell::OnceCell, marker::PhantomData};

use crate::{
    Analytic, Finding, Findings, Site,
    batch::Batch,
    bindings::{
        exports::sandtrap::analytic::detector::{self, InspectionError, SettingsError},
        sandtrap::analytic::events,
    },
    vocabulary::Layout,
};

/// An analytic that has its settings.
pub struct Configured<A> {
    analytic: A,
    layouts: Vec<Layout>,
}

impl<A: Analytic> Configured<A> {
    /// Parses the settings and the site knowledge.
    pub fn new(settings: &str, site: &str) -> Result<Self, SettingsError> {
        let malformed = |what: &str, error: &dyn std::fmt::Display| {
            SettingsError::Malformed(format!("{what}: {error}"))
        };
        let settings =
            serde_json::from_str(settings).map_err(|error| malformed("settings", &error))?;
        let site = Site::parse(site).map_err(|error| malformed("site", &error))?;
        let analytic = A::new(settings, site).map_err(SettingsError::Rejected)?;
        Ok(Self {
            analytic,
            layouts: A::description().layouts(),
        })
    }

    /// Shows the analytic every row of the batch.
    pub fn inspect(&self, batch: &events::Batch) -> Result<Vec<Finding>, InspectionError> {
        let batch = Batch::check(batch, &self.layouts).map_err(InspectionError::MalformedBatch)?;
        let mut findings = Findings::default();
        batch.for_each_row(|row| self.analytic.inspect(row, &mut findings));
        Ok(findings.into_found())
    }
}

/// Where a component keeps its one analytic.
pub type State<A> = OnceCell<Configured<A>>;

/// Implemented by [`export_analytic!`](crate::export_analytic) with a
/// thread-local, which is how a component without unsafe code has state.
pub trait Slot {
    /// What is exported.
    type Analytic: Analytic;

    /// Hands the state to `visit`.
    fn with<R>(visit: impl FnOnce(&State<Self::Analytic>) -> R) -> R;
}

/// The exports of a component whose analytic is in the slot `S`.
pub struct Exported<S>(PhantomData<S>);

impl<S: Slot> detector::Guest for Exported<S> {
    fn describe() -> detector::Description {
        S::Analytic::description().into_wire()
    }

    fn configure(settings: String, site: String) -> Result<(), SettingsError> {
        let configured = Configured::new(&settings, &site)?;
        S::with(|state| state.set(configured))
            .map_err(|_| SettingsError::Rejected("it is configured already".to_owned()))
    }

    fn inspect(batch: events::Batch) -> Result<Vec<Finding>, InspectionError> {
        S::with(|state| match state.get() {
            Some(configured) => configured.inspect(&batch),
            None => Err(InspectionError::Failed("it is not configured".to_owned())),
        })
    }
}
