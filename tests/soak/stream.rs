//! A stream of generated events, cut into bodies.

use crate::generator::{Counts, Generator, Plan};

/// Bodies of events, one after the other.
pub struct Stream {
    generator: Generator,
    batch: u64,
    body: Vec<u8>,
}

impl Stream {
    /// So many events a body.
    pub fn new(plan: &Plan, batch: u64) -> Self {
        Self {
            generator: Generator::new(plan),
            batch,
            body: Vec::new(),
        }
    }

    /// The next body.
    pub fn next_body(&mut self) -> &[u8] {
        self.body.clear();
        for _ in 0..self.batch {
            self.generator.write_event(&mut self.body);
        }
        &self.body
    }

    /// Appends a launch with the next serial number, outside of the bodies.
    pub fn write_serial(&mut self, body: &mut Vec<u8>) -> Counts {
        self.generator.write_serial(body);
        self.generator.counts()
    }

    /// What was generated.
    pub fn counts(&self) -> Counts {
        self.generator.counts()
    }
}
