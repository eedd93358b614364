//! Python.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, otherwise_leave, parts, rules_of, words};

pub(super) static PYTHON: Language = Language {
    names: &["python", "py", "python3", "py3", "ipython", "ipython3", "pycon"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", ""),
                is(r"#.*\n?", "c1"),
                parts(&[(r"[rR][bB]?|[bB][rR]", "sa"), (BLOCK, "s")]).enter_with("raw block", 1),
                parts(&[(r"[rR][bB]?|[bB][rR]", "sa"), (QUOTE, "s")]).enter_with("raw string", 1),
                parts(&[(r"[fF][rR]?|[rR][fF]", "sa"), (BLOCK, "s")]).enter_with("format block", 1),
                parts(&[(r"[fF][rR]?|[rR][fF]", "sa"), (QUOTE, "s")])
                    .enter_with("format string", 1),
                parts(&[(r"[bBuU]?", "sa"), (BLOCK, "s")]).enter_with("block", 1),
                parts(&[(r"[bBuU]?", "sa"), (QUOTE, "s")]).enter_with("string", 1),
                is(r"@\i[\w.]*", "nd"),
                parts(&[("def", "k"), (r"\h+", ""), (NAME, "nf")]),
                parts(&[("class", "k"), (r"\h+", ""), (NAME, "nc")]),
                is(r"from\b", "kn").enter("from"),
                is(r"import\b", "kn").enter("import"),
                words(NAME, WORDS),
                is(NAME, "n"),
                is(r"\d[\d_]*(\.(?!\.)[\d_]*([eE][+-]?\d+)?|[eE][+-]?\d+)[jJ]?", "mf"),
                is(r"\.\d[\d_]*([eE][+-]?\d+)?[jJ]?", "mf"),
                is(r"0[xX][\da-fA-F_]+", "mh"),
                is(r"0[bB][01_]+", "mb"),
                is(r"0[oO][0-7_]+", "mo"),
                is(r"\d[\d_]*[jJlL]?", "mi"),
                is(r"\.\.\.|[(){}\[\]:;,.]", "p"),
                is(r"[-+*/%&|^~<>=!@]+", "o"),
            ],
        ),
        State(
            "from",
            &[
                is(r"\h+", ""),
                is(r"import\b", "kn").leave(),
                is(r"\.*\i[\w.]*", "nn"),
                otherwise_leave(),
            ],
        ),
        State("import", &[is(r"\h+", ""), is(r"\.*\i[\w.]*", "nn").leave(), otherwise_leave()]),
        State("string", &[is(r"\n", "").leave(), rules_of("block")]),
        State("block", &[is(ESCAPE, "se"), rules_of("raw block")]),
        State("raw string", &[is(r"\n", "").leave(), rules_of("raw block")]),
        State("raw block", &[is(r"\1", "s").leave(), is(r#"\\.|[^\\"'\n]+|."#, "s")]),
        State("format string", &[is(r"\n", "").leave(), rules_of("format block")]),
        State(
            "format block",
            &[
                is(r"\1", "s").leave(),
                is(ESCAPE, "se"),
                is(r"\{\{|\}\}", "s"),
                is(r"\{", "si").enter("value"),
                is(r#"[^\\"'{}\n]+|."#, "s"),
            ],
        ),
        // In the braces of a format string.
        State(
            "value",
            &[
                is(r"\}", "si").leave(),
                is(r"[:!](?!=)", "si").replace("format"),
                is(r"[(\[{]", "p").enter("brackets"),
                rules_of("code"),
            ],
        ),
        State("brackets", &[is(r"[)\]}]", "p").leave(), rules_of("code")]),
        State("format", &[is(r"\}", "si").leave(), is(r"[^}\n]+", "s"), otherwise_leave()]),
    ],
};

const NAME: &str = r"\i\w*";
const BLOCK: &str = r#""""|'''"#;
const QUOTE: &str = r#"["']"#;
const ESCAPE: &str = r#"\\([\\"'abfnrtv\n]|N\{[^}\n]*\}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|x[\da-fA-F]{2}|[0-7]([0-7][0-7]?)?)"#;

const WORDS: &[(&str, &str)] = &[
    (
        "k",
        "as assert async await break class continue def del elif else except exec finally for \
         global if lambda nonlocal pass print raise return try while with yield",
    ),
    ("ow", "and in is not or"),
    ("bp", "Ellipsis False None NotImplemented True cls self"),
    (
        "nb",
        "__import__ abs all any apply ascii basestring bin bool bytearray bytes callable chr \
         classmethod cmp compile complex delattr dict dir divmod enumerate eval execfile exit file \
         filter float format frozenset getattr globals hasattr hash help hex id input int intern \
         isinstance issubclass iter len list locals long map max memoryview min next object oct \
         open ord pow property range raw_input reduce reload repr reversed round set setattr slice \
         sorted staticmethod str sum super tuple type unichr unicode vars xrange zip",
    ),
    (
        "nb",
        "ArithmeticError AssertionError AttributeError BaseException BlockingIOError \
         BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError \
         ConnectionError ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError \
         EnvironmentError Exception FileExistsError FileNotFoundError FloatingPointError \
         FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError \
         IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError \
         MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError \
         OverflowError PendingDeprecationWarning PermissionError ProcessLookupError \
         RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning StandardError \
         StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit \
         TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError \
         UnicodeError UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning \
         ZeroDivisionError",
    ),
];
