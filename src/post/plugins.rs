//! What Jekyll plugins do to pages while they are read, if the blog lists them: Markdown without
//! front matter, a README as the index of its folder, titles from headings, default layouts.

use std::sync::Arc;

use tera::value::Key;

use super::front_matter::FrontMatter;
use super::{Blog, Page, PageKind, Pages, Read, Reader, StaticFile, without_front_matter};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::html::without_html;
use crate::inputs::Inputs;
use crate::markdown;
use crate::path;
use crate::roles::Roles;
use crate::text::Located;
use crate::value::set;
use kramdown::embed::Embeds;

/// Files about a repository. They become pages only if `include` names them.
const ABOUT_THE_REPOSITORY: [&str; 9] = [
    "README",
    "LICENSE",
    "LICENCE",
    "COPYING",
    "CODE_OF_CONDUCT",
    "CONTRIBUTING",
    "ISSUE_TEMPLATE",
    "PULL_REQUEST_TEMPLATE",
    "SECURITY",
];

/// Whether the file at `path` is a page without front matter (jekyll-optional-front-matter).
pub(super) fn is_page_without_front_matter(path: &str, config: &Config) -> bool {
    let name = path::file_name(path);
    let is_about = ABOUT_THE_REPOSITORY.contains(&path::stem(name).to_uppercase().as_str());
    config.has_plugin("jekyll-optional-front-matter")
        && config.is_on("optional_front_matter", "enabled", true)
        && config.roles.is_markdown(path)
        && (!is_about || config.roles.is_included(path, false))
}

/// Whether the original of such a page is not published.
pub(super) fn is_original_removed(config: &Config) -> bool {
    config.is_on("optional_front_matter", "remove_originals", false)
}

impl Reader<'_> {
    /// Makes a README the index of its folder if there is no other index (jekyll-readme-index).
    pub(super) fn add_readmes<'a>(
        &self,
        pages: &mut Pages<'a>,
        files: &[StaticFile],
        findings: &mut Vec<Diagnostic>,
    ) {
        const OPTIONS: &str = "readme_index";
        let config = self.config;
        if !config.has_plugin("jekyll-readme-index") || !config.is_on(OPTIONS, "enabled", true) {
            return;
        }
        let (pages, plain) = pages;
        let is_readme = |path: &str| {
            config.roles.is_markdown(path)
                && path::stem(path::file_name(path)).eq_ignore_ascii_case("readme")
        };
        let folder = |path: &str| {
            path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"))
        };
        let has_index = |pages: &[Page<'_>], folder: &str| {
            let file = format!("{folder}index.html");
            pages.iter().any(|page| page.address.file == file)
                || files.iter().any(|one| one.address.file == file)
        };
        let mut taken = Vec::new();
        for (path, text) in plain.iter().copied().filter(|(path, _)| is_readme(path)) {
            let folder = folder(path);
            if has_index(pages, &folder)
                || plain.iter().any(|(path, _)| *path == format!("{folder}index.html"))
            {
                continue;
            }
            let (yaml, body) = without_front_matter(path, text);
            let (page, errors): Read<Page<'a>> =
                self.page_at(yaml, body, Some(&format!("/{folder}")));
            pages.extend(page);
            findings.extend(errors);
            taken.push(path);
        }
        if config.is_on(OPTIONS, "remove_originals", false) {
            plain.retain(|(path, _)| !taken.contains(path));
        }
        if config.is_on(OPTIONS, "with_frontmatter", false) {
            for at in
                (0..pages.len()).filter(|at| is_readme(pages[*at].body.path)).collect::<Vec<_>>()
            {
                let folder = folder(pages[at].body.path);
                if !has_index(pages, &folder) {
                    pages[at].address.url = format!("/{folder}");
                    pages[at].address.file = format!("{folder}index.html");
                }
            }
        }
    }
}

/// Adds missing titles and layouts (jekyll-titles-from-headings, jekyll-default-layout). The
/// built-in theme has the same layouts by default.
pub(super) fn complete(blog: &mut Blog<'_>, inputs: &Inputs, config: &Config) {
    if config.has_plugin("jekyll-titles-from-headings") && config.is_on(TITLES, "enabled", true) {
        add_titles(blog, config);
    }
    if inputs.has_built_in_theme() || config.has_plugin("jekyll-default-layout") {
        add_layouts(blog, inputs, &config.roles);
    }
}

