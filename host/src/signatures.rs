//! Who signed an image, as far as anyone has said: a process loading its own
//! image, another process of the device loading the file, or the operator's
//! catalogue. Nobody having said is an answer of its own.
//!
//! As with lineage, a batch is taken in whole and then asked about as of its
//! events, and answers do not depend on where a batch began.

mod authenticode;
mod catalogue;
mod chain;
mod device;
mod key;
mod persist;
#[cfg(test)]
mod tests;
mod verdict;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use foldhash::fast;

pub use authenticode::{ExamineError, Examined, examine};
pub use catalogue::{Catalogue, CatalogueEntry, CatalogueError, Scan, ScanOptions};
pub use chain::{RootsError, TrustedRoots};
pub use verdict::State;

use crate::{
    event::Event,
    lineage::AsOf,
    vocabulary::{classes, fields},
};
use device::{Device, Verdict};
use key::{Key, Keys};
use verdict::{fold_case, is_signed_elsewhere, known_signer, state};

/// Signers' names are shared, so many at most. Beyond that sharing begins
/// anew, which costs memory and nothing else.
const SIGNERS: usize = 65_536;

/// How much is remembered. Answers loads of ever new files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLimits {
    /// Most verdicts of a device; a file takes up to three.
    pub per_device: usize,
    /// Most verdicts of all.
    pub verdicts: usize,
}

impl Default for SignatureLimits {
    fn default() -> Self {
        Self {
            per_device: 32_768,
            verdicts: 4_000_000,
        }
    }
}

/// What is held and what had to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignatureStats {
    /// Devices known.
    pub devices: usize,
    /// Verdicts held.
    pub verdicts: usize,
    /// Verdicts forgotten to make room.
    pub evicted: u64,
    /// Devices forgotten to make room.
    pub evicted_devices: u64,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// There is none.
    #[default]
    None,
    /// The process loading its own image.
    SelfLoad,
    /// Another process of the device loading the same file.
    Observed,
    /// The operator's catalogue.
    Catalogue,
}

/// An answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signature<'a> {
    /// What is known.
    pub state: State,
    /// The signer's name; empty where there is none.
    pub signer: &'a str,
    /// Who says so.
    pub source: Source,
}

/// What is asked about. Paths and hashes may be empty.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// The image of a process.
    Process {
        /// All its handles.
        handles: &'a [u64],
        /// Path of its image.
        image: &'a str,
        /// SHA-256 of its image.
        sha256: &'a str,
    },
    /// A file.
    File {
        /// Its path.
        path: &'a str,
        /// Its SHA-256.
        sha256: &'a str,
    },
}

/// What a shard knows of signatures on its devices.
#[derive(Debug, Default)]
pub struct Signatures {
    limits: SignatureLimits,
    catalogue: Arc<Catalogue>,
    devices: HashMap<Arc<str>, Device, fast::RandomState>,
    /// Devices by their last sequence; a place may be out of date, never too
    /// late.
    queue: BTreeMap<u64, Arc<str>>,
    /// Devices forgotten in this batch, each with the sequence from which on
    /// it is not known.
    departed: Vec<(u64, Device)>,
    dirty: Vec<Arc<str>>,
    keys: Keys,
    /// What changed since it was last asked for, if anyone asks at all.
    changed: Option<persist::Changed>,
    signers: HashSet<Arc<str>, fast::RandomState>,
    path: String,
    stats: SignatureStats,
}

impl Signatures {
    /// Nothing seen yet.
    pub fn new(limits: SignatureLimits, catalogue: Arc<Catalogue>) -> Self {
        Self {
            limits,
            catalogue,
            ..Self::default()
        }
    }

    /// Nothing seen yet, what is seen being kept under numbers that are made
    /// with a secret. Only with the same one can it be restored.
    pub fn with_secret(
        limits: SignatureLimits,
        catalogue: Arc<Catalogue>,
        secret: &[u8; 16],
    ) -> Self {
        Self {
            keys: Keys::new(secret),
            ..Self::new(limits, catalogue)
        }
    }

    /// Learns from an event that lineage has taken in.
    pub fn take_in(&mut self, event: &Event) {
        let may_tell = matches!(event.class, classes::MODULE_LOAD | classes::DRIVER_LOAD);
        if !may_tell || event.is_again {
            return;
        }
        let fields = &event.fields;
        let module = fields.text(fields::MODULE_FILE_PATH);
        let state = state(
            fields.number(fields::MODULE_FILE_SIGNATURE_SIGNED),
            fields.text(fields::MODULE_FILE_SIGNATURE_STATUS),
        );
        if module.is_empty() || state == State::Unknown {
            return;
        }
        self.path.clear();
        fold_case(module, &mut self.path);
        if state == State::Unsigned && is_signed_elsewhere(&self.path) {
            return;
        }
        let sha256 = fields.text(fields::MODULE_FILE_HASHES_SHA256);
        let hash = prefix(sha256);
        let signer = known_signer(fields.text(fields::MODULE_FILE_SIGNATURE_SIGNER));
        let image = fields.text(fields::ACTOR_PROCESS_FILE_PATH);
        let actor = event.processes.actor;
        let is_own =
            actor != 0 && image.len() == module.len() && image.eq_ignore_ascii_case(module);

        let device = match self.devices.get_mut(&event.device) {
            Some(device) => device,
            None => {
                self.queue.insert(event.sequence, Arc::clone(&event.device));
                self.stats.devices += 1;
                let tracks = self.changed.is_some();
                self.devices
                    .entry(Arc::clone(&event.device))
                    .or_insert_with(|| Device::new(Arc::clone(&event.device), tracks))
            }
        };
        let (held, was_dirty) = (device.len(), device.is_dirty());
        device.last_sequence = event.sequence;
        if let Some(changed) = &mut self.changed {
            changed.touched(device);
        }
        let keys = [
            Some(Key::Path(&self.path)),
            (hash != 0).then_some(Key::Hash(sha256)),
            is_own.then_some(Key::Process(actor)),
        ];
        for key in keys.into_iter().flatten() {
            self.stats.evicted += device.learn(
                self.keys.number(key),
                (state, signer, hash),
                || shared(&mut self.signers, signer),
                (event.sequence, self.limits.per_device),
            );
        }
        self.stats.verdicts = (self.stats.verdicts + device.len()).saturating_sub(held);
        if !was_dirty && device.is_dirty() {
            self.dirty.push(Arc::clone(&event.device));
        }
        while self.stats.verdicts > self.limits.verdicts && self.forget_device(event.sequence) {}
    }

