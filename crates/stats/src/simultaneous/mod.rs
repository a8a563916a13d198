//! Several contestants block by block: intervals of the differences of pairs, which hold all
//! together.
//!
//! Values are logarithms, so that differences are those of ratios; the functions don't care. A value
//! is its contestant's level, plus what its block does to all alike, plus noise whose variance is
//! the contestant's own.
//!
//! # How
//!
//! - **Variance.** Of each contestant over the blocks, against the mean of the *others* in the same
//!   block, where the steadier count for more: weights are the inverse variances, in a few rounds.
//!   Grubbs (1948) has the unbiased estimator of the same model. With six blocks it is often
//!   negative as soon as the contestants differ in noise, and cut off at 0 it makes intervals that
//!   hold far too rarely. Here nothing is subtracted, so that a variance includes that of the mean
//!   of the others, which is little where they are many.
//! - **Statistic** of a pair: the difference of its means over their standard error, with the
//!   degrees of freedom of Welch (1947), as Games and Howell (1976) have it for all pairs; then
//!   turned into the normal deviate that is as improbable (Wallace 1959). Without that the pair with
//!   the fewest degrees of freedom would make the limit for all.
//! - **Limit.** The greatest of these over all pairs (max-T: Westfall and Young 1993; Hothorn, Bretz
//!   and Westfall, Biometrical Journal 50, 2008) as it comes out when nothing differs, from 10,000
//!   draws of normal noise that go the same way. What is a little too great or too small in the
//!   variances is so in the draws, too. For six blocks of 14 contestants the limit is a difference
//!   of 4.7 standard errors; for two it is Student's 2.57 of the paired test.
//!
//! # How often all intervals of 95 % hold
//!
//! In simulations of 10,000 runs each, of 6 and 13 blocks: 94 to 96 % for 3, 4 and 14 contestants
//! whose noise is alike; 93 to 98 % where one is 5 or 20 times as noisy, or a tenth or a hundredth,
//! or half of them ten times, or all but two a hundred times, or in steps from 1 to 30. Of 126
//! patterns of noise by lot, for 2 to 15 contestants and 6 to 18 blocks, the worst gave 93.9 %. A test
//! below measures some of it again. (With Grubbs' estimator it was 7 % when one of 14 contestants was
//! 20 times as noisy.) Of 14 contestants with six
//! blocks it is 96 to 98 % for noise with heavy tails (Laplace, exponential, Student's t of four
//! degrees of freedom), and 91 % for noise that has none (uniform, or of two modes). Where residuals
//! of the saved references are permuted within blocks it is 96 to 99 %.
//!
//! Sources beside those: Tukey 1953 and Kramer 1956 (all pairs), Dunnett, Journal of the American
//! Statistical Association 50, 1955 (against one), Romano and Wolf, Econometrica 73, 2005 (max-T by
//! resampling).

mod drawn;
mod pair;
mod variance;

pub use pair::{Family, Pair};

use drawn::{greatest_of_family, greatest_of_two};
use pair::of_freedom;
use report::{comparison::BLOCKS_MIN, model::Range};
use std::sync::Arc;

/// The pairs of a family, and what chance does to the greatest difference among them.
#[derive(Clone, Debug)]
pub struct Simultaneous {
    pairs: Vec<Pair>,
    /// What chance gives the greatest deviate of the family, ascending.
    greatest: Arc<[f64]>,
}

impl Simultaneous {
    /// Of contestants' values in the same blocks, in the same order; `None` where a contestant lacks
    /// one. Pairs with fewer than six blocks in common are left out; `None` when no pair remains or
    /// a value isn't finite.
    pub fn of(table: &[Vec<Option<f64>>], family: Family) -> Option<Self> {
        let values = table.iter().flatten().flatten();
        if !values.clone().all(|value| value.is_finite()) {
            return None;
        }
        let blocks = table
            .iter()
            .map(Vec::len)
            .max()
            .filter(|&blocks| blocks > 0)?;
        let known = |contestant: &&Vec<Option<f64>>| contestant.iter().flatten().count();
        let usable: Vec<usize> = (0..table.len())
            .filter(|&index| known(&&table[index]) >= BLOCKS_MIN as usize)
            .collect();
        let rows = usable.iter().map(|&index| {
            let row = table[index].iter().map(|value| value.unwrap_or(f64::NAN));
            row.chain(std::iter::repeat(f64::NAN)).take(blocks)
        });
        let values: Vec<f64> = rows.flatten().collect();
        let table = variance::Table {
            values: &values,
            blocks,
        };
        let (pairs, blocks_least) = table.pairs(&usable, family);
        Some(Self {
            greatest: greatest_of_family(usable.len(), blocks_least?, family),
            pairs,
        })
    }

