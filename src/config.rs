//! Reads `_config.yml`: Jekyll's keys and our own, checked by type.
//!
//! As in Jekyll, an unknown key is not an error: templates see it as `site.KEY`.

use jiff::tz::TimeZone;
use tera::Map;

use crate::compat::Compat;
use crate::defaults::{self, Defaults};
use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Place, listed};
use crate::fields::Fields;
use crate::markdown::{Dialect, Math};
use crate::path;
use crate::permalink::{collection_pattern, post_pattern};
use crate::roles::{self, Roles};
use crate::rule::Rule;
use crate::url::has_scheme;
use crate::value::{self, as_text, entry, is_nil};
use crate::yaml::Yaml;

/// The path of the configuration.
pub const PATH: &str = roles::CONFIG;

/// The checked configuration.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in `_config.yml`")]
pub struct Config {
    /// The site's name.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Scheme and host, without a slash at the end: `https://example.org`. Empty if not given.
    pub url: String,
    /// The site's folder on the host: empty, or with a slash at the start and none at the end.
    pub base_url: String,
    /// The language of the site, as an HTML language code.
    pub language: String,
    /// The pattern of addresses: the name of a style, or a template such as `/:year/:title/`.
    pub permalink: String,
    /// The pattern of the addresses of posts.
    pub post_permalink: String,
    /// How many posts each page of the index has; `None` if it is not split.
    pub paginate: Option<usize>,
    /// The address of the second and later pages of the index, with `:num`.
    pub paginate_path: String,
    /// The time zone of dates.
    pub zone: TimeZone,
    /// The folder that the site is written to, relative to the site's root; empty for the root
    /// itself.
    pub destination: String,
    /// Whether posts from the future are shown.
    pub future: bool,
    /// Whether posts with `published: false` are shown.
    pub unpublished: bool,
    /// Whether drafts are shown.
    pub show_drafts: bool,
    /// Where labpress and Jekyll differ.
    pub compat: &'static Compat,
    /// The Markdown of posts and pages.
    pub markdown: Dialect,
    /// The options of the dialect kramdown.
    pub kramdown: kramdown::Options,
    /// How formulas are written.
    pub math: Math,
    /// The files of the bibliography; `None` for all BibTeX files in `_data`.
    pub bibliography: Option<Vec<String>>,
    /// The style of citations: a name, or the path of a `.csl` file.
    pub citation_style: Option<String>,
    /// Whether code is highlighted.
    pub highlight: bool,
    /// The options of Liquid.
    pub liquid: LiquidOptions,
    /// How much time and memory the compiler of style sheets may use.
    pub sass_limits: SassLimits,
    /// What ends the excerpt of a post.
    pub excerpt_separator: String,
    /// How many posts the feed contains.
    pub feed_limit: usize,
    /// Which feeds there are.
    pub feeds: Feeds,
    /// Whether each post has a picture for where it is shared.
    pub social_cards: bool,
    /// Whether each post is also published as Markdown.
    pub markdown_pages: bool,
    /// Whether `[[Title]]` is a link.
    pub wikilinks: bool,
    /// Whether pages know which others link to them.
    pub backlinks: bool,
    /// Whether commits say when a post was last changed, unless its front matter does.
    pub dates_from_git: bool,
    /// The file of the site that draws diagrams, Mermaid.
    pub mermaid: Option<String>,
    /// Whether there is an `llms.txt`.
    pub llms_txt: bool,
    /// Whether there is a search page, if there is a layout for it.
    pub search: bool,
    /// How pictures in pages are published.
    pub images: Images,
    /// Fonts of the site for the pictures that labpress draws, by path: for letters that its own
    /// fonts lack.
    pub picture_fonts: Vec<String>,
    /// The options of `labpress check`.
    pub check: CheckOptions,
    /// Where `labpress publish` publishes the site.
    pub publish: Publish,
    /// Default front matter for posts and pages.
    pub defaults: Vec<Defaults>,
    /// The collections except the posts, in order of name.
    pub collections: Vec<CollectionSettings>,
    /// How many of the newest posts are built; `None` for all.
    pub limit_posts: Option<usize>,
    /// Paths in the destination that a build does not remove.
    pub keep_files: Vec<String>,
    /// The rules that decide what each file is for.
    pub roles: Roles,
    /// Problems that do not prevent the build.
    pub warnings: Vec<Diagnostic>,
    /// All keys as templates see them under `site`.
    pub values: Map,
}

/// `feed` in `_config.yml`: `false`, or a mapping with a switch for each kind of feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feeds {
    /// Whether there are any.
    pub is_on: bool,
    /// Whether there is a JSON Feed beside Atom.
    pub json: bool,
    /// The kinds of groups without feeds: `tags`, `authors`.
    off: Vec<String>,
}

