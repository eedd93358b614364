//! jekyll-mentions: links `@name` to a profile.

use std::fmt::Write;

use super::{at, texts};
use crate::config::Config;
use crate::value::{Value, entry};

/// Elements whose text is not changed.
const IGNORED: [&str; 6] = ["pre", "code", "tt", "a", "style", "script"];

/// Links the names in a page, unless its front matter says `jekyll-mentions: false`.
pub(super) fn linked(html: String, page: &Value, config: &Config) -> String {
    let own = entry(page, "jekyll-mentions");
    if !html.contains('@') || own.is_some_and(|own| own.as_bool() == Some(false)) {
        return html;
    }
    let setting = own.or_else(|| config.value("jekyll-mentions"));
    let base = setting
        .and_then(|setting| at(setting, &["base_url"]).or(Some(setting)).and_then(Value::as_str));
    let base = base.unwrap_or("https://github.com").trim_end_matches('/').to_owned();
    texts::changed(&html, &IGNORED, |text| with_links(text, &base))
}

fn with_links(text: &str, base: &str) -> Option<String> {
    let mut written = String::new();
    let mut copied = 0;
    for (sign, _) in text.match_indices('@') {
        let before = text[..sign].chars().next_back();
        let name_length = text[sign + 1..]
            .find(|c: char| !is_word(c) && c != '-')
            .unwrap_or(text.len() - sign - 1);
        let name = &text[sign + 1..sign + 1 + name_length];
        let after = &text[sign + 1 + name_length..];
        let is_name = name.starts_with(is_word) && !before.is_some_and(is_word) && ends_here(after);
        if is_name {
            written.push_str(&text[copied..sign]);
            let _ = write!(written, "<a href=\"{base}/{name}\" class=\"user-mention\">@{name}</a>");
            copied = sign + 1 + name_length;
        }
    }
    (copied > 0).then(|| written + &text[copied..])
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether a name may end before this character: not inside an address or a path.
fn ends_here(after: &str) -> bool {
    let behind_dots = after.trim_start_matches('.');
    behind_dots.chars().next().is_none_or(|c| !is_word(c)) && !after.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &str, html: &str, expected: &str) {
        let page = Value::from(tera::Map::new());
        assert_eq!(linked(html.to_owned(), &page, &Config::for_tests(config)), expected);
    }

    #[test]
    fn names_in_text_become_links() {
        check(
            "",
            "<p>By @ada, a@b.org and <code>@x</code>; @grace.</p>",
            "<p>By <a href=\"https://github.com/ada\" class=\"user-mention\">@ada</a>, a@b.org and <code>@x</code>; <a \
             href=\"https://github.com/grace\" class=\"user-mention\">@grace</a>.</p>",
        );
    }

    #[test]
    fn the_configuration_can_name_another_host() {
        check(
            "jekyll-mentions: https://x.org/u/",
            "@a",
            "<a href=\"https://x.org/u/a\" class=\"user-mention\">@a</a>",
        );
    }
}
