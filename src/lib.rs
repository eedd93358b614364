//! labpress: a static blog generator whose posts carry reproducible deep-learning experiments.

pub mod data;
pub mod diagnostic;
pub mod markdown;
pub mod recipe;
pub mod runner;
pub mod source;
pub mod yaml;
