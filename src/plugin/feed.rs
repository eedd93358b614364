//! jekyll-feed: Atom feeds of the posts, and of other collections in `feed` of `_config.yml`; `{%
//! feed_meta %}`.

use std::borrow::Cow;
use std::fmt::Write;

use super::{Scope, at, plain, text_at};
use crate::html::{self, Attribute, Tag, escaped_attribute};
use crate::liquid::Environment;
use crate::slug::percent_encoded;
use crate::time::Date;
use crate::value::{Value, as_text, entry, is_nil};
use kramdown::smart;

/// A feed in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Feed {
    /// Its path, from the site's root.
    pub(crate) path: String,
    /// Its collection, such as `posts`.
    collection: String,
    /// Only entries in this category.
    category: Option<String>,
    /// Only entries with this tag.
    tag: Option<String>,
}

/// The feeds in the configuration's `feed`; by default `feed.xml` of all posts.
pub(crate) fn feeds(site: &Value) -> Vec<Feed> {
    let settings = at(site, &["feed"]);
    let mut collections: Vec<(String, Value)> = match settings
        .and_then(|settings| at(settings, &["collections"]))
    {
        Some(names) if names.as_array().is_some() => {
            let names = names.as_array().unwrap_or_default();
            names.iter().map(|name| (as_text(name), Value::none())).collect()
        }
        Some(map) => {
            let entries = map.as_map().into_iter().flatten();
            entries.map(|(name, settings)| (as_text(&name.as_value()), settings.clone())).collect()
        }
        None => Vec::new(),
    };
    if !collections.iter().any(|(name, _)| name == "posts") {
        collections.push(("posts".to_owned(), Value::none()));
    }
    let mut feeds = Vec::new();
    for (collection, own) in collections {
        let is_posts = collection == "posts";
        let setting = |key: &str| {
            let own = entry(&own, key).filter(|value| !is_nil(value)).cloned();
            own.or_else(|| {
                settings.filter(|_| is_posts).and_then(|settings| entry(settings, key)).cloned()
            })
        };
        let prefix = if is_posts { "feed".to_owned() } else { format!("feed/{collection}") };
        let feed = |path: String, category: Option<String>| Feed {
            path: path.trim_start_matches('/').to_owned(),
            collection: collection.clone(),
            category,
            tag: None,
        };
        let categories = setting("categories");
        for category in
            categories.as_ref().and_then(Value::as_array).unwrap_or_default().iter().map(as_text)
        {
            feeds.push(feed(format!("{prefix}/{category}.xml"), Some(category)));
        }
        let path = setting("path").map(|path| as_text(&path)).filter(|path| !path.is_empty());
        feeds.push(feed(path.unwrap_or_else(|| format!("{prefix}.xml")), None));
    }
    feeds.extend(
        settings
            .and_then(|settings| at(settings, &["tags"]))
            .into_iter()
            .flat_map(|tags| by_tag(site, tags)),
    );
    feeds
}

fn by_tag(site: &Value, settings: &Value) -> Vec<Feed> {
    let names = |key| {
        at(settings, &[key])
            .and_then(Value::as_array)
            .map(|names| names.iter().map(as_text).collect::<Vec<_>>())
    };
    let (only, except) = (names("only"), names("except").unwrap_or_default());
    let all = at(site, &["tags"])
        .and_then(Value::as_map)
        .into_iter()
        .flatten()
        .map(|(name, _)| as_text(&name.as_value()));
    let folder = text_at(settings, &["path"]).unwrap_or_else(|| "feed/by_tag/".to_owned());
    // Other names might not be valid paths.
    let is_simple =
        |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let wanted = only
        .unwrap_or_else(|| all.collect())
        .into_iter()
        .filter(|name| !except.contains(name) && is_simple(name));
    let feed = |name: String| Feed {
        path: format!("{}{name}.xml", folder.trim_start_matches('/')),
        collection: "posts".to_owned(),
        category: None,
        tag: Some(name),
    };
    wanted.map(feed).collect()
}

/// `{% feed_meta %}`: the link by which feed readers discover the feed.
pub(super) fn meta(scope: &Scope<'_, '_>) -> String {
    let path = text_at(scope.site, &["feed", "path"]).unwrap_or_else(|| "feed.xml".to_owned());
    let title = text_at(scope.site, &["title"]).or_else(|| text_at(scope.site, &["name"]));
    let title =
        title.map(|title| format!(" title=\"{}\"", escaped_attribute(&title))).unwrap_or_default();
    let address = escaped_attribute(&scope.absolute(&path));
    format!("<link type=\"application/atom+xml\" rel=\"alternate\" href=\"{address}\"{title} />")
}

