//! Posts as Markdown, for programs that read no HTML: `markdown_pages`, and the list of all posts
//! for language models, `llms.txt`: `llms_txt`.

use std::fmt::Write;

use super::{Made, Shared};
use crate::config::Config;
use crate::html::{self, Token, tokens, unescaped};
use crate::liquid::Expanded;
use crate::post::Post;

/// Whether the site publishes a post as Markdown.
pub(super) fn has_markdown(config: &Config, post: &Post<'_>) -> bool {
    config.markdown_pages && post.is_markdown
}

/// The body of a post as Markdown: values are text, charts are their description and numbers.
pub(super) fn body(expanded: &Expanded) -> String {
    let embeds = &expanded.embeds;
    embeds.written(&expanded.text, |embed| {
        if embed.block { figure(&embed.html) } else { embed.text.clone() }
    })
}

/// The address and the file of the post at `index` as Markdown, if the site publishes that.
pub(super) fn of_post(site: &Shared<'_>, index: usize) -> Option<(String, Made)> {
    let (post, rendered) = (&site.blog.posts[index], &site.posts[index]);
    let body = rendered.markdown()?;
    let (url, file) = address(&post.address.url, &post.address.file);
    let mut text = format!("# {}\n\n", rendered.body.summary.title);
    if let Some(description) = &rendered.body.summary.description {
        let _ = writeln!(text, "> {description}\n");
    }
    let whole = |url: &str| crate::url::absolute_url(&site.config.url, &site.config.base_url, url);
    let _ = writeln!(text, "- Address: {}", whole(&post.address.url));
    let _ = writeln!(text, "- Published: {}", post.date.to_xml_schema());
    if !post.front.tags.is_empty() {
        let _ = writeln!(text, "- Tags: {}", post.front.tags.join(", "));
    }
    if !rendered.body.summary.experiments.is_empty() {
        let names: Vec<&str> =
            rendered.body.summary.experiments.iter().map(String::as_str).collect();
        let _ = writeln!(text, "- Results of the experiments: {}", names.join(", "));
    }
    let _ = write!(text, "\n{}\n", body.trim());
    Some((url, Made::new(file, text).from(post.body.path)))
}

/// Where the Markdown of a page is: beside the page.
fn address(url: &str, file: &str) -> (String, String) {
    let file = format!("{}.md", file.strip_suffix(".html").unwrap_or(file));
    let url = match url.strip_suffix(".html") {
        Some(url) => format!("{url}.md"),
        None if url.ends_with('/') => format!("{url}index.md"),
        None => format!("{url}.md"),
    };
    (url, file)
}

/// `llms.txt`, the list of all posts, if the site has one and the author has none.
pub(super) fn list(site: &Shared<'_>) -> Vec<Made> {
    const FILE: &str = "llms.txt";
    let config = site.config;
    if !config.llms_txt || site.taken.contains(FILE) {
        return Vec::new();
    }
    let mut text = format!("# {}\n\n", config.title);
    if !config.description.is_empty() {
        let _ = writeln!(text, "> {}\n", config.description);
    }
    text.push_str("## Posts\n\n");
    for (post, rendered) in site.blog.posts.iter().zip(&site.posts) {
        let url = if has_markdown(config, post) {
            address(&post.address.url, &post.address.file).0
        } else {
            post.address.url.clone()
        };
        let url = crate::url::absolute_url(&config.url, &config.base_url, &url);
        let _ = write!(text, "- [{}]({url})", rendered.body.summary.title.replace(['[', ']'], ""));
        if let Some(description) = &rendered.body.summary.description {
            let _ = write!(text, ": {}", description.replace('\n', " "));
        }
        text.push('\n');
    }
    vec![Made::new(FILE, text)]
}

