//! Layouts: templates from `_layouts`, which may include files from `_includes` and use other
//! layouts.
//!
//! `templates` in `_config.yml` sets the language of layouts and of pages that are templates:
//! [`tera`] by default, [`liquid`] for blogs from Jekyll. This module holds what both have in
//! common.

mod liquid;
mod tera;

use std::collections::{BTreeMap, BTreeSet};

use super::values;
use crate::compat::TemplateLanguage;
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::experiment::results::Need;
use crate::fields::Fields;
use crate::inputs::Inputs;
use crate::liquid::{Environment, Read};
use crate::post::front_matter;
use crate::post::{Blog, PageKind};
use crate::roles::Role;
use crate::site::post::Detail;
use crate::text::Located;
use crate::theme;
use crate::value::{Value, as_text};

/// The layouts of a site, and those of its pages that are templates.
pub(super) struct Layouts<'a> {
    templates: Templates<'a>,
    /// By name, `post` for `_layouts/post.html`.
    by_name: BTreeMap<String, Layout>,
}

enum Templates<'a> {
    Tera(Box<tera::Templates>),
    Liquid(liquid::Templates<'a>),
}

struct Layout {
    path: String,
    front: Value,
    /// The layout that this one is rendered into.
    parent: Option<String>,
}

/// A rendered template: its text, the files of its figures by path, and the missing results that
/// the figures show.
pub(super) struct Rendered {
    pub(super) text: String,
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) needs: Vec<Need>,
    /// What it was made from, besides its variables other than `site`.
    pub(super) reads: BTreeSet<Read>,
}

/// What a template needs to see of documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// How much of those before and after the page, and of those that the page lists.
    pub(super) detail: Detail,
    /// How much of those in the lists of `site`; `None` if it uses no list.
    pub(super) lists: Option<Detail>,
    /// Of how many posts at the start of `site.posts` as much as `detail`.
    pub(super) newest: usize,
}

impl Wanted {
    /// Everything.
    pub(super) const ALL: Wanted =
        Wanted { detail: Detail::Whole, lists: Some(Detail::Whole), newest: 0 };

    /// What two templates need together.
    #[must_use]
    pub(super) fn and(self, other: Wanted) -> Wanted {
        Wanted {
            detail: self.detail.max(other.detail),
            lists: self.lists.max(other.lists),
            newest: self.newest.max(other.newest),
        }
    }
}

