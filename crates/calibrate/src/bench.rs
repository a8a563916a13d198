//! One case's trials: real ones, with what they wrote kept if that is asked for.

use ::compare::conclude_run;
use analysis::{rules, summary::conclude};
use anyhow::{Context as _, bail};
use generators::here::Here;
use measure::{
    launch::launch,
    progress::Progress,
    trial::{Bench, Deviation},
};
use plan::{Plan, host::Host};
use process::{guard::Guard, interrupt};
use report::{
    check::Verdict,
    environment::Environment,
    model::{Model, ModelReport},
    run::{PlannedLoad, RunReport},
    trial::{Arrivals, Load, Step, Trial},
};
use server::contract::ContractLaunch;
use std::path::PathBuf;
use store::save::RunDirectory;

/// A trial during which other programs ran is no evidence and is made again, so often at most.
const ATTEMPTS: u32 = 3;

/// Before each window, in seconds. The servers are known: they need no longer.
pub(crate) const WARM_UP_S: f64 = 0.25;

/// What all cases share.
pub struct Lab {
    /// The calibration server's program.
    pub calibration: PathBuf,
    /// Where generators are started.
    pub generators: Here,
    /// The machine, for the reports.
    pub environment: Environment,
    /// In UTC.
    pub started_at: String,
    /// Is told what happens.
    pub progress: Box<dyn Progress>,
    /// Through what programs are started.
    pub guard: Guard,
    /// Where it all happens.
    pub host: Host,
    /// Short windows; timing isn't judged.
    pub quick: bool,
    /// Where reports are kept.
    pub out: Option<PathBuf>,
    /// Of schedules and of the order of trials.
    pub seed: u64,
    /// Of trials with readings at a window's edges and without.
    pub pairs: u32,
}

/// One case on its way.
pub struct CaseBench<'a> {
    /// What all cases share.
    pub lab: &'a Lab,
    case: &'static str,
    plan: Plan,
    reports: Vec<ModelReport>,
    /// Other programs ran during a trial all the same.
    pub disturbed: bool,
    /// Of the trials to come.
    pub deviation: Deviation,
    /// Whether read lag is sampled in them, which takes a second or two: most cases need none.
    pub samples: bool,
}

impl<'a> CaseBench<'a> {
    /// Of which nothing is measured yet.
    pub fn new(lab: &'a Lab, case: &'static str) -> Self {
        Self {
            lab,
            case,
            plan: plan_of(lab),
            reports: Vec::new(),
            disturbed: false,
            deviation: Deviation::None,
            samples: false,
        }
    }

    /// One trial of a behaviour, such as `delay --delay-us 5`, undisturbed if that can be had.
    ///
    /// # Errors
    /// The trial didn't come to its end, or the user wants to stop.
    pub fn measure(&mut self, behaviour: &str, load: &PlannedLoad) -> anyhow::Result<Measured> {
        let attempts = if self.lab.quick { 1 } else { ATTEMPTS };
        let mut trial = self.trial(behaviour, 1, load)?;
        for _ in 1..attempts {
            if !is_disturbed(&trial) {
                break;
            }
            trial = self.trial(behaviour, 1, load)?;
        }
        self.disturbed |= is_disturbed(&trial);
        self.take(behaviour, load, trial)
    }

    /// One trial, whatever else runs meanwhile: what it has to show depends on no time.
    ///
    /// # Errors
    /// As with [`CaseBench::measure`].
    pub fn measure_once(
        &mut self,
        behaviour: &str,
        load: &PlannedLoad,
    ) -> anyhow::Result<Measured> {
        let trial = self.trial(behaviour, 1, load)?;
        self.take(behaviour, load, trial)
    }

    /// Takes a trial into the reports.
    fn take(
        &mut self,
        behaviour: &str,
        load: &PlannedLoad,
        trial: Trial,
    ) -> anyhow::Result<Measured> {
        self.lab.progress.end();
        let mut name = format!("{}-{}", load.load.word(), behaviour.replace(' ', "-"));
        if let Deviation::ReadsLate { us } = self.deviation {
            name += &format!("-read-{us}-us-late");
        }
        let alone = self.conclude(name, behaviour, vec![trial])?;
        self.add_load(load);
        self.keep(alone.clone())?;
        Measured::new(alone)
    }

    /// One trial; no more is done about it.
    pub fn trial(&self, behaviour: &str, block: u32, load: &PlannedLoad) -> anyhow::Result<Trial> {
        self.trial_told(behaviour, block, load, &*self.lab.progress)
    }

    /// The same, telling somebody else of its progress.
    pub(crate) fn trial_told(
        &self,
        behaviour: &str,
        block: u32,
        load: &PlannedLoad,
        progress: &dyn Progress,
    ) -> anyhow::Result<Trial> {
        progress.begin(&format!(
            "{}: {behaviour}, {} load",
            self.case,
            load.load.word()
        ));
        let launch = ContractLaunch {
            leading_args: behaviour.split(' ').map(str::to_owned).collect(),
            ..launch(&self.plan, &self.lab.guard, &self.lab.calibration)
        };
        let bench = Bench {
            plan: &self.plan,
            generators: &self.lab.generators,
            guard: &self.lab.guard,
            backend: None,
            allow_remote: false,
            progress,
            samples: self.samples,
            counts_syscalls: false,
            deviation: self.deviation,
        };
        Ok(bench.trial(&launch.into(), block, load)?)
    }

