//! Addresses: from the pattern of a permalink to the address of a page and the file that holds it.

use super::date::Date;
use super::slug::{percent_encoded, slugify, slugify_keeping_case};

/// Where a page is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Its path on the host without `baseurl`, percent-encoded: `/2026/01/31/title/`.
    pub url: String,
    /// The file of the site that holds it: `2026/01/31/title/index.html`.
    pub file: String,
}

/// What a post's permalink is made of.
#[derive(Debug, Clone, Copy)]
pub struct PostParts<'a> {
    /// Its date.
    pub date: &'a Date,
    /// Its name.
    pub slug: &'a str,
    /// Its categories.
    pub categories: &'a [String],
}

/// The address of a post by a pattern: one of Jekyll's styles (`date`, `pretty`, `ordinal`, `weekdate`, `none`) or a
/// template. An error is the reason, as a phrase.
pub fn post_address(pattern: &str, parts: PostParts<'_>) -> Result<Address, String> {
    let template = match pattern {
        "date" => "/:categories/:year/:month/:day/:title:output_ext",
        "pretty" => "/:categories/:year/:month/:day/:title/",
        "ordinal" => "/:categories/:year/:y_day/:title:output_ext",
        "weekdate" => "/:categories/:year/W:week/:short_day/:title:output_ext",
        "none" => "/:categories/:title:output_ext",
        template => template,
    };
    address(&filled(template, |name| post_part(name, parts)))
}

/// The address of a page at `path`, which becomes a file that ends in `ending` (`.html`): by its own permalink, or by
/// where it lies and the style of the site's.
pub fn page_address(own: Option<&str>, site_pattern: &str, path: &str, ending: &str) -> Result<Address, String> {
    let stem = path.rfind('.').map_or(path, |dot| &path[..dot]);
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let part = |part: &str| match part {
        "path" => Some(folder.to_owned()),
        "basename" | "title" | "slug" | "name" => Some(name.to_owned()),
        "output_ext" => Some(ending.to_owned()),
        _ => None,
    };
    if let Some(own) = own {
        return address(&filled(own, part));
    }
    let is_pretty = site_pattern == "pretty" || site_pattern.ends_with('/');
    address(&match name {
        "index" if ending == ".html" => format!("/{folder}/"),
        _ if is_pretty && ending == ".html" => format!("/{stem}/"),
        _ => format!("/{stem}{ending}"),
    })
}

