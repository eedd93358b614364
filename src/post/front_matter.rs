//! Front matter: the YAML above a body.

use std::ops::Deref;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_yaml::{Mapping, Value};
use tera::Map;
use tera::value::Key;

use crate::config::Config;
use crate::defaults;
use crate::diagnostic::{Diagnostic, Place};
use crate::fields::{Fields, scalar_text};
use crate::text::Located;
use crate::time::{DATE_FORMS, Date};
use crate::value;
use crate::yaml::Yaml;

/// The front matter of a file.
#[derive(Debug, Clone)]
pub struct FrontMatter<'a> {
    /// The YAML, for the places of errors found later.
    pub yaml: Yaml<'a>,
    /// Its keys. Shared with the [memo](super::Memo).
    pub keys: Arc<Keys>,
}

impl Deref for FrontMatter<'_> {
    type Target = Keys;

    fn deref(&self) -> &Keys {
        &self.keys
    }
}

/// The keys of front matter that labpress or its theme reads, and those of Jekyll's plugins that it
/// replaces.
pub const KEYS: [&str; 48] = [
    "author",
    "authors",
    "canonical_url",
    "categories",
    "category",
    "claims",
    "comments",
    "comments_id",
    "cross_post",
    "date",
    "description",
    "dir",
    "excerpt",
    "excerpt_separator",
    "feed",
    "hidden",
    "image",
    "keywords",
    "lang",
    "last_modified_at",
    "layout",
    "liquid",
    "locale",
    "math",
    "noindex",
    "order",
    "pagination",
    "permalink",
    "pin",
    "published",
    "redirect_from",
    "redirect_to",
    "ref",
    "render_with_liquid",
    "robots",
    "search",
    "series",
    "series_order",
    "share",
    "sitemap",
    "slug",
    "subtitle",
    "tag",
    "tags",
    "title",
    "toc",
    "unlisted",
    "weight",
];

/// Those that are true or false.
pub const SWITCHES: [&str; 11] = [
    "comments",
    "feed",
    "hidden",
    "math",
    "published",
    "render_with_liquid",
    "search",
    "share",
    "sitemap",
    "toc",
    "unlisted",
];

/// The keys in the front matter of a file, with the site's defaults applied.
#[derive(Debug, Clone)]
pub struct Keys {
    /// `layout`; `None` if there is none or it is `null` or `none`.
    pub layout: Option<String>,
    /// `title`.
    pub title: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `date`.
    pub date: Option<Date>,
    /// `slug`, which replaces the name of the file in the address.
    pub slug: Option<String>,
    /// `permalink`.
    pub permalink: Option<String>,
    /// `excerpt`.
    pub excerpt: Option<String>,
    /// `published`, by default true.
    pub published: bool,
    /// `unlisted`: whether a post has a page but is in no list, feed or sitemap.
    pub unlisted: bool,
    /// `last_modified_at`.
    pub modified: Option<Date>,
    /// `tag` or `tags`, without duplicates.
    pub tags: Vec<String>,
    /// The folders above the post, `categories` and `category`, without duplicates.
    pub categories: Vec<String>,
    /// `excerpt_separator`.
    pub excerpt_separator: Option<String>,
    /// `pin`: names of experiments, each with the pin whose results are shown. Empty if it is not a
    /// mapping: some themes use `pin: true` for posts that stay on top.
    pub pin: Vec<(String, String)>,
    /// All keys, as templates see them; `tags` and `categories` of documents are lists.
    pub values: Map,
}

/// What is known about a file before its front matter is read.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'s> {
    /// Its path; for documents, relative to the folder of all collections.
    pub path: &'s str,
    /// The values of `type` for defaults that apply to it: `posts`, `pages`, the name of a
    /// collection.
    pub kinds: &'s [&'s str],
    /// Whether it belongs to a collection, posts included; then it has tags, categories and a
    /// title.
    pub is_document: bool,
    /// The categories that come from its folders.
    pub categories: &'s [&'s str],
}

/// Splits a file into its front matter and its body. `None` if it has no front matter.
///
/// As in Jekyll, blank lines below the front matter are part of it.
pub fn split<'a>(path: &'a str, text: &'a str) -> Option<(Yaml<'a>, Located<'a>)> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next()?;
    if first.trim_end() != "---" {
        return None;
    }
    let (mut at, mut lines_above) = (first.len(), 1);
    while let Some(line) = lines.next() {
        lines_above += 1;
        if matches!(line.trim_end(), "---" | "...") {
            let yaml = Yaml::new(path, &text[first.len()..at], 1);
            let mut start = at + line.len();
            for blank in lines.take_while(|line| line.trim().is_empty() && line.ends_with('\n')) {
                start += blank.len();
                lines_above += 1;
            }
            return Some((yaml, Located { path, text: &text[start..], lines_above }));
        }
        at += line.len();
    }
    None
}

