//! An HTTP server on axum, as its documentation writes one: `axum-hello 127.0.0.1:7000`.

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/echo", post(|body: Bytes| async { body }));
    let addr = std::env::args()
        .nth(1)
        .expect("usage: axum-hello HOST:PORT");
    axum::serve(TcpListener::bind(addr).await?, app).await
}