    /// Of two contestants whose blocks have nothing to do with each other; `None` with fewer than
    /// six of either or when a value isn't finite.
    ///
    /// Source: Welch, Biometrika 34, 1947.
    pub fn of_unpaired(first: &[f64], second: &[f64]) -> Option<Self> {
        let least = first.len().min(second.len());
        if least < BLOCKS_MIN as usize || !first.iter().chain(second).all(|v| v.is_finite()) {
            return None;
        }
        Some(Self {
            pairs: vec![variance::unpaired(first, second)],
            greatest: greatest_of_two(first.len(), second.len()),
        })
    }

    /// The pairs that could be compared.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The pair of these two, in either order.
    pub fn pair(&self, first: usize, second: usize) -> Option<Pair> {
        let mut pairs = self.pairs.iter();
        pairs.find_map(|pair| match (pair.first, pair.second) {
            same if same == (first, second) => Some(*pair),
            turned if turned == (second, first) => Some(Pair {
                first,
                second,
                difference: -pair.difference,
                ..*pair
            }),
            _ => None,
        })
    }

    /// How probable so great a difference is in any pair of the family, when nothing differs: from
    /// just above 0 to 1.
    pub fn p(&self, pair: &Pair) -> f64 {
        let deviate = pair.deviate();
        let less = self
            .greatest
            .partition_point(|greatest| *greatest < deviate);
        let (all, as_great) = (self.greatest.len(), self.greatest.len() - less);
        // The pair itself is one more.
        (as_great + 1) as f64 / (all + 1) as f64
    }

