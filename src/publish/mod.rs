//! Publishes a built site: to a [`branch`] of a git repository, or, with the feature `cloud`, to a bucket.

pub mod branch;
#[cfg(feature = "cloud")]
pub mod bucket;
