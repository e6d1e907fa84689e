//! Whether an analytic is called: how many events it may fail on, how many calls
//! the search for them may take, how much time its calls may take of everyone's,
//! and for how long it is not called when it went beyond any of them.

use std::time::{Duration, Instant};

use crate::budget::Budget;

/// How many events an analytic may fail on at once. It regains one for every
/// [`ROWS_PER_FAULT`] rows it handles, so that one that fails now and then goes
/// on, and one that fails on everything is found out within a batch.
const FAULTS: f64 = 32.0;

/// How many rows an analytic must handle for each event it fails on.
const ROWS_PER_FAULT: f64 = 100.0;

/// How many calls the search for an event that it fails on may take: as often
/// as a batch can be halved, and some more. One that does not fail on any event
/// alone, but on every batch, is found out by that.
const SEARCHES_PER_FAULT: f64 = 16.0;

/// How long an analytic may take more than its share. A backlog is worked off
/// at full load, and a poisonous event is searched for with several calls.
const BURST: Duration = Duration::from_secs(10);

/// How long an analytic is first left out, and at most. It doubles each time.
const FIRST_BACK_OFF: Duration = Duration::from_secs(30);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(3_600);

/// How patient a shard is with analytics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Nobody else waits, and the same events must give the same findings:
    /// time plays no part, and what fails too often is left out for good.
    Scan,
    /// Others wait: time counts, and what was left out is tried again later.
    Live,
    /// The first fault is one too many.
    Trial,
}

/// Why an analytic is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It failed on too many events.
    Faults,
    /// Too many of its calls failed that it could handle in parts.
    Searches,
    /// Its calls took more than their share of the time.
    Time,
}

impl Cause {
    /// One word for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Faults => "faults",
            Self::Searches => "searches",
            Self::Time => "time",
        }
    }

    /// The same in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Faults => "it failed on too many events",
            Self::Searches => "it failed on too many batches whose events it can handle one by one",
            Self::Time => "its calls took more than their share of the time",
        }
    }
}

/// An analytic is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarantine {
    /// Why.
    pub cause: Cause,
    /// Until when; for good, if absent.
    pub until: Option<Instant>,
    /// The how manieth time this is, without a longer good time in between.
    pub times: u32,
}

/// How an analytic stands.
#[derive(Debug)]
pub(super) struct Standing {
    patience: Patience,
    share: f64,
    /// How many more events it may fail on.
    faults: f64,
    /// How many more calls may fail while such events are searched for.
    searches: f64,
    /// How much more time its calls may take.
    time: Duration,
    /// Up to when time was credited.
    credited: Instant,
    quarantine: Option<Quarantine>,
    /// How often in a row it was in quarantine, and when it was let out last.
    times: u32,
    released: Instant,
    /// Whether it was let out and has not yet shown that it works.
    is_on_probation: bool,
}

impl Standing {
    pub(super) fn new(patience: Patience, budget: &Budget, now: Instant) -> Self {
        Self {
            patience,
            share: f64::from(budget.share) / 100.0,
            faults: faults(patience),
            searches: FAULTS * SEARCHES_PER_FAULT,
            time: BURST,
            credited: now,
            quarantine: None,
            times: 0,
            released: now,
            is_on_probation: false,
        }
    }

    /// Whether it is called. Who was left out long enough is let out, on
    /// probation: one fault, or the time of one call, and it is left out again
    /// for twice as long.
    pub(super) fn is_good(&mut self, now: Instant, budget: &Budget) -> bool {
        let Some(quarantine) = self.quarantine else {
            return true;
        };
        if quarantine.until.is_none_or(|until| now < until) {
            return false;
        }
        self.quarantine = None;
        self.is_on_probation = true;
        (self.faults, self.searches) = (0.0, SEARCHES_PER_FAULT);
        self.time = budget.time + budget.time / 4;
        (self.credited, self.released) = (now, now);
        true
    }

    /// It is not called, or was not lately.
    pub(super) fn quarantine(&self) -> Option<Quarantine> {
        self.quarantine
    }

    /// Lets it out, with everything forgotten.
    pub(super) fn release(&mut self, now: Instant) {
        self.quarantine = None;
        self.is_on_probation = false;
        self.times = 0;
        self.faults = faults(self.patience);
        self.searches = FAULTS * SEARCHES_PER_FAULT;
        self.time = BURST;
        (self.credited, self.released) = (now, now);
    }

    /// Whether it may take only its share of the time.
    pub(super) fn counts_time(&self) -> bool {
        self.patience == Patience::Live && self.share < 1.0
    }

    /// A call took so long, whatever came of it.
    pub(super) fn took(&mut self, time: Duration, now: Instant) {
        if !self.counts_time() {
            return;
        }
        let passed = now.saturating_duration_since(self.credited);
        self.credited = now;
        self.time = (self.time + passed.mul_f64(self.share)).min(BURST);
        match self.time.checked_sub(time) {
            Some(left) => self.time = left,
            None => self.leave_out(Cause::Time, now),
        }
    }

