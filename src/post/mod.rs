//! Posts and pages: from files with front matter to checked values with an address, a date and a body.
//!
//! Bodies stay text here: [`liquid`](crate::liquid) and [`markdown`](crate::markdown) come later.

pub mod date;
pub mod front_matter;
pub mod permalink;
pub mod pin_edit;
pub mod pins;
pub mod slug;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rayon::prelude::*;

use self::date::Date;
use self::front_matter::FrontMatter;
use self::permalink::{Address, PostParts, page_address, post_address};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place};
use crate::liquid::Body;
use crate::source::Source;
use crate::yaml::Yaml;

/// A post: a file in `_posts`, or a draft.
#[derive(Debug, Clone)]
pub struct Post<'a> {
    /// What it says about itself.
    pub front: FrontMatter<'a>,
    /// Its title, made from its name if it gives none. May hold tags.
    pub title: String,
    /// When it was published.
    pub date: Date,
    /// Its name: that of its file without date and ending.
    pub slug: String,
    /// Where it is found.
    pub address: Address,
    /// Its text.
    pub body: Body<'a>,
}

/// A page: a file with front matter outside of the folders with an underscore.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// What it says about itself.
    pub front: FrontMatter<'a>,
    /// Where it is found.
    pub address: Address,
    /// How its body becomes a page.
    pub kind: PageKind,
    /// Its text.
    pub body: Body<'a>,
}

/// How the body of a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// Liquid and Markdown, as that of a post.
    Markdown,
    /// A template, as layouts are.
    Template,
    /// A template that makes Sass, which becomes CSS.
    Sass,
}

/// All that a site says.
#[derive(Debug, Clone, Default)]
pub struct Blog<'a> {
    /// Posts, the newest first.
    pub posts: Vec<Post<'a>>,
    /// Pages in order of path.
    pub pages: Vec<Page<'a>>,
    /// Text files without front matter, which go to the site as they are: path and text.
    pub plain: Vec<(&'a str, &'a str)>,
}

/// What is shown, beyond what the configuration says.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The moment of the build: later posts are of the future. Given by the caller, so that a build reads no clock.
    pub now: Timestamp,
    /// Whether drafts are shown all the same.
    pub drafts: bool,
    /// Whether posts of the future are shown all the same.
    pub future: bool,
    /// Whether posts with `published: false` are shown all the same.
    pub unpublished: bool,
}

impl Options {
    /// Shows what is published by `now`.
    pub fn at(now: Timestamp) -> Options {
        Options { now, drafts: false, future: false, unpublished: false }
    }
}

/// Reads all posts and pages. Beside them come all faults: a blog with faults is not to be published, but what could be
/// read is there, so that what is wrong further on can be told as well.
pub fn read<'a>(source: &'a Source, config: &Config, options: &Options) -> (Blog<'a>, Vec<Diagnostic>) {
    let mut faults = source.unreadable().to_vec();
    let posts = read_posts(source, config, options, &mut faults);
    let (pages, plain) = read_pages(source, config, options, &mut faults);
    let blog = Blog { posts, pages, plain };
    faults.extend(addresses_used_twice(&blog));
    (blog, faults)
}

impl<'a> Blog<'a> {
    /// Path of the source and address of every post and page, in order of path.
    pub fn addresses(&self) -> impl Iterator<Item = (&'a str, &Address)> {
        let posts = self.posts.iter().map(|post| (post.body.path, &post.address));
        posts.chain(self.pages.iter().map(|page| (page.body.path, &page.address)))
    }
}

fn read_posts<'a>(
    source: &'a Source,
    config: &Config,
    options: &Options,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Post<'a>> {
    let with_drafts = options.drafts || config.show_drafts;
    let drafts = source.texts_under("_drafts/").filter(|_| with_drafts);
    let files: Vec<(&str, &str)> = source.texts_under("_posts/").chain(drafts).collect();
    let read: Vec<Result<Option<Post<'a>>, Vec<Diagnostic>>> =
        files.into_par_iter().map(|(path, text)| read_post(path, text, config, options)).collect();
    let mut posts = Vec::with_capacity(read.len());
    for post in read {
        match post {
            Ok(post) => posts.extend(post),
            Err(found) => faults.extend(found),
        }
    }
    posts.sort_by(|a, b| (&b.date, b.body.path).cmp(&(&a.date, a.body.path)));
    posts
}

