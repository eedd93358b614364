//! The Atom feed: the newest posts with their full content.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::post::RenderedPost;
use super::{Made, Shared};
use crate::config::Config;
use crate::html::escaped;
use crate::post::Post;
use crate::url::has_scheme;
use crate::value::{Value, as_text, entry};
use crate::{html, plugin};

/// The path of the feed that labpress generates.
const FILE: &str = "feed.xml";
/// Paths of an author's own feed. If one of them exists, none is generated.
const OWN: [&str; 3] = ["feed.xml", "atom.xml", "rss.xml"];

/// The address of the site's feed: the author's own, or the generated one, which needs `url` for
/// its ids.
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
    // A feed must say when it changed, and a build reads no clock: without posts, use the epoch.
    let updated =
        newest.map_or_else(|| "1970-01-01T00:00:00Z".to_owned(), crate::time::Date::to_xml_schema);
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"",
    );
    let _ = write!(
        xml,
        " xml:lang=\"{language}\">\n<title>{title}</title>\n\
         <link href=\"{root}{FILE}\" rel=\"self\" \
         type=\"application/atom+xml\"/>\n\
         <link href=\"{root}\" rel=\"alternate\" type=\"text/html\"/>\n\
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
        "<entry>\n<title>{title}</title>\n\
         <link href=\"{url}\" rel=\"alternate\" type=\"text/html\"/>\n<id>{url}</id>\n\
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
    let content = for_readers(rendered.content().as_str().unwrap_or_default(), host, &url);
    let _ = writeln!(
        xml,
        "<content type=\"html\" xml:base=\"{}\">{}</content>\n</entry>",
        xml_text(&url),
        xml_text(&content)
    );
}

/// The site's `author`, which is a name or a map with a `name`; otherwise its title.
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

/// Escapes a string for XML and drops the control characters that XML forbids.
fn xml_text(text: &str) -> String {
    let is_allowed = |c: char| {
        !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}') || matches!(c, '\t' | '\n' | '\r')
    };
    let text: String = text.chars().filter(|c| is_allowed(*c)).collect();
    escaped(&text)
}

/// The content of a post for feed readers, which show it elsewhere and without the site's style:
/// URLs are absolute, and each chart keeps one drawing and loses what works only on the page.
fn for_readers(html: &str, host: &str, page: &str) -> String {
    html::with_tags(&plugin::feed::without_page_parts(html), |tag, written| {
        let whole =
            |address: &str| whole_address(address, tag.is("a") || tag.is("area"), host, page);
        tag.write(written, |attribute| {
            let is =
                |names: &[&str]| names.iter().any(|name| attribute.name.eq_ignore_ascii_case(name));
            Some(match attribute.value {
                value if is(&["srcset", "imagesrcset"]) => with_whole_sources(value, whole),
                value
                    if is(&["href", "src", "poster", "cite", "xlink:href"])
                        || tag.is("object") && is(&["data"]) =>
                {
                    whole(value)
                }
                value => value.to_owned(),
            })
        });
    })
}

/// Makes an address absolute. A bare `#id` in a link refers to the page; elsewhere, as in a
/// drawing, it refers to the content itself.
fn whole_address(address: &str, is_link: bool, host: &str, page: &str) -> String {
    match address.trim_ascii() {
        address if has_scheme(address) => address.to_owned(),
        address if address.starts_with('/') => format!("{host}{address}"),
        address if address.starts_with('#') && !is_link => address.to_owned(),
        address if address.is_empty() || address.starts_with(['#', '?']) => {
            format!("{page}{address}")
        }
        address => format!("{}{address}", &page[..=page.rfind('/').unwrap_or(page.len() - 1)]),
    }
}

/// Makes the URLs of a `srcset` absolute. Each candidate is a URL, white space and a descriptor.
fn with_whole_sources(srcset: &str, whole: impl Fn(&str) -> String) -> String {
    let mut written = String::with_capacity(srcset.len() + 64);
    let mut rest = srcset;
    loop {
        let start = rest.find(|c: char| !c.is_ascii_whitespace() && c != ',').unwrap_or(rest.len());
        written.push_str(&rest[..start]);
        rest = &rest[start..];
        if rest.is_empty() {
            return written;
        }
        let (word, after) =
            rest.split_at(rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len()));
        // A URL may contain commas, except at its end, where they separate candidates.
        let address = word.trim_end_matches(',');
        written.push_str(&whole(address));
        rest = &rest[address.len()..];
        if address.len() == word.len() {
            let end = after.find(',').unwrap_or(after.len());
            written.push_str(&after[..end]);
            rest = &after[end..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, expected: &str) {
        assert_eq!(for_readers(html, "https://h.org", "https://h.org/p/q/"), expected);
    }

    #[test]
    fn urls_become_absolute() {
        check("<a href=\"/a/\">x</a>", "<a href=\"https://h.org/a/\">x</a>");
        check("<img src='b.png' alt=''>", "<img src=\"https://h.org/p/q/b.png\" alt=''>");
        check("<img src=b.png>", "<img src=\"https://h.org/p/q/b.png\">");
        check("<a href=\"#c\">y</a>", "<a href=\"https://h.org/p/q/#c\">y</a>");
        check("<VIDEO POSTER=/v.png>", "<VIDEO POSTER=\"https://h.org/v.png\">");
        check(
            "<img srcset=\"/a.png 1x, b.png 2x,c,d.png\">",
            "<img srcset=\"https://h.org/a.png 1x, https://h.org/p/q/b.png \
             2x,https://h.org/p/q/c,d.png\">",
        );
    }

    #[test]
    fn everything_else_is_left_alone() {
        for html in [
            "<a href=\"mailto:x@y.z\">m</a> <a href=\"//other.org/\">o</a>",
            "<code>&lt;img src=\"a.png\"&gt;</code> a src=\"b\" <b title='src=\"c\"'>",
            "<!-- <img src=\"a.png\"> --><script>\"<img src='a.png'>\"</script>",
            "<svg><use href=\"#part\"/></svg>",
        ] {
            check(html, html);
        }
    }

    #[test]
    fn a_chart_keeps_one_drawing_and_loses_parts_for_the_page() {
        check(
            "<figure><svg class=\"lp-chart lp-wide\"><title>t</title></svg>\n\
             <svg class=\"lp-chart lp-narrow\" \
             display=\"none\"><title>t</title><g><svg/></g></svg></figure><details \
             class=\"labpress-numbers\"><p>n</p>\
             </details><div class=\"labpress-scroll\" \
             tabindex=\"0\">x</div><details><p>mine</p></details>",
            "<figure><svg class=\"lp-chart lp-wide\"><title>t</title></svg>\n</figure><div \
             class=\"labpress-scroll\">x</div><details><p>mine</p></details>",
        );
    }

    #[test]
    fn control_characters_are_dropped() {
        assert_eq!(xml_text("a\u{8}<b>\n&\u{1b}"), "a&lt;b&gt;\n&amp;");
    }
}
