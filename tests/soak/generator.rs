//! Telemetry of many devices as Sysmon writes it and NXLog forwards it, one
//! event after the other, the same for the same plan.
//!
//! Processes start, connect, write, load and end; now and then an attacker has
//! a dropped program host the PowerShell engine, which one analytic finds by
//! three events, and some launches carry a serial number, which the tally
//! reports.

mod attack;
mod device;
mod guid;
mod line;
mod random;

use self::{attack::Attack, device::Device, line::Clock};

pub use self::random::Random;

/// When the first event happens: 2026-03-05 06:00 UTC, in milliseconds.
const START: i64 = 1_772_690_400_000;

/// What is to be generated.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The same seed gives the same events.
    pub seed: u64,
    /// The name of the series: its devices and serial numbers begin with it.
    pub series: String,
    /// How many devices.
    pub devices: u32,
    /// Milliseconds between two events, on average.
    pub pace: u64,
    /// Every so manieth launch carries a serial number; 0 for none.
    pub serial_every: u64,
    /// Every so manieth event begins an attack; 0 for none.
    pub attack_every: u64,
}

/// Makes events.
pub struct Generator {
    devices: Vec<Device>,
    random: Random,
    clock: Clock,
    plan: Plan,
    counts: Counts,
}

/// What was generated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub events: u64,
    pub launches: u64,
    pub serials: u64,
    pub attacks: u64,
}

impl Generator {
    pub fn new(plan: &Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let devices = (0..plan.devices.max(1))
            .map(|number| Device::new(&plan.series, number, START, &mut random))
            .collect();
        Self {
            devices,
            random,
            clock: Clock::new(START),
            plan: plan.clone(),
            counts: Counts::default(),
        }
    }

    /// Appends the next event as a line.
    pub fn write_event(&mut self, body: &mut Vec<u8>) {
        self.counts.events += 1;
        let step = self.random.below(2 * self.plan.pace + 1);
        self.clock.advance(step as i64);
        let number = self.random.below(self.devices.len() as u64) as usize;
        let Some(device) = self.devices.get_mut(number) else {
            return;
        };
        let every = self.plan.attack_every;
        if every > 0 && self.counts.events.is_multiple_of(every) && device.begin_attack() {
            self.counts.attacks += 1;
        }
        device.write_event(
            &self.clock,
            &mut self.random,
            &self.plan,
            &mut self.counts,
            body,
        );
    }

    /// Appends a launch with the next serial number as a line.
    pub fn write_serial(&mut self, body: &mut Vec<u8>) {
        self.counts.events += 1;
        self.clock.advance(1);
        let number = self.random.below(self.devices.len() as u64) as usize;
        if let Some(device) = self.devices.get_mut(number) {
            device.write_serial(&self.clock, &self.plan, &mut self.counts, body);
        }
    }

    /// A whole attack, cut before the event that completes the chain.
    pub fn attack_in_two(&mut self) -> [Vec<u8>; 2] {
        let mut halves = [Vec::new(), Vec::new()];
        let mut attack = Attack::default();
        let Some(device) = self.devices.first_mut() else {
            return halves;
        };
        let [before, after] = &mut halves;
        for event in 0..Attack::EVENTS {
            self.clock.advance(1_000);
            let half = if event < Attack::ENGINE {
                &mut *before
            } else {
                &mut *after
            };
            attack.write_next(device, &self.clock, &mut self.counts, half);
        }
        halves
    }

    /// What was generated so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate(seed: u64) -> (Vec<u8>, Counts) {
        let mut generator = Generator::new(&Plan {
            seed,
            series: "ws".to_owned(),
            devices: 7,
            pace: 3,
            serial_every: 3,
            attack_every: 100,
        });
        let mut lines = Vec::new();
        for _ in 0..5_000 {
            generator.write_event(&mut lines);
        }
        (lines, generator.counts())
    }

    #[test]
    fn the_same_seed_gives_the_same_events() {
        assert_eq!(generate(1), generate(1));
        assert_ne!(generate(1).0, generate(2).0);
    }

    #[test]
    fn every_line_is_an_event_and_time_ascends() {
        let (lines, counts) = generate(3);
        let text = String::from_utf8(lines).unwrap();
        let mut last = String::new();
        let mut records = std::collections::BTreeSet::new();
        for line in text.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            let time = event["@timestamp"].as_str().unwrap();
            assert!(time >= &*last, "{time} after {last}");
            time.clone_into(&mut last);
            let host = event["Hostname"].as_str().unwrap().to_owned();
            assert!(records.insert((host, event["RecordNumber"].as_u64().unwrap())));
        }
        assert_eq!(text.lines().count() as u64, counts.events);
        assert_eq!(
            text.matches("--serial=ws-").count() as u64,
            counts.serials,
            "a serial number stands in one event"
        );
        assert!(counts.attacks > 10 && counts.launches > 300);
    }
}
