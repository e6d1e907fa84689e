//! Waiting that ends: when it happened, after a limit, or on Ctrl-C.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(5);

/// From now on Ctrl-C and SIGTERM end the scenario in an orderly way, which
/// takes all its processes along; the second one ends this program at once.
pub fn watch_signals() {
    let watch = async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        loop {
            tokio::select! {
                pressed = tokio::signal::ctrl_c() => pressed?,
                _ = terminate.recv() => {}
            }
            if INTERRUPTED.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        }
    };
    thread::spawn(move || {
        let ended: std::io::Result<()> = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .and_then(|runtime| runtime.block_on(watch));
        if let Err(error) = ended {
            eprintln!("Ctrl-C will not end the daemon: {error}");
        }
    });
}

/// Fails once someone wants this to end.
pub fn check() -> anyhow::Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) {
        bail!("interrupted");
    }
    Ok(())
}

/// Waits until `look` sees it.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        check()?;
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if started.elapsed() > limit {
            bail!("waited {} s for {what}", limit.as_secs());
        }
        thread::sleep(PAUSE);
    }
}

/// Sleeps, unless someone wants this to end.
pub fn pause(time: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + time;
    loop {
        check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(Duration::from_millis(50)));
    }
}
