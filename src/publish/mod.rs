//! Publishes a built site: to a [`branch`] of a git repository, or to a [`bucket`] of an object store.

pub mod branch;
#[cfg(feature = "cloud")]
pub mod bucket;
