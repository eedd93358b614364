//! jemoji: replaces `:smile:` with GitHub's picture.
//!
//! Names are those of the crate `emojis`, which follow GitHub's; the few that are GitHub's own
//! pictures are listed here.

use std::fmt::Write;

use super::texts;
use crate::config::Config;
use crate::html::escaped;
use crate::value::{Value, entry};

const IGNORED: [&str; 5] = ["pre", "code", "tt", "style", "script"];
const PICTURES: &str = "https://github.githubassets.com/images/icons";
/// Names of pictures without a Unicode character.
const CUSTOM: [&str; 22] = [
    "accessibility",
    "atom",
    "basecamp",
    "basecampy",
    "bowtie",
    "dependabot",
    "electron",
    "feelsgood",
    "finnadie",
    "fishsticks",
    "goberserk",
    "godmode",
    "hurtrealbad",
    "neckbeard",
    "octocat",
    "rage1",
    "rage2",
    "rage3",
    "rage4",
    "shipit",
    "suspect",
    "trollface",
];

/// Replaces names with pictures.
pub(super) fn as_images(html: String, config: &Config) -> String {
    if !html.contains(':') {
        return html;
    }
    let source =
        config.value("emoji").and_then(|emoji| entry(emoji, "src")).and_then(Value::as_str);
    let source = source.unwrap_or(PICTURES).trim_end_matches('/').to_owned();
    texts::changed(&html, &IGNORED, |text| with_images(text, &source))
}

fn with_images(text: &str, source: &str) -> Option<String> {
    let mut written = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(open) = text[at..].find(':').map(|found| at + found) {
        let length = text[open + 1..].find(':');
        let picture = length.and_then(|length| picture(&text[open + 1..open + 1 + length]));
        let (Some(length), Some(picture)) = (length, picture) else {
            at = open + 1;
            continue;
        };
        let name = &text[open..open + length + 2];
        written.push_str(&text[copied..open]);
        let _ = write!(
            written,
            "<img class=\"emoji\" title=\"{name}\" alt=\"{name}\" src=\"{}/emoji/{picture}\" height=\"20\" width=\"20\">",
            escaped(source)
        );
        at = open + length + 2;
        copied = at;
    }
    (copied > 0).then(|| written + &text[copied..])
}

/// The path of a picture, by its name.
fn picture(name: &str) -> Option<String> {
    if CUSTOM.contains(&name) {
        return Some(format!("{name}.png"));
    }
    let emoji = emojis::get_by_shortcode(name)?;
    // Names of pictures omit joiners and variation selectors.
    let characters = emoji.as_str().chars().filter(|c| !matches!(c, '\u{200D}' | '\u{FE0F}'));
    let codes: Vec<String> = characters.map(|c| format!("{:04x}", u32::from(c))).collect();
    Some(format!("unicode/{}.png", codes.join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_pictures_outside_code() {
        let html = "<p>at 10:30: :smile: :nothing: <code>:smile:</code> :octocat:</p>";
        let image = |name: &str, path: &str| {
            format!(
                "<img class=\"emoji\" title=\":{name}:\" alt=\":{name}:\" \
                 src=\"https://github.githubassets.com/images/icons/emoji/{path}.png\" height=\"20\" width=\"20\">"
            )
        };
        let (smile, octocat) = (image("smile", "unicode/1f604"), image("octocat", "octocat"));
        assert_eq!(
            as_images(html.to_owned(), &Config::for_tests("")),
            format!("<p>at 10:30: {smile} :nothing: <code>:smile:</code> {octocat}</p>")
        );
    }
}
