//! Layouts: Tera templates from `_layouts`, which may include files of `_includes` and stand in other layouts.

use std::collections::BTreeMap;

use tera::{Context, ErrorKind, Tera};

use super::{filters, values};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place, Position, nearest};
use crate::fields::Fields;
use crate::post::front_matter;
use crate::post::{Blog, PageKind};
use crate::source::Source;
use crate::value::Value;

/// The layouts of a site, and those of its pages that are templates.
pub(super) struct Layouts {
    tera: Tera,
    /// By name, `post` for `_layouts/post.html`.
    by_name: BTreeMap<String, Layout>,
    /// How many lines stand above the template, by the name that Tera knows it by.
    lines_above: BTreeMap<String, usize>,
}

struct Layout {
    /// The name that Tera knows it by, its path.
    path: String,
    /// Its front matter.
    front: Value,
    /// The layout that it stands in.
    parent: Option<String>,
}

/// A template with the name that Tera knows it by.
struct Template<'a> {
    name: String,
    text: &'a str,
    lines_above: usize,
}

impl Layouts {
    /// Reads all layouts, includes and pages that are templates. Beside them come the posts and pages that ask for a
    /// layout which is not there: the others can be rendered all the same, to find what is wrong with them.
    pub(super) fn read(
        source: &Source,
        config: &Config,
        blog: &Blog<'_>,
    ) -> Result<(Layouts, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (mut layouts, mut templates, mut faults) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (path, text) in source.texts_under("_layouts/") {
            let name = path.trim_start_matches("_layouts/");
            let name = name.rsplit_once('.').map_or(name, |(name, _)| name).to_owned();
            match layout(path, text) {
                Ok((layout, template)) => {
                    layouts.insert(name, layout);
                    templates.push(template);
                }
                Err(found) => faults.extend(found),
            }
        }
        faults.extend(wrong_parents(&layouts, source));
        let included = source.texts_under("_includes/").map(|(path, text)| include(path, text));
        let pages = blog.pages.iter().filter(|page| page.kind == PageKind::Template).map(|page| Template {
            // A slash in front keeps pages apart from layouts, which are looked for by bare names.
            name: page_template(page.body.path),
            text: page.body.text,
            lines_above: page.body.lines_above,
        });
        let needed: Vec<Template<'_>> = templates.into_iter().chain(pages).collect();
        let included: Vec<Template<'_>> = included.collect();
        let lines_above =
            needed.iter().chain(&included).map(|template| (template.name.clone(), template.lines_above)).collect();
        let mut tera = new_tera(config);
        // Bodies include files in Liquid, layouts files in Tera; what lies in `_includes` may be either, so a file there
        // that is no Tera is left out, and missed only by a layout that asks for it.
        let (included, broken): (Vec<_>, Vec<_>) =
            included.into_iter().partition(|template| syntax_fault(template).is_none());
        let all = needed.iter().chain(&included).map(|template| (template.name.as_str(), template.text));
        if let Err(error) = tera.add_raw_templates(all) {
            let layouts = Layouts { tera, by_name: layouts, lines_above };
            let found: Vec<Diagnostic> =
                needed.iter().filter_map(syntax_fault).map(|error| layouts.diagnostic(&error, "_layouts")).collect();
            faults.extend(if found.is_empty() { layouts.diagnostics(&error) } else { found });
            let missed =
                |template: &&Template<'_>| error.to_string().contains(template.name.trim_start_matches("_includes/"));
            faults.extend(
                broken
                    .iter()
                    .filter(missed)
                    .filter_map(syntax_fault)
                    .map(|error| layouts.diagnostic(&error, "_includes")),
            );
            return Err(faults);
        }
        let missing = missing(&layouts, blog);
        if faults.is_empty() { Ok((Layouts { tera, by_name: layouts, lines_above }, missing)) } else { Err(faults) }
    }

    /// Whether there is a layout `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Puts `content` into the layout `name` and the layouts that one stands in. `place` is where the layout is asked
    /// for; `variables` hold `site`, `page` and the like.
    pub(super) fn render(
        &self,
        name: Option<&str>,
        content: String,
        variables: &mut Context,
        place: impl Fn() -> Place,
    ) -> Result<String, Diagnostic> {
        let mut content = content;
        let mut next = name;
        while let Some(name) = next {
            let Some(layout) = self.by_name.get(name) else {
                return Err(no_layout(name, &self.by_name, place()));
            };
            variables.insert_value("content", Value::from(content));
            variables.insert_value("layout", layout.front.clone());
            content =
                self.tera.render(&layout.path, variables).map_err(|error| self.diagnostic(&error, &layout.path))?;
            next = layout.parent.as_deref();
        }
        Ok(content)
    }

    /// Renders the body of a page that is a template.
    pub(super) fn render_page(&self, path: &str, context: &Context) -> Result<String, Diagnostic> {
        self.tera.render(&page_template(path), context).map_err(|error| self.diagnostic(&error, path))
    }

