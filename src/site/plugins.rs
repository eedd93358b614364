//! Files that Jekyll's plugins add to a site with Liquid templates, if the blog lists those
//! plugins.

use super::layouts::Wanted;
use super::post::Detail;
use super::{Made, Shared, index};
use crate::liquid::Environment;
use crate::plugin::{feed, sitemap};

/// The extensions of files that are listed as pages even without front matter.
const LISTED: [&str; 4] = [".htm", ".html", ".xhtml", ".pdf"];

/// The feeds, the sitemap and `robots.txt`, each unless the author has one.
pub(super) fn files(site: &Shared<'_>, environment: &Environment<'_>) -> Vec<Made> {
    let mut files = Vec::new();
    let whole = || site.site(Wanted::ALL, None);
    let mut add = |path: String, make: &dyn Fn() -> String| {
        if !site.taken.contains(&path) {
            files.push(Made::new(path, make()));
        }
    };
    if site.config.has_plugin("jekyll-feed") {
        let has_style = site.taken.contains("feed.xslt.xml");
        for feed in feed::feeds(&whole()) {
            add(feed.path.clone(), &|| feed::atom(&feed, &whole(), environment, has_style));
        }
    }
    if site.config.has_plugin("jekyll-sitemap") {
        add("sitemap.xml".to_owned(), &|| sitemap::xml(&whole(), &listed(site), environment));
        add("robots.txt".to_owned(), &|| sitemap::robots(environment));
    }
    files
}

/// What a sitemap lists in addition to documents and pages: the later parts of the index, and files
/// without front matter.
fn listed(site: &Shared<'_>) -> Vec<String> {
    let is_listed =
        |path: &&str| LISTED.iter().any(|end| path.ends_with(end)) && !path.ends_with("404.html");
    let index = index::page(site.config, site.blog);
    let parts =
        index.and_then(|page| index::parts(site, page, Detail::Head).ok()).unwrap_or_default();
    let parts = parts.into_iter().skip(1).map(|part| part.url);
    let files =
        site.files.iter().map(String::as_str).filter(is_listed).map(|path| format!("/{path}"));
    parts.chain(files).collect()
}
