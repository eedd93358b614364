//! The links in bodies to pages and files of the site that are not there. Only those that an author
//! wrote: `labpress check` looks at everything else, and at anchors.

use super::{Shared, images};
use crate::diagnostic::{Diagnostic, Place};
use crate::html::{self, unescaped};
use crate::output::Output;
use crate::post::PageKind;
use crate::text::Located;
use crate::url::has_scheme;

/// The addresses on the site that a body links to.
pub(super) fn sources(html: &str) -> Vec<String> {
    let links = html::tags_that_start(html, "<a ");
    let links = links.filter_map(|tag| tag.value("href").map(unescaped));
    let is_on_site = |address: &String| !address.starts_with(['#', '?']) && !has_scheme(address);
    links.filter(|address| !address.is_empty() && is_on_site(address)).collect()
}

/// An error for each link in the body of a document or page to what is not in the built site. A build
/// warns of them, and `build --locked` fails.
pub(super) fn missing(site: &Shared<'_>, output: &Output) -> Vec<Diagnostic> {
    let mut missing = Vec::new();
    if !site.config.compat.generates_pages {
        return missing;
    }
    for (post, rendered) in site.documents().filter(|(post, _)| post.is_written) {
        let links = &rendered.body.summary.links;
        let mut found = missing_among(site, output, links, &post.address.url).peekable();
        if found.peek().is_some() {
            // Not those in a comment or the like.
            let content = rendered.content();
            let content = content.as_str().unwrap_or_default();
            let found = found.filter(|address| is_shown(address, content));
            missing.extend(found.map(|address| error(post.body, address)));
        }
    }
    // The author did not write the pages of the theme.
    let own_pages = site.blog.pages.iter().filter(|page| !site.inputs.is_built_in(page.body.path));
    for page in own_pages {
        let Some(body) = site.pages.body(page) else { continue };
        let found = missing_among(site, output, &body.links, &page.address.url);
        // A template also shows the links of posts, at other addresses.
        let is_own = |address: &&String| {
            page.kind == PageKind::Markdown || images::written_at(page.body, address).is_some()
        };
        missing.extend(found.filter(is_own).map(|address| error(page.body, address)));
    }
    missing
}

/// Those of the links of the page at `url` that lead to nothing in the built site.
fn missing_among<'l>(
    site: &Shared<'_>,
    output: &Output,
    links: &'l [String],
    url: &str,
) -> impl Iterator<Item = &'l String> {
    links.iter().filter(move |address| {
        let path = images::path_of(address, url, site.config);
        path.is_some_and(|path| output.served(&path).is_none())
    })
}

fn is_shown(address: &str, html: &str) -> bool {
    let mut tags = html::placed_tags(html).filter(|(_, tag)| tag.is("a"));
    tags.any(|(_, tag)| tag.value("href").is_some_and(|shown| unescaped(shown) == address))
}

fn error(body: Located<'_>, address: &str) -> Diagnostic {
    let at = images::written_at(body, address);
    let place = at.map_or_else(|| Place::file(body.path), |at| body.place(at));
    Diagnostic::new(place, format!("the link `{address}` leads to nothing"))
        .hint("correct the address, or remove the link; `labpress check` lists similar addresses")
}