    /// Turns an error of Tera into a diagnostic; `path` is where it is if the error does not say.
    fn diagnostic(&self, error: &tera::Error, path: &str) -> Diagnostic {
        match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                let position = Position { line: report.span().start_line, column: report.span().start_col + 1 };
                let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
                let message = causes.fold(lowercase_first(report.message()), |message, cause| {
                    format!("{message}: {}", lowercase_first(&cause.to_string()))
                });
                Diagnostic::new(self.place(report.filename(), position), message)
            }
            _ => Diagnostic::new(Place::file(path), lowercase_first(&error.to_string())),
        }
    }

    /// Turns an error in putting templates together into diagnostics: it may be a report on several.
    fn diagnostics(&self, error: &tera::Error) -> Vec<Diagnostic> {
        match error.kind() {
            ErrorKind::Msg(reports) => reports.split("\n\n").map(|report| self.reported(report)).collect(),
            ErrorKind::MissingParent { current, parent } => {
                let known = self.by_name.values().map(|layout| layout.path.trim_start_matches("_layouts/"));
                let diagnostic =
                    Diagnostic::new(Place::file(current), format!("extends `{parent}`, which is not there"));
                vec![diagnostic.hint_nearest(parent, known)]
            }
            ErrorKind::CircularExtend { tpl, .. } => {
                vec![Diagnostic::new(Place::file(tpl), "extends itself in the end")]
            }
            ErrorKind::CircularInclude { tpl, .. } => {
                vec![Diagnostic::new(Place::file(tpl), "includes itself in the end")]
            }
            _ => vec![self.diagnostic(error, "_layouts")],
        }
    }

    /// Reads a report that Tera gives as text only: `error: MESSAGE`, then ` --> FILE:LINE:COLUMN`.
    fn reported(&self, report: &str) -> Diagnostic {
        let message = report.lines().next().unwrap_or("").trim_start_matches("error: ");
        let place = report.lines().find_map(|line| line.trim().strip_prefix("--> ")).and_then(|place| {
            let (place, column) = place.rsplit_once(':')?;
            let (name, line) = place.rsplit_once(':')?;
            Some(self.place(name, Position { line: line.parse().ok()?, column: column.parse().ok()? }))
        });
        Diagnostic::new(place.unwrap_or_else(|| Place::file("_layouts")), lowercase_first(message))
    }

    fn place(&self, name: &str, position: Position) -> Place {
        let lines_above = self.lines_above.get(name).copied().unwrap_or(0);
        Place::new(name.trim_start_matches('/'), position.down(lines_above))
    }
}

fn new_tera(config: &Config) -> Tera {
    let mut tera = Tera::new();
    tera.set_fallback_prefixes(["_layouts/", "_includes/"]).expect("no template has been added");
    filters::register(&mut tera, config);
    tera
}

fn layout<'a>(path: &'a str, text: &'a str) -> Result<(Layout, Template<'a>), Vec<Diagnostic>> {
    let Some((yaml, body)) = front_matter::split(path, text) else {
        let layout = Layout { path: path.to_owned(), front: values::layout(&serde_yaml::Mapping::new()), parent: None };
        return Ok((layout, Template { name: path.to_owned(), text, lines_above: 0 }));
    };
    let mut fields = Fields::read(yaml).map_err(|fault| vec![fault])?;
    let parent = fields.text("layout").filter(|layout| layout != "none");
    let layout = Layout { path: path.to_owned(), front: values::layout(fields.mapping()), parent };
    let faults = fields.faults();
    if faults.is_empty() {
        Ok((layout, Template { name: path.to_owned(), text: body.text, lines_above: body.lines_above }))
    } else {
        Err(faults)
    }
}

fn include<'a>(path: &'a str, text: &'a str) -> Template<'a> {
    Template { name: path.to_owned(), text, lines_above: 0 }
}

fn page_template(path: &str) -> String {
    format!("/{path}")
}

/// Posts and pages whose layout is not there.
fn missing(layouts: &BTreeMap<String, Layout>, blog: &Blog<'_>) -> Vec<Diagnostic> {
    let fronts = blog.posts.iter().map(|post| &post.front).chain(blog.pages.iter().map(|page| &page.front));
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
        None => format!("add `_layouts/{name}.html`"),
    })
}

/// Layouts that stand in one that is not there, or in the end in themselves.
fn wrong_parents(layouts: &BTreeMap<String, Layout>, source: &Source) -> Vec<Diagnostic> {
    let place = |layout: &Layout| {
        let split = source.text(&layout.path).and_then(|text| front_matter::split(&layout.path, text));
        split.map_or_else(|| Place::file(&layout.path), |(yaml, _)| yaml.place(&["layout"]))
    };
    let fault = |(name, layout): (&String, &Layout)| {
        let parent = layout.parent.as_ref()?;
        if !layouts.contains_key(parent) {
            return Some(no_layout(parent, layouts, place(layout)));
        }
        let parents = std::iter::successors(Some(parent), |name| layouts.get(*name)?.parent.as_ref());
        let returns = parents.take(layouts.len()).any(|parent| parent == name);
        returns.then(|| Diagnostic::new(place(layout), format!("the layout `{name}` stands in itself in the end")))
    };
    layouts.iter().filter_map(fault).collect()
}

/// The fault in a template's own text. Bulk adding stops at the first; this finds that of each.
fn syntax_fault(template: &Template<'_>) -> Option<tera::Error> {
    let error = Tera::new().add_raw_template(&template.name, template.text).err()?;
    matches!(error.kind(), ErrorKind::SyntaxError(_)).then_some(error)
}

fn lowercase_first(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map(|first| first.to_lowercase().to_string() + letters.as_str()).unwrap_or_default()
}
