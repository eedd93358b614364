//! Compares the HTML with that of kramdown 2.4 and its GFM parser, as configured by Jekyll 4.3.
//!
//! Each `tests/cases/NAME.md` is Markdown of our own; `NAME.html` is the output of kramdown. White
//! space around tags is ignored.

#![expect(clippy::disallowed_methods, reason = "the cases are files")]

use std::path::Path;
use std::time::{Duration, Instant};

use kramdown::{Options, to_html};
use proptest::prelude::*;

fn html(text: &str) -> String {
    to_html(text, &Options::default())
}

/// The HTML with a tag per line and without the white space around tags, except in code.
fn squeezed(html: &str) -> String {
    let mut lines = String::new();
    for (index, part) in html.split("<pre").enumerate() {
        let (code, rest) =
            if index == 0 { ("", part) } else { part.split_once("</pre>").unwrap_or((part, "")) };
        if index > 0 {
            lines.extend(["<pre", code, "</pre>\n"]);
        }
        let words: Vec<_> = rest.split_whitespace().collect();
        lines += &words.join(" ").replace("> ", ">").replace(" <", "<").replace('>', ">\n");
    }
    lines
}

#[test]
fn html_is_that_of_jekyll() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases = 0;
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = std::fs::read_to_string(path.with_extension("html")).unwrap();
        assert_eq!(squeezed(&html(&text)), squeezed(&expected), "{}", path.display());
        cases += 1;
    }
    assert!(cases > 10, "only {cases} cases were found");
}

/// How deep elements nest in the HTML.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !tag.contains("/>") && !tag.starts_with('!') {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

#[test]
fn hostile_nesting_is_flattened_in_time() {
    let starts = [
        "> ",
        "- ",
        "1. ",
        "[",
        "![",
        "![a](",
        "*a **b ",
        "_a __b ",
        "`a ",
        "<b>",
        "<div>",
        "<div markdown=\"1\">\n",
        "<a b=\"",
        "<!--",
        "$$ a $",
        "~~a ",
        "\"a ",
        "{:",
        "{::comment}",
        "[^1]: ",
        "a|",
        "```\n",
        "***a ",
        "<http:",
    ];
    let opened = starts.iter().map(|start| start.repeat(10_000));
    let pairs = [
        ("[", "](a)"),
        ("![", "](a)"),
        ("\"a ", "b\" "),
        ("*a ", "b* "),
        ("**a _b ", "c_ d** "),
        ("<b>", "</b>"),
    ];
    let closed =
        pairs.iter().map(|(open, close)| open.repeat(10_000) + "x" + &close.repeat(10_000));
    let mixed = ["*a [b \"c ", "- > 1. ", "> - "].iter().map(|start| start.repeat(10_000));
    // Nesting by indentation, whose length grows with the square of the depth.
    let deeper = ["- a", "1. a", "> a", "a\n: b"];
    let deeper = deeper
        .iter()
        .map(|line| (0..500).map(|level| "  ".repeat(level) + line + "\n").collect::<String>());
    for text in opened.chain(closed).chain(mixed).chain(deeper) {
        let start = Instant::now();
        let html = html(&text);
        // The tree may be 100 levels deep, and some nodes are two or three elements.
        assert!(depth(&html) <= 300, "{:?} nests {} deep", &text[..20], depth(&html));
        let allowed = Duration::from_secs(1)
            + Duration::from_micros(50) * u32::try_from(text.len()).expect("it is short");
        assert!(start.elapsed() < allowed, "{:?} took {:?}", &text[..20], start.elapsed());
    }
}

/// Strings of pieces of kramdown's syntax and of text.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "*",
        "**",
        "_",
        "__",
        "`",
        "``",
        "```\n",
        "a",
        "word",
        "é",
        "한",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "    ",
        "\"",
        "'",
        "\\",
        "[",
        "](u)",
        "][r]",
        "]",
        "![",
        "(",
        ")",
        "<b>",
        "</b>",
        "<div>",
        "</div>",
        "<div markdown=\"1\">",
        "<br>",
        "<code>",
        "<!--",
        "-->",
        "<script>",
        "&amp;",
        "&",
        "<",
        ">",
        "--",
        "...",
        "$$",
        "~~",
        "{:.c}",
        "{:toc}",
        "{:",
        "}",
        "{::nomarkdown}",
        "{:/}",
        "{:r: .x}",
        "|",
        "|---|\n",
        "[^1]",
        "[^1]: ",
        "[r]: /u\n",
        "*[a]: t\n",
        "# ",
        "> ",
        "- ",
        "1. ",
        ": ",
        "===\n",
        "---\n",
        "^\n",
        "[ ] ",
        "\u{FDD0}0\u{FDD1}",
        "\u{FDD0}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_string_is_valid_and_always_gives_the_same_html(text in ".{0,200}") {
        prop_assert_eq!(html(&text), html(&text));
    }

    #[test]
    fn any_mix_of_syntax_is_valid(text in pieces()) {
        prop_assert_eq!(html(&text), html(&text));
    }

    #[test]
    fn line_ends_of_any_kind_are_equivalent(text in pieces()) {
        prop_assert_eq!(html(&text), html(&text.replace('\n', "\r\n")));
    }

    #[test]
    fn plain_words_are_unchanged(words in "[a-zA-Z]{1,8}( [a-zA-Z]{1,8}){0,9}") {
        prop_assert_eq!(html(&words), format!("<p>{words}</p>\n"));
    }
}
