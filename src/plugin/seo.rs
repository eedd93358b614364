//! `{% seo %}`, the tag of jekyll-seo-tag: title, description, canonical URL, Open Graph, Twitter
//! and JSON-LD.

use tera::Map;

use super::{Scope, at, escaped_once, plain, text_at};
use crate::slug::percent_encoded;
use crate::url::has_scheme;
use crate::value::{self, Value, as_text, set};

/// Writes all elements; the argument `title=false` omits the title.
pub(super) fn tag(arguments: &str, scope: &Scope<'_, '_>) -> String {
    let seo = Seo::new(scope);
    let mut lines = vec!["<!-- Begin Jekyll SEO tag, by labpress -->".to_owned()];
    let is_title_wanted = !arguments.to_ascii_lowercase().contains("title=false");
    lines.extend(
        seo.title
            .as_ref()
            .filter(|_| is_title_wanted)
            .map(|title| format!("<title>{title}</title>")),
    );
    lines.push(named("generator", "labpress"));
    seo.write_about(&mut lines);
    seo.write_image(&mut lines);
    seo.write_kind(&mut lines);
    seo.write_networks(&mut lines);
    seo.write_verifications(&mut lines);
    // No string in it can end the element or start another.
    let json_ld = value::json(&seo.json_ld()).replace('<', "\\u003c");
    lines.push(format!("<script type=\"application/ld+json\">\n{json_ld}</script>"));
    lines.push("<!-- End Jekyll SEO tag -->\n".to_owned());
    lines.join("\n")
}

fn named(name: &str, content: &str) -> String {
    format!("<meta name=\"{name}\" content=\"{}\" />", in_quotes(content))
}

fn property(name: &str, content: &str) -> String {
    format!("<meta property=\"{name}\" content=\"{}\" />", in_quotes(content))
}

fn link(relation: &str, address: &str) -> String {
    format!("<link rel=\"{relation}\" href=\"{}\" />", in_quotes(address))
}

