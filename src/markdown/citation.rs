//! Citations, `[@key]`, and the list of what a page cites.
//!
//! The entries come from the site's BibTeX files (or YAML files in Hayagriva's format); the form of
//! citations and of the list comes from a style in the Citation Style Language. Both are read when
//! the first page cites something.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::OnceLock;

use hayagriva::archive::{ArchivedStyle, locales};
use hayagriva::citationberg::taxonomy::Locator;
use hayagriva::citationberg::{
    FontStyle, FontVariant, FontWeight, IndependentStyle, Locale, LocaleCode, Style, VerticalAlign,
};
use hayagriva::io::{BibLaTeXError, from_biblatex_str, from_yaml_str};
use hayagriva::{
    BibliographyDriver, BibliographyRequest, CitationItem, CitationRequest, ElemChild,
    ElemChildren, ElemMeta, Entry, Formatted, LocatorPayload, SpecificLocator,
};

use super::Problem;
use crate::diagnostic::{Diagnostic, Place, Position, nearest};
use crate::html::escaped;
use kramdown::embed::{Embed, Embeds};
use kramdown::tree::{Document, Kind, Node};

/// What a site's pages can cite.
#[derive(Debug)]
pub struct Bibliography {
    /// The files with entries: path and content.
    files: Vec<(String, String)>,
    style: StyleSource,
    read: OnceLock<Result<Read, Vec<Diagnostic>>>,
}

/// Where the style comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StyleSource {
    /// A style that labpress contains, by name.
    Named(String),
    /// A file of the site: path and content.
    File(String, String),
}

/// The entries and the style.
#[derive(Debug)]
struct Read {
    entries: BTreeMap<String, Entry>,
    style: IndependentStyle,
    locales: Vec<Locale>,
}

/// The style unless the configuration names one.
pub const DEFAULT_STYLE: &str = "ieee";

/// The heading of the list, by language.
const HEADINGS: [(&str, &str); 11] = [
    ("ar", "المراجع"),
    ("de", "Literatur"),
    ("en", "References"),
    ("es", "Referencias"),
    ("fr", "Références"),
    ("it", "Riferimenti"),
    ("ja", "参考文献"),
    ("nl", "Literatuur"),
    ("pt", "Referências"),
    ("ru", "Литература"),
    ("zh", "参考文献"),
];

impl PartialEq for Bibliography {
    fn eq(&self, other: &Bibliography) -> bool {
        (&self.files, &self.style) == (&other.files, &other.style)
    }
}

impl Eq for Bibliography {}

impl Bibliography {
    /// The bibliography of these files.
    pub fn new(files: Vec<(String, String)>, style: StyleSource) -> Bibliography {
        Bibliography { files, style, read: OnceLock::new() }
    }

    /// The paths of all files that citations depend on.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let style = match &self.style {
            StyleSource::File(path, _) => Some(path.as_str()),
            StyleSource::Named(_) => None,
        };
        self.files.iter().map(|(path, _)| path.as_str()).chain(style)
    }

    fn read(&self) -> Result<&Read, &[Diagnostic]> {
        self.read.get_or_init(|| self.parsed()).as_ref().map_err(Vec::as_slice)
    }

    fn parsed(&self) -> Result<Read, Vec<Diagnostic>> {
        let (mut entries, mut errors) = (BTreeMap::new(), Vec::new());
        for (path, text) in &self.files {
            match library(path, text) {
                Ok(library) => {
                    entries.extend(
                        library.iter().map(|entry| (entry.key().to_owned(), entry.clone())),
                    );
                }
                Err(found) => errors.extend(found),
            }
        }
        let style = match &self.style {
            StyleSource::Named(name) => ArchivedStyle::by_name(name).map(ArchivedStyle::get).ok_or_else(|| {
                let all = ArchivedStyle::all().iter().flat_map(|style| style.names()).copied();
                let hint = match nearest(name, all) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "write the name of a style, such as `ieee`, `apa` or `chicago-author-date`, or the \
                             path of a `.csl` file"
                        .to_owned(),
                };
                let message = format!("unknown style of citations `{name}`");
                Diagnostic::new(Place::file(crate::roles::CONFIG), message).hint(hint)
            }),
            StyleSource::File(path, text) => Style::from_xml(text)
                .map_err(|error| Diagnostic::new(Place::file(path), format!("invalid style: {error}"))),
        };
        let style = style.and_then(|style| match style {
            Style::Independent(style) => Ok(style),
            Style::Dependent(_) => {
                let message = "the style only refers to another one";
                Err(Diagnostic::new(Place::file(crate::roles::CONFIG), message)
                    .hint("name that other style"))
            }
        });
        match style {
            Ok(style) if errors.is_empty() => Ok(Read { entries, style, locales: locales() }),
            Ok(_) => Err(errors),
            Err(error) => {
                errors.push(error);
                Err(errors)
            }
        }
    }
}

