//! A client for one connection: blocking, with a limit on every wait.
//!
//! It knows no frames. A case says which bytes go out and which have to come back, and its
//! errors say at which byte the connection did something else.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use process::interrupt;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt,
};
use socket2::{Domain, Socket, Type};
use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take for anything that it should do at once: generous, because a slow
/// machine is no fault.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// How often a wait looks whether the user wants to stop.
const LOOK_UP: Duration = Duration::from_millis(50);

const READ_BYTES: usize = 64 << 10;

/// An open connection.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(super) fn connect(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE)
            .with_context(|| format!("can't connect to {addr}"))?;
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Result<Self> {
        // Each write is to leave as a segment of its own.
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK_UP))?;
        stream.set_write_timeout(Some(LOOK_UP))?;
        Ok(Self { stream })
    }

    /// Of which the server's kernel takes some tens of kilobytes, and no more before they are read:
    /// how much it takes follows from how large segments are, and what the client's takes.
    pub(super) fn connect_narrow(addr: SocketAddr) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        socket.set_tcp_mss(536)?;
        socket.set_recv_buffer_size(2 << 10)?;
        let connected = socket.connect_timeout(&addr.into(), PATIENCE);
        connected.with_context(|| format!("can't connect to {addr}"))?;
        Self::over(socket.into())
    }

    /// The server's end of it, and ours.
    pub(super) fn ends(&self) -> Result<(SocketAddr, SocketAddr)> {
        Ok((self.stream.peer_addr()?, self.stream.local_addr()?))
    }

    /// Makes the kernel hold little of what is sent and of what isn't read, so that a server
    /// meets a client that doesn't read soon, whatever the machine's defaults.
    pub(super) fn with_small_buffers(self) -> Result<Self> {
        sockopt::set_socket_recv_buffer_size(&self.stream, 64 << 10)?;
        sockopt::set_socket_send_buffer_size(&self.stream, 64 << 10)?;
        Ok(self)
    }

    /// Sends all of it.
    pub(super) fn send(&self, bytes: &[u8]) -> Result<()> {
        let sent = self.send_some(bytes, PATIENCE)?;
        ensure!(
            sent == bytes.len(),
            "the server took only {sent} of {} bytes and nothing for {PATIENCE:?}",
            bytes.len()
        );
        Ok(())
    }

    /// Sends until nothing has gone for `stuck_after`; says how many bytes went.
    pub(super) fn send_some(&self, bytes: &[u8], stuck_after: Duration) -> Result<usize> {
        let mut sent = 0;
        let mut deadline = Instant::now() + stuck_after;
        while sent < bytes.len() {
            let rest = &bytes[sent..];
            let attempt = before(deadline, || (&self.stream).write(rest)).with_context(|| {
                format!(
                    "the connection failed after {sent} of {} bytes were sent",
                    bytes.len()
                )
            })?;
            let Some(more) = attempt else {
                break;
            };
            sent += more;
            deadline = Instant::now() + stuck_after;
        }
        Ok(sent)
    }

    /// Reads exactly these bytes.
    pub(super) fn expect(&self, expected: &[u8]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let length = expected.len();
        let mut buffer = vec![0; length.min(READ_BYTES)];
        let mut at = 0;
        while at < length {
            let room = buffer.len().min(length - at);
            let received = match self.receive(&mut buffer[..room], deadline)? {
                Came::Bytes(received) => received,
                Came::End => bail!("the connection was closed after {at} of {length} bytes"),
                Came::Reset => bail!("the connection was reset after {at} of {length} bytes"),
                Came::Nothing => bail!("only {at} of {length} bytes came within {PATIENCE:?}"),
            };
            let (came, wanted) = (&buffer[..received], &expected[at..at + received]);
            // Compared at once first: byte by byte is slow in a debug build of the runner.
            if came != wanted {
                let differing = came.iter().zip(wanted).position(|(a, b)| a != b);
                let i = differing.unwrap_or_default();
                bail!(
                    "byte {} of {length} is {:#04x} instead of {:#04x}",
                    at + i,
                    came[i],
                    wanted[i]
                );
            }
            at += received;
        }
        Ok(())
    }

    /// Reads exactly these messages.
    pub(super) fn expect_all(&self, messages: &[Vec<u8>]) -> Result<()> {
        for (i, message) in messages.iter().enumerate() {
            self.expect(message)
                .with_context(|| format!("reply {} of {}", i + 1, messages.len()))?;
        }
        Ok(())
    }

    /// A small request and its reply.
    pub(super) fn round_trip(&self, message: &[u8]) -> Result<()> {
        self.send(message)?;
        self.expect(message)
    }

    /// Sends while reading the replies: neither side's buffers have to hold everything.
    pub(super) fn exchange(&self, sent: &[u8], replies: &[Vec<u8>]) -> Result<()> {
        self.reading(replies, || self.send(sent))
    }

    /// The same, and then nothing more: the sending side is closed as soon as all is sent, and
    /// the end has to follow the last reply.
    pub(super) fn exchange_and_end(&self, sent: &[u8], replies: &[Vec<u8>]) -> Result<()> {
        self.reading(replies, || {
            self.send(sent)?;
            self.half_close()
        })?;
        let ended = self.expect_end();
        ended.context("the client has closed its sending side and got its last reply")
    }

    fn reading(&self, replies: &[Vec<u8>], send: impl FnOnce() -> Result<()> + Send) -> Result<()> {
        thread::scope(|scope| {
            let sender = thread::Builder::new().spawn_scoped(scope, send)?;
            let read = self.expect_all(replies);
            if read.is_err() {
                // Nobody reads any more: the sender would only wait.
                let _ = self.stream.shutdown(Shutdown::Both);
            }
            let sent = sender.join();
            read?;
            sent.map_err(|_| anyhow!("the sending thread panicked"))?
        })
    }

    /// Closes the sending side.
    pub(super) fn half_close(&self) -> Result<()> {
        let closed = self.stream.shutdown(Shutdown::Write);
        closed.context("the connection was gone before its sending side could be closed")
    }

    /// Closes the sending side and waits for the other to be closed, with nothing in between.
    pub(super) fn finish(self) -> Result<()> {
        self.half_close()?;
        let ended = self.expect_end();
        ended.context("the client has closed its sending side after the last reply")
    }

    /// The next thing has to be the end of the stream: no byte, and no reset either, which
    /// could have destroyed replies on their way.
    pub(super) fn expect_end(&self) -> Result<()> {
        self.expect_over(false)
    }

    /// The next thing has to be the end of the connection, orderly or not, but no byte.
    pub(super) fn expect_closed(&self) -> Result<()> {
        self.expect_over(true)
    }

    /// Whether nothing has come that wasn't read yet.
    pub(super) fn is_silent(&self) -> Result<bool> {
        let mut fds = [PollFd::new(self, PollFlags::IN)];
        Ok(poll(&mut fds, Some(&Timespec::default()))? == 0)
    }

    /// The connection has to be closed, whatever comes before that.
    pub(super) fn expect_closed_after_anything(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match self.receive(&mut buffer, deadline)? {
                Came::Bytes(_) => {}
                Came::End | Came::Reset => return Ok(()),
                Came::Nothing => bail!("the connection was not closed within {PATIENCE:?}"),
            }
        }
    }

    /// The stream has to end in order, however much comes before that: it says how many bytes.
    pub(super) fn expect_end_after_anything(&self) -> Result<u64> {
        let (mut buffer, mut bytes) = (vec![0; READ_BYTES], 0);
        loop {
            match self.receive(&mut buffer, Instant::now() + PATIENCE)? {
                Came::Bytes(received) => bytes += received as u64,
                Came::End => return Ok(bytes),
                Came::Reset => bail!("the connection was reset after {bytes} bytes"),
                Came::Nothing => bail!("nothing came after {bytes} bytes for {PATIENCE:?}"),
            }
        }
    }

    fn expect_over(&self, may_be_reset: bool) -> Result<()> {
        let mut buffer = [0; 16];
        match self.receive(&mut buffer, Instant::now() + PATIENCE)? {
            Came::End => Ok(()),
            Came::Reset if may_be_reset => Ok(()),
            Came::Bytes(received) => bail!(
                "the connection should have been closed, but more came: {:02x?}",
                &buffer[..received]
            ),
            Came::Nothing => bail!("the connection was not closed within {PATIENCE:?}"),
            Came::Reset => bail!("the connection was reset instead of closed"),
        }
    }

    /// Closes the connection with a reset instead of an orderly end.
    pub(super) fn reset(self) -> Result<()> {
        // To linger for no time at all is how tcp(7) is asked for a reset.
        Ok(sockopt::set_socket_linger(
            &self.stream,
            Some(Duration::ZERO),
        )?)
    }

    /// What comes next, until the deadline.
    fn receive(&self, buffer: &mut [u8], deadline: Instant) -> Result<Came> {
        // A server that sends for ever, or a byte at a time, mustn't be read from for ever.
        if Instant::now() >= deadline {
            return Ok(Came::Nothing);
        }
        match before(deadline, || (&self.stream).read(buffer)) {
            Ok(Some(0)) => Ok(Came::End),
            Ok(Some(received)) => Ok(Came::Bytes(received)),
            Ok(None) => Ok(Came::Nothing),
            Err(error) => match error.downcast_ref::<io::Error>().map(io::Error::kind) {
                Some(io::ErrorKind::ConnectionReset) => Ok(Came::Reset),
                _ => Err(error.context("the connection failed")),
            },
        }
    }
}

