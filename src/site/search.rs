//! The index that the search page reads, and the page itself: no server is needed.
//!
//! The words of all posts, documents and pages are in many small files, by the first letters of the words,
//! so that a search loads only the few that it needs, however large the blog is. The text of each
//! page is in a file of its own, which is loaded for the pages that are found.
//!
//! | file | has |
//! |---|---|
//! | `search/pages.json` | address, title and date of each page: posts, the newest first, documents, other pages |
//! | `search/words/SHARD.json` | words, each with the numbers of its pages and how well they fit |
//! | `search/text/NUMBER.json` | the sections of a page: id and heading, and its text |
//!
//! A search splits what is typed by the same rules as [`words`]; `search.js` has them, too.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tera::Map;

use super::layouts::Layouts;
use super::post::{Detail, RenderedPost};
use super::{Files, Made, Shared, memo, structure};
use crate::digest::Digest;
use crate::html::{Tag, Token, tokens, unescaped};
use crate::plugin::feed::is_side_note;
use crate::post::front_matter::FrontMatter;
use crate::post::{Page, PageKind, Post};
use crate::value::{self, as_text, set};

/// The layout of the search page. There is an index if there is one.
const LAYOUT: &str = "search";
/// The file of the search page.
const PAGE: &str = "search/index.html";
/// An attribute that leaves an element out; `data-pagefind-ignore` does, too.
const IGNORED: [&str; 2] = ["data-search-ignore", "data-pagefind-ignore"];
/// How often a word counts at most in a text, so that long texts do not come first.
const MOST_COUNTED: u32 = 15;
/// How much more a word counts in a title or a tag than in the text.
const TITLE_WEIGHT: u32 = 20;
/// How many characters of the text of a page are kept for showing what was found.
const MOST_TEXT: usize = 60_000;

/// A page that can be found.
struct Entry<'a> {
    url: &'a str,
    title: &'a str,
    /// Its day; empty for a page without a date.
    date: String,
    tags: &'a [String],
    sections: Vec<Section>,
}

/// A part of a page with a heading of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Section {
    /// The id of the heading; empty for the start of the page.
    id: String,
    heading: String,
    text: String,
}

/// The search page and its index, if there is a layout for it and the author has no such page.
pub(super) fn files(site: &Shared<'_>, layouts: &Layouts<'_>) -> Files {
    if !is_made(site, layouts) {
        return Ok(Vec::new());
    }
    let mut page = Map::new();
    set(&mut page, "title", "Search");
    set(&mut page, "url", "/search/");
    set(&mut page, "sitemap", false);
    let mut files = structure::pages::rendered(site, layouts, LAYOUT, page, PAGE)?.0;
    let shown = site.posts.iter().chain(site.collections.iter().flatten());
    let shown = shown.map(|post| post.identity(Detail::Whole));
    let pages = of_pages(site);
    let key = memo::key_of(&[], shown.chain(pages.iter().map(identity)));
    let index = || {
        let mut entries = of_documents(site);
        entries.extend(pages);
        Ok((index(&entries), BTreeSet::new()))
    };
    let shown = ("all documents, and the text of pages", key);
    files.extend(site.pages.page("search/pages.json", "", shown, index)?);
    Ok(files)
}

/// Whether the site has a search page.
pub(super) fn is_made(site: &Shared<'_>, layouts: &Layouts<'_>) -> bool {
    site.config.search && layouts.has(LAYOUT) && !site.taken.contains(PAGE)
}

/// The posts and documents that can be found: all except those that say `search: false`.
fn of_documents<'a>(site: &'a Shared<'_>) -> Vec<Entry<'a>> {
    let of_collections = site.blog.collections.iter().zip(&site.collections);
    let of_collections =
        of_collections.flat_map(|(one, rendered)| one.documents.iter().zip(rendered));
    let documents: Vec<(&Post<'_>, &RenderedPost<'_>)> =
        site.blog.posts.iter().zip(&site.posts).chain(of_collections).collect();
    let documents = documents.into_par_iter().filter(|(post, _)| is_found(post));
    documents.map(|(post, rendered)| entry(post, rendered)).collect()
}

