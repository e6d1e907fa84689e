//! Lines of JSON over TCP, a Unix socket and standard input.
//!
//! Nothing on these wires acknowledges. A sender is held back by not reading,
//! and what was read when the daemon ends in between is lost: where that
//! matters, HTTP or files are the way in.

mod connection;
pub(crate) mod cut;
mod listen;

use std::{
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    net::TcpListener,
    runtime::Handle,
};

use super::feed::{Feed, Running};
use connection::{Connection, Ending, Shared};

/// Most connections of a listener at once. Who comes then waits in the system's
/// queue.
const MAX_CONNECTIONS: usize = 1_024;

/// How long a connection may be silent, and a line longer than the buffer may
/// take. Answers clients that hold connections and never send.
const IDLE: Duration = Duration::from_secs(600);

/// What is read at once, and all that a connection keeps of an unfinished line
/// that is not exceptionally long.
const BUFFER: usize = 64 * 1024;

/// Why a listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address can be reached from other machines.
    #[error(
        "{0} can be reached from other machines, and whoever reaches it can send events \
         unencrypted and unauthenticated; set `plaintext = true` if that is meant"
    )]
    NotLoopback(SocketAddr),
    /// Another process serves the socket.
    #[error("another process listens at {}", .0.display())]
    InUse(PathBuf),
    /// There is something else under the socket's name.
    #[error("{} is there and no socket; move it away or choose another path", .0.display())]
    NotASocket(PathBuf),
    /// The system refuses.
    #[error("cannot listen at {address}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
}

impl ListenError {
    fn listen(address: impl ToString) -> impl FnOnce(io::Error) -> Self {
        let address = address.to_string();
        |source| Self::Listen { address, source }
    }
}

/// Listens on TCP. Returns the address too, for where the port was left open.
pub async fn tcp(
    listen: SocketAddr,
    plaintext: bool,
    feed: Feed,
) -> Result<(Running, SocketAddr), ListenError> {
    if !plaintext && !listen.ip().is_loopback() {
        return Err(ListenError::NotLoopback(listen));
    }
    let error = ListenError::listen(listen);
    let bound = async {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    let (listener, address) = bound.await.map_err(error)?;
    let (running, stop) = Running::new();
    tokio::spawn(listen::accept(listener, Shared::new(feed), stop));
    Ok((running, address))
}

/// Listens on a Unix socket that its owner and group may write to. A socket
/// that a killed process left is replaced.
#[cfg(unix)]
pub fn unix(path: &Path, feed: Feed) -> Result<Running, ListenError> {
    let socket = listen::Socket::bind(path)?;
    let (running, stop) = Running::new();
    tokio::spawn(listen::accept(socket, Shared::new(feed), stop));
    Ok(running)
}

/// There are none on this system.
#[cfg(not(unix))]
pub fn unix(path: &Path, _: Feed) -> Result<Running, ListenError> {
    let error = ListenError::listen(path.display());
    Err(error(io::ErrorKind::Unsupported.into()))
}

/// Reads standard input, or whatever stands for it, to its end. Must be called
/// within a runtime.
pub fn stdin(input: impl Read + Send + 'static, feed: Feed) -> io::Result<Running> {
    let (reader, writer) = tokio::io::duplex(BUFFER);
    let runtime = Handle::current();
    // A thread of its own, as nothing can interrupt a read of a terminal or
    // pipe; it is not waited for.
    std::thread::Builder::new()
        .name("sandtrap-stdin".to_owned())
        .spawn(move || copy(input, writer, &runtime))?;
    let (running, stop) = Running::new();
    let shared = Shared::new(feed);
    tokio::spawn(async move {
        shared.feed.state("reading");
        let connection = Connection::new(reader, Arc::from("stdin"), Arc::clone(&shared), stop);
        match connection.serve(None).await {
            Ending::Over => shared.feed.state("finished"),
            Ending::Broken(reason) => {
                shared.feed.error(Some(reason));
                shared.feed.state("finished");
            }
            Ending::Stopped => shared.feed.state("stopped"),
        }
    });
    Ok(running)
}

fn copy(mut input: impl Read, mut writer: DuplexStream, runtime: &Handle) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let bytes = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::error!("standard input cannot be read further: {error}");
                break;
            }
        };
        if runtime.block_on(writer.write_all(bytes)).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests;
