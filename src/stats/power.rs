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
    // With one degree of freedom it is 15.2 … above the quantile itself, and less with more.
    let (mut low, mut high) = (0.0, 4.0 * critical);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        let is_found = power(critical, freedom, middle)? >= POWER;
        *(if is_found { &mut high } else { &mut low }) = middle;
    }
    Some(f64::midpoint(low, high))
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