fn is_found(post: &Post<'_>) -> bool {
    post.is_written && may_be_found(&post.front)
}

fn may_be_found(front: &FrontMatter<'_>) -> bool {
    let is_off = |key| front.value(key).and_then(value::Value::as_bool);
    let is_redirect = front.value("redirect_to").is_some();
    !is_redirect && is_off("search") != Some(false) && is_off("unlisted") != Some(true)
}

/// Whether a page can be found: one with a title, in Markdown. Templates are lists and forms.
fn is_page_found(page: &Page<'_>) -> bool {
    let file = page.address.file.as_str();
    page.kind == PageKind::Markdown
        && page.front.title.as_ref().is_some_and(|title| !title.is_empty())
        && file.ends_with(".html")
        && file != "404.html"
        && may_be_found(&page.front)
}

/// The searchable text of the body of a page; empty if the page is left out, or there is no search.
pub(super) fn of_page(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    page: &Page<'_>,
    html: &str,
) -> Vec<Section> {
    let is_searched = site.config.search && layouts.has(LAYOUT) && is_page_found(page);
    if is_searched { sections(html) } else { Vec::new() }
}

/// The pages that can be found and have a text.
fn of_pages<'a>(site: &'a Shared<'_>) -> Vec<Entry<'a>> {
    let pages = site.blog.pages.iter().filter(|page| is_page_found(page));
    let entry = |page: &'a Page<'_>| {
        let body = site.pages.body(page).filter(|body| !body.sections.is_empty())?;
        Some(Entry {
            url: &page.address.url,
            title: page.front.title.as_deref().unwrap_or_default(),
            date: String::new(),
            tags: &page.front.tags,
            sections: body.sections.clone(),
        })
    };
    pages.filter_map(entry).collect()
}

/// Equal for equal entries.
fn identity(entry: &Entry<'_>) -> Digest {
    let Entry { url, title, date, tags, sections } = entry;
    let sections = sections.iter().flat_map(|one| [&one.id, &one.heading, &one.text]);
    let own = [*url, *title, date.as_str()];
    let number = tags.len().to_le_bytes();
    let texts = own.into_iter().chain(tags.iter().chain(sections).map(String::as_str));
    memo::key(texts.map(str::as_bytes).chain([&number[..]]))
}

fn entry<'a>(post: &'a Post<'_>, rendered: &'a RenderedPost<'_>) -> Entry<'a> {
    Entry {
        url: &post.address.url,
        title: &rendered.body.summary.title,
        date: if post.is_dated {
            post.date.format("%Y-%m-%d").unwrap_or_default()
        } else {
            String::new()
        },
        tags: &post.front.tags,
        sections: sections(&as_text(&rendered.content())),
    }
}

/// The files of the index.
fn index(entries: &[Entry<'_>]) -> Vec<Made> {
    let pages: Vec<serde_json::Value> = entries
        .iter()
        .map(|entry| json!([entry.url, entry.title, entry.date, entry.tags]))
        .collect();
    let mut files = vec![Made::new("search/pages.json", json!(pages).to_string())];
    let texts = entries.par_iter().enumerate().map(|(number, entry)| {
        let sections = entry.sections.iter();
        let sections = sections.map(|one| json!([one.id, one.heading, one.text]));
        let text = serde_json::Value::from(sections.collect::<Vec<_>>()).to_string();
        Made::new(format!("search/text/{number}.json"), text)
    });
    files.extend(texts.collect::<Vec<Made>>());
    let counted: Vec<BTreeMap<String, u32>> = entries.par_iter().map(counted).collect();
    let mut shards: BTreeMap<String, BTreeMap<&str, Vec<u32>>> = BTreeMap::new();
    for (number, words) in counted.iter().enumerate() {
        for (word, count) in words {
            let pages = shards.entry(shard(word)).or_default().entry(word).or_default();
            pages.extend([u32::try_from(number).unwrap_or(u32::MAX), *count]);
        }
    }
    let shards = shards.into_iter().map(|(name, words)| {
        Made::new(format!("search/words/{name}.json"), json!(words).to_string())
    });
    files.extend(shards);
    files
}

/// How well an entry fits each of its words.
fn counted(entry: &Entry<'_>) -> BTreeMap<String, u32> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for section in &entry.sections {
        for word in words(&section.heading).into_iter().chain(words(&section.text)) {
            let count = counts.entry(word).or_default();
            *count = (*count + 1).min(MOST_COUNTED);
        }
    }
    let tags = entry.tags.iter().flat_map(|tag| words(tag));
    for word in words(entry.title).into_iter().chain(tags) {
        *counts.entry(word).or_default() += TITLE_WEIGHT;
    }
    counts
}