impl Feeds {
    /// Whether the groups of a kind have feeds, by the name of their folder. Languages always have.
    pub(crate) fn is_on_for(&self, kind: &str) -> bool {
        !self.off.iter().any(|off| off == kind)
    }
}

/// `images` in `_config.yml`: a switch, or a mapping of options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Whether pages get other sizes of pictures, and pictures lose the notes of their cameras.
    pub is_on: bool,
    /// The widths of the other sizes in pixels.
    pub widths: Vec<u32>,
    /// The quality of JPEG files, from 1 to 100.
    pub quality: u8,
    /// How wide pictures are in pages, as the attribute `sizes` says it; `None` for the default.
    pub sizes: Option<String>,
}

/// `check` in `_config.yml`: what `labpress check` leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOptions {
    /// Rules that are not applied.
    pub skip: Vec<Rule>,
    /// Patterns of files of the built site in which nothing is reported, and of addresses on other
    /// sites that are not followed.
    pub ignore: Vec<String>,
    /// How many characters a line of code may have.
    pub line_length: usize,
}

/// `publish` in `_config.yml`: a branch, a folder, or a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publish {
    /// The name of a branch.
    pub branch: Option<String>,
    /// The remote repository that has the branch.
    pub remote: Option<String>,
    /// A folder, relative to the site's.
    pub folder: Option<String>,
    /// The address of a bucket.
    pub bucket: Option<String>,
}

/// `liquid` in `_config.yml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiquidOptions {
    /// Whether an unknown filter is an error; otherwise it returns its input.
    pub strict_filters: bool,
    /// Whether an unknown variable is an error; otherwise it is empty.
    pub strict_variables: bool,
    /// Whether Liquid also works in code and formulas; in kramdown it always does, as in Jekyll.
    pub code: bool,
    /// The files in `_includes` that replace tags of plugins, by tag name.
    pub tags: BTreeMap<String, String>,
    /// The limits of each template.
    pub limits: TemplateLimits,
}

/// The limits of one body or layout, in Liquid and in Tera: `limits` in `_config.yml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateLimits {
    /// How many steps it may take. A node is one step, and so are some items or bytes that a filter
    /// processes. A page that lists every post under each of its tags takes a few million.
    pub steps: usize,
    /// How many bytes it may write, and how many its variables may hold.
    pub bytes: usize,
}

impl Default for TemplateLimits {
    fn default() -> TemplateLimits {
        TemplateLimits { steps: 10_000_000, bytes: 64 << 20 }
    }
}

impl TemplateLimits {
    /// The number of bytes in readable form.
    pub(crate) fn shown_bytes(self) -> String {
        if self.bytes >= 1 << 20 {
            format!("{} MiB", self.bytes >> 20)
        } else {
            format!("{} bytes", self.bytes)
        }
    }
}

/// How much time and memory a style sheet in Sass may use: `sass-seconds` and `sass-bytes` in
/// `limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SassLimits {
    /// Seconds of processor time.
    pub seconds: u64,
    /// Bytes of memory.
    pub bytes: u64,
}

impl Default for SassLimits {
    fn default() -> SassLimits {
        SassLimits { seconds: 30, bytes: 1 << 30 }
    }
}

/// A collection in the configuration.
#[derive(Debug, Clone)]
pub struct CollectionSettings {
    /// Its name; its files are in the folder `_NAME`.
    pub label: String,
    /// Whether its documents become pages.
    pub output: bool,
    /// The pattern of the addresses of its documents.
    pub permalink: String,
    /// The key of the front matter that its documents are ordered by.
    pub sort_by: Option<String>,
    /// Paths, relative to its folder, of documents that come first, in this order.
    pub order: Vec<String>,
    /// All keys as templates see them.
    pub values: Map,
}

