//! Publishes a built site: to a [`branch`] of a git repository.

pub mod branch;
