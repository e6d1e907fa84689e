//! What sources that read files have in common: their loop, and how they learn
//! of changes.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{
    DebounceEventResult, DebouncedEvent, Debouncer, RecommendedCache, new_debouncer,
};
use tokio::{runtime::Handle, sync::Notify};

use super::{
    Checkpoint, Delivery, Records, Stopping, Submitted,
    feed::{Feed, Running, Stop},
};
use crate::sources::Encoding;

/// How often a folder is looked at, besides being watched. Network file
/// systems and links do not tell of changes.
const POLL: Duration = Duration::from_secs(1);

/// For how long changes are put together before they are told.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// How many deliveries may be under way.
const UNDER_WAY: usize = 64;

/// Decides what to read next. It knows no threads and no clock.
pub(super) trait Reading: Send + 'static {
    /// The folder that the files lie in.
    fn folder(&self) -> PathBuf;

    /// Looks at what is there now.
    fn scan(&mut self, now: Instant);

    /// How many bytes to take room for, if there is something to do.
    fn ready(&mut self, now: Instant) -> Option<usize>;

    /// Does what was found ready; it may turn out to be nothing.
    fn take(&mut self, now: Instant) -> Option<Turn>;

    /// Goes on without the records that were found ready; returns how many
    /// there were.
    fn pass_over(&mut self, now: Instant) -> u64;

    /// What it does, and what is wrong.
    fn status(&self) -> (String, Option<String>);
}

/// What is handed over at once.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) input: Arc<str>,
    /// None where only the checkpoint changes.
    pub(super) records: Records,
    /// The place of the first in its input.
    pub(super) first_record: u64,
    pub(super) checkpoint: Checkpoint,
    /// Whether the input may be read again from its start.
    pub(super) may_come_again: bool,
}

impl Turn {
    /// Removes a checkpoint.
    pub(super) fn removal(key: String) -> Self {
        Self {
            input: Arc::from(""),
            records: Records::new(Encoding::Json),
            first_record: 0,
            checkpoint: Checkpoint { key, value: None },
            may_come_again: false,
        }
    }
}

/// Starts a thread that reads. Must be called within a runtime.
pub(super) fn start(reading: impl Reading, feed: Feed) -> io::Result<Running> {
    let (running, stop) = Running::new();
    let runtime = Handle::current();
    std::thread::Builder::new()
        .name("sandtrap-files".to_owned())
        .spawn(move || {
            let mut pump = Pump {
                reading,
                hints: Hints::new(),
                under_way: VecDeque::new(),
                scanned: None,
                feed,
                stop,
            };
            // It has only one way to end.
            let Err(Stopping) = runtime.block_on(pump.run());
            pump.feed.state("stopped");
        })?;
    Ok(running)
}

struct Pump<R> {
    reading: R,
    feed: Feed,
    stop: Stop,
    hints: Hints,
    under_way: VecDeque<Submitted>,
    scanned: Option<Instant>,
}

impl<R: Reading> Pump<R> {
    async fn run(&mut self) -> Result<std::convert::Infallible, Stopping> {
        loop {
            self.scan();
            while let Some(bytes) = self.reading.ready(Instant::now()) {
                self.turn(bytes).await?;
                // New files get their turn while others have much to read.
                if self.scanned.is_none_or(|at| at.elapsed() >= POLL) {
                    self.scan();
                }
            }
            self.hints.watch(&self.reading.folder());
            let hint = tokio::time::timeout(POLL, self.hints.changed.notified());
            // Either way it is time to look.
            let _ = self.stop.or(hint).await?;
        }
    }

    fn scan(&mut self) {
        let now = Instant::now();
        self.scanned = Some(now);
        self.reading.scan(now);
        let (state, error) = self.reading.status();
        self.feed.state(&state);
        self.feed.error(error);
    }

    async fn turn(&mut self, bytes: usize) -> Result<(), Stopping> {
        let room = self.stop.or(self.feed.room(bytes)).await??;
        let now = Instant::now();
        let Some(mut room) = room else {
            let dropped = self.reading.pass_over(now);
            self.feed.dropped(dropped);
            return Ok(());
        };
        let Some(turn) = self.reading.take(now) else {
            return Ok(());
        };
        let size = turn.records.size();
        if size > bytes {
            // Holding some room while waiting for more could have everyone
            // wait for everyone, so all of it is given back first.
            drop(room);
            room = self.stop.or(self.feed.gate.reserve(size)).await??;
        }
        let delivery = Delivery {
            source: Arc::clone(&self.feed.name),
            input: turn.input,
            records: turn.records,
            first_record: u32::try_from(turn.first_record).unwrap_or(u32::MAX),
            checkpoint: Some(turn.checkpoint),
            may_come_again: turn.may_come_again,
        };
        self.under_way.push_back(self.feed.submit(delivery, room)?);
        while self.under_way.len() > UNDER_WAY
            && let Some(submitted) = self.under_way.pop_front()
        {
            self.stop.or(submitted.receipt()).await??;
        }
        Ok(())
    }
}

/// Tells when something may have changed.
struct Hints {
    changed: Arc<Notify>,
    watched: Option<(PathBuf, Debouncer<RecommendedWatcher, RecommendedCache>)>,
}

impl Hints {
    fn new() -> Self {
        Self {
            changed: Arc::new(Notify::new()),
            watched: None,
        }
    }

    /// Watches a folder if it can be watched; otherwise there are no hints.
    fn watch(&mut self, folder: &Path) {
        if self
            .watched
            .as_ref()
            .is_some_and(|(path, _)| path == folder)
            || !folder.is_dir()
        {
            return;
        }
        let changed = Arc::clone(&self.changed);
        // Reading is no change; telling of it would go on for ever.
        let tell = move |events: DebounceEventResult| {
            if events.is_err() || events.is_ok_and(|events| events.iter().any(is_change)) {
                changed.notify_one();
            }
        };
        let watcher = new_debouncer(DEBOUNCE, None, tell).and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match watcher {
            Ok(watcher) => {
                self.watched = Some((folder.to_owned(), watcher));
                // Something may have changed before.
                self.changed.notify_one();
            }
            Err(error) => {
                tracing::debug!("{} cannot be watched: {error}", folder.display());
            }
        }
    }
}

fn is_change(event: &DebouncedEvent) -> bool {
    !event.kind.is_access()
}
