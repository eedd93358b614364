//! YAML.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, otherwise_leave, parts, rules_of};

pub(super) static YAML: Language = Language {
    names: &["yaml", "yml"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "document",
            &[
                is(r"^(---|\.\.\.)(?=\s|$)", "nn"),
                is(r"^%.*", "nd"),
                parts(&[(r"^ *([-?] +)*", "pi"), (KEY, "na"), (r"\h*", ""), (":", "pi")])
                    .enter_with("value", 0),
                parts(&[(r"^ *([-?] +)+", "pi")]).enter_with("value", 0),
                parts(&[(r"^ +(?=[^\s#])", "")]).enter_with("value", 0),
                is(r"[-?](?=\s|$)", "pi"),
                rules_of("item"),
            ],
        ),
        // The rest of a line and what belongs to it. The state remembers the indentation.
        State("value", &[is("^", "").leave(), rules_of("item")]),
        State(
            "item",
            &[
                is(r"\s", ""),
                is(r"#.*", "c1"),
                is(r"!\S*", "kt"),
                is(r"[&*][^\s,\[\]{}]+", "nv"),
                parts(&[(KEY, "na"), (r"\h*", ""), (":", "pi")]),
                is(r"[|>][-+\d]*(?=\h*(#.*)?$)", "pi").enter("block"),
                rules_of("quotes"),
                is(r"[\[{]", "pi").enter("flow"),
                is(r"(true|false|null|~)(?=\h*($|\h#))", "no"),
                is(r"\d+(?=\h*($|\h#))", "m"),
                is(r"\S", "s").enter("plain"),
            ],
        ),
        State(
            "quotes",
            &[is("\"", "s2").enter("double quotes"), is("'", "s1").enter("single quotes")],
        ),
        State("double quotes", &[is("\"", "s2").leave(), is(r"\\.", "se"), is(r#"[^"\\]+"#, "s2")]),
        State("single quotes", &[is("''", "se"), is("'", "s1").leave(), is("[^']+", "s1")]),
        State(
            "plain",
            &[
                is(r"\h+(?=#)", "").leave(),
                parts(&[(r"\n+", ""), (r"\>", ""), (r"\h*(?=[^\s#])", "")]),
                is(r"[^\n \t]+|\h+", "s"),
                otherwise_leave(),
            ],
        ),
        State(
            "block",
            &[
                is(r"(?<![^\s])#.*", "c1"),
                is(r"\h*\n+", "").replace("block lines"),
                otherwise_leave(),
            ],
        ),
        State(
            "block lines",
            &[parts(&[(r"\>", ""), (r".*", "s")]), is(r"\h*\n", ""), otherwise_leave()],
        ),
        State(
            "flow",
            &[
                is(r"\s+", ""),
                is(r"[\]}]", "pi").leave(),
                is(r"[\[{]", "pi").enter("flow"),
                is(r"#.*", "c1"),
                is(r"!\S*", "kt"),
                rules_of("quotes"),
                is(r"[,:?]", "pi"),
                is(r#"[^\s,\[\]{}:#"']([^,\[\]{}:#\n]+|:(?=\S))*"#, "nv"),
            ],
        ),
    ],
};

const KEY: &str = r#"("[^"\n]*"|'[^'\n]*'|([^\s:#\[\]{},&*!|>'"%@`-]|[-?:](?=[^\s:]))([^\n:#\[\]{},]+|:(?=\S)|(?<![\h])#)*)(?=\h*:(\s|$))"#;
