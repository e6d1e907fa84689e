//! What came of a call, in the terms of the budget and the contract.

use std::time::Duration;

use wasmtime::Trap;

use super::State;
use crate::{
    bindings::sandtrap::analytic::findings::Finding, budget::Budget, error::CallError,
    scene::ANSWERS_EXCEEDED, text::clean,
};

/// Why a call failed, and so who is to blame.
pub(super) fn explain(
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
        .is_some_and(|scene| scene.answers.is_exceeded())
    {
        return CallError::Contract {
            export,
            reason: ANSWERS_EXCEEDED.to_owned(),
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => CallError::deadline(export, time, state.budget.time),
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

/// Whether findings are as many and as large as they may be.
pub(super) fn check_findings(
    findings: Vec<Finding>,
    budget: &Budget,
) -> Result<Vec<Finding>, CallError> {
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
