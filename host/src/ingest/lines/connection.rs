//! One stream of lines.

use std::{
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{BUFFER, IDLE, cut::Cutter};
use crate::{
    ingest::{
        Delivery, Records, Stopping,
        feed::{Feed, Stop},
    },
    sources::Encoding,
};

/// How much is handed over at once while more keeps coming.
const DELIVERY: usize = 512 * 1024;

/// The longest line.
const MAX_RECORD: usize = 16 * 1024 * 1024;

/// How many connections of a listener may be within a line longer than their
/// buffer. The others wait for their turn, so that long lines take this times
/// the longest, whoever sends them.
const LONG_LINES: usize = 4;

/// What the connections of a listener have in common.
pub(super) struct Shared {
    pub(super) feed: Feed,
    long_lines: Arc<Semaphore>,
    /// Records taken in so far: their place in their input.
    records: AtomicU32,
}

impl Shared {
    pub(super) fn new(feed: Feed) -> Arc<Self> {
        Arc::new(Self {
            feed,
            long_lines: Arc::new(Semaphore::new(LONG_LINES)),
            records: AtomicU32::new(0),
        })
    }
}

/// A stream that is being read.
pub(super) struct Connection<R> {
    reader: R,
    input: Arc<str>,
    shared: Arc<Shared>,
    stop: Stop,
    cutter: Cutter,
    buffer: Vec<u8>,
    /// Held while within a line that is longer than the buffer, and until when
    /// it must have come.
    long_line: Option<(OwnedSemaphorePermit, Instant)>,
}

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was closed.
    Over,
    /// It broke or was given up.
    Broken(String),
    /// The daemon stops.
    Stopped,
}

impl<R: AsyncRead + Unpin> Connection<R> {
    pub(super) fn new(reader: R, input: Arc<str>, shared: Arc<Shared>, stop: Stop) -> Self {
        Self {
            reader,
            input,
            shared,
            stop,
            cutter: Cutter::new(MAX_RECORD),
            buffer: vec![0; BUFFER],
            long_line: None,
        }
    }

    /// Reads to the end. Without a time limit, what stands after the last line
    /// end counts as a line: a file that was piped in may end so, whereas a
    /// client that breaks off leaves half a line.
    pub(super) async fn serve(mut self, idle: Option<Duration>) -> Ending {
        let is_pipe = idle.is_none();
        let idle = idle.unwrap_or(Duration::MAX);
        let ending = loop {
            let mut limit = idle;
            if let Some((_, end)) = self.long_line.as_ref().filter(|_| !is_pipe) {
                limit = end.saturating_duration_since(Instant::now());
            }
            let read = timeout(limit, self.reader.read(&mut self.buffer));
            let step = match self.stop.or(read).await {
                Err(Stopping) => return Ending::Stopped,
                Ok(Err(_)) => break Ending::Broken("it was silent for too long".to_owned()),
                Ok(Ok(Err(error))) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(Ok(Err(error))) => break Ending::Broken(error.to_string()),
                Ok(Ok(Ok(0))) => break Ending::Over,
                Ok(Ok(Ok(count))) => self.take(count).await,
            };
            match step {
                Ok(None) => {}
                Ok(Some(broken)) => break broken,
                Err(Stopping) => return Ending::Stopped,
            }
        };
        let mut records = Records::new(Encoding::Json);
        let size = self.cutter.kept();
        if is_pipe {
            self.cutter.finish(&mut records);
        } else {
            self.cutter
                .abandon("the connection ended within the line", &mut records);
        }
        match self.hand_over(records, size).await {
            Ok(()) => ending,
            Err(Stopping) => Ending::Stopped,
        }
    }

    /// Takes in what was read, and what else can be read at once.
    async fn take(&mut self, count: usize) -> Result<Option<Ending>, Stopping> {
        let is_busy = count == self.buffer.len();
        let bytes = self.buffer.get(..count).unwrap_or_default();
        if memchr::memchr(b'\n', bytes).is_none() {
            let mut none = Records::new(Encoding::Json);
            self.cutter.cut(bytes, &mut none);
            return self.lengthen().await;
        }
        let size = self.cutter.kept() + if is_busy { DELIVERY } else { count };
        let Some(room) = self.stop.or(self.shared.feed.room(size)).await?? else {
            let mut dropped = Records::new(Encoding::Json);
            self.cutter.cut(bytes, &mut dropped);
            self.shared.feed.dropped(dropped.len() as u64);
            return self.lengthen().await;
        };
        let mut records = Records::new(Encoding::Json);
        self.cutter.cut(bytes, &mut records);
        while is_busy && records.size() + self.cutter.kept() + self.buffer.len() <= size {
            let read = pin!(self.reader.read(&mut self.buffer));
            let Some(Ok(count @ 1..)) = now(read).await else {
                // An end or an error shows again at the next read.
                break;
            };
            let bytes = self.buffer.get(..count).unwrap_or_default();
            self.cutter.cut(bytes, &mut records);
        }
        self.submit(records, room)?;
        self.lengthen().await
    }

    /// A line that outgrows the buffer needs leave to, and has limited time.
    async fn lengthen(&mut self) -> Result<Option<Ending>, Stopping> {
        if self.cutter.kept() < self.buffer.len() {
            self.long_line = None;
        } else if self.long_line.is_none() {
            let leave = Arc::clone(&self.shared.long_lines).acquire_owned();
            let leave = self.stop.or(timeout(IDLE, leave)).await?;
            let Ok(Ok(leave)) = leave else {
                let reason = "too many lines that long at once".to_owned();
                return Ok(Some(Ending::Broken(reason)));
            };
            self.long_line = Some((leave, Instant::now() + IDLE));
        }
        Ok(None)
    }

    async fn hand_over(&mut self, records: Records, size: usize) -> Result<(), Stopping> {
        if records.is_empty() {
            return Ok(());
        }
        let room = self.stop.or(self.shared.feed.room(size)).await??;
        let Some(room) = room else {
            self.shared.feed.dropped(records.len() as u64);
            return Ok(());
        };
        self.submit(records, room)
    }

    fn submit(&self, records: Records, room: crate::ingest::Room) -> Result<(), Stopping> {
        if records.is_empty() {
            return Ok(());
        }
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let feed = &self.shared.feed;
        let delivery = Delivery {
            source: Arc::clone(&feed.name),
            input: Arc::clone(&self.input),
            first_record: self.shared.records.fetch_add(count, Ordering::Relaxed),
            records,
            checkpoint: None,
            may_come_again: false,
        };
        // Nobody on the wire waits for the receipt; the room bounds how much
        // is under way.
        feed.submit(delivery, room).map(drop)
    }
}

/// What a future has to say at once, if anything.
async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = std::future::ready(()) => None,
    }
}