const TITLES: &str = "titles_from_headings";

fn add_titles(blog: &mut Blog<'_>, config: &Config) {
    let is_stripped = config.is_on(TITLES, "strip_title", false);
    let options = markdown::Options {
        dialect: config.markdown,
        kramdown: config.kramdown.clone(),
        ..markdown::Options::default()
    };
    let title_of = |body: &mut Located<'_>| {
        let (heading, rest) = first_heading(body.text)?;
        let html = markdown::render_inline(heading, &Embeds::default(), &options);
        if is_stripped {
            body.lines_above += body.text[..body.text.len() - rest.len()].matches('\n').count();
            body.text = rest;
        }
        Some(without_html(&html).trim().to_owned())
    };
    for page in blog
        .pages
        .iter_mut()
        .filter(|page| page.kind == PageKind::Markdown && page.front.title.is_none())
    {
        if let Some(title) = title_of(&mut page.body) {
            set_title(&mut page.front, &title);
        }
    }
    if !config.is_on(TITLES, "collections", false) {
        return;
    }
    let documents =
        blog.posts.iter_mut().chain(blog.collections.iter_mut().flat_map(|one| &mut one.documents));
    for document in
        documents.filter(|document| document.is_markdown && document.front.title.is_none())
    {
        if let Some(title) = title_of(&mut document.body) {
            set_title(&mut document.front, &title);
            Arc::make_mut(&mut document.head).title = title;
        }
    }
}

fn set_title(front: &mut FrontMatter<'_>, title: &str) {
    let keys = Arc::make_mut(&mut front.keys);
    set(&mut keys.values, "title", title);
    keys.title = Some(title.to_owned());
}

/// The heading that the text starts with, and the text below it.
fn first_heading(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let (line, below) = text.split_once('\n').unwrap_or((text, ""));
    let hashes = line.len() - line.trim_start_matches('#').len();
    if (1..=3).contains(&hashes) && line[hashes..].starts_with([' ', '\t']) {
        return Some((line[hashes..].trim_end().trim_end_matches('#').trim(), below));
    }
    let (underline, below) = below.split_once('\n').unwrap_or((below, ""));
    let underline = underline.trim_end();
    let is_underline =
        !underline.is_empty() && underline.bytes().all(|byte| matches!(byte, b'-' | b'='));
    (is_underline && !line.trim().is_empty()).then_some((line.trim(), below))
}

fn add_layouts(blog: &mut Blog<'_>, inputs: &Inputs, roles: &Roles) {
    let is_there = |layout: &str| {
        inputs
            .of(crate::roles::Role::Layout)
            .any(|(path, _)| path::stem(&path["_layouts/".len()..]) == layout)
    };
    let first = |layouts: &[&'static str]| layouts.iter().copied().find(|layout| is_there(layout));
    let for_index = first(&["home", "page", "default"]);
    let for_page = first(&["page", "default"]);
    let for_post = first(&["post", "default"]);
    let default = first(&["default"]);
    let pages = blog.pages.iter_mut().filter(|page| roles.is_markdown(page.body.path));
    let pages = pages.map(|page| {
        let is_index = matches!(page.address.url.as_str(), "/" | "/index.html");
        (&mut page.front, if is_index { for_index } else { for_page })
    });
    let posts = blog
        .posts
        .iter_mut()
        .filter(|post| post.is_markdown)
        .map(|post| (&mut post.front, for_post));
    let documents = blog.collections.iter_mut().flat_map(|one| &mut one.documents);
    let documents = documents.filter(|one| one.is_markdown).map(|one| (&mut one.front, default));
    for (front, layout) in pages.chain(posts).chain(documents) {
        if let Some(layout) = layout.filter(|_| front.values.get(&Key::Str("layout")).is_none()) {
            let keys = Arc::make_mut(&mut front.keys);
            set(&mut keys.values, "layout", layout);
            keys.layout = Some(layout.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heading_at_the_start_of_a_text_is_its_title() {
        assert_eq!(first_heading("\n# A *b* #\n\nc"), Some(("A *b*", "\nc")));
        assert_eq!(first_heading("A\n---\nc"), Some(("A", "c")));
        assert_eq!(first_heading("a\n\n# b"), None);
        assert_eq!(first_heading("#a"), None);
        assert_eq!(first_heading("#### a"), None);
        assert_eq!(first_heading(""), None);
    }
}
