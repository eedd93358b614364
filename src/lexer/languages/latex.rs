//! TeX and LaTeX.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, otherwise_leave, parts, rules_of};

pub(super) static LATEX: Language = Language {
    names: &["latex", "tex"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "text",
            &[
                is(r"%.*", "c"),
                is(r"[{}&_^]", "p"),
                is(r"\$\$", "p").enter("display"),
                is(r"\$", "p").enter("math"),
                is(r"\\\[", "p").enter("display"),
                is(r"\\\(", "p").enter("math"),
                is(r"\\(begin|end)\{[^}\n]*\}", "nt").enter("arguments"),
                is(r"\\([a-zA-Z@]+\*?|.)", "k").enter("arguments"),
                is(r"[^\\$%&_^{}]+", ""),
            ],
        ),
        State("arguments", &[parts(&[(r"\[[^\]\n]*\]", "na")]).leave(), otherwise_leave()]),
        State("math", &[is(r"\$|\\\)", "p").leave(), rules_of("formula")]),
        State("display", &[is(r"\$\$|\\\]", "p").leave(), rules_of("formula")]),
        State(
            "formula",
            &[
                is(r"%.*", "c"),
                is(r"\\([a-zA-Z]+\*?|.)", "nv"),
                is(r"\d+", "m"),
                is(r"[-=!+*/()\[\]|<>^_]", "o"),
                is(r"[{}&]", "p"),
                is(r"\s+", ""),
                is(r"[^\\$%&_^{}\d\s=!+*/()\[\]|<>-]+", "nb"),
            ],
        ),
    ],
};
