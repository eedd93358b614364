//! jekyll-sitemap: the URLs of posts, other documents, pages and files, and `robots.txt`.

use std::fmt::Write;

use super::{Scope, at, text_at};
use crate::html::escaped_attribute;
use crate::liquid::Environment;
use crate::value::{Value, entry};

const START: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset \
                     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                     xsi:schemaLocation=\"http://www.sitemaps.org/schemas/sitemap/0.9 \
                     http://www.sitemaps.org/schemas/sitemap/0.9/sitemap.xsd\" \
                     xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n";

/// Writes `sitemap.xml`. `files` are the URLs of static pages.
///
/// Jekyll writes when files were changed on disk; a build does not read such times, so they are
/// omitted.
pub(crate) fn xml(site: &Value, files: &[String], environment: &Environment<'_>) -> String {
    let none = Value::none();
    let scope = Scope { environment, site, page: &none, paginator: &none };
    let mut xml = String::from(START);
    for document in documents(site) {
        write(&mut xml, document, at(document, &["date"]), &scope);
    }
    let pages = entry(site, "html_pages").and_then(Value::as_array).unwrap_or_default();
    for page in pages.iter().filter(|page| text_at(page, &["url"]).as_deref() != Some("/404.html"))
    {
        write(&mut xml, page, None, &scope);
    }
    for url in files {
        write_url(&mut xml, url, None, &scope);
    }
    xml.push_str("</urlset>\n");
    xml
}

/// The content of `robots.txt`.
pub(crate) fn robots(environment: &Environment<'_>) -> String {
    let none = Value::none();
    let scope = Scope { environment, site: &none, page: &none, paginator: &none };
    format!("Sitemap: {}\n", scope.absolute("sitemap.xml"))
}

/// The documents of all collections that have pages, including posts, oldest first.
fn documents(site: &Value) -> Vec<&Value> {
    let Some(collections) = entry(site, "collections").and_then(Value::as_array) else {
        return items(entry(site, "posts")).iter().rev().collect();
    };
    let has_pages =
        |collection: &&Value| entry(collection, "output").and_then(Value::as_bool) != Some(false);
    collections
        .iter()
        .filter(has_pages)
        .flat_map(|collection| items(entry(collection, "docs")))
        .collect()
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).unwrap_or_default()
}

fn write(xml: &mut String, page: &Value, date: Option<&Value>, scope: &Scope<'_, '_>) {
    if entry(page, "sitemap").and_then(Value::as_bool) != Some(false) {
        let modified = at(page, &["last_modified_at"]).or(date).map(|date| scope.xml_schema(date));
        write_url(xml, &text_at(page, &["url"]).unwrap_or_default(), modified.as_deref(), scope);
    }
}

fn write_url(xml: &mut String, url: &str, modified: Option<&str>, scope: &Scope<'_, '_>) {
    let address = escaped_attribute(&scope.absolute(&url.replace("/index.html", "/")));
    let _ = writeln!(xml, "<url>\n<loc>{address}</loc>");
    if let Some(modified) = modified {
        let _ = writeln!(xml, "<lastmod>{modified}</lastmod>");
    }
    xml.push_str("</url>\n");
}
