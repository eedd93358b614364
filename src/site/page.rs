//! Pages that are no posts: from Markdown or from a template.

use tera::Context;

use super::{Files, Made, Shared, in_parallel, index, pinned, post, values};
use crate::diagnostic::Diagnostic;
use crate::liquid::{self, Environment};
use crate::markdown;
use crate::post::{Page, PageKind};
use crate::site::layouts::Layouts;
use crate::value::Value;

/// Where a page stands in a split index; all others have none.
pub(super) struct Part {
    /// `paginator` as templates see it.
    pub(super) paginator: Value,
    /// Its address.
    pub(super) url: String,
    /// Its file.
    pub(super) file: String,
}

/// All pages, the index split as the configuration says.
pub(super) fn files(
    site: &Shared<'_>,
    layouts: &Layouts,
    environment: &Environment<'_>,
    options: &markdown::Options,
) -> Files {
    in_parallel(&site.blog.pages, |_, page| {
        if page.address.file != index::FILE {
            return file(site, layouts, environment, options, page, None);
        }
        let parts = index::parts(site).map_err(|fault| vec![fault])?;
        in_parallel(&parts, |_, part| file(site, layouts, environment, options, page, Some(part)))
    })
}

fn file(
    site: &Shared<'_>,
    layouts: &Layouts,
    environment: &Environment<'_>,
    options: &markdown::Options,
    page: &Page<'_>,
    part: Option<&Part>,
) -> Files {
    let url = part.map_or(&page.address.url, |part| &part.url);
    let mut map = values::page(page, url);
    let mut shared = Context::new();
    shared.insert_value("site", site.value.clone());
    if let Some(part) = part {
        shared.insert_value("paginator", part.paginator.clone());
    }
    let one = |fault: Diagnostic| vec![fault];
    let mut figures = Vec::new();
    let content = match page.kind {
        PageKind::Markdown => {
            let mut variables = vec![("site", site.liquid_value.clone()), ("page", Value::from(map.clone()))];
            variables.extend(part.map(|part| ("paginator", part.paginator.clone())));
            let expanded = liquid::expand(page.body, &variables, environment)?;
            let rendered = post::to_html(&expanded, false, options);
            post::set_rendered(&mut map, &rendered);
            figures = expanded.files;
            let note = pinned::note(page.body.path, &expanded.experiments, site.blog, &site.posts, environment);
            note + &rendered.html
        }
        PageKind::Template => {
            shared.insert_value("page", Value::from(map.clone()));
            layouts.render_page(page.body.path, &shared).map_err(one)?
        }
    };
    shared.insert_value("page", Value::from(map));
    let place = || page.front.place("layout");
    let html = layouts.render(page.front.layout.as_deref(), content, &mut shared, place).map_err(one)?;
    let from = Some(page.body.path.to_owned());
    let path = part.map_or(&page.address.file, |part| &part.file).clone();
    let made = Made { path, bytes: html.into_bytes(), from: from.clone() };
    let figures = figures.into_iter().map(|(path, bytes)| Made { path, bytes, from: from.clone() });
    Ok(std::iter::once(made).chain(figures).collect())
}
