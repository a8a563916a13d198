//! What runs beside a trial, or holds it up: it starts with the load, and is gone with the trial.

use super::disturbance::{How, Side};
use crate::bench::Lab;
use anyhow::{Context as _, bail};
use measure::progress::Progress;
use plan::Plan;
use process::child::Child;
use procfs::process::all_processes;
use report::run::PlannedLoad;
use std::{cell::RefCell, fs, io, path::PathBuf, time::Duration};

/// From the announcement of a window to its opening, about (`measure::generator`).
const LEAD_US: u64 = 20_000;

/// A quota's period: the kernel's own default.
const PERIOD_US: f64 = 100_000.0;

/// Where version 1 of control groups has the CPU controller: Documentation/admin-guide/cgroup-v1.
const CONTROLLERS: [&str; 2] = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"];

/// Passes on a trial's progress, and begins to disturb when the load does.
pub(super) struct Disturber<'a> {
    lab: &'a Lab,
    plan: &'a Plan,
    planned: &'a PlannedLoad,
    how: Option<(How, f64)>,
    beside: RefCell<Option<io::Result<Child>>>,
    _quota: Option<Quota>,
}

impl<'a> Disturber<'a> {
    /// `cpus_used` is what server and generator use without a quota.
    ///
    /// # Errors
    /// A quota can't be set here.
    pub(super) fn new(
        (lab, plan): (&'a Lab, &'a Plan),
        planned: &'a PlannedLoad,
        how: Option<(How, f64)>,
        cpus_used: f64,
    ) -> anyhow::Result<Self> {
        let quota = match how {
            Some((How::Quota(share), times)) => {
                Some(Quota::set(cpus_used * (1.0 - share * times)).context("no CPU quota here")?)
            }
            _ => None,
        };
        Ok(Self {
            lab,
            plan,
            planned,
            how,
            beside: RefCell::default(),
            _quota: quota,
        })
    }

    /// To be asked when the trial is over.
    ///
    /// # Errors
    /// The trial wasn't disturbed.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        match &mut *self.beside.borrow_mut() {
            None => Ok(()),
            Some(Err(error)) => bail!("the disturbance didn't start: {error}"),
            Some(Ok(child)) => match child.ended() {
                Some(status) if !status.success() => {
                    bail!(
                        "the disturbance failed: {}",
                        child.post_mortem().stderr_tail
                    )
                }
                _ => Ok(()),
            },
        }
    }

    fn start(&self) {
        let Some(args) = self.args() else {
            return;
        };
        let child = Child::spawn(&self.lab.guard, &self.lab.calibration, args, None);
        *self.beside.borrow_mut() = Some(child);
    }

    /// Of the program that disturbs; `None` where none is needed.
    fn args(&self) -> Option<Vec<String>> {
        let (how, times) = self.how?;
        let mut args = vec!["disturb".to_owned()];
        match how {
            How::Hog(side, share) | How::Brief(side, share) => {
                let permille = (share * times * 1000.0).round();
                let is_brief = matches!(how, How::Brief(..));
                let what = if is_brief { "brief" } else { "hog" };
                args.extend([what, "--permille"].map(str::to_owned));
                args.push(permille.to_string());
                let cpus = match side {
                    Side::Server => &self.plan.server_cpus,
                    Side::Generator => &self.plan.client_cpus,
                };
                if let Some(cpu) = cpus.first() {
                    args.extend(["--cpu".to_owned(), cpu.to_string()]);
                }
            }
            How::ListDescriptors => args.push("list-descriptors".to_owned()),
            How::PauseGenerator { us } => {
                let middle_us = self.planned.warm_up_us + LEAD_US + self.planned.window_us / 2;
                // Without one the pauser says so, and the trial doesn't count.
                let pid = self.generator().unwrap_or(0);
                args.push("pause".to_owned());
                for (flag, value) in [
                    ("--pid", u64::from(pid)),
                    ("--after-us", middle_us),
                    ("--for-us", (us * times) as u64),
                ] {
                    args.extend([flag.to_owned(), value.to_string()]);
                }
            }
            How::Server(_) | How::Quota(_) | How::Offer => return None,
        }
        Some(args)
    }

    /// The trial's generator: the child of this process that is called like its program.
    fn generator(&self) -> Option<u32> {
        let name = self.lab.generators.program.file_name()?.to_str()?;
        let parent = i32::try_from(std::process::id()).ok()?;
        let stats = all_processes()
            .ok()?
            .flatten()
            .filter_map(|process| process.stat().ok());
        let mut found = stats.filter(|stat| stat.ppid == parent && stat.comm == name);
        u32::try_from(found.next()?.pid).ok()
    }
}

impl Progress for Disturber<'_> {
    fn begin(&self, trial: &str) {
        self.lab.progress.begin(trial);
    }

    fn say(&self, what: &str) {
        self.lab.progress.say(what);
        let is_load = what.contains(&format!(": {} load", self.planned.load.word()));
        if is_load && self.beside.borrow().is_none() {
            self.start();
        }
    }

    fn warming(&self, rate_per_s: f64, p99_us: f64) {
        self.lab.progress.warming(rate_per_s, p99_us);
    }

    fn measuring(&self, window: Duration, rate_per_s: f64, p99_us: f64) {
        self.lab.progress.measuring(window, rate_per_s, p99_us);
    }

    fn end(&self) {
        self.lab.progress.end();
    }
}

/// A group of this process and all that it starts, below its own, with a quota.
struct Quota {
    group: PathBuf,
    home: PathBuf,
}

impl Quota {
    fn set(cpus: f64) -> io::Result<Self> {
        let controllers = CONTROLLERS.map(PathBuf::from);
        let controller = controllers
            .into_iter()
            .find(|path| path.join("cgroup.procs").exists());
        let none = || io::Error::other("the CPU controller isn't that of version 1");
        let home = controller.ok_or_else(none)?.join(own_group()?);
        let group = home.join(format!("millionfold-{}", std::process::id()));
        fs::create_dir(&group)?;
        // From here on it is taken back, whatever happens.
        let quota = Self { group, home };
        fs::write(quota.group.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
        let quota_us = (cpus * PERIOD_US).round().max(1_000.0);
        fs::write(quota.group.join("cpu.cfs_quota_us"), quota_us.to_string())?;
        fs::write(
            quota.group.join("cgroup.procs"),
            std::process::id().to_string(),
        )?;
        Ok(quota)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // The trial's processes are gone; a group that isn't empty stays, and throttles nobody.
        let _ = fs::write(
            self.home.join("cgroup.procs"),
            std::process::id().to_string(),
        );
        let _ = fs::write(self.group.join("cpu.cfs_quota_us"), "-1");
        let _ = fs::remove_dir(&self.group);
    }
}

/// Of the CPU controller, without its leading slash: `5:cpu,cpuacct:/docker/12ab`.
fn own_group() -> io::Result<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let path = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let controllers = fields.nth(1)?;
        let is_cpu = controllers.split(',').any(|name| name == "cpu");
        is_cpu.then(|| fields.next())?
    });
    let none = || io::Error::other("this process is in no group of the CPU controller");
    Ok(PathBuf::from(
        path.ok_or_else(none)?.trim_start_matches('/'),
    ))
}
