//! Replacements for Jekyll's plugins, for blogs that name them: the same tags, elements and values,
//! reimplemented.
//!
//! Works on values only: `site`, `page` and `paginator` as Liquid sees them. [`site`](crate::site)
//! reads pages and writes the results. [`missing`] lists plugins that labpress does not support, so
//! that a build can warn about them.

mod emoji;
pub(crate) mod feed;
pub(crate) mod github;
mod mentions;
pub(crate) mod relative_links;
mod seo;
pub(crate) mod sitemap;
mod texts;

use std::collections::BTreeMap;

use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::html::escaped;
use crate::liquid::{Call, Environment, Expanded, Tag};
use crate::time::Date;
use crate::value::{Value, as_text, entry, is_nil};

/// The tags of plugins, known whether or not the blog names their plugin.
pub(crate) const TAGS: [&str; 3] = ["avatar", "feed_meta", "seo"];

/// How labpress handles a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// labpress does the same, in whatever module.
    BuiltIn,
    /// It does not affect the pages of the site.
    NotNeeded,
    /// labpress does what is possible without GitHub's API.
    WithoutNetwork,
    /// It provides the files of a theme, which labpress reads from a folder.
    Theme,
    /// It is not supported.
    Missing,
}

/// The known plugins.
const FATES: [(&str, Fate); 36] = [
    ("github-pages", Fate::BuiltIn),
    ("jekyll-avatar", Fate::BuiltIn),
    ("jekyll-commonmark", Fate::BuiltIn),
    ("jekyll-commonmark-ghpages", Fate::BuiltIn),
    ("jekyll-default-layout", Fate::BuiltIn),
    ("jekyll-feed", Fate::BuiltIn),
    ("jekyll-gist", Fate::BuiltIn),
    ("jekyll-github-metadata", Fate::WithoutNetwork),
    ("jekyll-include-cache", Fate::BuiltIn),
    ("jekyll-mentions", Fate::BuiltIn),
    ("jekyll-optional-front-matter", Fate::BuiltIn),
    ("jekyll-paginate", Fate::BuiltIn),
    ("jekyll-readme-index", Fate::BuiltIn),
    ("jekyll-redirect-from", Fate::BuiltIn),
    ("jekyll-relative-links", Fate::BuiltIn),
    ("jekyll-sass-converter", Fate::BuiltIn),
    ("jekyll-seo-tag", Fate::BuiltIn),
    ("jekyll-sitemap", Fate::BuiltIn),
    ("jekyll-titles-from-headings", Fate::BuiltIn),
    ("jemoji", Fate::BuiltIn),
    ("kramdown", Fate::BuiltIn),
    ("kramdown-parser-gfm", Fate::BuiltIn),
    ("kramdown-math-mathjax", Fate::BuiltIn),
    ("rouge", Fate::BuiltIn),
    ("jekyll-remote-theme", Fate::Theme),
    ("classifier-reborn", Fate::NotNeeded),
    ("jekyll-admin", Fate::NotNeeded),
    ("jekyll-compose", Fate::NotNeeded),
    ("jekyll-livereload", Fate::NotNeeded),
    ("jekyll-watch", Fate::NotNeeded),
    ("jekyll", Fate::NotNeeded),
    ("rake", Fate::NotNeeded),
    ("tzinfo-data", Fate::NotNeeded),
    ("webrick", Fate::NotNeeded),
    ("wdm", Fate::NotNeeded),
    ("html-proofer", Fate::NotNeeded),
];

/// The values that a plugin's tag can use.
pub(crate) struct Scope<'s, 'a> {
    pub(crate) environment: &'s Environment<'a>,
    pub(crate) site: &'s Value,
    pub(crate) page: &'s Value,
    pub(crate) paginator: &'s Value,
}

/// The tags of plugins in Liquid.
pub(crate) struct PluginTags;

impl Tag for PluginTags {
    fn render(&self, call: &Call<'_, '_>, _: &mut Expanded) -> Result<String, Diagnostic> {
        let [site, page, paginator] = ["site", "page", "paginator"].map(call.variable);
        let environment = call.environment;
        let scope = Scope { environment, site: &site, page: &page, paginator: &paginator };
        Ok(match call.name {
            "avatar" => avatar(call.arguments),
            "feed_meta" => feed::meta(&scope),
            _ => seo::tag(call.arguments, &scope),
        })
    }
}

/// The unsupported plugins that the blog names, with the key that names them.
pub fn missing(config: &Config) -> Vec<(&'static str, String)> {
    config.plugins().filter(|(_, name)| fate(name) == Fate::Missing).collect()
}

/// All plugins that the blog names, each once, in order of name, with how they are handled.
pub fn fates(config: &Config) -> BTreeMap<String, Fate> {
    config.plugins().map(|(_, name)| (fate(&name), name)).map(|(fate, name)| (name, fate)).collect()
}

