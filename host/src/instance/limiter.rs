//! The memory and tables of an instance, and whether it wanted more.

use wasmtime::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};

use crate::budget::Budget;

/// Denies growth beyond the budget and remembers that it did: what follows is a
/// trap of the guest's own making, and the operator should read the cause.
pub(super) struct Limiter {
    limits: StoreLimits,
    has_denied: bool,
    memory: usize,
}

impl Limiter {
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            limits: StoreLimitsBuilder::new()
                .memory_size(budget.memory)
                .table_elements(budget.table_elements)
                .memories(2)
                .tables(4)
                .instances(8)
                .build(),
            has_denied: false,
            memory: 0,
        }
    }

    /// How large the largest linear memory grew, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.memory
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
        let is_granted = self.limits.memory_growing(current, desired, maximum)?;
        self.has_denied |= !is_granted;
        if is_granted {
            self.memory = self.memory.max(desired);
        }
        Ok(is_granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_granted = self.limits.table_growing(current, desired, maximum)?;
        self.has_denied |= !is_granted;
        Ok(is_granted)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}
