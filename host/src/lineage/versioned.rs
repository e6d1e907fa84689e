//! A value together with what it was earlier in the current batch.
//!
//! A batch is taken in whole before anyone asks about it, so each change keeps
//! the sequence at which it became known until the batch is over. This is what
//! makes answers independent of the batch size.

/// A value and its changes within the current batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Versioned<T> {
    /// Before the first step.
    settled: T,
    /// The value from each sequence on, ascending.
    steps: Vec<(u64, T)>,
}

impl<T> Versioned<T> {
    /// A value that does not come from the current batch.
    pub(crate) fn new(settled: T) -> Self {
        Self {
            settled,
            steps: Vec::new(),
        }
    }

    /// The value as of a sequence.
    pub(crate) fn at(&self, sequence: u64) -> &T {
        self.steps_until(sequence)
            .last()
            .map_or(&self.settled, |(_, value)| value)
    }

    /// The changes up to a sequence, in order.
    pub(crate) fn steps_until(&self, sequence: u64) -> &[(u64, T)] {
        let known = self.steps.partition_point(|(since, _)| *since <= sequence);
        self.steps.get(..known).unwrap_or_default()
    }

    /// The value as it was before the batch.
    pub(crate) fn settled(&self) -> &T {
        &self.settled
    }

    /// The value after all changes.
    pub(crate) fn now(&self) -> &T {
        self.steps.last().map_or(&self.settled, |(_, value)| value)
    }

    /// Sets the value from a sequence on, up to the next change. Returns what
    /// was set at the same sequence before.
    pub(crate) fn set(&mut self, sequence: u64, value: T) -> Option<T> {
        let position = self.steps.partition_point(|(since, _)| *since < sequence);
        match self.steps.get_mut(position) {
            Some((since, known)) if *since == sequence => Some(std::mem::replace(known, value)),
            _ => {
                self.steps.insert(position, (sequence, value));
                None
            }
        }
    }

    /// Whether it changed within the batch.
    pub(crate) fn has_changed(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Makes the last value the settled one and forgets the rest.
    pub(crate) fn settle(&mut self) {
        if let Some((_, value)) = std::mem::take(&mut self.steps).pop() {
            self.settled = value;
        }
    }

    /// Goes back to the value before the batch.
    pub(crate) fn undo(&mut self) {
        self.steps = Vec::new();
    }

    /// The value after all changes, for changing it from a sequence on. The
    /// sequence must not be before the last change.
    pub(crate) fn change(&mut self, sequence: u64) -> &mut T
    where
        T: Clone,
    {
        if self.steps.last().is_none_or(|(since, _)| *since < sequence) {
            let copy = self.now().clone();
            self.steps.push((sequence, copy));
        }
        match self.steps.last_mut() {
            Some((_, value)) => value,
            None => &mut self.settled,
        }
    }
}
