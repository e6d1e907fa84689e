//! What operators do about faults: look at dead letters, try them again, and
//! have analytics called again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::{
    dispatch::{Command, Replay},
    store::{StateError, Store},
};
pub use super::{
    dispatch::{ReplayResult, Replayed},
    letters::{Form, Letter, Numbered, REASONS},
    store::Selection,
};

/// After this time no further letter is begun. Whoever asked goes on where it
/// ended; an analytic that takes all its time for each must not make one wait
/// for minutes.
const BUSY: Duration = Duration::from_secs(30);

/// How long is waited for the events before. Only a sink that takes nothing
/// makes that long.
const PATIENCE: Duration = Duration::from_secs(300);

/// Which letters are to be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those with these numbers.
    Numbers(Vec<u64>),
    /// Those that are like this.
    Selected(Selection),
}

/// What came of the letters, in the order in which they were tried. Letters
/// that were asked for and are not in it were left for another time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayReport {
    /// The letters.
    pub letters: Vec<Replayed>,
}

/// Why nothing can be done.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The letters cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The daemon ends.
    #[error("the daemon is stopping")]
    Stopping,
    /// Events wait, and what is asked for waits with them.
    #[error(
        "this goes on, but is not over; a sink that takes nothing holds up the events \
         (`sandtrap status` shows which)"
    )]
    HeldUp,
}

/// Repairs faults. Cheap to clone.
#[derive(Clone)]
pub struct Repairs {
    store: Arc<Store>,
    commands: mpsc::Sender<Command>,
    /// One replay at a time: two would try the same letter twice.
    turn: Arc<Mutex<()>>,
}

impl Repairs {
    pub(super) fn new(store: Arc<Store>, commands: mpsc::Sender<Command>) -> Self {
        Self {
            store,
            commands,
            turn: Arc::default(),
        }
    }

    /// Letters without their events.
    pub fn letters(&self, which: &Selection) -> Result<Vec<Numbered>, StateError> {
        self.store.letters(which)
    }

    /// A letter.
    pub fn letter(&self, number: u64) -> Result<Option<Letter>, StateError> {
        self.store.letter(number)
    }

    /// Tries letters again, and returns when what came of them is on disk. It
    /// goes on if nobody waits for it.
    pub async fn replay(&self, which: Which) -> Result<ReplayReport, RepairError> {
        let repairs = self.clone();
        let replay = tokio::spawn(async move {
            let _turn = repairs.turn.lock().await;
            repairs.replay_in_turn(which).await
        });
        let replayed = tokio::time::timeout(PATIENCE, replay).await;
        let replayed = replayed.map_err(|_| RepairError::HeldUp)?;
        replayed.unwrap_or(Err(RepairError::Stopping))
    }

    /// Has an analytic be called again that failed too often.
    pub async fn release(&self, id: String) -> Result<(), RepairError> {
        let release = self.commands.send(Command::Release(Some(id)));
        let sent = tokio::time::timeout(PATIENCE, release).await;
        let sent = sent.map_err(|_| RepairError::HeldUp)?;
        sent.map_err(|_| RepairError::Stopping)
    }

    async fn replay_in_turn(&self, which: Which) -> Result<ReplayReport, RepairError> {
        let numbers = match which {
            Which::Numbers(numbers) => numbers,
            Which::Selected(selection) => {
                let letters = self.read(move |store| store.letters(&selection)).await?;
                letters.iter().map(|letter| letter.number).collect()
            }
        };
        let started = Instant::now();
        let mut report = ReplayReport::default();
        for number in numbers {
            if started.elapsed() > BUSY {
                break;
            }
            // Read when it is its turn: it may have made room for others.
            let letter = self.read(move |store| store.letter(number)).await?;
            report.letters.push(match letter {
                Some(letter) => self.replay_one(number, letter).await?,
                None => Replayed {
                    number,
                    ..Replayed::default()
                },
            });
        }
        Ok(report)
    }

    async fn replay_one(&self, number: u64, letter: Letter) -> Result<Replayed, RepairError> {
        let (done, replaying) = oneshot::channel();
        let replay = Box::new(Replay {
            number,
            letter,
            done,
        });
        let sent = self.commands.send(Command::Replay(replay)).await;
        sent.map_err(|_| RepairError::Stopping)?;
        let replaying = replaying.await.map_err(|_| RepairError::Stopping)?;
        let committed = replaying.committed.await;
        committed.map_err(|_| RepairError::Stopping)?;
        Ok(replaying.replayed)
    }

    /// Reads from the database, which may have to read from the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, RepairError> {
        let store = Arc::clone(&self.store);
        let read = tokio::task::spawn_blocking(move || read(&store)).await;
        // Only a daemon that ends gives such work up.
        Ok(read.map_err(|_| RepairError::Stopping)??)
    }
}
