//! Work that the kernel's own threads do for a server: the figure of the server's CPUs has it, that
//! of its process can't.

use crate::{
    bench::{CaseBench, Measured, WARM_UP_S, planned},
    case::Case,
    row::{Row, Tolerance},
};
use process::interrupt;
use report::{
    check::{FigureVerdict, Status},
    trial::{Arrivals, Load},
};

pub(super) const CASES: &[Case] = &[Case {
    name: "kernel-work",
    trials: 2 * PAIRS as u64,
    run: kernel_work,
}];

/// Of the null server and the one that has kernel threads work for it; the middle one counts.
const PAIRS: usize = 3;

/// Asked for with each request; the first wakes the thread, and each takes some 0.4 us.
const TIMES: u32 = 64;

/// Open load far below the peak, so that the kernel's threads find the CPU free. At random moments:
/// what a CPU is busy with is sampled at its ticks, and an even rate of which a tick is a multiple
/// would always be met in the same phase.
const RATE_PER_S: f64 = 5_000.0;
const CONNECTIONS: u32 = 50;
const SECONDS: (f64, f64) = (WARM_UP_S, 1.5);
const LOAD: Load = Load::Open {
    arrivals: Arrivals::Poisson,
    deadline_us: 2_000_000,
};

/// The kernel's threads' own time comes in ticks of 10 ms, of several threads.
const WORK: Tolerance = Tolerance {
    share: 0.25,
    least: 2.0,
};

/// From here on the figure of the server's CPUs is the one that is compared.
const DIFFER_PERCENT: f64 = 3.0;

/// Per request in microseconds.
#[derive(Clone, Copy)]
struct Cpu {
    process_us: f64,
    cpus_us: f64,
    kernel_threads_us: f64,
}

fn kernel_work(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    let load = planned(LOAD, CONNECTIONS, Some(RATE_PER_S), SECONDS);
    let (mut known, mut reason) = (Vec::new(), String::new());
    for _ in 0..if bench.lab.quick { 1 } else { PAIRS } {
        let null = cpu(&bench.measure("null", &load)?);
        // Where io_submit(2) is refused there is no such server.
        let worked = match bench.measure(&format!("kernel-work --times {TIMES}"), &load) {
            Err(error) if interrupt::asked() => return Err(error),
            Err(error) => Err(format!("{error:#}")),
            Ok(measured) => cpu(&measured),
        };
        match (null, worked) {
            (Ok(null), Ok(worked)) => known.push((null, worked)),
            (Err(why), _) | (_, Err(why)) => reason = why,
        }
    }
    known.sort_by(|a, b| off_us(*a).total_cmp(&off_us(*b)));
    Ok(match known.get(known.len() / 2) {
        Some(&(null, worked)) => rows(null, worked).into(),
        None => {
            let what = "CPU of the server's CPUs";
            let row = Row::timing_words(what, "more than that of the process", "not known", false);
            let row = row.not_judged();
            vec![row.note(format!("not judgeable here: {reason}"))]
        }
    })
}

/// By how much the figure has too much of what the kernel's threads did.
fn off_us((null, worked): (Cpu, Cpu)) -> f64 {
    let (expected_us, measured_us) = kernels_us(null, worked);
    measured_us - expected_us
}

/// # Errors
/// Why it isn't known.
fn cpu(measured: &Measured) -> Result<Cpu, String> {
    let step = &measured.step;
    let per_request = |seconds: f64| seconds * 1e6 / step.window.requests.max(1) as f64;
    let missing = |field: &str| {
        let reason = step.machine.not_measured.get(field).cloned();
        reason.unwrap_or_else(|| format!("{field} isn't known"))
    };
    // What other programs used there would be taken for the kernel's.
    let is_doubted = |(path, verdict): &(&String, &FigureVerdict)| {
        path.ends_with(".server_cpus_us_per_request") && verdict.status == Status::Suspect
    };
    if let Some((_, verdict)) = measured.verdict.figures.iter().find(is_doubted) {
        return Err(verdict.because.clone().unwrap_or_default());
    }
    let process_s = step.server.cpu_total_s().ok_or_else(|| missing("cpu_s"))?;
    let cpus_s = step
        .machine
        .server_cpus_s
        .ok_or_else(|| missing("server_cpus_s"))?;
    Ok(Cpu {
        process_us: per_request(process_s),
        cpus_us: per_request(cpus_s),
        kernel_threads_us: per_request(step.machine.kernel_threads_s.values().sum()),
    })
}

/// What the kernel's threads used by their own clocks, and what of the server's CPUs isn't the
/// process': each beyond what is so with the null server. Both are of the server's CPUs alone: a
/// kworker that is asked from there is bound to them, and others' are left out.
fn kernels_us(null: Cpu, worked: Cpu) -> (f64, f64) {
    let beside = |cpu: Cpu| cpu.cpus_us - cpu.process_us;
    let expected_us = worked.kernel_threads_us - null.kernel_threads_us;
    (expected_us, beside(worked) - beside(null))
}

fn rows(null: Cpu, worked: Cpu) -> [Row; 2] {
    let (expected_us, measured_us) = kernels_us(null, worked);
    let share = measured_us / worked.process_us * 100.0;
    let found = Row::timing(
        "CPU of the server's CPUs beyond the process'",
        "us",
        (expected_us, measured_us),
        WORK,
    );
    let shows = Row::timing_words(
        "the two figures differ",
        format!("by over {DIFFER_PERCENT} %"),
        format!("by {share:.1} %"),
        share > DIFFER_PERCENT,
    );
    let note = format!(
        "{:.1} us of the process, {:.1} us of the CPUs per request; {:.1} and {:.1} us with the null \
         server",
        worked.process_us, worked.cpus_us, null.process_us, null.cpus_us
    );
    [found.note(note), shows]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Outcome;

    #[test]
    fn the_kernels_work_is_found_beside_the_process() {
        let of = |process_us, cpus_us, kernel_threads_us| Cpu {
            process_us,
            cpus_us,
            kernel_threads_us,
        };
        let null = of(10.0, 11.0, 0.2);
        let outcomes = |worked| rows(null, worked).map(|row| row.outcome);
        assert_eq!(outcomes(of(14.0, 33.0, 18.2)), [Outcome::Pass; 2]);
        // One that charges it to nobody.
        assert_eq!(outcomes(of(14.0, 15.0, 18.2)), [Outcome::Fail; 2]);
        // One that takes other programs for it.
        assert_eq!(outcomes(of(14.0, 44.0, 18.2))[0], Outcome::Fail);
    }
}