/// Checks a path that is meant to be an address: `/a//b/` becomes `/a/b/`; one that leaves the site is refused.
pub fn address(path: &str) -> Result<Address, String> {
    if path.contains(['\0', '\\', '\n', '?', '#']) {
        return Err("it holds a character that addresses cannot have".to_owned());
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.iter().any(|part| *part == ".." || part.eq_ignore_ascii_case("%2e%2e")) {
        return Err("it leaves the site".to_owned());
    }
    let joined = parts.join("/");
    let is_folder = path.ends_with('/') || parts.is_empty();
    let name = parts.last().copied().unwrap_or("");
    let file = match (is_folder, joined.is_empty()) {
        (_, true) => "index.html".to_owned(),
        (true, _) => format!("{joined}/index.html"),
        (false, _) if has_ending(name) => joined.clone(),
        // As in Jekyll, an address without an ending is that of an HTML file; hosts serve it.
        (false, _) => format!("{joined}.html"),
    };
    let slash = if is_folder && !joined.is_empty() { "/" } else { "" };
    let url = percent_encoded(&format!("/{joined}{slash}"));
    let url = if url == "/index.html" { "/".to_owned() } else { url };
    Ok(Address { url, file: percent_decoded(&file) })
}

/// Whether a name ends as files do: `a.html` and `a.xml`, but not `v1.2`.
fn has_ending(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    (1..=5).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Puts parts in the place of `:name`s, the longest name first; a name that is not known stays.
fn filled(template: &str, part: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(colon) = rest.find(':') {
        filled.push_str(&rest[..colon]);
        let after = &rest[colon + 1..];
        let longest = after.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(after.len());
        let found = (1..=longest).rev().find_map(|length| part(&after[..length]).map(|part| (length, part)));
        if let Some((length, part)) = found {
            filled.push_str(&part);
            rest = &after[length..];
        } else {
            filled.push(':');
            rest = after;
        }
    }
    filled + rest
}

fn post_part(name: &str, parts: PostParts<'_>) -> Option<String> {
    let format = match name {
        "title" => return Some(slugify_keeping_case(parts.slug)),
        "slug" => return Some(slugify(parts.slug)),
        "categories" => return Some(joined(parts.categories, str::to_lowercase)),
        "slugified_categories" => return Some(joined(parts.categories, slugify)),
        "output_ext" => return Some(".html".to_owned()),
        "year" => "%Y",
        "short_year" => "%y",
        "month" => "%m",
        "i_month" => "%-m",
        "short_month" => "%b",
        "long_month" => "%B",
        "day" => "%d",
        "i_day" => "%-d",
        "y_day" => "%j",
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

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            // What would change the path's parts stays encoded.
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

    #[track_caller]
    fn check_post(pattern: &str, expected: &str) {
        let date = Date::parse("2026-01-05 09:07:03", &TimeZone::UTC).expect("it is a date");
        let categories = ["Deep Learning".to_owned(), "notes".to_owned()];
        let parts = PostParts { date: &date, slug: "My-Post v1.2", categories: &categories };
        let address = post_address(pattern, parts);
        assert_eq!(address.map_or_else(|fault| fault, |address| format!("{} {}", address.url, address.file)), expected);
    }

    #[track_caller]
    fn check_page(own: Option<&str>, site: &str, path: &str, expected: &str) {
        let address = page_address(own, site, path, ".html").expect("it is right");
        assert_eq!(format!("{} {}", address.url, address.file), expected);
    }

    #[test]
    fn the_styles_of_jekyll() {
        let folder = "deep learning/notes";
        let url = "/deep%20learning/notes";
        check_post("date", &format!("{url}/2026/01/05/My-Post-v1.2.html {folder}/2026/01/05/My-Post-v1.2.html"));
        check_post("pretty", &format!("{url}/2026/01/05/My-Post-v1.2/ {folder}/2026/01/05/My-Post-v1.2/index.html"));
        check_post("ordinal", &format!("{url}/2026/005/My-Post-v1.2.html {folder}/2026/005/My-Post-v1.2.html"));
        check_post("none", &format!("{url}/My-Post-v1.2.html {folder}/My-Post-v1.2.html"));
    }

    #[test]
    fn templates_are_filled() {
        check_post("/posts/:slug/", "/posts/my-post-v1-2/ posts/my-post-v1-2/index.html");
        check_post("/:short_year/:i_month/:i_day:title", "/26/1/5My-Post-v1.2 26/1/5My-Post-v1.2.html");
        check_post(
            "/:slugified_categories/:unknown/",
            "/deep-learning/notes/:unknown/ deep-learning/notes/:unknown/index.html",
        );
        check_post("/:hour:minute:second", "/090703 090703.html");
    }

    #[test]
    fn an_address_never_leaves_the_site() {
        check_post("/../:title", "it leaves the site");
        check_post("/a/%2e%2e/:slug", "it leaves the site");
        check_post("/a\\b", "it holds a character that addresses cannot have");
    }

    #[test]
    fn pages_lie_where_their_files_do() {
        check_page(None, "date", "about.md", "/about.html about.html");
        check_page(None, "pretty", "about.md", "/about/ about/index.html");
        check_page(None, "/posts/:title/", "docs/index.md", "/docs/ docs/index.html");
        check_page(None, "date", "index.html", "/ index.html");
        check_page(Some("/404.html"), "pretty", "404.md", "/404.html 404.html");
    }
}
