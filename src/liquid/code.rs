//! The tag `highlight`: code with syntax highlighting and, optionally, line numbers.

use std::fmt::Write;

use super::token::is_space;
use crate::html::escaped;
use crate::markdown::highlight;

/// The arguments of `highlight`.
#[derive(Debug)]
pub(super) struct Highlight<'a> {
    language: &'a str,
    /// Whether lines are numbered, in a separate column.
    has_numbers: bool,
    /// Lines to mark, from 1.
    marked: Vec<usize>,
}

impl<'a> Highlight<'a> {
    /// Parses `python linenos mark_lines="1 2"`; `None` for what Jekyll refuses.
    pub(super) fn parse(arguments: &'a str) -> Option<Highlight<'a>> {
        let (language, mut rest) =
            arguments.split_at(arguments.find(is_space).unwrap_or(arguments.len()));
        let is_name =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '#' | '_' | '-');
        if language.is_empty() || !language.chars().all(is_name) {
            return None;
        }
        let mut highlight = Highlight { language, has_numbers: false, marked: Vec::new() };
        while !rest.trim_start().is_empty() {
            rest = rest.trim_start();
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let (name, after) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            if name.is_empty() {
                return None;
            }
            rest = after;
            let mut value = "";
            if let Some(given) = after.strip_prefix('=') {
                (value, rest) = match given.strip_prefix('"') {
                    Some(quoted) => quoted.split_once('"')?,
                    None => given.split_at(given.find(|c| !is_word(c)).unwrap_or(given.len())),
                };
            }
            match name {
                "linenos" => highlight.has_numbers = true,
                "mark_lines" | "hl_lines" => {
                    highlight.marked =
                        value.split_whitespace().filter_map(|line| line.parse().ok()).collect();
                }
                _ => {}
            }
        }
        Some(highlight)
    }

    /// The HTML that Jekyll makes of the code: a `figure`, which is raw HTML to kramdown.
    pub(super) fn write_html(&self, out: &mut String, code: &str, colours: bool) {
        let language = self.language.to_lowercase();
        let code = code.trim_matches(['\n', '\r']);
        let class = language.replace('+', "-");
        let _ = write!(
            out,
            "<figure class=\"highlight\"><pre><code class=\"language-{class}\" data-lang=\"{language}\">"
        );
        let mut written = String::with_capacity(code.len() * 2);
        if colours {
            highlight::write_like_rouge(&mut written, &language, code);
        } else {
            written.push_str(&escaped(code));
        }
        if !self.marked.is_empty() {
            written = self.with_marks(&written);
        }
        if self.has_numbers {
            with_numbers(out, &written);
        } else {
            out.push_str(&written);
        }
        out.push_str("</code></pre></figure>");
    }

    /// The code as a fenced block of Markdown, with a fence that the code does not contain.
    pub(super) fn write_fence(&self, out: &mut String, code: &str) {
        let longest_run = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest_run.max(2) + 1);
        let _ =
            write!(out, "\n\n{fence}{}\n{}\n{fence}\n\n", self.language, code.trim_matches('\n'));
    }

    /// Wraps the marked lines in spans, as Rouge does. A span that continues past the end of a
    /// marked line is closed there and reopened.
    fn with_marks(&self, html: &str) -> String {
        let mut marked = String::with_capacity(html.len() + self.marked.len() * 32);
        let mut open: Option<&str> = None;
        for (index, line) in html.split_inclusive('\n').enumerate() {
            let before = open;
            for (at, _) in line.match_indices('<') {
                let tag =
                    &line[at..line[at..].find('>').map_or(line.len(), |length| at + length + 1)];
                open = (tag != "</span>").then_some(tag);
            }
            if !self.marked.contains(&(index + 1)) {
                marked.push_str(line);
                continue;
            }
            let close = |is_open: Option<&str>| if is_open.is_some() { "</span>" } else { "" };
            let _ = write!(
                marked,
                "{}<span class=\"hll\">{}{line}{}</span>{}",
                close(before),
                before.unwrap_or(""),
                close(open),
                open.unwrap_or("")
            );
        }
        marked
    }
}

/// Puts code next to its line numbers, in Rouge's table.
fn with_numbers(out: &mut String, code: &str) {
    let lines = code.trim_end_matches('\n').matches('\n').count() + 1;
    out.push_str(
        "<table class=\"rouge-table\"><tbody><tr><td class=\"gutter gl\"><pre class=\"lineno\">",
    );
    for line in 1..=lines {
        let _ = writeln!(out, "{line}");
    }
    out.push_str("</pre></td><td class=\"code\"><pre>");
    out.push_str(code.trim_end_matches('\n'));
    out.push_str("\n</pre></td></tr></tbody></table>");
}
