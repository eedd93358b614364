//! The exact permutation test of pairs.

/// The most pairs that are tested: 2¹² sign flips.
const MOST_PAIRS: usize = 12;

/// The two-sided p-value of the pairs' differences by flipping their signs in all ways (Fisher 1935,
/// "The design of experiments", §21): the share of flips whose sum is at least as far from zero.
/// It assumes only that a difference and its negative are equally likely if the variants are equal.
///
/// `None` for no pairs, and for more than twelve. Of n pairs, it is never below 2 / 2ⁿ: five cannot
/// be significant.
pub(super) fn sign_flips(differences: &[f64]) -> Option<f64> {
    if differences.is_empty() || differences.len() > MOST_PAIRS {
        return None;
    }
    let largest = differences.iter().fold(0.0_f64, |largest, one| largest.max(one.abs()));
    let sum = |flips: u32| {
        let signed = differences
            .iter()
            .enumerate()
            .map(|(index, one)| if flips >> index & 1 == 1 { -one } else { *one });
        signed.sum::<f64>().abs()
    };
    // Sums that are equal except for rounding count as equal.
    let observed = sum(0) - largest * 1e-12;
    let all = 1_u32 << differences.len();
    let extreme = (0..all).filter(|&flips| sum(flips) >= observed).count();
    Some(extreme as f64 / f64::from(all))
}
