//! Which functions of the host an analytic called, and what became of it.

/// A function that the host offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the contract")]
pub enum HostFunction {
    Processes,
    Ancestors,
    Children,
    Descendants,
    Find,
    PutMarks,
    Marks,
    SignatureLookup,
    Observe,
    BaselineLookup,
    Rates,
    Log,
}

impl HostFunction {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Processes,
        Self::Ancestors,
        Self::Children,
        Self::Descendants,
        Self::Find,
        Self::PutMarks,
        Self::Marks,
        Self::SignatureLookup,
        Self::Observe,
        Self::BaselineLookup,
        Self::Rates,
        Self::Log,
    ];

    /// Interface and function, as in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Processes => "lineage.processes",
            Self::Ancestors => "lineage.ancestors",
            Self::Children => "lineage.children",
            Self::Descendants => "lineage.descendants",
            Self::Find => "lineage.find",
            Self::PutMarks => "lineage.put-marks",
            Self::Marks => "lineage.marks",
            Self::SignatureLookup => "signatures.lookup",
            Self::Observe => "baselines.observe",
            Self::BaselineLookup => "baselines.lookup",
            Self::Rates => "baselines.rates",
            Self::Log => "log.write",
        }
    }
}

/// Calls by function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostCalls([HostCallCount; HostFunction::ALL.len()]);

/// Calls of one function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostCallCount {
    /// Those that were answered.
    pub answered: u64,
    /// Those beyond the budget or against the contract.
    pub denied: u64,
}

impl HostCalls {
    /// Counts a call.
    pub fn count(&mut self, function: HostFunction, is_answered: bool) {
        if let Some(count) = self.0.get_mut(function as usize) {
            if is_answered {
                count.answered += 1;
            } else {
                count.denied += 1;
            }
        }
    }

    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            own.answered += other.answered;
            own.denied += other.denied;
        }
        self
    }

    /// The functions that were called at all.
    pub fn iter(&self) -> impl Iterator<Item = (HostFunction, HostCallCount)> {
        let all = HostFunction::ALL.into_iter().zip(self.0);
        all.filter(|(_, count)| *count != HostCallCount::default())
    }

    /// Calls of a function.
    pub fn of(&self, function: HostFunction) -> HostCallCount {
        self.0.get(function as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_stand_at_their_numbers() {
        for (number, function) in HostFunction::ALL.into_iter().enumerate() {
            assert_eq!(function as usize, number, "{}", function.name());
        }
    }
}