fn library(path: &str, text: &str) -> Result<hayagriva::Library, Vec<Diagnostic>> {
    let is_yaml = path.ends_with(".yml") || path.ends_with(".yaml");
    if is_yaml {
        return from_yaml_str(text).map_err(|error| {
            let message = format!("invalid bibliography: {error}");
            vec![Diagnostic::new(Place::file(path), message)]
        });
    }
    from_biblatex_str(text).map_err(|errors| {
        let diagnostic = |error: &BibLaTeXError| {
            let (at, message) = match error {
                BibLaTeXError::Parse(error) => (error.span.start, error.kind.to_string()),
                BibLaTeXError::Type(error) => (error.span.start, error.kind.to_string()),
            };
            let place = Place::new(path, Position::at(text, at));
            Diagnostic::new(place, format!("invalid BibTeX: {message}"))
        };
        errors.iter().map(diagnostic).collect()
    })
}

/// A piece of a citation: `@key, p. 3`.
struct Item<'t> {
    key: &'t str,
    /// What follows the key: a page or another place.
    locator: Option<&'t str>,
}

/// Whether a text may cite something.
pub(super) fn may_cite(text: &str) -> bool {
    text.contains("[@") || text.contains("[-@") || text.contains("[see @")
}

/// Writes all citations of a document in `language`, and the list at its end.
pub(super) fn cite(
    document: &mut Document,
    embeds: &mut Cow<'_, Embeds>,
    bibliography: &Bibliography,
    language: &str,
) -> (Vec<Problem>, Vec<Diagnostic>) {
    let mut places = Vec::new();
    split(&mut document.blocks, &mut places);
    for note in &mut document.footnotes {
        split(&mut note.blocks, &mut places);
    }
    if places.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let read = match bibliography.read() {
        Ok(read) => read,
        Err(errors) => return (Vec::new(), errors.to_vec()),
    };
    let mut problems = Vec::new();
    let mut citations = Vec::new();
    for place in &places {
        let mut cited: Cited<'_> = Vec::new();
        for item in items(place) {
            if let Some(entry) = read.entries.get(item.key) {
                cited.push((entry, item.locator));
            } else {
                problems.push(unknown(item.key, read));
            }
        }
        citations.push(cited);
    }
    let (list, html) = written(&citations, read, language);
    let mut embed = |number: usize| {
        let text =
            if html[number].is_empty() { places[number].clone() } else { plain(&html[number]) };
        embeds.to_mut().add(Embed { html: html[number].clone(), text, block: false })
    };
    let mut number = 0;
    fill(&mut document.blocks, &mut number, &mut embed);
    for note in &mut document.footnotes {
        fill(&mut note.blocks, &mut number, &mut embed);
    }
    if !list.is_empty() {
        let html = section(&list, language);
        document.blocks.push(Node::new(Kind::Html { html, block: true }));
    }
    (problems, Vec::new())
}

/// What a citation consists of: entries, each with a place in it.
type Cited<'r> = Vec<(&'r Entry, Option<&'r str>)>;

