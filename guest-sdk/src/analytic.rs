//! What an analytic is, and where it puts what it found.

use serde::de::DeserializeOwned;

use crate::{Description, Finding, Row, Site};

/// A detection analytic: a function from events to findings.
///
/// [`inspect`](Analytic::inspect) takes `&self` on purpose. An analytic keeps
/// nothing between events: what it wants to remember it puts into marks and
/// baselines, which the host keeps as of each event. Only so are the findings
/// the same whatever the batch size, after a reload and after a crash, and only
/// so does a fault lose nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an analytic",
    label = "this type does not implement `Analytic`",
    note = "write `impl Analytic for {Self}` with `description`, `new` and `inspect`"
)]
pub trait Analytic: Sized + 'static {
    /// What an operator may tune. `{}` must be acceptable, and a key that is
    /// not known must not: derive `Deserialize` and write
    /// `#[serde(deny_unknown_fields, default)]` on it.
    type Settings: DeserializeOwned;

    /// What it is and what it wants to see. Called often; must say the same
    /// each time and ask the host nothing.
    fn description() -> Description;

    /// Takes the operator's settings and the site knowledge. An `Err` refuses
    /// the settings; say which one, and what would be acceptable.
    fn new(settings: Self::Settings, site: Site) -> Result<Self, String>;

    /// Looks at one event. Events come in order; one that matches several
    /// subscriptions comes once for each.
    fn inspect(&self, row: &Row<'_>, findings: &mut Findings);
}

/// Where an analytic puts what it found.
#[derive(Debug, Default)]
pub struct Findings {
    found: Vec<Finding>,
}

impl Findings {
    /// Reports a finding.
    pub fn report(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    pub(crate) fn into_found(self) -> Vec<Finding> {
        self.found
    }
}
