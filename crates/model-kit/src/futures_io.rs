//! A connection's task, for runtimes whose streams have the traits of futures-io.

use crate::connection::{Closed, Connection, with_chunk};
use futures_io::{AsyncRead, AsyncWrite};
use protocol::work::{Finished, Work};
use std::{
    future::poll_fn,
    io, mem,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

/// Serves a connection until it is over. What takes time is done by `perform`, and nothing is read
/// meanwhile; the thread's buffer is read into only when bytes have come, so a connection that
/// waits for a request holds none.
///
/// `poll_readable` is asked when a read has brought less than it might have: a runtime that can tell
/// when more has come spares a read that would find nothing. A read that fills the buffer is followed
/// by others' turns, because a runtime doesn't interrupt a task that always finds something to read.
///
/// # Errors
/// [`Closed`], always.
pub async fn serve<Stream, Performing>(
    mut stream: Stream,
    mut connection: Connection,
    poll_readable: impl Fn(&Stream, &mut Context<'_>) -> Poll<io::Result<()>>,
    perform: impl Fn(Work) -> Performing,
) -> Result<(), Closed>
where
    Stream: AsyncRead + AsyncWrite + Unpin,
    Performing: Future<Output = io::Result<Finished>>,
{
    let mut more_is_likely = false;
    loop {
        if mem::take(&mut more_is_likely) {
            yield_once().await;
        } else {
            poll_fn(|cx| poll_readable(&stream, cx)).await?;
        }
        let work = poll_fn(|cx| {
            with_chunk(|chunk| {
                let space = chunk.space();
                let space_bytes = space.len();
                let received_bytes = ready!(Pin::new(&mut stream).poll_read(cx, space))?;
                more_is_likely = received_bytes == space_bytes;
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

/// For runtimes that can't tell: a read finds out.
pub fn perhaps_readable<Stream>(_: &Stream, _: &mut Context<'_>) -> Poll<io::Result<()>> {
    Poll::Ready(Ok(()))
}

/// Lets the tasks run that are ready now.
async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
