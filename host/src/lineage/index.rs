//! The indexes over a device's processes, kept in line with what is known.

use super::{
    device::{CommandEntry, Device, OPEN, PidEntry},
    process::{Indexed, Link},
};

/// Most processes remembered under one pid. Answers records that reuse one
/// without end, which would make each look-up long.
const SAME_PID: usize = 64;

/// Most processes remembered under one command line, for the same reason.
const SAME_COMMAND: usize = 64;

impl Device {
    /// Brings all indexes in line with what is now known of a process.
    pub fn index(&mut self, handle: u64, sequence: u64) {
        let clock = self.clock;
        let Some(node) = self.nodes.get_mut(&handle) else {
            return;
        };
        let was = std::mem::take(&mut node.indexed);
        let is = match node.facts() {
            None => Indexed::default(),
            Some(facts) => {
                let queue = match was.queue {
                    Some((is_ended, place)) if is_ended == facts.ended.is_some() => {
                        (is_ended, place)
                    }
                    _ => (facts.ended.is_some(), (sequence, clock, handle)),
                };
                Indexed::of(facts, queue)
            }
        };
        if was.pid != is.pid {
            self.end_pid(was.pid, handle, sequence);
            self.add_pid(is.pid, handle, sequence);
        }
        if was.command_key != is.command_key {
            self.index_command(was.command_key, is.command_key, handle, sequence);
        }
        if was.start != is.start {
            was.start
                .map(|start| self.by_start.remove(&(start, handle)));
            is.start.map(|start| self.by_start.insert((start, handle)));
        }
        if was.queue != is.queue {
            match was.queue {
                Some((true, place)) => self.ended.remove(&place),
                Some((false, place)) => self.live.remove(&place),
                None => false,
            };
            match is.queue {
                Some((true, place)) => self.ended.insert(place),
                Some((false, place)) => self.live.insert(place),
                None => false,
            };
            if is.queue.is_some() {
                // Too soon only makes the next check find nothing to do.
                self.next_expiry = self.next_expiry.min(clock);
            }
        }
        if was.parent != is.parent {
            if let Some((parent, start)) = was.parent {
                self.end_link(parent, handle, start, sequence);
            }
            if let Some((parent, start)) = is.parent {
                self.add_link(parent, handle, start, sequence);
            }
        }
        self.bytes = (self.bytes + is.size).saturating_sub(was.size);
        if let Some(node) = self.nodes.get_mut(&handle) {
            node.indexed = is;
        }
    }

    fn end_pid(&mut self, pid: Option<u32>, handle: u64, sequence: u64) {
        let Some(pid) = pid else { return };
        for entry in self.by_pid.get_mut(&pid).into_iter().flatten() {
            if entry.handle == handle && entry.until == OPEN {
                entry.until = sequence;
            }
        }
        self.dirty_pids.push(pid);
    }

    fn add_pid(&mut self, pid: Option<u32>, handle: u64, sequence: u64) {
        let Some(pid) = pid else { return };
        let entries = self.by_pid.entry(pid).or_default();
        entries.push(PidEntry {
            handle,
            since: sequence,
            until: OPEN,
        });
        if entries.iter().filter(|entry| entry.until == OPEN).count() > SAME_PID
            && let Some(oldest) = entries
                .iter_mut()
                .filter(|entry| entry.until == OPEN)
                .min_by_key(|entry| (entry.since, entry.handle))
        {
            oldest.until = sequence;
            let dropped = oldest.handle;
            self.dirty_pids.push(pid);
            self.note_change(dropped);
        }
    }

    fn index_command(&mut self, was: u64, is: u64, handle: u64, sequence: u64) {
        if was != 0
            && let Some(entries) = self.by_command.get_mut(&was)
        {
            entries.retain(|entry| entry.handle != handle);
            if entries.is_empty() {
                self.by_command.remove(&was);
            }
        }
        if is != 0 {
            let entries = self.by_command.entry(is).or_default();
            entries.push(CommandEntry {
                handle,
                since: sequence,
            });
            if entries.len() > SAME_COMMAND
                && let Some(oldest) = entries
                    .iter()
                    .map(|entry| (entry.since, entry.handle))
                    .min()
            {
                entries.retain(|entry| (entry.since, entry.handle) != oldest);
                self.note_change(oldest.1);
            }
        }
    }

    pub fn add_link(&mut self, parent: u64, child: u64, start: i64, sequence: u64) {
        let parent = self.canonical(parent, OPEN);
        if let Some(node) = self.nodes.get_mut(&parent)
            && node.facts().is_some()
        {
            let position = node
                .children
                .partition_point(|link| (link.start, link.child) <= (start, child));
            node.children.insert(
                position,
                Link {
                    start,
                    child,
                    since: sequence,
                    until: OPEN,
                },
            );
        }
    }

    fn end_link(&mut self, parent: u64, child: u64, start: i64, sequence: u64) {
        let parent = self.canonical(parent, OPEN);
        if let Some(node) = self.nodes.get_mut(&parent) {
            let from = node
                .children
                .partition_point(|link| (link.start, link.child) < (start, child));
            let open = node
                .children
                .iter_mut()
                .skip(from)
                .take_while(|link| (link.start, link.child) == (start, child))
                .find(|link| link.until == OPEN);
            if let Some(link) = open {
                link.until = sequence;
            }
            self.mark(parent);
        }
    }

    pub fn end_links(&mut self, parent: u64, sequence: u64) -> Vec<Link> {
        let mut ended = Vec::new();
        if let Some(node) = self.nodes.get_mut(&parent) {
            for link in node.children.iter_mut().filter(|link| link.until == OPEN) {
                ended.push(*link);
                link.until = sequence;
            }
            self.mark(parent);
        }
        ended
    }
}
