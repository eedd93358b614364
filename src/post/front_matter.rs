//! Front matter: the YAML above a body.

use jiff::tz::TimeZone;
use tera::Map;
use tera::value::Key;

use super::date::{DATE_FORMS, Date};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place};
use crate::fields::Fields;
use crate::liquid::Body;
use crate::value;
use crate::yaml::Yaml;

/// What a file says about itself above its body, with the defaults of the site.
#[derive(Debug, Clone)]
pub struct FrontMatter<'a> {
    /// The YAML, for places of faults found later.
    pub yaml: Yaml<'a>,
    /// `layout`; `None` if there is none or it is `null` or `none`.
    pub layout: Option<String>,
    /// `title`.
    pub title: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `date`.
    pub date: Option<Date>,
    /// `slug`, which stands for the name of the file in the address.
    pub slug: Option<String>,
    /// `permalink`.
    pub permalink: Option<String>,
    /// `excerpt`.
    pub excerpt: Option<String>,
    /// `published`, true if not given.
    pub published: bool,
    /// `tags` and `tag`, each once.
    pub tags: Vec<String>,
    /// `categories` and `category`, each once.
    pub categories: Vec<String>,
    /// `pin`: experiments by name, each with the pin whose results are shown. Empty if it is no mapping: themes have
    /// their own `pin: true`, for posts that stay on top.
    pub pin: Vec<(String, String)>,
    /// All keys, as templates see them.
    pub values: Map,
}

/// Splits a file into its front matter and its body. `None` if it has no front matter.
pub fn split<'a>(path: &'a str, text: &'a str) -> Option<(Yaml<'a>, Body<'a>)> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next()?;
    if first.trim_end() != "---" {
        return None;
    }
    let (mut at, mut lines_above) = (first.len(), 1);
    for line in lines {
        lines_above += 1;
        if matches!(line.trim_end(), "---" | "...") {
            let yaml = Yaml { path, text: &text[first.len()..at], lines_above: 1 };
            return Some((yaml, Body { path, text: &text[at + line.len()..], lines_above }));
        }
        at += line.len();
    }
    None
}

/// Reads the front matter of the file at `yaml.path`, which is of a `kind` (`posts`, `pages`, `drafts`).
pub fn read<'a>(yaml: Yaml<'a>, kind: &str, config: &Config) -> Result<FrontMatter<'a>, Vec<Diagnostic>> {
    let mut fields = Fields::read(yaml).map_err(|fault| vec![fault])?;
    fields.add_missing(
        config
            .defaults
            .iter()
            .rev()
            .filter(|defaults| {
                let is_inside = defaults.path.is_empty()
                    || yaml.path == defaults.path
                    || yaml.path.strip_prefix(defaults.path.as_str()).is_some_and(|rest| rest.starts_with('/'));
                is_inside && defaults.kind.as_deref().is_none_or(|wanted| wanted == kind)
            })
            .map(|defaults| &defaults.values),
    );
    let front = FrontMatter {
        yaml,
        layout: fields.text("layout").filter(|layout| layout != "none"),
        title: fields.text("title"),
        description: fields.text("description"),
        date: date(&mut fields, &config.zone),
        slug: fields.text("slug"),
        permalink: fields.text("permalink"),
        excerpt: fields.text("excerpt"),
        published: fields.bool("published").unwrap_or(true),
        tags: words(&mut fields, "tag", "tags"),
        categories: words(&mut fields, "category", "categories"),
        pin: fields.named_texts("pin").unwrap_or_default(),
        values: value::map_of_yaml(fields.mapping()),
    };
    let faults = fields.faults();
    if faults.is_empty() { Ok(front) } else { Err(faults) }
}

fn date(fields: &mut Fields<'_>, zone: &TimeZone) -> Option<Date> {
    let text = fields.text("date")?;
    let date = Date::parse(&text, zone);
    if date.is_none() {
        fields.fault("date", format!("`{text}` is not a date"), DATE_FORMS);
    }
    date
}

/// The one at `singular`, as it is, and those at `plural`, a list or words; each once.
fn words(fields: &mut Fields<'_>, singular: &str, plural: &str) -> Vec<String> {
    let one = fields.texts(singular, false).unwrap_or_default();
    let many = fields.texts(plural, true).unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    for word in one.into_iter().chain(many) {
        if !word.trim().is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

impl FrontMatter<'_> {
    /// Where a key stands.
    pub fn place(&self, key: &str) -> Place {
        self.yaml.place(&[key])
    }

    /// The value at `key`.
    pub fn value(&self, key: &'static str) -> Option<&value::Value> {
        self.values.get(&Key::Str(key))
    }
}
