//! Dockerfiles.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, inner, is, otherwise_leave, parts};

pub(super) static DOCKERFILE: Language = Language {
    names: &["dockerfile", "docker", "containerfile"],
    ignores_case: true,
    machine: OnceLock::new(),
    states: &[
        State(
            "lines",
            &[
                is(r"\s+", ""),
                is("#.*", "c"),
                parts(&[("ONBUILD", "k"), (r"\h+", "")]),
                parts(&[("FROM", "k"), (r"\h+", "")]).enter("from"),
                parts(&[("RUN|CMD|ENTRYPOINT|SHELL|HEALTHCHECK", "k"), (r"\h+", "")])
                    .enter("command"),
                parts(&[
                    (
                        "ADD|ARG|COPY|ENV|EXPOSE|LABEL|MAINTAINER|STOPSIGNAL|USER|VOLUME|WORKDIR",
                        "k",
                    ),
                    (r"\h+", ""),
                ])
                .enter("value"),
                is(r"\w+", ""),
            ],
        ),
        State("from", &[is(r"\h+", ""), is(r"as\b", "k"), is(r"\S+", "s"), otherwise_leave()]),
        State(
            "value",
            &[is(r"\\\n", "se"), is(r"\n", "").leave(), is(r"([^\\\n]+|\\(?!\n))+", "s")],
        ),
        State("command", &[inner(r"([^\\\n]+|\\(.|\n))+", "shell"), is(r"\n", "").leave()]),
    ],
};
