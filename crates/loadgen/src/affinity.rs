//! Which CPUs a thread runs on: those of the plan under load, any while connecting.
//!
//! A ramp is no measurement. Kept to the generator's CPUs it would leave the server's idle, because
//! on loopback most of a connection's making is done by the one that connects.

use anyhow::{Context as _, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs of the plan, and those that this process was started on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Affinity {
    any: CpuSet,
    /// `None`: the plan leaves it open.
    planned: Option<CpuSet>,
}

impl Affinity {
    /// Takes over this thread, and with it those that it starts.
    ///
    /// # Errors
    /// There is no such CPU, or it isn't allowed.
    pub(crate) fn take(cpus: &[usize]) -> anyhow::Result<Self> {
        let any = sched_getaffinity(None).context("sched_getaffinity")?;
        let mut planned = CpuSet::new();
        for &cpu in cpus {
            ensure!(cpu < CpuSet::MAX_CPU, "there is no CPU {cpu}");
            planned.set(cpu);
        }
        let planned = (!cpus.is_empty()).then_some(planned);
        if let Some(set) = &planned {
            sched_setaffinity(None, set).with_context(|| format!("can't run on CPUs {cpus:?}"))?;
        }
        Ok(Self { any, planned })
    }

    /// Lets this thread run anywhere.
    pub(crate) fn loosen(&self) {
        // It was allowed before; if it no longer is, the thread stays where it is.
        let _ = sched_setaffinity(None, &self.any);
    }

    /// Keeps this thread to the plan's CPUs.
    pub(crate) fn keep(&self) {
        if let Some(planned) = &self.planned {
            // It has been done once: see `take`.
            let _ = sched_setaffinity(None, planned);
        }
    }
}
