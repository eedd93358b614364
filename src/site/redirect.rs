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
        value::entry(&site.value, "plugins").and_then(Value::as_array).is_some_and(|plugins| {
            plugins.iter().any(|plugin| plugin.as_str() == Some("jekyll-redirect-from"))
        });
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
        let to = escaped(to);
        return Ok(format!(
            "<!DOCTYPE html>\n<html lang=\"en-US\">\n<meta charset=\"utf-8\">\n\
             <title>Redirecting&hellip;</title>\n\
             <link rel=\"canonical\" href=\"{to}\">\n<script>location=\"{script}\"</script>\n\
             <meta http-equiv=\"refresh\" content=\"0; url={to}\">\n\
             <meta name=\"robots\" content=\"noindex\">\n\
             <h1>Redirecting&hellip;</h1>\n\
             <a href=\"{to}\">Click here if you are not redirected.</a>\n</html>\n",
            // Encoded, an address can end neither the string nor the script.
            script = crate::slug::percent_encoded(&to.replace("&amp;", "&")).replace('\'', "%27"),
        ));
    }
    let (mut page, mut redirect) = (Map::new(), Map::new());
    set(&mut redirect, "from", from);
    set(&mut redirect, "to", to);
    set(&mut page, "redirect", redirect);
    set(&mut page, "url", from);
    set(&mut page, "layout", LAYOUT);
    set(&mut page, "sitemap", false);
    set(&mut page, "title", "Redirect");
    let variables = [("site", site.value.clone()), ("page", Value::from(page))];
    layouts.render(Some(LAYOUT), Value::from(""), &variables, place).map(|rendered| rendered.text)
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