/// Reads one post; `None` if it is not to be shown, or is no post.
fn read_post<'a>(
    path: &'a str,
    text: &'a str,
    config: &Config,
    options: &Options,
) -> Result<Option<Post<'a>>, Vec<Diagnostic>> {
    let Some(name) = markdown_name(path).or_else(|| path.strip_suffix(".html").map(file_name)) else {
        return Ok(None);
    };
    let is_draft = path.starts_with("_drafts/");
    let (yaml, body) = front_matter_and_body(path, text)?;
    let front = front_matter::read(yaml, if is_draft { "drafts" } else { "posts" }, config)?;
    let (named_date, name) = match dated_name(name) {
        Some((date, name)) => (Some(date), name),
        None if is_draft => (None, name),
        None => return Err(vec![undated(path)]),
    };
    let named_date = match named_date.map(|date| parsed_name_date(date, config)) {
        Some(None) => return Err(vec![undated(path)]),
        Some(date) => date,
        None => Some(Date::of_timestamp(options.now, &config.zone)),
    };
    let Some(date) = front.date.clone().or(named_date) else {
        return Err(vec![undated(path)]);
    };
    let is_future = date.timestamp() > options.now && !(config.future || options.future);
    let is_unpublished = !(front.published || config.unpublished || options.unpublished);
    if is_unpublished || is_future && !is_draft {
        return Ok(None);
    }
    let slug = front.slug.clone().unwrap_or_else(|| name.to_owned());
    let pattern = front.permalink.as_deref().unwrap_or(&config.permalink);
    let parts = PostParts { date: &date, slug: &slug, categories: &front.categories };
    let address = post_address(pattern, parts).map_err(|reason| vec![bad_address(&front, pattern, &reason)])?;
    let title = front.title.clone().unwrap_or_else(|| titled(&slug));
    Ok(Some(Post { front, title, date, slug, address, body }))
}

type Pages<'a> = (Vec<Page<'a>>, Vec<(&'a str, &'a str)>);

fn read_pages<'a>(source: &'a Source, config: &Config, options: &Options, faults: &mut Vec<Diagnostic>) -> Pages<'a> {
    let (mut pages, mut plain) = (Vec::new(), Vec::new());
    for (path, text) in source.texts_under("") {
        if path.starts_with('_') || path.contains("/_") || path.starts_with("experiments/") {
            continue;
        }
        let Some((yaml, body)) = front_matter::split(path, text) else {
            plain.push((path, text));
            continue;
        };
        match read_page(yaml, body, config) {
            Ok(page) if page.front.published || config.unpublished || options.unpublished => pages.push(page),
            Ok(_) => {}
            Err(found) => faults.extend(found),
        }
    }
    (pages, plain)
}

fn read_page<'a>(yaml: Yaml<'a>, body: Body<'a>, config: &Config) -> Result<Page<'a>, Vec<Diagnostic>> {
    let front = front_matter::read(yaml, "pages", config)?;
    let kind = match body.path {
        path if markdown_name(path).is_some() => PageKind::Markdown,
        path if path.ends_with(".scss") || path.ends_with(".sass") => PageKind::Sass,
        _ => PageKind::Template,
    };
    let ending = match kind {
        PageKind::Markdown => ".html",
        PageKind::Sass => ".css",
        PageKind::Template => body.path.rfind('.').map_or("", |dot| &body.path[dot..]),
    };
    let own = front.permalink.as_deref();
    let address = page_address(own, &config.permalink, body.path, ending)
        .map_err(|reason| vec![bad_address(&front, own.unwrap_or(body.path), &reason)])?;
    Ok(Page { front, address, kind, body })
}

fn front_matter_and_body<'a>(path: &'a str, text: &'a str) -> Result<(Yaml<'a>, Body<'a>), Vec<Diagnostic>> {
    if let Some(split) = front_matter::split(path, text) {
        return Ok(split);
    }
    if text.lines().next().is_some_and(|line| line.trim_end() == "---") {
        let fault = Diagnostic::new(Body { path, text, lines_above: 0 }.place(0), "the front matter is not closed");
        return Err(vec![fault.hint("add a line `---` below it")]);
    }
    Ok((Yaml { path, text: "", lines_above: 0 }, Body { path, text, lines_above: 0 }))
}

fn bad_address(front: &FrontMatter<'_>, pattern: &str, reason: &str) -> Diagnostic {
    let message = format!("the permalink `{pattern}` cannot be an address: {reason}");
    Diagnostic::new(front.place("permalink"), message).hint("write `permalink: /some/path/`")
}

