//! Finds wikilinks, `[[Title]]`, and the destinations of links in the source of Markdown.
//!
//! As for formulas, the rules of CommonMark decide what is code or HTML, in both dialects.

use std::ops::Range;

use pulldown_cmark as cmark;

use super::{Dialect, Options, commonmark, headings, scan};
use kramdown::embed::Embeds;
use kramdown::text::inline_text;
use kramdown::tree::{Kind, Node};

/// A wikilink in a text: `[[name#heading|text]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wikilink<'t> {
    /// All of it, with its brackets.
    pub(crate) range: Range<usize>,
    /// The title, file name or path; empty for a heading of the same text.
    pub(crate) name: &'t str,
    /// The heading in it.
    pub(crate) heading: Option<&'t str>,
    /// What readers see instead of the title.
    pub(crate) text: Option<&'t str>,
    /// Whether `!` precedes it, which in other programs includes the page.
    pub(crate) is_embed: bool,
}

/// A heading that a link can lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) text: String,
}

/// The links in a text: wikilinks, and the destinations of all others.
#[derive(Debug, Default)]
pub(crate) struct Links<'t> {
    pub(crate) wikilinks: Vec<Wikilink<'t>>,
    pub(crate) destinations: Vec<String>,
}

/// Elements whose content is not Markdown.
const LITERAL: [&str; 3] = ["code", "kbd", "samp"];

/// The links in a text, in order, outside of code, formulas and HTML.
pub(crate) fn links(text: &str) -> Links<'_> {
    let mut links = Links::default();
    if !text.contains('[') && !text.contains('<') {
        return links;
    }
    let options = commonmark::Options { math: false, smart_punctuation: false, keeps_info: false };
    let events = cmark::Parser::new_ext(text, commonmark::extensions(options)).into_offset_iter();
    let (mut closed, mut literal_from): (Vec<Range<usize>>, Option<usize>) = (Vec::new(), None);
    for (event, range) in events {
        match event {
            cmark::Event::Start(cmark::Tag::Link { dest_url, .. }) => {
                links.destinations.push(dest_url.into_string());
                closed.push(range);
            }
            cmark::Event::Start(cmark::Tag::Image { .. } | cmark::Tag::CodeBlock(_))
            | cmark::Event::Code(_)
            | cmark::Event::Html(_) => closed.push(range),
            cmark::Event::InlineHtml(tag) => {
                let name = tag.trim_start_matches(['<', '/']);
                let is_literal = LITERAL.iter().any(|literal| {
                    name.strip_prefix(literal).is_some_and(|rest| rest.starts_with(['>', ' ']))
                });
                let start = range.start;
                match literal_from {
                    Some(from) if is_literal && tag.starts_with("</") => {
                        closed.push(from..range.end);
                        literal_from = None;
                    }
                    None if is_literal && !tag.starts_with("</") => literal_from = Some(start),
                    _ => {}
                }
                closed.push(range);
            }
            _ => {}
        }
    }
    if text.contains(['\\', '$']) {
        let formulas = scan::formulas(text, Dialect::CommonMark).into_iter();
        closed.extend(formulas.map(|formula| formula.range));
    }
    let is_open = |link: &Wikilink<'_>| {
        let Range { start, end } = link.range;
        let overlaps = |closed: &Range<usize>| closed.start < end && start < closed.end;
        // A heading may contain code and formulas.
        let is_inside = |closed: &Range<usize>| start + 2 <= closed.start && closed.end <= end - 2;
        !closed.iter().any(|closed| overlaps(closed) && !is_inside(closed))
    };
    links.wikilinks = brackets(text).filter(is_open).collect();
    links
}

/// Everything in double brackets that can be a wikilink, as far as its own letters show.
fn brackets(text: &str) -> impl Iterator<Item = Wikilink<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + text.get(at..)?.find("[[")?;
            at = start + 2;
            let rest = &text[at..];
            let end = at + rest.find(['[', ']', '\n']).unwrap_or(rest.len());
            let is_escaped = text[..start].bytes().rev().take_while(|byte| *byte == b'\\').count();
            let inside = text[at..end].trim();
            // Footnotes and citations begin with one of these.
            let is_other = inside.is_empty() || inside.starts_with(['^', '@']);
            if is_other || is_escaped % 2 == 1 || !text[end..].starts_with("]]") {
                continue;
            }
            at = end + 2;
            return Some(wikilink(text, start..at, inside));
        }
    })
}