    /// The interval of a pair's difference. Those of the whole family hold all together as often as
    /// `confidence` says, between 0 and 1.
    ///
    /// Either end alone is a bound that fails half as often: the one-sided interval of confidence
    /// 1 - a is the end of the two-sided one of 1 - 2a. (Of a family it fails a little more often
    /// than that, by a^2 / 2 or less.)
    pub fn interval(&self, pair: &Pair, confidence: f64) -> Range {
        let last = self.greatest.len() - 1;
        let index = (self.greatest.len() as f64 * confidence).ceil() as usize;
        let reach = pair.error * of_freedom(self.greatest[index.min(last)], pair.freedom);
        Range {
            low: pair.difference - reach,
            high: pair.difference + reach,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{drawn::normals, *};
    use fastrand::Rng;

    fn normal(rng: &mut Rng) -> f64 {
        normals(rng)[0]
    }

    /// Values whose levels are all 0, in blocks that differ ten times as much as any contestant.
    fn noise(rng: &mut Rng, deviations: &[f64], blocks: usize) -> Vec<Vec<Option<f64>>> {
        let of_block: Vec<f64> = (0..blocks).map(|_| 10.0 * normal(rng)).collect();
        let row = |deviation: &f64| {
            let row = of_block.iter();
            row.map(|level| Some(level + deviation * normal(rng)))
                .collect()
        };
        deviations.iter().map(row).collect()
    }

    /// How often any interval of 95 % misses, in so many runs in which nothing differs.
    fn family_error(deviations: &[f64], blocks: usize, times: u32) -> f64 {
        let mut rng = Rng::with_seed(7);
        let missed = (0..times).filter(|_| {
            let table = noise(&mut rng, deviations, blocks);
            any_interval_misses(&table)
        });
        missed.count() as f64 / f64::from(times)
    }

    fn any_interval_misses(table: &[Vec<Option<f64>>]) -> bool {
        let compared = Simultaneous::of(table, Family::AllPairs).unwrap();
        compared.pairs().iter().any(|pair| {
            let Range { low, high } = compared.interval(pair, 0.95);
            low > 0.0 || high < 0.0
        })
    }

    /// As when no contestant has a value that has a logarithm.
    #[test]
    fn of_nobody_there_is_nothing_to_say() {
        assert!(Simultaneous::of(&[vec![], vec![]], Family::AllPairs).is_none());
        assert!(Simultaneous::of(&[], Family::AllPairs).is_none());
        assert!(Simultaneous::of(&[vec![None], vec![None]], Family::AllPairs).is_none());
    }

    #[test]
    fn all_intervals_together_hold_what_they_promise_whatever_the_noise() {
        // The standard error of each share is half a percent point.
        for (name, deviations) in [
            ("alike", [1.0; 14]),
            ("steps", std::array::from_fn(|i| 1.3_f64.powi(i as i32))),
            ("half", std::array::from_fn(|i| [1.0, 10.0][i % 2])),
            (
                "one",
                std::array::from_fn(|i| [1.0, 20.0][usize::from(i == 3)]),
            ),
            (
                "quiet",
                std::array::from_fn(|i| [1.0, 0.01][usize::from(i == 3)]),
            ),
        ] {
            let error = family_error(&deviations, 6, 2_000);
            assert!(error <= 0.07, "{name}: {error}");
        }
        for few in [&[1.0, 1.0][..], &[1.0, 5.0, 1.0], &[1.0, 0.1, 10.0, 1.0]] {
            let error = family_error(few, 6, 2_000);
            assert!(error <= 0.07, "{few:?}: {error}");
        }
    }

    /// CPU per request of 15 models in the six blocks of a run, at 133,000 requests a second:
    /// logarithms less the levels of models and blocks, times 10,000.
    const RESIDUALS: [[i16; 6]; 15] = [
        [98, 187, -148, -165, 34, -6],
        [-61, -80, 95, -36, 61, 22],
        [99, 70, 12, -29, -55, -96],
        [189, 30, -28, -72, 25, -144],
        [19, -15, -196, 260, -13, -56],
        [-43, 45, -133, 74, -75, 132],
        [-93, -75, -7, 5, 106, 64],
        [-274, -104, 28, 100, 145, 104],
        [-57, -42, -31, -37, 59, 109],
        [87, -16, 51, 38, -60, -100],
        [315, -319, 252, -332, -72, 155],
        [-29, -58, 128, 93, -48, -87],
        [-164, 162, -10, 74, -72, 11],
        [-61, 153, -24, 53, -105, -16],
        [-25, 64, 10, -28, 71, -92],
    ];

    #[test]
    fn all_intervals_hold_with_the_noise_of_a_real_run() {
        let mut rng = Rng::with_seed(7);
        let times = 2_000;
        let missed = (0..times).filter(|_| {
            // Within a block anybody may have had anybody's.
            let mut table = vec![Vec::new(); 15];
            for block in 0..6 {
                let mut of_block = RESIDUALS.map(|row| f64::from(row[block]));
                rng.shuffle(&mut of_block);
                for (row, value) in table.iter_mut().zip(of_block) {
                    row.push(Some(value));
                }
            }
            any_interval_misses(&table)
        });
        let error = missed.count() as f64 / f64::from(times);
        assert!(error <= 0.07, "{error}");
    }

    #[test]
    fn looking_four_times_costs_no_more_than_looking_once() {
        let mut rng = Rng::with_seed(7);
        let misses = |table: &[Vec<Option<f64>>], blocks: usize| {
            let until: Vec<_> = table.iter().map(|row| row[..blocks].to_vec()).collect();
            let compared = Simultaneous::of(&until, Family::AllPairs).unwrap();
            let mut pairs = compared.pairs().iter();
            pairs.any(|pair| compared.p(pair) <= report::comparison::ERROR_OF_A_LOOK)
        };
        let times = 1_500;
        let missed = (0..times).filter(|_| {
            let table = noise(&mut rng, &[1.0; 6], 18);
            [6, 9, 13, 18].iter().any(|&blocks| misses(&table, blocks))
        });
        let error = missed.count() as f64 / f64::from(times);
        assert!(error <= 0.07, "{error}");
    }

    #[test]
    fn of_14_contestants_and_six_blocks_the_limit_is_near_five_standard_errors() {
        let greatest = greatest_of_family(14, 6, Family::AllPairs);
        let limit = of_freedom(greatest[DRAWS_95], 10.0);
        assert!((4.5..4.9).contains(&limit), "{limit}");
        // Against one there are 13 pairs rather than 91.
        let greatest = greatest_of_family(14, 6, Family::Against(0));
        let limit = of_freedom(greatest[DRAWS_95], 10.0);
        assert!((3.1..3.9).contains(&limit), "{limit}");
    }

    const DRAWS_95: usize = 9_500;

    #[test]
    fn two_contestants_are_students_paired_test() {
        // Student, Biometrika 6, 1908: hours of sleep gained by ten patients with two drugs. R's
        // t.test(paired = TRUE): 1.58, 0.700 to 2.460, p = 0.00283.
        let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let table = [first, second].map(|row| row.map(Some).to_vec());
        let compared = Simultaneous::of(&table, Family::AllPairs).unwrap();
        let pair = compared.pair(0, 1).unwrap();
        let Range { low, high } = compared.interval(&pair, 0.95);
        assert!((pair.difference - 1.58).abs() < 1e-9);
        assert!(
            (low - 0.700).abs() < 0.03 && (high - 2.460).abs() < 0.03,
            "{low} to {high}"
        );
        assert!((compared.p(&pair) - 0.00283).abs() < 0.0015);
        let turned = compared.pair(1, 0).unwrap();
        assert_eq!(compared.interval(&turned, 0.95).high, -low);
    }

    #[test]
    fn two_that_are_not_paired_are_welchs_test() {
        // The same figures unpaired; R's t.test(): 1.58, -0.205 to 3.365, p = 0.0794.
        let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let compared = Simultaneous::of_unpaired(&first, &second).unwrap();
        let Range { low, high } = compared.interval(&compared.pairs()[0], 0.95);
        assert!(
            (low + 0.205).abs() < 0.05 && (high - 3.365).abs() < 0.05,
            "{low} to {high}"
        );
        assert!((compared.p(&compared.pairs()[0]) - 0.0794).abs() < 0.01);
        assert!(Simultaneous::of_unpaired(&first[..5], &second).is_none());
    }

    /// How often all pairs with a contestant that is so many standard deviations above the others
    /// are told apart.
    fn power(above: f64, blocks: usize) -> f64 {
        let mut rng = Rng::with_seed(7);
        let found = (0..300).filter(|_| {
            let mut table = noise(&mut rng, &[1.0; 14], blocks);
            for value in table[4].iter_mut().flatten() {
                *value += above;
            }
            let compared = Simultaneous::of(&table, Family::AllPairs).unwrap();
            let pair = compared.pair(0, 4).unwrap();
            compared.interval(&pair, 0.95).low > 0.0
        });
        found.count() as f64 / 300.0
    }

    #[test]
    fn differences_of_a_few_standard_deviations_are_found_among_14() {
        // With noise of 0.9 % as CPU per request has it: 5 % with six blocks, 2.5 % with 18.
        assert!(power(5.5, 6) > 0.95);
        assert!(power(2.8, 18) > 0.95);
        // And what is less than a standard deviation isn't.
        assert!(power(0.8, 6) < 0.05);
    }

    #[test]
    fn what_is_missing_is_left_out_and_five_blocks_say_nothing() {
        let mut rng = Rng::with_seed(7);
        let mut table = noise(&mut rng, &[1.0, 1.0, 0.0], 8);
        (table[0][2], table[1][7]) = (None, None);
        let compared = Simultaneous::of(&table, Family::AllPairs).unwrap();
        assert_eq!(compared.pairs().len(), 3);
        let Range { low, high } = compared.interval(&compared.pair(0, 1).unwrap(), 0.95);
        assert!(
            low < 0.0 && 0.0 < high && high - low < 10.0,
            "{low} to {high}"
        );
        // The third has five blocks; of the other two a pair remains.
        table[2][..3].fill(None);
        let compared = Simultaneous::of(&table, Family::AllPairs).unwrap();
        assert_eq!(compared.pairs().len(), 1);
        assert!(compared.pair(0, 2).is_none());
        table[0][3] = None;
        assert!(Simultaneous::of(&table, Family::AllPairs).is_none());
        assert!(Simultaneous::of(&[], Family::AllPairs).is_none());
        table[1][0] = Some(f64::INFINITY);
        assert!(Simultaneous::of(&table, Family::AllPairs).is_none());
    }

    #[test]
    fn values_without_noise_differ_or_are_equal() {
        let rows = [[1.0; 6], [1.0; 6], [1.1; 6]].map(|row| row.map(Some).to_vec());
        let compared = Simultaneous::of(&rows, Family::AllPairs).unwrap();
        let interval = |a, b| compared.interval(&compared.pair(a, b).unwrap(), 0.95);
        assert!(interval(0, 1).low < 0.0 && interval(0, 1).high < 1e-6);
        assert!(interval(0, 2).low > 0.0999 && interval(0, 2).high < 0.1001);
    }
}
