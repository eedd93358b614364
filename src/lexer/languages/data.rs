//! JSON and TOML.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, parts, rules_of, words};

pub(super) static JSON: Language = Language {
    names: &["json", "jsonc", "json5", "geojson"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "value",
            &[
                is(r"\s+", "w"),
                is(r"//.*", "c1"),
                is(r"/\*", "cm").enter("comment"),
                is(r#""([^"\\\n]+|\\.)*"(?=\s*:)"#, "nl"),
                is("\"", "s2").enter("string"),
                is(r"-?(0|[1-9]\d*)(\.\d+([eE][+-]?\d+)?|[eE][+-]?\d+)", "mf"),
                is(r"-?(0|[1-9]\d*)", "mi"),
                words(r"\i\w*", &[("kc", "true false null")]),
                is(r"\i[\w-]*(?=\s*:)", "nl"),
                is(r"\i\w*", "n"),
                is(r"[{}\[\],:]+", "p"),
            ],
        ),
        State(
            "string",
            &[
                is("\"", "s2").leave(),
                is(r#"\\(["\\/bfnrt]|u[\da-fA-F]{4})"#, "se"),
                is(r"\n", "").leave(),
                is(r#"[^"\\\n]+|."#, "s2"),
            ],
        ),
        State("comment", &[is(r"\*/", "cm").leave(), is(r"[^*]+|.", "cm")]),
    ],
};

pub(super) static TOML: Language = Language {
    names: &["toml"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "lines",
            &[
                is(r"\s+", ""),
                is(r"#.*", "c"),
                is(r"\[\[?[^\]\n]*\]\]?", "nn"),
                parts(&[(KEY, "py"), (r"\h*", ""), ("=", "p")]).enter("value"),
            ],
        ),
        State("value", &[is(r"\n", "").leave(), rules_of("item")]),
        State(
            "item",
            &[
                is(r"\s+", ""),
                is(r"#.*", "c"),
                is(r"\[", "p").enter("array"),
                is(r"\{", "p").enter("table"),
                is(r#"""""#, "s").enter("block"),
                is("\"", "s").enter("text"),
                is(r"'''", "s").enter("raw block"),
                is(r"'[^'\n]*'?", "s"),
                words(r"\i\w*", &[("kc", "true false")]),
                is(r"\d{4}-\d{2}-\d{2}([T ][\d:.Z+-]+)?", "ld"),
                is(r"[+-]?(\d[\d_]*(\.\d[\d_]*([eE][+-]?\d+)?|[eE][+-]?\d+)|inf|nan)", "mf"),
                is(r"0x[\da-fA-F_]+", "mh"),
                is(r"0o[0-7_]+", "mo"),
                is(r"0b[01_]+", "mb"),
                is(r"[+-]?\d[\d_]*", "mi"),
                is(",", "p"),
            ],
        ),
        State("array", &[is(r"\]", "p").leave(), rules_of("item")]),
        State(
            "table",
            &[
                is(r"\}", "p").leave(),
                parts(&[(KEY, "py"), (r"\h*", ""), ("=", "p")]),
                rules_of("item"),
            ],
        ),
        State("text", &[is(r"\n", "").leave(), is("\"", "s").leave(), rules_of("escaped")]),
        State("block", &[is(r#"""""#, "s").leave(), rules_of("escaped")]),
        State(
            "escaped",
            &[is(r#"\\(["\\bfnrt\n]|u[\da-fA-F]{4})"#, "se"), is(r#"[^"\\\n]+|."#, "s")],
        ),
        State("raw block", &[is(r"'''", "s").leave(), is(r"[^']+|.", "s")]),
    ],
};

const KEY: &str = r#"([\w-]+|"[^"\n]*"|'[^'\n]*')(\h*\.\h*([\w-]+|"[^"\n]*"|'[^'\n]*'))*"#;
