//! labpress: a static blog generator whose posts carry reproducible deep-learning experiments.

pub mod data;
pub mod diagnostic;
pub mod digest;
pub mod experiment;
pub mod figure;
pub mod markdown;
pub mod recipe;
pub mod runner;
pub mod source;
pub mod stats;
pub mod yaml;
