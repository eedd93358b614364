//! JavaScript and TypeScript.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, Rule, State, is, otherwise_leave, parts, rules_of, words};

pub(super) static JAVASCRIPT: Language = Language {
    names: &["javascript", "js", "jsx", "node", "mjs", "cjs"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State("code", &[rules_of("literals"), words(NAME, WORDS), rules_of("names")]),
        State("literals", LITERALS),
        State("names", NAMES),
        State("operand", OPERAND),
        State("pattern", PATTERN),
        State("set", SET),
        State("comment", COMMENT),
        State("double quotes", DOUBLE_QUOTES),
        State("single quotes", SINGLE_QUOTES),
        State("template", TEMPLATE),
        State("value", VALUE),
        State("braces", BRACES),
    ],
};

pub(super) static TYPESCRIPT: Language = Language {
    names: &["typescript", "ts", "tsx", "mts", "cts"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                rules_of("literals"),
                words(
                    NAME,
                    &[
                        ("kd", "type"),
                        (
                            "k",
                            "as implements is keyof namespace private protected public readonly satisfies",
                        ),
                        (
                            "kr",
                            "any bigint boolean declare enum interface module never number object string symbol unique unknown",
                        ),
                    ],
                ),
                words(NAME, WORDS),
                rules_of("names"),
            ],
        ),
        State("literals", LITERALS),
        State("names", NAMES),
        State("operand", OPERAND),
        State("pattern", PATTERN),
        State("set", SET),
        State("comment", COMMENT),
        State("double quotes", DOUBLE_QUOTES),
        State("single quotes", SINGLE_QUOTES),
        State("template", TEMPLATE),
        State("value", VALUE),
        State("braces", BRACES),
    ],
};

const NAME: &str = r"[\i$][\w$]*";

const LITERALS: &[Rule] = &[
    is(r"\s+", ""),
    is(r"//.*", "c1"),
    is(r"/\*", "cm").enter("comment"),
    is("\"", "s2").enter("double quotes"),
    is("'", "s1").enter("single quotes"),
    is("`", "s2").enter("template"),
    is(r"(await|case|delete|do|else|in|instanceof|new|of|return|throw|typeof|void|yield)\b", "k")
        .enter("operand"),
    parts(&[(r"[{,]\s*", "p"), (r"[\i$][\w$-]*", "na"), (r"\h*", ""), (r":(?!:)", "p")])
        .enter("operand"),
    is(r"(\d[\d_]*\.(?!\.)[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+", "mf"),
    is(r"0[xX][\da-fA-F_]+n?", "mh"),
    is(r"0[bB][01_]+n?", "mb"),
    is(r"0[oO]?[0-7_]+n?", "mo"),
    is(r"\d[\d_]*n?", "mi"),
];

const NAMES: &[Rule] = &[
    is(NAME, "nx"),
    is(r"=>|\.\.\.", "o"),
    is(r"\+\+|--", "o"),
    is(r"[-+*/%&|^~<>=!]+|\?(?!\.)", "o").enter("operand"),
    is(r"[(\[{,;:]", "p").enter("operand"),
    is(r"\?\.|[)\]}.@#]", "p"),
];

// Where a slash starts a regular expression.
const OPERAND: &[Rule] = &[
    is(r"\s+", ""),
    is(r"//.*", "c1"),
    is(r"/\*", "cm").enter("comment"),
    is(r"/(?=([^/\\\n\[]|\\.|\[([^\]\\\n]|\\.)*\])+/)", "sr").replace("pattern"),
    otherwise_leave(),
];

const PATTERN: &[Rule] = &[
    is(r"/[a-z]*", "sr").leave(),
    is(r"\\.", "se"),
    is(r"\[", "sr").enter("set"),
    is(r"[^/\\\[\n]+", "sr"),
    otherwise_leave(),
];

const SET: &[Rule] =
    &[is(r"\]", "sr").leave(), is(r"\\.", "se"), is(r"[^\]\\\n]+", "sr"), otherwise_leave()];

const COMMENT: &[Rule] = &[is(r"\*/", "cm").leave(), is(r"[^*]+|.", "cm")];

const DOUBLE_QUOTES: &[Rule] = &[
    is("\"", "s2").leave(),
    is(r"\n", "").leave(),
    is(r"\\(.|\n)", "se"),
    is(r#"[^"\\\n]+"#, "s2"),
];

const SINGLE_QUOTES: &[Rule] =
    &[is("'", "s1").leave(), is(r"\n", "").leave(), is(r"\\(.|\n)", "se"), is(r"[^'\\\n]+", "s1")];

const TEMPLATE: &[Rule] = &[
    is("`", "s2").leave(),
    is(r"\\(.|\n)", "se"),
    is(r"\$\{", "p").enter("value"),
    is(r"[^`\\$]+|.", "s2"),
];

// In the braces of a template.
const VALUE: &[Rule] = &[is(r"\}", "p").leave(), is(r"\{", "p").enter("braces"), rules_of("code")];

const BRACES: &[Rule] = &[is(r"\}", "p").leave(), is(r"\{", "p").enter("braces"), rules_of("code")];

const WORDS: &[(&str, &str)] = &[
    (
        "k",
        "as async break catch continue debugger default export finally for from if import super \
         switch this try while",
    ),
    ("kd", "class const constructor extends function get let set static var with"),
    (
        "kr",
        "abstract boolean byte char double enum final float goto implements int interface long \
         native package private protected public short synchronized throws transient volatile",
    ),
    ("kc", "false Infinity NaN null true undefined"),
    (
        "nb",
        "Array Boolean Date Error Function Map Math Object Promise Proxy RegExp Set String \
         Symbol Number decodeURI decodeURIComponent document encodeURI encodeURIComponent eval \
         global isFinite isNaN parseFloat parseInt window JSON",
    ),
];
