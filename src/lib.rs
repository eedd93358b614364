//! labpress: a static blog generator whose posts carry reproducible deep-learning experiments.

pub mod cli;
pub mod config;
pub mod data;
pub mod diagnostic;
pub mod digest;
pub mod experiment;
mod fields;
pub mod figure;
pub mod liquid;
pub mod markdown;
pub mod output;
pub mod post;
pub mod recipe;
pub mod runner;
pub mod site;
pub mod source;
pub mod stats;
pub mod store;
pub mod value;
pub mod yaml;
