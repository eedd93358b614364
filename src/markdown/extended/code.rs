//! Blocks of code with options after the language: a title, marked lines, line numbers, diffs.

use std::fmt::Write;
use std::ops::RangeInclusive;

use super::super::{Dialect, Options};
use super::{INFO, highlight};
use crate::html::{Token, escaped, tokens};
use kramdown::tree::{Kind, Node};

/// The info string of a fence, without the language.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) title: Option<String>,
    pub(super) tab: Option<String>,
    /// The number of the first line, if lines are numbered.
    numbers: Option<usize>,
    marked: Vec<RangeInclusive<usize>>,
    is_diff: bool,
}

impl Info {
    /// Parses `title="train.py" {2,4-6} linenos`. What is unknown is for other tools.
    pub(super) fn parse(text: &str) -> Info {
        let mut info = Info::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if let Some((lines, after)) =
                rest.strip_prefix('{').and_then(|rest| rest.split_once('}'))
            {
                info.marked.extend(lines.split([',', ' ']).filter_map(range));
                rest = after.trim_start();
                continue;
            }
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '=' | '{'))
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let (value, after) = match after.strip_prefix('=') {
                Some(given) => value(given),
                None => ("", after),
            };
            // A stray character is skipped, so that the loop always ends.
            let after = if after.len() == rest.len() {
                &rest[rest.chars().next().map_or(0, char::len_utf8)..]
            } else {
                after
            };
            rest = after.trim_start_matches([',', ' ', '\t']);
            match name.trim_start_matches('.') {
                "title" | "filename" | "name" => info.title = Some(value.to_owned()),
                "tab" => info.tab = Some(value.to_owned()),
                "linenos" | "lineNumbers" | "number-lines" | "numberLines" | "line-numbers" => {
                    info.numbers = (value != "false").then(|| value.parse().unwrap_or(1));
                }
                "start" | "linenostart" | "startFrom" => {
                    info.numbers = value.parse().ok().or(info.numbers);
                }
                "hl_lines" | "mark_lines" | "highlight" => {
                    info.marked.extend(value.split([',', ' ']).filter_map(range));
                }
                "diff" => info.is_diff = true,
                _ => {}
            }
        }
        info
    }

    fn has_lines(&self) -> bool {
        self.numbers.is_some() || !self.marked.is_empty() || self.is_diff
    }
}

/// `4-6` or `4`, or in Zola's and Hugo's notation in quotes.
fn range(text: &str) -> Option<RangeInclusive<usize>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Some(from.trim().parse().ok()?..=to.trim().parse().ok()?)
}

/// The value at the start of `text`, which may be in quotes, and what follows.
fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    text.split_at(text.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(text.len()))
}

/// Writes the blocks of code that have options.
pub(super) fn write(nodes: &mut [Node], options: &Options) {
    for node in nodes {
        write(&mut node.children, options);
        let Some(info) = node.attributes.remove(INFO) else { continue };
        let info = Info::parse(&info);
        if let Kind::CodeBlock { language, text } = &node.kind
            && (info.title.is_some() || info.has_lines())
        {
            let html = html(node, language.as_deref().unwrap_or("plaintext"), text, &info, options);
            *node = Node::new(Kind::Html { html, block: true });
        }
    }
}

fn html(node: &Node, language: &str, text: &str, info: &Info, options: &Options) -> String {
    let mut html = String::new();
    let own: String = node
        .attributes
        .iter()
        .filter(|(name, _)| *name != "class")
        .map(|(name, value)| format!(" {name}=\"{}\"", escaped(value)))
        .collect();
    let class = node.attributes.value("class").map_or(String::new(), |class| format!("{class} "));
    let class = escaped(&format!("language-{language} {class}highlighter-rouge"));
    let outer = if info.title.is_some() { "" } else { own.as_str() };
    if let Some(title) = &info.title {
        let _ = writeln!(
            html,
            "<figure class=\"code\"{own}>\n<figcaption>{}</figcaption>",
            escaped(title)
        );
    }
    let stop = if options.stops { " tabindex=\"0\"" } else { "" };
    let numbered = if info.numbers.is_some() { " linenos" } else { "" };
    let _ = write!(
        html,
        "<div class=\"{class}\"{outer}><div class=\"highlight\"><pre class=\"highlight{numbered}\"{stop}><code>"
    );
    if info.has_lines() {
        write_lines(&mut html, language, text, info, options);
    } else {
        html.push_str(&highlighted(language, text, options));
    }
    html.push_str("</code></pre></div></div>\n");
    if info.title.is_some() {
        html.push_str("</figure>\n");
    }
    html
}

