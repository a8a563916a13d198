//! A server for the runner's tests that keeps the launch contract, except where its first
//! argument says otherwise. The second argument only marks the process.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use procfs::net::{TcpNetEntry, TcpState, tcp};
use protocol::{
    launch::{CONTRACT, Done, Ready, ServerLine, Unmet},
    session::{Chunk, Session},
    wire::Wire,
    work::{Finished, Task, Work},
};
use std::{
    env,
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    process::exit,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    thread,
    time::Duration,
};

static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static REQUESTS: AtomicU64 = AtomicU64::new(0);
static RESPONSES: AtomicU64 = AtomicU64::new(0);
static BYTES_IN: AtomicU64 = AtomicU64::new(0);
static BYTES_OUT: AtomicU64 = AtomicU64::new(0);

fn main() {
    let args: Vec<String> = env::args().collect();
    let mode = args.get(1).cloned().unwrap_or_default();
    if args.iter().any(|arg| arg == "--preflight") {
        if mode == "unmet" {
            say(&ServerLine::Unmet(Unmet {
                missing: "a full moon".to_owned(),
                mend: "wait two weeks".to_owned(),
            }));
            exit(1);
        }
        return;
    }
    match mode.as_str() {
        "dies-at-start" => {
            eprintln!("no luck today");
            exit(7);
        }
        "never-ready" => sleep_for_ever(),
        "garbage" => println!("hello, I am a server"),
        "floods-stderr" => drop(thread::spawn(|| {
            loop {
                eprintln!("{}", "very interesting ".repeat(100));
            }
        })),
        _ => {}
    }
    let is_raw = args.windows(2).any(|pair| pair == ["--wire", "raw"]);
    let wire = if is_raw { Wire::Raw } else { Wire::Framed };
    // Only the host: processes of this one don't share a port.
    let told = args.windows(2).find(|pair| pair[0] == "--listen");
    let told: Option<SocketAddr> = told.and_then(|pair| pair[1].parse().ok());
    let host = told.map_or(IpAddr::from([127, 0, 0, 1]), |addr| addr.ip());
    let listener = TcpListener::bind((host, 0)).unwrap();
    let mut addr = listener.local_addr().unwrap();
    if mode == "remote" {
        addr.set_ip([192, 0, 2, 1].into());
    }
    thread::spawn({
        let mode = mode.clone();
        move || {
            for stream in listener.incoming().flatten() {
                ACCEPTED.fetch_add(1, SeqCst);
                let mode = mode.clone();
                thread::spawn(move || serve(stream, &mode, wire));
            }
        }
    });
    say(&ServerLine::Ready(Ready {
        contract: if mode == "contract-9" { 9 } else { CONTRACT },
        addr,
        pid: match mode.as_str() {
            "foreign-pid" => 1,
            _ => std::process::id(),
        },
        threads: 1,
    }));
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    match mode.as_str() {
        "ignores-end-of-input" => sleep_for_ever(),
        "no-done-line" => return,
        _ => {}
    }
    let extra = u64::from(mode == "miscounts");
    say(&ServerLine::Done(Done {
        accepted: ACCEPTED.load(SeqCst),
        requests: (!is_raw).then(|| REQUESTS.load(SeqCst) + extra),
        responses: (!is_raw).then(|| RESPONSES.load(SeqCst)),
        bytes_in: BYTES_IN.load(SeqCst),
        bytes_out: BYTES_OUT.load(SeqCst),
        ..Done::default()
    }));
}

fn serve(stream: TcpStream, mode: &str, wire: Wire) {
    let client = stream.peer_addr().ok();
    answer(stream, mode, wire);
    // A socket that still waits to be closed is held by somebody else.
    let is_held = |socket: &TcpNetEntry| {
        socket.state == TcpState::CloseWait && Some(socket.remote_address) == client
    };
    if mode == "dies-when-held" && tcp().unwrap().iter().any(is_held) {
        exit(9);
    }
}

fn answer(mut stream: TcpStream, mode: &str, wire: Wire) {
    let _ = stream.set_nodelay(true);
    let mut session = Session::new(wire);
    let mut chunk = Chunk::new(64 << 10);
    while let Ok(received @ 1..) = stream.read(chunk.space()) {
        BYTES_IN.fetch_add(received as u64, SeqCst);
        chunk.fill(received);
        let mut rest;
        let mut chunk = &mut chunk;
        while let Ok(Some(step)) = session.next(chunk) {
            let mut reply = step.reply.to_vec();
            let (requests, mut responses) = (step.requests, step.responses);
            if let Some(work) = step.work {
                let finished = perform(work);
                reply.extend(finished.reply());
                responses += 1;
                rest = finished.into_rest();
                chunk = &mut rest;
            }
            let before = REQUESTS.fetch_add(requests.into(), SeqCst);
            match mode {
                "dies" if before == 500 => {
                    eprintln!("it was nice while it lasted");
                    exit(9);
                }
                "wrong-bytes" if before % 200 == 199 => *reply.last_mut().unwrap() ^= 1,
                "loses-a-reply" if before == 300 => continue,
                "closes-a-connection" if before == 300 => return,
                _ => {}
            }
            if stream.write_all(&reply).is_err() {
                return;
            }
            RESPONSES.fetch_add(responses.into(), SeqCst);
            BYTES_OUT.fetch_add(reply.len() as u64, SeqCst);
        }
    }
}

fn perform(work: Work) -> Finished {
    if let Task::Wait(time) | Task::Block(time) = work.task() {
        thread::sleep(time);
    }
    work.finish()
}

fn say(line: &ServerLine) {
    println!("{}", serde_json::to_string(line).unwrap());
}

fn sleep_for_ever() {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}
