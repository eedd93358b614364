//! Turns the pattern of a permalink into the address of a page and its file, as Jekyll does.

use crate::path;
use crate::slug::{part_encoded, slugify, slugify_keeping_case};
use crate::time::Date;

/// The address of a page or file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Its path on the host without `baseurl`: `/2026/01/31/title/`. Parts that come from names are
    /// percent-encoded; what the author writes in a permalink is kept.
    pub url: String,
    /// Its file in the built site: `2026/01/31/title/index.html`.
    pub file: String,
}

/// The parts that the permalink of a post or another document can contain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DocumentParts<'a> {
    /// Its date.
    pub date: &'a Date,
    /// `slug` in its front matter, or its name.
    pub slug: &'a str,
    /// Its categories.
    pub categories: &'a [String],
    /// The name of its collection.
    pub collection: &'a str,
    /// Its path in the folder of the collection, without extension: `/guide/start`.
    pub path: &'a str,
    /// The name of its file, without extension.
    pub name: &'a str,
    /// The extension of the generated file: `.html`.
    pub ending: &'a str,
}

/// The address of a document, from its own permalink or the pattern of its collection. An error is
/// a phrase with the reason.
pub(crate) fn document_address(
    own: Option<&str>,
    pattern: &str,
    parts: DocumentParts<'_>,
) -> Result<Address, String> {
    let ending = own.and_then(ending_of_permalink).unwrap_or(parts.ending);
    let template = own.unwrap_or(pattern);
    address(
        &filled(template, |name| document_part(name, DocumentParts { ending, ..parts }))?,
        ending,
    )
}

/// The default pattern of posts. The site's `permalink` may be the name of a style.
pub(crate) fn post_pattern(site_permalink: &str) -> &str {
    match site_permalink {
        "date" => "/:categories/:year/:month/:day/:title:output_ext",
        "pretty" => "/:categories/:year/:month/:day/:title/",
        "ordinal" => "/:categories/:year/:y_day/:title:output_ext",
        "weekdate" => "/:categories/:year/W:week/:short_day/:title:output_ext",
        "none" => "/:categories/:title:output_ext",
        template => template,
    }
}

/// The default pattern of documents in other collections.
pub(crate) fn collection_pattern(site_permalink: &str) -> String {
    with_suffix("/:collection/:path", site_permalink)
}

/// Makes a pattern end like that of the site's posts.
fn with_suffix(pattern: &str, site_permalink: &str) -> String {
    let suffix = match site_permalink {
        "pretty" => "/",
        "date" | "ordinal" | "none" => ":output_ext",
        template if template.ends_with('/') => "/",
        template if template.ends_with(":output_ext") => ":output_ext",
        _ => "",
    };
    format!("{pattern}{suffix}")
}

/// The address of the page at `path`, from its own permalink, or from its path and the style of the
/// site's permalinks. `ending` is the extension of the generated file: `.html`.
pub(crate) fn page_address(
    own: Option<&str>,
    site_permalink: &str,
    path: &str,
    ending: &str,
) -> Result<Address, String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = path::stem(name).trim_end_matches('.');
    let is_html = [".html", ".xhtml", ".htm"].contains(&ending);
    let template = match own {
        Some(own) => own.to_owned(),
        None if !is_html => "/:path/:basename:output_ext".to_owned(),
        None if name == "index" => "/:path/".to_owned(),
        None => with_suffix("/:path/:basename", site_permalink),
    };
    let ending = own.and_then(ending_of_permalink).unwrap_or(ending);
    // Only these three are replaced in pages; anything else is kept.
    let filled = template
        .replace(":path", &part_encoded(folder))
        .replace(":basename", &part_encoded(name))
        .replace(":output_ext", ending);
    address(&filled, ending)
}

/// The address of a file that is copied: its own path, or the pattern of its collection.
pub(crate) fn static_address(
    path: &str,
    collection: Option<(&str, &str)>,
) -> Result<Address, String> {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let (name, ending) = name.split_at(path::stem(name).len());
    let name = name.trim_end_matches('.');
    let path = if folder.is_empty() { format!("/{name}") } else { format!("/{folder}/{name}") };
    let Some((label, pattern)) = collection else {
        let url = format!("{path}{ending}");
        return Ok(Address { file: percent_decoded(&url[1..]), url });
    };
    let url = pattern
        .replace(":collection", &part_encoded(label))
        .replace(":path", &part_encoded(&path))
        .replace(":output_ext", "")
        .replace(":name", &part_encoded(name))
        .replace(":title", "");
    address(&format!("{}{ending}", sanitized(&url).trim_end_matches('/')), ending)
}

