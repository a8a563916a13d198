//! A blocking thread per connection: what servers were before there was epoll.
//!
//! Each thread reads, answers, and waits in the kernel until its client says more. Its stack holds
//! where it is, so the code is a plain loop, and a request that computes, blocks or waits does so
//! where it stands: the kernel's scheduler lets the others go on meanwhile.
//!
//! The price is a stack and a scheduler's entry for each connection, two switches for each request
//! that has to be waited for, and the number of threads that a machine can hold. `--threads` says
//! nothing here. A connection that no thread can be had for ends the server, with the limit that
//! stands against it: a count of connections that can't be held should not look like a slow server.
//!
//! Stacks are 64 KiB of address space, of which a thread touches two or three pages; the buffer is
//! small and on the heap.
//!
//! Sources: pthreads(7); R. von Behren et al., "Why Events Are A Bad Idea (for high-concurrency
//! servers)", HotOS 2003; D. Kegel, "The C10K problem", <http://www.kegel.com/c10k.html>.

mod capacity;

use capacity::Capacity;
use model_kit::{
    Chunk, Closed, Connection, Ended, Listeners, Model, Refused, Server, run_blocking,
};
use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    process::ExitCode,
    sync::Arc,
    thread,
};

/// Far more than `serve` and what it calls need, in a debug build too. It is the number of
/// mappings that limits how many stacks there can be, and not their size.
const STACK_BYTES: usize = 64 << 10;

const BUFFER_BYTES: usize = 4 << 10;

fn main() -> ExitCode {
    let (listeners, needs) = (Listeners::One, &[]);
    Model {
        listeners,
        needs,
        run,
    }
    .main()
}

fn run(server: Arc<Server>) -> Ended {
    let listener = server.listen()?;
    let capacity = Capacity::of_this_machine();
    server.ready()?;
    // A thread holds a copy of it while it lives.
    let living = Arc::new(());
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                capacity.check(Arc::strong_count(&living))?;
                let connection = Connection::open(server.wire());
                let alive = Arc::clone(&living);
                let serve = move || {
                    let _ = (serve(&stream, connection), alive);
                };
                let thread = thread::Builder::new().stack_size(STACK_BYTES);
                let spawned = thread.spawn(serve);
                spawned.map_err(|error| format!("{error} at {capacity}"))?;
            }
            Err(error) => match server.refused(&error) {
                Refused::Retry => {}
                Refused::Pause(time) => thread::sleep(time),
                Refused::Stopping => break,
            },
        }
    }
    server.wait_until_drained();
    Ok(())
}

fn serve(mut stream: &TcpStream, mut connection: Connection) -> Result<(), Closed> {
    let mut chunk = Chunk::new(BUFFER_BYTES);
    loop {
        let received_bytes = match stream.read(chunk.space()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            received => received?,
        };
        let mut send = |reply: &[u8]| stream.write(reply);
        let mut next = connection.answer(&mut chunk, received_bytes, &mut send)?;
        while let Some(work) = next {
            next = connection.resume(run_blocking(work), &mut send)?;
        }
    }
}
