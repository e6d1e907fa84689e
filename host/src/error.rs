//! What can go wrong with an analytic, and who is to blame.

use std::{path::PathBuf, time::Duration};

use crate::router::PredicateError;

/// What the configuration counts memory in, in bytes.
const MIB: u64 = 1 << 20;

/// Whose defect an error is: the first thing an operator asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The analytic's.
    Guest,
    /// Sandtrap's.
    Host,
}

impl Blame {
    /// One word for messages and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Host => "host",
        }
    }
}

/// Why a component was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot be read")]
    Read {
        /// The file, which whoever tells of it names.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is larger than a component may be.
    #[error("it is larger than the {} MiB that a component may have", .limit / MIB)]
    TooLarge {
        /// What it may be, in bytes.
        limit: u64,
    },
    /// It is something else.
    #[error("this is no WebAssembly file")]
    NotWasm,
    /// It is a core module, which has no typed interface.
    #[error("this is a core module, not a component; `sandtrap build` makes components")]
    CoreModule,
    /// It does not compile.
    #[error("not a valid component: {0}")]
    Invalid(String),
    /// Compiling it took too long and was ended.
    #[error(
        "took longer than {seconds} s to compile and was given up; \
         a component of reasonable size takes a few seconds, so ask its author for smaller functions"
    )]
    CompileTime {
        /// How long it may take.
        seconds: u64,
    },
    /// Compiling it took too much memory and was ended.
    #[error(
        "needed more than {mebibytes} MiB of memory to compile and was given up; \
         ask its author for smaller functions"
    )]
    CompileMemory {
        /// How much it may take.
        mebibytes: u64,
    },
    /// Its machine code is too large.
    #[error(
        "compiles to more than {mebibytes} MiB of machine code, which is the most there may be"
    )]
    CompileOutput {
        /// How much there may be.
        mebibytes: u64,
    },
    /// The compiler crashed on it, in its own process.
    #[error(
        "the compiler crashed on it ({how}), in a process of its own, so nothing else was harmed; \
         do not use this component, and please report it if you trust its author"
    )]
    CompileCrash {
        /// How the process ended and its last words.
        how: String,
    },
    /// The process that compiles cannot be used. The component is not at fault.
    #[error(
        "cannot be compiled, and is not at fault: the process that compiles {reason}; \
         it needs memory, a free process and /proc, and the same program as this one"
    )]
    CompileWorker {
        /// What is wrong with it.
        reason: String,
    },
    /// It imports something that is not in the world.
    #[error(
        "imports `{0}`, which Sandtrap does not offer; \
         an analytic may import sandtrap:analytic@0.1 only (WASI included: build for wasm32-unknown-unknown)"
    )]
    UnknownImport(String),
    /// It imports a capability that it was not granted.
    #[error(
        "imports `{capability}`, which it is not granted; \
         add \"{capability}\" to `grants` of {section} to allow it"
    )]
    NotGranted {
        /// The capability.
        capability: &'static str,
        /// The section of the configuration that does not grant it.
        section: String,
    },
    /// It subscribes to what it may not see.
    #[error(
        "subscription {number} asks for the {what} `{name}`, which it may not see; \
         add \"{name}\" to `{what}s` of {section} to allow it"
    )]
    NotVisible {
        /// Position of the subscription, from 0.
        number: usize,
        /// `event` or `field`.
        what: &'static str,
        /// Its name.
        name: String,
        /// The section of the configuration that does not allow it.
        section: String,
    },
    /// Its manifest asks for a larger budget than it is granted.
    #[error("{request}")]
    BudgetNotGranted {
        /// What it asks for, and what to write to grant it.
        request: String,
    },
    /// It does not export the detector interface.
    #[error("does not export `sandtrap:analytic/detector@0.1.0`: {0}")]
    NoDetector(String),
    /// Its description breaks a rule.
    #[error("its description is not acceptable: {0}")]
    Description(String),
    /// A subscription names something unknown.
    #[error("subscription {number} to `{class}`: {reason}")]
    Subscription {
        /// Its position, from 0.
        number: usize,
        /// Its class.
        class: String,
        /// What is wrong.
        reason: String,
    },
    /// Nobody who is trusted vouches for it, or not for this.
    #[error(transparent)]
    Trust(#[from] crate::trust::TrustError),
    /// It refused its settings.
    #[error("settings refused: {0}")]
    Settings(String),
    /// Calling it failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Another one has the same identifier.
    #[error("`{id}` is already loaded from {first}")]
    Duplicate {
        /// The identifier.
        id: String,
        /// Where the first one came from.
        first: PathBuf,
    },
}

impl LoadError {
    /// A predicate error of a subscription.
    pub(crate) fn predicate(number: usize, class: &str, error: &PredicateError) -> Self {
        Self::Subscription {
            number,
            class: class.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// Why a call into an analytic failed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum CallError {
    /// It executed a trap, such as `unreachable` or an access out of bounds.
    #[error("{export}: trapped: {reason}")]
    Trap {
        /// What was called.
        export: &'static str,
        /// The trap.
        reason: String,
    },
    /// It did not come back in time.
    #[error("{export}: ran longer than {milliseconds} ms{}", part(*milliseconds, *budget))]
    Deadline {
        /// What was called.
        export: &'static str,
        /// The time it had.
        milliseconds: u64,
        /// Its time budget, which is for a whole batch.
        budget: u64,
    },
    /// It wanted more memory or tables than it may have, and gave up.
    #[error(
        "{export}: wanted more than the {} MiB of memory, or the table elements, of its budget",
        .bytes / (1 << 20)
    )]
    Memory {
        /// What was called.
        export: &'static str,
        /// Its memory budget, in bytes.
        bytes: usize,
    },
    /// It used the contract wrongly: unknown events, calls at the wrong time.
    #[error("{export}: broke the contract: {reason}")]
    Contract {
        /// What was called.
        export: &'static str,
        /// How.
        reason: String,
    },
    /// What it returned breaks the limits or is no proper value.
    #[error("{export}: malformed result: {reason}")]
    MalformedResult {
        /// What was called.
        export: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It returned an error of its own.
    #[error("{export}: returned an error: {reason}")]
    Returned {
        /// What was called.
        export: &'static str,
        /// Its words, cut and cleaned.
        reason: String,
    },
    /// The host failed.
    #[error("{export}: host failure: {reason}")]
    Host {
        /// What was called.
        export: &'static str,
        /// What happened.
        reason: String,
    },
}

/// Why it had less time than its budget, which is what an operator looks for.
fn part(milliseconds: u64, budget: u64) -> String {
    if milliseconds == budget {
        return String::new();
    }
    format!(", which it had for a part of a batch (call_ms = {budget} is for all of it)")
}

impl CallError {
    /// It did not come back in the time it had of its budget.
    pub(crate) fn deadline(export: &'static str, time: Duration, budget: Duration) -> Self {
        let whole = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self::Deadline {
            export,
            milliseconds: whole(time),
            budget: whole(budget),
        }
    }

    /// Whose defect it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Host { .. } => Blame::Host,
            _ => Blame::Guest,
        }
    }

    /// One word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::Deadline { .. } => "deadline",
            Self::Memory { .. } => "memory",
            Self::Contract { .. } => "contract",
            Self::MalformedResult { .. } => "malformed_result",
            Self::Returned { .. } => "returned",
            Self::Host { .. } => "host",
        }
    }
}
