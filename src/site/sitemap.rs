//! The list of all pages for search engines, and `robots.txt`, which names it.

use std::fmt::Write;

use super::layouts::Layouts;
use super::post::Detail;
use super::{Made, Shared, index, structure};
use crate::html::escaped;
use crate::time::Date;
use crate::value::Value;

/// `sitemap.xml` and `robots.txt`, unless the author has them. Both need `url`.
pub(super) fn files(site: &Shared<'_>, layouts: &Layouts<'_>) -> Vec<Made> {
    let mut files = Vec::new();
    if site.config.url.is_empty() {
        return files;
    }
    if !site.taken.contains("sitemap.xml") {
        files.push(Made::new("sitemap.xml", sitemap(site, layouts)));
    }
    if !site.taken.contains("robots.txt") {
        let robots = format!(
            "User-agent: *\nAllow: /\n\nSitemap: {}{}/sitemap.xml\n",
            site.config.url, site.config.base_url
        );
        files.push(Made::new("robots.txt", robots));
    }
    files
}

fn sitemap(site: &Shared<'_>, layouts: &Layouts<'_>) -> String {
    let is_listed = |value: Option<&Value>| value.and_then(Value::as_bool) != Some(false);
    let pages = site.blog.pages.iter().filter(|page| {
        let file = page.address.file.as_str();
        let is_redirect = page.front.value("redirect_to").is_some();
        let is_page = file.ends_with(".html") && file != "404.html" && !is_redirect;
        is_page && is_listed(page.front.value("sitemap"))
    });
    let mut urls: Vec<(String, Option<String>)> = pages
        .map(|page| {
            (page.address.url.clone(), page.front.modified.as_ref().map(Date::to_xml_schema))
        })
        .collect();
    if let Some(index) = index::page(site.config, site.blog)
        && let Ok(parts) = index::parts(site, index, Detail::Head)
    {
        urls.extend(parts.into_iter().skip(1).map(|part| (part.url, None)));
    }
    let posts = site.blog.posts.iter().filter(|post| is_listed(post.front.value("sitemap")));
    urls.extend(
        posts.map(|post| (post.address.url.clone(), Some(post.modified().to_xml_schema()))),
    );
    urls.extend(structure::pages::urls(site, layouts).into_iter().map(|url| (url, None)));
    urls.sort();
    urls.dedup();
    let alternates = site.structure.alternates(site.blog, site.config);
    let names =
        if alternates.is_empty() { "" } else { " xmlns:xhtml=\"http://www.w3.org/1999/xhtml\"" };
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\"{names}>\n",
    );
    let whole = |url: &str| escaped(&format!("{}{}{url}", site.config.url, site.config.base_url));
    for (url, modified) in urls {
        let modified =
            modified.map(|date| format!("<lastmod>{date}</lastmod>")).unwrap_or_default();
        let _ = write!(xml, "<url><loc>{}</loc>{modified}", whole(&url));
        for (language, url) in alternates.get(&url).into_iter().flatten() {
            let (language, url) = (escaped(language), whole(url));
            let _ = write!(
                xml,
                "<xhtml:link rel=\"alternate\" hreflang=\"{language}\" href=\"{url}\"/>"
            );
        }
        xml.push_str("</url>\n");
    }
    xml.push_str("</urlset>\n");
    xml
}
