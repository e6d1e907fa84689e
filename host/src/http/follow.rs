//! Findings as they come, for `sandtrap tail`.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::{Bytes, HttpBody};
use hyper::body::Frame;
use tokio::{sync::mpsc, time::timeout};

use super::{Site, api, stopped};

/// Findings read at once.
const BATCH: usize = 64;

/// A body that has no end of its own.
pub(super) struct Following(mpsc::Receiver<Bytes>);

/// Sends the findings after `after`, or else the latest `limit`, and then each
/// new one. A client that does not keep up misses what is no longer recent;
/// the numbers show it.
pub(super) fn follow(site: &Arc<Site>, limit: usize, after: Option<u64>) -> Following {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(send(Arc::clone(site), limit, after, sender));
    Following(receiver)
}

async fn send(site: Arc<Site>, limit: usize, after: Option<u64>, sender: mpsc::Sender<Bytes>) {
    let mut latest = site.control.latest();
    let mut stop = site.stop.clone();
    let mut last = *latest.borrow_and_update();
    let mut entries = match after {
        Some(after) => {
            last = after;
            site.control.findings(BATCH, after.into())
        }
        None => site.control.findings(limit, None),
    };
    loop {
        let text = if let Some((number, _)) = entries.last() {
            last = *number;
            lines(&entries)
        } else {
            let change = async { latest.changed().await.is_ok() };
            tokio::select! {
                () = stopped(&mut stop) => return,
                () = sender.closed() => return,
                change = timeout(site.limits.heartbeat, change) => match change {
                    Ok(true) => Bytes::new(),
                    Ok(false) => return,
                    // Shows whether the client is still there.
                    Err(_) => Bytes::from_static(b"\n"),
                },
            }
        };
        if !text.is_empty() {
            tokio::select! {
                () = stopped(&mut stop) => return,
                sent = sender.send(text) => if sent.is_err() {
                    return;
                },
            }
        }
        latest.borrow_and_update();
        entries = site.control.findings(BATCH, Some(last));
    }
}

fn lines(entries: &[(u64, Arc<[u8]>)]) -> Bytes {
    let mut text = Vec::new();
    for (number, finding) in entries {
        api::write(&mut text, *number, finding);
        text.push(b'\n');
    }
    text.into()
}

impl HttpBody for Following {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}
