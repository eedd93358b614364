//! Assembly: NASM, and other dialects for Intel's processors as far as they are like it.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, otherwise_leave, parts, rules_of, words};

pub(super) static NASM: Language = Language {
    names: &["nasm", "asm", "assembly", "x86asm"],
    ignores_case: true,
    machine: OnceLock::new(),
    states: &[
        State(
            "lines",
            &[
                is(r"\s+", ""),
                is(";.*", "c1"),
                is("%", "cp").enter("directive"),
                is(r"[\w$@~#?.]+:", "nl"),
                parts(&[(r"\i[\w.$]*", "no"), (r"\s+", ""), ("equ", "kd")]).enter("operands"),
                words(
                    r"\i\w*",
                    &[("k", "align bits cpu common default extern global section segment struc endstruc use16 use32 absolute")],
                )
                .enter("operands"),
                words(r"\i\w*", &[("kd", DATA)]).enter("operands"),
                is(r"[\w$@~#?.]+", "nf").enter("operands"),
                rules_of("items"),
            ],
        ),
        State("operands", &[is(r"\n", "").leave(), is(r"\h+", ""), rules_of("items")]),
        State(
            "items",
            &[
                is(";.*", "c1"),
                is("\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`", "s"),
                is(r"0x[\da-f]+|\d[\da-f]*h\b|\$0?\d[\da-f]*", "mh"),
                is(r"[0-7]+[qo]\b", "mo"),
                is(r"[01]+b\b", "mb"),
                is(r"\d+\.[\d]*(e[+-]?\d+)?", "mf"),
                is(r"\d+", "mi"),
                words(r"\i\w*", &[("nb", REGISTERS), ("kt", SIZES), ("kd", DATA), ("ow", "seg wrt strict")]),
                is(r"\$\$?(?!\w)", "kc"),
                is(r"[\w$@~#?.]+", "nv"),
                is(r"[-+*/%&|^~<>]+", "o"),
                is(r"[,()\[\]:]+", "p"),
            ],
        ),
        State(
            "directive",
            &[is(r"\n", "").leave(), is(";.*", "c1"), is(r"\\\n", "cp"), is(r"[^;\\\n]+|.", "cp"), otherwise_leave()],
        ),
    ],
};

const DATA: &str =
    "db dw dd dq dt do dy dz resb resw resd resq rest reso resy resz incbin equ times";

const SIZES: &str =
    "byte word dword qword tword oword yword zword hword nosplit rel abs short near far";

const REGISTERS: &str = "al ah ax eax rax bl bh bx ebx rbx cl ch cx ecx rcx dl dh dx edx rdx sil si esi rsi \
    dil di edi rdi bpl bp ebp rbp spl sp esp rsp r8 r9 r8d r9d r10d r11d r12d r13d r14d r15d \
    r8w r9w r10w r11w r12w r13w r14w r15w r8b r9b r10b r11b r12b r13b r14b r15b cs ds es fs gs ss \
    cr0 cr2 cr3 cr4 cr8 dr0 dr1 dr2 dr3 dr6 dr7 st0 st1 st2 st3 st4 st5 st6 st7 mm0 mm1 mm2 mm3 mm4 \
    mm5 mm6 mm7 rip";
