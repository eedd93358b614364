//! C and C++.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, Rule, State, is, otherwise_leave, parts, rules_of, words};

pub(super) static C: Language = Language {
    names: &["c", "h"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State("code", &[rules_of("literals"), words(NAME, WORDS), rules_of("names")]),
        State("literals", LITERALS),
        State("names", NAMES),
        State("function", FUNCTION),
        State("string", STRING),
        State("directive", DIRECTIVE),
        State("include", INCLUDE),
        State("comment", COMMENT),
    ],
};

pub(super) static CPP: Language = Language {
    names: &["cpp", "c++", "cc", "cxx", "hpp", "cuda", "cu", "arduino"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is("0b[01']+[uUlL]*", "mb"),
                is(r"\d+('\d+)+[uUlL]*", "mi"),
                parts(&[(r#"(u8|[uUL])?R""#, "s"), (r"[^\s()\\]*", "s"), (r"\(", "s")])
                    .enter_with("raw string", 1),
                rules_of("literals"),
                parts(&[("class|struct|enum", "k"), (r"\s+", ""), (NAME, "nc")]),
                words(NAME, CPP_WORDS),
                words(NAME, WORDS),
                rules_of("names"),
            ],
        ),
        State("raw string", &[is(r#"\)\1""#, "s").leave(), is(r"[^)]+|.", "s")]),
        State("literals", LITERALS),
        State("names", NAMES),
        State("function", FUNCTION),
        State("string", STRING),
        State("directive", DIRECTIVE),
        State("include", INCLUDE),
        State("comment", COMMENT),
    ],
};

const NAME: &str = r"\i\w*";

const LITERALS: &[Rule] = &[
    parts(&[(r"^\h*#\h*include", "cp"), (r"\h*", "")]).enter("include"),
    is(r"^\h*#", "cp").enter("directive"),
    is(r"^(?=(\i\w*[\s*&]+)+~?\i[\w:~]*\s*\()", "").enter("function"),
    is(r"\s+", ""),
    is(r"//.*", "c1"),
    is(r"/\*", "cm").enter("comment"),
    is(r#"(u8|[uUL])?""#, "s").enter("string"),
    is(r"[uUL]?'(\\(x[\da-fA-F]+|[0-7]+|.)|[^\\'\n])+'", "sc"),
    is(r"(\d+\.(?!\.)\d*|\.\d+)([eE][+-]?\d+)?[fFlL]?|\d+([eE][+-]?\d+[fFlL]?|[fF])", "mf"),
    is(r"0[xX][\da-fA-F']+[uUlL]*", "mh"),
    is(r"0[0-7]+[uUlL]*", "mo"),
    is(r"\d+[uUlL]*", "mi"),
];

const NAMES: &[Rule] = &[
    parts(&[(r"^\h*", ""), (r"\i\w*:(?!:)", "nl")]),
    is(NAME, "n"),
    is(r"->|::", "o"),
    is(r"[()\[\]{},.;]+", "p"),
    is(r"[-+*/%&|^~<>=!?:]", "o"),
    is(r"\\\n", ""),
];

// At the start of a line that declares a function.
const FUNCTION: &[Rule] = &[
    is(r"(if|for|while|switch|return|sizeof)\b", "k").leave(),
    is(r"~?\i\w*(?=\s*\()", "nf").leave(),
    is(r"\(", "p").leave(),
    rules_of("code"),
];

const STRING: &[Rule] = &[
    is("\"", "s").leave(),
    is(r"\n", "").leave(),
    is(r"\\(x[\da-fA-F]+|u[\da-fA-F]{4}|[0-7]+|.|\n)", "se"),
    is(r#"[^"\\\n]+"#, "s"),
];

const DIRECTIVE: &[Rule] = &[
    is(r"\n", "").leave(),
    is(r"/\*", "cm").enter("comment"),
    is(r"//.*", "c1"),
    is(r"\\\n", "cp"),
    is(r"[^/\\\n]+|.", "cp"),
];

const INCLUDE: &[Rule] = &[is(r#"<[^>\n]*>|"[^"\n]*""#, "cpf").leave(), otherwise_leave()];

const COMMENT: &[Rule] = &[is(r"\*/", "cm").leave(), is(r"[^*]+|.", "cm")];

const WORDS: &[(&str, &str)] = &[
    (
        "k",
        "auto break case const continue default do else enum extern for goto if register return \
         sizeof static struct switch typedef union volatile virtual while _Alignas _Alignof \
         _Atomic _Generic _Imaginary _Noreturn _Static_assert _Thread_local",
    ),
    (
        "kt",
        "int long float short double char unsigned signed void _Bool _Complex bool \
         int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t \
         intptr_t uintptr_t intmax_t uintmax_t size_t ssize_t off_t ptrdiff_t wchar_t wint_t \
         char16_t char32_t time_t clock_t FILE jmp_buf va_list fpos_t div_t ldiv_t sig_atomic_t",
    ),
    (
        "kr",
        "inline _inline __inline restrict __restrict __asm __based __except __stdcall __cdecl \
         __fastcall __declspec __finally __try __leave __thread naked thread typename wchar_t",
    ),
    ("nb", "NULL true false"),
];

const CPP_WORDS: &[(&str, &str)] = &[
    (
        "k",
        "alignas alignof asm catch class const_cast constexpr consteval constinit co_await \
         co_return co_yield concept decltype delete dynamic_cast explicit export final friend \
         import module mutable namespace new noexcept operator override private protected public \
         reinterpret_cast requires static_assert static_cast template this throw throws try typeid \
         typename using virtual and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq",
    ),
    ("kt", "char8_t"),
    ("kr", "inline"),
    ("nb", "nullptr"),
];