/// A figure as Markdown: its text in paragraphs, and its tables.
fn figure(html: &str) -> String {
    let (mut written, mut text, mut row) = (String::new(), String::new(), Vec::new());
    let mut rows_of_table = 0;
    let end_paragraph = |written: &mut String, text: &mut String| {
        let words: Vec<&str> = text.split_whitespace().collect();
        if !words.is_empty() {
            let _ = writeln!(written, "{}\n", words.join(" "));
        }
        text.clear();
    };
    let mut is_inside_drawing_text = false;
    // The narrow drawing says the same as the wide one: how many elements of it are open.
    let mut narrow = 0_usize;
    for token in tokens(html) {
        match token {
            Token::Tag(tag) if tag.is("svg") && (narrow > 0 || tag.has_class("lp-narrow")) => {
                narrow = if tag.is_end { narrow - 1 } else { narrow + 1 };
            }
            _ if narrow > 0 => {}
            // What is written in a chart means nothing without it.
            Token::Text(_) if is_inside_drawing_text => {}
            Token::Text(piece) => text.push_str(&unescaped(piece)),
            Token::Tag(tag) if tag.is("text") => is_inside_drawing_text = !tag.is_end,
            Token::Tag(tag) if tag.is("th") || tag.is("td") => {
                if tag.is_end {
                    let words: Vec<&str> = text.split_whitespace().collect();
                    row.push(words.join(" ").replace('|', "\\|"));
                }
                text.clear();
            }
            Token::Tag(tag) if tag.is("tr") && tag.is_end => {
                let _ = writeln!(written, "| {} |", row.join(" | "));
                if rows_of_table == 0 {
                    let _ = writeln!(written, "|{}", " --- |".repeat(row.len()));
                }
                rows_of_table += 1;
                row.clear();
            }
            Token::Tag(tag) if tag.is("table") && tag.is_end => {
                written.push('\n');
                rows_of_table = 0;
                text.clear();
            }
            Token::Tag(tag) if tag.is("img") && !tag.is_end => {
                let value = |name| html::unescaped(tag.value(name).unwrap_or_default());
                let _ = writeln!(written, "![{}]({})\n", value("alt"), value("src"));
            }
            Token::Tag(tag) if tag.is("a") => {
                // `Download CSV` is the one link of a figure.
                if let Some(href) = tag.value("href") {
                    let _ = write!(text, " {} ", html::unescaped(href));
                }
            }
            Token::Tag(tag) => {
                let names =
                    ["title", "desc", "figcaption", "caption", "p", "summary", "br", "thead"];
                if names.iter().any(|name| tag.is(name)) {
                    end_paragraph(&mut written, &mut text);
                }
            }
        }
    }
    end_paragraph(&mut written, &mut text);
    format!("{}\n", written.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_becomes_text_and_tables() {
        let html = "<div><figure><svg class=\"lp-chart lp-wide\"><title>T &lt; 1</title><desc>Two \
                    lines.</desc><text>90</text></svg><figcaption>C<br><span>Note.</span>\
                    </figcaption></figure><table>\n<thead><tr><th>a|b</th><th>c</th></tr></thead>\n\
                    <tbody><tr><td>1</td><td>2</td></tr></tbody></table>\
                    <p><a href=\"/x.csv\">Download CSV</a></p></div>";
        let expected = "T < 1\n\nTwo lines.\n\nC\n\nNote.\n\n| a\\|b | c |\n| --- | --- |\n| 1 | 2 \
                        |\n\n/x.csv Download CSV\n";
        assert_eq!(figure(html), expected);
    }

    #[test]
    fn the_markdown_of_a_page_is_beside_it() {
        let check = |url: &str, file: &str, expected: (&str, &str)| {
            let (url, file) = address(url, file);
            assert_eq!((url.as_str(), file.as_str()), expected);
        };
        check("/a/b/", "a/b/index.html", ("/a/b/index.md", "a/b/index.md"));
        check("/a/b.html", "a/b.html", ("/a/b.md", "a/b.md"));
        check("/a/b", "a/b.html", ("/a/b.md", "a/b.md"));
    }
}
