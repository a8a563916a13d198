//! Each contestant's own variance, and from two of them the standard error of a pair.

use super::pair::{Family, Pair};
use report::comparison::BLOCKS_MIN;

/// Rounds of variances and weights. More change the intervals by less than 1 %.
const ROUNDS: usize = 5;

/// Weights lie within this factor of each other: one contestant whose blocks are all alike would
/// otherwise leave the others nothing but rounding.
const WEIGHTS_APART: f64 = 1e6;

/// Values by contestant, then by block; what is missing is NaN.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) values: &'a [f64],
    pub(super) blocks: usize,
}

impl Table<'_> {
    fn row(&self, contestant: usize) -> &[f64] {
        &self.values[contestant * self.blocks..][..self.blocks]
    }

    fn contestants(&self) -> usize {
        self.values.len() / self.blocks
    }

    /// Variance of each contestant, and the degrees of freedom that it is known with.
    fn variances(&self) -> Vec<(f64, f64)> {
        let contestants = self.contestants();
        let mut level: Vec<f64> = (0..contestants).map(|i| mean(self.row(i))).collect();
        let mut weight = vec![1.0; contestants];
        let mut found = vec![(0.0, 1.0); contestants];
        let mut moments = vec![Moments::default(); contestants];
        for _ in 0..ROUNDS {
            moments.fill(Moments::default());
            for block in 0..self.blocks {
                self.add_block(block, &level, &weight, &mut moments);
            }
            for (index, moments) in moments.iter().enumerate() {
                level[index] += moments.mean();
                found[index] = (moments.variance(), (moments.count - 1.0).max(1.0));
            }
            let greatest = found.iter().fold(0.0, |most: f64, one| most.max(one.0));
            if greatest > 0.0 {
                let least = greatest / WEIGHTS_APART;
                for (weight, (variance, _)) in weight.iter_mut().zip(&found) {
                    *weight = 1.0 / variance.max(least);
                }
            }
        }
        found
    }

    /// What each contestant of a block is above the mean of the others in it.
    fn add_block(&self, block: usize, level: &[f64], weight: &[f64], moments: &mut [Moments]) {
        let value = |contestant: usize| self.values[contestant * self.blocks + block];
        let (mut weights, mut sum) = (0.0, 0.0);
        for (index, (level, weight)) in level.iter().zip(weight).enumerate() {
            let above = value(index) - level;
            if !above.is_nan() {
                weights += weight;
                sum += weight * above;
            }
        }
        for (index, moments) in moments.iter_mut().enumerate() {
            let above = value(index) - level[index];
            let of_others = weights - weight[index];
            if !above.is_nan() && of_others > 0.0 {
                moments.add(above - (sum - weight[index] * above) / of_others);
            }
        }
    }

    /// The pairs of a family with enough blocks in common, under the names that contestants have
    /// elsewhere, and the least number of such blocks; `None` without pairs.
    pub(super) fn pairs(&self, names: &[usize], family: Family) -> (Vec<Pair>, Option<usize>) {
        let variances = self.variances();
        let is_wanted = |pair: (usize, usize)| match family {
            Family::AllPairs => true,
            Family::Against(one) => pair.0 == one || pair.1 == one,
        };
        let mut pairs = Vec::with_capacity(names.len() * names.len() / 2);
        let mut blocks_least = None;
        for first in 0..names.len() {
            for second in first + 1..names.len() {
                let name = (names[first], names[second]);
                let (difference, blocks) = difference(self.row(first), self.row(second));
                if !is_wanted(name) || blocks < f64::from(BLOCKS_MIN) {
                    continue;
                }
                let (error, freedom) = welch(variances[first], variances[second], blocks, blocks);
                pairs.push(Pair::new(name, difference, error, freedom));
                let blocks = blocks as usize;
                blocks_least = Some(blocks_least.map_or(blocks, |least: usize| least.min(blocks)));
            }
        }
        (pairs, blocks_least)
    }
}

/// Two contestants that have no block in common.
pub(super) fn unpaired(first: &[f64], second: &[f64]) -> Pair {
    let of = |values: &[f64]| {
        let mut moments = Moments::default();
        let middle = mean(values);
        values.iter().for_each(|value| moments.add(value - middle));
        (moments.variance(), moments.count - 1.0)
    };
    let (error, freedom) = welch(
        of(first),
        of(second),
        first.len() as f64,
        second.len() as f64,
    );
    Pair::new((0, 1), mean(second) - mean(first), error, freedom)
}

/// Standard error of the difference of two means of so many values each, and its degrees of freedom.
fn welch(a: (f64, f64), b: (f64, f64), count_a: f64, count_b: f64) -> (f64, f64) {
    let (of_a, of_b) = (a.0 / count_a, b.0 / count_b);
    let sum = of_a + of_b;
    let freedom = if sum > 0.0 {
        sum * sum / (of_a * of_a / a.1 + of_b * of_b / b.1)
    } else {
        a.1.min(b.1)
    };
    (sum.sqrt(), freedom)
}

/// Mean difference over the blocks that both have, and how many these are.
fn difference(first: &[f64], second: &[f64]) -> (f64, f64) {
    let (mut sum, mut count) = (0.0, 0.0);
    for (first, second) in first.iter().zip(second) {
        let difference = second - first;
        if !difference.is_nan() {
            sum += difference;
            count += 1.0;
        }
    }
    (sum / f64::max(count, 1.0), count)
}

fn mean(values: &[f64]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        if !value.is_nan() {
            sum += value;
            count += 1.0;
        }
    }
    sum / f64::max(count, 1.0)
}

/// Of values that lie around 0.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    fn variance(&self) -> f64 {
        let squares = self.squares - self.sum * self.mean();
        (squares / (self.count - 1.0).max(1.0)).max(0.0)
    }
}
