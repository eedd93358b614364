//! The ratio of two means.

use super::student;
use super::summary::{Summary, power_of_two_below};

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
    let Some(t) = student::quantile((of_a + of_b).powi(2) / squares) else {
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
