//! Correction for many comparisons.

/// The p-values adjusted by Holm's method (1979, "A simple sequentially rejective multiple test
/// procedure"), in the order given: one that is below 0.05 is significant among all of them.
///
/// If none of the differences is real, one or more of the adjusted values are below 0.05 with a
/// probability of at most 5 %, however the tests depend on each other.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, &index) in order.iter().enumerate() {
        largest = largest.max(p[index] * (p.len() - rank) as f64).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}
