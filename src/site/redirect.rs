//! Redirects, as jekyll-redirect-from makes them: `redirect_from` and `redirect_to` in front
//! matter.

use tera::Map;
use tera::value::Key;

use super::layouts::Layouts;
use super::{Files, Made, Shared};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place};
use crate::html::escaped;
use crate::permalink::{address, ending_of_permalink};
use crate::post::front_matter::FrontMatter;
use crate::value::{self, Value, as_text, set};

/// The layout that an author can provide for these pages; it sees `page.redirect.to` and
/// `page.redirect.from`.
const LAYOUT: &str = "redirect";
/// All redirects, from path to address.
const LIST: &str = "redirects.json";

/// Pages at the old addresses of posts and pages, and the list of all redirects.
pub(super) fn files(site: &Shared<'_>, layouts: &Layouts<'_>) -> Files {
    let (mut made, mut errors, mut list) = (Vec::new(), Vec::new(), Vec::new());
    let documents = site.blog.documents().filter(|post| post.is_written);
    let documents = documents.map(|post| (&post.front, post.body.path, &post.address));
    for (front, path, own) in documents
        .chain(site.blog.pages.iter().map(|page| (&page.front, page.body.path, &page.address)))
    {
        let to = absolute(&own.url, site.config);
        for from in texts(front, "redirect_from") {
            let from = format!("/{}", from.trim_start_matches('/'));
            match redirect(site, layouts, &from, &to, || front.place("redirect_from"), path) {
                Ok(files) => made.extend(files),
                Err(found) => errors.extend(found),
            }
            list.push((from, to.clone()));
        }
        if let Some(to) = target(front, site.config) {
            list.push((own.url.clone(), to));
        }
    }
    let has_plugin =
        value::entry(site.site_base(), "plugins").and_then(Value::as_array).is_some_and(
            |plugins| plugins.iter().any(|plugin| plugin.as_str() == Some("jekyll-redirect-from")),
        );
    if (has_plugin || !list.is_empty()) && !site.taken.contains(LIST) {
        let map: Map =
            list.into_iter().map(|(from, to)| (Key::from(from), Value::from(to))).collect();
        made.push(Made::new(LIST, value::json(&Value::from(map))));
    }
    if errors.is_empty() { Ok(made) } else { Err(errors) }
}

/// The redirect that replaces a page with `redirect_to`; `None` for other pages.
pub(super) fn instead(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    front: &FrontMatter<'_>,
    url: &str,
    file: &str,
) -> Option<Files> {
    let to = target(front, site.config)?;
    let html = html(site, layouts, url, &to, || front.place("redirect_to"));
    Some(html.map(|html| vec![Made::new(file, html).from(front.yaml.path)]))
}

fn redirect(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    from: &str,
    to: &str,
    place: impl Fn() -> Place,
    path: &str,
) -> Files {
    let address =
        address(from, ending_of_permalink(from).unwrap_or(".html")).map_err(|reason| {
            let message = format!("invalid address `{from}`: {reason}");
            vec![Diagnostic::new(place(), message).hint("write `redirect_from: [/old/path/]`")]
        })?;
    let html = html(site, layouts, from, to, place)?;
    Ok(vec![Made::new(address.file, html).from(path)])
}

fn html(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    from: &str,
    to: &str,
    place: impl Fn() -> Place,
) -> Result<String, Vec<Diagnostic>> {
    if !layouts.has(LAYOUT) {
        let is_as_jekyll = !site.config.compat.generates_pages;
        return Ok(if is_as_jekyll { jekylls(to) } else { keeping_the_rest(to, site.config) });
    }
    let (mut page, mut redirect) = (Map::new(), Map::new());
    set(&mut redirect, "from", from);
    set(&mut redirect, "to", to);
    set(&mut page, "redirect", redirect);
    set(&mut page, "url", from);
    set(&mut page, "layout", LAYOUT);
    set(&mut page, "sitemap", false);
    set(&mut page, "title", "Redirect");
    let wanted = layouts.wanted(Some(LAYOUT));
    let variables = [("site", site.site(wanted, None)), ("page", Value::from(page))];
    layouts.render(Some(LAYOUT), Value::from(""), &variables, place).map(|rendered| rendered.text)
}

/// The page that jekyll-redirect-from makes.
fn jekylls(to: &str) -> String {
    let (script, to) = (in_script(to), escaped(to));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en-US\">\n<meta charset=\"utf-8\">\n\
         <title>Redirecting&hellip;</title>\n\
         <link rel=\"canonical\" href=\"{to}\">\n<script>location=\"{script}\"</script>\n\
         <meta http-equiv=\"refresh\" content=\"0; url={to}\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <h1>Redirecting&hellip;</h1>\n\
         <a href=\"{to}\">Click here if you are not redirected.</a>\n</html>\n"
    )
}

/// A page that also keeps what the address has after `?` and `#`. Without scripts, that is lost.
fn keeping_the_rest(to: &str, config: &Config) -> String {
    let language = escaped(&config.language);
    let (script, to) = (in_script(to), escaped(to));
    // An address that has such parts itself keeps its own.
    let query = if to.contains('?') { "" } else { "+location.search" };
    let rest = if to.contains('#') { "" } else { "+location.hash" };
    let query = if to.contains('#') { "" } else { query };
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{to}</title>\n<link rel=\"canonical\" href=\"{to}\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <script>location.replace(\"{script}\"{query}{rest})</script>\n\
         <noscript><meta http-equiv=\"refresh\" content=\"0; url={to}\"></noscript>\n\
         </head>\n<body>\n<p><a href=\"{to}\">{to}</a></p>\n</body>\n</html>\n"
    )
}

/// An address inside a string of a script. Encoded, it can end neither the string nor the script.
fn in_script(to: &str) -> String {
    crate::url::percent_encoded(to).replace('\'', "%27")
}

/// Where the page redirects to: the first address in `redirect_to`.
fn target(front: &FrontMatter<'_>, config: &Config) -> Option<String> {
    texts(front, "redirect_to").into_iter().next().map(|to| absolute(&to, config))
}

fn absolute(to: &str, config: &Config) -> String {
    if to.starts_with("https://") || to.starts_with("http://") {
        return to.to_owned();
    }
    format!("{}{}/{}", config.url, config.base_url, to.trim_start_matches('/'))
}

fn texts(front: &FrontMatter<'_>, key: &'static str) -> Vec<String> {
    match front.value(key) {
        Some(value) if value.as_array().is_some() => {
            value.as_array().unwrap_or_default().iter().map(as_text).collect()
        }
        Some(value) if value.as_str().is_some_and(|text| !text.is_empty()) => vec![as_text(value)],
        _ => Vec::new(),
    }
}
