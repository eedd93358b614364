//! Java.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, otherwise_leave, parts, words};

pub(super) static JAVA: Language = Language {
    names: &["java"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", ""),
                is(r"//.*", "c1"),
                is(r"/\*", "cm").enter("comment"),
                is(r#"""""#, "s").enter("block"),
                is("\"", "s").enter("string"),
                is(r"'(\\(u[\da-fA-F]{4}|.)|[^\\'\n])'", "sc"),
                is(r"@\i[\w.]*", "nd"),
                parts(&[("class|interface|enum|record", "kd"), (r"\s+", ""), (NAME, "nc")]),
                is(r"(package|import)\b", "kn").enter("import"),
                parts(&[(r"\.", "o"), (r"\h*", ""), (NAME, "na")]),
                parts(&[(r"^\h*", ""), (r"\i\w*:", "nl")]),
                words(NAME, TYPES).enter("after type"),
                words(NAME, WORDS),
                is(r"[A-Z][A-Z\d_]*\b", "no").enter("after type"),
                is(r"[A-Z][\w$]*", "nc").enter("after type"),
                is(NAME, "n").enter("after type"),
                parts(&[(r"[>\]]", "o"), (r"(?=\h)", "")]).enter("after type"),
                is(
                    r"(\d[\d_]*\.(?!\.)[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?[fFdD]?|\d[\d_]*([eE][+-]?\d+[fFdD]?|[fFdD])",
                    "mf",
                ),
                is(r"0[xX][\da-fA-F_]+[lL]?", "mh"),
                is(r"0[bB][01_]+[lL]?", "mb"),
                is(r"0[0-7_]+[lL]?", "mo"),
                is(r"\d[\d_]*[lL]?", "mi"),
                is(r"[-+*/%&|^~<>=!?:;,.(){}\[\]]", "o"),
            ],
        ),
        // A name between a type and a parenthesis is a method.
        State(
            "after type",
            &[is(r"\h+", ""), is(r"[\i$][\w$]*(?=\s*\()", "nf").leave(), otherwise_leave()],
        ),
        State("comment", &[is(r"\*/", "cm").leave(), is(r"[^*]+|.", "cm")]),
        State(
            "import",
            &[
                is(r"\s+", ""),
                is(r"static\b", "kd"),
                is(r"\i[\w.]*(\.\*)?", "nn").leave(),
                otherwise_leave(),
            ],
        ),
        State(
            "string",
            &[
                is("\"", "s").leave(),
                is(r"\n", "").leave(),
                is(r"\\(u[\da-fA-F]{4}|.)", "se"),
                is(r#"[^"\\\n]+"#, "s"),
            ],
        ),
        State(
            "block",
            &[is(r#"""""#, "s").leave(), is(r"\\(.|\n)", "se"), is(r#"[^"\\]+|."#, "s")],
        ),
    ],
};

const NAME: &str = r"[\i$][\w$]*";

const WORDS: &[(&str, &str)] = &[
    (
        "k",
        "assert break case catch continue default do else finally for if goto instanceof new \
         return switch this throw try while yield",
    ),
    (
        "kd",
        "abstract class const enum extends final implements interface native private protected \
         public static strictfp super synchronized throws transient volatile record sealed permits",
    ),
    ("kc", "true false null"),
];

const TYPES: &[(&str, &str)] = &[("kt", "boolean byte char double float int long short var void")];
