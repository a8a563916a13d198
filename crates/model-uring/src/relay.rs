//! Relaying: a client's socket and one to the backend, in a ring of requests.
//!
//! What comes on one is sent on the other from the provided buffer where it lies. Such a send doesn't
//! wait, so it is done with its turn. What the other side doesn't take is copied, and sent by a request
//! that waits for room; until then the kernel is told to receive no more from this side. What comes
//! before it heeds that is kept as well.

use io_uring::{opcode, squeue, types::Fd};
use model_kit::{Connection, Server, Side, connect};
use rings::{
    About, Batch, Buffers, Completion, Door, Echo, GROUP, Ring, close, send_at_once, send_when_room,
};
use rustix::{
    event::PollFlags,
    io::Errno,
    net::{Shutdown, shutdown},
};
use slab::Slab;
use std::{
    io, mem,
    net::SocketAddr,
    os::fd::{AsRawFd as _, OwnedFd},
};

/// As where requests are answered.
const BUFFERS: usize = 1024;

const BUFFER_BYTES: usize = 16 << 10;

pub(crate) fn serve(server: &Server, backend: SocketAddr) -> io::Result<()> {
    let door = Door::new(server, true)?;
    let ring = Ring::new(Batch::Many)?;
    let buffers = Buffers::register(&ring, BUFFER_BYTES)?;
    let mut turns = Loop {
        server,
        backend,
        door,
        ring,
        buffers,
        open: Slab::new(),
        parts: Vec::new(),
        turn: 1,
        follows: Vec::new(),
    };
    turns.door.accept(&mut turns.ring)?;
    server.ready()?;
    turns.run()
}

struct Loop<'a> {
    server: &'a Server,
    backend: SocketAddr,
    door: Door,
    ring: Ring,
    buffers: Buffers<BUFFERS>,
    open: Slab<Pair>,
    /// What goes with this turn, from where it lies, by the key of the side that it goes to: one part for
    /// each, or a second might overtake what is left of the first.
    parts: Vec<Echo>,
    /// Its number.
    turn: u64,
    /// Sides for which something follows when this turn has been handed in.
    follows: Vec<usize>,
}

struct Pair {
    connection: Connection,
    /// By [`Side`].
    ends: [End; 2],
    /// A side has failed, or both directions have ended: the last completions are waited for.
    is_over: bool,
}

struct End {
    fd: OwnedFd,
    /// The kernel will tell of bytes that come from it, or that it is connected.
    receiving: bool,
    has_ended: bool,
    /// It has been told of the other's end.
    is_told: bool,
    /// The turn that a part was last sent to it with.
    part_in: u64,
    /// What the kernel sends to it as soon as there is room.
    sending: Vec<u8>,
    /// What comes after that.
    behind: Vec<u8>,
}

impl End {
    fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            receiving: false,
            has_ended: false,
            is_told: false,
            part_in: 0,
            sending: Vec::new(),
            behind: Vec::new(),
        }
    }

    fn has_unsent(&self) -> bool {
        !self.sending.is_empty() || !self.behind.is_empty()
    }
}