fn undated(path: &str) -> Diagnostic {
    let message = "the file name does not start with a date";
    Diagnostic::new(Place::file(path), message)
        .hint("name it `_posts/2026-01-31-some-title.md`, or move it to `_drafts`")
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name of a Markdown file without its ending.
fn markdown_name(path: &str) -> Option<&str> {
    let stem = [".md", ".markdown", ".mkd", ".mkdn"].iter().find_map(|ending| path.strip_suffix(ending))?;
    Some(file_name(stem))
}

/// Splits `2026-1-31-some-title` into its date and the rest.
fn dated_name(name: &str) -> Option<(&str, &str)> {
    let mut dashes = name.match_indices('-').map(|(at, _)| at);
    let third = dashes.nth(2)?;
    let date = &name[..third];
    let is_date = date.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    is_date.then(|| (date, &name[third + 1..]))
}

fn parsed_name_date(date: &str, config: &Config) -> Option<Date> {
    Date::midnight(date::parse_day(date)?, &config.zone)
}

/// `some-title` → `Some Title`, as Jekyll titles a post that gives none.
fn titled(slug: &str) -> String {
    let capitalized = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    slug.split('-').filter(|word| !word.is_empty()).map(capitalized).collect::<Vec<_>>().join(" ")
}

fn addresses_used_twice(blog: &Blog<'_>) -> Vec<Diagnostic> {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut addresses: Vec<(&str, &Address)> = blog.addresses().collect();
    addresses.sort_unstable();
    for (path, address) in addresses {
        // Two names that differ by case only are one file on many machines.
        if let Some(other) = owners.insert(address.file.to_lowercase(), path) {
            let message = format!("has the same address as `{other}`: `{}`", address.url);
            faults.push(Diagnostic::new(Place::file(path), message).hint("give one of them a `permalink:` of its own"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blog_text(source: &Source, config: &str) -> String {
        let now = "2026-06-01T00:00:00Z".parse().expect("it is a moment");
        let (blog, faults) = read(source, &Config::for_tests(config), &Options::at(now));
        if faults.is_empty() {
            let posts = blog.posts.iter().map(|post| format!("{} {} {}", post.address.url, post.date, post.title));
            let pages = blog.pages.iter().map(|page| format!("{} {:?}", page.address.url, page.kind));
            posts.chain(pages).collect::<Vec<_>>().join("\n")
        } else {
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], config: &str, expected: &str) {
        let source = files.iter().fold(Source::default(), |source, (path, text)| source.with(*path, *text));
        assert_eq!(blog_text(&source, config), expected);
    }

    #[test]
    fn posts_come_newest_first_with_titles_from_their_names() {
        check(
            &[("_posts/2026-01-05-hello-world.md", ""), ("_posts/notes/2026-2-6-b.markdown", "---\ntitle: B\n---\n")],
            "permalink: pretty",
            "/2026/02/06/b/ 2026-02-06 00:00:00 +0000 B\n/2026/01/05/hello-world/ 2026-01-05 00:00:00 +0000 Hello World",
        );
    }

    #[test]
    fn the_date_of_the_front_matter_counts_more_than_that_of_the_name() {
        let post = "---\ndate: 2026-03-04 05:06:07 +0100\n---\n";
        check(&[("_posts/2026-01-05-a.md", post)], "", "/2026/03/04/a.html 2026-03-04 04:06:07 +0000 A");
    }

    #[test]
    fn future_unpublished_and_drafts_stay_out() {
        let files = [
            ("_posts/2026-12-01-a.md", ""),
            ("_posts/2026-01-01-b.md", "---\npublished: false\n---\n"),
            ("_drafts/c.md", ""),
        ];
        check(&files, "", "");
        check(&files, "future: true", "/2026/12/01/a.html 2026-12-01 00:00:00 +0000 A");
        check(&files, "unpublished: true", "/2026/01/01/b.html 2026-01-01 00:00:00 +0000 B");
        check(&files, "show_drafts: true", "/2026/06/01/c.html 2026-06-01 00:00:00 +0000 C");
    }

    #[test]
    fn faults_of_all_files_are_told_at_once() {
        check(
            &[
                ("_posts/2026-01-01-a.md", "---\ndate: soon\n---\n"),
                ("_posts/b.md", ""),
                ("c.md", "---\nlayout: [1]\n---\n"),
            ],
            "",
            "error: `soon` is not a date\n --> _posts/2026-01-01-a.md:2:1\nhint: write it as `2026-01-31` or \
             `2026-01-31 18:30:00 +0100`\n\
             error: the file name does not start with a date\n --> _posts/b.md\nhint: name it \
             `_posts/2026-01-31-some-title.md`, or move it to `_drafts`\n\
             error: `layout` is a list, and should be a text\n --> c.md:2:1\nhint: write `layout: some text`",
        );
    }

    #[test]
    fn a_date_that_is_none_has_its_place() {
        check(
            &[("_posts/2026-01-01-a.md", "---\ntitle: A\ndate: 2026-02-30\n---\n")],
            "",
            "error: `2026-02-30` is not a date\n --> _posts/2026-01-01-a.md:3:1\nhint: write it as `2026-01-31` or \
             `2026-01-31 18:30:00 +0100`",
        );
    }

    #[test]
    fn two_at_one_address_are_both_named() {
        check(
            &[("_posts/2026-01-01-a.md", "---\npermalink: /x/\n---\n"), ("x/index.html", "---\n---\n")],
            "",
            "error: has the same address as `_posts/2026-01-01-a.md`: `/x/`\n --> x/index.html\nhint: give one of them \
             a `permalink:` of its own",
        );
    }

    #[test]
    fn defaults_hold_where_their_scope_does() {
        let config = "defaults: [{scope: {path: '', type: posts}, values: {permalink: '/p/:slug/'}}]";
        check(
            &[("_posts/2026-01-01-a.md", ""), ("b.md", "---\n---\n")],
            config,
            "/p/a/ 2026-01-01 00:00:00 +0000 A\n/b.html Markdown",
        );
    }

    #[test]
    fn front_matter_that_is_not_closed_is_told() {
        check(
            &[("_posts/2026-01-01-a.md", "---\ntitle: x\n")],
            "",
            "error: the front matter is not closed\n --> _posts/2026-01-01-a.md:1:1\nhint: add a line `---` below it",
        );
    }
}