    /// The report that a run of these trials would have written.
    pub fn conclude(
        &self,
        name: String,
        behaviour: &str,
        trials: Vec<Trial>,
    ) -> anyhow::Result<ModelReport> {
        let model = Model {
            name,
            title: format!("calibration {behaviour}"),
            ..Model::default()
        };
        let mut report = ModelReport {
            interrupted: false,
            trials,
            ..ModelReport::new(self.case, model)
        };
        conclude(&mut report)?;
        Ok(report)
    }

    /// The plan shall name this load, too.
    pub(crate) fn add_load(&mut self, load: &PlannedLoad) {
        if !self.plan.loads.contains(load) {
            self.plan.loads.push(load.clone());
        }
    }

    /// The plan, with the loads so far.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Has a report saved with the others; its trials join those of the same name.
    ///
    /// # Errors
    /// A histogram can't be read.
    pub fn keep(&mut self, report: ModelReport) -> anyhow::Result<()> {
        let name = &report.model.name;
        match self.reports.iter_mut().find(|r| r.model.name == *name) {
            Some(known) => {
                let block = known.trials.len() as u32 + 1;
                let trials = report.trials.into_iter();
                known
                    .trials
                    .extend(trials.map(|trial| Trial { block, ..trial }));
                conclude(known)?;
            }
            None => self.reports.push(report),
        }
        Ok(())
    }

    /// Writes what the trials came to, in a directory that `runner report` can read.
    ///
    /// # Errors
    /// It can't be written.
    pub fn save(self) -> anyhow::Result<()> {
        let Some(parent) = &self.lab.out else {
            return Ok(());
        };
        let directory = RunDirectory::create(parent, self.case)?;
        for report in &self.reports {
            directory.write_model(report)?;
        }
        let reports: Vec<&ModelReport> = self.reports.iter().collect();
        let names: Vec<String> = reports.iter().map(|r| r.model.name.clone()).collect();
        let plan = Plan {
            models: names.clone(),
            ..self.plan
        };
        let (started_at, environment) = (&self.lab.started_at, &self.lab.environment);
        let mut run = RunReport {
            interrupted: interrupt::asked(),
            block_order: vec![names],
            ..RunReport::new(
                &directory.name,
                started_at.clone(),
                plan.to_report(),
                environment.clone(),
            )
        };
        conclude_run(&mut run, &reports, false);
        directory.write_run(&run)?;
        Ok(())
    }

    /// Closed load over a window that the shortened form cuts short.
    pub fn closed(&self, connections: u32, window_s: f64) -> PlannedLoad {
        let load = Load::Closed { outstanding: 1 };
        planned(load, connections, None, self.shortened(window_s))
    }

    /// Open load likewise. Evenly spaced: a schedule without chance has no sampling error, so
    /// that what differs from the truth is the instrument's.
    pub fn open(&self, connections: u32, rate_per_s: f64, window_s: f64) -> PlannedLoad {
        let load = Load::Open {
            arrivals: Arrivals::Uniform,
            deadline_us: 2_000_000,
        };
        planned(
            load,
            connections,
            Some(rate_per_s),
            self.shortened(window_s),
        )
    }

    /// Seconds of warm-up and of the window.
    fn shortened(&self, window_s: f64) -> (f64, f64) {
        if self.lab.quick {
            (0.2, 0.3)
        } else {
            (WARM_UP_S, window_s)
        }
    }
}

/// A load of one window. Its warm-up has a fixed length: the server is known, and one that
/// stalls is never steady.
pub fn planned(
    load: Load,
    connections: u32,
    rate_per_s: Option<f64>,
    (warm_up_s, window_s): (f64, f64),
) -> PlannedLoad {
    let warm_up_us = (warm_up_s * 1e6) as u64;
    PlannedLoad {
        load,
        connections: vec![connections],
        rates_per_s: rate_per_s.into_iter().collect(),
        rate_share_of_peak: None,
        warm_up_us,
        warm_up_max_us: Some(warm_up_us),
        window_us: (window_s * 1e6) as u64,
        hold: None,
    }
}

/// One thread on each side: the server has no more.
fn plan_of(lab: &Lab) -> Plan {
    let (server_cpus, client_cpus) = lab.host.halves();
    Plan {
        server_cpus: server_cpus.to_vec(),
        client_cpus: client_cpus.to_vec(),
        ..Plan::of_one_thread(lab.seed)
    }
}

fn is_disturbed(trial: &Trial) -> bool {
    trial.steps.iter().any(rules::is_disturbed)
}

/// A report of one trial with one window.
#[derive(Debug)]
pub struct Measured {
    /// What the checks say.
    pub verdict: Verdict,
    /// The trial.
    pub trial: Trial,
    /// Its only window.
    pub step: Step,
}

impl Measured {
    fn new(mut report: ModelReport) -> anyhow::Result<Self> {
        let trial = report.trials.pop().context("a report without a trial")?;
        let [step] = &trial.steps[..] else {
            bail!("{} windows instead of one", trial.steps.len());
        };
        Ok(Self {
            verdict: report.verdict,
            step: step.clone(),
            trial,
        })
    }

    /// Requests answered per second of the window.
    pub fn rate_per_s(&self) -> f64 {
        self.step.window.requests as f64 / (self.step.window.length_us as f64 / 1e6)
    }
}
