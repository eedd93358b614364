//! What can be said about numbers over seeds: means and their intervals, differences and whether
//! they could be chance.
//!
//! All intervals are 95 % confidence intervals, and all tests are two-sided at 5 %. Those by
//! Student's t are right for numbers that are about normally distributed over the seeds, and wide
//! if there are few seeds, as they should be. Which numbers of which runs are compared, and how the
//! outcome is worded, is decided by `figure`.

mod bootstrap;
mod difference;
mod holm;
mod permutation;
mod power;
mod ratio;
mod student;
mod summary;

pub use bootstrap::bootstrap;
pub use difference::{Difference, Equivalence, Fallback, Pairing, Test, Untested, compare};
pub use holm::holm;
pub use ratio::RatioInterval;
pub(crate) use ratio::ratio_interval;
pub(crate) use summary::combined;
pub use summary::{Estimate, Summary};

/// The level of all intervals.
pub const CONFIDENCE: f64 = 0.95;

/// What a p-value has to be below for a difference to count as significant.
pub const SIGNIFICANCE: f64 = 0.05;

#[cfg(test)]
pub(crate) mod simulation;
#[cfg(test)]
mod tests;
