//! The machine's memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine's memory at one moment. Source: proc(5), /proc/meminfo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineMemory {
    /// MemFree.
    pub free_bytes: u64,
    /// Buffers and Cached: what the kernel keeps of files, and gives up when asked.
    pub page_cache_bytes: u64,
    /// Total without free, page cache and reclaimable slab: the `used` column of `free` and of
    /// dstat. It leaves out most of a socket, whose inode and dentry are accounted as reclaimable.
    pub used_bytes: u64,
    /// MemAvailable, which leaves the same out.
    pub available_bytes: Option<u64>,
    /// Slab: kernel objects such as sockets.
    pub slab_bytes: u64,
    /// PageTables.
    pub page_tables_bytes: u64,
    /// KernelStack.
    pub kernel_stacks_bytes: u64,
    /// Percpu.
    pub per_cpu_bytes: u64,
}

impl MachineMemory {
    /// What the machine has lost since an earlier moment: the fall of free memory, page cache
    /// aside. Negative when there is more than before.
    pub fn lost_since(&self, earlier: &Self) -> i64 {
        let left = |memory: &Self| (memory.free_bytes + memory.page_cache_bytes) as i64;
        left(earlier) - left(self)
    }

    /// What the kernel holds for itself more than at an earlier moment: slab, page tables, stacks
    /// and memory per CPU.
    pub fn kernel_growth_since(&self, earlier: &Self) -> i64 {
        let held = |memory: &Self| {
            (memory.slab_bytes
                + memory.page_tables_bytes
                + memory.kernel_stacks_bytes
                + memory.per_cpu_bytes) as i64
        };
        held(self) - held(earlier)
    }
}
