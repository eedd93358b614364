//! Julia.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, parts, rules_of, words};

pub(super) static JULIA: Language = Language {
    names: &["julia", "jl"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", ""),
                is("#=", "c").enter("comment"),
                is("#.*", "c"),
                is(r"@\i[\w!]*", "nd"),
                parts(&[(r"(\i\w*)?", "n"), (r#"""""#, "s")]).enter("block"),
                parts(&[(r"(\i\w*)?", "n"), ("\"", "s")]).enter("string"),
                is(r"'(\\(x[\da-fA-F]+|u[\da-fA-F]+|.)|[^\\'\n])'", "sc"),
                is("`[^`]*`?", "sb"),
                parts(&[("function|macro", "k"), (r"\s+", ""), (r"\i[\w!]*", "nf")]),
                parts(&[
                    ("struct|(abstract|primitive)\\h+type", "k"),
                    (r"\h+", ""),
                    (r"\i[\w!]*", "nc"),
                ]),
                is("÷|∈|∉|≤|≥|≠|≈|∘|√|⊻", "o"),
                words(NAME, WORDS),
                is(NAME, "n"),
                is(r"0x[\da-fA-F_]+(\.[\da-fA-F]+)?(p[+-]?\d+)?", "mh"),
                is(r"0b[01_]+", "mb"),
                is(r"0o[0-7_]+", "mo"),
                is(
                    r"(\d[\d_]*\.(?![.*/^+-])[\d_]*|\.\d[\d_]*)([eEf][+-]?\d+)?|\d[\d_]*[eEf][+-]?\d+",
                    "mf",
                ),
                is(r"\d[\d_]*", "mi"),
                is(r"[-+*/%&|^~<>=!?:.$'\\]", "o"),
                is(r"[(){}\[\],;]+", "x"),
            ],
        ),
        State(
            "comment",
            &[is("#=", "c").enter("comment"), is("=#", "c").leave(), is("[^#=]+|.", "c")],
        ),
        State("string", &[is("\"", "s").leave(), rules_of("inside")]),
        State("block", &[is(r#"""""#, "s").leave(), rules_of("inside"), is("\"", "s")]),
        State(
            "inside",
            &[
                is(r"\\(.|\n)", "se"),
                is(r"\$\(\w+\)", "si"),
                is(r"\$\(", "s").enter("value"),
                is(r#"[^"\\$]+|\$"#, "s"),
            ],
        ),
        // In the parentheses of a string, which can hold strings.
        State(
            "value",
            &[
                is(r"\)", "s").leave(),
                is(r"\(", "s").enter("value"),
                is(r#""[^"\n]*"|[^()"]+|.|\n"#, "s"),
            ],
        ),
    ],
};

const NAME: &str = r"\i[\w!]*";

const WORDS: &[(&str, &str)] = &[
    (
        "k",
        "abstract baremodule begin break catch continue do else elseif end export finally for \
         function if import importall in isa let macro module mutable primitive quote return struct \
         try type typealias using where while",
    ),
    ("kd", "const global local"),
    (
        "nb",
        "ARGS C_NULL ENDIAN_BOM ENV Inf Inf16 Inf32 LOAD_PATH NaN NaN16 NaN32 VERSION false im missing nothing pi true undef π ℯ",
    ),
    (
        "kt",
        "AbstractArray AbstractChar AbstractDict AbstractDisplay AbstractFloat AbstractMatrix AbstractRange \
         AbstractSet AbstractString AbstractUnitRange AbstractVecOrMat AbstractVector Any \
         ArgumentError Array AssertionError BigFloat BigInt BitArray BitMatrix BitSet BitVector Bool \
         BoundsError Cchar Cdouble Cfloat Char Cint Clong Cmd Colon Complex ComplexF32 ComplexF64 \
         CompositeException Condition Cstring Cuint DataType DenseArray DenseMatrix DenseVector Dict DimensionMismatch \
         Dims DivideError DomainError EOFError Enum ErrorException Exception Expr Float16 Float32 \
         Float64 Function GlobalRef HTML IO IOBuffer IOContext IOStream IndexCartesian IndexLinear InexactError Int \
         Int128 Int16 Int32 Int64 Int8 Integer InterruptException InvalidStateException Irrational \
         KeyError LineNumberNode LinSpace LoadError MIME Matrix Method MethodError Missing Module NTuple \
         NamedTuple Nothing NullLogger Number OrdinalRange OutOfMemoryError OverflowError Pair PartialQuickSort \
         PermutedDimsArray Ptr QuoteNode Rational RawFD Real Ref Regex RegexMatch RoundingMode \
         SegmentationFault Set Signed Some StackOverflowError StepRange StepRangeLen StridedArray \
         StridedMatrix StridedVecOrMat StridedVector String StringIndexError SubArray SubString \
         Symbol SystemError Task TestSetException Text Tuple Type TypeError TypeVar UInt UInt128 UInt16 UInt32 UInt64 \
         UInt8 UndefInitializer UndefRefError UndefVarError Union UnionAll UnitRange Unsigned Val \
         VecElement VecOrMat Vector VersionNumber WeakKeyDict WeakRef",
    ),
];