/// The list of what is cited, keys and HTML, and the HTML of each citation.
fn written(
    citations: &[Cited<'_>],
    read: &Read,
    language: &str,
) -> (Vec<(String, String)>, Vec<String>) {
    let mut driver = BibliographyDriver::new();
    let locale = Some(LocaleCode(language.to_owned()));
    for citation in citations.iter().filter(|citation| !citation.is_empty()) {
        let items = citation.iter().map(|(entry, locator)| {
            let locator = locator.map(|text| {
                let page = text.trim_start_matches("pp.").trim_start_matches("p.").trim();
                SpecificLocator(Locator::Page, LocatorPayload::Str(page))
            });
            CitationItem::with_locator(*entry, locator)
        });
        let (style, locales) = (&read.style, &read.locales);
        let items = items.collect();
        driver.citation(CitationRequest::new(items, style, locale.clone(), locales, None));
    }
    let request = BibliographyRequest::new(&read.style, locale, &read.locales);
    let rendered = driver.finish(request);
    let items = rendered.bibliography.iter().flat_map(|list| &list.items);
    let list: Vec<(String, String)> = items
        .map(|item| {
            let first = item.first_field.as_ref().map_or(String::new(), |first| {
                let mut html = String::new();
                write_child(&mut html, first, &|_| None);
                format!("<span class=\"reference-label\">{html}</span> ")
            });
            let mut html = String::new();
            write_children(&mut html, &item.content, &|_| None);
            // Some styles leave two spaces where a part is missing.
            (item.key.clone(), format!("{first}{}", html.replace("  ", " ")))
        })
        .collect();
    let mut rendered = rendered.citations.iter();
    let html = citations.iter().map(|citation| {
        // One without known entries was not rendered.
        let rendered = if citation.is_empty() { None } else { rendered.next() };
        rendered.map_or(String::new(), |rendered| with_note(citation, &rendered.citation, &list))
    });
    let html = html.collect();
    (list, html)
}

/// A citation, with its references to be shown on hover.
fn with_note(citation: &Cited<'_>, rendered: &ElemChildren, list: &[(String, String)]) -> String {
    let key = |index: usize| citation.get(index).map(|(entry, _)| entry.key().to_owned());
    let mut html = String::new();
    write_children(&mut html, rendered, &key);
    if !html.contains("<a ") {
        // A style that merges entries has no element for each.
        let first = key(0).unwrap_or_default();
        html = format!("<a href=\"#ref-{}\">{html}</a>", escaped(&first));
    }
    let references = citation
        .iter()
        .filter_map(|(entry, _)| list.iter().find(|(key, _)| key == entry.key()))
        .map(|(_, html)| format!("<span class=\"citation-text\">{}</span>", without_links(html)));
    let references: String = references.collect();
    let note = format!("<span class=\"citation-note\" role=\"note\">{references}</span>");
    format!("<span class=\"citation\">{html}{note}</span>")
}

fn unknown(key: &str, read: &Read) -> Problem {
    let hint = match nearest(key, read.entries.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add the entry to the bibliography".to_owned(),
    };
    let message = format!("the bibliography has no entry `{key}`");
    Problem { source: format!("@{key}"), at: 0, message, hint: Some(hint) }
}

/// The list of what is cited.
fn section(list: &[(String, String)], language: &str) -> String {
    let language = language.split(['-', '_']).next().unwrap_or_default();
    let heading = HEADINGS
        .iter()
        .find(|(code, _)| *code == language)
        .map_or("References", |(_, heading)| heading);
    let mut html = format!(
        "<section class=\"bibliography\" role=\"doc-bibliography\" aria-labelledby=\"references\">\n\
         <h2 id=\"references\">{heading}</h2>\n<ul class=\"references\">\n"
    );
    for (key, item) in list {
        let _ = writeln!(html, "<li id=\"ref-{}\">{item}</li>", escaped(key));
    }
    html.push_str("</ul>\n</section>\n");
    html
}

/// The mark of a citation in the tree until it is written: an element of this name.
const MARK: &str = "citation-mark";

/// Splits text at its citations; what they are is added to `places`.
fn split(nodes: &mut Vec<Node>, places: &mut Vec<String>) {
    let mut split_nodes = Vec::with_capacity(nodes.len());
    for mut node in nodes.drain(..) {
        let Kind::Text(text) = &node.kind else {
            split(&mut node.children, places);
            split_nodes.push(node);
            continue;
        };
        let mut written = 0;
        for (at, _) in text.match_indices('[') {
            let Some((inside, _)) = text[at + 1..].split_once(']') else { break };
            if at < written || !is_citation(inside) {
                continue;
            }
            if written < at {
                split_nodes.push(Node::text(&text[written..at]));
            }
            written = at + inside.len() + 2;
            places.push(inside.to_owned());
            let name = MARK.to_owned();
            split_nodes.push(Node::new(Kind::Element { name, block: false }));
        }
        if written == 0 {
            split_nodes.push(node);
        } else if written < text.len() {
            split_nodes.push(Node::text(&text[written..]));
        }
    }
    *nodes = split_nodes;
}

/// Whether the text between brackets is a citation: all parts have a key.
fn is_citation(inside: &str) -> bool {
    inside.contains('@') && inside.split(';').all(|part| item(part).is_some())
}

fn items(inside: &str) -> Vec<Item<'_>> {
    inside.split(';').filter_map(item).collect()
}

