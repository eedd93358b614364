//! Go.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, words};

pub(super) static GO: Language = Language {
    names: &["go", "golang"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", ""),
                is(r"//.*", "c"),
                is(r"/\*", "c").enter("comment"),
                is("`", "s").enter("raw string"),
                is("\"", "s").enter("string"),
                is(r"'(\\(x[\da-fA-F]+|u[\da-fA-F]{4}|[0-7]+|.)|[^\\'\n])'", "s"),
                words(r"\i\w*", WORDS),
                words(
                    r"\i\w*",
                    &[(
                        "nb",
                        "append cap clear close complex copy delete imag len make max min new panic \
                         print println real recover",
                    )],
                ),
                is(r"\i\w*", "n"),
                is(
                    r"0[xX][\da-fA-F_]+|0[bB][01_]+|\d[\d_]*(\.[\d_]*)?([eE][+-]?\d+)?i?|\.\d+([eE][+-]?\d+)?i?",
                    "m",
                ),
                is(r"\.\.\.|[-+*/%&|^<>=!:.~]", "o"),
                is(r"[(){}\[\],;]+", "p"),
            ],
        ),
        State("comment", &[is(r"\*/", "c").leave(), is(r"[^*]+|.", "c")]),
        State("raw string", &[is("`", "s").leave(), is("[^`]+", "s")]),
        State(
            "string",
            &[
                is("\"", "s").leave(),
                is(r"\n", "").leave(),
                is(r"\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.)", "se"),
                is(r#"[^"\\\n]+"#, "s"),
            ],
        ),
    ],
};

const WORDS: &[(&str, &str)] = &[
    (
        "k",
        "break case chan const continue default defer else fallthrough for func go goto if import \
         interface map package range return select struct switch type var",
    ),
    (
        "kt",
        "bool byte complex128 complex64 error float32 float64 int int16 int32 int64 int8 rune \
         string uint uint16 uint32 uint64 uint8 uintptr",
    ),
    ("no", "false iota nil true"),
];