/// The extension in a permalink: `/feed.xml` and `/v1.2` have one, `/about/` and `/about` have
/// none.
pub(crate) fn ending_of_permalink(permalink: &str) -> Option<&str> {
    let name = permalink.rsplit('/').next().unwrap_or(permalink);
    let ending = &name[path::stem(name).len()..];
    (!ending.is_empty()).then_some(ending)
}

/// `/a//b/` becomes `/a/b/`, and no address leaves the site, because `..` becomes a slash.
fn sanitized(path: &str) -> String {
    let path = format!("/{path}").replace("..", "/").replace("./", "");
    let mut sanitized = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !sanitized.ends_with('/') {
            sanitized.push(c);
        }
    }
    sanitized
}

/// Makes an address from a path. Its file gets the extension `ending` unless the path already has
/// it.
pub(crate) fn address(path: &str, ending: &str) -> Result<Address, String> {
    if path.contains(['\0', '\n', '\\']) {
        return Err("it contains a character that is not allowed in URLs".to_owned());
    }
    let url = sanitized(path);
    let decoded = percent_decoded(url.trim_start_matches('/'));
    if decoded.split('/').any(|part| part == ".." || part.eq_ignore_ascii_case("%2e%2e")) {
        return Err("it leaves the site".to_owned());
    }
    let file = if url.ends_with('/') {
        // The name is `index` even if the file is not HTML.
        format!("{decoded}index{}", if ending.is_empty() { ".html" } else { ending })
    } else if decoded.ends_with(ending) {
        decoded
    } else {
        decoded + ending
    };
    Ok(Address { url, file })
}

/// Replaces each `:name` with its part. As in Jekyll, all letters after a colon belong to the name,
/// except a `_` at the end.
fn filled(template: &str, part: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(colon) = rest.find(':') {
        filled.push_str(&rest[..colon]);
        let after = &rest[colon + 1..];
        let end = after.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(after.len());
        let name = &after[..end];
        let without = name.strip_suffix('_').unwrap_or(name);
        if name.is_empty() {
            filled.push(':');
        } else if let Some(part) = part(name) {
            filled.push_str(&part_encoded(&part));
        } else if let Some(part) = part(without) {
            filled.push_str(&part_encoded(&part));
            filled.push('_');
        } else {
            return Err(format!("unknown placeholder `:{name}`"));
        }
        rest = &after[end..];
    }
    Ok(filled + rest)
}

fn document_part(name: &str, parts: DocumentParts<'_>) -> Option<String> {
    let format = match name {
        "title" => return Some(slugify_keeping_case(parts.slug)),
        "slug" => return Some(slugify(parts.slug)),
        "name" => return Some(slugify(parts.name)),
        "path" => return Some(parts.path.to_owned()),
        "collection" => return Some(parts.collection.to_owned()),
        "categories" => return Some(joined(parts.categories, str::to_lowercase)),
        "slugified_categories" => return Some(joined(parts.categories, slugify)),
        "output_ext" => return Some(parts.ending.to_owned()),
        "year" => "%Y",
        "short_year" => "%y",
        "y_day" => "%j",
        "month" => "%m",
        "i_month" => "%-m",
        "short_month" => "%b",
        "long_month" => "%B",
        "day" => "%d",
        "i_day" => "%-d",
        "short_day" => "%a",
        "long_day" => "%A",
        "week" => "%V",
        "w_year" => "%G",
        "w_day" => "%u",
        "hour" => "%H",
        "minute" => "%M",
        "second" => "%S",
        _ => return None,
    };
    parts.date.format(format)
}

fn joined(categories: &[String], part: impl Fn(&str) -> String) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in categories.iter().map(|category| part(category)) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join("/")
}

pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            // Characters that would change the parts of the path stay encoded.
            Some(decoded) if byte == b'%' && !matches!(decoded, b'/' | b'\\' | 0 | b'.') => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn shown(address: Result<Address, String>) -> String {
        address.map_or_else(|error| error, |address| format!("{} {}", address.url, address.file))
    }

    fn document(own: Option<&str>, pattern: &str) -> String {
        let date = Date::parse("2026-01-05 09:07:03", &TimeZone::UTC).expect("it is a date");
        let categories = ["Deep Learning".to_owned(), "notes".to_owned()];
        let parts = DocumentParts {
            date: &date,
            slug: "My-Post v1.2",
            categories: &categories,
            collection: "docs",
            path: "/a b/My-Post",
            name: "My-Post",
            ending: ".html",
        };
        shown(document_address(own, pattern, parts))
    }

    #[track_caller]
    fn check_post(pattern: &str, expected: &str) {
        assert_eq!(document(None, post_pattern(pattern)), expected);
    }

    #[track_caller]
    fn check_page(own: Option<&str>, site: &str, path: &str, expected: &str) {
        assert_eq!(shown(page_address(own, site, path, ".html")), expected);
    }

    #[test]
    fn the_styles_of_jekyll() {
        let folder = "deep learning/notes";
        let url = "/deep%20learning/notes";
        check_post(
            "date",
            &format!("{url}/2026/01/05/My-Post-v1.2.html {folder}/2026/01/05/My-Post-v1.2.html"),
        );
        check_post(
            "pretty",
            &format!("{url}/2026/01/05/My-Post-v1.2/ {folder}/2026/01/05/My-Post-v1.2/index.html"),
        );
        check_post(
            "ordinal",
            &format!("{url}/2026/005/My-Post-v1.2.html {folder}/2026/005/My-Post-v1.2.html"),
        );
        check_post(
            "weekdate",
            &format!(
                "{url}/2026/W02/Mon/My-Post-v1.2.html {folder}/2026/W02/Mon/My-Post-v1.2.html"
            ),
        );
        check_post("none", &format!("{url}/My-Post-v1.2.html {folder}/My-Post-v1.2.html"));
    }

    #[test]
    fn templates_are_filled() {
        check_post("/posts/:slug/", "/posts/my-post-v1-2/ posts/my-post-v1-2/index.html");
        check_post(
            "/:short_year/:i_month/:i_day-:title",
            "/26/1/5-My-Post-v1.2 26/1/5-My-Post-v1.2.html",
        );
        check_post("/:year_:month/x", "/2026_01/x 2026_01/x.html");
        check_post("/:slugified_categories/:unknown/", "unknown placeholder `:unknown`");
        check_post("/:hour:minute:second", "/090703 090703.html");
        check_post(
            "/:short_month/:long_month/:long_day/:w_year/:w_day",
            "/Jan/January/Monday/2026/1 Jan/January/Monday/2026/1.html",
        );
    }

    #[test]
    fn documents_have_the_paths_of_their_files() {
        assert_eq!(
            document(None, &collection_pattern("date")),
            "/docs/a%20b/My-Post.html docs/a b/My-Post.html"
        );
        assert_eq!(
            document(None, &collection_pattern("/:title/")),
            "/docs/a%20b/My-Post/ docs/a b/My-Post/index.html"
        );
        assert_eq!(
            document(None, &collection_pattern("/:title")),
            "/docs/a%20b/My-Post docs/a b/My-Post.html"
        );
        assert_eq!(
            document(None, "/:collection/:name:output_ext"),
            "/docs/my-post.html docs/my-post.html"
        );
    }

    #[test]
    fn permalinks_are_kept_as_written() {
        assert_eq!(document(Some("/über uns/"), "date"), "/über uns/ über uns/index.html");
        assert_eq!(document(Some("about"), "date"), "/about about.html");
        assert_eq!(document(Some("/v1.2"), "date"), "/v1.2 v1.2");
        assert_eq!(document(Some("/feed.xml"), "date"), "/feed.xml feed.xml");
        assert_eq!(document(Some("/a//./b.html"), "date"), "/a/b.html a/b.html");
    }

    #[test]
    fn an_address_never_leaves_the_site() {
        check_post("/../:title", "/My-Post-v1.2 My-Post-v1.2.html");
        check_post("/a/%2e%2e/:slug", "it leaves the site");
        check_post("/a\\b", "it contains a character that is not allowed in URLs");
    }

    #[test]
    fn pages_have_the_paths_of_their_files() {
        check_page(None, "date", "about.md", "/about.html about.html");
        check_page(None, "pretty", "about.md", "/about/ about/index.html");
        check_page(None, "/posts/:title", "about.md", "/about about.html");
        check_page(None, "/posts/:title/", "docs/index.md", "/docs/ docs/index.html");
        check_page(None, "date", "index.html", "/ index.html");
        check_page(None, "date", "größe/b c.md", "/gr%C3%B6%C3%9Fe/b%20c.html größe/b c.html");
        check_page(Some("/404.html"), "pretty", "404.md", "/404.html 404.html");
        assert_eq!(
            shown(page_address(None, "pretty", "a/feed.xml", ".xml")),
            "/a/feed.xml a/feed.xml"
        );
    }

    #[test]
    fn files_keep_their_paths() {
        assert_eq!(shown(static_address("a/b c.png", None)), "/a/b c.png a/b c.png");
        assert_eq!(shown(static_address(".htaccess", None)), "/.htaccess .htaccess");
        let docs = Some(("docs", "/:collection/:path"));
        assert_eq!(shown(static_address("x/b c.png", docs)), "/docs/x/b%20c.png docs/x/b c.png");
    }
}