/// Reads the content of `_config.yml`; without it, every key has its default. Also returns the
/// errors; a key with an error is ignored.
pub fn read(text: Option<&str>) -> (Config, Vec<Diagnostic>) {
    let (mut fields, unreadable) = match Fields::read(Yaml::file(PATH, text.unwrap_or(""))) {
        Ok(fields) => (fields, None),
        Err(error) => (Fields::empty(PATH), Some(error)),
    };
    let permalink = fields.text("permalink").unwrap_or_else(|| "date".to_owned());
    let compat = compat(&mut fields);
    let roles = Roles::of(fields.mapping(), compat);
    let (template_limits, sass_limits) = limits(&mut fields);
    let mut config = Config {
        title: fields.text("title").unwrap_or_default(),
        description: fields.text("description").unwrap_or_default(),
        url: url(&mut fields),
        base_url: base_url(&fields.text("baseurl").unwrap_or_default()),
        language: fields.text("lang").unwrap_or_else(|| "en".to_owned()),
        post_permalink: post_permalink(&fields, &permalink),
        collections: collections(&fields, &permalink, &roles),
        permalink,
        paginate: fields.count("paginate").filter(|&count| count > 0),
        paginate_path: paginate_path(&mut fields, compat.paginate_path),
        zone: zone(&mut fields),
        destination: destination(&mut fields, compat.destination),
        future: fields.bool("future").unwrap_or(false),
        unpublished: fields.bool("unpublished").unwrap_or(false),
        show_drafts: fields.bool("show_drafts").unwrap_or(false),
        compat,
        markdown: dialect(&mut fields),
        kramdown: kramdown_options(&fields),
        math: math(&mut fields, compat),
        bibliography: fields
            .texts("bibliography", false)
            .map(|paths| paths.iter().map(|path| path::plain(path)).collect()),
        citation_style: fields.text("citation_style"),
        highlight: fields.bool("highlight").unwrap_or(true),
        liquid: LiquidOptions { limits: template_limits, ..liquid_options(&mut fields) },
        sass_limits,
        excerpt_separator: fields.text("excerpt_separator").unwrap_or_else(|| "\n\n".to_owned()),
        feed_limit: fields.count("feed_limit").unwrap_or(20),
        feeds: feeds(&mut fields, compat),
        social_cards: fields.bool("social_cards").unwrap_or(false),
        markdown_pages: fields.bool("markdown_pages").unwrap_or(false),
        wikilinks: compat.extends_markdown && fields.bool("wikilinks").unwrap_or(false),
        backlinks: compat.extends_markdown && fields.bool("backlinks").unwrap_or(false),
        mermaid: mermaid(&mut fields, compat),
        dates_from_git: dates_from_git(&mut fields),
        llms_txt: fields.bool("llms_txt").unwrap_or(false),
        search: fields.value("search").and_then(serde_yaml::Value::as_bool).unwrap_or(true),
        images: images(&mut fields, compat),
        picture_fonts: fields.texts("picture_fonts", false).unwrap_or_default(),
        check: check_options(&mut fields),
        publish: publish(&mut fields),
        defaults: defaults::read(&mut fields),
        limit_posts: fields.count("limit_posts").filter(|&count| count > 0),
        keep_files: fields.texts("keep_files", false).unwrap_or_default(),
        roles,
        warnings: Vec::new(),
        values: value::map_of_yaml(fields.mapping()),
    };
    if compat.generates_pages {
        check_comments(&mut fields);
        check_analytics(&mut fields);
    }
    for key in ["exclude", "include"] {
        fields.texts(key, false);
    }
    let errors = fields.errors();
    if let Some(error) = unreadable {
        return (config, vec![error]);
    }
    if config.compat.is_lenient {
        config.warnings = errors.into_iter().map(Diagnostic::into_warning).collect();
        return (config, Vec::new());
    }
    (config, errors)
}

/// The keys of `check`.
const CHECK: [&str; 3] = ["skip", "ignore", "line_length"];

