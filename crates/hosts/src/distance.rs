//! Were the CPUs of server and generator as far apart as usual in a run?
//!
//! A host moves virtual CPUs between cores, and all that server and generator hand each other goes that
//! way. Measured on an AMD EPYC: 75 ns there and back where both share a cache, 390 ns where they don't,
//! and then a quarter fewer requests, with a third more CPU time for each, of all servers alike.

use crate::touch::{TIMES, biases};
use report::{
    check::{Check, Direction, FigureKind},
    trial::CpusApart,
};

/// A distance is another one when it differs by this factor. Within one cache it was seen to vary by up to
/// two, by which cores they are and how fast they run; to the next cache it was five times as far.
const FACTOR_MAX: f64 = 2.5;

/// Whether a distance is as usual.
pub fn is_usual(round_trip_ns: f64, usual_ns: f64) -> bool {
    factor(round_trip_ns, usual_ns) <= FACTOR_MAX
}

/// How many times nearer or farther, from 1.
fn factor(round_trip_ns: f64, usual_ns: f64) -> f64 {
    (round_trip_ns / usual_ns).max(usual_ns / round_trip_ns)
}

/// What is usual among these, in nanoseconds: the lower quartile. So the nearer place is meant where they
/// are there often, and neither one moment nearer than all others nor most of the time farther away
/// changes it.
pub fn usual_ns(round_trips_ns: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = round_trips_ns.into_iter().collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 4).copied()
}

/// `None` where the distance isn't known, or what is usual.
pub(crate) fn cpus_moved(apart: Option<&CpusApart>) -> Option<Check> {
    let CpusApart {
        before_ns,
        after_ns,
        usual_ns,
    } = *apart?;
    let usual_ns = usual_ns?;
    let most = factor(before_ns, usual_ns).max(factor(after_ns, usual_ns));
    let mut touches = Vec::new();
    if most > FACTOR_MAX {
        let figures = [&[FigureKind::Rate, FigureKind::Cpu], &TIMES[..]].concat();
        touches = biases(&figures, Direction::Either, None);
    }
    let detail = format!(
        "a cache line took {before_ns:.0} ns before and {after_ns:.0} ns after from the server's CPU to the \
         generator's and back, in this run usually {usual_ns:.0} ns"
    );
    let advice = "the host moves virtual CPUs: more --patience, or a machine of your own";
    Some(Check::new("cpus_moved", touches, detail, advice).values(most, FACTOR_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::check::Status;

    #[test]
    fn the_nearer_place_is_usual_where_they_are_there_often() {
        let run = |near: usize, far: usize| {
            let near = std::iter::repeat_n(75.0, near);
            usual_ns(near.chain(std::iter::repeat_n(390.0, far)))
        };
        assert_eq!(run(12, 0), Some(75.0));
        assert_eq!(run(4, 8), Some(75.0));
        // One moment of twelve is what is unusual itself.
        assert_eq!(run(1, 11), Some(390.0));
        assert_eq!(run(0, 0), None);
    }

    #[test]
    fn cpus_that_moved_touch_all_but_memory() {
        let of = |before_ns, after_ns, usual_ns| {
            let apart = CpusApart {
                before_ns,
                after_ns,
                usual_ns,
            };
            cpus_moved(Some(&apart))
        };
        assert!(of(75.0, 110.0, Some(75.0)).unwrap().passed);
        for moved in [of(390.0, 75.0, Some(75.0)), of(75.0, 390.0, Some(75.0))] {
            let moved = moved.unwrap();
            assert_eq!(moved.fails_as, Status::Suspect);
            let figures: Vec<_> = moved.touches.iter().map(|touch| touch.figure).collect();
            assert!(figures.contains(&FigureKind::Rate) && figures.contains(&FigureKind::P50));
            assert!(!figures.contains(&FigureKind::UserMemory));
        }
        // Nearer than usual is another place, too.
        assert!(!of(75.0, 75.0, Some(390.0)).unwrap().passed);
        assert_eq!(of(75.0, 75.0, None), None);
        assert_eq!(cpus_moved(None), None);
    }
}
