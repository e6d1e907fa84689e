//! Watches the folder of the analytics and the configuration. It is a hint
//! only; what it misses, the poll finds.

use std::{path::Path, sync::mpsc, time::Duration};

use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

use super::Wake;

/// How long changes are gathered: a copy is many writes.
const GATHER: Duration = Duration::from_millis(200);

/// Wakes the reloader until it is dropped.
pub struct Watcher {
    #[expect(dead_code, reason = "watches as long as it lives")]
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

impl Watcher {
    /// Watches folders. One that cannot be watched is left to the poll.
    pub fn start<'a>(
        folders: impl IntoIterator<Item = &'a Path>,
        wakes: mpsc::Sender<Wake>,
    ) -> Option<Self> {
        let wake = move |events: DebounceEventResult| {
            // Looking is no change; telling of it would have the reloader look
            // again for ever.
            let is_change = match events {
                Ok(events) => events.iter().any(|event| !event.kind.is_access()),
                Err(_) => true,
            };
            if is_change {
                // After the reloader has ended there is nobody to wake.
                let _ = wakes.send(Wake::Changed);
            }
        };
        let started = new_debouncer(GATHER, None, wake);
        let mut debouncer = match started {
            Ok(debouncer) => debouncer,
            Err(error) => {
                tracing::warn!("files are not watched, only looked at now and then: {error}");
                return None;
            }
        };
        for folder in folders {
            if let Err(error) = debouncer.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(
                    folder = %folder.display(),
                    "not watched, only looked at now and then: {error}"
                );
            }
        }
        Some(Self { debouncer })
    }
}