fn item(part: &str) -> Option<Item<'_>> {
    let part = part.trim();
    let key =
        part.strip_prefix("see ").unwrap_or(part).trim_start_matches('-').strip_prefix('@')?;
    let end = key.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(key.len());
    let (key, rest) = key.split_at(end);
    let locator = rest.trim_start_matches(',').trim();
    (!key.is_empty()).then_some(Item { key, locator: (!locator.is_empty()).then_some(locator) })
}

/// Replaces the marks with what `embed` makes of each, by number.
fn fill(nodes: &mut [Node], number: &mut usize, embed: &mut impl FnMut(usize) -> usize) {
    for node in nodes {
        if matches!(&node.kind, Kind::Element { name, .. } if name == MARK) {
            node.kind = Kind::Embed(embed(*number));
            *number += 1;
        } else {
            fill(&mut node.children, number, embed);
        }
    }
}

fn write_children(
    out: &mut String,
    children: &ElemChildren,
    key: &dyn Fn(usize) -> Option<String>,
) {
    for child in &children.0 {
        write_child(out, child, key);
    }
}

fn write_child(out: &mut String, child: &ElemChild, key: &dyn Fn(usize) -> Option<String>) {
    match child {
        ElemChild::Text(text) => write_text(out, text),
        ElemChild::Elem(element) => {
            let key_of = match element.meta {
                Some(ElemMeta::Entry(index)) => key(index),
                _ => None,
            };
            if let Some(key) = &key_of {
                let _ = write!(out, "<a href=\"#ref-{}\" role=\"doc-biblioref\">", escaped(key));
            }
            write_children(out, &element.children, key);
            if key_of.is_some() {
                out.push_str("</a>");
            }
        }
        ElemChild::Markup(text) => out.push_str(&escaped(text)),
        ElemChild::Link { text, url } => {
            let _ = write!(out, "<a href=\"{}\">", escaped(url));
            write_text(out, text);
            out.push_str("</a>");
        }
        ElemChild::Transparent { .. } => {}
    }
}

fn write_text(out: &mut String, text: &Formatted) {
    let format = &text.formatting;
    let mut elements = Vec::new();
    if format.font_style == FontStyle::Italic {
        elements.push("em");
    }
    if format.font_weight == FontWeight::Bold {
        elements.push("strong");
    }
    match format.vertical_align {
        VerticalAlign::Sup => elements.push("sup"),
        VerticalAlign::Sub => elements.push("sub"),
        _ => {}
    }
    for name in &elements {
        let _ = write!(out, "<{name}>");
    }
    if format.font_variant == FontVariant::SmallCaps {
        let _ = write!(out, "<span class=\"small-caps\">{}</span>", escaped(&text.text));
    } else {
        out.push_str(&escaped(&text.text));
    }
    for name in elements.iter().rev() {
        let _ = write!(out, "</{name}>");
    }
}

/// HTML without its links, which must not be inside of others.
fn without_links(html: &str) -> String {
    crate::html::with_tags(html, |tag, written| {
        if !tag.is("a") {
            written.push_str(tag.text);
        }
    })
}

/// The text of a citation without its note.
fn plain(html: &str) -> String {
    let shown = html.split("<span class=\"citation-note\"").next().unwrap_or(html);
    crate::html::without_html(shown)
}
