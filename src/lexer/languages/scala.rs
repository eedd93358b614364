//! Scala.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, otherwise_leave, parts, rules_of, words};

pub(super) static SCALA: Language = Language {
    names: &["scala", "sbt", "sc"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", ""),
                is(r"//.*", "c1"),
                is(r"/\*", "cm").enter("comment"),
                is(r"@\i\w*", "nd"),
                parts(&[(r"(\i\w*)?", "n"), (r#"""""#, "s")]).enter("block"),
                parts(&[(r"\i\w*", "n"), ("\"", "s")]).enter("format"),
                is("\"", "s").enter("string"),
                is(r"'(\\(u[\da-fA-F]{4}|.)|[^\\'\n])'", "sc"),
                is(r"'\i\w*", "ss"),
                parts(&[("def", "k"), (r"\h+", ""), (FUNCTION, "nf")]),
                parts(&[("val", "k"), (r"\h+", ""), (NAME, "nv")]),
                is(r"(class|trait|object|enum)\b", "k").enter("class"),
                is(r"(type)\b", "k").enter("type"),
                is(r"(import|package)\b", "k").enter("import"),
                is(r":(?![\w:=+*/<>&|~^!?-])", "k").enter("type"),
                is(r"(extends|with|new)\b", "k"),
                words(NAME, WORDS),
                is(r"(_|=>|<-|<:|<%|>:|=|#|@|⇒|←)(?![\w=+*/<>&|~^!?:-])", "k"),
                is(r"(true|false|null)\b", "kc"),
                is(r"\(\)", "o"),
                is(r"[A-Z]\w*(?=\.)", "nv"),
                is(r"[A-Z]\w*", "nc"),
                is(r"(?<=\w)\[(?=[\s\i+])", "o").enter("type arguments"),
                parts(&[(r"\.", "o"), (r"[a-zA-Z_]\w*", "py")]),
                is(r"[a-z_]\w*(?=\h*\()", "nf"),
                is(r"[a-z_]\w*(?=\.)", "nv"),
                is(NAME, "n"),
                is(r"\d[\d_]*(\.\d[\d_]*([eE][+-]?\d+)?[fFdD]?|[eE][+-]?\d+[fFdD]?|[fFdD])", "mf"),
                is(r"0[xX][\da-fA-F_]+[lL]?", "mh"),
                is(r"\d[\d_]*[lL]?", "mi"),
                is(r"[-+*/%&|^~<>=!?:]+|[;,.(){}\[\]$]", "o"),
            ],
        ),
        State(
            "comment",
            &[is(r"/\*", "cm").enter("comment"), is(r"\*/", "cm").leave(), is(r"[^*/]+|.", "cm")],
        ),
        State("class", &[is(r"\h+", ""), is(NAME, "nc").leave(), otherwise_leave()]),
        State(
            "type",
            &[is(r"\h+", ""), is(r"[\i$][\w.$]*", "kt").replace("after type"), otherwise_leave()],
        ),
        State("after type", &[is(r"\[", "o").enter("type arguments"), otherwise_leave()]),
        State(
            "type arguments",
            &[
                is(r"[\s,]+", ""),
                is(r"[\[(]", "o").enter("type arguments"),
                is(r"[\])]", "o").leave(),
                is(r"=>|<:|>:|_\b|:", "k"),
                is(r"[+-]?[\i$][\w.$]*", "kt"),
                is(r"\S", "o"),
            ],
        ),
        State(
            "import",
            &[
                is(r"\h+", ""),
                is(r"[\i$][\w$]*(\.[\i$][\w$]*)*\.?", "nn").leave(),
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
            "format",
            &[
                rules_of("inside"),
                is("\"", "s").leave(),
                is(r"\n", "").leave(),
                is(r"\\.", "se"),
                is(r#"[^"\\\n$]+|."#, "s"),
            ],
        ),
        State("inside", &[is(r"\$\{", "s").enter("value")]),
        // In the braces of a string, which can hold strings.
        State(
            "value",
            &[
                is(r"\}", "s").leave(),
                is(r"\{", "s").enter("value"),
                is(r#""[^"\n]*"|[^{}"]+|.|\n"#, "s"),
            ],
        ),
        State("block", &[is(r#"""""*"#, "s").leave(), is(r#"[^"]+|."#, "s")]),
    ],
};

const NAME: &str = r"[\i$][\w$]*";
const FUNCTION: &str = r"[\i$][\w$]*((?<=[_])[-+*/%&|^~<>=!?:]+)?|`[^`\n]+`|[-+*/%&|^~<>=!?:]+";

const WORDS: &[(&str, &str)] = &[(
    "k",
    "abstract case catch def do else extends final finally for forSome if implicit lazy match \
         new override private protected requires return sealed super this throw try val var while \
         with yield",
)];
