//! labpress: a static blog generator whose posts carry reproducible deep-learning experiments.
//!
//! `ARCHITECTURE.md` has an overview. In short, a build is one flow of values:
//!
//! [`inputs`] reads every file → [`config`], [`post`] and [`experiment`] check them →
//! [`experiment::plan`] decides which runs are stale → [`runner`] does those in child processes →
//! [`site`] renders pages with [`liquid`], [`markdown`] and [`figure`] → the result is one
//! [`output`], which [`destination`] writes.

pub mod check;
mod compat;
pub mod config;
pub mod data;
mod defaults;
pub mod destination;
pub mod diagnostic;
pub mod digest;
pub mod errors;
pub mod experiment;
mod fields;
pub mod figure;
mod html;
mod images;
pub mod imported;
pub mod inputs;
mod lexer;
pub mod liquid;
pub mod markdown;
mod media_type;
pub mod output;
pub mod path;
mod permalink;
pub mod plugin;
pub mod post;
mod psych;
pub mod publish;
mod raster;
pub mod recipe;
pub mod roles;
pub mod rule;
pub mod runner;
pub mod serve;
pub mod site;
pub mod slug;
pub mod stats;
pub mod store;
pub mod text;
pub mod theme;
pub mod time;
pub mod timings;
mod url;
pub mod value;
pub mod yaml;
