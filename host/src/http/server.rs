//! Takes connections in, not more of them than there may be.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{
    Control, Limits, Site, Tokens, connection,
    routes::{self, HTTP, count_refusal},
    stopped,
};
use crate::{config::Http, daemon::board::SharedBoard, ingest::Gate, metrics::Metrics};

/// How many clients at once are told that there are too many. Those beyond
/// are closed without a word.
const TURNED_AWAY: usize = 64;

/// How long nothing is accepted after the system could not: it ran out of
/// file descriptors or memory, and would say so again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The server while it runs. Dropping it ends it at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Binds the address and serves it.
    pub async fn start(
        config: &Http,
        tokens: Tokens,
        gate: Gate,
        metrics: Metrics,
        board: SharedBoard,
        control: Arc<dyn Control>,
    ) -> io::Result<Self> {
        if !config.plaintext && !config.listen.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "{} is not loopback and the server speaks plain HTTP; set \
                     http.plaintext = true if something in front of it ends TLS",
                    config.listen
                ),
            ));
        }
        let limits = Limits::new(config, gate.size());
        Self::with_limits(config.listen, limits, tokens, gate, metrics, board, control).await
    }

    /// The same with any limits.
    pub(super) async fn with_limits(
        listen: SocketAddr,
        limits: Limits,
        tokens: Tokens,
        gate: Gate,
        metrics: Metrics,
        board: SharedBoard,
        control: Arc<dyn Control>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let site = Arc::new(Site {
            address,
            limits,
            tokens,
            gate,
            registry: metrics.registry(),
            metrics,
            board,
            control,
            stop: stopping,
        });
        let task = tokio::spawn(run(listener, site));
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and waits so long for requests under way.
    pub async fn stop(mut self, limit: Duration) {
        self.stop.send_replace(true);
        // What is left after that ends with the drop.
        let _ = timeout(limit, &mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(listener: TcpListener, site: Arc<Site>) {
    let router = routes::router(Arc::clone(&site));
    let connections = Arc::new(Semaphore::new(
        site.limits.connections.min(Semaphore::MAX_PERMITS),
    ));
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
    let mut stop = site.stop.clone();
    // Its tasks end with it.
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    admit(stream, &site, &router, &connections, &turned_away, &mut tasks);
                }
                Err(error) if is_of_connection(&error) => {}
                Err(error) => {
                    count_refusal(&site, HTTP, "accept");
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

fn admit(
    stream: TcpStream,
    site: &Arc<Site>,
    router: &Router,
    connections: &Arc<Semaphore>,
    turned_away: &Arc<Semaphore>,
    tasks: &mut JoinSet<()>,
) {
    let site = Arc::clone(site);
    if let Ok(permit) = Arc::clone(connections).try_acquire_owned() {
        let router = router.clone();
        tasks.spawn(async move {
            connection::serve(stream, &site, router).await;
            drop(permit);
        });
        return;
    }
    count_refusal(&site, HTTP, "connections");
    if let Ok(permit) = Arc::clone(turned_away).try_acquire_owned() {
        tasks.spawn(async move {
            connection::turn_away(stream, &site).await;
            drop(permit);
        });
    }
}

/// Whether only the connection that was to be accepted is at fault.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
