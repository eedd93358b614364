//! Structured data about pages (schema.org, as JSON-LD), which search engines read.

use serde_json::{Value as Json, json};
use tera::Map;
use tera::value::Key;

use super::Shared;
use crate::value::{Value, as_text, entry};

/// The data about the post at `index`; `page` is its value.
pub(super) fn of_post(site: &Shared<'_>, index: usize, page: &Map) -> String {
    let (post, rendered) = (&site.blog.posts[index], &site.posts[index]);
    let url = site.whole_url(&post.address.url);
    let published = post.date.to_xml_schema();
    let mut data = json!({
        "@context": "https://schema.org",
        "@type": "BlogPosting",
        "headline": rendered.body.summary.title,
        "url": url,
        "mainEntityOfPage": url,
        "datePublished": published,
        "dateModified": post.modified().to_xml_schema(),
        "inLanguage": text(page, "lang").unwrap_or_else(|| site.config.language.clone()),
    });
    let mut set = |key: &str, value: Json| data[key] = value;
    if let Some(description) = &rendered.body.summary.description {
        set("description", Json::from(description.as_str()));
    }
    if let Some(words) = page.get(&Key::Str("words")).and_then(Value::as_i128) {
        set("wordCount", json!(u64::try_from(words).unwrap_or(0)));
    }
    if !post.front.tags.is_empty() {
        set("keywords", Json::from(post.front.tags.join(", ")));
    }
    let authors: Vec<Json> = site.structure.authors_of(index).iter().map(person).collect();
    if !authors.is_empty() {
        set("author", Json::from(authors));
    }
    let card = page.get(&Key::Str("card"));
    let image = page.get(&Key::Str("image"));
    let image = image.map(|image| entry(image, "path").unwrap_or(image));
    let image = image.or_else(|| card.and_then(|card| entry(card, "url"))).map(as_text);
    if let Some(image) = image.filter(|image| !image.is_empty()) {
        set("image", Json::from(site.whole_url(&image)));
    }
    in_html(&data)
}

/// The data about the first page.
pub(super) fn of_home(site: &Shared<'_>) -> String {
    let config = site.config;
    let mut data = json!({
        "@context": "https://schema.org",
        "@type": "WebSite",
        "name": config.title,
        "url": site.whole_url("/"),
        "inLanguage": config.language,
    });
    if !config.description.is_empty() {
        data["description"] = Json::from(config.description.as_str());
    }
    in_html(&data)
}

fn person(author: &Value) -> Json {
    let part = |key: &str| entry(author, key).map(as_text).filter(|text| !text.is_empty());
    let mut person = json!({"@type": "Person", "name": part("name").unwrap_or_default()});
    if let Some(website) = part("website") {
        person["url"] = Json::from(website);
    }
    person
}

fn text(page: &Map, key: &'static str) -> Option<String> {
    page.get(&Key::Str(key)).map(as_text).filter(|text| !text.is_empty())
}

/// JSON that can be inside a `<script>`, which no `<` of it may end.
fn in_html(data: &Json) -> String {
    data.to_string().replace('<', "\\u003c")
}

impl Shared<'_> {
    /// The address with scheme and host, if the site has one.
    fn whole_url(&self, url: &str) -> String {
        crate::url::absolute_url(&self.config.url, &self.config.base_url, url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_ends_the_script() {
        assert_eq!(in_html(&json!({"a": "</script>"})), r#"{"a":"\u003c/script>"}"#);
    }
}