/// Writes the feed. `has_style` says whether the site has a `feed.xslt.xml`.
///
/// A build does not read the clock, so the feed is as new as its newest entry.
pub(crate) fn atom(
    feed: &Feed,
    site: &Value,
    environment: &Environment<'_>,
    has_style: bool,
) -> String {
    let none = Value::none();
    let scope = Scope { environment, site, page: &none, paginator: &none };
    let posts = posts(feed, site, environment);
    let updated = posts.iter().map(|post| scope.xml_schema(modified(post))).max();
    let language = text_at(site, &["lang"]).map(|language| escaped_attribute(&language));
    let address = escaped_attribute(&scope.absolute(&format!("/{}", feed.path)));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    if has_style {
        let style = escaped_attribute(&scope.absolute("/feed.xslt.xml"));
        let _ = write!(xml, "<?xml-stylesheet type=\"text/xml\" href=\"{style}\"?>");
    }
    let attribute = |name: &str| {
        language.as_ref().map(|language| format!(" {name}=\"{language}\"")).unwrap_or_default()
    };
    let _ = write!(
        xml,
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"{}><generator>labpress</generator><link href=\"{address}\" rel=\"self\" \
         type=\"application/atom+xml\" /><link href=\"{}\" rel=\"alternate\" type=\"text/html\"{} /><updated>{}</updated>\
         <id>{address}</id>",
        attribute("xml:lang"),
        escaped_attribute(&scope.absolute("/")),
        attribute("hreflang"),
        updated.unwrap_or_else(|| "1970-01-01T00:00:00+00:00".to_owned()),
    );
    let title = text_at(site, &["title"]).or_else(|| text_at(site, &["name"]));
    let parts = [Some(&feed.collection).filter(|name| *name != "posts"), feed.category.as_ref()];
    let parts = parts.into_iter().flatten().map(|name| capitalized(name));
    let title = title.into_iter().chain(parts).collect::<Vec<_>>().join(" | ");
    if !title.is_empty() {
        let _ = write!(xml, "<title type=\"html\">{}</title>", escaped_attribute(&smart(&title)));
    }
    if let Some(description) = text_at(site, &["description"]) {
        let _ = write!(xml, "<subtitle>{}</subtitle>", escaped_attribute(&description));
    }
    if let Some(author) = at(site, &["author"]) {
        write_author(&mut xml, Some(author));
    }
    for post in &posts {
        write_entry(&mut xml, post, &scope);
    }
    xml.push_str("</feed>");
    xml
}

fn posts<'s>(feed: &Feed, site: &'s Value, environment: &Environment<'_>) -> Vec<&'s Value> {
    let all = match &feed.tag {
        Some(tag) => at(site, &["tags", tag]),
        None => at(site, &[&feed.collection]),
    };
    let with_drafts = at(site, &["show_drafts"]).is_some();
    let mut posts: Vec<&Value> = all
        .and_then(Value::as_array)
        .unwrap_or_default()
        .iter()
        .filter(|post| with_drafts || at(post, &["draft"]).is_none())
        .filter(|post| {
            let categories =
                entry(post, "categories").and_then(Value::as_array).unwrap_or_default();
            feed.category
                .as_ref()
                .is_none_or(|wanted| categories.iter().any(|name| name.as_str() == Some(wanted)))
        })
        .collect();
    posts.sort_by_cached_key(|post| {
        let date =
            entry(post, "date").and_then(|date| Date::parse(&as_text(date), environment.zone));
        std::cmp::Reverse(date.map(|date| date.timestamp()))
    });
    let limit =
        text_at(site, &["feed", "posts_limit"]).and_then(|limit| limit.parse().ok()).unwrap_or(10);
    posts.truncate(limit);
    posts
}

fn modified(post: &Value) -> &Value {
    let nothing = || entry(post, "date").unwrap_or(post);
    at(post, &["last_modified_at"]).unwrap_or_else(nothing)
}

