//! Whether pages, feeds and data files are well formed. Not a validator: only what makes readers see
//! something else than the author meant.

use std::collections::BTreeSet;

use super::page::Page;
use super::{Found, Rule};

/// Elements without an end tag.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements whose end tag may be left out.
const OPTIONAL: [&str; 17] = [
    "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "option",
    "optgroup", "rp", "rt", "body", "html",
];

/// Checks that each element of a page is closed, and that no id occurs twice.
pub(super) fn html(page: &Page<'_>, found: &mut Found<'_>) {
    for (id, _) in page.ids.iter().filter(|(_, count)| **count > 1) {
        let message = format!("the id `{id}` occurs more than once on `{}`", page.url);
        let hint = "links lead to the first: give the others another id";
        let wanted = [&*format!("#{id}"), &*format!("id=\"{id}\"")];
        found.add(Rule::Markup, page, &wanted, message, hint);
    }
    let mut open: Vec<&str> = Vec::new();
    for (_, tag) in &page.tags {
        let name = tag.name;
        if VOID.iter().any(|void| tag.is(void)) || !tag.is_end && tag.text.ends_with("/>") {
            continue;
        }
        if !tag.is_end {
            open.push(name);
            continue;
        }
        let Some(at) = open.iter().rposition(|one| one.eq_ignore_ascii_case(name)) else {
            let message = format!("`</{name}>` closes nothing on `{}`", page.url);
            let written = format!("</{name}>");
            found.add(Rule::Markup, page, &[&written], message, "remove it, or open the element");
            continue;
        };
        for unclosed in open.drain(at..).skip(1).filter(|one| !is_optional(one)) {
            unclosed_element(page, unclosed, found);
        }
    }
    for unclosed in open.into_iter().filter(|one| !is_optional(one)) {
        unclosed_element(page, unclosed, found);
    }
}

fn is_optional(name: &str) -> bool {
    OPTIONAL.iter().any(|one| one.eq_ignore_ascii_case(name))
}

fn unclosed_element(page: &Page<'_>, name: &str, found: &mut Found<'_>) {
    let message = format!("`<{name}>` is not closed on `{}`", page.url);
    let (with_attributes, alone) = (format!("<{name} "), format!("<{name}>"));
    let hint = format!("add `</{name}>` where the element ends");
    found.add(Rule::Markup, page, &[&with_attributes, &alone], message, &hint);
}

/// Checks a file that programs read: XML, JSON, feeds.
pub(super) fn data(file: &str, text: &str, found: &mut Found<'_>) {
    let is_feed = file.ends_with("feed.json");
    if file.ends_with(".xml") {
        match roxmltree::Document::parse(text) {
            Ok(document) => atom(file, &document, found),
            Err(error) => {
                let message = format!("is not XML: {error}");
                found.add_to_file(Rule::Feed, file, message, "correct its source or its layout");
            }
        }
    } else if file.ends_with(".json") {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) if is_feed => json_feed(file, &value, found),
            Ok(_) => {}
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let message = format!("is not JSON at {line}:{column}");
                found.add_to_file(Rule::Feed, file, message, "correct its source or its layout");
            }
        }
    }
}

/// Checks what RFC 4287 requires of a feed and its entries.
fn atom(file: &str, document: &roxmltree::Document<'_>, found: &mut Found<'_>) {
    const NAMESPACE: &str = "http://www.w3.org/2005/Atom";
    let feed = document.root_element();
    if !feed.has_tag_name((NAMESPACE, "feed")) {
        return;
    }
    let mut ids = BTreeSet::new();
    let is_entry = |node: &roxmltree::Node<'_, '_>| node.has_tag_name((NAMESPACE, "entry"));
    for part in std::iter::once(feed).chain(feed.children().filter(is_entry)) {
        let text = |name| {
            let of_name = part.children().find(|node| node.has_tag_name((NAMESPACE, name)));
            of_name.and_then(|node| node.text()).map(str::trim).filter(|text| !text.is_empty())
        };
        let title = text("title").unwrap_or("without a title");
        let what =
            if part == feed { "the feed".to_owned() } else { format!("the entry `{title}`") };
        for name in ["id", "title", "updated"] {
            if text(name).is_none() {
                let message = format!("{what} has no `{name}`");
                found.add_to_file(
                    Rule::Feed,
                    file,
                    message,
                    "RFC 4287 requires one: feed readers need it",
                );
            }
        }
        if let Some(id) = text("id").filter(|_| part != feed)
            && !ids.insert(id.to_owned())
        {
            let message = format!("two entries have the id `{id}`");
            found.add_to_file(Rule::Feed, file, message, "feed readers show only one of them");
        }
    }
}

/// Checks what version 1.1 of JSON Feed requires.
fn json_feed(file: &str, feed: &serde_json::Value, found: &mut Found<'_>) {
    let mut lacks = |what: &str| {
        let message = format!("has no {what}");
        found.add_to_file(Rule::Feed, file, message, "JSON Feed 1.1 requires it");
    };
    for key in ["version", "title", "items"] {
        if feed.get(key).is_none() {
            lacks(&format!("`{key}`"));
        }
    }
    for item in feed.get("items").and_then(serde_json::Value::as_array).into_iter().flatten() {
        if item.get("id").is_none() {
            lacks("`id` for an item");
        }
        if item.get("content_html").is_none() && item.get("content_text").is_none() {
            lacks("content for an item");
        }
    }
}
