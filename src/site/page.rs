//! Pages that are not posts, from Markdown or from a template.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tera::Map;

use super::layouts::Wanted;
use super::{
    Files, Made, Shared, images, in_parallel, index, linked_data, links, memo, pinned, post,
    redirect, search, values,
};
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::errors::Errors;
use crate::liquid::{self, Environment, Read};
use crate::markdown;
use crate::plugin::relative_links;
use crate::post::{Page, PageKind};
use crate::site::layouts::Layouts;
use crate::text::Located;
use crate::value::{self, Value};

/// One part of a split index.
pub(super) struct Part {
    /// `paginator` as templates see it.
    pub(super) paginator: Value,
    pub(super) url: String,
    pub(super) file: String,
    /// The key of its numbers and posts.
    pub(super) key: Digest,
}

/// What is kept of the body of a page between builds, for what is made of all pages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Body {
    /// The addresses of the site's pictures in it.
    pub(super) images: Vec<String>,
    /// The addresses on the site that it links to.
    pub(super) links: Vec<String>,
    /// What is searched.
    pub(super) sections: Vec<search::Section>,
}

/// All pages. The index is split as the configuration says.
pub(super) fn files(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    environment: &Environment<'_>,
    options: &markdown::Options,
) -> Files {
    let index = index::page(site.config, site.blog);
    in_parallel(&site.blog.pages, |at, page| {
        if let Some(files) =
            redirect::instead(site, layouts, &page.front, &page.address.url, &page.address.file)
        {
            return files;
        }
        let is_index = index.is_some_and(|index| index.body.path == page.body.path);
        let parts = if is_index {
            let detail = wanted(layouts, page).detail;
            index::parts(site, page, detail).map_err(|error| vec![error])?
        } else {
            Vec::new()
        };
        let parts: Vec<Option<&Part>> =
            if is_index { parts.iter().map(Some).collect() } else { vec![None] };
        in_parallel(&parts, |_, part| {
            let map = page_value(site, at, page, *part);
            let shown = value::json(&Value::from(map.clone()));
            let made = || file(site, layouts, environment, options, (page, map), *part);
            // A style sheet does not say what it imports.
            if page.kind == PageKind::Sass {
                return Ok(made()?.0);
            }
            let (path, text) = (page.body.path, page.body.text.as_bytes());
            let own = [path.as_bytes(), shown.as_bytes(), text];
            let listed = part.map_or(&[][..], |part| part.key.as_bytes());
            let key = memo::key(own.into_iter().chain([listed]));
            let address = part.map_or(&page.address.file, |part| &part.file);
            site.pages.page(address, path, ("the file, and the posts that it lists", key), made)
        })
    })
}

/// The page at an index as its own templates see it, before its body is rendered.
fn page_value(site: &Shared<'_>, at: usize, page: &Page<'_>, part: Option<&Part>) -> Map {
    let url = part.map_or(&page.address.url, |part| &part.url);
    let mut map = values::page(page, url, site.config);
    if let Some(translations) = site.structure.translations_of_page(at, site.blog, site.config) {
        value::set(&mut map, "translations", translations);
    }
    if let Some(backlinks) = site.backlinks.to(&page.address) {
        value::set(&mut map, "backlinks", backlinks);
    }
    if site.config.compat.has_theme_keys && url == "/" {
        value::set(&mut map, "json_ld", linked_data::of_home(site));
    }
    map
}

/// What a page and its layout need to see of documents.
fn wanted(layouts: &Layouts<'_>, page: &Page<'_>) -> Wanted {
    let layout = page.front.layout.as_deref();
    match page.kind {
        PageKind::Markdown => layouts.wanted(layout),
        PageKind::Template | PageKind::Sass => layouts.wanted_by_page(page.body.path, layout),
    }
}

/// The errors in the bodies of pages, for a site whose layouts cannot be rendered.
pub(super) fn errors(site: &Shared<'_>, environment: &Environment<'_>) -> Vec<Diagnostic> {
    let mut errors = Errors::default();
    for page in site.blog.pages.iter().filter(|page| page.kind == PageKind::Markdown) {
        let map = values::page(page, &page.address.url, site.config);
        let variables = [("site", site.site_for_bodies().clone()), ("page", Value::from(map))];
        let reach = post::reach(&page.front, true, site.config);
        let expanded = errors.take(liquid::expand(page.body, &variables, environment, reach));
        errors.extend(expanded.unwrap_or_default().failed);
    }
    errors.into_sorted()
}