fn check_options(fields: &mut Fields<'_>) -> CheckOptions {
    let mut check = CheckOptions { skip: Vec::new(), ignore: Vec::new(), line_length: 100 };
    let given = fields.value("check").and_then(|given| given.as_mapping().cloned());
    let example = "write `check: {skip: [orphan], ignore: [\"old/*\"], line_length: 100}`";
    for (key, value) in given.into_iter().flatten() {
        let key = key.as_str().unwrap_or_default();
        let texts = || -> Option<Vec<String>> {
            value.as_sequence()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let read = match key {
            "skip" => texts()
                .and_then(|names| names.iter().map(|name| Rule::named(name)).collect())
                .map(|rules| check.skip = rules),
            "ignore" => texts()
                .filter(|patterns| patterns.iter().all(|one| globset::Glob::new(one).is_ok()))
                .map(|patterns| check.ignore = patterns),
            "line_length" => value
                .as_u64()
                .and_then(|length| usize::try_from(length).ok())
                .filter(|length| *length > 0)
                .map(|length| check.line_length = length),
            _ => {
                let message = format!("unknown option `{key}`; expected one of {}", listed(CHECK));
                fields.error("check", message, example);
                continue;
            }
        };
        if read.is_none() {
            let rules = Rule::ALL.map(Rule::name);
            let message = match key {
                "skip" => format!("`skip` must be a list of {}", listed(rules)),
                _ => format!("invalid value of `{key}`"),
            };
            fields.error("check", message, example);
        }
    }
    check
}

fn publish(fields: &mut Fields<'_>) -> Publish {
    let mut publish = Publish::default();
    // A theme may have a key of this name that is not a mapping.
    let given = fields.value("publish").and_then(|given| given.as_mapping().cloned());
    let example = "write `publish: {branch: gh-pages, remote: origin}`, `publish: {folder: DIR}`, or \
         `publish: {bucket: s3://BUCKET}`";
    for (key, value) in given.into_iter().flatten() {
        let key = key.as_str().unwrap_or_default();
        let field = match key {
            "branch" => &mut publish.branch,
            "remote" => &mut publish.remote,
            "folder" => &mut publish.folder,
            "bucket" => &mut publish.bucket,
            _ => {
                let known = listed(["branch", "remote", "folder", "bucket"]);
                let message = format!("unknown option `{key}`; expected one of {known}");
                fields.error("publish", message, example);
                continue;
            }
        };
        *field = value.as_str().map(str::to_owned);
        if field.is_none() {
            fields.error("publish", format!("`{key}` must be a string"), example);
        }
    }
    let places = [&publish.branch, &publish.folder, &publish.bucket];
    if places.iter().filter(|place| place.is_some()).count() > 1 {
        fields.error("publish", "names more than one place", example);
    }
    publish
}

/// The path at `mermaid`. A theme of a blog from Jekyll may have a key of this name.
fn mermaid(fields: &mut Fields<'_>, compat: &Compat) -> Option<String> {
    if !compat.generates_pages || fields.value("mermaid") == Some(&serde_yaml::Value::Bool(false)) {
        return None;
    }
    let path = fields.text("mermaid")?;
    if has_scheme(&path) || path == "true" {
        let hint = "save `mermaid.min.js` of the npm package `mermaid` in the site, and write `mermaid: \
                    /assets/mermaid.min.js`";
        fields.error("mermaid", "`mermaid` must be a file of the site", hint);
        return None;
    }
    Some(path)
}

fn dates_from_git(fields: &mut Fields<'_>) -> bool {
    let key = "last_modified_at";
    match fields.value(key).cloned() {
        Some(serde_yaml::Value::String(text)) if text == "git" => true,
        None | Some(serde_yaml::Value::Null | serde_yaml::Value::Bool(false)) => false,
        Some(_) => {
            let hint =
                "write `last_modified_at: git`, or set the key in the front matter of a post";
            fields.error(key, "the only value of `last_modified_at` is `git`", hint);
            false
        }
    }
}

/// The keys of `images`.
const IMAGES: [&str; 3] = ["widths", "quality", "sizes"];

fn images(fields: &mut Fields<'_>, compat: &Compat) -> Images {
    let given = fields.value("images").cloned().unwrap_or_default();
    let mut images = Images {
        is_on: given.as_bool().unwrap_or(compat.generates_pages),
        widths: vec![480, 800, 1200, 1600],
        quality: 80,
        sizes: None,
    };
    let options = given.as_mapping().into_iter().flatten();
    // A theme may have a key of this name.
    if given.as_bool().is_none() && !given.is_mapping() || !compat.generates_pages {
        return images;
    }
    let example =
        "write `images: {widths: [480, 960], quality: 80, sizes: 100vw}`, or `images: false`";
    for (key, value) in options {
        let key = key.as_str().unwrap_or_default();
        let number = |value: &serde_yaml::Value| value.as_u64().filter(|&number| number > 0);
        let error = match key {
            "widths" => {
                let widths = value.as_sequence().map(|widths| {
                    widths.iter().map(|width| u32::try_from(number(width)?).ok()).collect()
                });
                widths.flatten().map(|widths| images.widths = widths)
            }
            "quality" => {
                let quality = number(value).filter(|&quality| quality <= 100);
                quality.and_then(|one| u8::try_from(one).ok()).map(|one| images.quality = one)
            }
            "sizes" => value.as_str().map(|sizes| images.sizes = Some(sizes.to_owned())),
            _ => {
                let message = format!("unknown option `{key}`; expected one of {}", listed(IMAGES));
                fields.error("images", message, example);
                continue;
            }
        };
        if error.is_none() {
            fields.error("images", format!("invalid value of `{key}`"), example);
        }
    }
    images
}

/// The providers of comments, each with the keys that it needs.
const COMMENTS: [(&str, &[&str]); 4] = [
    ("giscus", &["repo", "repo_id", "category", "category_id"]),
    ("utterances", &["repo"]),
    ("disqus", &["shortname"]),
    ("mastodon", &["host"]),
];

/// Checks `comments`, which the theme reads: a provider with what it needs.
fn check_comments(fields: &mut Fields<'_>) {
    let Some(given) = fields.value("comments").cloned() else { return };
    if given.as_bool() == Some(false) || given.is_null() {
        return;
    }
    let names = COMMENTS.map(|(name, _)| name);
    let provider = given.get("provider").and_then(serde_yaml::Value::as_str).unwrap_or_default();
    let Some((_, needed)) = COMMENTS.iter().find(|(name, _)| *name == provider) else {
        let message = format!("`comments` needs a `provider`, one of {}", listed(names));
        fields.error(
            "comments",
            message,
            "write `comments: {provider: utterances, repo: OWNER/NAME}`",
        );
        return;
    };
    for key in needed.iter().filter(|key| given.get(**key).is_none()) {
        let message = format!("comments by {provider} need the key `{key}`");
        fields.error("comments", message, format!("add `{key}:` below `comments`"));
    }
}

/// The services in `analytics`.
const ANALYTICS: [&str; 3] = ["plausible", "goatcounter", "umami"];

/// Checks `analytics`, which the theme reads: a service with the name of the site there.
fn check_analytics(fields: &mut Fields<'_>) {
    let Some(given) = fields.value("analytics").cloned() else { return };
    if given.as_bool() == Some(false) || given.is_null() {
        return;
    }
    let is_known =
        |key: &serde_yaml::Value| ANALYTICS.iter().any(|name| key.as_str() == Some(name));
    let services = given.as_mapping().filter(|services| services.len() == 1);
    if !services.is_some_and(|services| services.keys().all(is_known)) {
        let message = format!("`analytics` must name one of {}", listed(ANALYTICS));
        fields.error("analytics", message, "write `analytics: {plausible: example.org}`");
    }
}

/// The kinds of feeds that `feed` can switch off.
const FEEDS: [&str; 5] = ["json", "tags", "categories", "authors", "series"];

fn feeds(fields: &mut Fields<'_>, compat: &Compat) -> Feeds {
    let given = fields.value("feed").cloned().unwrap_or_default();
    let mut feeds = Feeds { is_on: given.as_bool() != Some(false), json: true, off: Vec::new() };
    // In a blog from Jekyll, these are the options of a plugin.
    if !compat.generates_pages {
        return feeds;
    }
    let example = "write `feed: {json: false, tags: false}`";
    for (key, value) in given.as_mapping().into_iter().flatten() {
        let key = key.as_str().unwrap_or_default();
        match value.as_bool() {
            _ if !FEEDS.contains(&key) => {
                let message =
                    format!("unknown kind of feed `{key}`; expected one of {}", listed(FEEDS));
                fields.error("feed", message, example);
            }
            None => fields.error("feed", format!("`{key}` must be true or false"), example),
            Some(true) => {}
            Some(false) if key == "json" => feeds.json = false,
            Some(false) => feeds.off.push(key.to_owned()),
        }
    }
    feeds
}

fn post_permalink(fields: &Fields<'_>, permalink: &str) -> String {
    let of_collection = fields
        .value("collections")
        .and_then(|collections| collections.get("posts")?.get("permalink"));
    let own = of_collection.and_then(serde_yaml::Value::as_str);
    own.unwrap_or_else(|| post_pattern(permalink)).to_owned()
}

fn collections(fields: &Fields<'_>, permalink: &str, roles: &Roles) -> Vec<CollectionSettings> {
    let settings = |label: &str| {
        let given = fields.value("collections").and_then(|collections| collections.get(label));
        let text = |key: &str| given.and_then(|given| given.get(key)?.as_str().map(str::to_owned));
        let order = given.and_then(|given| given.get("order")?.as_sequence());
        CollectionSettings {
            label: label.to_owned(),
            output: given.and_then(|given| given.get("output")?.as_bool()).unwrap_or(false),
            permalink: text("permalink").unwrap_or_else(|| collection_pattern(permalink)),
            sort_by: text("sort_by"),
            order: order
                .into_iter()
                .flatten()
                .filter_map(|path| path.as_str().map(str::to_owned))
                .collect(),
            values: given
                .and_then(serde_yaml::Value::as_mapping)
                .map(value::map_of_yaml)
                .unwrap_or_default(),
        }
    };
    let mut collections: Vec<CollectionSettings> = roles.collections().map(settings).collect();
    collections.sort_by(|a, b| a.label.cmp(&b.label));
    collections
}

fn url(fields: &mut Fields<'_>) -> String {
    let url = fields.text("url").unwrap_or_default();
    let has_scheme = url.starts_with("https://") || url.starts_with("http://");
    if !url.is_empty() && !has_scheme {
        fields.error(
            "url",
            format!("`{url}` has no scheme"),
            format!("write `url: https://{url}`"),
        );
    }
    url.trim_end_matches('/').to_owned()
}

fn base_url(text: &str) -> String {
    let inside = text.trim_matches('/');
    if inside.is_empty() { String::new() } else { format!("/{inside}") }
}

fn paginate_path(fields: &mut Fields<'_>, usual: &str) -> String {
    let path = fields.text("paginate_path").unwrap_or_else(|| usual.to_owned());
    if !path.contains(":num") {
        fields.error(
            "paginate_path",
            format!("`{path}` has no `:num`"),
            "write `paginate_path: /page/:num/`",
        );
    }
    if path.starts_with('/') { path } else { format!("/{path}") }
}

fn zone(fields: &mut Fields<'_>) -> TimeZone {
    let Some(name) = fields.text("timezone") else {
        return TimeZone::UTC;
    };
    if name == "UTC" {
        // Looking up a name reads the system's time zone database.
        return TimeZone::UTC;
    }
    TimeZone::get(&name).unwrap_or_else(|_| {
        fields.error(
            "timezone",
            format!("there is no time zone `{name}`"),
            "write `timezone: Europe/Paris`",
        );
        TimeZone::UTC
    })
}

fn destination(fields: &mut Fields<'_>, usual: &str) -> String {
    let given = fields.text("destination").unwrap_or_else(|| usual.to_owned());
    let stays_inside = !given.starts_with('/') && !given.split('/').any(|part| part == "..");
    if !stays_inside {
        let message = format!("the destination `{given}` is not a folder inside the site");
        fields.error(
            "destination",
            message,
            "write `destination: public`, or give `--destination` on the command line",
        );
        return usual.to_owned();
    }
    // `.`, the site's own folder, becomes empty. It is refused later, where the folder on disk is
    // known.
    path::plain(&given)
}

fn compat(fields: &mut Fields<'_>) -> &'static Compat {
    let templates = fields.text("templates");
    Compat::of(templates.as_deref()).unwrap_or_else(|| {
        let other = templates.unwrap_or_default();
        let message = format!("unknown template language `{other}`");
        fields.error("templates", message, "write `templates: tera` or `templates: liquid`");
        &Compat::LABPRESS
    })
}

/// The values of `markdown`.
const DIALECTS: [(&str, Dialect); 3] = [
    ("CommonMark", Dialect::CommonMark),
    ("kramdown", Dialect::Kramdown),
    // GitHub Pages' name for its dialect.
    ("CommonMarkGhPages", Dialect::CommonMark),
];

fn dialect(fields: &mut Fields<'_>) -> Dialect {
    // Jekyll's default.
    let Some(name) = fields.text("markdown") else {
        return Dialect::Kramdown;
    };
    let known = DIALECTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
    known.map_or_else(
        || {
            let names: Vec<String> =
                DIALECTS.iter().take(2).map(|(name, _)| format!("`markdown: {name}`")).collect();
            let message = format!("unknown Markdown dialect `{name}`");
            fields.error("markdown", message, format!("write {}", names.join(" or ")));
            Dialect::CommonMark
        },
        |(_, dialect)| *dialect,
    )
}

/// `math`: `mathml`, `mathjax`, `false`, or a mapping with `output` and `macros`.
fn math(fields: &mut Fields<'_>, compat: &Compat) -> Math {
    const HINT: &str = "write `math: mathml`, `math: mathjax`, `math: false`, or \
                        `math: {macros: {R: '\\mathbb{R}'}}`";
    let given = fields.value("math").cloned().unwrap_or_default();
    let output = given.get("output").unwrap_or(&given);
    let by_default = if compat.renders_math { "mathml" } else { "mathjax" };
    let output = match output {
        serde_yaml::Value::String(name) => name.as_str(),
        serde_yaml::Value::Bool(false) => "false",
        _ => by_default,
    };
    let mut macros = Vec::new();
    for (name, body) in
        given.get("macros").and_then(serde_yaml::Value::as_mapping).into_iter().flatten()
    {
        match (name.as_str(), body.as_str()) {
            (Some(name), Some(body)) => {
                macros.push((name.trim_start_matches('\\').to_owned(), body.to_owned()));
            }
            _ => fields.error("math", "each of `macros` must be a name with its TeX", HINT),
        }
    }
    match output {
        "mathml" => Math::MathMl { macros },
        "mathjax" | "katex" => Math::Delimiters,
        "false" | "none" => Math::Off,
        // A theme from Jekyll may have a key of this name.
        _ if compat.is_lenient => Math::Delimiters,
        other => {
            fields.error("math", format!("unknown output for formulas `{other}`"), HINT);
            Math::MathMl { macros }
        }
    }
}

/// The options under `kramdown`. As in Jekyll, unknown options are ignored.
fn kramdown_options(fields: &Fields<'_>) -> kramdown::Options {
    let mut options = kramdown::Options::default();
    let given = fields.value("kramdown").and_then(serde_yaml::Value::as_mapping);
    for (name, value) in given.into_iter().flatten() {
        set_kramdown(&mut options, name.as_str().unwrap_or_default(), value);
    }
    options
}

fn set_kramdown(options: &mut kramdown::Options, name: &str, value: &serde_yaml::Value) {
    let text = |value: &serde_yaml::Value| match value {
        serde_yaml::Value::String(text) => text.trim_start_matches(':').to_owned(),
        serde_yaml::Value::Bool(switch) => switch.to_string(),
        serde_yaml::Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    match value {
        serde_yaml::Value::Mapping(entries) => {
            for (key, value) in entries {
                set_kramdown(
                    options,
                    &format!("{name}.{}", key.as_str().unwrap_or_default()),
                    value,
                );
            }
        }
        serde_yaml::Value::Sequence(items) => {
            options.set(name, &items.iter().map(text).collect::<Vec<_>>().join(","));
        }
        value => {
            options.set(name, &text(value));
        }
    }
}

/// The keys of `limits`.
const LIMITS: [&str; 4] = ["template-steps", "template-bytes", "sass-seconds", "sass-bytes"];

/// The options under `limits`, for templates and style sheets.
fn limits(fields: &mut Fields<'_>) -> (TemplateLimits, SassLimits) {
    let (mut limits, mut sass) = (TemplateLimits::default(), SassLimits::default());
    let Some(given) = fields.value("limits").cloned() else { return (limits, sass) };
    let example = "write `limits: {template-steps: 20000000, template-bytes: 100000000}`";
    let Some(given) = given.as_mapping() else {
        fields.error("limits", "`limits` is not a mapping", example);
        return (limits, sass);
    };
    for (key, value) in given {
        let key = key.as_str().unwrap_or_default();
        let count =
            value.as_u64().and_then(|count| usize::try_from(count).ok()).filter(|&count| count > 0);
        match (key, count) {
            ("template-steps", Some(count)) => limits.steps = count,
            ("template-bytes", Some(count)) => limits.bytes = count,
            ("sass-seconds", Some(count)) => sass.seconds = count as u64,
            ("sass-bytes", Some(count)) => sass.bytes = count as u64,
            _ if LIMITS.contains(&key) => {
                fields.error("limits", format!("`{key}` is not a whole number above 0"), example);
            }
            _ => fields.error(
                "limits",
                format!("unknown limit `{key}`; expected one of {}", listed(LIMITS)),
                example,
            ),
        }
    }
    (limits, sass)
}

/// The options under `liquid`: Jekyll's `strict_filters` and `strict_variables`, and our `code` and
/// `tags`.
fn liquid_options(fields: &mut Fields<'_>) -> LiquidOptions {
    let given =
        fields.value("liquid").and_then(serde_yaml::Value::as_mapping).cloned().unwrap_or_default();
    let switch = |name: &str| given.get(name).and_then(serde_yaml::Value::as_bool).unwrap_or(false);
    let mut options = LiquidOptions {
        strict_filters: switch("strict_filters"),
        strict_variables: switch("strict_variables"),
        code: switch("code"),
        ..LiquidOptions::default()
    };
    let Some(tags) = given.get("tags").filter(|tags| !tags.is_null()) else {
        return options;
    };
    for (tag, file) in tags.as_mapping().into_iter().flatten() {
        if let (Some(tag), Some(file)) = (tag.as_str(), file.as_str()) {
            options.tags.insert(tag.to_owned(), file.trim_start_matches("_includes/").to_owned());
        } else {
            let hint =
                "write `liquid: {tags: {youtube: youtube.html}}`, with a file of `_includes`";
            fields.error("liquid", "each tag in `tags` must be mapped to the name of a file", hint);
        }
    }
    if !tags.is_mapping() {
        let hint = "write `liquid: {tags: {youtube: youtube.html}}`, with a file of `_includes`";
        fields.error("liquid", "`tags` must be a mapping from tags to files", hint);
    }
    options
}

/// The plugins that the gem `github-pages` includes.
const OF_GITHUB_PAGES: [&str; 9] = [
    "jekyll-coffeescript",
    "jekyll-default-layout",
    "jekyll-gist",
    "jekyll-github-metadata",
    "jekyll-optional-front-matter",
    "jekyll-paginate",
    "jekyll-readme-index",
    "jekyll-relative-links",
    "jekyll-titles-from-headings",
];

impl Config {
    /// The name of the site's author, as `author` says.
    pub(crate) fn author(&self) -> Option<String> {
        let author = self.value("author")?;
        let name = crate::value::entry(author, "name").unwrap_or(author);
        Some(crate::value::as_text(name)).filter(|text| !text.is_empty())
    }

    /// The names in `plugins` and in `gems`, its old name, each with that key.
    pub(crate) fn plugins(&self) -> impl Iterator<Item = (&'static str, String)> {
        let lists = ["plugins", "gems"].into_iter().filter_map(|key| Some((key, self.value(key)?)));
        lists.flat_map(|(key, names)| {
            let one = std::slice::from_ref(names);
            names.as_array().unwrap_or(one).iter().map(move |name| (key, as_text(name)))
        })
    }

    /// Whether the blog lists the plugin, or one that includes it.
    pub(crate) fn has_plugin(&self, name: &str) -> bool {
        self.plugins().any(|(_, plugin)| {
            plugin == name || plugin == "github-pages" && OF_GITHUB_PAGES.contains(&name)
        })
    }

    /// Whether `key` in the options of a plugin is on; `default` if it is not set.
    pub(crate) fn is_on(&self, options: &'static str, key: &str, default: bool) -> bool {
        let options = self.value(options);
        let option = options.and_then(|options| entry(options, key));
        option
            .filter(|option| !is_nil(option))
            .map_or(default, |option| option.as_bool() != Some(false))
    }

    /// The value at `key`, as templates see it.
    pub fn value(&self, key: &'static str) -> Option<&value::Value> {
        self.values.get(&tera::value::Key::Str(key))
    }

    /// The place of a key in the configuration `text`, for errors found later.
    pub fn place(text: Option<&str>, key: &str) -> Place {
        Yaml::file(PATH, text.unwrap_or("")).place(&[key])
    }

    /// The configuration that `text` gives, which must be valid.
    #[cfg(test)]
    pub(crate) fn for_tests(text: &str) -> Config {
        let (config, errors) = read(Some(text));
        assert_eq!(errors, [], "the test's configuration is valid");
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_errors(text: &str, expected: &str) {
        let (_, errors) = read(Some(text));
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(shown.join("\n"), expected);
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = read(None).0;
        assert_eq!(
            (config.permalink.as_str(), config.paginate, config.feed_limit),
            ("date", None, 20)
        );
        assert_eq!(read(Some("# only a comment\n")).0.destination, "public");
    }

    #[test]
    fn all_wrong_types_are_reported_at_once() {
        check_errors(
            "title: T\npaginate: ten\nfuture: [1]\n",
            "error: `paginate` must be a whole number, not a string\n --> _config.yml:2:1\n\
             hint: write `paginate: 10`\n\
             error: `future` must be true or false, not a list\n --> _config.yml:3:1\n\
             hint: write `future: true` or \
             `future: false`",
        );
    }

    #[test]
    fn comments_and_analytics_name_a_known_service() {
        check_errors(
            "comments: {provider: giscus, repo: a/b}\nanalytics: true\n",
            "error: comments by giscus need the key `repo_id`\n --> _config.yml:1:1\n\
             hint: add `repo_id:` below `comments`\n\
             error: comments by giscus need the key `category`\n --> _config.yml:1:1\n\
             hint: add `category:` below `comments`\n\
             error: comments by giscus need the key `category_id`\n --> _config.yml:1:1\n\
             hint: add `category_id:` below `comments`\n\
             error: `analytics` must name one of `plausible`, `goatcounter`, `umami`\n --> \
             _config.yml:2:1\nhint: write `analytics: {plausible: example.org}`",
        );
        check_errors("comments: {provider: mastodon, host: fosstodon.org}\nanalytics: false\n", "");
    }

    #[test]
    fn an_unknown_key_is_kept_for_templates() {
        let config = Config::for_tests("github: {user: x}\n");
        let github = config.values.get(&tera::value::Key::Str("github")).expect("it is kept");
        assert_eq!(value::entry(github, "user").and_then(value::Value::as_str), Some("x"));
    }

    #[test]
    fn limits_are_whole_numbers_with_known_names() {
        let limits =
            Config::for_tests("limits: {template-steps: 7, template-bytes: 9}\n").liquid.limits;
        assert_eq!((limits.steps, limits.bytes), (7, 9));
        let hint = "hint: write `limits: {template-steps: 20000000, template-bytes: 100000000}`";
        check_errors(
            "limits: {template-steps: many, steps: 3}\n",
            &format!(
                "error: `template-steps` is not a whole number above 0\n --> _config.yml:1:1\n\
                 {hint}\n\
                 error: unknown limit `steps`; expected one of `template-steps`, `template-bytes`, \
                 `sass-seconds`, `sass-bytes`\n --> _config.yml:1:1\n\
                 {hint}"
            ),
        );
    }

    #[test]
    fn trailing_slashes_of_addresses_are_removed() {
        let config = Config::for_tests("url: https://a.org/\nbaseurl: blog/\n");
        assert_eq!((config.url.as_str(), config.base_url.as_str()), ("https://a.org", "/blog"));
    }

    #[test]
    fn a_destination_outside_the_site_is_refused() {
        check_errors(
            "destination: ../x\n",
            "error: the destination `../x` is not a folder inside the site\n --> \
             _config.yml:1:1\nhint: write \
             `destination: public`, or give `--destination` on the command line",
        );
    }
}
