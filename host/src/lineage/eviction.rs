//! Which processes are forgotten, and when.

use super::{Limits, device::Device, process::Place};

impl Device {
    /// Evicts whatever the limits say; to make room, nothing that the current
    /// event named. Returns how many expired and how many had to make room.
    pub fn enforce(&mut self, limits: &Limits, sequence: u64) -> (u64, u64) {
        let (mut expired, mut evicted) = (0, 0);
        while self.clock > self.next_expiry {
            let clock = self.clock;
            let end = |place: Place, lifetime: i64| place.1.saturating_add(lifetime);
            let ended = self.ended.first().copied();
            let live = self.least_recent();
            let victim = ended
                .filter(|place| end(*place, limits.ended_lifetime) < clock)
                .or(live.filter(|place| end(*place, limits.lifetime) < clock));
            if let Some((_, _, handle)) = victim {
                self.evict(handle, sequence);
                expired += 1;
                continue;
            }
            let ended = ended.map_or(i64::MAX, |place| end(place, limits.ended_lifetime));
            let live = live.map_or(i64::MAX, |place| end(place, limits.lifetime));
            self.next_expiry = ended.min(live);
        }
        while self.known > limits.processes || self.bytes > limits.bytes_per_device {
            let Some(handle) = self.expendable(sequence) else {
                break;
            };
            self.evict(handle, sequence);
            evicted += 1;
        }
        (expired, evicted)
    }

    /// The process to forget next: that ended first, else that was not seen
    /// for longest.
    fn expendable(&mut self, sequence: u64) -> Option<u64> {
        let is_named = |handle: &u64| {
            self.nodes
                .get(handle)
                .is_some_and(|node| node.last_sequence == sequence)
        };
        let ended = self
            .ended
            .iter()
            .map(|(_, _, handle)| *handle)
            .find(|handle| !is_named(handle));
        // If the least recent was named just now, so were all the others.
        ended.or_else(|| {
            self.least_recent()
                .filter(|(seen, _, _)| *seen != sequence)
                .map(|(_, _, handle)| handle)
        })
    }

    /// The live process not seen for longest. Being seen does not move a
    /// process in the order, which would cost each event; it is moved when it
    /// would be the first.
    fn least_recent(&mut self) -> Option<Place> {
        loop {
            let place = *self.live.first()?;
            let (seen, _, handle) = place;
            let fresh = self.nodes.get_mut(&handle).and_then(|node| {
                let fresh = (node.last_sequence, node.last_seen, handle);
                let is_stale = seen < node.last_sequence;
                is_stale.then(|| {
                    node.indexed.queue = Some((false, fresh));
                    fresh
                })
            });
            match fresh {
                Some(fresh) => {
                    self.live.remove(&place);
                    self.live.insert(fresh);
                }
                None => return Some(place),
            }
        }
    }
}
