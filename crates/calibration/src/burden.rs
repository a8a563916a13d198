//! What a server keeps, or has done for it, that no reply shows: memory, threads, the kernel's work.

use crate::kernel_work::KernelWork;
use calibration::behaviour::Behaviour;
use std::{io, thread};

/// An idle thread calls nothing.
const STACK_BYTES: usize = 64 << 10;

/// What a behaviour carries along.
#[derive(Debug, Default)]
pub(crate) struct Burden {
    bytes_per_connection: usize,
    /// So many bytes, with this connection.
    step: Option<(usize, u64)>,
    kept: Vec<Box<[u8]>>,
    kernel_work: Option<KernelWork>,
}

impl Burden {
    /// Before the ready line, so that whoever measures the server finds it carrying.
    pub(crate) fn taken_on(behaviour: Behaviour) -> io::Result<Self> {
        let mut burden = Self::default();
        match behaviour {
            Behaviour::Leak {
                bytes_per_connection,
            } => burden.bytes_per_connection = bytes_per_connection as usize,
            Behaviour::Step {
                bytes_per_connection,
                step_bytes,
                at_connection,
            } => {
                burden.bytes_per_connection = bytes_per_connection as usize;
                burden.step = Some((step_bytes as usize, at_connection));
            }
            Behaviour::IdleThreads { count } => {
                for _ in 0..count {
                    thread::Builder::new()
                        .name("idle".to_owned())
                        .stack_size(STACK_BYTES)
                        .spawn(park)?;
                }
            }
            Behaviour::KernelWork { times } => burden.kernel_work = Some(KernelWork::new(times)?),
            _ => {}
        }
        Ok(burden)
    }

    /// The connection of this number, counted from 1, has been accepted.
    pub(crate) fn opened(&mut self, number: u64) {
        self.keep(self.bytes_per_connection);
        if let Some((bytes, _)) = self.step.take_if(|(_, at)| *at == number) {
            self.keep(bytes);
        }
    }

    /// Requests have been read.
    pub(crate) fn read(&mut self) {
        if let Some(work) = &mut self.kernel_work {
            work.ask();
        }
    }

    /// Written to, or the kernel would give no page for it.
    fn keep(&mut self, bytes: usize) {
        if bytes > 0 {
            self.kept.push(vec![0xa5; bytes].into_boxed_slice());
        }
    }
}

fn park() {
    loop {
        thread::park();
    }
}