    /// It handled so many rows.
    pub(super) fn handled(&mut self, rows: u64, now: Instant) {
        if self.patience == Patience::Trial {
            return;
        }
        if self.is_on_probation {
            self.is_on_probation = false;
            self.faults = 1.0;
            self.time = BURST / 2;
        }
        let regained = rows as f64 / ROWS_PER_FAULT;
        self.faults = (self.faults + regained).min(FAULTS);
        let searches = self.searches + regained * SEARCHES_PER_FAULT;
        self.searches = searches.min(FAULTS * SEARCHES_PER_FAULT);
        if self.times > 0 && now.saturating_duration_since(self.released) > back_off(self.times) {
            self.times = 0;
        }
    }

    /// It could not handle an event.
    pub(super) fn failed(&mut self, now: Instant) {
        self.faults -= 1.0;
        if self.faults < 0.0 || self.patience == Patience::Trial {
            self.leave_out(Cause::Faults, now);
        }
    }

    /// It could not handle several events at once, which are tried again in
    /// halves. How many calls that takes depends on the batches, so a scan does
    /// not count them.
    pub(super) fn searched(&mut self, now: Instant) {
        if self.patience != Patience::Live {
            return;
        }
        self.searches -= 1.0;
        if self.searches < 0.0 {
            self.leave_out(Cause::Searches, now);
        }
    }

    fn leave_out(&mut self, cause: Cause, now: Instant) {
        self.times = self.times.saturating_add(1);
        self.quarantine = Some(Quarantine {
            cause,
            until: match self.patience {
                Patience::Live => now.checked_add(back_off(self.times)),
                Patience::Scan | Patience::Trial => None,
            },
            times: self.times,
        });
    }
}

/// How many events it may fail on at once.
fn faults(patience: Patience) -> f64 {
    match patience {
        Patience::Trial => 0.0,
        Patience::Scan | Patience::Live => FAULTS,
    }
}

fn back_off(times: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(times.saturating_sub(1).min(16));
    FIRST_BACK_OFF.saturating_mul(doubled).min(LONGEST_BACK_OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(patience: Patience) -> (Standing, Budget, Instant) {
        let (budget, now) = (Budget::default(), Instant::now());
        (Standing::new(patience, &budget, now), budget, now)
    }

    #[test]
    fn one_fault_in_a_hundred_is_borne_and_a_batch_of_them_is_not() {
        let (mut standing, budget, now) = standing(Patience::Scan);
        for _ in 0..1_000 {
            standing.handled(100, now);
            standing.failed(now);
            assert!(standing.is_good(now, &budget));
        }
        let mut borne = 0;
        while standing.is_good(now, &budget) {
            standing.failed(now);
            borne += 1;
        }
        assert_eq!(borne, 32);
        // A scan leaves it out for good.
        assert!(!standing.is_good(now + Duration::from_secs(1 << 20), &budget));
    }

    #[test]
    fn back_off_doubles_until_it_works_again() {
        let (mut standing, budget, mut now) = standing(Patience::Live);
        let mut waits = Vec::new();
        for _ in 0..9 {
            while standing.is_good(now, &budget) {
                standing.failed(now);
            }
            let until = standing.quarantine().unwrap().until.unwrap();
            waits.push((until - now).as_secs());
            now = until;
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        // Working for as long as it was left out clears its name.
        assert!(standing.is_good(now, &budget));
        now += LONGEST_BACK_OFF + Duration::from_secs(1);
        standing.handled(10_000, now);
        for _ in 0..40 {
            standing.failed(now);
        }
        assert_eq!(standing.quarantine().unwrap().times, 1 + 40 - 33);
    }

    #[test]
    fn the_search_for_one_event_in_a_hundred_is_borne_and_a_search_in_every_batch_is_not() {
        let halves = |patience: Patience, rows_of_call: u64| {
            let (mut standing, budget, now) = standing(patience);
            let mut handled = 0;
            while handled < 1_000_000 && standing.is_good(now, &budget) {
                standing.searched(now);
                standing.handled(rows_of_call, now);
                handled += rows_of_call;
            }
            handled
        };
        // Each event in a hundred is found with no more than 13 searches.
        assert!(halves(Patience::Live, 100 / 13) >= 1_000_000);
        // It handles events only one by one.
        assert!(halves(Patience::Live, 1) < 1_000);
        assert!(halves(Patience::Scan, 1) >= 1_000_000);
    }

    #[test]
    fn more_than_its_share_of_time_is_borne_for_a_while() {
        let (mut standing, budget, mut now) = standing(Patience::Live);
        // Its share of the time, for ever.
        for _ in 0..1_000 {
            now += Duration::from_millis(500);
            standing.took(Duration::from_millis(75), now);
            assert!(standing.is_good(now, &budget));
        }
        // All of it.
        let started = now;
        while standing.is_good(now, &budget) {
            now += Duration::from_millis(500);
            standing.took(Duration::from_millis(500), now);
        }
        assert_eq!(standing.quarantine().unwrap().cause, Cause::Time);
        assert_eq!((now - started).as_secs(), 12);
        // On probation it has one call.
        now += FIRST_BACK_OFF;
        assert!(standing.is_good(now, &budget));
        standing.took(Duration::from_secs(2), now);
        assert!(standing.is_good(now, &budget));
        standing.took(Duration::from_secs(1), now);
        assert!(!standing.is_good(now, &budget));
    }
}