/// A string for a double-quoted attribute. It may already be escaped, so `&` is kept.
fn in_quotes(text: &str) -> String {
    text.replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The values for the elements.
struct Seo<'s, 'a> {
    scope: &'s Scope<'s, 'a>,
    site_title: Option<String>,
    page_title: Option<String>,
    title: Option<String>,
    description: Option<String>,
    author: Author,
    image: Option<Image>,
    address: String,
    locale: String,
    is_home_or_about: bool,
}

/// The author of a page: of its front matter, or else of the site.
#[derive(Default)]
struct Author {
    name: Option<String>,
    twitter: Option<String>,
    url: Option<Value>,
    kind: Option<String>,
}

/// The picture of a page.
struct Image {
    path: String,
    /// Its front matter.
    given: Value,
}

impl<'s, 'a> Seo<'s, 'a> {
    fn new(scope: &'s Scope<'s, 'a>) -> Seo<'s, 'a> {
        let (site, page) = (scope.site, scope.page);
        let site_title = formatted(scope, at(site, &["title"]).or_else(|| at(site, &["name"])));
        let page_title = formatted(scope, at(page, &["title"])).or_else(|| site_title.clone());
        let site_description = formatted(scope, at(site, &["description"]));
        let tagline = formatted(scope, at(site, &["tagline"])).or_else(|| site_description.clone());
        let title = match (&site_title, &page_title) {
            (Some(site), Some(page)) if site != page => Some(format!("{page} | {site}")),
            (Some(site), _) if site_description.is_some() => {
                Some(format!("{site} | {}", tagline.unwrap_or_default()))
            }
            (site, page) => page.clone().or_else(|| site.clone()),
        };
        let number = page_number(scope);
        let title = title.map(|title| number.unwrap_or_default() + &title);
        let about = at(page, &["description"]).or_else(|| at(page, &["excerpt"]));
        let description = formatted(scope, about).or(site_description);
        let url = text_at(page, &["url"]).unwrap_or_default();
        let address = text_at(page, &["canonical_url"]).unwrap_or_else(|| {
            let address = scope.absolute(&url);
            address
                .strip_suffix("index.html")
                .filter(|folder| folder.ends_with('/'))
                .unwrap_or(&address)
                .to_owned()
        });
        let language = text_at(page, &["lang"]).or_else(|| text_at(site, &["lang"]));
        let locale = text_at(page, &["locale"]).or_else(|| text_at(site, &["locale"])).or(language);
        let inside = url.strip_prefix('/').unwrap_or("-");
        let inside = inside.strip_prefix("about/").unwrap_or(inside);
        Seo {
            scope,
            site_title,
            page_title,
            title,
            description,
            author: Author::of(site, page),
            image: Image::of(scope),
            address,
            locale: locale.unwrap_or_else(|| "en_US".to_owned()).replace('-', "_"),
            is_home_or_about: matches!(inside, "" | "index.html" | "index.htm"),
        }
    }

    fn write_about(&self, lines: &mut Vec<String>) {
        lines.extend(self.page_title.as_ref().map(|title| property("og:title", title)));
        lines.extend(self.author.name.as_ref().map(|name| named("author", name)));
        lines.push(property("og:locale", &self.locale));
        if let Some(description) = &self.description {
            lines.push(named("description", description));
            lines.push(property("og:description", description));
        }
        if !self.scope.environment.url.is_empty() {
            lines.push(link("canonical", &self.address));
            lines.push(property("og:url", &self.address));
        }
        lines.extend(self.site_title.as_ref().map(|title| property("og:site_name", title)));
    }

    fn write_image(&self, lines: &mut Vec<String>) {
        if let Some(image) = &self.image {
            lines.push(property("og:image", &image.path));
            for key in ["height", "width", "alt"] {
                let value = text_at(&image.given, &[key]);
                lines.extend(value.map(|value| property(&format!("og:image:{key}"), &value)));
            }
        }
    }

    fn write_kind(&self, lines: &mut Vec<String>) {
        let (scope, page) = (self.scope, self.scope.page);
        if let Some(date) = at(page, &["date"]) {
            lines.push(property("og:type", "article"));
            lines.push(property("article:published_time", &scope.xml_schema(date)));
        } else {
            lines.push(property("og:type", "website"));
        }
        for (relation, key) in [("prev", "previous_page_path"), ("next", "next_page_path")] {
            let path = text_at(scope.paginator, &[key]);
            lines.extend(path.map(|path| link(relation, &scope.absolute(&path))));
        }
    }

    fn write_networks(&self, lines: &mut Vec<String>) {
        let (site, page) = (self.scope.site, self.scope.page);
        let card =
            || text_at(page, &["twitter", "card"]).or_else(|| text_at(site, &["twitter", "card"]));
        match &self.image {
            Some(image) => {
                lines.push(named(
                    "twitter:card",
                    &card().unwrap_or_else(|| "summary_large_image".to_owned()),
                ));
                lines.push(property("twitter:image", &image.path));
                lines.extend(
                    text_at(&image.given, &["alt"]).map(|alt| named("twitter:image:alt", &alt)),
                );
            }
            None => lines.push(named("twitter:card", "summary")),
        }
        lines.extend(self.page_title.as_ref().map(|title| property("twitter:title", title)));
        if at(site, &["twitter"]).is_some() {
            let name = text_at(site, &["twitter", "username"]).unwrap_or_default();
            lines.push(named("twitter:site", &format!("@{}", name.replace('@', ""))));
            let creator = self.author.twitter.as_ref();
            lines.extend(
                creator
                    .map(|name| named("twitter:creator", &format!("@{}", name.replace('@', "")))),
            );
        }
        let facebook =
            [("admins", "fb:admins"), ("publisher", "article:publisher"), ("app_id", "fb:app_id")];
        for (key, name) in facebook {
            lines.extend(text_at(site, &["facebook", key]).map(|value| property(name, &value)));
        }
    }

    fn write_verifications(&self, lines: &mut Vec<String>) {
        const NAMES: [(&str, &str); 6] = [
            ("google", "google-site-verification"),
            ("bing", "msvalidate.01"),
            ("alexa", "alexaVerifyID"),
            ("yandex", "yandex-verification"),
            ("baidu", "baidu-site-verification"),
            ("facebook", "facebook-domain-verification"),
        ];
        let site = self.scope.site;
        if at(site, &["webmaster_verifications"]).is_some() {
            for (key, name) in NAMES {
                lines.extend(
                    text_at(site, &["webmaster_verifications", key])
                        .map(|value| named(name, &value)),
                );
            }
        } else {
            let google = text_at(site, &["google_site_verification"]);
            lines.extend(google.map(|value| named("google-site-verification", &value)));
        }
    }

    /// The data for search engines, with keys in order, without empty ones.
    fn json_ld(&self) -> Value {
        let (site, page) = (self.scope.site, self.scope.page);
        let kind = text_at(page, &["seo", "type"]).unwrap_or_else(|| {
            let kind = match at(page, &["date"]) {
                _ if self.is_home_or_about => "WebSite",
                Some(_) => "BlogPosting",
                None => "WebPage",
            };
            kind.to_owned()
        });
        let links = at(page, &["seo", "links"])
            .or_else(|| at(site, &["social", "links"]).filter(|_| self.is_home_or_about));
        let published = at(page, &["date"]).map(|date| self.scope.xml_schema(date));
        let modified = at(page, &["seo", "date_modified"])
            .or_else(|| at(page, &["last_modified_at"]))
            .or_else(|| at(page, &["date"]))
            .map(|date| self.scope.xml_schema(date));
        let is_entity = matches!(kind.as_str(), "BlogPosting" | "CreativeWork");
        let mut map = Map::new();
        set(&mut map, "@context", "https://schema.org");
        set(&mut map, "@type", kind);
        let mut put = |key: &'static str, value: Option<Value>| {
            if let Some(value) = value {
                set(&mut map, key, value);
            }
        };
        put("author", self.json_author());
        put("dateModified", modified.map(Value::from));
        put("datePublished", published.map(Value::from));
        put("description", self.description.clone().map(Value::from));
        put("headline", self.page_title.clone().map(Value::from));
        put("image", self.image.as_ref().map(Image::json));
        put(
            "mainEntityOfPage",
            is_entity.then(|| object([("@type", "WebPage"), ("@id", &self.address)])),
        );
        put("name", self.name().map(Value::from));
        put("publisher", self.publisher());
        put("sameAs", links.cloned());
        put("url", Some(Value::from(self.address.as_str())));
        Value::from(map)
    }

    fn name(&self) -> Option<String> {
        let (scope, page) = (self.scope, self.scope.page);
        if let Some(name) = at(page, &["seo", "name"]) {
            return formatted(scope, Some(name));
        }
        let social = || {
            formatted(scope, at(scope.site, &["social", "name"]))
                .or_else(|| self.site_title.clone())
        };
        if self.is_home_or_about { social() } else { None }
    }

    fn json_author(&self) -> Option<Value> {
        let name = self.author.name.as_deref()?;
        let kind = self.author.kind.as_deref().unwrap_or("Person");
        if !matches!(kind, "Person" | "Organization") {
            return None;
        }
        let mut author =
            object([("@type", kind), ("name", name)]).as_map().cloned().unwrap_or_default();
        if let Some(url) = &self.author.url {
            set(&mut author, "url", url.clone());
        }
        Some(Value::from(author))
    }

    fn publisher(&self) -> Option<Value> {
        let logo = text_at(self.scope.site, &["logo"])?;
        let logo = if has_scheme(&logo) { logo } else { self.scope.absolute(&logo) };
        let mut publisher = Map::new();
        set(&mut publisher, "@type", "Organization");
        set(
            &mut publisher,
            "logo",
            object([("@type", "ImageObject"), ("url", &percent_encoded(&logo))]),
        );
        if let Some(name) = &self.author.name {
            set(&mut publisher, "name", name.as_str());
        }
        Some(Value::from(publisher))
    }
}

