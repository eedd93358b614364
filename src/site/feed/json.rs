//! JSON Feed 1.1 (jsonfeed.org).

use serde_json::{Map, Value, json};

use super::{Entry, Feed, Item, Shared, author};
use crate::value::{as_text, entry as value_at};

/// The whole feed.
pub(super) fn feed(site: &Shared<'_>, feed: &Feed<'_>, items: &[&Item]) -> String {
    let config = site.config;
    let root = format!("{}{}", config.url, config.base_url);
    let mut head = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": format!("{root}{}", feed.url),
        "feed_url": format!("{root}/{}", feed.file),
        "language": feed.language,
    });
    let name = author(site);
    if !name.is_empty() {
        head["authors"] = json!([{"name": name}]);
    }
    if !config.description.is_empty() {
        head["description"] = Value::from(config.description.as_str());
    }
    let head = head.to_string();
    let head = head.strip_suffix('}').unwrap_or(&head);
    // The items are written already.
    let items: Vec<&str> = items.iter().map(|item| item.json.as_str()).collect();
    format!("{head},\"items\":[\n{}\n]}}\n", items.join(",\n"))
}

/// A post as an item.
pub(super) fn item(entry: &Entry<'_, '_>) -> String {
    let mut item = json!({
        "id": entry.url,
        "url": entry.url,
        "title": entry.rendered.body.summary.title,
        "content_html": entry.html,
        "date_published": entry.post.date.to_xml_schema(),
        "date_modified": entry.updated(),
    });
    let mut set = |key: &str, value: Value| item[key] = value;
    if let Some(description) = &entry.rendered.body.summary.description {
        set("summary", Value::from(description.as_str()));
    }
    if !entry.post.front.tags.is_empty() {
        set("tags", Value::from(entry.post.front.tags.clone()));
    }
    if let Some(language) = entry.language() {
        set("language", Value::from(language));
    }
    let authors: Vec<Value> = entry.authors().iter().map(author_of).collect();
    if !authors.is_empty() {
        set("authors", Value::from(authors));
    }
    item.to_string()
}

fn author_of(author: &crate::value::Value) -> Value {
    let part = |key: &str| value_at(author, key).map(as_text).filter(|text| !text.is_empty());
    let mut map = Map::new();
    for (key, text) in [("name", part("name")), ("url", part("website"))] {
        if let Some(text) = text {
            map.insert(key.to_owned(), Value::from(text));
        }
    }
    Value::Object(map)
}
