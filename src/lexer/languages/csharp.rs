//! C#.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, otherwise_leave, parts, rules_of, words};

pub(super) static CSHARP: Language = Language {
    names: &["csharp", "cs", "c#"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", ""),
                is(r"///.*", "c1"),
                is(r"//.*", "c1"),
                is(r"/\*", "cm").enter("comment"),
                is(r"^\h*#.*", "cp"),
                is(r#"(\$@|@\$)""#, "s").enter("verbatim format"),
                is(r#"@""#, "s").enter("verbatim"),
                is(r#"\$""#, "s").enter("format"),
                is("\"", "s").enter("string"),
                is(r"'(\\(x[\da-fA-F]+|u[\da-fA-F]{4}|.)|[^\\'\n])'", "sc"),
                parts(&[
                    ("class|struct|interface|enum|record", "k"),
                    (r"\s+", ""),
                    (r"@?\i\w*", "nc"),
                ]),
                parts(&[("namespace|using", "k"), (r"\s+", "")]).enter("namespace"),
                words(r"\i\w*", WORDS),
                is(r"@?\i\w*(?=\s*\()", "nf"),
                is(r"@?\i\w*", "n"),
                is(
                    r"0[xXbB][\da-fA-F_]+[uUlL]*|\d[\d_]*(\.\d[\d_]*)?([eE][+-]?\d+)?[uUlLfFdDmM]*",
                    "m",
                ),
                is(r"[-+*/%&|^~<>=!?:;,.(){}\[\]@#]", "p"),
            ],
        ),
        State("comment", &[is(r"\*/", "cm").leave(), is(r"[^*]+|.", "cm")]),
        State(
            "namespace",
            &[
                is(r"\(", "p").leave(),
                is(r"static\b", "k"),
                is(r"\h+", ""),
                is(r"\i[\w.]*(?=\s*[;{\n])", "nn").leave(),
                otherwise_leave(),
            ],
        ),
        State(
            "string",
            &[
                is("\"", "s").leave(),
                is(r"\n", "").leave(),
                is(r"\\(x[\da-fA-F]+|u[\da-fA-F]{4}|.)", "se"),
                is(r#"[^"\\\n]+"#, "s"),
            ],
        ),
        State(
            "format",
            &[
                is(r"\{\{", "s"),
                is(r"\{", "si").enter("value"),
                is(r#"[^"\\{\n]+"#, "s"),
                rules_of("string"),
            ],
        ),
        State(
            "value",
            &[is(r"\}", "si").leave(), is(r"\{", "p").enter("braces"), rules_of("code")],
        ),
        State("braces", &[is(r"\}", "p").leave(), rules_of("code")]),
        State("verbatim", &[is("\"\"", "se"), is("\"", "s").leave(), is("[^\"]+", "s")]),
        State(
            "verbatim format",
            &[
                is(r"\{\{", "s"),
                is(r"\{", "si").enter("value"),
                is(r#"[^"{]+"#, "s"),
                rules_of("verbatim"),
            ],
        ),
    ],
};

const WORDS: &[(&str, &str)] = &[
    (
        "k",
        "abstract as async await base break case catch checked class const continue default delegate do else \
         enum event explicit extern false finally fixed for foreach get global goto if implicit in \
         init interface internal is lock nameof namespace new null operator out override params partial \
         private protected public readonly record ref return sealed set sizeof stackalloc static struct switch \
         this throw true try typeof unchecked unsafe using value virtual void volatile when where \
         while with yield add remove from group into join let orderby select ascending descending on equals by",
    ),
    (
        "kt",
        "bool byte char decimal double dynamic float int long nint nuint object sbyte short string \
         uint ulong ushort var",
    ),
];