/// Reads the front matter of the file at `yaml.path`. Also returns the errors in single values,
/// which are left out.
pub fn read<'a>(
    yaml: Yaml<'a>,
    scope: Scope<'_>,
    config: &Config,
) -> Result<(FrontMatter<'a>, Vec<Diagnostic>), Diagnostic> {
    let mut fields = Fields::read_in(yaml.clone(), &config.zone)?;
    let defaults = defaults::of_file(&config.defaults, scope.path, scope.kinds);
    let own_categories = fields.value("categories").cloned();
    // Jekyll merges defaults into the front matter of documents, but for pages only looks up
    // missing keys in them.
    fields.add_defaults(&defaults, !scope.is_document);
    if scope.is_document {
        let categories = categories(&fields, scope.categories, &defaults, own_categories.as_ref());
        let tags = tags(&fields);
        fields.set("categories", categories.into_iter().map(Value::from).collect());
        fields.set("tags", Value::Sequence(tags));
    }
    let keys = Keys {
        layout: fields.text("layout").filter(|layout| layout != "none" && layout != "false"),
        title: unless_false(&mut fields, "title"),
        description: fields.text("description"),
        date: date(&mut fields, "date", &config.zone),
        slug: unless_false(&mut fields, "slug"),
        permalink: unless_false(&mut fields, "permalink").filter(|permalink| !permalink.is_empty()),
        excerpt: unless_false(&mut fields, "excerpt"),
        published: published(&mut fields),
        unlisted: fields.value("unlisted") == Some(&Value::Bool(true)),
        modified: modified(&mut fields, &config.zone),
        tags: each_once(fields.texts("tags", true).unwrap_or_default()),
        categories: fields.texts("categories", true).unwrap_or_default(),
        excerpt_separator: unless_false(&mut fields, "excerpt_separator"),
        pin: fields.named_texts("pin").unwrap_or_default(),
        values: value::map_of_yaml(fields.mapping()),
    };
    let errors = fields.take_errors();
    Ok((FrontMatter { yaml, keys: Arc::new(keys) }, errors))
}

/// The string at `key`; `false` is `None`.
fn unless_false(fields: &mut Fields<'_>, key: &str) -> Option<String> {
    if fields.value(key) == Some(&Value::Bool(false)) { None } else { fields.text(key) }
}

/// The key of the date of the last change.
const MODIFIED: &str = "last_modified_at";

/// The date at `last_modified_at`; `false` keeps that of commits away.
fn modified(fields: &mut Fields<'_>, zone: &TimeZone) -> Option<Date> {
    if fields.value(MODIFIED) == Some(&Value::Bool(false)) {
        None
    } else {
        date(fields, MODIFIED, zone)
    }
}

fn date(fields: &mut Fields<'_>, key: &str, zone: &TimeZone) -> Option<Date> {
    let text = fields.text(key)?;
    let date = Date::parse(&text, zone);
    if date.is_none() {
        fields.error(key, format!("`{text}` is not a date"), DATE_FORMS);
    }
    date
}

/// As in Jekyll, everything except `false` is published; a string that looks like `false` is an
/// error.
fn published(fields: &mut Fields<'_>) -> bool {
    match fields.value("published") {
        Some(Value::Bool(published)) => *published,
        Some(Value::String(text))
            if ["false", "no", "off"].contains(&text.trim().to_lowercase().as_str()) =>
        {
            let message = format!("`published` must be true or false, not the string `{text}`");
            fields.error("published", message, "write `published: false`");
            true
        }
        _ => true,
    }
}

/// The categories from folders, defaults, `categories` and `category`, without duplicates.
fn categories(
    fields: &Fields<'_>,
    of_folders: &[&str],
    defaults: &Mapping,
    own: Option<&Value>,
) -> Vec<String> {
    let mut found: Vec<String> = of_folders.iter().map(|folder| (*folder).to_owned()).collect();
    for given in [defaults.get("categories"), own, fields.value("category")].into_iter().enumerate()
    {
        match given {
            // `categories` is a list of words; `category` is one that may contain spaces.
            (0 | 1, Some(Value::String(words))) => {
                found.extend(words.split_whitespace().map(str::to_owned));
            }
            (_, Some(Value::Bool(false)) | None) => {}
            (_, Some(value)) => add_flat(&mut found, value),
        }
    }
    each_once(found)
}

