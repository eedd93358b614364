//! Ruby.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, otherwise_leave, parts, rules_of, words};

pub(super) static RUBY: Language = Language {
    names: &["ruby", "rb", "irb"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is("^=begin\\b", "cm").enter("comment"),
                is(r"\s+", ""),
                is(r"#.*", "c1"),
                parts(&[
                    (r"<<[-~]?", "o"),
                    (r#"["'`]?"#, ""),
                    (r"[A-Z_]\w*", "no"),
                    (r#"["'`]?"#, ""),
                ])
                .enter_with("here-document line", 2),
                is(r"[\i]\w*[?!]?:(?!:)", "ss"),
                is(r#""[^"\n]*":(?!:)"#, "ss"),
                is("\"", "s2").enter("double quotes"),
                is("'", "s1").enter("single quotes"),
                is("`", "sb").enter("backticks"),
                parts(&[(r"::", "o"), (r"[a-z_]\w*[?!]?", "nf")]).enter("operator"),
                is(r"::|\.\.\.?", "o"),
                is(r":(\i\w*[=?!]?|\[\]=?|[-+*/%<>=!~^&|]+)", "ss"),
                is(":\"", "ss").enter("quoted symbol"),
                is(r"@@\i\w*", "vc"),
                is(r"@\i\w*", "vi"),
                is(r"\$(\i\w*|\d+|-\w|[!@&`'+~=/\\,;.<>_*$?:])", "vg"),
                is(r"%[wWiIqQx]?\(", "sx").enter("parentheses"),
                is(r"%[wWiIqQx]?\[", "sx").enter("brackets"),
                is(r"%[wWiIqQx]?\{", "sx").enter("braces"),
                is(r"%r\{", "sr").enter("pattern in braces"),
                is(r"%r/", "sr").enter("pattern"),
                parts(&[("def", "k"), (r"\h+", ""), ("self", "nc"), (r"\.", "o"), (METHOD, "nf")]),
                parts(&[("def", "k"), (r"\h+", ""), (METHOD, "nf")]),
                parts(&[("class", "k"), (r"\h+", "")]).enter("class"),
                parts(&[("module", "k"), (r"\h+", ""), (r"[A-Z][\w:]*", "nn")]),
                parts(&[(r"&?\.", "p"), (r"[a-z_]\w*[?!]?", "nf")]).enter("operator"),
                words(r"[\i]\w*[?!]?", KEYWORDS),
                words(r"[\i]\w*[?!]?", WORDS).enter("operator"),
                is(r"[A-Z]\w*", "no").enter("operator"),
                is(r"\i\w*[?!]?", "n").enter("after name"),
                is(r"0[xX][\da-fA-F_]+", "mh").enter("operator"),
                is(r"0[bB][01_]+", "mb").enter("operator"),
                is(r"0[oO]?[0-7_]+", "mo").enter("operator"),
                is(r"\d[\d_]*(\.\d[\d_]*([eE][+-]?\d+)?|[eE][+-]?\d+)", "mf").enter("operator"),
                is(r"\d[\d_]*", "mi").enter("operator"),
                is(r"[)\]}]", "p").enter("operator"),
                is(r"[(\[{,;.\\]", "p"),
                is(r"/(?=[^\s])", "sr").enter("pattern"),
                is(r"[-+*/%&|^~<>=!?:]+", "o"),
            ],
        ),
        // After a value a slash divides.
        State("operator", &[is(r"\h*/=?(?!\h*$)", "o").leave(), otherwise_leave()]),
        State(
            "after name",
            &[
                parts(&[(r"\h+", ""), (r"/(?=\h)", "o")]).leave(),
                is(r"/", "o").leave(),
                otherwise_leave(),
            ],
        ),
        State(
            "class",
            &[is(r"<<", "o").leave(), is(r"[A-Z][\w:]*", "nc").leave(), otherwise_leave()],
        ),
        State("comment", &[parts(&[("^=end", "cm"), (".*", "cm")]).leave(), is(r".*\n?", "cm")]),
        State(
            "inside",
            &[
                is(r"\\(x[\da-fA-F]+|u\{[^}\n]*\}|u[\da-fA-F]{4}|[0-7]+|.|\n)", "se"),
                is(r"#\{", "si").enter("value"),
                is(r"#@\w+", "si"),
            ],
        ),
        State(
            "double quotes",
            &[is("\"", "s2").leave(), rules_of("inside"), is(r#"[^"\\#]+|#"#, "s2")],
        ),
        State(
            "single quotes",
            &[is("'", "s1").leave(), is(r"\\[\\']", "se"), is(r"[^'\\]+|.", "s1")],
        ),
        State("backticks", &[is("`", "sb").leave(), rules_of("inside"), is(r"[^`\\#]+|#", "sb")]),
        State(
            "quoted symbol",
            &[is("\"", "ss").leave(), rules_of("inside"), is(r#"[^"\\#]+|#"#, "ss")],
        ),
        State("value", &[is(r"\}", "si").leave(), is(r"\{", "p").enter("block"), rules_of("code")]),
        State("block", &[is(r"\}", "p").leave(), is(r"\{", "p").enter("block"), rules_of("code")]),
        State(
            "parentheses",
            &[
                is(r"\(", "sx").enter("parentheses"),
                is(r"\)", "sx").leave(),
                rules_of("inside"),
                is(r"[^()\\#]+|.", "sx"),
            ],
        ),
        State(
            "brackets",
            &[
                is(r"\[", "sx").enter("brackets"),
                is(r"\]", "sx").leave(),
                rules_of("inside"),
                is(r"[^\[\]\\#]+|.", "sx"),
            ],
        ),
        State(
            "braces",
            &[
                is(r"\{", "sx").enter("braces"),
                is(r"\}", "sx").leave(),
                rules_of("inside"),
                is(r"[^{}\\#]+|.", "sx"),
            ],
        ),
        State(
            "pattern",
            &[
                is(r"/[imxounse]*", "sr").leave(),
                is(r"\\.", "se"),
                is(r"#\{", "si").enter("value"),
                is(r"\n", "").leave(),
                is(r"[^/\\#\n]+|#", "sr"),
            ],
        ),
        State(
            "pattern in braces",
            &[
                is(r"\}[imxounse]*", "sr").leave(),
                is(r"\{", "sr").enter("pattern in braces"),
                is(r"\\.", "se"),
                is(r"#\{", "si").enter("value"),
                is(r"[^{}\\#]+|#", "sr"),
            ],
        ),
        // The rest of the line on which a here-document is announced.
        State("here-document line", &[is(r"\n", "").replace("here-document"), rules_of("code")]),
        State(
            "here-document",
            &[
                parts(&[(r"^\h*", ""), (r"\1$", "no")]).leave(),
                rules_of("inside"),
                is(r"[^\n\\#]+|#|\n", "sh"),
            ],
        ),
    ],
};

const METHOD: &str = r"(\i\w*\.)?(\i\w*[?!=]?|\[\]=?|[-+*/%<>=!~^&|]+)";

const KEYWORDS: &[(&str, &str)] = &[
    (
        "k",
        "BEGIN END alias begin break case class def defined? do else elsif end ensure for if in \
         module next redo rescue raise retry return super then undef unless until when while yield",
    ),
    (
        "kp",
        "alias_method autoload catch extend fail include initialize loop module_function new \
         prepend private private_class_method private_constant proc protected public \
         public_class_method refine using",
    ),
];

const WORDS: &[(&str, &str)] = &[
    ("kp", "false nil true"),
    (
        "nb",
        "__FILE__ __LINE__ __method__ abort at_exit attr \
         attr_accessor attr_reader attr_writer autoload? binding block_given? caller \
         const_get eval exec exit exit! fork format freeze frozen? gets \
         instance_eval instance_variable_get instance_variable_set instance_variables is_a? \
         kind_of? lambda load method methods name nil? object_id open p print printf putc puts \
         rand readline readlines require require_relative respond_to? select self send sleep \
         sprintf srand system test throw to_s trap warn",
    ),
];
