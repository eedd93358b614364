//! Wikilinks: `[[Title]]` in a body becomes a link to the page of that title or file name
//! (`wikilinks: true` in `_config.yml`).
//!
//! They are replaced after Liquid and before Markdown, so that both dialects and tables read plain
//! links. What a name finds is a [read](crate::liquid::Read::Wikilink) of the body.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use crate::config::Config;
use crate::diagnostic::{listed, nearest};
use crate::liquid::{Expanded, Read, has_tags};
use crate::markdown::wikilink::{self, Wikilink};
use crate::markdown::{self, Problem};
use crate::path::{file_name, stem};
use crate::permalink::Address;
use crate::post::{Blog, Page, PageKind, Post};
use crate::url::relative_url;

/// Everything that wikilinks of a site can find.
pub(super) struct Wikilinks<'a> {
    blog: &'a Blog<'a>,
    config: &'a Config,
    options: &'a markdown::Options,
    /// Made when the first wikilink is looked up.
    names: OnceLock<Names<'a>>,
}

#[derive(Default)]
struct Names<'a> {
    targets: Vec<Target<'a>>,
    /// By path, with and without its ending.
    by_path: BTreeMap<&'a str, usize>,
    /// By title and file name in lower case.
    by_text: BTreeMap<String, Name>,
}

/// A title or a file name.
struct Name {
    /// As its page spells it.
    spelled: String,
    /// The pages that have it.
    targets: Vec<usize>,
}

/// A page, a post or a document of a collection.
struct Target<'a> {
    path: &'a str,
    url: &'a str,
    title: Option<&'a str>,
    /// Its source, if that is Markdown.
    markdown: Option<&'a str>,
    headings: OnceLock<Vec<wikilink::Target>>,
}

/// What a wikilink has found.
struct Found {
    /// Its address on the host without `baseurl`, with the id of the heading; only the latter
    /// within the same text.
    url: String,
    /// What readers see, unless the link says it.
    text: String,
}

/// Why a wikilink finds nothing: a message and a hint.
type Lost = (String, String);

impl<'a> Wikilinks<'a> {
    /// The wikilinks of a site; `None` if they are off.
    pub(super) fn of(
        blog: &'a Blog<'a>,
        config: &'a Config,
        options: &'a markdown::Options,
    ) -> Option<Wikilinks<'a>> {
        config.wikilinks.then(|| Wikilinks { blog, config, options, names: OnceLock::new() })
    }

    /// Replaces the wikilinks in the body of the file at `path`, and notes what they read. One that
    /// finds nothing stays and is a problem.
    pub(super) fn replace(&self, expanded: &mut Expanded, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !expanded.text.contains("[[") {
            return problems;
        }
        let (mut out, mut written) = (String::with_capacity(expanded.text.len()), 0);
        for link in wikilink::links(&expanded.text).wikilinks {
            if !link.name.is_empty() {
                expanded.reads.insert(Read::Wikilink(key(&link)));
            }
            let source = &expanded.text[link.range.clone()];
            match self.find(&link, path) {
                Ok(Found { url, text }) => {
                    let url = match url.strip_prefix('#') {
                        Some(_) => url,
                        None => relative_url(&self.config.base_url, &url),
                    };
                    let text = link.text.map_or_else(|| escaped(&text), str::to_owned);
                    out.push_str(&expanded.text[written..link.range.start]);
                    let _ = write!(out, "[{text}](<{url}>)");
                    written = link.range.end;
                }
                Err((message, hint)) => problems.push(Problem {
                    source: source.to_owned(),
                    at: 0,
                    message,
                    hint: Some(hint),
                }),
            }
        }
        out.push_str(&expanded.text[written..]);
        expanded.text = out;
        problems
    }

    /// The addresses that the wikilinks of a text lead to.
    pub(super) fn urls(&self, links: &[Wikilink<'_>]) -> Vec<String> {
        let links = links.iter().filter(|link| !link.name.is_empty());
        let found = links.filter_map(|link| self.find(link, "").ok());
        found.map(|found| relative_url(&self.config.base_url, &found.url)).collect()
    }

    /// What a name finds now, as text that differs if it does; `None` if it finds nothing.
    pub(super) fn found(&self, key: &str) -> Option<String> {
        let (name, heading) = match key.split_once('#') {
            Some((name, heading)) => (name, Some(heading)),
            None => (key, None),
        };
        let Found { url, text } = self.found_by_name(name, heading).ok()?;
        Some(format!("{url}\n{text}"))
    }

    fn find(&self, link: &Wikilink<'_>, path: &str) -> Result<Found, Lost> {
        if link.is_embed {
            let message = format!("pages cannot be included with `![[{}]]`", link.name);
            let hint = "remove the `!` for a link; for a picture, write `![text](/path.png)`";
            return Err((message, hint.to_owned()));
        }
        if !link.name.is_empty() {
            return self.found_by_name(link.name, link.heading);
        }
        let heading = link.heading.unwrap_or_default();
        let names = self.names();
        let own = names.targets.iter().find(|target| target.path == path);
        let Some(own) = own else {
            return Err((
                format!("`[[#{heading}]]` has no page"),
                "write a name before `#`".into(),
            ));
        };
        let (id, text) = self.heading(own, heading)?;
        Ok(Found { url: format!("#{id}"), text })
    }

    fn found_by_name(&self, name: &str, heading: Option<&str>) -> Result<Found, Lost> {
        let target = self.target(name)?;
        // Tags in titles are expanded only with bodies.
        let title = target.title.filter(|title| !has_tags(title)).unwrap_or(name);
        let Some(heading) = heading else {
            return Ok(Found { url: target.url.to_owned(), text: title.to_owned() });
        };
        let (id, text) = self.heading(target, heading)?;
        Ok(Found { url: format!("{}#{id}", target.url), text: format!("{title}: {text}") })
    }

    fn target(&self, name: &str) -> Result<&Target<'a>, Lost> {
        let names = self.names();
        if let Some(at) = names.by_path.get(name.trim_start_matches('/')) {
            return Ok(&names.targets[*at]);
        }
        match names.by_text.get(&name.to_lowercase()) {
            Some(Name { targets, .. }) if targets.len() == 1 => Ok(&names.targets[targets[0]]),
            Some(Name { targets, .. }) => {
                let paths: Vec<&str> = targets.iter().map(|at| names.targets[*at].path).collect();
                let message = format!("`[[{name}]]` could be any of {}", listed(paths.clone()));
                Err((message, format!("write the path: `[[{}|{name}]]`", paths[0])))
            }
            None => Err((format!("no page has the title or file name `{name}`"), names.near(name))),
        }
    }

    /// The id and the text of a heading of a page, by either of them.
    fn heading(&self, target: &Target<'_>, heading: &str) -> Result<(String, String), Lost> {
        let Some(markdown) = target.markdown else {
            return Ok((kramdown::headings::slug(heading), heading.to_owned()));
        };
        let headings = target.headings.get_or_init(|| wikilink::targets(markdown, self.options));
        let (lower, slug) = (heading.to_lowercase(), kramdown::headings::slug(heading));
        let by_text = headings.iter().find(|known| known.text.to_lowercase() == lower);
        let by_id = || headings.iter().find(|known| known.id == heading || known.id == slug);
        if let Some(known) = by_text.or_else(by_id) {
            return Ok((known.id.clone(), known.text.clone()));
        }
        let message = format!("`{}` has no heading `{heading}`", target.path);
        let texts = || headings.iter().map(|known| known.text.as_str());
        let hint = match nearest(heading, texts()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if headings.is_empty() => "remove what follows `#`".to_owned(),
            None => format!("its headings are {}", listed(texts())),
        };
        Err((message, hint))
    }

    fn names(&self) -> &Names<'a> {
        self.names.get_or_init(|| {
            let mut names = Names::default();
            for post in self.blog.documents().filter(|post| post.is_written) {
                names.add_post(post);
            }
            for page in self.blog.pages.iter().filter(|page| is_html(&page.address)) {
                names.add_page(page);
            }
            names
        })
    }
}

