//! A relay for the runner's tests that keeps the launch contract, except where its first argument says
//! otherwise. The second argument only marks the process.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use protocol::launch::{CONTRACT, Done, Ready, ServerLine};
use std::{
    env, io,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process::exit,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static BYTES: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
static FAILURES: AtomicU64 = AtomicU64::new(0);
static OPEN: AtomicU64 = AtomicU64::new(0);

/// To be shut when the server is to stop.
static CLIENTS: Mutex<Vec<TcpStream>> = Mutex::new(Vec::new());

fn main() {
    let args: Vec<String> = env::args().collect();
    let mode: &'static str = args[1].clone().leak();
    if args.iter().any(|arg| arg == "--preflight") {
        return;
    }
    let told = args.windows(2).find(|pair| pair[0] == "--relay");
    let backend: SocketAddr = told.map_or_else(|| exit(2), |pair| pair[1].parse().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    say(&ServerLine::Ready(Ready {
        contract: CONTRACT,
        addr: listener.local_addr().unwrap(),
        pid: std::process::id(),
        threads: 1,
    }));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            ACCEPTED.fetch_add(1, SeqCst);
            OPEN.fetch_add(1, SeqCst);
            CLIENTS.lock().unwrap().push(client.try_clone().unwrap());
            thread::spawn(move || {
                relay(&client, backend, mode);
                let _ = client.shutdown(Shutdown::Both);
                OPEN.fetch_sub(1, SeqCst);
            });
        }
    });
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    for client in CLIENTS.lock().unwrap().iter() {
        let how = match mode {
            "drops-at-stop" => Shutdown::Both,
            _ => Shutdown::Read,
        };
        let _ = client.shutdown(how);
    }
    let began = Instant::now();
    while OPEN.load(SeqCst) > 0 && began.elapsed() < Duration::from_secs(3) {
        thread::sleep(Duration::from_millis(5));
    }
    say(&ServerLine::Done(Done {
        accepted: ACCEPTED.load(SeqCst),
        bytes_in: BYTES[0].load(SeqCst),
        bytes_out: BYTES[1].load(SeqCst),
        backend_failures: FAILURES.load(SeqCst),
        abandoned: OPEN.load(SeqCst),
        ..Done::default()
    }));
    exit(0);
}

fn relay(client: &TcpStream, backend: SocketAddr, mode: &'static str) {
    let Ok(backend) = TcpStream::connect(backend) else {
        FAILURES.fetch_add(1, SeqCst);
        if mode == "keeps-refused" {
            thread::sleep(Duration::from_secs(60));
        }
        return;
    };
    thread::scope(|scope| {
        let there = scope.spawn(|| pass(client, &backend, &BYTES[0], mode));
        let back = pass(&backend, client, &BYTES[1], mode);
        if back.is_err() {
            FAILURES.fetch_add(u64::from(mode != "counts-no-failure"), SeqCst);
            if mode == "keeps-broken" {
                thread::sleep(Duration::from_secs(60));
            }
            let _ = client.shutdown(Shutdown::Both);
        }
        let _ = there.join();
    });
}

fn pass(
    mut from: &TcpStream,
    to: &TcpStream,
    bytes: &AtomicU64,
    mode: &'static str,
) -> io::Result<()> {
    let (sender, receiver) = mpsc::sync_channel::<Vec<u8>>(match mode {
        "hoards" => 1 << 20,
        _ => 1,
    });
    let mut writer = to.try_clone()?;
    let writing = thread::spawn(move || {
        receiver
            .iter()
            .try_for_each(|part| writer.write_all(&part))?;
        match mode {
            "closes-both" => writer.shutdown(Shutdown::Both),
            _ => writer.shutdown(Shutdown::Write),
        }
    });
    let mut buffer = vec![0; 64 << 10];
    let read = loop {
        let part = match from.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Err(error) => break Err(error),
            Ok(read) => &mut buffer[..read],
        };
        let before = bytes.fetch_add(part.len() as u64, SeqCst);
        if mode == "alters" && (before..before + part.len() as u64).contains(&1_000_000) {
            part[0] ^= 1;
        }
        let is_back = std::ptr::eq(bytes, &raw const BYTES[1]);
        if mode == "breaks-one"
            && is_back
            && (before..=before + part.len() as u64).contains(&50_000)
        {
            break Err(io::ErrorKind::BrokenPipe.into());
        }
        if sender.send(part.to_vec()).is_err() {
            break Ok(());
        }
    };
    drop(sender);
    let _ = writing.join();
    read
}

fn say(line: &ServerLine) {
    println!("{}", serde_json::to_string(line).unwrap());
}
