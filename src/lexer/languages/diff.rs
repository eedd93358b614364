//! Differences between files.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is};

pub(super) static DIFF: Language = Language {
    names: &["diff", "patch", "udiff"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[State(
        "lines",
        &[
            is(r"^[+>].*\n?", "gi"),
            is(r"^[-<].*\n?", "gd"),
            is(r"^!.*\n?", "gs"),
            is(r"^([Ii]ndex|diff|=).*\n?", "gh"),
            is(r".*\n?", ""),
        ],
    )],
};
