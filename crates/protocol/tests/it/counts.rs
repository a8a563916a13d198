//! Counts of several become one: no number is forgotten, or added where it is an extreme.

use protocol::{
    launch::{Done, ThreadCounts},
    tally::{Connected, Counts, Errors, Interval, ReadTimes, ScheduledTimes, Tally, Totals},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, ops::AddAssign};

/// The larger of two stays; `served_least` is the one of which the smaller does.
const EXTREMES: [&str; 4] = [
    "window_us",
    "served_most",
    "heard_late_ns",
    "longest_stall_ns",
];

fn fields<T: Serialize>(of: &T) -> Map<String, Value> {
    match serde_json::to_value(of).unwrap() {
        Value::Object(fields) => fields,
        other => panic!("{other} has no fields"),
    }
}

/// The same with another number in each field, by the field's place.
fn filled<T: Serialize + DeserializeOwned>(like: &T, number: impl Fn(u64) -> u64) -> T {
    let mut all = fields(like);
    let numbers = all.values_mut().filter(|value| !value.is_array());
    for (value, place) in numbers.zip(0..) {
        *value = number(place).into();
    }
    serde_json::from_value(all.into()).unwrap()
}

/// Adds two, and looks at each field.
fn add_up<T: Serialize + DeserializeOwned + AddAssign + Clone>(like: &T) {
    let few = filled(like, |place| 100 + place);
    let many = filled(like, |place| 1_000 + 7 * place);
    let mut sum = few.clone();
    sum += many.clone();
    let (few, many) = (fields(&few), fields(&many));
    for (name, value) in fields(&sum) {
        let Some(value) = value.as_u64() else {
            continue;
        };
        let (few, many) = (few[&name].as_u64().unwrap(), many[&name].as_u64().unwrap());
        let expected = match name.as_str() {
            "served_least" => few,
            name if EXTREMES.contains(&name) => many,
            _ => few + many,
        };
        assert_eq!(value, expected, "{name}");
    }
}

#[test]
fn every_count_is_added_or_an_extreme() {
    add_up(&Counts::default());
    add_up(&Totals::default());
    add_up(&Done {
        // Written only when there were any.
        backend_failures: 1,
        ..Done::default()
    });
}

#[test]
fn a_sum_that_does_not_fit_stays_at_the_largest_number() {
    let most = Totals {
        requests: u64::MAX,
        ..Totals::default()
    };
    let mut sum = most;
    sum += most;
    assert_eq!(sum, most);
}

#[test]
fn what_one_server_could_not_count_both_have_not_counted() {
    let thread = ThreadCounts {
        accepted: 1,
        ..ThreadCounts::default()
    };
    let counted = Done {
        requests: Some(1),
        responses: Some(1),
        by_thread: vec![thread],
        ..Done::default()
    };
    for (one, other) in [
        (counted.clone(), Done::default()),
        (Done::default(), counted.clone()),
    ] {
        let mut sum = one;
        sum += other;
        assert_eq!((sum.requests, sum.responses), (None, None));
        assert_eq!(sum.by_thread, [thread]);
    }
}

#[test]
fn a_line_says_nothing_of_backends_and_threads_that_there_were_not() {
    let line = |done: &Done| serde_json::to_string(done).unwrap();
    let mut done = Done::default();
    assert!(!line(&done).contains("backend") && !line(&done).contains("thread"));
    done.backend_failures = 1;
    assert!(line(&done).contains(r#""backend_failures":1"#));
    assert_eq!(serde_json::from_str::<Done>(&line(&done)).unwrap(), done);
}

/// All of `n`, its histograms (here plain numbers) `times` as much.
fn tally(n: u64, times: u64) -> Tally<u64> {
    let of = |histogram: u64| histogram * n * times;
    Tally {
        counts: Counts {
            requests: n,
            ..Counts::default()
        },
        service_time: of(1),
        read_times: Some(ReadTimes {
            read_lag: of(2),
            server_time: of(3),
            time: of(4),
            prompt_time: of(5),
            clock_was_set: false,
        }),
        scheduled: Some(ScheduledTimes {
            response_time: of(6),
            prompt_response_time: of(7),
            lag: of(8),
            connect_time: Some(of(9)),
        }),
        intervals: vec![Interval {
            index: 3,
            requests: n,
            outstanding: 2 * n,
            latency: of(10),
        }],
        errors: Errors(BTreeMap::from([("reset".to_owned(), n)])),
    }
}

fn connected(n: u32, times: u64) -> Connected<u64> {
    Connected {
        connections: n,
        elapsed_us: 7,
        connect_time: u64::from(n) * times,
        errors: Errors(BTreeMap::from([("refused".to_owned(), n.into())])),
    }
}

#[test]
fn the_parts_of_a_tally_are_added_each_to_its_own() {
    let mut sum = tally(1, 1);
    sum += tally(10, 1);
    assert_eq!(sum, tally(11, 1));

    let mut sum = connected(1, 1);
    sum += connected(10, 1);
    assert_eq!(sum, connected(11, 1));
}

#[test]
fn the_clock_was_set_if_it_was_for_anyone() {
    for (one, other) in [(false, false), (false, true), (true, false), (true, true)] {
        let set = |was| {
            let mut tally = tally(1, 1);
            tally.read_times.as_mut().unwrap().clock_was_set = was;
            tally
        };
        let mut sum = set(one);
        sum += set(other);
        assert_eq!(sum.read_times.unwrap().clock_was_set, one || other);
    }
}

#[test]
fn another_histogram_changes_nothing_else() {
    let threefold = |histogram: u64| Ok::<_, ()>(histogram * 3);
    assert_eq!(tally(2, 1).map(threefold), Ok(tally(2, 3)));
    assert_eq!(connected(2, 1).map(threefold), Ok(connected(2, 3)));
    // Whichever of them can't be made.
    for broken in 1..=10 {
        let map = |histogram| (histogram != broken).then_some(histogram).ok_or(broken);
        assert_eq!(tally(1, 1).map(map), Err(broken));
    }
}

#[test]
fn errors_are_counted_by_kind() {
    let mut errors = Errors::default();
    for kind in ["reset", "refused", "reset"] {
        errors.count(kind);
    }
    let mut twice = errors.clone();
    twice += errors;
    assert_eq!(
        twice.0,
        BTreeMap::from([("refused".to_owned(), 2), ("reset".to_owned(), 4)])
    );
}
