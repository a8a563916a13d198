//! The command line over many machines, which are the ranks of an MPI job.
//!
//! Rank 0 is the runner, with the servers. Each other rank stands beside the generators of its machine.
//!
//! | module | |
//! |---|---|
//! | [`messages`], [`post`] | what ranks say to each other, and how it is carried |
//! | [`clock`] | by how much two machines' clocks differ |
//! | [`order`] | which rank is the first |
//! | [`addresses`] | of this machine |
//! | [`origin`], [`ranks`] | rank 0: who is there; their generators |
//! | [`beside`], [`sampler`] | any other rank; what is used on its machine |
//!
//! Launch, channels and the end of all when one goes are MPI's.

mod addresses;
mod beside;
mod clock;
mod messages;
mod order;
mod origin;
mod post;
mod ranks;
mod sampler;

use mpi::{environment::initialize_with_threading, traits::Communicator as _};
use post::Post;
use process::{guard::GUARD, keep::KEEP};
use std::{env, ffi::OsString, process::ExitCode, rc::Rc};

/// What the runner takes for wrong use, too.
const WRONG_USE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().collect();
    // This process becomes another program, or stands beside one, and is no rank.
    if args
        .get(1)
        .is_some_and(|word| word == GUARD || word == KEEP)
    {
        keep_standard_streams_alone();
        return runner::main_with(args, None);
    }
    let Some((universe, _)) = initialize_with_threading(mpi::Threading::Funneled) else {
        eprintln!("error: MPI is there already");
        return ExitCode::FAILURE;
    };
    let mut world = universe.world();
    if let Some(wanted) = order::server_host(&args) {
        world = match order::with_first(&world, &wanted) {
            Ok(ordered) => ordered,
            Err(reason) => {
                if world.rank() == 0 {
                    eprintln!("error: {reason}");
                }
                return WRONG_USE.into();
            }
        };
    }
    let (rank, size) = (world.rank(), world.size());
    let post = Rc::new(Post::new(world));
    if size < 2 {
        eprintln!(
            "error: fleet takes two ranks at least, of which the first is the runner: 'mpirun -n 3 \
             --hostfile hosts fleet -- --model ...'; on one machine 'runner' does"
        );
        return WRONG_USE.into();
    }
    match rank {
        0 => origin::run(&post, size, arguments(args)),
        _ => beside::serve(&post),
    }
}

/// MPI's connections aren't closed when a process becomes another program. A server would have them, and
/// shut their receiving sides with those of all its sockets when it stops.
fn keep_standard_streams_alone() {
    const FIRST_OTHER: libc::c_uint = 3;
    // SAFETY: close_range(2) with this flag closes nothing now: it marks descriptors, whoever has them.
    // Where the kernel is too old for it (before 5.11), nothing is marked.
    unsafe {
        libc::close_range(
            FIRST_OTHER,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC as libc::c_int,
        );
    }
}

/// Without the dashes that part our arguments from those of a launcher.
fn arguments(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_some_and(|word| word == "--") {
        args.remove(1);
    }
    args
}