impl Author {
    fn of(site: &Value, page: &Value) -> Author {
        let first = at(page, &["authors"]).and_then(Value::as_array).and_then(<[Value]>::first);
        let given = [at(page, &["author"]), first, at(site, &["author"])];
        let Some(author) = given.into_iter().flatten().find(|author| !as_text(author).is_empty())
        else {
            return Author::default();
        };
        if author.as_map().is_some() {
            return Author::of_map(author, None);
        }
        let name = as_text(author);
        match at(site, &["data", "authors", &name]).filter(|known| known.as_map().is_some()) {
            Some(known) => Author::of_map(known, Some(name)),
            None => Author {
                twitter: Some(name.trim_start_matches('@').to_owned()),
                name: Some(name),
                ..Author::default()
            },
        }
    }

    fn of_map(map: &Value, name: Option<String>) -> Author {
        let name = text_at(map, &["name"]).or(name);
        let twitter = text_at(map, &["twitter"]).or_else(|| name.clone());
        Author {
            twitter: twitter.map(|name| name.trim_start_matches('@').to_owned()),
            name,
            url: at(map, &["url"]).cloned(),
            kind: text_at(map, &["type"]),
        }
    }
}

impl Image {
    fn of(scope: &Scope<'_, '_>) -> Option<Image> {
        let given = at(scope.page, &["image"])?;
        let path = match given.as_str() {
            Some(path) => path.to_owned(),
            None => {
                ["path", "facebook", "twitter"].iter().find_map(|key| text_at(given, &[key]))?
            }
        };
        let path = if has_scheme(&path) { path } else { scope.absolute(&path) };
        Some(Image { path: percent_encoded(&path), given: given.clone() })
    }

