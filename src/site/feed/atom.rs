//! Atom (RFC 4287).

use std::fmt::Write;

use super::{Entry, Feed, Item, Shared, author, updated};
use crate::html::escaped;
use crate::value::{as_text, entry as value_at};

/// The whole feed.
pub(super) fn feed(site: &Shared<'_>, feed: &Feed<'_>, items: &[&Item]) -> String {
    let config = site.config;
    let root = format!("{}{}", config.url, config.base_url);
    let own = format!("{root}/{}", crate::slug::percent_encoded(&feed.file));
    let home = format!("{root}{}", feed.url);
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"",
    );
    // The id of the feed of all posts has always been the address of the blog.
    let id = if feed.file == super::FILE { &home } else { &own };
    let _ = write!(
        xml,
        " xml:lang=\"{language}\">\n<title>{title}</title>\n\
         <link href=\"{own}\" rel=\"self\" type=\"application/atom+xml\"/>\n\
         <link href=\"{home}\" rel=\"alternate\" type=\"text/html\"/>\n\
         <id>{id}</id>\n<updated>{updated}</updated>\n<author><name>{author}</name></author>\n",
        language = xml_text(feed.language),
        title = xml_text(&feed.title),
        own = xml_text(&own),
        home = xml_text(&home),
        id = xml_text(id),
        updated = updated(site, feed),
        author = xml_text(&author(site)),
    );
    if !config.description.is_empty() {
        let _ = writeln!(xml, "<subtitle>{}</subtitle>", xml_text(&config.description));
    }
    for item in items {
        xml.push_str(&item.atom);
    }
    xml.push_str("</feed>\n");
    xml
}

/// A post as an entry.
pub(super) fn entry(entry: &Entry<'_, '_>) -> String {
    let mut xml = String::from("<entry");
    if let Some(language) = entry.language() {
        let _ = write!(xml, " xml:lang=\"{}\"", xml_text(&language));
    }
    let url = xml_text(entry.url);
    let _ = write!(
        xml,
        ">\n<title>{title}</title>\n\
         <link href=\"{url}\" rel=\"alternate\" type=\"text/html\"/>\n<id>{url}</id>\n\
         <published>{published}</published>\n<updated>{updated}</updated>\n",
        title = xml_text(&entry.rendered.body.summary.title),
        published = entry.post.date.to_xml_schema(),
        updated = entry.updated(),
    );
    for author in entry.authors() {
        let part = |key| value_at(author, key).map(as_text).filter(|text| !text.is_empty());
        let name = part("name").unwrap_or_default();
        let _ = write!(xml, "<author><name>{}</name>", xml_text(&name));
        if let Some(website) = part("website") {
            let _ = write!(xml, "<uri>{}</uri>", xml_text(&website));
        }
        if let Some(email) = part("email") {
            let _ = write!(xml, "<email>{}</email>", xml_text(&email));
        }
        xml.push_str("</author>\n");
    }
    for tag in &entry.post.front.tags {
        let _ = writeln!(xml, "<category term=\"{}\"/>", xml_text(tag));
    }
    if let Some(description) = &entry.rendered.body.summary.description {
        let _ = writeln!(xml, "<summary>{}</summary>", xml_text(description));
    }
    let _ = writeln!(
        xml,
        "<content type=\"html\" xml:base=\"{url}\">{}</content>\n</entry>",
        xml_text(entry.html)
    );
    xml
}

/// Escapes a string for XML and drops the control characters that XML forbids.
fn xml_text(text: &str) -> String {
    let is_allowed = |c: char| {
        !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}') || matches!(c, '\t' | '\n' | '\r')
    };
    let text: String = text.chars().filter(|c| is_allowed(*c)).collect();
    escaped(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_dropped() {
        assert_eq!(xml_text("a\u{8}<b>\n&\u{1b}"), "a&lt;b&gt;\n&amp;");
    }
}
