//! A summary of numbers over seeds, and the interval of their mean.

use super::student;

/// A summary of numbers, one for each seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many numbers there are, at least one.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// The lowest.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
    /// The number in the middle; between the two in the middle, if there are two.
    pub median: f64,
    /// The sample standard deviation, with the divisor n − 1; `None` for a single number.
    pub deviation: Option<f64>,
}

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The interval is `value ± half_width`; `None` if there is no interval, such as for the mean
    /// of a single number.
    pub half_width: Option<f64>,
}

impl Summary {
    /// Summarizes `values`, which are finite; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Summary> {
        let lowest = values.iter().copied().reduce(f64::min)?;
        let highest = values.iter().copied().reduce(f64::max)?;
        let n = values.len();
        // Dividing by a power of two is exact. It keeps sums and squares of very large or very
        // small numbers from overflowing or vanishing.
        let scale = power_of_two_below(lowest.abs().max(highest.abs()));
        // A rounded sum would not give exactly the mean of equal numbers.
        let mean = if lowest.to_bits() == highest.to_bits() {
            lowest / scale
        } else {
            values.iter().map(|value| value / scale).sum::<f64>() / n as f64
        };
        let squares: f64 = values.iter().map(|value| (value / scale - mean).powi(2)).sum();
        let deviation = (n >= 2).then(|| (squares / (n - 1) as f64).sqrt() * scale);
        Some(Summary { n, mean: mean * scale, lowest, highest, median: median(values)?, deviation })
    }

    /// Whether there are several numbers and all are the same.
    pub(crate) fn is_identical(&self) -> bool {
        self.n > 1 && self.lowest.total_cmp(&self.highest).is_eq()
    }

    /// The numbers, each divided by `scale`, which is above zero.
    pub(super) fn divided_by(self, scale: f64) -> Summary {
        Summary {
            n: self.n,
            mean: self.mean / scale,
            lowest: self.lowest / scale,
            highest: self.highest / scale,
            median: self.median / scale,
            deviation: self.deviation.map(|deviation| deviation / scale),
        }
    }

    /// The mean with its interval, mean ± t(0.975, n − 1) · s / √n (Student 1908, "The probable
    /// error of a mean").
    pub fn estimate(&self) -> Estimate {
        combined(&[(1.0, *self)])
    }
}

/// The sum of means of independent samples, each times its factor: `[(1, a), (-1, b)]` is the
/// difference a − b.
///
/// Variances need not be equal: the interval is Welch's (1947, "The generalization of Student's
/// problem when several different population variances are involved"), with the degrees of freedom
/// by Welch and Satterthwaite (1946), (Σ vᵢ)² / Σ (vᵢ² / (nᵢ − 1)) where vᵢ = fᵢ² sᵢ² / nᵢ. For one
/// sample that is Student's interval.
pub(crate) fn combined(terms: &[(f64, Summary)]) -> Estimate {
    let value = terms.iter().map(|(factor, summary)| factor * summary.mean).sum();
    Estimate { value, half_width: half_width(terms) }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (below, above) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(f64::midpoint(*sorted.get(below)?, *sorted.get(above)?))
}

fn half_width(terms: &[(f64, Summary)]) -> Option<f64> {
    let StandardError { error, freedom } = standard_error(terms)?;
    if error == 0.0 {
        return Some(0.0);
    }
    let half_width = student::quantile(freedom)? * error;
    half_width.is_finite().then_some(half_width)
}

/// The standard error of a number, and its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct StandardError {
    pub(super) error: f64,
    /// Not a number if the error is zero.
    pub(super) freedom: f64,
}

/// The standard error of a sum as [`combined`] defines it; `None` if a sample is a single number.
pub(super) fn standard_error(terms: &[(f64, Summary)]) -> Option<StandardError> {
    // The standard error f · s / √n and the degrees of freedom of each term.
    let errors: Vec<(f64, f64)> = terms
        .iter()
        .map(|(factor, of)| {
            Some((factor * of.deviation? / (of.n as f64).sqrt(), (of.n - 1) as f64))
        })
        .collect::<Option<_>>()?;
    let largest = errors.iter().map(|(error, _)| error.abs()).fold(0.0, f64::max);
    if largest == 0.0 {
        return Some(StandardError { error: 0.0, freedom: f64::NAN });
    }
    // Scaled by the largest error: squares of the errors themselves could vanish or overflow.
    let squares = errors.iter().map(|&(error, freedom)| ((error / largest).powi(2), freedom));
    let sum: f64 = squares.clone().map(|(square, _)| square).sum();
    let freedom =
        sum.powi(2) / squares.map(|(square, freedom)| square.powi(2) / freedom).sum::<f64>();
    Some(StandardError { error: sum.sqrt() * largest, freedom })
}

/// The largest power of two that is not above `value`, which is not negative; for 0 and subnormal
/// numbers, the smallest normal number.
pub(super) fn power_of_two_below(value: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    f64::from_bits(value.to_bits() & EXPONENT).max(f64::MIN_POSITIVE)
}
