//! The feed: Atom, the newest posts with their whole content.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::post::RenderedPost;
use super::{Made, Shared};
use crate::config::Config;
use crate::liquid::{escaped, has_scheme};
use crate::post::Post;
use crate::value::{Value, as_text, entry};

/// Where the feed is that labpress makes.
const FILE: &str = "feed.xml";
/// Names that a blog's own feed has; where one is, none is made.
const OWN: [&str; 3] = ["feed.xml", "atom.xml", "rss.xml"];

/// The address of the site's feed: the author's own, or the one that is made, which needs `url` for its ids.
pub(super) fn address(config: &Config, taken: &BTreeSet<String>) -> Option<String> {
    let own = OWN.into_iter().find(|file| taken.contains(*file));
    let made = (!config.url.is_empty() && config.feed_limit > 0).then_some(FILE);
    own.or(made).map(|file| format!("/{file}"))
}

/// The feed, unless the author has one.
pub(super) fn files(site: &Shared<'_>) -> Vec<Made> {
    let has_own = OWN.into_iter().any(|file| site.taken.contains(file));
    if has_own || site.feed.is_none() {
        return Vec::new();
    }
    vec![Made::new(FILE, atom(site))]
}

fn atom(site: &Shared<'_>) -> String {
    let config = site.config;
    let root = format!("{}{}/", config.url, config.base_url);
    let newest = site.blog.posts.iter().map(|post| &post.date).max();
    // A feed must say when it changed, and a build has no clock: without posts, the beginning of time.
    let updated = newest.map_or_else(|| "1970-01-01T00:00:00Z".to_owned(), crate::post::date::Date::to_xml_schema);
    let mut xml =
        String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"");
    let _ = write!(
        xml,
        " xml:lang=\"{language}\">\n<title>{title}</title>\n<link href=\"{root}{FILE}\" rel=\"self\" \
         type=\"application/atom+xml\"/>\n<link href=\"{root}\" rel=\"alternate\" type=\"text/html\"/>\n\
         <id>{root}</id>\n<updated>{updated}</updated>\n<author><name>{author}</name></author>\n",
        language = xml_text(&config.language),
        title = xml_text(&config.title),
        root = xml_text(&root),
        author = xml_text(&author(site)),
    );
    if !config.description.is_empty() {
        let _ = writeln!(xml, "<subtitle>{}</subtitle>", xml_text(&config.description));
    }
    for (post, rendered) in site.blog.posts.iter().zip(&site.posts).take(config.feed_limit) {
        write_entry(&mut xml, config, post, rendered);
    }
    xml.push_str("</feed>\n");
    xml
}

fn write_entry(xml: &mut String, config: &Config, post: &Post<'_>, rendered: &RenderedPost) {
    let host = &config.url;
    let url = format!("{host}{}{}", config.base_url, post.address.url);
    let date = post.date.to_xml_schema();
    let _ = write!(
        xml,
        "<entry>\n<title>{title}</title>\n<link href=\"{url}\" rel=\"alternate\" type=\"text/html\"/>\n<id>{url}</id>\n\
         <published>{date}</published>\n<updated>{date}</updated>\n",
        title = xml_text(&rendered.title),
        url = xml_text(&url),
    );
    for tag in &post.front.tags {
        let _ = writeln!(xml, "<category term=\"{}\"/>", xml_text(tag));
    }
    if let Some(description) = &rendered.description {
        let _ = writeln!(xml, "<summary>{}</summary>", xml_text(description));
    }
    let content = with_absolute_addresses(&rendered.content, host, &url);
    let _ = writeln!(
        xml,
        "<content type=\"html\" xml:base=\"{}\">{}</content>\n</entry>",
        xml_text(&url),
        xml_text(&content)
    );
}

/// `author`: a name, or a map with a `name`; else the site's title.
fn author(site: &Shared<'_>) -> String {
    let author = entry(&site.value, "author");
    let name = author.and_then(|author| entry(author, "name").or(Some(author)));
    let name = name.filter(|name| name.as_str().is_some()).map(as_text);
    name.filter(|name| !name.is_empty()).or_else(|| site.value_text("title")).unwrap_or_default()
}

impl Shared<'_> {
    fn value_text(&self, key: &'static str) -> Option<String> {
        entry(&self.value, key).and_then(Value::as_str).map(str::to_owned)
    }
}

/// Escapes a text for XML, and drops the control characters that XML cannot hold.
fn xml_text(text: &str) -> String {
    let is_allowed =
        |c: char| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}') || matches!(c, '\t' | '\n' | '\r');
    let text: String = text.chars().filter(|c| is_allowed(*c)).collect();
    escaped(&text)
}

/// Makes the addresses in `href`, `src` and `poster` whole, because a reader of feeds shows the text elsewhere.
fn with_absolute_addresses(html: &str, host: &str, page: &str) -> String {
    const ATTRIBUTES: [&str; 3] = [" href=\"", " src=\"", " poster=\""];
    let mut whole = String::with_capacity(html.len() + 256);
    let mut rest = html;
    loop {
        let found = ATTRIBUTES.iter().filter_map(|name| rest.find(name).map(|at| at + name.len())).min();
        let Some(start) = found else {
            break;
        };
        whole.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find('"').unwrap_or(rest.len());
        let (address, after) = rest.split_at(end);
        match address {
            _ if has_scheme(address) => {}
            _ if address.starts_with('/') => whole.push_str(host),
            _ if address.starts_with('#') => whole.push_str(page),
            _ => whole.push_str(&page[..=page.rfind('/').unwrap_or(page.len() - 1)]),
        }
        whole.push_str(address);
        rest = after;
    }
    whole.push_str(rest);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_whole() {
        let html =
            "<a href=\"/a/\">x</a> <img src=\"b.png\" alt=\"\"> <a href=\"#c\">y</a> <a href=\"mailto:x@y.z\">m</a>";
        assert_eq!(
            with_absolute_addresses(html, "https://h.org", "https://h.org/p/q/"),
            "<a href=\"https://h.org/a/\">x</a> <img src=\"https://h.org/p/q/b.png\" alt=\"\"> <a \
             href=\"https://h.org/p/q/#c\">y</a> <a href=\"mailto:x@y.z\">m</a>"
        );
    }

    #[test]
    fn xml_holds_no_control_characters() {
        assert_eq!(xml_text("a\u{8}<b>\n&\u{1b}"), "a&lt;b&gt;\n&amp;");
    }
}
