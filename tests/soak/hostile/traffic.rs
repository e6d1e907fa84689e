//! What streams in meanwhile: ordinary events, and the launches that guests
//! wait for, in an order that can be sent again.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sandtrap_tests::hostile::events::launches;

use crate::{client::Client, generator::Plan, stream::Stream};

/// Events of a body.
const BATCH: u64 = 250;

/// How long a body may wait: as long as a guest may keep the daemon busy.
const LIMIT: Duration = Duration::from_secs(300);

/// A stream of bodies.
pub struct Traffic {
    plan: Plan,
    /// The devices whose launches are to be sent next.
    wanted: Mutex<Option<String>>,
    is_over: AtomicBool,
}

/// What was sent.
#[derive(Debug, Clone)]
pub enum Body {
    /// The next piece of the stream.
    Stream,
    /// Launches on devices of that name.
    Launches(String),
}

impl Traffic {
    pub fn new(seed: u64) -> Self {
        Self {
            plan: Plan {
                seed,
                series: "hostile".to_owned(),
                devices: 20,
                pace: 1,
                serial_every: 10,
                attack_every: 500,
            },
            wanted: Mutex::new(None),
            is_over: AtomicBool::new(false),
        }
    }

    /// Has launches be sent on devices of that name.
    pub fn want(&self, series: &str) {
        *self.lock() = Some(series.to_owned());
    }

    /// Whether the launches that were wanted last are on their way.
    pub fn is_idle(&self) -> bool {
        self.lock().is_none()
    }

    /// No more.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Sends until it is told to stop, and says what.
    pub fn send(&self, sender: &Client) -> anyhow::Result<Vec<Body>> {
        let mut stream = Stream::new(&self.plan, BATCH);
        let mut sent = Vec::new();
        while !self.is_over.load(Ordering::Acquire) {
            let wanted = self.lock().clone();
            let body = wanted.map_or(Body::Stream, Body::Launches);
            deliver(&body, &mut stream, sender)?;
            if let Body::Launches(_) = body {
                *self.lock() = None;
            }
            sent.push(body);
        }
        Ok(sent)
    }

    /// Sends the same again.
    pub fn send_again(&self, bodies: &[Body], sender: &Client) -> anyhow::Result<()> {
        let mut stream = Stream::new(&self.plan, BATCH);
        for body in bodies {
            deliver(body, &mut stream, sender)?;
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn deliver(body: &Body, stream: &mut Stream, sender: &Client) -> anyhow::Result<()> {
    match body {
        Body::Stream => sender.deliver(stream.next_body(), LIMIT)?,
        Body::Launches(series) => sender.deliver(launches(series).as_bytes(), LIMIT)?,
    };
    Ok(())
}
