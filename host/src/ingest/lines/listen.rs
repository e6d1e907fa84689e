//! Takes connections.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::AsyncRead,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::{
    IDLE, MAX_CONNECTIONS,
    connection::{Connection, Ending, Shared},
};
use crate::ingest::{Stopping, feed::Stop};

/// How long to wait when the system gives no connection, such as when there
/// are too many open files.
const PAUSE: Duration = Duration::from_millis(500);

/// Where connections come from.
pub(super) trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + Unpin + Send;

    /// The next connection and how its input is called.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Arc<str>)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<(TcpStream, Arc<str>)> {
        let (stream, peer) = self.accept().await?;
        // The port would make every connection an input of its own.
        let input = format!("tcp:{}", peer.ip().to_canonical());
        Ok((stream, Arc::from(input)))
    }
}

/// Takes connections until it is to stop.
pub(super) async fn accept(listener: impl Listener, shared: Arc<Shared>, mut stop: Stop) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        shared.feed.state(match places.available_permits() {
            0 => "listening; no more connections are taken until one ends",
            _ => "listening",
        });
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.next().await)
        };
        match stop.or(next).await {
            Err(Stopping) => break,
            Ok((place, Ok((stream, input)))) => {
                let connection = Connection::new(stream, input, Arc::clone(&shared), stop.clone());
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Ending::Broken(reason) = connection.serve(Some(IDLE)).await {
                        let name = &shared.feed.name;
                        tracing::info!(source = %name, "a connection was given up: {reason}");
                    }
                    drop(place);
                });
            }
            Ok((_, Err(error))) => {
                let error = format!("no connection can be taken: {error}");
                shared.feed.error(Some(error));
                if stop.or(tokio::time::sleep(PAUSE)).await.is_err() {
                    break;
                }
                continue;
            }
        }
        shared.feed.error(None);
    }
    shared.feed.state("stopped");
}

#[cfg(unix)]
pub(super) use socket::Socket;

#[cfg(unix)]
mod socket {
    use std::{
        fs,
        io::ErrorKind,
        os::unix::{
            fs::{FileTypeExt, PermissionsExt},
            net::UnixStream as Probe,
        },
        path::{Path, PathBuf},
    };

    use tokio::net::{UnixListener, UnixStream};

    use super::{Arc, Listener, io};
    use crate::ingest::lines::ListenError;

    /// A Unix socket, removed when it is no longer listened at.
    pub(in super::super) struct Socket {
        listener: UnixListener,
        path: PathBuf,
    }

    impl Socket {
        /// Makes the socket, in the place of one that nobody serves any more.
        pub(in super::super) fn bind(path: &Path) -> Result<Self, ListenError> {
            if let Ok(found) = fs::symlink_metadata(path) {
                if !found.file_type().is_socket() {
                    return Err(ListenError::NotASocket(path.to_owned()));
                }
                match Probe::connect(path) {
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    _ => return Err(ListenError::InUse(path.to_owned())),
                }
                // Whatever is wrong with it shows when binding.
                let _ = fs::remove_file(path);
            }
            let bound = || {
                let listener = UnixListener::bind(path)?;
                fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
                Ok(listener)
            };
            let listener = bound().map_err(ListenError::listen(path.display()))?;
            Ok(Self {
                listener,
                path: path.to_owned(),
            })
        }
    }

    impl Listener for Socket {
        type Stream = UnixStream;

        async fn next(&self) -> io::Result<(UnixStream, Arc<str>)> {
            let (stream, _) = self.listener.accept().await?;
            Ok((stream, Arc::from("unix")))
        }
    }

    impl Drop for Socket {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