impl<'a> Names<'a> {
    fn add_post(&mut self, post: &'a Post<'a>) {
        let path = post.body.path;
        let texts = [post.title.as_str(), stem(file_name(path)), &post.slug];
        let markdown = post.is_markdown.then_some(post.body.text);
        let title = Some(post.title.as_str());
        let target =
            Target { path, url: &post.address.url, title, markdown, headings: OnceLock::new() };
        self.add(target, &texts);
        self.add_path(&post.relative_path);
    }

    fn add_page(&mut self, page: &'a Page<'a>) {
        let path = page.body.path;
        let title = page.front.title.as_deref();
        let texts = [title.unwrap_or_default(), stem(file_name(path))];
        let markdown = (page.kind == PageKind::Markdown).then_some(page.body.text);
        let target =
            Target { path, url: &page.address.url, title, markdown, headings: OnceLock::new() };
        self.add(target, &texts);
    }

    fn add(&mut self, target: Target<'a>, texts: &[&str]) {
        let at = self.targets.len();
        let path = target.path;
        self.targets.push(target);
        self.add_path(path);
        for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
            let name = || Name { spelled: text.to_owned(), targets: Vec::new() };
            let name = self.by_text.entry(text.to_lowercase()).or_insert_with(name);
            if !name.targets.contains(&at) {
                name.targets.push(at);
            }
        }
    }

    /// Adds a path of the newest target.
    fn add_path(&mut self, path: &'a str) {
        let at = self.targets.len() - 1;
        // Pages at the root without their ending are names.
        let without_ending = path.contains('/').then(|| &path[..stem(path).len()]);
        for path in [Some(path), without_ending].into_iter().flatten() {
            self.by_path.entry(path).or_insert(at);
        }
    }

    /// A hint that lists the names most similar to one.
    fn near(&self, name: &str) -> String {
        let lower = name.to_lowercase();
        let mut near: Vec<&str> = Vec::new();
        while near.len() < 3 {
            // A file has several names, which are often alike.
            let is_known =
                |name: &Name| near.iter().any(|near| self.by_text[*near].targets == name.targets);
            let others = self.by_text.iter().filter(|(_, name)| !is_known(name));
            let Some(found) = nearest(&lower, others.map(|(lower, _)| lower.as_str())) else {
                break;
            };
            near.push(found);
        }
        if near.is_empty() {
            return "write the title, the file name or the path of a post, page or document"
                .to_owned();
        }
        let spelled = near.iter().map(|near| self.by_text[*near].spelled.as_str());
        let spelled: Vec<String> = spelled.map(|name| format!("`[[{name}]]`")).collect();
        format!("did you mean {}?", spelled.join(" or "))
    }
}

/// The name and the heading of a link, as a read.
fn key(link: &Wikilink<'_>) -> String {
    match link.heading {
        Some(heading) => format!("{}#{heading}", link.name),
        None => link.name.to_owned(),
    }
}

fn is_html(address: &Address) -> bool {
    address.file.ends_with(".html")
}

/// Plain text as the text of a link in Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '{' | '}' | '$' | '|' | '!' | '#' => {
                out.push('\\');
                out.push(letter);
            }
            letter => out.push(letter),
        }
    }
    out
}
