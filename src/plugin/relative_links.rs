//! jekyll-relative-links: turns links to source files into links to their pages:
//! `[about](../about.md)`.

use crate::config::Config;
use crate::liquid::Environment;
use crate::url::{has_scheme, relative_url};

/// Whether links in pages, or in documents of collections, are changed.
pub(crate) fn is_wanted(config: &Config, is_document: bool) -> bool {
    const OPTIONS: &str = "relative_links";
    config.has_plugin("jekyll-relative-links")
        && config.is_on(OPTIONS, "enabled", true)
        && (!is_document || config.is_on(OPTIONS, "collections", false))
}

/// The Markdown of the file at `path` with inline links and references changed.
pub(crate) fn resolved(markdown: &str, path: &str, environment: &Environment<'_>) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut out = String::with_capacity(markdown.len());
    for line in markdown.split_inclusive('\n') {
        let mut rest = line;
        if line.trim_start().starts_with('[')
            && let Some((label, target)) = line.split_once("]: ")
        {
            out.push_str(label);
            out.push_str("]: ");
            push_target(&mut out, target, folder, environment);
            continue;
        }
        while let Some((before, after)) = rest.split_once("](") {
            out.push_str(before);
            out.push_str("](");
            let end = after.find(')').unwrap_or(0);
            push_target(&mut out, &after[..end], folder, environment);
            rest = &after[end..];
        }
        out.push_str(rest);
    }
    out
}

/// Writes the target of a link, and what follows: a fragment, a title.
fn push_target(out: &mut String, target: &str, folder: &str, environment: &Environment<'_>) {
    let end = target.find(|c: char| c == '#' || c.is_whitespace()).unwrap_or(target.len());
    let (link, behind) = target.split_at(end);
    let url = if link.is_empty() || has_scheme(link) {
        None
    } else {
        environment.urls.get(&from_root(link, folder))
    };
    match url {
        Some(url) => out.push_str(&relative_url(environment.base_url, url)),
        None => out.push_str(link),
    }
    out.push_str(behind);
}

/// The path from the site's root of `link`, relative to `folder`.
fn from_root(link: &str, folder: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.trim_start_matches('/').split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/").replace("%20", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_relative_to_the_folder_of_its_file() {
        assert_eq!(from_root("../b.md", "a/c"), "a/b.md");
        assert_eq!(from_root("./b%20c.md", ""), "b c.md");
        assert_eq!(from_root("../../../b.md", "a"), "b.md");
    }
}