fn wikilink<'t>(text: &str, range: Range<usize>, inside: &'t str) -> Wikilink<'t> {
    let (target, shown) = match inside.split_once('|') {
        // In a table, the line is escaped.
        Some((target, shown)) => (target.trim_end_matches('\\'), Some(shown.trim())),
        None => (inside, None),
    };
    let (name, heading) = match target.split_once('#') {
        Some((name, heading)) => (name, heading.rsplit('#').next()),
        None => (target, None),
    };
    let heading = heading.map(str::trim).filter(|heading| !heading.is_empty());
    let is_embed = text[..range.start].ends_with('!');
    let shown = shown.filter(|shown| !shown.is_empty());
    Wikilink { range, name: name.trim(), heading, text: shown, is_embed }
}

/// The headings of a text. Liquid is not expanded: its tags count as nothing.
pub(crate) fn targets(text: &str, options: &Options) -> Vec<Target> {
    let text = without_tags(text);
    let mut embeds = std::borrow::Cow::Owned(Embeds::default());
    let (text, _) = options.take_out_math(&text, &mut embeds);
    let mut document = super::parse(&text, options);
    match options.dialect {
        Dialect::CommonMark => headings::set_unique_ids(&mut document),
        Dialect::Kramdown => headings::set_ids(&mut document, &options.kramdown),
    }
    let mut targets = Vec::new();
    collect(&document.blocks, &embeds, &mut targets);
    targets
}

fn collect(nodes: &[Node], embeds: &Embeds, targets: &mut Vec<Target>) {
    for node in nodes {
        if let (Kind::Heading { .. }, Some(id)) = (&node.kind, node.attributes.value("id")) {
            let text = embeds.as_text(&inline_text(&node.children, embeds));
            targets.push(Target { id: id.to_owned(), text: text.trim().to_owned() });
        }
        collect(&node.children, embeds, targets);
    }
}

/// A text without what is between `{%` and `%}`, and `{{` and `}}`.
fn without_tags(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find("{%").into_iter().chain(rest.find("{{")).min() {
        let close = if rest[start..].starts_with("{%") { "%}" } else { "}}" };
        let Some(end) = rest[start..].find(close) else { break };
        out.push_str(&rest[..start]);
        rest = &rest[start + end + 2..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, Option<&str>, Option<&str>)]) {
        let found = links(text).wikilinks;
        let found: Vec<_> = found.iter().map(|link| (link.name, link.heading, link.text)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn a_wikilink_has_a_name_a_heading_and_a_text() {
        check("a [[b c]] d", &[("b c", None, None)]);
        check("[[b|c d]] [[ e#f ]]", &[("b", None, Some("c d")), ("e", Some("f"), None)]);
        check("[[#f]] [[a#b#c|d]]", &[("", Some("f"), None), ("a", Some("c"), Some("d"))]);
        check("| x |\n|---|\n| [[a\\|b]] |", &[("a", None, Some("b"))]);
        check("[[a#b $x$]]", &[("a", Some("b $x$"), None)]);
        check("- [[a]]\n> [[b]]", &[("a", None, None), ("b", None, None)]);
    }

    #[test]
    fn other_brackets_are_no_wikilinks() {
        for text in [
            "`[[a]]`",
            "    [[a]]\n",
            "```\n[[a]]\n```",
            "$x_{[[a]]}$ \\([[a]]\\)",
            "[[1]](https://example.org)",
            "[a [[b]] c](/d/)",
            "\\[[a]]",
            "[[^1]] [[@key]] [[]] [[ ]]",
            "[[1, 2], [3, 4]] [[a\nb]]",
            "<code>[[a]]</code> <a title=\"[[a]]\">b</a>",
            "<pre>\n[[a]]\n</pre>",
            "<!-- [[a]] -->",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn destinations_are_those_of_all_other_links() {
        let found = links("[a](/b/) [[c]] <https://d> [e][f]\n\n[f]: /g/ \"t\"").destinations;
        assert_eq!(found, ["/b/", "https://d", "/g/"]);
    }

    #[test]
    fn headings_have_the_ids_that_they_get() {
        let options = Options::default();
        let found = targets("# A *b*\n\n## A b\n\n> ## {% value x %} c {#d}\n", &options);
        let found: Vec<(&str, &str)> =
            found.iter().map(|one| (one.id.as_str(), one.text.as_str())).collect();
        assert_eq!(found, [("a-b", "A b"), ("a-b-1", "A b"), ("d", "c")]);
    }
}
