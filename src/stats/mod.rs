//! Means over seeds, and their confidence intervals.
//!
//! All intervals are 95 % confidence intervals by Student's t. They are right for numbers that are
//! about normally distributed over the seeds, and wide if there are few seeds, as they should be.

use std::sync::OnceLock;

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The level of all intervals.
const CONFIDENCE: f64 = 0.95;

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
        Some(Summary { n, mean: mean * scale, lowest, highest, deviation })
    }

    /// Whether there are several numbers and all are the same.
    pub(crate) fn is_identical(&self) -> bool {
        self.n > 1 && self.lowest.total_cmp(&self.highest).is_eq()
    }

    /// The numbers, each divided by `scale`, which is above zero.
    fn divided_by(self, scale: f64) -> Summary {
        Summary {
            n: self.n,
            mean: self.mean / scale,
            lowest: self.lowest / scale,
            highest: self.highest / scale,
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

/// The interval of a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RatioInterval {
    /// The spread is unknown, such as that of single numbers.
    Unknown,
    /// From one number to another.
    Between(f64, f64),
    /// The divisor may be zero, so the ratio may be anything beyond some number, or anything at
    /// all.
    Unbounded,
}

/// The 95 % interval of the ratio of two means of independent samples, by Fieller's theorem (1954,
/// "Some problems in interval estimation"): all θ at which a − θ b is not significantly different
/// from 0. It is not symmetric, and it is unbounded if the divisor does not differ significantly
/// from 0.
///
/// Variances need not be equal: the degrees of freedom are those of Welch and Satterthwaite at the
/// ratio itself.
pub(crate) fn ratio_interval(dividend: Summary, divisor: Summary) -> RatioInterval {
    let squared_error = |of: Summary| Some(of.deviation?.powi(2) / of.n as f64);
    // Scaled by the largest number: squares of the means themselves could vanish or overflow.
    let (a_scale, b_scale) = (scale(dividend), scale(divisor));
    let (dividend, divisor) = (dividend.divided_by(a_scale), divisor.divided_by(b_scale));
    let (Some(a_error), Some(b_error)) = (squared_error(dividend), squared_error(divisor)) else {
        return RatioInterval::Unknown;
    };
    let (a, b) = (dividend.mean, divisor.mean);
    if a_error + b_error == 0.0 {
        return RatioInterval::Unknown;
    }
    let theta = a / b;
    let (of_a, of_b) = (a_error, theta.powi(2) * b_error);
    let squares = of_a.powi(2) / (dividend.n - 1) as f64 + of_b.powi(2) / (divisor.n - 1) as f64;
    let Some(t) = t_quantile((of_a + of_b).powi(2) / squares) else {
        return RatioInterval::Unknown;
    };
    // The ends are the roots of (b² − t² v_b) θ² − 2 a b θ + (a² − t² v_a).
    let (leading, last) = (b.powi(2) - t.powi(2) * b_error, a.powi(2) - t.powi(2) * a_error);
    if leading <= 0.0 {
        return RatioInterval::Unbounded;
    }
    let root = ((a * b).powi(2) - leading * last).max(0.0).sqrt();
    let ends = [a * b - root, a * b + root].map(|end| end / leading * (a_scale / b_scale));
    match ends {
        [from, to] if from.is_finite() && to.is_finite() => RatioInterval::Between(from, to),
        _ => RatioInterval::Unknown,
    }
}

fn scale(of: Summary) -> f64 {
    power_of_two_below(of.lowest.abs().max(of.highest.abs()))
}

fn half_width(terms: &[(f64, Summary)]) -> Option<f64> {
    // The standard error f · s / √n and the degrees of freedom of each term.
    let errors: Vec<(f64, f64)> = terms
        .iter()
        .map(|(factor, of)| {
            Some((factor * of.deviation? / (of.n as f64).sqrt(), (of.n - 1) as f64))
        })
        .collect::<Option<_>>()?;
    let largest = errors.iter().map(|(error, _)| error.abs()).fold(0.0, f64::max);
    if largest == 0.0 {
        return Some(0.0);
    }
    // Scaled by the largest error: squares of the errors themselves could vanish or overflow.
    let squares = errors.iter().map(|&(error, freedom)| ((error / largest).powi(2), freedom));
    let sum: f64 = squares.clone().map(|(square, _)| square).sum();
    let freedom =
        sum.powi(2) / squares.map(|(square, freedom)| square.powi(2) / freedom).sum::<f64>();
    let half_width = t_quantile(freedom)? * sum.sqrt() * largest;
    half_width.is_finite().then_some(half_width)
}

/// The quantile of Student's t with 2.5 % above it, for one or more degrees of freedom; `None` for
/// fewer.
///
/// Whole degrees of freedom, which a mean over seeds has, are computed once: a chart needs the same
/// few quantiles at each of its points.
fn t_quantile(freedom: f64) -> Option<f64> {
    static WHOLE: [OnceLock<Option<f64>>; 64] = [const { OnceLock::new() }; 64];
    let known =
        WHOLE.iter().enumerate().find(|(whole, _)| (*whole as f64).total_cmp(&freedom).is_eq());
    match known {
        Some((_, quantile)) => *quantile.get_or_init(|| bisected_t_quantile(freedom)),
        None => bisected_t_quantile(freedom),
    }
}

/// The quantile by bisection, because statrs's own inverse does not terminate for very many degrees
/// of freedom.
fn bisected_t_quantile(freedom: f64) -> Option<f64> {
    let t = StudentsT::new(0.0, 1.0, freedom).ok().filter(|_| freedom > 0.999)?;
    // It is lowest for the normal distribution, 1.96, and highest for one degree of freedom, 12.71.
    let (mut low, mut high) = (1.9, 13.0);
    for _ in 0..52 {
        let middle = f64::midpoint(low, high);
        let is_below = t.sf(middle) > (1.0 - CONFIDENCE) / 2.0;
        *(if is_below { &mut low } else { &mut high }) = middle;
    }
    Some(f64::midpoint(low, high))
}

/// The largest power of two that is not above `value`, which is not negative; for 0 and subnormal
/// numbers, the smallest normal number.
fn power_of_two_below(value: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    f64::from_bits(value.to_bits() & EXPONENT).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hours of sleep gained by ten patients under two drugs: Student's own example (1908), R's
    /// data set `sleep`.
    const SLEEP: [[f64; 10]; 2] = [
        [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
        [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
    ];

    #[track_caller]
    fn check_near(actual: f64, expected: f64) {
        let tolerance = 1e-6 * expected.abs().max(1.0);
        assert!((actual - expected).abs() < tolerance, "{actual} is not {expected}");
    }

    fn summary(values: &[f64]) -> Summary {
        Summary::of(values).expect("there are values")
    }

    #[test]
    fn the_interval_of_a_mean_agrees_with_r() {
        // R 4: t.test(sleep$extra[sleep$group == 2]) gives 0.8976775 to 3.7623225.
        let estimate = summary(&SLEEP[1]).estimate();
        let half_width = estimate.half_width.expect("there are ten");
        check_near(estimate.value, 2.33);
        check_near(estimate.value - half_width, 0.897_677_5);
        check_near(estimate.value + half_width, 3.762_322_5);
    }

    #[test]
    fn the_interval_of_a_difference_agrees_with_r() {
        // R 4: t.test(extra ~ group, data = sleep) gives −3.3654832 to 0.2054832 with 17.776
        // degrees of freedom.
        let estimate = combined(&[(1.0, summary(&SLEEP[0])), (-1.0, summary(&SLEEP[1]))]);
        let half_width = estimate.half_width.expect("there are twenty");
        check_near(estimate.value - half_width, -3.365_483_2);
        check_near(estimate.value + half_width, 0.205_483_2);
    }

    /// Numbers computed by scipy, see `tests/reference/intervals.py`.
    #[derive(serde::Deserialize)]
    struct Reference {
        samples: std::collections::BTreeMap<String, Vec<f64>>,
        means: std::collections::BTreeMap<String, [f64; 3]>,
        differences: Vec<(String, String, [f64; 3])>,
        /// `None` where the interval is not bounded.
        ratios: Vec<(String, String, Option<[f64; 3]>)>,
    }

    #[test]
    fn intervals_agree_with_scipy() {
        let reference: Reference =
            serde_json::from_str(include_str!("../../tests/reference/intervals.json"))
                .expect("it is JSON");
        let of = |name: &String| summary(&reference.samples[name]);
        let check = |estimate: Estimate, [value, from, to]: [f64; 3]| {
            let half_width = estimate.half_width.expect("there are several");
            check_near(estimate.value, value);
            check_near(estimate.value - half_width, from);
            check_near(estimate.value + half_width, to);
        };
        for (name, &expected) in &reference.means {
            check(of(name).estimate(), expected);
        }
        for (a, b, expected) in &reference.differences {
            check(combined(&[(1.0, of(a)), (-1.0, of(b))]), *expected);
        }
        for (a, b, expected) in &reference.ratios {
            match (ratio_interval(of(a), of(b)), expected) {
                (RatioInterval::Between(from, to), Some([_, low, high])) => {
                    check_near(from, *low);
                    check_near(to, *high);
                }
                (RatioInterval::Unbounded, None) => {}
                (found, expected) => panic!("{a} / {b}: {found:?} is not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_ratio_of_numbers_without_spread_has_no_interval() {
        let (one, equal, several) =
            (summary(&[2.0]), summary(&[2.0, 2.0]), summary(&[1.0, 1.5, 2.0]));
        assert_eq!(ratio_interval(one, several), RatioInterval::Unknown);
        assert_eq!(ratio_interval(equal, equal), RatioInterval::Unknown);
        assert!(matches!(ratio_interval(several, equal), RatioInterval::Between(..)));
    }

    #[test]
    fn quantiles_agree_with_their_closed_forms() {
        // With one degree of freedom t is Cauchy's distribution; with two there is also a closed
        // form.
        check_near(t_quantile(1.0).expect("above 0"), (std::f64::consts::PI * 0.475).tan());
        check_near(
            t_quantile(2.0).expect("above 0"),
            2.0 * 0.475 * (2.0 / (4.0 * 0.975 * 0.025_f64)).sqrt(),
        );
        // With many it approaches the normal distribution: z + (z³ + z) / (4 ν) to first order.
        check_near(t_quantile(1e4).expect("above 0"), 1.959_964 + 9.489_171 / 4e4);
    }

    #[test]
    fn two_numbers_have_the_interval_of_the_closed_form() {
        // s / √2 is half the distance.
        let estimate = summary(&[1.0, 3.0]).estimate();
        check_near(
            estimate.half_width.expect("there are two"),
            (std::f64::consts::PI * 0.475).tan(),
        );
    }

    #[test]
    fn a_single_number_has_no_interval() {
        assert_eq!(summary(&[0.5]).estimate(), Estimate { value: 0.5, half_width: None });
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn equal_numbers_have_an_interval_of_width_zero() {
        assert_eq!(
            summary(&[0.1, 0.1, 0.1]).estimate(),
            Estimate { value: 0.1, half_width: Some(0.0) }
        );
    }

    #[test]
    fn very_large_and_very_small_numbers_keep_their_spread() {
        check_near(summary(&[1e200, 3e200]).deviation.expect("two") / 1e200, 2.0_f64.sqrt());
        check_near(summary(&[1e-200, 3e-200]).deviation.expect("two") / 1e-200, 2.0_f64.sqrt());
    }

    proptest! {
        #[test]
        fn the_mean_is_between_the_extremes(values in prop::collection::vec(-1e300..1e300, 1..9)) {
            let summary = summary(&values);
            // A rounding error of the sum is allowed.
            let slack = 1e-12 * summary.lowest.abs().max(summary.highest.abs());
            prop_assert!(summary.lowest - slack <= summary.mean);
            prop_assert!(summary.mean <= summary.highest + slack);
        }

        #[test]
        fn any_finite_numbers_have_a_finite_estimate(
            values in prop::collection::vec(
                prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
                1..6,
            ),
        ) {
            let estimate = summary(&values).estimate();
            prop_assert!(estimate.value.is_finite());
            let is_finite = |half_width: f64| half_width.is_finite() && half_width >= 0.0;
            prop_assert!(estimate.half_width.is_none_or(is_finite));
        }

        #[test]
        fn the_interval_of_a_ratio_contains_the_ratio_at_any_size(
            a in prop::collection::vec(1.0..2.0, 2..6),
            b in prop::collection::vec(1.0..2.0, 2..6),
            power in -200..200,
        ) {
            let scale = 10_f64.powi(power);
            let a: Vec<f64> = a.into_iter().map(|value| value * scale).collect();
            let (a, b) = (summary(&a), summary(&b));
            if let RatioInterval::Between(from, to) = ratio_interval(a, b) {
                let ratio = a.mean / b.mean;
                let is_inside = from <= ratio * (1.0 + 1e-9) && ratio <= to * (1.0 + 1e-9);
                prop_assert!(is_inside, "{} {} {}", from, ratio, to);
            }
        }
    }
}
