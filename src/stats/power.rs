//! How large a difference has to be for a test to find it.

use statrs::distribution::{Discrete, Poisson};
use statrs::function::beta::beta_reg;

use super::student;

/// The power that a detectable difference is found with.
const POWER: f64 = 0.8;

/// The smallest difference, in standard errors, that a two-sided t-test with so many degrees of
/// freedom finds with a probability of 80 % (Cohen 1988, "Statistical power analysis for the
/// behavioral sciences"); `None` for fewer than one degree of freedom.
pub(super) fn detectable(freedom: f64) -> Option<f64> {
    let critical = student::quantile(freedom)?;
    let excess = |shift: f64| Some(power(critical, freedom, shift)? - POWER);
    // Regula falsi in the Illinois form: it needs a fifth of the steps of a bisection. With one
    // degree of freedom the result is 1.3 times the critical value, and less with more.
    let (mut low, mut high) = (0.0, 2.0 * critical);
    let (mut of_low, mut of_high) = (excess(low)?, excess(high)?);
    let (mut middle, mut before) = (high, 0.0);
    for _ in 0..60 {
        middle = (low * of_high - high * of_low) / (of_high - of_low);
        let of_middle = excess(middle)?;
        if of_middle.abs() < 1e-14 {
            break;
        }
        let is_same_side = of_middle * before > 0.0;
        if of_middle > 0.0 {
            (high, of_high) = (middle, of_middle);
            of_low /= if is_same_side { 2.0 } else { 1.0 };
        } else {
            (low, of_low) = (middle, of_middle);
            of_high /= if is_same_side { 2.0 } else { 1.0 };
        }
        before = of_middle;
    }
    Some(middle)
}

/// The probability of a t beyond ± `critical` if the true difference is `noncentrality` standard
/// errors: the square of t follows the noncentral F distribution, which is a mixture of beta
/// distributions with Poisson weights (Patnaik 1949, "The non-central χ²- and F-distributions and
/// their applications").
fn power(critical: f64, freedom: f64, noncentrality: f64) -> Option<f64> {
    let square = critical.powi(2);
    let x = square / (freedom + square);
    let half = noncentrality.powi(2) / 2.0;
    if half == 0.0 {
        return Some(1.0 - beta_reg(0.5, freedom / 2.0, x));
    }
    let weights = Poisson::new(half).ok()?;
    // Ten standard deviations above the mean: what is beyond has no weight.
    let most = half + 10.0 * half.sqrt() + 40.0;
    let inside = (0_u64..)
        .take_while(|&term| (term as f64) < most)
        .map(|term| weights.pmf(term) * beta_reg(term as f64 + 0.5, freedom / 2.0, x));
    Some(1.0 - inside.sum::<f64>())
}
