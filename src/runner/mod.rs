//! Starts what an experiment's results come from, follows it and collects what it made.
//!
//! A runner is a program that speaks the [`protocol`]; [`local`] starts it on this machine.

pub mod protocol;
