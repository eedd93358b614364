//! What makes a page hard to read: pictures without a text, headings out of order, lines and
//! languages of code.

use super::page::Page;
use super::{Found, Rule};
use crate::html::{Tag, unescaped};
use crate::markdown::highlight;

/// Checks the text of a page. Only what has a source of its own: lists show parts of other pages.
pub(super) fn check(page: &Page<'_>, found: &mut Found<'_>) {
    if page.source.is_none() || page.is_redirect {
        return;
    }
    alternatives(page, found);
    headings(page, found);
    code(page, found);
}

fn alternatives(page: &Page<'_>, found: &mut Found<'_>) {
    for (_, tag) in page.tags.iter().filter(|(_, tag)| tag.is("img") && !tag.is_end) {
        let is_hidden = tag.value("aria-hidden") == Some("true");
        if tag.value("alt").is_some() || is_hidden {
            continue;
        }
        let source = unescaped(tag.value("src").unwrap_or_default());
        let message = format!("the picture `{source}` has no alternative text");
        let hint = "say what it shows: `![text](address)`, or `alt=\"\"` if it only decorates";
        found.add(Rule::Alt, page, &[&source], message, hint);
    }
}

fn headings(page: &Page<'_>, found: &mut Found<'_>) {
    let (mut before, mut has_first) = (0, false);
    for (at, (_, tag)) in page.tags.iter().enumerate() {
        let Some(level) = level(tag.name).filter(|_| !tag.is_end) else { continue };
        let text = page.text_of(at).trim().to_owned();
        let hint = if text.is_empty() {
            let message = format!("a heading of level {level} is empty");
            found.add(Rule::Heading, page, &[], message, "write its text, or remove it");
            continue;
        } else if level == 1 && has_first {
            "the title of the page is its heading of level 1: start with `##`"
        } else {
            "use the level below, and the theme for its size"
        };
        let message = if level == 1 && has_first {
            format!("`{text}` is a second heading of level 1")
        } else {
            format!("`{text}` is a heading of level {level} below one of level {before}")
        };
        if level == 1 && has_first || before > 0 && level > before + 1 {
            found.add(Rule::Heading, page, &[&text], message, hint);
        }
        has_first |= level == 1;
        before = level;
    }
}

fn level(name: &str) -> Option<u8> {
    let digit = name.strip_prefix(['h', 'H'])?;
    digit.parse().ok().filter(|level| (1..=6).contains(level))
}

fn code(page: &Page<'_>, found: &mut Found<'_>) {
    for (at, (_, tag)) in page.tags.iter().enumerate().filter(|(_, (_, tag))| !tag.is_end) {
        if let Some(language) = language(tag).filter(|language| !highlight::is_known(language)) {
            let message = format!("`{language}` is not a language that can be highlighted");
            let hint = match highlight::nearest_language(language) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "correct it, or write `text`".to_owned(),
            };
            let written = ["```", "~~~", "highlight "].map(|start| format!("{start}{language}"));
            let [backticks, tildes, tag] = &written;
            found.add(Rule::Language, page, &[backticks, tildes, tag, language], message, &hint);
        }
        if tag.is("pre") {
            lines(&page.text_of(at), page, found);
        }
    }
}

/// Checks the longest line of a block of code.
fn lines(code: &str, page: &Page<'_>, found: &mut Found<'_>) {
    let limit = found.config.check.line_length;
    let lines = code.lines().map(|line| (line, line.chars().count()));
    let Some((line, length)) = lines.max_by_key(|(_, length)| *length) else { return };
    if length > limit {
        let message =
            format!("a line of code has {length} characters, and readers see about {limit}");
        let hint = "break it, or set `check: {line_length: N}`";
        found.add(Rule::LongLine, page, &[line.trim(), line], message, hint);
    }
}

/// The language that a block of code is in.
fn language<'a>(tag: &Tag<'a>) -> Option<&'a str> {
    let class =
        tag.value("class").filter(|_| ["code", "div", "pre"].iter().any(|name| tag.is(name)))?;
    class.split_ascii_whitespace().find_map(|class| class.strip_prefix("language-"))
}
