//! What a process is and has used: /proc/PID/stat.
//!
//! Source: proc_pid_stat(5). (procfs reads all 52 fields, and panics on a line that is cut off.)

/// The kernel's own threads have this flag (PF_KTHREAD, include/linux/sched.h).
const KERNEL_THREAD: u32 = 0x0020_0000;

/// What is read of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// What its program calls itself, or the thread's name if it is the kernel's.
    pub name: String,
    /// The process that waits for it.
    pub parent: i32,
    /// Whether it is a thread of the kernel's.
    pub is_kernel: bool,
    /// CPU time in ticks, with that of children that have ended and were waited for.
    pub ticks: Ticks,
    /// Those of them that came from such children, each all at once when it was waited for.
    pub inherited: u64,
    /// When it began, in ticks since boot: with its id that names it for good.
    pub started: u64,
    /// The CPU on which it ran last.
    pub cpu: Option<usize>,
}

/// CPU time in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// In its own code.
    pub user: u64,
    /// In the kernel.
    pub system: u64,
}

impl Stat {
    /// From the text of the file; `None` where that isn't such a line.
    pub fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once('(')?;
        // A name may hold anything, parentheses and spaces too.
        let (name, rest) = rest.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Fields are counted from 1; the name is the second.
        let field = |number: usize| fields.get(number - 3).copied();
        let ticks = |number| field(number)?.parse::<u64>().ok();
        // Of children: signed, for no reason that anybody knows.
        let of_children =
            |number| Some(u64::try_from(field(number)?.parse::<i64>().ok()?).unwrap_or(0));
        let inherited = Ticks {
            user: of_children(16)?,
            system: of_children(17)?,
        };
        let own = Ticks {
            user: ticks(14)?,
            system: ticks(15)?,
        };
        Some(Self {
            name: name.to_owned(),
            parent: field(4)?.parse().ok()?,
            is_kernel: field(9)?.parse::<u32>().ok()? & KERNEL_THREAD != 0,
            ticks: own.and(&inherited),
            inherited: inherited.all(),
            started: ticks(22)?,
            cpu: field(39).and_then(|cpu| cpu.parse().ok()),
        })
    }

    /// CPU time in ticks of the process itself.
    pub fn own(&self) -> u64 {
        self.ticks.all().saturating_sub(self.inherited)
    }
}

impl Ticks {
    /// Of both kinds.
    pub fn all(&self) -> u64 {
        self.user.saturating_add(self.system)
    }

    /// With those of another process.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            user: self.user.saturating_add(other.user),
            system: self.system.saturating_add(other.system),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "7 (odd) name () S 1 7 7 0 -1 2129984 9 0 0 0 40 30 5 -1 20 0 1 0 812 0 0 1 \
                        1 1 0 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    #[test]
    fn a_name_may_hold_what_ends_it() {
        let stat = Stat::parse(LINE).unwrap();
        assert_eq!(stat.name, "odd) name (");
        assert_eq!((stat.parent, stat.started, stat.cpu), (1, 812, Some(3)));
        let ticks = Ticks {
            user: 45,
            system: 30,
        };
        assert_eq!((stat.ticks, stat.is_kernel), (ticks, true));
        assert_eq!(stat.inherited, 5);
    }

    #[test]
    fn this_process_is_what_it_is() {
        let stat = Stat::parse(&crate::read::text("/proc/self/stat").unwrap()).unwrap();
        let by_procfs = procfs::process::Process::myself().unwrap().stat().unwrap();
        assert_eq!(stat.parent, by_procfs.ppid);
        assert_eq!(
            (stat.name, stat.started),
            (by_procfs.comm, by_procfs.starttime)
        );
        assert!(!stat.is_kernel && stat.cpu.is_some());
    }

    #[test]
    fn a_line_that_is_cut_off_is_none() {
        let end = LINE.find(" 812").unwrap();
        for length in 0..end {
            assert_eq!(Stat::parse(&LINE[..length]), None);
        }
    }
}