fn fate(name: &str) -> Fate {
    FATES.iter().find(|(known, _)| *known == name).map_or(Fate::Missing, |(_, fate)| *fate)
}

/// Applies the plugins that change whole pages.
pub(crate) fn finished(html: String, page: &Value, config: &Config) -> String {
    let html = if config.has_plugin("jekyll-mentions") {
        mentions::linked(html, page, config)
    } else {
        html
    };
    if config.has_plugin("jemoji") { emoji::as_images(html, config) } else { html }
}

impl Scope<'_, '_> {
    fn absolute(&self, path: &str) -> String {
        crate::url::absolute_url(self.environment.url, self.environment.base_url, path)
    }

    /// A date in XML format; empty if it is not a date.
    fn xml_schema(&self, date: &Value) -> String {
        let date = Date::parse(&as_text(date), self.environment.zone);
        date.map(|date| date.to_xml_schema()).unwrap_or_default()
    }
}

/// The value at a path of keys, unless it is nil, false or missing.
fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    let found = path.iter().try_fold(value, |value, key| entry(value, key))?;
    (!is_nil(found) && found.as_bool() != Some(false)).then_some(found)
}

/// As [`at`], as text, unless that is empty.
fn text_at(value: &Value, path: &[&str]) -> Option<String> {
    at(value, path).map(as_text).filter(|text| !text.is_empty())
}

/// A string on one line without HTML.
fn plain(html: &str) -> String {
    crate::html::without_html(html).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A picture from GitHub: `{% avatar hubot size=50 %}`.
fn avatar(arguments: &str) -> String {
    let name =
        escaped(arguments.split_whitespace().next().unwrap_or_default().trim_start_matches('@'));
    let option = |name: &str| arguments.split_whitespace().find_map(|word| word.strip_prefix(name));
    let size = option("size=").and_then(|size| size.parse::<u32>().ok()).unwrap_or(40).min(4000);
    let address = |scale: u32| {
        let path = format!("{name}?v=3&s={}", size * scale);
        // GitHub spreads pictures over four hosts by a checksum of the path without the scale.
        let host = crc32(format!("{name}?v=3&s={size}").as_bytes()) % 4;
        format!("https://avatars{host}.githubusercontent.com/{}", path.replace('&', "&amp;"))
    };
    let sizes: Vec<String> = (1..=4).map(|scale| format!("{} {scale}x", address(scale))).collect();
    let is_lazy = option("lazy=") == Some("true");
    let sources = if is_lazy {
        format!("src=\"\" data-src=\"{}\" data-srcset=\"{}\"", address(1), sizes.join(", "))
    } else {
        format!("src=\"{}\" srcset=\"{}\"", address(1), sizes.join(", "))
    };
    let class = if size < 48 { "avatar avatar-small" } else { "avatar" };
    format!(
        "<img class=\"{class}\" alt=\"{name}\" width=\"{size}\" height=\"{size}\" data-proofer-ignore=\"true\" {sources} />"
    )
}

/// The checksum of zip and PNG files.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    };
    !bytes.iter().fold(!0, step)
}

/// Escapes HTML text that may already contain entities.
fn escaped_once(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '&' if is_entity(&text[at..]) => written.push('&'),
            c => written.push_str(&escaped(c.encode_utf8(&mut [0; 4]))),
        }
    }
    written
}

fn is_entity(text: &str) -> bool {
    let Some(end) = text.find(';') else { return false };
    let name = &text[1..end];
    let is_number = |digits: &str, is_digit: fn(&char) -> bool| {
        !digits.is_empty() && digits.chars().all(|c| is_digit(&c))
    };
    match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hex) => is_number(hex, char::is_ascii_hexdigit),
            None => is_number(number, char::is_ascii_digit),
        },
        None => is_number(name, char::is_ascii_alphanumeric),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_plugins_are_listed() {
        let config = Config::for_tests("plugins: [jekyll-feed, jekyll-scholar]\ngems: jekyll-x");
        let names = [("plugins", "jekyll-scholar"), ("gems", "jekyll-x")];
        assert_eq!(missing(&config), names.map(|(key, name)| (key, name.to_owned())));
        assert!(config.has_plugin("jekyll-feed"));
    }

    #[test]
    fn an_avatar_has_the_address_that_github_gives_it() {
        assert!(
            avatar("hubot size=50")
                .contains(" src=\"https://avatars2.githubusercontent.com/hubot?v=3&amp;s=50\"")
        );
    }

    #[test]
    fn entities_are_not_escaped_again() {
        assert_eq!(
            escaped_once("a & b &amp; <c> &#39; &x"),
            "a &amp; b &amp; &lt;c&gt; &#39; &amp;x"
        );
    }
}