fn file(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    environment: &Environment<'_>,
    options: &markdown::Options,
    (page, mut map): (&Page<'_>, Map),
    part: Option<&Part>,
) -> Result<(Vec<Made>, BTreeSet<Read>), Vec<Diagnostic>> {
    let paginator = part.map(|part| ("paginator", part.paginator.clone()));
    let variables = |site: &Value, page: &Map| {
        let shared = [("site", site.clone()), ("page", Value::from(page.clone()))];
        shared.into_iter().chain(paginator.clone()).collect::<Vec<_>>()
    };
    let site_value = site.site(wanted(layouts, page), None);
    let (mut experiments, mut reads) = (BTreeSet::new(), BTreeSet::new());
    let (mut warnings, mut evidence) = (Vec::new(), Vec::new());
    let (content, mut figures, mut needs) = match page.kind {
        PageKind::Markdown => {
            let reach = post::reach(&page.front, true, site.config);
            let variables = if liquid::has_tags(page.body.text) {
                variables(site.site_for_bodies(), &map)
            } else {
                Vec::new()
            };
            let mut expanded = liquid::expand(page.body, &variables, environment, reach)?;
            warnings = std::mem::take(&mut expanded.warnings);
            evidence = std::mem::take(&mut expanded.evidence);
            if relative_links::is_wanted(site.config, false) {
                expanded.text =
                    relative_links::resolved(&expanded.text, page.body.path, environment);
                // A link may lead to any file.
                expanded.reads.insert(Read::WholeSite);
            }
            let options = &*post::in_language(options, &page.front, site.config);
            let mut problems = match site.wikilinks {
                Some(links) => links.replace(&mut expanded, page.body.path),
                None => Vec::new(),
            };
            let rendered = post::to_html(&expanded, false, options);
            problems.extend_from_slice(&rendered.problems);
            let (mut found, less) = post::located(&problems, page.body, site.config);
            found.append(&mut expanded.failed);
            found.extend(rendered.errors.iter().cloned());
            if !found.is_empty() {
                return Err(found);
            }
            warnings.extend(less);
            post::set_rendered(
                &mut map,
                rendered.html.as_str().into(),
                &rendered.toc,
                post::Length::of(&rendered.text),
            );
            let note = pinned::note(page.body.path, &expanded.experiments, site);
            reads = expanded.reads;
            reads.extend(post::reads_of(&rendered, options));
            if !note.is_empty() {
                // It names the newest post that shows the same experiment.
                reads.insert(Read::WholeSite);
            }
            experiments = expanded.experiments;
            (note + &rendered.html, expanded.files, expanded.needs)
        }
        PageKind::Template => {
            let rendered = layouts.render_page(page.body.path, &variables(&site_value, &map))?;
            reads = rendered.reads;
            (rendered.text, rendered.files, rendered.needs)
        }
        PageKind::Sass => {
            let rendered = layouts.render_page(page.body.path, &variables(&site_value, &map))?;
            let sheet = Located { text: &rendered.text, ..page.body };
            (site.sass.css(sheet).map_err(|error| vec![error])?, rendered.files, rendered.needs)
        }
    };
    let images = if site.config.images.is_on { images::shown(&content) } else { Vec::new() };
    let links = links::sources(&content);
    let body = Body { images, links, sections: search::of_page(site, layouts, page, &content) };
    let place = || page.front.place("layout");
    // As in Jekyll, a style sheet has no layout, even if `defaults` give it one.
    let layout = page.front.layout.as_deref().filter(|_| page.kind != PageKind::Sass);
    let rendered =
        layouts.render(layout, Value::from(content), &variables(&site_value, &map), place)?;
    figures.extend(rendered.files);
    needs.extend(rendered.needs);
    reads.extend(rendered.reads);
    let path = part.map_or(&page.address.file, |part| &part.file).clone();
    let text = site.finished(rendered.text, &path, &map);
    let mut of_images = Vec::new();
    let text = if path.ends_with(".html") {
        let text = super::ids::unique(&text).into_owned();
        let url = part.map_or(&page.address.url, |part| &part.url);
        let with = site.images.of_page(text, url);
        reads.extend(with.reads);
        of_images = with.files;
        with.html
    } else {
        text
    };
    let body = Some(Arc::new(body));
    let made = Made::new(path, text).from(page.body.path);
    let made = Made { experiments, needs, evidence, warnings, body, ..made };
    let figures = figures.into_iter();
    let figures = figures.map(|(path, bytes)| Made::new(path, bytes).from(page.body.path));
    Ok((std::iter::once(made).chain(figures).chain(of_images).collect(), reads))
}