/// The one at `tag`, or those at `tags`, which is a list or words. Numbers stay numbers.
fn tags(fields: &Fields<'_>) -> Vec<Value> {
    match fields.value("tag").filter(|tag| **tag != Value::Bool(false)) {
        Some(Value::Sequence(tags)) => tags.iter().filter(|tag| !tag.is_null()).cloned().collect(),
        Some(tag) => vec![tag.clone()],
        None => match fields.value("tags") {
            Some(Value::String(words)) => words.split_whitespace().map(Value::from).collect(),
            Some(Value::Sequence(tags)) => {
                tags.iter().filter(|tag| !tag.is_null()).cloned().collect()
            }
            _ => Vec::new(),
        },
    }
}

fn add_flat(found: &mut Vec<String>, value: &Value) {
    match value {
        Value::Sequence(items) => items.iter().for_each(|item| add_flat(found, item)),
        value => found.push(scalar_text(value)),
    }
}

fn each_once(texts: Vec<String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::with_capacity(texts.len());
    for text in texts {
        if !once.contains(&text) {
            once.push(text);
        }
    }
    once
}

impl<'a> FrontMatter<'a> {
    /// The same with a date of the last change, unless it has the key itself.
    #[must_use]
    pub(super) fn modified_by_default(mut self, date: Option<Date>) -> FrontMatter<'a> {
        if let Some(date) = date.filter(|_| self.value(MODIFIED).is_none()) {
            let keys = Arc::make_mut(&mut self.keys);
            value::set(&mut keys.values, MODIFIED, date.to_string());
            keys.modified = Some(date);
        }
        self
    }

    /// The same, last changed on this day if it says an earlier one or none.
    #[must_use]
    pub(super) fn modified_at_least(mut self, date: Option<&Date>) -> FrontMatter<'a> {
        let is_later = |date: &&Date| {
            self.modified.as_ref().is_none_or(|known| known.timestamp() < date.timestamp())
        };
        if let Some(date) = date.filter(is_later) {
            let keys = Arc::make_mut(&mut self.keys);
            value::set(&mut keys.values, MODIFIED, date.to_string());
            keys.modified = Some(date.clone());
        }
        self
    }

    /// The place of a key.
    pub fn place(&self, key: &str) -> Place {
        self.yaml.place(&[key])
    }
}

impl Keys {
    /// The value at `key`.
    pub fn value(&self, key: &'static str) -> Option<&value::Value> {
        self.values.get(&Key::Str(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_split(text: &str, yaml: &str, body: &str, lines_above: usize) {
        let (found, rest) = split("a.md", text).expect("it has front matter");
        assert_eq!((found.text, rest.text, rest.lines_above), (yaml, body, lines_above));
    }

    #[test]
    fn blank_lines_below_the_front_matter_are_part_of_it() {
        check_split("---\na: 1\n---\n\n \n  b\n\nc", "a: 1\n", "  b\n\nc", 5);
        check_split("---  \n---\t\nb", "", "b", 2);
        check_split("---\na: 1\n...\nb", "a: 1\n", "b", 3);
        check_split("---\na: 1\n---", "a: 1\n", "", 3);
        assert!(split("a.md", "----\na: 1\n---\n").is_none());
        assert!(split("a.md", "---\na: 1\n").is_none());
    }

    #[track_caller]
    fn check_words(yaml: &str, config: &str, categories: &str, tags: &str) {
        let scope = Scope {
            path: "x/_posts/a.md",
            kinds: &["posts"],
            is_document: true,
            categories: &["x"],
        };
        let config = Config::for_tests(config);
        let (front, errors) = read(Yaml::file("a.md", yaml), scope, &config).expect("it is YAML");
        assert_eq!(errors, []);
        let json = |key| value::json(front.value(key).expect("it is there"));
        assert_eq!((json("categories").as_str(), json("tags").as_str()), (categories, tags));
    }

    #[test]
    fn categories_are_merged_and_tags_are_not() {
        check_words("categories: a b\ncategory: c d\n", "", r#"["x","a","b","c d"]"#, "[]");
        check_words("categories: [a b, a b, [2]]\n", "", r#"["x","a b","2"]"#, "[]");
        check_words("tags: a b\n", "", r#"["x"]"#, r#"["a","b"]"#);
        check_words("tags: [a b, 2020, ~]\n", "", r#"["x"]"#, r#"["a b",2020]"#);
        check_words("tag: a b\ntags: c\n", "", r#"["x"]"#, r#"["a b"]"#);
        let config = "defaults: [{scope: {path: ''}, values: {categories: [z], tags: y}}]";
        check_words("categories: [a]\n", config, r#"["x","z","a"]"#, r#"["y"]"#);
    }
}
