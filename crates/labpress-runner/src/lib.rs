//! For experiments written in Rust: the types of the runner protocol, and a reporter that implements
//! it.
//!
//! `labpress run` starts an experiment's program with `LABPRESS_RUN=DIR` in its environment. The
//! program reads its job from `DIR/run.json` and appends events to `DIR/events.jsonl`.
//! [`reporter::Run`] does both; [`protocol`] defines what is in the files. labpress itself and its
//! built-in runner `lab` use the same types.

pub mod protocol;
pub mod reporter;
