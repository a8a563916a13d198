//! What others rely on in the types of reports: words that are scripted against, sums, and what a
//! verdict says of older reports.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use report::{
    check::{Check, Direction, Effect, FigureKind, FigureVerdict, Status, Touch, Verdict},
    comparison::Difference,
    environment::Environment,
    hosts::HostClock,
    model::{Ceiling, CeilingStep, Peak, Percentiles, Phase, Scheduled, Times},
    run::{Plan, PlannedLoad, RunReport},
    slo::{Percentile, Slo},
    trial::{Arrivals, Load, MachineMemory, ProcessUse},
};
use serde::Serialize;

const ARRIVALS: Arrivals = Arrivals::Poisson;

/// All loads, with their words, and whether a schedule says when requests are sent.
fn loads() -> [(Load, &'static str, bool); 5] {
    let (arrivals, deadline_us) = (ARRIVALS, 1);
    let slo = "p99<=1ms".parse().unwrap();
    [
        (Load::Closed { outstanding: 3 }, "closed", false),
        (
            Load::Idle {
                interval_us: 6_000_000,
            },
            "idle",
            false,
        ),
        (
            Load::Open {
                arrivals,
                deadline_us,
            },
            "open",
            true,
        ),
        (
            Load::Capacity {
                arrivals,
                deadline_us,
                slo,
            },
            "capacity",
            true,
        ),
        (
            Load::Churn {
                arrivals,
                deadline_us,
            },
            "churn",
            true,
        ),
    ]
}

/// As JSON has it: words in print are those in reports.
fn in_json(of: &impl Serialize) -> String {
    serde_json::to_value(of)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn words_are_those_of_the_reports() {
    for status in [
        Status::Valid,
        Status::NotMeasured,
        Status::Suspect,
        Status::Invalid,
    ] {
        assert_eq!(status.word(), in_json(&status));
    }
    for phase in [
        Phase::Build,
        Phase::Preflight,
        Phase::Start,
        Phase::Run,
        Phase::Stop,
        Phase::Generator,
    ] {
        assert_eq!(phase.word(), in_json(&phase));
    }
    for (difference, word) in [
        (Difference::Higher, "higher"),
        (Difference::Lower, "lower"),
        (Difference::Equal, "equal within the margin"),
        (Difference::CantTell, "can't tell"),
    ] {
        assert_eq!(difference.word(), word);
    }
    for (load, word, is_scheduled) in loads() {
        assert_eq!((load.word(), load.is_scheduled()), (word, is_scheduled));
    }
    for arrivals in [Arrivals::Poisson, Arrivals::Uniform] {
        assert_eq!(in_json(&arrivals).parse(), Ok(arrivals));
    }
    assert!("bursts".parse::<Arrivals>().is_err());
}

#[test]
fn percentiles_are_the_quantiles_of_their_names() {
    for (kind, quantile) in [
        (FigureKind::P50, Some(0.5)),
        (FigureKind::P90, Some(0.9)),
        (FigureKind::P99, Some(0.99)),
        (FigureKind::P99_9, Some(0.999)),
        (FigureKind::Rate, None),
        (FigureKind::ConnectTime, None),
    ] {
        assert_eq!(kind.quantile(), quantile, "{kind:?}");
    }
    let times = Percentiles {
        mean: 0.0,
        p50: 1.0,
        p90: 2.0,
        p99: 3.0,
        p99_9: 4.0,
        max: 5.0,
    };
    for (name, percentile, us) in [
        ("p50", Percentile::P50, 1),
        ("p90", Percentile::P90, 2),
        ("p99", Percentile::P99, 3),
        ("p99.9", Percentile::P99_9, 4),
        ("p99_9", Percentile::P99_9, 4),
        ("max", Percentile::Max, 5),
    ] {
        let slo = |limit: i32| format!("{name}<={limit}us").parse::<Slo>().unwrap();
        assert_eq!(slo(us).percentile, percentile);
        assert!(slo(us).is_met(&times));
        // Nothing takes no time.
        let less = format!("{name}<={}us", f64::from(us) - 0.5);
        assert!(!less.parse::<Slo>().unwrap().is_met(&times), "{name}");
    }
    assert!("p99<=0us".parse::<Slo>().is_err());
}

fn check(id: &str, effect: Option<Effect>) -> Check {
    let figure = FigureKind::Rate;
    let touches = effect.map(|effect| Touch { figure, effect });
    Check::new(id, touches.into_iter().collect(), format!("of {id}"), "")
}

/// One that passed, one of each effect.
fn checks() -> Vec<Check> {
    let direction = Direction::Low;
    [
        ("passed", None),
        (
            "bound",
            Some(Effect::Bounds {
                direction,
                slack_share: None,
            }),
        ),
        (
            "biased",
            Some(Effect::Biases {
                direction,
                up_to_share: None,
            }),
        ),
        ("spoiled", Some(Effect::Spoils)),
        ("spoiled too", Some(Effect::Spoils)),
    ]
    .map(|(id, effect)| check(id, effect))
    .into()
}

#[test]
fn a_verdict_is_the_worst_of_its_checks() {
    let statuses: Vec<Status> = checks().iter().map(Check::status).collect();
    let (valid, invalid) = (Status::Valid, Status::Invalid);
    assert_eq!(statuses, [valid, valid, Status::Suspect, invalid, invalid]);

    let verdict = Verdict::of(checks());
    assert_eq!(
        (verdict.status, verdict.checks_passed),
        (Status::Invalid, 2)
    );
    assert_eq!(verdict.worst().unwrap().id, "spoiled");
    let failed = verdict.clone().without_passed();
    let ids: Vec<&str> = failed.checks.iter().map(|check| &*check.id).collect();
    assert_eq!(ids, ["biased", "spoiled", "spoiled too"]);
    assert_eq!(failed.checks_passed, 2);

    let sound = Verdict::of(checks()[..2].to_vec());
    assert_eq!((sound.status, sound.worst()), (Status::Valid, None));
}

#[test]
fn a_figure_has_its_own_verdict_or_in_older_reports_that_of_all() {
    let old = Verdict::of(checks());
    let of_all = old.of_figure("peak.rate_per_s").unwrap();
    assert_eq!(of_all.status, Status::Invalid);
    assert_eq!(of_all.check.as_deref(), Some("spoiled"));
    assert_eq!(of_all.because.as_deref(), Some("of spoiled"));
    let mut new = old;
    let own = FigureVerdict {
        status: Status::Suspect,
        ..FigureVerdict::default()
    };
    new.figures
        .insert("peak.rate_per_s".to_owned(), own.clone());
    assert_eq!(new.of_figure("peak.rate_per_s"), Some(own));
    assert_eq!(new.of_figure("memory"), None);
}

#[test]
fn what_is_used_is_added_up() {
    let clock = HostClock {
        host: "b".to_owned(),
        ahead_us: 7.0,
        bound_us: 3.0,
        drift_us: -2.0,
    };
    assert_eq!(clock.uncertainty_us(), 5.0);

    let mut used = ProcessUse {
        cpu_user_s: Some(3.0),
        cpu_system_s: Some(0.25),
        ..ProcessUse::default()
    };
    assert_eq!(used.cpu_total_s(), Some(3.25));
    used.cpu_s = Some(3.125);
    assert_eq!(used.cpu_total_s(), Some(3.125), "the finer clock");
    (used.cpu_s, used.cpu_user_s) = (None, None);
    assert_eq!(used.cpu_total_s(), None);

    let before = MachineMemory {
        free_bytes: 1_000,
        page_cache_bytes: 500,
        slab_bytes: 7,
        page_tables_bytes: 20,
        kernel_stacks_bytes: 300,
        per_cpu_bytes: 4_000,
        ..MachineMemory::default()
    };
    let now = MachineMemory {
        free_bytes: 600,
        page_cache_bytes: 550,
        slab_bytes: 8,
        page_tables_bytes: 40,
        kernel_stacks_bytes: 600,
        per_cpu_bytes: 8_000,
        ..MachineMemory::default()
    };
    assert_eq!(
        (now.lost_since(&before), before.lost_since(&now)),
        (350, -350)
    );
    assert_eq!(now.kernel_growth_since(&before), 1 + 20 + 300 + 4_000);
}

#[test]
fn a_ceiling_is_that_of_as_many_connections_where_it_is_known() {
    let step = |connections, rate_per_s| CeilingStep {
        connections,
        rate_per_s,
    };
    let ceiling = Ceiling {
        rate_per_s: 9.0,
        what: String::new(),
        steps: vec![step(10, 7.0), step(20, 9.0), step(30, 8.0)],
    };
    let of = [10, 20, 30, 40].map(|connections| ceiling.over(connections));
    assert_eq!(of, [7.0, 9.0, 8.0, 9.0]);
}

#[test]
fn places_name_what_has_to_be_equal() {
    let peak = Peak {
        connections: 100,
        ..Peak::default()
    };
    assert_eq!(peak.place(), "closed.100_connections");
    let open = Scheduled {
        connections: 100,
        offered_rate_per_s: 2_500.5,
        achieved_rate_per_s: 0.0,
        achieved_share: None,
        response_time_us: Times::default(),
        prompt_response_time_us: None,
        service_time_us: None,
        lag_us: None,
        read_lag_us: None,
        waited_share: None,
        replies_late: 0,
        connect_time_us: None,
        server_cpu_us_per_request: None,
        server_cpus_us_per_request: None,
        server_cpus_used: None,
    };
    assert_eq!(open.place(), "open.100_connections.2500.5_per_s");
}

fn planned(load: Load) -> PlannedLoad {
    PlannedLoad {
        load,
        connections: vec![10, 30],
        rates_per_s: vec![5.0, 7.0],
        rate_share_of_peak: None,
        warm_up_us: 0,
        warm_up_max_us: None,
        window_us: 3_000_000,
        hold: None,
    }
}

#[test]
fn a_schedule_has_a_window_at_each_rate_over_each_count() {
    for (load, word, is_scheduled) in loads() {
        let windows = planned(load).windows();
        let expected = match is_scheduled {
            false => vec![(10, None), (30, None)],
            true => [10, 30]
                .into_iter()
                .flat_map(|count| [5.0, 7.0].map(|rate| (count, Some(rate))))
                .collect(),
        };
        assert_eq!(windows, expected, "{word}");
    }
}

#[test]
fn an_idle_load_has_the_same_rate_at_each_step_and_a_window_of_half_a_second_at_least() {
    let [(closed, ..), (idle, ..), (open, ..), ..] = loads();
    let (closed, idle, open) = (planned(closed), planned(idle), planned(open));
    let intervals = [10, 30].map(|count| idle.message_interval_us(count));
    assert_eq!(intervals, [Some(2_000_000), Some(6_000_000)]);
    let windows = [1, 10, 30].map(|count| idle.window_us_over(count));
    assert_eq!(windows, [500_000, 1_000_000, 3_000_000]);
    let short = PlannedLoad {
        window_us: 300_000,
        ..idle
    };
    assert_eq!(short.window_us_over(1), 300_000);
    for other in [&closed, &open] {
        assert_eq!(other.message_interval_us(10), None);
        assert_eq!(other.window_us_over(1), 3_000_000);
    }
    assert_eq!((closed.round(10), open.round(10)), (Some(30), None));
}

#[test]
fn old_runs_are_one_when_all_that_they_have_is_equal() {
    let run = |id: Option<&str>, at: &str, seed: u64, kernel: &str| {
        let plan = Plan {
            seed,
            ..Plan::default()
        };
        let environment = Environment {
            kernel: Some(kernel.to_owned()),
            ..Environment::default()
        };
        RunReport {
            id: id.map(str::to_owned),
            ..RunReport::new("run", at.to_owned(), plan, environment)
        }
    };
    let old = run(None, "then", 1, "6.1");
    for (other, is_same) in [
        (run(None, "then", 1, "6.1"), true),
        (run(None, "now", 1, "6.1"), false),
        (run(None, "then", 2, "6.1"), false),
        (run(None, "then", 1, "6.2"), false),
        (run(Some("a"), "then", 1, "6.1"), false),
    ] {
        assert_eq!(old.is_same_run(&other), is_same);
    }
}