/// What a connection brings.
enum Came {
    Bytes(usize),
    End,
    Reset,
    Nothing,
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Repeats what ends by itself after [`LOOK_UP`]; `None` when the deadline has passed.
fn before(
    deadline: Instant,
    mut attempt: impl FnMut() -> io::Result<usize>,
) -> Result<Option<usize>> {
    loop {
        match attempt() {
            Ok(n) => return Ok(Some(n)),
            Err(error) => match error.kind() {
                _ if interrupt::asked() => bail!("interrupted"),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    if Instant::now() < deadline => {}
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Ok(None),
                io::ErrorKind::Interrupted => {}
                _ => return Err(error.into()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A client, and a peer that sends these bytes and closes.
    fn against(bytes: &'static [u8]) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(bytes).unwrap();
        client
    }

    fn text(result: Result<()>) -> String {
        format!("{:#}", result.unwrap_err())
    }

    #[test]
    fn what_differs_is_named() {
        assert!(against(b"abc").expect(b"abc").is_ok());
        assert_eq!(
            text(against(b"abc").expect(b"abd")),
            "byte 2 of 3 is 0x63 instead of 0x64"
        );
        assert_eq!(
            text(against(b"abc").expect_all(&[b"ab".to_vec(), b"cd".to_vec()])),
            "reply 2 of 2: the connection was closed after 1 of 2 bytes"
        );
    }

    #[test]
    fn more_than_expected_is_no_end() {
        let client = against(b"abc");
        client.expect(b"ab").unwrap();
        assert_eq!(
            text(client.expect_end()),
            "the connection should have been closed, but more came: [63]"
        );
    }
}
