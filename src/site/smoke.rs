//! Marks the pages of a smoke build, so that nobody mistakes numbers of toy-scale runs for results.

use crate::diagnostic::listed;
use crate::experiment::results::Results;
use crate::html::placed_tags;
use crate::output::Output;

/// What pages and feeds of a smoke build say.
const WARNING: &str = "Smoke build, not for publication";
/// How the title of a JSON Feed starts.
const JSON_TITLE: &str = "\"title\":\"";

/// Puts a banner at the top of every HTML page, and a warning into the titles of feeds and above
/// posts in Markdown, if any of the results come from toy-scale runs.
///
/// Every page, because a number can be in any of them: in an excerpt on the index, or in the title
/// of a post's neighbour. The banner is inserted into the finished page and brings its own style,
/// so no layout can leave it out.
#[must_use]
pub(super) fn marked(output: Output, results: &Results<'_>) -> Output {
    let toys = results.experiments.values().filter(|results| results.experiment.smoke);
    let names: Vec<&str> = toys.map(|results| results.experiment.name.as_str()).collect();
    if names.is_empty() {
        return output;
    }
    let banner = banner(&names);
    output.map_bytes(|path, bytes| match std::str::from_utf8(bytes) {
        Ok(html) if path.ends_with(".html") => with_banner(html, &banner).into_bytes(),
        Ok(xml) if path.ends_with(".xml") && xml.contains("<feed") => {
            with_marked_title(xml).into_bytes()
        }
        Ok(json) if path.ends_with(".json") && json.contains("https://jsonfeed.org/") => {
            // The feed's own title comes before those of its items.
            json.replacen(JSON_TITLE, &format!("{JSON_TITLE}{WARNING}: "), 1).into_bytes()
        }
        Ok(text) if path.ends_with(".md") => format!("**{WARNING}.**\n\n{text}").into_bytes(),
        _ => bytes.to_vec(),
    })
}

/// Names of experiments are lowercase words and digits, so they need no escaping.
fn banner(names: &[&str]) -> String {
    let names = listed(names.iter().copied()).replace('`', "");
    format!(
        "<div class=\"labpress-smoke\" role=\"alert\" \
         style=\"all:initial;display:block;position:sticky;top:0;\
         z-index:2147483647;padding:.6em 1em;background:#b00020;color:#fff;font:bold 16px/1.4 \
         sans-serif;\
         text-align:center\">{WARNING}: the numbers of {names} come from \
         toy-scale runs and mean \
         nothing.</div>"
    )
}

/// Puts a warning at the start of the first title in a feed, which is the feed's own.
fn with_marked_title(feed: &str) -> String {
    let title = feed.find("<title").and_then(|tag| Some(tag + feed[tag..].find('>')? + 1));
    let (before, after) = feed.split_at(title.unwrap_or(feed.len()));
    if after.is_empty() { before.to_owned() } else { format!("{before}{WARNING}: {after}") }
}

/// Puts the banner after the start tag of the body, or at the end, which is also in the body, if
/// there is no such tag.
fn with_banner(html: &str, banner: &str) -> String {
    let (before, after) = html.split_at(start_of_body(html).unwrap_or(html.len()));
    format!("{before}{banner}{after}")
}

/// Where the content of the body starts.
fn start_of_body(html: &str) -> Option<usize> {
    let mut templates = 0_usize;
    for (at, tag) in placed_tags(html) {
        if tag.is("template") {
            templates = if tag.is_end { templates.saturating_sub(1) } else { templates + 1 };
        } else if tag.is("body") && !tag.is_end && templates == 0 {
            return Some(at + tag.text.len());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, expected: &str) {
        assert_eq!(with_banner(html, "!"), expected);
    }

    #[test]
    fn the_banner_comes_first_in_the_body() {
        check("<html><body class='a>b' id=x><p>", "<html><body class='a>b' id=x>!<p>");
        check("<BODY>é", "<BODY>!é");
    }

    #[test]
    fn what_only_looks_like_the_body_is_ignored() {
        check("<!-- <body> --><body>x", "<!-- <body> --><body>!x");
        check("<script>\"<body>\"</script><body>x", "<script>\"<body>\"</script><body>!x");
        check(
            "<title><body></title><bodyguard><body\n>x",
            "<title><body></title><bodyguard><body\n>!x",
        );
    }

    #[test]
    fn the_title_of_a_feed_has_the_warning() {
        let marked = with_marked_title(
            "<feed><title type=\"text\">Blog</title><entry><title>A</title></entry></feed>",
        );
        assert!(
            marked.contains("\">Smoke build, not for publication: Blog<")
                && marked.contains("<title>A<"),
            "{marked}"
        );
        assert_eq!(with_marked_title("<feed>"), "<feed>");
    }

    #[test]
    fn a_page_without_a_body_tag_has_the_banner_at_its_end() {
        check("<p>x", "<p>x!");
        check("<!-- open", "<!-- open!");
    }
}
