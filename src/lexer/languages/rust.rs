//! Rust.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, parts, words};

pub(super) static RUST: Language = Language {
    names: &[
        "rust",
        "rs",
        "rust,ignore",
        "rust,no_run",
        "rust,should_panic",
        "rs,ignore",
        "rs,no_run",
        "rs,should_panic",
    ],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", ""),
                is(r"//[/!].*", "cd"),
                is(r"//.*", "c1"),
                is(r"/\*", "cm").enter("comment"),
                is(r"#!?\[", "nd").enter("attribute"),
                parts(&[("fn", "k"), (r"\s+", ""), (r"\i\w*(?=\()", "nf")]),
                is(r"\$\i\w*(:\i\w*)?", "nv"),
                parts(&[(NAME, "nd"), (r"!(?=[\s(\[{])", "nd")]),
                is(r#"b?r""#, "s").enter("raw string"),
                parts(&[(r"b?r", "s"), (r"#+", "s"), ("\"", "s")]).enter_with("fenced string", 1),
                is(r#"[bc]?""#, "s").enter("string"),
                is(r"'static\b", "k"),
                is(r"b?'(\\(x[\da-fA-F]{2}|u\{[\da-fA-F_]+\}|.)|[^'\\\n])'", "sc"),
                is(r"'\i\w*", "nv"),
                words(NAME, KEYWORDS),
                is(r"\i\w*(?=::)", "nn"),
                is(r"\i\w*(?=\()", "nf"),
                words(NAME, BUILTINS),
                is(NAME, "n"),
                is(r"\.(await)\b", "k"),
                is(r"\.\i\w*(?=\(|::<)", "nf"),
                is(r"\.\i\w*", "py"),
                is(r"\.\d+", "na"),
                is(r"0x[\da-fA-F_]+([iu](8|16|32|64|128|size))?", "mh"),
                is(r"0o[0-7_]+([iu](8|16|32|64|128|size))?", "mo"),
                is(r"0b[01_]+([iu](8|16|32|64|128|size))?", "mb"),
                is(
                    r"\d[\d_]*(\.\d[\d_]*([eE][+-]?[\d_]+)?(f32|f64)?|[eE][+-]?[\d_]+(f32|f64)?|\.(?![.\i])|f32|f64)",
                    "mf",
                ),
                is(r"\d[\d_]*([iu](8|16|32|64|128|size))?", "mi"),
                is(r"=>|->", "k"),
                is(r"\.\.[.=]?", "o"),
                is(r"[{}()\[\];:,|]+|\.", "p"),
                is(r"[-+*/%&^~<>=!@?]+", "o"),
            ],
        ),
        State(
            "comment",
            &[is(r"/\*", "cm").enter("comment"), is(r"\*/", "cm").leave(), is(r"[^*/]+|.", "cm")],
        ),
        State(
            "attribute",
            &[
                is(r"\[", "nd").enter("attribute"),
                is(r"\]", "nd").leave(),
                is("\"", "s").enter("string"),
                is(r#"[^\[\]"]+"#, "nd"),
            ],
        ),
        State(
            "string",
            &[
                is("\"", "s").leave(),
                is(r#"\\([\\nrt0'"\n]|x[\da-fA-F]{2}|u\{[\da-fA-F_]+\})"#, "se"),
                is(r#"[^"\\]+|."#, "s"),
            ],
        ),
        State("raw string", &[is("\"", "s").leave(), is("[^\"]+", "s")]),
        State("fenced string", &[is(r#""\1"#, "s").leave(), is("[^\"]+|.", "s")]),
    ],
};

const NAME: &str = r"\i\w*";

const KEYWORDS: &[(&str, &str)] = &[(
    "k",
    "as async await box break const continue crate dyn else enum extern false fn for if impl in let \
         log loop macro_rules match mod move mut pub ref return self Self static struct super trait true type \
         union unsafe use where while yield",
)];

const BUILTINS: &[(&str, &str)] = &[
    (
        "nb",
        "bool char f32 f64 i128 i16 i32 i64 i8 isize str u128 u16 u32 u64 u8 usize c_char c_int \
         c_long c_uint c_void",
    ),
    (
        "nb",
        "AsMut AsRef Box Clone Copy Default DoubleEndedIterator Drop Eq Err \
         ExactSizeIterator Extend FnMut FnOnce From Into IntoIterator Iterator None Option \
         Ord PartialEq PartialOrd Pin Result Send Sized Some String Sync ToOwned ToString \
         Vec",
    ),
];
