//! Decodes blocks on several threads and hands the results back in order.

use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::Scope,
};

use super::{
    blocks::Block,
    intake::{Intake, Job, Taken},
};
use crate::router::Router;

/// How many blocks may wait for each worker: one it works on, one to go on with.
const WAITING: usize = 2;

/// The threads that decode; with none, blocks are decoded as they come.
pub(super) struct Crew<'r> {
    own: Intake,
    router: &'r Router,
    workers: Vec<Worker>,
    /// Which worker has the blocks that are out, the oldest first. Work is dealt
    /// out in turn and taken back in turn, so the order stays.
    out: VecDeque<usize>,
    next: usize,
    spare: Vec<Block>,
}

struct Worker {
    jobs: SyncSender<Job>,
    results: Receiver<(Taken, Block)>,
}

impl<'r> Crew<'r> {
    /// A crew of so many threads, this one, which reads, among them.
    pub(super) fn new<'s>(threads: usize, router: &'r Router, scope: &'s Scope<'s, '_>) -> Self
    where
        'r: 's,
    {
        let workers = (1..threads).map(|_| Worker::start(router, scope)).collect();
        Self {
            own: Intake::new(router),
            router,
            workers,
            out: VecDeque::new(),
            next: 0,
            spare: Vec::new(),
        }
    }

    /// A block to read into.
    pub(super) fn block(&mut self) -> Block {
        self.spare.pop().unwrap_or_default()
    }

    /// Has a block decoded; returns the result of an earlier one when there is
    /// one to wait for.
    pub(super) fn submit(&mut self, job: Job) -> Option<Taken> {
        let Some(worker) = self.workers.get(self.next) else {
            let taken = self.own.take(&job, self.router);
            self.spare.push(job.block);
            return Some(taken);
        };
        // A worker only goes away by a panic, which the scope passes on.
        if worker.jobs.send(job).is_ok() {
            self.out.push_back(self.next);
        }
        self.next = (self.next + 1) % self.workers.len();
        if self.out.len() >= WAITING * self.workers.len() {
            self.collect()
        } else {
            None
        }
    }

    /// The result of the oldest block that is out.
    pub(super) fn collect(&mut self) -> Option<Taken> {
        let worker = self.workers.get(self.out.pop_front()?)?;
        let (taken, block) = worker.results.recv().ok()?;
        self.spare.push(block);
        Some(taken)
    }
}

impl Worker {
    fn start<'s, 'r: 's>(router: &'r Router, scope: &'s Scope<'s, '_>) -> Self {
        let (jobs, to_do) = sync_channel::<Job>(WAITING);
        let (done, results) = sync_channel(WAITING);
        scope.spawn(move || {
            let mut intake = Intake::new(router);
            for job in to_do {
                let taken = intake.take(&job, router);
                if done.send((taken, job.block)).is_err() {
                    break;
                }
            }
        });
        Self { jobs, results }
    }
}