/// The file that a word is in: by its first two letters, or its first letter outside of ASCII, as
/// hexadecimal numbers.
fn shard(word: &str) -> String {
    let first = word.chars().next().unwrap_or_default();
    let letters = word.chars().take(if first.is_ascii() { 2 } else { 1 });
    letters.map(|c| format!("{:x}", u32::from(c))).collect::<Vec<_>>().join("-")
}

/// The words of a text, in lower case. A `+`, `#` or `.` that touches a word belongs to it, except at
/// its end for `.`: `c++`, `c#`, `.net`, `node.js`. Such a word is also found without its signs. Of
/// Chinese, Japanese and Korean, each character and each pair of them is a word.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before: Option<char> = None;
    let lower = text.to_lowercase();
    for c in lower.chars().chain([' ']) {
        if is_ideograph(c) {
            end_word(&mut word, &mut words);
            words.push(c.to_string());
            words.extend(before.map(|before| format!("{before}{c}")));
            before = Some(c);
            continue;
        }
        before = None;
        if c.is_alphanumeric() || matches!(c, '+' | '#' | '.' | '_') {
            word.push(c);
        } else {
            end_word(&mut word, &mut words);
        }
    }
    words
}

fn end_word(word: &mut String, words: &mut Vec<String>) {
    let whole = word.trim_end_matches('.').trim_start_matches(['+', '_']);
    let is_sign = |c: char| !c.is_alphanumeric();
    if whole.chars().any(char::is_alphanumeric) && whole.len() <= 60 {
        words.push(whole.to_owned());
        let parts = whole.split(is_sign).filter(|part| !part.is_empty() && *part != whole);
        words.extend(parts.map(str::to_owned));
    }
    word.clear();
}

/// Whether words are not separated by spaces in the character's script.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF
        | 0xF900..=0xFAFF | 0x20000..=0x3134F)
}

/// The text of a body by headings, without what is not for reading: scripts, drawings, the numbers
/// below charts, what is there a second time (side notes) or refers to it, and elements that are
/// marked.
fn sections(html: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut left_out: Option<(&str, usize)> = None;
    let mut in_heading = false;
    let mut length = 0;
    for token in tokens(html) {
        let last = sections.last_mut().expect("there is always one");
        match token {
            Token::Text(_) if left_out.is_some() => {}
            Token::Text(text) if text.starts_with("<!--") => {}
            Token::Text(text) => {
                let into = if in_heading { &mut last.heading } else { &mut last.text };
                if length < MOST_TEXT {
                    length += text.len();
                    into.push_str(&unescaped(text));
                }
            }
            Token::Tag(tag) => {
                if let Some((name, open)) = &mut left_out {
                    if tag.is(name) && !tag.text.ends_with("/>") {
                        *open = if tag.is_end { *open - 1 } else { *open + 1 };
                    }
                    left_out = left_out.filter(|(_, open)| *open > 0);
                } else if is_left_out(&tag) {
                    left_out = Some((tag.name, 1));
                } else if is_heading(&tag) {
                    in_heading = !tag.is_end;
                    if let Some(id) = tag.value("id").filter(|_| !tag.is_end) {
                        sections.push(Section { id: unescaped(id), ..Section::default() });
                    }
                } else if !is_inline(&tag) {
                    let into = if in_heading { &mut last.heading } else { &mut last.text };
                    into.push(' ');
                }
            }
        }
    }
    for section in &mut sections {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        section.heading = one_line(&section.heading);
        section.text = one_line(&section.text);
    }
    sections.retain(|section| !section.text.is_empty() || !section.heading.is_empty());
    sections
}

