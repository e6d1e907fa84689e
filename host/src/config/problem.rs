//! What is wrong with a configuration, in words that say what to do.

use std::fmt;

use serde::Serialize;

/// Something wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The key, such as `sinks.webhook[0].url`.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
    /// What to write instead.
    pub instead: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            problem,
            instead,
        } = self;
        write!(f, "{key}: {problem}; {instead}")
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Problems {
    /// What keeps the daemon from starting, or from doing what was meant.
    pub errors: Vec<Problem>,
    /// What is probably not meant.
    pub warnings: Vec<Problem>,
}

impl Problems {
    /// Adds an error.
    pub fn error(
        &mut self,
        key: impl Into<String>,
        problem: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.errors.push(Problem {
            key: key.into(),
            problem: problem.into(),
            instead: instead.into(),
        });
    }

    /// Adds a warning.
    pub fn warn(
        &mut self,
        key: impl Into<String>,
        problem: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.warnings.push(Problem {
            key: key.into(),
            problem: problem.into(),
            instead: instead.into(),
        });
    }

    /// Adds all of another's.
    pub fn extend(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.warnings.extend(other.warnings);
    }
}

/// The errors, a line each if there are several.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.as_slice() {
            [one] => one.fmt(f),
            errors => errors
                .iter()
                .try_for_each(|problem| write!(f, "\n  {problem}")),
        }
    }
}
