//! What a model may need from the machine, checked before it starts.

use protocol::launch::Unmet;
use rustix::process::Resource;

/// Something a model needs beyond sockets.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// A kernel of at least this version.
    Kernel {
        /// Major and minor number.
        version: (u32, u32),
        /// What came with it, as a noun.
        brings: &'static str,
    },
    /// io_uring: in the kernel, and allowed to this process.
    #[cfg(feature = "need-io-uring")]
    IoUring,
    /// Memory that may be locked (RLIMIT_MEMLOCK), in bytes for each thread.
    LockedMemory {
        /// Bytes per I/O thread.
        per_thread_bytes: u64,
    },
}

impl Need {
    /// # Errors
    /// What is missing, and how to mend it.
    pub(crate) fn check(self, threads: u32) -> Result<(), Unmet> {
        match self {
            Self::Kernel { version, brings } => {
                let release = rustix::system::uname();
                kernel(&release.release().to_string_lossy(), version, brings)
            }
            #[cfg(feature = "need-io-uring")]
            Self::IoUring => io_uring(),
            Self::LockedMemory { per_thread_bytes } => {
                locked_memory(per_thread_bytes * u64::from(threads))
            }
        }
    }
}

/// A release that isn't understood passes: the model itself will tell what is missing.
fn kernel(release: &str, wanted: (u32, u32), brings: &str) -> Result<(), Unmet> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next()?.parse().ok();
    match number().zip(number()) {
        Some(version) if version < wanted => Err(Unmet {
            missing: format!("the model takes {brings}, which Linux {release} doesn't have"),
            mend: format!("run Linux {}.{} or newer", wanted.0, wanted.1),
        }),
        _ => Ok(()),
    }
}

#[cfg(feature = "need-io-uring")]
fn io_uring() -> Result<(), Unmet> {
    let mut params = rustix::io_uring::io_uring_params::default();
    // SAFETY: the parameters are zeroed and live across the call, as io_uring_setup(2) asks;
    // the descriptor that comes back is owned and closed at once, nothing is mapped.
    let error = match unsafe { rustix::io_uring::io_uring_setup(1, &mut params) } {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    Err(why_no_io_uring(
        error,
        &read("/proc/self/status"),
        &read("/proc/sys/kernel/io_uring_disabled"),
    ))
}

/// A filter of system calls answers as it likes: with ENOSYS, as a kernel without io_uring does, too.
#[cfg(feature = "need-io-uring")]
fn why_no_io_uring(error: rustix::io::Errno, status: &str, disabled: &str) -> Unmet {
    use rustix::io::Errno;

    let is_filtered = status
        .lines()
        .filter_map(|line| line.strip_prefix("Seccomp:"))
        .any(|mode| mode.trim() == "2");
    let (missing, mend) = match error {
        Errno::NOSYS if is_filtered => (
            "io_uring_setup isn't there (ENOSYS), and this process is under a seccomp filter, which \
             may be the cause"
                .to_owned(),
            "allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp \
             profile; if that is so already, the kernel lacks it: Linux 5.8 or newer with \
             CONFIG_IO_URING"
                .to_owned(),
        ),
        Errno::NOSYS => (
            "this kernel has no io_uring".to_owned(),
            "run Linux 5.8 or newer, built with CONFIG_IO_URING".to_owned(),
        ),
        Errno::PERM | Errno::ACCESS => {
            match disabled.trim() {
                "1" | "2" => (
                    "io_uring is switched off on this machine".to_owned(),
                    "sysctl -w kernel.io_uring_disabled=0".to_owned(),
                ),
                _ => (
                    "io_uring is not allowed to this process".to_owned(),
                    "allow io_uring_setup in the container's seccomp profile".to_owned(),
                ),
            }
        }
        other => (
            format!("io_uring can't be set up: {other}"),
            "see io_uring_setup(2)".to_owned(),
        ),
    };
    Unmet { missing, mend }
}

fn locked_memory(needed_bytes: u64) -> Result<(), Unmet> {
    match rustix::process::getrlimit(Resource::Memlock).current {
        Some(limit) if limit < needed_bytes => Err(Unmet {
            missing: format!(
                "the model locks {} KiB of memory, the limit is {} KiB",
                needed_bytes >> 10,
                limit >> 10
            ),
            mend: format!(
                "ulimit -l {} (or memlock in /etc/security/limits.conf), or fewer --threads",
                needed_bytes >> 10
            ),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "need-io-uring")]
    #[test]
    fn a_filter_is_named_where_there_is_one() {
        use rustix::io::Errno;

        let missing = |error, mode: u8, disabled| {
            let status = format!("Name:\tx\nSeccomp:\t{mode}\nSeccomp_filters:\t1\n");
            why_no_io_uring(error, &status, disabled).missing
        };
        assert!(missing(Errno::NOSYS, 2, "").contains("seccomp filter"));
        assert!(missing(Errno::NOSYS, 0, "").contains("this kernel has no"));
        assert!(missing(Errno::PERM, 2, "2\n").contains("switched off"));
        assert!(missing(Errno::PERM, 2, "0\n").contains("not allowed"));
    }

    #[test]
    fn an_old_kernel_is_told_from_a_new_one() {
        let check = |release| kernel(release, (6, 1), "a feature");
        for new in ["6.1.0-13-amd64", "6.10", "7.0.0-rc1", "unheard of"] {
            assert_eq!(check(new), Ok(()));
        }
        for old in ["6.0.19", "5.15.0-91-generic"] {
            assert!(check(old).unwrap_err().missing.contains(old));
        }
    }

    #[test]
    fn too_little_locked_memory_says_how_much_is_missing() {
        let need = Need::LockedMemory {
            per_thread_bytes: 1 << 52,
        };
        if rustix::process::getrlimit(Resource::Memlock)
            .current
            .is_some()
        {
            let unmet = need.check(2).unwrap_err();
            assert!(unmet.mend.contains("ulimit -l 8796093022208"), "{unmet:?}");
        } else {
            assert_eq!(need.check(2), Ok(()));
        }
        assert_eq!(
            Need::LockedMemory {
                per_thread_bytes: 0
            }
            .check(8),
            Ok(())
        );
    }
}
