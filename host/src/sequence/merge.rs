//! Merges sorted runs.

use std::{cmp::Reverse, collections::BinaryHeap, io, vec};

use super::{
    Key, key,
    run::{Devices, Run, RunReader},
};
use crate::event::Event;

/// The events of all runs in order.
#[derive(Debug)]
pub(super) struct Merge {
    runs: Vec<RunReader>,
    in_memory: vec::IntoIter<Event>,
    devices: Devices,
    /// The next event of each run, and by its key which run is next. The events
    /// in memory count as the run after all others.
    heads: Vec<Option<Event>>,
    order: BinaryHeap<Reverse<(Key, usize)>>,
}

impl Merge {
    pub(super) fn new(
        runs: Vec<Run>,
        in_memory: vec::IntoIter<Event>,
        devices: Devices,
    ) -> io::Result<Self> {
        let mut merge = Self {
            heads: vec![None; runs.len() + 1],
            runs: runs.into_iter().map(Run::read).collect(),
            in_memory,
            devices,
            order: BinaryHeap::new(),
        };
        for run in 0..merge.heads.len() {
            merge.refill(run)?;
        }
        Ok(merge)
    }

    fn refill(&mut self, run: usize) -> io::Result<()> {
        let event = match self.runs.get_mut(run) {
            Some(reader) => reader.next(&self.devices)?,
            None => self.in_memory.next(),
        };
        if let Some(event) = event
            && let Some(head) = self.heads.get_mut(run)
        {
            self.order.push(Reverse((key(&event), run)));
            *head = Some(event);
        }
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((_, run)) = self.order.pop()?;
        let event = self.heads.get_mut(run)?.take()?;
        if let Err(error) = self.refill(run) {
            return Some(Err(error));
        }
        Some(Ok(event))
    }
}
