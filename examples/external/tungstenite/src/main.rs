//! A WebSocket echo on tokio-tungstenite, as its own example writes one:
//! `tungstenite-echo 127.0.0.1:7000`.

use futures_util::{SinkExt as _, StreamExt as _};
use std::{net::SocketAddr, time::Duration};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::{accept_async, tungstenite::Result};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let addr = std::env::args()
        .nth(1)
        .and_then(|addr| addr.parse().ok())
        .expect("usage: tungstenite-echo 127.0.0.1:7000");
    let listener = listen(addr)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(echo(stream))),
            // Out of file descriptors, for example: those who wait are served later.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Others may listen there, too, if they say so. The kernel takes net.core.somaxconn where that is
/// less.
fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind(addr)?;
    socket.listen(65_535)
}

async fn echo(stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