    /// Ends the batch: forgets how things were earlier in it. Questions as of
    /// its events must have been asked.
    pub fn end_batch(&mut self) {
        self.departed.clear();
        for name in std::mem::take(&mut self.dirty) {
            if let Some(device) = self.devices.get_mut(&name) {
                device.settle();
            }
        }
    }

    /// What is held and what had to be done so far.
    pub fn stats(&self) -> SignatureStats {
        self.stats
    }

    /// What is known of a signature. The process itself counts for more than
    /// others on its device, and those for more than the catalogue.
    pub fn lookup(&self, as_of: &AsOf, target: Target<'_>) -> Signature<'_> {
        let (handles, path, sha256) = match target {
            Target::Process {
                handles,
                image,
                sha256,
            } => (handles, image, sha256),
            Target::File { path, sha256 } => (&[][..], path, sha256),
        };
        let mut folded = String::with_capacity(path.len());
        fold_case(path, &mut folded);
        let sha256 = sha256.to_ascii_lowercase();
        let hash = prefix(&sha256);
        if let Some(device) = self.device(as_of) {
            let at = |key: Key<'_>| device.at(self.keys.number(key), as_of.sequence);
            let itself = handles.iter().find_map(|handle| at(Key::Process(*handle)));
            if let Some(verdict) = itself {
                return answer(verdict, Source::SelfLoad);
            }
            let others = Some(())
                .filter(|()| hash != 0)
                .and_then(|()| at(Key::Hash(&sha256)))
                .or_else(|| {
                    // Another file may have stood there before.
                    at(Key::Path(&folded))
                        .filter(|verdict| hash == 0 || verdict.hash == 0 || verdict.hash == hash)
                });
            if let Some(verdict) = others {
                return answer(verdict, Source::Observed);
            }
        }
        match self.catalogue.lookup(&folded, &sha256) {
            Some(listed) if listed.state != State::Unknown => Signature {
                state: listed.state,
                signer: &listed.signer,
                source: Source::Catalogue,
            },
            _ => Signature::default(),
        }
    }

    fn device(&self, as_of: &AsOf) -> Option<&Device> {
        self.departed
            .iter()
            .find(|(until, device)| as_of.sequence < *until && device.name == as_of.device)
            .map(|(_, device)| device)
            .or_else(|| self.devices.get(&as_of.device))
    }

    /// Forgets the device not heard of for longest, but not the one that the
    /// current event is about.
    fn forget_device(&mut self, sequence: u64) -> bool {
        while let Some((place, name)) = self.queue.pop_first() {
            let Some(device) = self.devices.get(&name) else {
                continue;
            };
            if place < device.last_sequence {
                self.queue.insert(device.last_sequence, name);
                continue;
            }
            if place == sequence {
                self.queue.insert(place, name);
                return false;
            }
            if let Some(device) = self.devices.remove(&name) {
                self.stats.devices = self.stats.devices.saturating_sub(1);
                self.stats.verdicts = self.stats.verdicts.saturating_sub(device.len());
                self.stats.evicted_devices += 1;
                if let Some(changed) = &mut self.changed {
                    changed.forgotten(&device);
                }
                self.departed.push((sequence, device));
            }
            return true;
        }
        false
    }
}

fn answer(verdict: &Verdict, source: Source) -> Signature<'_> {
    Signature {
        state: verdict.state,
        signer: &verdict.signer,
        source,
    }
}

/// The shared copy of a signer's name.
fn shared(signers: &mut HashSet<Arc<str>, fast::RandomState>, signer: &str) -> Arc<str> {
    if let Some(known) = signers.get(signer) {
        return Arc::clone(known);
    }
    if signers.len() >= SIGNERS {
        signers.clear();
    }
    let signer: Arc<str> = Arc::from(signer);
    signers.insert(Arc::clone(&signer));
    signer
}

/// The first half of the digits of a whole SHA-256 that fit a number; 0 if it
/// is none.
fn prefix(sha256: &str) -> u64 {
    match sha256.get(..16) {
        Some(digits) if sha256.len() == 64 => u64::from_str_radix(digits, 16).unwrap_or(0),
        _ => 0,
    }
}
