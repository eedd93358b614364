//! Shell scripts and terminal sessions.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, inner, is, parts, rules_of, words};

pub(super) static SHELL: Language = Language {
    names: &["bash", "sh", "shell", "zsh", "shellscript", "ksh"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", ""),
                is(r"#.*", "c"),
                parts(&[(r"\i\w*", "nv"), (r"\+?=", "o")]),
                words(
                    r"[\w.-]+",
                    &[
                        (
                            "k",
                            "if fi else while do done for then return function case select continue \
                             until esac elif in",
                        ),
                        (
                            "nb",
                            "alias bg bind break builtin caller cd command compgen complete declare \
                             dirs disown echo enable eval exec exit export false fc fg getopts hash \
                             help history jobs kill let local logout mapfile popd printf pushd pwd \
                             read readonly set shift shopt source suspend test time times trap true \
                             type typeset ulimit umask unalias unset wait",
                        ),
                        (
                            "nb",
                            "cat tac nl od base32 base64 fmt pr fold head tail split csplit wc sum \
                             cksum b2sum md5sum sha1sum sha224sum sha256sum sha384sum sha512sum sort \
                             shuf uniq comm ptx tsort cut paste join tr expand unexpand ls dir \
                             vdir dircolors cp dd install mv rm shred link ln mkdir mkfifo mknod \
                             readlink rmdir unlink chown chgrp chmod touch df du stat sync truncate \
                             expr tee basename dirname pathchk mktemp realpath \
                             stty printenv tty id logname whoami groups users who date arch nproc \
                             uname hostname hostid uptime chcon runcon chroot env nice nohup \
                             stdbuf timeout sleep factor numfmt seq tar grep sudo awk sed gzip gunzip",
                        ),
                    ],
                ),
                is(r"--?[\w][\w-]*", "nt"),
                is(r"\\(.|\n)", "se"),
                rules_of("values"),
                is(r"<<<|&&|\|\|", "o"),
                parts(&[(r"<<-?", "o"), (r#"\h*["']?\\?"#, ""), (r"\w+", "no"), (r#"["']?"#, "")])
                    .enter_with("here-document", 2),
                is(r"[\[\]{}()=>!]+", "o"),
                is(r";;?", "p"),
                is(r"\*", "k"),
                is(r#"[^\s=*{}()$"'`;\\<]+|."#, ""),
            ],
        ),
        State(
            "values",
            &[
                is(r"\$\(\(", "k").enter("arithmetic"),
                is(r"\$\(", "si").enter("substitution"),
                is(r"`", "sb").enter("backticks"),
                parts(&[(r"\$\{[#!]?", "k"), (r"(\w+|[@*?#-])?", "nv")]).enter("expansion"),
                is(r"\$(\w+|[$#?!_*@-])|\$ ?", "nv"),
                is(r#"\$?""#, "s2").enter("string"),
                is(r"\$?'", "s1").enter("quoted"),
            ],
        ),
        State("substitution", &[is(r"\)", "si").leave(), rules_of("code")]),
        State("backticks", &[is(r"`", "sb").leave(), rules_of("code")]),
        State(
            "arithmetic",
            &[is(r"\)\)", "k").leave(), is(r"[-+*/%&|!<>=^~]+", "o"), rules_of("code")],
        ),
        State(
            "expansion",
            &[
                is(r"\}", "k").leave(),
                is(r":[-+?=]", "k"),
                rules_of("values"),
                is(r#"[^}$`\"']+"#, "p"),
            ],
        ),
        State("string", &[is("\"", "s2").leave(), rules_of("inside"), is(r#"[^"\\$`]+|."#, "s2")]),
        State(
            "inside",
            &[
                is(r"\\(.|\n)", "se"),
                is(r"\$\(\(", "k").enter("arithmetic"),
                is(r"\$\(", "si").enter("substitution"),
                is(r"`", "sb").enter("backticks"),
                parts(&[(r"\$\{[#!]?", "k"), (r"(\w+|[@*?#-])?", "nv")]).enter("expansion"),
                is(r"\$(\w+|[$#?!_*@-])", "nv"),
            ],
        ),
        State("quoted", &[is("'", "s1").leave(), is(r"[^']+", "s1")]),
        State(
            "here-document",
            &[
                parts(&[(r"^\h*", ""), (r"\1$", "no")]).leave(),
                rules_of("inside"),
                is(r"[^\n$`\\]+", "sh"),
                is(r"(.|\n)", "sh"),
            ],
        ),
    ],
};

pub(super) static CONSOLE: Language = Language {
    names: &["console", "shell-session", "shell_session", "terminal"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "lines",
            &[
                parts(&[(r"^[^\s$#%>]*[$#%>](?=\h)", "gp"), (r"\h+", "")]).enter("command"),
                is(r".+\n?|\n", "go"),
            ],
        ),
        State("command", &[inner(r"([^\\\n]+|\\(.|\n))+", "shell"), is(r"\n", "").leave()]),
    ],
};