impl Loop<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut completions = Vec::new();
        while !self.door.is_shut() || !self.open.is_empty() {
            let awaited = usize::from(self.follows.is_empty());
            self.ring.turn(awaited, &mut completions)?;
            self.handed_in(&completions)?;
            for completion in completions.drain(..) {
                let (about, key) = completion.about();
                match about {
                    About::Accept => self.accepted(&completion)?,
                    About::PauseOver => self.door.accept(&mut self.ring)?,
                    About::WaitOver => self.connected(key)?,
                    About::Receive => self.received(key, &completion)?,
                    About::Send => self.sent(key, &completion)?,
                    About::Echo | About::Nothing => {}
                }
            }
        }
        Ok(())
    }

    /// What the kernel hasn't taken it has told, so all else has been sent.
    fn handed_in(&mut self, done: &[Completion]) -> io::Result<()> {
        self.turn += 1;
        let mut parts = mem::take(&mut self.parts);
        for completion in done {
            let (About::Echo, key) = completion.about() else {
                continue;
            };
            let part = parts.iter().find(|part| part.key == key);
            if let Some(part) = part
                && self.open.contains(Side::of_key(key).0)
            {
                self.not_taken(key, completion, part.reply())?;
            }
        }
        self.buffers
            .give_back(parts.drain(..).map(|part| part.buffer));
        self.parts = parts;
        for key in mem::take(&mut self.follows) {
            // What followed for its other side may have been the pair's end.
            if self.open.contains(Side::of_key(key).0) {
                self.go_on(key)?;
            }
        }
        Ok(())
    }

    /// The rest of a part waits for room.
    fn not_taken(&mut self, key: usize, completion: &Completion, part: &[u8]) -> io::Result<()> {
        let (place, to) = Side::of_key(key);
        let taken = match completion.bytes() {
            Ok(bytes) => bytes,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(_) => return self.broken(place, to),
        };
        let end = &mut self.open[place].ends[to as usize];
        end.sending = [&part[taken..], &mem::take(&mut end.behind)].concat();
        self.send(key)?;
        self.hold_up(place, to.other())
    }

    fn push(&mut self, request: squeue::Entry, about: About, key: usize) -> io::Result<()> {
        // SAFETY: a send's bytes lie in a buffer that isn't given back before it is handed in, or in
        // `sending`, which stays as it is until that send is completed, and a pair isn't forgotten
        // before; nothing else points anywhere, or accepts.
        unsafe { self.ring.push(request, about, key) }
    }

    /// The client isn't read from before the backend is there, or has refused.
    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        let (server, ring) = (self.server, &mut self.ring);
        let Some((client, connection)) = self.door.accepted(completion, server, ring)? else {
            return Ok(());
        };
        let Ok(backend) = connect(self.backend) else {
            connection.backend_failed();
            return Ok(());
        };
        let when_connected =
            opcode::PollAdd::new(Fd(backend.as_raw_fd()), PollFlags::OUT.bits().into());
        let mut ends = [End::new(client), End::new(backend)];
        ends[Side::Backend as usize].receiving = true;
        let place = self.open.insert(Pair {
            connection,
            ends,
            is_over: false,
        });
        let key = Side::Backend.key(place);
        self.push(when_connected.build(), About::WaitOver, key)
    }

    fn connected(&mut self, key: usize) -> io::Result<()> {
        let (place, side) = Side::of_key(key);
        self.open[place].ends[side as usize].receiving = false;
        self.receive(place, Side::Backend)?;
        self.receive(place, Side::Client)
    }

    /// Has the kernel receive from a side, if that is due.
    fn receive(&mut self, place: usize, from: Side) -> io::Result<()> {
        let pair = &mut self.open[place];
        let has_room = !pair.ends[from.other() as usize].has_unsent();
        let end = &mut pair.ends[from as usize];
        if end.receiving || end.has_ended || !has_room || pair.is_over {
            return Ok(());
        }
        end.receiving = true;
        let receive = opcode::RecvMulti::new(Fd(end.fd.as_raw_fd()), GROUP);
        self.push(receive.build(), About::Receive, from.key(place))
    }

    /// Stops receiving from a side, because the other doesn't take what came.
    fn hold_up(&mut self, place: usize, from: Side) -> io::Result<()> {
        if !self.open[place].ends[from as usize].receiving {
            return Ok(());
        }
        let receive = About::Receive.user_data(from.key(place));
        let cancel = opcode::AsyncCancel::new(receive).build();
        self.push(cancel, About::Nothing, from.key(place))
    }

    fn received(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let (place, from) = Side::of_key(key);
        let pair = &mut self.open[place];
        let end = &mut pair.ends[from as usize];
        end.receiving = completion.has_more();
        match (completion.bytes(), completion.buffer()) {
            (Ok(bytes @ 1..), Some(buffer)) if !pair.is_over => {
                // Of a pair that breaks later the rest is counted, too.
                match from {
                    Side::Client => pair.connection.received(bytes, 0),
                    Side::Backend => pair.connection.sent(bytes),
                }
                self.pass(place, from.other(), buffer, bytes)?;
            }
            (Ok(_), buffer) => {
                self.buffers.give_back(buffer);
                end.has_ended |= !end.receiving;
                return self.go_on(from.other().key(place));
            }
            (Err(Errno::NOBUFS | Errno::CANCELED), _) => {}
            (Err(_), _) => return self.broken(place, from),
        }
        self.receive(place, from)?;
        self.forget_if_over(place)
    }

    /// Sends what has come from where it lies, unless something is before it.
    fn pass(&mut self, place: usize, to: Side, buffer: u16, bytes: usize) -> io::Result<()> {
        let key = to.key(place);
        let end = &mut self.open[place].ends[to as usize];
        let part = &self.buffers.chunk(buffer).space()[..bytes];
        let is_with_turn = end.part_in == self.turn;
        if is_with_turn || end.has_unsent() {
            end.behind.extend_from_slice(part);
            self.buffers.give_back([buffer]);
            if is_with_turn {
                self.follows.push(key);
            }
            return self.hold_up(place, to.other());
        }
        // SAFETY: it lies in the buffer, which is given back by `handed_in` at the earliest.
        let part = unsafe { Echo::new(key, buffer, part) };
        end.part_in = self.turn;
        let send = send_at_once(&end.fd, part.reply());
        self.parts.push(part);
        self.push(send, About::Echo, key)
    }

    /// What is to be sent to a side when nothing is on its way to it: what came behind, and at last the
    /// end.
    fn go_on(&mut self, key: usize) -> io::Result<()> {
        let (place, to) = Side::of_key(key);
        let pair = &mut self.open[place];
        let from_has_ended = pair.ends[to.other() as usize].has_ended;
        let end = &mut pair.ends[to as usize];
        if end.part_in == self.turn {
            self.follows.push(key);
            return Ok(());
        }
        if end.sending.is_empty() && !end.behind.is_empty() && !pair.is_over {
            end.sending = mem::take(&mut end.behind);
            return self.send(key);
        }
        if end.sending.is_empty() && from_has_ended && !end.is_told && !pair.is_over {
            end.is_told = true;
            let told = shutdown(&end.fd, Shutdown::Write);
            pair.is_over = end.has_ended && !pair.ends[to.other() as usize].has_unsent();
            if told.is_err() {
                return self.broken(place, to);
            }
        }
        self.receive(place, to.other())?;
        self.forget_if_over(place)
    }

    /// What is kept for a side, when there is room.
    fn send(&mut self, key: usize) -> io::Result<()> {
        let (place, to) = Side::of_key(key);
        let end = &self.open[place].ends[to as usize];
        let send = send_when_room(&end.fd, &end.sending);
        self.push(send, About::Send, key)
    }

    fn sent(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let (place, to) = Side::of_key(key);
        let end = &mut self.open[place].ends[to as usize];
        match completion.bytes() {
            Ok(bytes) => drop(end.sending.drain(..bytes)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => {
                end.sending.clear();
                return self.broken(place, to);
            }
        }
        if end.sending.is_empty() {
            return self.go_on(key);
        }
        self.send(key)
    }

    /// A side has failed: what the kernel still does for the pair comes to an end.
    fn broken(&mut self, place: usize, side: Side) -> io::Result<()> {
        let pair = &mut self.open[place];
        if !pair.is_over && side == Side::Backend {
            pair.connection.backend_failed();
        }
        pair.is_over = true;
        for end in &pair.ends {
            // One that fails has been disconnected.
            let _ = shutdown(&end.fd, Shutdown::Both);
        }
        self.forget_if_over(place)
    }

    /// Forgets a pair that is over, as soon as nothing is done for it any more.
    fn forget_if_over(&mut self, place: usize) -> io::Result<()> {
        let pair = &self.open[place];
        let is_busy = |end: &End| end.receiving || !end.sending.is_empty();
        if !pair.is_over || pair.ends.iter().any(is_busy) {
            return Ok(());
        }
        for side in Side::BOTH {
            if pair.ends[side as usize].part_in == self.turn {
                self.follows.push(side.key(place));
                return Ok(());
            }
        }
        for end in self.open.remove(place).ends {
            self.push(close(end.fd), About::Nothing, 0)?;
        }
        Ok(())
    }
}
