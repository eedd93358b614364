//! Student's t distribution.

use std::sync::OnceLock;

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::CONFIDENCE;

/// The quantile of Student's t with 2.5 % above it, for one or more degrees of freedom; `None` for
/// fewer.
///
/// Whole degrees of freedom, which a mean over seeds has, are computed once: a chart needs the same
/// few quantiles at each of its points.
pub(super) fn quantile(freedom: f64) -> Option<f64> {
    static WHOLE: [OnceLock<Option<f64>>; 64] = [const { OnceLock::new() }; 64];
    let known =
        WHOLE.iter().enumerate().find(|(whole, _)| (*whole as f64).total_cmp(&freedom).is_eq());
    match known {
        Some((_, quantile)) => *quantile.get_or_init(|| bisected_quantile(freedom)),
        None => bisected_quantile(freedom),
    }
}

/// The quantile by bisection, because statrs's own inverse does not terminate for very many degrees
/// of freedom.
fn bisected_quantile(freedom: f64) -> Option<f64> {
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

/// The probability of a t above `t`; `None` for fewer than one degree of freedom.
pub(super) fn tail(t: f64, freedom: f64) -> Option<f64> {
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok().filter(|_| freedom > 0.999)?;
    Some(distribution.sf(t)).filter(|p| p.is_finite())
}

/// The probability of a t at least as far from zero as `t`; `None` for fewer than one degree of
/// freedom.
pub(super) fn both_tails(t: f64, freedom: f64) -> Option<f64> {
    tail(t.abs(), freedom).map(|tail| (2.0 * tail).min(1.0))
}
