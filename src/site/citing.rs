//! What connects pages to the bibliography: the site's files, and the tags `cite` and `ref`.

use std::sync::Arc;

use crate::config::{self, Config};
use crate::diagnostic::{Diagnostic, Place};
use crate::inputs::Inputs;
use crate::liquid::{Call, Expanded, Tag};
use crate::markdown::citation::{Bibliography, DEFAULT_STYLE, StyleSource};
use crate::roles::Role;

/// The bibliography of a site; `None` if it has none.
pub(super) fn bibliography(inputs: &Inputs, config: &Config) -> Option<Arc<Bibliography>> {
    if !config.compat.extends_markdown {
        return None;
    }
    let style = config.citation_style.as_deref().unwrap_or(DEFAULT_STYLE);
    let named = |path: &str| match &config.bibliography {
        Some(named) => named.iter().any(|named| named == path),
        None => true,
    };
    let files = inputs.of(Role::Bibliography).filter(|(path, _)| *path != style && named(path));
    let files: Vec<(String, String)> =
        files.map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    if files.is_empty() {
        return None;
    }
    let style = match inputs.text(style) {
        Some(text) => StyleSource::File(style.to_owned(), text.to_owned()),
        None => StyleSource::Named(style.to_owned()),
    };
    Some(Arc::new(Bibliography::new(files, style)))
}

/// An error for each file of `bibliography` that does not exist.
pub(super) fn missing(inputs: &Inputs, config: &Config) -> Vec<Diagnostic> {
    let named = config.bibliography.iter().flatten().filter(|_| config.compat.extends_markdown);
    let missing = named.filter(|path| inputs.text(path).is_none());
    let error = |path: &String| {
        let place = Config::place(inputs.text(config::PATH), "bibliography");
        Diagnostic::new(place, format!("there is no file `{path}`"))
            .hint("write `bibliography: references.bib`, a path from the root of the site")
    };
    missing.map(error).collect()
}

/// The names of the tags.
pub(super) const TAGS: [&str; 3] = ["cite", "cite_this", "ref"];

/// `{% cite key %}` and `{% ref fig:curves %}`, which are the same as `[@key]` and `[@fig:curves]`;
/// `{% cite_this %}`, how to cite the page itself.
pub(super) struct CitingTags<'c> {
    pub(super) config: &'c Config,
}

impl Tag for CitingTags<'_> {
    fn render(&self, call: &Call<'_, '_>, _expanded: &mut Expanded) -> Result<String, Diagnostic> {
        if call.name == "cite_this" {
            return Ok(self.of_page(call));
        }
        let (keys, locator) = match call.arguments.split_once("--locator") {
            Some((keys, locator)) => (keys, locator.trim().trim_matches('"')),
            None => (call.arguments, ""),
        };
        let is_separator = |c: char| c.is_whitespace() || matches!(c, ',' | '"');
        let keys: Vec<&str> = keys.split(is_separator).filter(|key| !key.is_empty()).collect();
        if keys.is_empty() {
            let example = if call.name == "ref" { "fig:curves" } else { "vaswani2017" };
            let place: Place = call.place.clone();
            return Err(Diagnostic::new(place, format!("`{}` names nothing", call.name))
                .hint(format!("write `{{% {} {example} %}}`", call.name)));
        }
        if call.name == "ref" {
            return Ok(keys.iter().map(|key| format!("[@{key}]")).collect::<Vec<_>>().join(", "));
        }
        let locator = if locator.is_empty() { String::new() } else { format!(", {locator}") };
        let cited: Vec<String> = keys.iter().map(|key| format!("@{key}")).collect();
        Ok(format!("[{}{locator}]", cited.join("; ")))
    }
}

impl CitingTags<'_> {
    /// A block of BibTeX for the page.
    fn of_page(&self, call: &Call<'_, '_>) -> String {
        let page = (call.variable)("page");
        let text = |key: &str| {
            let value = crate::value::entry(&page, key)?;
            let name = crate::value::entry(value, "name").unwrap_or(value);
            Some(crate::value::as_text(name)).filter(|text| !text.is_empty())
        };
        let author = text("author")
            .or_else(|| self.config.author())
            .unwrap_or_else(|| self.config.title.clone());
        let title = text("title").unwrap_or_default();
        let year: String = text("date").unwrap_or_default().chars().take(4).collect();
        let url = text("url").unwrap_or_default();
        let url = crate::url::absolute_url(&self.config.url, &self.config.base_url, &url);
        let word = |text: &str| {
            let word = text.split_whitespace().find(|word| word.chars().count() > 3);
            word.unwrap_or(text)
                .to_lowercase()
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .collect::<String>()
        };
        let family = author.rsplit(' ').next().unwrap_or_default();
        let family: String =
            family.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        format!(
            "\n\n```bibtex\n@misc{{{family}{year}{word},\n  author = {{{author}}},\n  title = {{{{{title}}}}},\n  \
             year = {{{year}}},\n  url = {{{url}}}\n}}\n```\n\n",
            word = word(&title),
        )
    }
}
