//! How models on tokio relay.
//!
//! A task for each client has a connection of its own to the backend, and two halves, which go on at
//! once: one passes on what comes from the client, the other what comes from the backend. On which
//! runtime it runs is the model's choice.
//!
//! What `tokio::io::copy_bidirectional` does, with one difference: it would keep two buffers of 8 KiB
//! for each client. Here the buffer is the thread's, as where requests are answered, and only what one
//! side doesn't take at once is copied. Until that has gone nothing is read from the other side.

#![forbid(unsafe_code)]

use model_kit::{Connection, Side, with_chunk};
use std::{future::poll_fn, io, net::SocketAddr, pin::Pin, task::ready};
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
};

/// Relays for one client: connects to the backend, then passes bytes until both directions have ended, or a side has failed.
pub async fn serve(mut client: TcpStream, connection: Connection, backend: SocketAddr) {
    let passed = match connect(backend).await {
        Ok(mut backend) => {
            let (from_client, to_client) = client.split();
            let (from_backend, to_backend) = backend.split();
            let there = pass(&connection, Side::Client, from_client, to_backend);
            let back = pass(&connection, Side::Backend, from_backend, to_client);
            tokio::try_join!(there, back).map(drop)
        }
        Err(_) => Err(Side::Backend),
    };
    if passed == Err(Side::Backend) {
        connection.backend_failed();
    }
}

async fn connect(backend: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(backend).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Passes on what comes from a side, up to its end, and then that.
///
/// # Errors
/// The side that has failed.
async fn pass(
    connection: &Connection,
    side: Side,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
) -> Result<(), Side> {
    loop {
        let (received_bytes, unsent) = poll_fn(|cx| {
            with_chunk(|chunk| {
                let mut space = ReadBuf::new(chunk.space());
                let read = ready!(Pin::new(&mut from).poll_read(cx, &mut space));
                read.map_err(|_| side)?;
                if side == Side::Client {
                    connection.received(space.filled().len(), 0);
                }
                let unsent = send(&to, space.filled()).map_err(|_| side.other())?;
                Ok((space.filled().len(), unsent)).into()
            })
        })
        .await?;
        if received_bytes == 0 {
            return to.shutdown().await.map_err(|_| side.other());
        }
        if !unsent.is_empty() {
            to.write_all(&unsent).await.map_err(|_| side.other())?;
        }
        if side == Side::Backend {
            connection.sent(received_bytes);
        }
    }
}

/// Sends without waiting; what is left comes back.
fn send(to: &WriteHalf<'_>, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let sent_bytes = match to.try_write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        sent => sent?,
    };
    Ok(bytes[sent_bytes..].to_vec())
}