fn is_left_out(tag: &Tag<'_>) -> bool {
    let is_of_page =
        ["script", "style", "svg", "math", "template", "button"].iter().any(|name| tag.is(name));
    let is_marked = IGNORED.iter().any(|name| tag.value(name).is_some());
    let is_empty =
        tag.text.ends_with("/>") || ["img", "br", "hr", "input"].iter().any(|name| tag.is(name));
    // The number of a footnote would become a part of the word before it.
    let is_note = is_side_note(tag)
        || tag.is("a") && (tag.has_class("footnote") || tag.has_class("reversefootnote"));
    let is_left_out = is_of_page || is_marked || is_note || tag.has_class("labpress-numbers");
    !tag.is_end && !is_empty && is_left_out
}

fn is_heading(tag: &Tag<'_>) -> bool {
    ["h1", "h2", "h3"].iter().any(|name| tag.is(name))
}

fn is_inline(tag: &Tag<'_>) -> bool {
    const INLINE: [&str; 14] = [
        "a", "abbr", "b", "code", "data", "del", "em", "i", "mark", "span", "strong", "sub", "sup",
        "time",
    ];
    INLINE.iter().any(|name| tag.is(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown;
    use kramdown::embed::Embeds;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(text), expected);
    }

    #[test]
    fn signs_belong_to_the_words_they_touch() {
        check(
            "C++ and C#, F# or .NET.",
            &["c++", "c", "and", "c#", "c", "f#", "f", "or", ".net", "net"],
        );
        check("node.js v1.2.", &["node.js", "node", "js", "v1.2", "v1", "2"]);
        check("a + b ... #1", &["a", "b", "#1", "1"]);
    }

    #[test]
    fn chinese_is_found_by_characters_and_pairs() {
        check("深度学习 GPU", &["深", "度", "深度", "学", "度学", "习", "学习", "gpu"]);
    }

    #[test]
    fn a_body_is_split_at_its_headings() {
        let html = "<p>One <b>bo</b>ld.</p><h2 id=\"a\">A &amp; <code>b</code></h2><p>Two.</p>\
                    <svg><text>90</text></svg><div data-search-ignore>No<div>no</div></div>\
                    <p>End</p><script>no()</script>";
        let section = |id: &str, heading: &str, text: &str| Section {
            id: id.to_owned(),
            heading: heading.to_owned(),
            text: text.to_owned(),
        };
        let expected = [section("", "", "One bold."), section("a", "A & b", "Two. End")];
        assert_eq!(sections(html), expected);
    }

    #[test]
    fn notes_are_searched_once_and_apart_from_words() {
        let options = markdown::Options { extended: true, ..markdown::Options::default() };
        let text = "A word.[^1] More.\n\n[^1]: The note.\n";
        let html = markdown::render(text, &Embeds::default(), &options).html;
        assert!(html.contains("sidenote"), "{html}");
        let texts: Vec<String> = sections(&html).into_iter().map(|one| one.text).collect();
        assert_eq!(texts, ["A word. More. The note."]);
    }

    #[test]
    fn words_are_in_files_of_their_first_letters() {
        assert_eq!(["c++", "c", "学习", "élan"].map(shard), ["63-2b", "63", "5b66", "e9"]);
    }
}