    fn json(&self) -> Value {
        let others = self
            .given
            .as_map()
            .into_iter()
            .flatten()
            .filter(|(key, _)| as_text(&key.as_value()) != "path");
        let mut map: Map = others.map(|(key, value)| (key.clone(), value.clone())).collect();
        if map.is_empty() {
            return Value::from(self.path.as_str());
        }
        set(&mut map, "url", self.path.as_str());
        set(&mut map, "@type", "imageObject");
        Value::from(map)
    }
}

fn object<const N: usize>(entries: [(&'static str, &str); N]) -> Value {
    let mut map = Map::new();
    for (key, value) in entries {
        set(&mut map, key, value);
    }
    Value::from(map)
}

/// `Page 2 of 5 for `, on all pages of a list except the first.
fn page_number(scope: &Scope<'_, '_>) -> Option<String> {
    let [page, total] = ["page", "total_pages"].map(|key| text_at(scope.paginator, &[key]));
    let (page, total) = (page?, total?);
    if page == "1" {
        return None;
    }
    let pattern = text_at(scope.site, &["seo_paginator_message"]);
    let pattern = pattern.unwrap_or_else(|| "Page %<current>s of %<total>s for ".to_owned());
    let mut text = pattern;
    for (name, value) in [("current", &page), ("total", &total)] {
        for form in [format!("%<{name}>s"), format!("%<{name}>d"), format!("%{{{name}}}")] {
            text = text.replace(&form, value);
        }
    }
    Some(text)
}

/// Markdown as text for an attribute, on one line; `None` if empty.
fn formatted(scope: &Scope<'_, '_>, value: Option<&Value>) -> Option<String> {
    let text = as_text(value?);
    let mut plain_text = plain(&(scope.environment.markdown)(&text));
    if plain_text.contains(['<', '>', '"', '\'', '&']) {
        plain_text = escaped_once(&plain_text);
    }
    (!plain_text.is_empty()).then_some(plain_text)
}