impl<'a> Layouts<'a> {
    /// Reads all layouts, includes and pages that are templates. Also returns an error for each
    /// post or page whose layout does not exist; the others can still be rendered to find their
    /// errors. In Liquid a missing layout is not an error, because Jekyll continues without it: see
    /// [`warnings`].
    pub(super) fn read(
        inputs: &'a Inputs,
        config: &Config,
        blog: &Blog<'a>,
        environment: &'a Environment<'a>,
    ) -> Result<(Layouts<'a>, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (mut by_name, mut layouts, mut errors) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (path, text) in inputs.of(Role::Layout) {
            match layout(path, text) {
                Ok((layout, template)) => {
                    by_name.insert(name(path), layout);
                    layouts.push(template);
                }
                Err(found) => errors.extend(found),
            }
        }
        let is_lenient = config.compat.is_lenient;
        errors.extend(endless(&by_name, inputs));
        if !is_lenient {
            errors.extend(missing_parents(&by_name, inputs));
        }
        let pages = blog.pages.iter().filter(|page| page.kind != PageKind::Markdown);
        let pages: Vec<Located<'a>> = pages.map(|page| page.body).collect();
        let templates = match config.compat.templates {
            TemplateLanguage::Tera => {
                let includes = inputs.of(Role::Include);
                let includes: Vec<_> =
                    includes.map(|(path, text)| Located { path, text, lines_above: 0 }).collect();
                tera::Templates::new(config, blog, &layouts, &pages, &includes)
                    .map(Box::new)
                    .map(Templates::Tera)
            }
            TemplateLanguage::Liquid => {
                liquid::Templates::new(layouts.into_iter().chain(pages), environment)
                    .map(Templates::Liquid)
            }
        };
        match templates {
            Ok(templates) if errors.is_empty() => {
                let missing = if is_lenient { Vec::new() } else { missing(&by_name, blog) };
                Ok((Layouts { templates, by_name }, missing))
            }
            Ok(_) => Err(errors),
            Err(found) => {
                errors.extend(found);
                Err(errors)
            }
        }
    }

    /// Whether there is a layout `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// What the layout `name` and its parents need to see of documents.
    pub(super) fn wanted(&self, name: Option<&str>) -> Wanted {
        let Templates::Tera(templates) = &self.templates else { return Wanted::ALL };
        let first = name.and_then(|name| self.by_name.get(name));
        let parent = |layout: &&Layout| self.by_name.get(layout.parent.as_deref()?);
        std::iter::successors(first, parent)
            .map(|layout| templates.wanted(&layout.path))
            .fold(Wanted::default(), Wanted::and)
    }

    /// What the page at `path`, a template, and its layout need to see of documents.
    pub(super) fn wanted_by_page(&self, path: &str, layout: Option<&str>) -> Wanted {
        let Templates::Tera(templates) = &self.templates else { return Wanted::ALL };
        templates.wanted(path).and(self.wanted(layout))
    }

    /// Renders `content` into the layout `name` and that layout's parents. `place` is where the
    /// layout is requested; `variables` hold `site`, `page` and the like.
    pub(super) fn render(
        &self,
        name: Option<&str>,
        mut content: Value,
        variables: &[(&'static str, Value)],
        place: impl Fn() -> Place,
    ) -> Result<Rendered, Vec<Diagnostic>> {
        let mut rendered: Option<Rendered> = None;
        let mut next = name;
        while let Some(name) = next {
            let Some(layout) = self.by_name.get(name) else {
                if matches!(self.templates, Templates::Liquid(_)) {
                    break;
                }
                return Err(vec![no_layout(name, &self.by_name, place())]);
            };
            if let Some(inner) = &rendered {
                content = Value::from(inner.text.as_str());
            }
            let mut variables = variables.to_vec();
            variables.push(("content", content.clone()));
            variables.push(("layout", layout.front.clone()));
            let mut outer = match &self.templates {
                Templates::Tera(templates) => text_only(
                    templates.layout(&layout.path, &variables).map_err(|error| vec![error])?,
                    templates.reads(&layout.path),
                ),
                Templates::Liquid(templates) => templates.render(&layout.path, &variables)?,
            };
            outer.reads.insert(Read::File(layout.path.clone()));
            if let Some(inner) = rendered {
                outer.files.splice(..0, inner.files);
                outer.needs.splice(..0, inner.needs);
                outer.reads.extend(inner.reads);
            }
            rendered = Some(outer);
            next = layout.parent.as_deref();
        }
        Ok(rendered.unwrap_or_else(|| text_only(as_text(&content), BTreeSet::new())))
    }

    /// Renders the body of a page that is a template.
    pub(super) fn render_page(
        &self,
        path: &str,
        variables: &[(&'static str, Value)],
    ) -> Result<Rendered, Vec<Diagnostic>> {
        match &self.templates {
            Templates::Tera(templates) => Ok(text_only(
                templates.page(path, variables).map_err(|error| vec![error])?,
                templates.reads(path),
            )),
            Templates::Liquid(templates) => templates.render(path, variables),
        }
    }
}

fn text_only(text: String, reads: BTreeSet<Read>) -> Rendered {
    Rendered { text, files: Vec::new(), needs: Vec::new(), reads }
}

fn layout<'a>(path: &'a str, text: &'a str) -> Result<(Layout, Located<'a>), Vec<Diagnostic>> {
    let Some((yaml, body)) = front_matter::split(path, text) else {
        let layout = Layout {
            path: path.to_owned(),
            front: values::layout(&serde_yaml::Mapping::new()),
            parent: None,
        };
        return Ok((layout, Located { path, text, lines_above: 0 }));
    };
    let mut fields = Fields::read(yaml).map_err(|error| vec![error])?;
    let parent = fields.text("layout").filter(|layout| layout != "none");
    let layout = Layout { path: path.to_owned(), front: values::layout(fields.mapping()), parent };
    let errors = fields.errors();
    if errors.is_empty() { Ok((layout, body)) } else { Err(errors) }
}

/// Reports posts and pages whose layout does not exist.
fn missing(layouts: &BTreeMap<String, Layout>, blog: &Blog<'_>) -> Vec<Diagnostic> {
    let fronts =
        blog.posts.iter().map(|post| &post.front).chain(blog.pages.iter().map(|page| &page.front));
    fronts
        .filter_map(|front| Some((front, front.layout.as_deref()?)))
        .filter(|(_, name)| !layouts.contains_key(*name))
        .map(|(front, name)| no_layout(name, layouts, front.place("layout")))
        .collect()
}

fn no_layout(name: &str, layouts: &BTreeMap<String, Layout>, place: Place) -> Diagnostic {
    let diagnostic = Diagnostic::new(place, format!("there is no layout `{name}`"));
    diagnostic.hint(match nearest(name, layouts.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if theme::file(&format!("_layouts/{name}.html")).is_some() => format!(
            "add `_layouts/{name}.html`, or write `theme: {}` in `_config.yml` to use the built-in \
             one",
            theme::NAME
        ),
        None => format!("add `_layouts/{name}.html`"),
    })
}

/// Where a layout names its parent.
fn parent_place(layout: &Layout, inputs: &Inputs) -> Place {
    let split = inputs.text(&layout.path).and_then(|text| front_matter::split(&layout.path, text));
    split.map_or_else(|| Place::file(&layout.path), |(yaml, _)| yaml.place(&["layout"]))
}

/// Reports layouts whose parent does not exist.
fn missing_parents(layouts: &BTreeMap<String, Layout>, inputs: &Inputs) -> Vec<Diagnostic> {
    let missing = layouts.values().filter_map(|layout| Some((layout, layout.parent.as_ref()?)));
    let missing = missing.filter(|(_, parent)| !layouts.contains_key(*parent));
    missing
        .map(|(layout, parent)| no_layout(parent, layouts, parent_place(layout, inputs)))
        .collect()
}

/// Reports layouts that are their own ancestors.
fn endless(layouts: &BTreeMap<String, Layout>, inputs: &Inputs) -> Vec<Diagnostic> {
    let error = |(name, layout): (&String, &Layout)| {
        let parents = std::iter::successors(layout.parent.as_ref(), |name| {
            layouts.get(*name)?.parent.as_ref()
        })
        .take(layouts.len());
        let returns = parents.into_iter().any(|parent| parent == name);
        let message = || {
            format!(
                "the layout `{name}` uses itself, directly or through other \
                                  layouts"
            )
        };
        returns.then(|| Diagnostic::new(parent_place(layout, inputs), message()))
    };
    layouts.iter().filter_map(error).collect()
}

/// Warns of missing layouts, where that is not an error.
pub(super) fn warnings(inputs: &Inputs, config: &Config, blog: &Blog<'_>) -> Vec<Diagnostic> {
    if !config.compat.is_lenient {
        return Vec::new();
    }
    let layouts = inputs
        .of(Role::Layout)
        .filter_map(|(path, text)| Some((name(path), layout(path, text).ok()?.0)));
    let layouts: BTreeMap<String, Layout> = layouts.collect();
    [missing(&layouts, blog), missing_parents(&layouts, inputs)].concat()
}

/// `post` for `_layouts/post.html`.
fn name(path: &str) -> String {
    let name = path.trim_start_matches("_layouts/");
    name.rsplit_once('.').map_or(name, |(name, _)| name).to_owned()
}
