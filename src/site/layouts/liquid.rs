//! Templates in Liquid, Jekyll's template language.

use std::collections::BTreeMap;

use super::Rendered;
use crate::diagnostic::Diagnostic;
use crate::liquid::{self, Environment, Read};
use crate::text::Located;
use crate::value::Value;

/// All templates of a site, by path, each parsed once.
pub(super) struct Templates<'a> {
    environment: &'a Environment<'a>,
    by_path: BTreeMap<&'a str, liquid::Template<'a>>,
}

impl<'a> Templates<'a> {
    /// Parses all templates and reports the errors of all.
    pub(super) fn new(
        templates: impl Iterator<Item = Located<'a>>,
        environment: &'a Environment<'a>,
    ) -> Result<Templates<'a>, Vec<Diagnostic>> {
        let template = |text: Located<'a>| (text.path, liquid::Template::new(text));
        let by_path: BTreeMap<&str, liquid::Template<'_>> = templates.map(template).collect();
        let errors: Vec<Diagnostic> =
            by_path.values().flat_map(|template| template.errors(environment)).collect();
        if errors.is_empty() { Ok(Templates { environment, by_path }) } else { Err(errors) }
    }

    /// Renders the layout or page at `path`.
    pub(super) fn render(
        &self,
        path: &str,
        variables: &[(&str, Value)],
    ) -> Result<Rendered, Vec<Diagnostic>> {
        let template =
            self.by_path.get(path).expect("all layouts and pages that are templates were read");
        let mut expanded = template.render(variables, self.environment)?;
        if !expanded.failed.is_empty() {
            return Err(std::mem::take(&mut expanded.failed));
        }
        let text = expanded.embeds.in_html(&expanded.text);
        let (files, needs, mut reads) = (expanded.files, expanded.needs, expanded.reads);
        reads.insert(Read::File(path.to_owned()));
        Ok(Rendered { text, files, needs, reads })
    }
}
