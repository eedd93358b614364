//! R.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, words};

pub(super) static R: Language = Language {
    names: &["r", "s", "splus"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", "w"),
                is("#'.*", "cd"),
                is("#.*", "c1"),
                is("\"", "s2").enter("double quotes"),
                is("'", "s1").enter("single quotes"),
                is("`[^`\n]*`", "nv"),
                is(r"%[^%\s]*%", "o"),
                words(
                    NAME,
                    &[
                        ("k", "break else for function if in next repeat return while"),
                        (
                            "kc",
                            "FALSE Inf NA NA_character_ NA_complex_ NA_integer_ NA_real_ NULL NaN TRUE",
                        ),
                    ],
                ),
                words(r"[.\i][\w.]*(?=\()", PRIMITIVES),
                words(NAME, &[("nb", "F LETTERS T letters month.abb month.name pi")]),
                is(NAME, "n"),
                is(r"0[xX][\da-fA-F]+([pP]-?\d+)?[Li]?", "mh"),
                is(r"(?<![\w.)\]])-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[Li]?", "m"),
                is(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[Li]?", "m"),
                is(r"[-+*/^<>=!&|~$:@?\\]", "o"),
                is(r"[(){}\[\],;]+", "p"),
            ],
        ),
        State(
            "double quotes",
            &[is("\"", "s2").leave(), is(r#"([^"\\]+|\\(.|\n))+"#, "s2"), is(".", "s2")],
        ),
        State(
            "single quotes",
            &[is("'", "s1").leave(), is(r"([^'\\]+|\\(.|\n))+", "s1"), is(".", "s1")],
        ),
    ],
};

const NAME: &str = r"([\i]|\.(?!\d))[\w.]*";

const PRIMITIVES: &[(&str, &str)] = &[(
    "nf",
    "abs acos acosh all any anyNA Arg as.call as.character as.complex as.double as.environment \
     as.integer as.logical as.null.default as.numeric as.raw asin asinh atan atanh attr attributes \
     baseenv c call ceiling class Conj cos cosh cospi cummax cummin cumprod cumsum digamma dim \
     dimnames emptyenv exp expression floor forceAndCall gamma gc.time globalenv Im interactive \
     invisible is.array is.call is.character is.complex is.double is.environment is.finite \
     is.function is.infinite is.integer is.language is.list is.logical is.matrix is.na is.name \
     is.nan is.null is.numeric is.object is.pairlist is.raw is.real is.recursive is.single \
     is.symbol lazyLoadDBfetch length levels lgamma list log max min missing Mod names nargs nzchar \
     oldClass on.exit pos.to.env prod proc.time quote range Re rep round seq_along seq_len seq.int \
     sign signif sin sinh sinpi sqrt standardGeneric substitute sum switch tan tanh tanpi tracemem \
     trigamma trunc unclass unCfillPOSIXlt untracemem UseMethod xtfrm",
)];
