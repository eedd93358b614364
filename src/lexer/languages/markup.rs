//! HTML and XML.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, inner, is, otherwise_leave, parts, rules_of};

pub(super) static HTML: Language = Language {
    names: &["html", "htm", "xhtml"],
    ignores_case: true,
    machine: OnceLock::new(),
    states: &[
        State(
            "text",
            &[
                is(r"[^<&]+", ""),
                is(r"&[\w#]+;", "ni"),
                is(r"<!doctype[^>]*>?", "cp"),
                is(r"<!\[CDATA\[", "cp").enter("data"),
                is("<!--", "c").enter("comment"),
                is(r"<\?", "cp").enter("instruction"),
                parts(&[(r"<script\b", "nt")]).enter("script tag"),
                parts(&[(r"<style\b", "nt")]).enter("style tag"),
                is(r"</\s*[\w:.-]+\s*>", "nt"),
                is(r"<\s*[\w:.-]+", "nt").enter("tag"),
            ],
        ),
        State("comment", &[is("-->", "c").leave(), is("[^-]+|.", "c")]),
        State("data", &[is(r"\]\]>", "cp").leave(), is(r"[^\]]+|.", "cp")]),
        State("instruction", &[is(r"\?>", "cp").leave(), is(r"[^?]+|.", "cp")]),
        State("tag", &[is(r"/?\s*>", "nt").leave(), rules_of("attributes")]),
        State(
            "attributes",
            &[
                is(r"\s+", ""),
                parts(&[(r"[\w:.@#*()\[\]-]+\s*=", "na"), (r"\s*", "")]).enter("value"),
                is(r"[\w:.@#*()\[\]-]+", "na"),
                is("<", "").leave(),
            ],
        ),
        State(
            "value",
            &[
                is("\"[^\"]*\"?", "s").leave(),
                is("'[^']*'?", "s").leave(),
                is(r#"[^\s>"']+"#, "s").leave(),
                otherwise_leave(),
            ],
        ),
        State(
            "script tag",
            &[is(r"/\s*>", "nt").leave(), is(">", "nt").replace("script"), rules_of("attributes")],
        ),
        State(
            "script",
            &[
                is(r"</\s*script\s*>", "nt").leave(),
                inner(r"([^<]+|<(?!/\s*script))+", "javascript"),
                otherwise_leave(),
            ],
        ),
        State(
            "style tag",
            &[is(r"/\s*>", "nt").leave(), is(">", "nt").replace("style"), rules_of("attributes")],
        ),
        State(
            "style",
            &[
                is(r"</\s*style\s*>", "nt").leave(),
                inner(r"([^<]+|<(?!/\s*style))+", "css"),
                otherwise_leave(),
            ],
        ),
    ],
};

pub(super) static XML: Language = Language {
    names: &["xml", "xsl", "xslt", "rss", "xsd", "wsdl", "svg"],
    ignores_case: false,
    machine: OnceLock::new(),
    states: &[
        State(
            "text",
            &[
                is(r"[^<&]+", ""),
                is(r"&[\w#]+;", "ni"),
                is(r"<!\[CDATA\[", "cp").enter("data"),
                is("<!--", "c").enter("comment"),
                is(r"<\?", "cp").enter("instruction"),
                is(r"<![^>]*>?", "cp"),
                is(r"</\s*[\w:.-]+\s*>", "nt"),
                is(r"<\s*[\w:.-]+", "nt").enter("tag"),
            ],
        ),
        State("comment", &[is("-->", "c").leave(), is("[^-]+|.", "c")]),
        State("data", &[is(r"\]\]>", "cp").leave(), is(r"[^\]]+|.", "cp")]),
        State("instruction", &[is(r"\?>", "cp").leave(), is(r"[^?]+|.", "cp")]),
        State(
            "tag",
            &[
                is(r"\s+", ""),
                is(r"/?\s*>", "nt").leave(),
                parts(&[(r"[\w:.-]+\s*=", "na"), (r"\s*", "")]).enter("value"),
                is("<", "").leave(),
            ],
        ),
        State(
            "value",
            &[
                is("\"[^\"]*\"?", "s").leave(),
                is("'[^']*'?", "s").leave(),
                is(r#"[^\s>"']+"#, "s").leave(),
                otherwise_leave(),
            ],
        ),
    ],
};
