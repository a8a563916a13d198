//! A connection's task, for runtimes whose streams have the traits of futures-io.

use crate::connection::{Closed, Connection, with_chunk};
use futures_io::{AsyncRead, AsyncWrite};
use protocol::work::{Finished, Work};
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

/// Serves a connection until it is over. What takes time is done by `perform`, and nothing is read
/// meanwhile; the thread's buffer is read into only when bytes have come, so a connection that
/// waits for a request holds none.
///
/// # Errors
/// [`Closed`], always.
pub async fn serve<Stream, Performing>(
    mut stream: Stream,
    mut connection: Connection,
    perform: impl Fn(Work) -> Performing,
) -> Result<(), Closed>
where
    Stream: AsyncRead + AsyncWrite + Unpin,
    Performing: Future<Output = io::Result<Finished>>,
{
    loop {
        let work = poll_fn(|cx| {
            with_chunk(|chunk| {
                let received_bytes = ready!(Pin::new(&mut stream).poll_read(cx, chunk.space()))?;
                let send = |reply: &[u8]| try_write(&mut stream, cx, reply);
                connection.answer(chunk, received_bytes, send).into()
            })
        })
        .await?;
        if let Some(work) = work {
            let send = |reply: &[u8]| {
                // Nobody is to be woken: what the kernel doesn't take is sent below.
                let mut cx = Context::from_waker(Waker::noop());
                try_write(&mut stream, &mut cx, reply)
            };
            // Boxed, so that a task that waits for a request has no room for sleeps and joins.
            Box::pin(connection.work_off(work, &perform, send)).await?;
        }
        if !connection.unsent().is_empty() {
            poll_fn(|cx| send_unsent(&mut stream, &mut connection, cx)).await?;
        }
    }
}

fn send_unsent(
    stream: &mut (impl AsyncWrite + Unpin),
    connection: &mut Connection,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Closed>> {
    connection.resend(|reply| try_write(stream, cx, reply))?;
    if connection.unsent().is_empty() {
        Poll::Ready(Ok(()))
    } else {
        Poll::Pending
    }
}

#[inline(always)]
fn try_write(
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
    reply: &[u8],
) -> io::Result<usize> {
    match Pin::new(stream).poll_write(cx, reply) {
        Poll::Ready(sent) => sent,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
