//! The memory and tables of an instance, and whether it wanted more.

use wasmtime::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};

use crate::budget::Budget;

/// Denies growth beyond the budget and remembers that it did: what follows is a
/// trap of the guest's own making, and the operator should read the cause.
pub(super) struct Limiter {
    /// How many of each there may be.
    counts: StoreLimits,
    /// Bytes of all memories, and elements of all tables.
    memory: Quota,
    table_elements: Quota,
    has_denied: bool,
}

/// What all memories or tables of an instance have together, and may have.
struct Quota {
    used: usize,
    most: usize,
}

impl Quota {
    fn of(most: usize) -> Self {
        Self { used: 0, most }
    }

    /// Whether one of them may grow. A new one grows from nothing.
    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        let is_granted = used <= self.most && maximum.is_none_or(|maximum| desired <= maximum);
        if is_granted {
            self.used = used;
        }
        is_granted
    }
}

impl Limiter {
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            counts: StoreLimitsBuilder::new()
                .memories(2)
                .tables(4)
                .instances(8)
                .build(),
            memory: Quota::of(budget.memory),
            table_elements: Quota::of(budget.table_elements),
            has_denied: false,
        }
    }

    /// How large its linear memories grew, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.memory.used
    }

    /// Whether growth was denied since the last call of [`Self::forget`].
    pub(super) fn has_denied(&self) -> bool {
        self.has_denied
    }

    /// Begins a new call.
    pub(super) fn forget(&mut self) {
        self.has_denied = false;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_granted = self.memory.grow(current, desired, maximum);
        self.has_denied |= !is_granted;
        Ok(is_granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_granted = self.table_elements.grow(current, desired, maximum);
        self.has_denied |= !is_granted;
        Ok(is_granted)
    }

    fn instances(&self) -> usize {
        self.counts.instances()
    }

    fn tables(&self) -> usize {
        self.counts.tables()
    }

    fn memories(&self) -> usize {
        self.counts.memories()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two memories have together what one may have.
    #[test]
    fn memories_and_tables_share_their_budget() {
        let budget = Budget {
            memory: 100,
            table_elements: 10,
            ..Budget::default()
        };
        let mut limiter = Limiter::new(&budget);
        for (current, desired, expected) in [
            (0, 60, true),
            (0, 41, false),
            (0, 40, true),
            (40, 41, false),
            (60, 59, true),
            (40, 41, true),
        ] {
            let grows = limiter.memory_growing(current, desired, None);
            assert_eq!(grows.unwrap(), expected, "{current} to {desired}");
        }
        assert_eq!(limiter.memory(), 100);
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
        assert!(!limiter.table_growing(10, 11, Some(10)).unwrap());
        assert!(limiter.has_denied());
    }
}
