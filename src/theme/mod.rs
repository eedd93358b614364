//! The built-in theme: layouts, includes, data and assets that are part of the program.
//!
//! Each file has the path that it would have in a site, and a site's own file at that path is used
//! instead. [`inputs`](crate::inputs) decides whether a site uses the theme and adds its files.

/// The value of `theme` in `_config.yml` that asks for the built-in theme.
pub const NAME: &str = "labpress";

/// What paths of built-in files begin with in messages.
const ORIGIN: &str = "built-in theme: ";

/// A file of the theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThemeFile {
    /// The path that it would have in a site.
    pub path: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// A file of `src/theme/files`.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(ThemeFile { path: $path, bytes: include_bytes!(concat!("files/", $path)) }),*]
    };
}

/// All files of the theme, in order of path.
pub const FILES: &[ThemeFile] = files![
    "404.html",
    "_data/theme/strings.yml",
    "_includes/analytics.html",
    "_includes/backlinks.html",
    "_includes/comments.html",
    "_includes/corrections.html",
    "_includes/date.html",
    "_includes/footer.html",
    "_includes/head-custom.html",
    "_includes/head.html",
    "_includes/header.html",
    "_includes/post-list.html",
    "_includes/related.html",
    "_includes/seo.html",
    "_includes/series-parts.html",
    "_includes/share.html",
    "_includes/toc.html",
    "_layouts/all-series.html",
    "_layouts/archive.html",
    "_layouts/author.html",
    "_layouts/authors.html",
    "_layouts/categories.html",
    "_layouts/category.html",
    "_layouts/default.html",
    "_layouts/home.html",
    "_layouts/page.html",
    "_layouts/post.html",
    "_layouts/search.html",
    "_layouts/series.html",
    "_layouts/tag.html",
    "_layouts/tags.html",
    "assets/theme/diagrams.css",
    "assets/theme/diagrams.js",
    "assets/theme/favicon.svg",
    "assets/theme/figures.css",
    "assets/theme/fonts/LICENSE.txt",
    "assets/theme/fonts/math-more.woff2",
    "assets/theme/fonts/math.woff2",
    "assets/theme/fonts/mono.woff2",
    "assets/theme/fonts/sans-ext.woff2",
    "assets/theme/fonts/sans-latin1.woff2",
    "assets/theme/fonts/sans.woff2",
    "assets/theme/fonts/serif-ext.woff2",
    "assets/theme/fonts/serif-italic-ext.woff2",
    "assets/theme/fonts/serif-italic-latin1.woff2",
    "assets/theme/fonts/serif-italic.woff2",
    "assets/theme/fonts/serif-latin1.woff2",
    "assets/theme/fonts/serif.woff2",
    "assets/theme/math.css",
    "assets/theme/search.css",
    "assets/theme/search.js",
    "assets/theme/social.css",
    "assets/theme/social.js",
    "assets/theme/style.css",
    "assets/theme/tables.css",
    "assets/theme/tables.js",
    "assets/theme/theme.js",
    "index.html",
];

/// When a site uses the built-in theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Always: `_config.yml` says `theme: labpress`.
    Always,
    /// If it has no layouts, or if one of its layouts needs a built-in file.
    WhereNeeded,
    /// Never: it is a blog from Jekyll, or `_config.yml` names another theme, or `none`.
    Never,
}

impl ThemeFile {
    /// Its text, if the build reads it. Assets are copied as they are.
    pub fn text(&self) -> Option<&'static str> {
        let is_read = !self.path.starts_with("assets/");
        std::str::from_utf8(self.bytes).ok().filter(|_| is_read)
    }

    /// How messages name it.
    pub fn origin(&self) -> String {
        format!("{ORIGIN}{}", self.path)
    }

    /// Whether a template uses the file by its name: `layout: default`, `"default.html"`.
    fn is_named_in(&self, template: &str) -> bool {
        let Some((_, name)) =
            self.path.split_once('/').filter(|(folder, _)| folder.starts_with('_'))
        else {
            return false;
        };
        let quoted = |quote: char| template.contains(&format!("{quote}{name}{quote}"));
        let layout = name.strip_suffix(".html").filter(|_| self.path.starts_with("_layouts/"));
        let is_parent = |line: &str| {
            let named = line.strip_prefix("layout:").map(str::trim);
            named.is_some() && named == layout
        };
        let in_front_matter =
            template.strip_prefix("---\n").and_then(|rest| rest.split("\n---").next());
        quoted('"')
            || quoted('\'')
            || in_front_matter.is_some_and(|front| front.lines().any(is_parent))
    }
}

/// The built-in file at `path`.
pub fn file(path: &str) -> Option<&'static ThemeFile> {
    FILES.iter().find(|file| file.path == path)
}

/// Whether a path in a message is that of a built-in file.
pub fn is_origin(path: &str) -> bool {
    path.starts_with(ORIGIN)
}

/// Whether a site with these layouts of its own uses the theme. `has` says whether the site has the
/// file at a path.
pub(crate) fn is_used(when: Use, layouts: &[&str], has: impl Fn(&str) -> bool) -> bool {
    let is_needed = |file: &ThemeFile| layouts.iter().any(|layout| file.is_named_in(layout));
    match when {
        Use::Always => true,
        Use::Never => false,
        Use::WhereNeeded => {
            let mut missing = FILES.iter().filter(|file| !has(file.path));
            layouts.is_empty() || missing.any(is_needed)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_files_of_the_folder_are_part_of_the_theme() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/theme/files");
        let entries = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
        let files = entries.filter(|entry| entry.file_type().is_file());
        let inside = |entry: walkdir::DirEntry| crate::path::of_disk(folder.as_ref(), entry.path());
        let found: BTreeSet<String> = files.map(inside).collect();
        let known: BTreeSet<String> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(found, known);
    }

    #[test]
    fn a_site_with_layouts_of_its_own_uses_the_theme_only_where_it_needs_it() {
        let is_used = |layouts: &[&str]| {
            super::is_used(Use::WhereNeeded, layouts, |path| path == "_layouts/post.html")
        };
        assert!(is_used(&[]));
        assert!(is_used(&["---\nlayout: default\n---\n{{ content }}"]));
        assert!(is_used(&["{% include \"head.html\" %}"]));
        assert!(!is_used(&["<html>{{ content }}", "---\nlayout: post\n---\n"]));
    }

    #[test]
    fn every_language_has_every_string() {
        let strings = file("_data/theme/strings.yml").and_then(ThemeFile::text).unwrap();
        let languages: std::collections::BTreeMap<String, serde_yaml::Mapping> =
            serde_yaml::from_str(strings).unwrap();
        let keys = |language: &serde_yaml::Mapping| -> BTreeSet<String> {
            language.keys().filter_map(|key| key.as_str().map(str::to_owned)).collect()
        };
        assert!(languages.len() > 8);
        for (code, language) in &languages {
            assert_eq!(keys(language), keys(&languages["en"]), "{code}");
            assert_eq!(language["months"].as_sequence().map(Vec::len), Some(12), "{code}");
        }
    }
}
