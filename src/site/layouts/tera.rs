//! Templates in Tera: layouts that extend and include one another, and pages.

mod limits;
mod reads;

use std::collections::{BTreeMap, BTreeSet};

use tera::{Context, ErrorKind, Tera};

use self::reads::Reads;
use super::Wanted;

use crate::config::Config;
use crate::config::TemplateLimits;
use crate::diagnostic::{Diagnostic, Place, Position};
use crate::liquid::Read;
use crate::post::Blog;
use crate::site::filters;
use crate::text::Located;
use crate::value::Value;

/// All templates of a site, known by their paths.
pub(super) struct Templates {
    tera: Tera,
    /// The number of lines above each template and its text as Tera sees it, by the name that Tera
    /// knows it by.
    known: BTreeMap<String, (usize, String)>,
    /// What each layout and page depends on, by path.
    reads: BTreeMap<String, Reads>,
    limits: TemplateLimits,
}

impl Templates {
    /// Parses layouts and pages, which must be valid, and includes, which must be valid only if a
    /// layout uses them.
    pub(super) fn new(
        config: &Config,
        blog: &Blog<'_>,
        layouts: &[Located<'_>],
        pages: &[Located<'_>],
        includes: &[Located<'_>],
    ) -> Result<Templates, Vec<Diagnostic>> {
        let all = [layouts, pages, includes].concat();
        let reads = layouts.iter().chain(pages);
        let of_all = |one: &Located<'_>| (one.path.to_owned(), Reads::of(one.path, &all, blog));
        let reads = reads.map(of_all).collect();
        // A leading slash keeps pages apart from layouts, which are looked up by bare names.
        let pages = pages.iter().map(|page| Named { name: page_name(page.path), ..named(page) });
        let needed: Vec<Named> = layouts.iter().map(named).chain(pages).collect();
        let optional: Vec<Named> = includes.iter().map(named).collect();
        let known = needed.iter().chain(&optional);
        let known = known
            .map(|named| (named.name.clone(), (named.lines_above, named.text.clone())))
            .collect();
        let mut tera = new_tera(config);
        // `_includes` holds both Liquid files, for bodies, and Tera files, for layouts. So a file
        // that is not valid Tera is skipped, and is an error only if a layout includes it.
        let (usable, broken): (Vec<_>, Vec<_>) =
            optional.into_iter().partition(|named| syntax_error(named).is_none());
        let all =
            needed.iter().chain(&usable).map(|named| (named.name.as_str(), named.text.as_str()));
        let limits = config.liquid.limits;
        let Err(error) = tera.add_raw_templates(all) else {
            return Ok(Templates { tera, known, reads, limits });
        };
        let templates = Templates { tera, known, reads, limits };
        let of_all = |named: &[Named]| -> Vec<Diagnostic> {
            named
                .iter()
                .filter_map(syntax_error)
                .map(|error| templates.diagnostic(&error, "_layouts"))
                .collect()
        };
        let mut errors = of_all(&needed);
        if errors.is_empty() {
            let known = layouts.iter().map(|layout| layout.path.trim_start_matches("_layouts/"));
            errors = templates.diagnostics(&error, known);
        }
        let missed =
            |named: &Named| error.to_string().contains(named.name.trim_start_matches("_includes/"));
        errors.extend(of_all(&broken.into_iter().filter(missed).collect::<Vec<_>>()));
        Err(errors)
    }

    /// Renders the layout at `path`.
    pub(super) fn layout(
        &self,
        path: &str,
        variables: &[(&'static str, Value)],
    ) -> Result<String, Diagnostic> {
        self.render(path, path, variables)
    }

    /// What the layout or page at `path` depends on.
    pub(super) fn reads(&self, path: &str) -> BTreeSet<Read> {
        self.reads.get(path).map(|known| known.reads.clone()).unwrap_or_default()
    }

    /// What the layout or page at `path` needs to see of documents.
    pub(super) fn wanted(&self, path: &str) -> Wanted {
        self.reads.get(path).map_or(Wanted::ALL, |known| known.wanted)
    }

    /// Renders the page at `path`.
    pub(super) fn page(
        &self,
        path: &str,
        variables: &[(&'static str, Value)],
    ) -> Result<String, Diagnostic> {
        self.render(&page_name(path), path, variables)
    }

    fn render(
        &self,
        name: &str,
        path: &str,
        variables: &[(&'static str, Value)],
    ) -> Result<String, Diagnostic> {
        let rendered = limits::render(&self.tera, name, &context(variables), self.limits);
        rendered.map_err(|error| self.diagnostic(&error, path))
    }

    /// Converts an error of Tera to a diagnostic; `path` is its place if the error does not name
    /// one.
    fn diagnostic(&self, error: &tera::Error, path: &str) -> Diagnostic {
        match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                let position = Position {
                    line: report.span().start_line,
                    column: report.span().start_col + 1,
                };
                let causes =
                    std::iter::successors(std::error::Error::source(error), |error| error.source());
                let message = causes.fold(lowercase_first(report.message()), |message, cause| {
                    format!("{message}: {}", lowercase_first(&cause.to_string()))
                });
                Diagnostic::new(self.place(report.filename(), position), message)
            }
            _ => Diagnostic::new(Place::file(path), lowercase_first(&error.to_string())),
        }
    }

    /// Converts an error from adding templates to diagnostics: it may report several.
    fn diagnostics<'k>(
        &self,
        error: &tera::Error,
        layouts: impl Iterator<Item = &'k str>,
    ) -> Vec<Diagnostic> {
        match error.kind() {
            ErrorKind::Msg(reports) => {
                reports.split("\n\n").map(|report| self.reported(report)).collect()
            }
            ErrorKind::MissingParent { current, parent } => {
                let diagnostic = Diagnostic::new(
                    Place::file(current),
                    format!("extends `{parent}`, which does not exist"),
                );
                vec![diagnostic.hint_nearest(parent, layouts)]
            }
            ErrorKind::CircularExtend { tpl, .. } => {
                vec![Diagnostic::new(
                    Place::file(tpl),
                    "extends itself, directly or through \
                                                        other templates",
                )]
            }
            ErrorKind::CircularInclude { tpl, .. } => {
                vec![Diagnostic::new(
                    Place::file(tpl),
                    "includes itself, directly or through \
                                                        other templates",
                )]
            }
            _ => vec![self.diagnostic(error, "_layouts")],
        }
    }

    /// Parses a report that Tera gives as text only: `error: MESSAGE`, then ` -->
    /// FILE:LINE:COLUMN`.
    fn reported(&self, report: &str) -> Diagnostic {
        let message = report.lines().next().unwrap_or("").trim_start_matches("error: ");
        let place =
            report.lines().find_map(|line| line.trim().strip_prefix("--> ")).and_then(|place| {
                let (place, column) = place.rsplit_once(':')?;
                let (name, line) = place.rsplit_once(':')?;
                Some(self.place(
                    name,
                    Position { line: line.parse().ok()?, column: column.parse().ok()? },
                ))
            });
        Diagnostic::new(place.unwrap_or_else(|| Place::file("_layouts")), lowercase_first(message))
    }

    fn place(&self, name: &str, position: Position) -> Place {
        let (lines_above, text) =
            self.known.get(name).map_or((0, ""), |(lines, text)| (*lines, text.as_str()));
        let line = text.lines().nth(position.line.saturating_sub(1)).unwrap_or("");
        let column = limits::column_before(line, position.column.saturating_sub(1)) + 1;
        Place::new(name.trim_start_matches('/'), Position { column, ..position }.down(lines_above))
    }
}

fn new_tera(config: &Config) -> Tera {
    let mut tera = Tera::new();
    tera.set_fallback_prefixes(["_layouts/", "_includes/"]).expect("no template has been added");
    filters::register(&mut tera, config);
    limits::register(&mut tera, config.liquid.limits);
    tera
}

/// A template with the name and the text that Tera knows it by.
struct Named {
    name: String,
    text: String,
    lines_above: usize,
}

fn named(template: &Located<'_>) -> Named {
    let text = limits::counting(template.text);
    Named { name: template.path.to_owned(), text, lines_above: template.lines_above }
}

fn page_name(path: &str) -> String {
    format!("/{path}")
}

fn context(variables: &[(&'static str, Value)]) -> Context {
    let mut context = Context::new();
    for (name, value) in variables {
        context.insert_value(*name, value.clone());
    }
    context
}

/// The syntax error in a template's own text. Adding many stops at the first error; this finds the
/// error of each.
fn syntax_error(named: &Named) -> Option<tera::Error> {
    let error = Tera::new().add_raw_template(&named.name, &named.text).err()?;
    matches!(error.kind(), ErrorKind::SyntaxError(_)).then_some(error)
}

fn lowercase_first(message: &str) -> String {
    let mut letters = message.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().to_string() + letters.as_str())
        .unwrap_or_default()
}
