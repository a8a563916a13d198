//! An HTTP server on axum, as its documentation writes one: `axum-hello 127.0.0.1:7000`.

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/echo", post(|body: Bytes| async { body }));
    let addr = std::env::args()
        .nth(1)
        .and_then(|addr| addr.parse().ok())
        .expect("usage: axum-hello 127.0.0.1:7000");
    axum::serve(listen(addr)?, app).await
}

/// Others may listen there, too, if they say so. The kernel takes net.core.somaxconn where that is
/// less.
fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind(addr)?;
    socket.listen(65_535)
}
