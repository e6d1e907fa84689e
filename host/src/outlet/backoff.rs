//! How long to leave a destination alone that takes nothing.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// The longest a destination may ask to be left alone.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// Waits that double from one failure to the next, up to a limit.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
    random: RandomState,
    drawn: u64,
}

impl Default for Backoff {
    /// From half a second to a minute.
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(60))
    }
}

impl Backoff {
    /// Waits between the first and the longest.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            next: first,
            random: RandomState::new(),
            drawn: 0,
        }
    }

    /// How long to wait after one more failure. The destination may ask for
    /// more; a wait without end is not granted.
    pub fn next(&mut self, retry_after: Option<u64>) -> Duration {
        let wait = self.next.min(self.most);
        self.next = (wait * 2).min(self.most);
        // Hosts that lost the same destination at the same time must not come
        // back at the same time: between half of the wait and all of it.
        let jittered = wait / 2 + (wait / 2).mul_f64(self.draw());
        let asked = Duration::from_secs(retry_after.unwrap_or(0)).min(MAX_RETRY_AFTER);
        jittered.max(asked)
    }

    /// The destination works again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// A number between 0 and 1.
    fn draw(&mut self) -> f64 {
        self.drawn = self.drawn.wrapping_add(1);
        f64::from(self.random.hash_one(self.drawn) as u32) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::default();
        for whole in [
            500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
        ] {
            let wait = backoff.next(None);
            let whole = Duration::from_millis(whole);
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next(None) <= Duration::from_millis(500));
    }

    #[test]
    fn a_destination_may_ask_for_more_but_not_for_ever() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(Some(120)), Duration::from_secs(120));
        assert_eq!(backoff.next(Some(u64::MAX)), Duration::from_secs(300));
        assert!(backoff.next(Some(0)) >= Duration::from_secs(1));
    }
}
