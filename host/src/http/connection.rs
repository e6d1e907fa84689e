//! One connection from its first byte to its last.

use std::{
    convert::Infallible,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{self, pin},
    task::Poll,
};

use axum::{
    Router,
    response::{IntoResponse, Response},
};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    Limits, Site, limits,
    problem::Problem,
    routes::{HTTP, count_refusal},
    steady::Steady,
    stopped,
};

/// The answer to headers that did not arrive in time.
const TOO_SLOW: &str = "the headers took too long";

/// The answer to a connection too many.
const TOO_MANY: &str = "too many connections; try again later";

/// Serves the requests of a connection.
pub(super) async fn serve(stream: TcpStream, site: &Site, router: Router) {
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Steady::new(stream, site.limits.read));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| Box::pin(contained(router.clone(), request)));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // It runs between two requests too.
        .header_read_timeout(site.limits.read)
        .max_headers(limits::HEADERS)
        .max_header_size(limits::HEADER_BYTES)
        .max_buf_size(limits::READ)
        .serve_connection(io, service);
    let mut stop = site.stop.clone();
    let mut is_stopping = false;
    let result = loop {
        tokio::select! {
            result = poll_fn(|context| connection.poll_without_shutdown(context)) => break result,
            () = stopped(&mut stop), if !is_stopping => {
                is_stopping = true;
                pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    if let Err(error) = result {
        if error.is_parse_too_large() {
            count_refusal(site, HTTP, "headers");
        } else if error.is_parse() {
            count_refusal(site, HTTP, "malformed");
        } else if error.is_timeout() && !parts.read_buf.is_empty() {
            // Without a byte of a request it was merely idle.
            count_refusal(site, HTTP, "slow");
            refuse(&mut stream, 408, "Request Timeout", TOO_SLOW).await;
        }
    }
    linger(&mut stream, &site.limits).await;
}

/// Tells a client that there are too many.
pub(super) async fn turn_away(stream: TcpStream, site: &Site) {
    let mut stream = Steady::new(stream, site.limits.linger);
    refuse(&mut stream, 503, "Service Unavailable", TOO_MANY).await;
    linger(&mut stream, &site.limits).await;
}

/// Answers a request. A panic on the way is a defect, which costs this request
/// and not the connections of others.
async fn contained(
    router: TowerToHyperService<Router>,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut answer = pin!(router.call(request));
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
            Ok(answer) => answer,
            Err(_) => {
                tracing::error!("a request's handler panicked");
                Poll::Ready(Ok(Problem::defect().into_response()))
            }
        },
    )
    .await
}

/// Writes an answer where there is no request to answer.
async fn refuse(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    name: &'static str,
    message: &'static str,
) {
    let body = serde_json::json!({
        "error": {"type": "unavailable_shards_exception", "reason": message},
        "status": status,
    })
    .to_string();
    let answer = format!(
        "HTTP/1.1 {status} {name}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         retry-after: 5\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // Who is gone needs no answer.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Closes a connection. Closing it with bytes unread would reset it, and the
/// client might never see its answer.
async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), limits: &Limits) {
    let _ = timeout(limits.linger, async {
        stream.shutdown().await?;
        let mut discarded = [0; 4096];
        while stream.read(&mut discarded).await? > 0 {}
        std::io::Result::Ok(())
    })
    .await;
}