fn highlighted(language: &str, text: &str, options: &Options) -> String {
    let mut html = String::with_capacity(text.len() * 2);
    match options.dialect {
        _ if !options.highlight => html.push_str(&escaped(text)),
        Dialect::CommonMark => highlight::write(&mut html, language, text),
        Dialect::Kramdown => highlight::write_like_rouge(&mut html, language, text),
    }
    html
}

/// Writes each line into an element of its own. The sign of a line in a diff and its number are
/// attributes, so that they are not copied with the code.
fn write_lines(html: &mut String, language: &str, text: &str, info: &Info, options: &Options) {
    let sign = |line: &str| line.chars().next().filter(|c| info.is_diff && matches!(c, '+' | '-'));
    let (signs, code): (Vec<Option<char>>, String) = if info.is_diff {
        let lines = text.split_inclusive('\n');
        let without = |line: &str| {
            let is_signed = line.starts_with(['+', '-', ' ']);
            if is_signed { line[1..].to_owned() } else { line.to_owned() }
        };
        (lines.clone().map(sign).collect(), lines.map(without).collect())
    } else {
        (Vec::new(), text.to_owned())
    };
    let code = highlighted(language, &code, options);
    for (index, line) in lines(&code).into_iter().enumerate() {
        let number = index + 1;
        let mut class = String::from("line");
        if info.marked.iter().any(|range| range.contains(&number)) {
            class.push_str(" hll");
        }
        let mut attributes = String::new();
        if let Some(sign) = signs.get(index).copied().flatten() {
            class.push_str(if sign == '+' { " ins" } else { " del" });
            let _ = write!(attributes, " data-sign=\"{sign}\"");
        }
        if let Some(first) = info.numbers {
            let _ = write!(attributes, " data-line=\"{}\"", first + index);
        }
        let _ = write!(html, "<span class=\"{class}\"{attributes}>{line}</span>");
    }
}

/// The lines of highlighted code. Elements that span several lines are closed and opened again.
fn lines(html: &str) -> Vec<String> {
    let (mut lines, mut line): (Vec<String>, String) = (Vec::new(), String::new());
    let mut open: Vec<&str> = Vec::new();
    for token in tokens(html) {
        match token {
            Token::Tag(tag) => {
                if tag.is_end {
                    open.pop();
                } else {
                    open.push(tag.text);
                }
                line.push_str(tag.text);
            }
            Token::Text(text) => {
                for piece in text.split_inclusive('\n') {
                    line.push_str(piece);
                    if piece.ends_with('\n') {
                        line.extend(open.iter().map(|_| "</span>"));
                        lines.push(std::mem::replace(&mut line, open.concat()));
                    }
                }
            }
        }
    }
    if !line.is_empty() && open.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_follow_the_language() {
        let info = Info::parse("title=\"a b.py\" {2,4-6} linenos=10 diff tab='T'");
        assert_eq!((info.title.as_deref(), info.tab.as_deref()), (Some("a b.py"), Some("T")));
        assert_eq!((info.numbers, info.is_diff), (Some(10), true));
        assert_eq!(info.marked, [2..=2, 4..=6]);
        assert_eq!(Info::parse("{1} = == hl_lines=3").marked, [1..=1, 3..=3]);
        assert_eq!(Info::parse("#fig .x other=1"), Info::default());
    }

    #[test]
    fn spans_are_closed_at_the_end_of_a_line() {
        assert_eq!(
            lines("a <span class=\"s\">b\nc</span>\nd"),
            ["a <span class=\"s\">b\n</span>", "<span class=\"s\">c</span>\n", "d"]
        );
    }
}