fn write_entry(xml: &mut String, post: &Value, scope: &Scope<'_, '_>) {
    let title = escaped_attribute(&plain(&smart(&text_at(post, &["title"]).unwrap_or_default())));
    let address = escaped_attribute(&scope.absolute(&text_at(post, &["url"]).unwrap_or_default()));
    let id = escaped_attribute(&scope.absolute(&text_at(post, &["id"]).unwrap_or_default()));
    let language = text_at(post, &["lang"])
        .map(|language| format!(" xml:lang=\"{}\"", escaped_attribute(&language)));
    let published = entry(post, "date").map(|date| scope.xml_schema(date)).unwrap_or_default();
    let _ = write!(
        xml,
        "<entry{}><title type=\"html\">{title}</title><link href=\"{address}\" rel=\"alternate\" type=\"text/html\" \
         title=\"{title}\" /><published>{published}</published><updated>{}</updated><id>{id}</id>",
        language.unwrap_or_default(),
        scope.xml_schema(modified(post)),
    );
    let is_short = at(post, &["feed", "excerpt_only"])
        .or_else(|| at(scope.site, &["feed", "excerpt_only"]))
        .is_some();
    if !is_short {
        let content =
            without_page_parts(&text_at(post, &["content"]).unwrap_or_default()).into_owned();
        let _ = write!(
            xml,
            "<content type=\"html\" xml:base=\"{address}\">{}</content>",
            cdata(content.trim())
        );
    }
    let first = at(post, &["authors"]).and_then(Value::as_array).and_then(<[Value]>::first);
    let author = at(post, &["author"]).or(first).or_else(|| at(scope.site, &["author"]));
    let known = author
        .and_then(Value::as_str)
        .and_then(|name| entry(at(scope.site, &["data", "authors"])?, name));
    write_author(xml, known.or(author));
    let categories = match at(post, &["category"]) {
        Some(category) => vec![as_text(category)],
        None => texts(post, "categories"),
    };
    for name in categories.into_iter().chain(texts(post, "tags")) {
        let _ = write!(xml, "<category term=\"{}\" />", escaped_attribute(&name));
    }
    let summary = text_at(post, &["description"]).or_else(|| text_at(post, &["excerpt"]));
    if let Some(summary) = summary {
        let _ = write!(xml, "<summary type=\"html\">{}</summary>", cdata(&plain(&summary)));
    }
    if let Some(image) = text_at(post, &["image", "path"])
        .or_else(|| at(post, &["image"])?.as_str().map(str::to_owned))
    {
        let image =
            if image.contains("://") { image } else { scope.absolute(&percent_encoded(&image)) };
        let (image, space) =
            (escaped_attribute(&image), "xmlns:media=\"http://search.yahoo.com/mrss/\"");
        let _ = write!(
            xml,
            "<media:thumbnail {space} url=\"{image}\" /><media:content medium=\"image\" url=\"{image}\" {space} />"
        );
    }
    xml.push_str("</entry>");
}

/// The content of a post without elements that are only for pages: the chart for phones, which a
/// feed reader would show as a second one, the table of its numbers, which cannot be opened there,
/// side notes, whose text is also at the end, and keyboard stops.
pub(crate) fn without_page_parts(content: &str) -> Cow<'_, str> {
    const STOP: &str = " tabindex=\"0\"";
    let parts = ["lp-narrow", "sidenote", "citation-note", STOP];
    if !parts.iter().any(|part| content.contains(part)) {
        return Cow::Borrowed(content);
    }
    let kept = html::without_elements(content, is_page_part, |tag, kept| {
        let is_stop = |attribute: &Attribute<'_>| attribute.text == STOP;
        tag.write(kept, |attribute| {
            Some(attribute.value.to_owned()).filter(|_| !is_stop(attribute))
        });
    });
    Cow::Owned(kept)
}

fn is_page_part(tag: &Tag<'_>) -> bool {
    tag.is("svg") && tag.has_class("lp-narrow")
        || tag.is("details") && tag.has_class("labpress-numbers")
        || is_side_note(tag)
}

/// Whether an element is the copy of a footnote or a reference beside the text.
pub(crate) fn is_side_note(tag: &Tag<'_>) -> bool {
    tag.is("span") && (tag.has_class("sidenote") || tag.has_class("citation-note"))
}

/// An excerpt without side notes and the list of references: where posts are listed, there is no
/// place for them.
pub(crate) fn without_notes(excerpt: &str) -> Cow<'_, str> {
    if !excerpt.contains("sidenote") && !excerpt.contains("citation-note") {
        return Cow::Borrowed(excerpt);
    }
    let write = |tag: &Tag<'_>, kept: &mut String| kept.push_str(tag.text);
    let is_note =
        |tag: &Tag<'_>| is_side_note(tag) || tag.is("section") && tag.has_class("bibliography");
    Cow::Owned(html::without_elements(excerpt, is_note, write))
}

fn write_author(xml: &mut String, author: Option<&Value>) {
    let part = |key: &str| author.and_then(|author| text_at(author, &[key]));
    let name = part("name").or_else(|| author.map(as_text)).unwrap_or_default();
    let _ = write!(xml, "<author><name>{}</name>", escaped_attribute(&name));
    for key in ["email", "uri"] {
        if let Some(value) = part(key) {
            let _ = write!(xml, "<{key}>{}</{key}>", escaped_attribute(&value));
        }
    }
    xml.push_str("</author>");
}

fn texts(post: &Value, key: &str) -> Vec<String> {
    entry(post, key).and_then(Value::as_array).unwrap_or_default().iter().map(as_text).collect()
}

fn cdata(text: &str) -> String {
    format!("<![CDATA[{}]]>", text.replace("]]>", "]]]]><![CDATA[>"))
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + &letters.as_str().to_lowercase()
}
