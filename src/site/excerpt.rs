//! The excerpt of a post: the text above the separator, cut and repaired as in Jekyll.

use std::borrow::Cow;

use crate::liquid::is_block;
use crate::text::Located;

/// Returns the text of the excerpt; `None` if the whole body is the excerpt.
///
/// The separator is searched for in the source of the body. A Liquid block that it cuts in two is
/// closed, and definitions below it of links above it are appended.
pub(super) fn cut<'a>(body: Located<'a>, separator: &str) -> Option<Cow<'a, str>> {
    let (head, tail) = body.text.split_once(separator)?;
    if tail.is_empty() {
        return None;
    }
    let head = closed(head);
    let definitions: Vec<&str> = tail
        .lines()
        .filter(|line| defines_link_of(line, &head))
        .map(|line| line.trim_start_matches(' '))
        .collect();
    if definitions.is_empty() {
        return Some(head);
    }
    Some(Cow::Owned(format!("{head}\n\n{}", definitions.join("\n"))))
}

/// Whether the line defines a link `[name]` that the text uses.
fn defines_link_of(line: &str, text: &str) -> bool {
    let inside = line.trim_start_matches(' ');
    let (true, Some(rest)) = (line.len() - inside.len() <= 3, inside.strip_prefix('[')) else {
        return false;
    };
    let Some(end) = rest.find(']').filter(|end| *end > 0) else {
        return false;
    };
    let is_definition = rest[end + 1..].strip_prefix(':').is_some_and(|target| !target.is_empty());
    is_definition && text.contains(&inside[..end + 2])
}

/// Closes the Liquid blocks that are left open, the innermost first.
fn closed(head: &str) -> Cow<'_, str> {
    let names = tag_names(head);
    let mut closed = Cow::Borrowed(head);
    for name in names.iter().rev().filter(|name| is_block(name)) {
        let end = format!("end{name}");
        if !tag_names(&closed).iter().any(|name| name.starts_with(&end)) {
            closed.to_mut().extend(["\n{% ", end.as_str(), " %}"]);
        }
    }
    closed
}

/// The names of all tags in the text.
fn tag_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{%") {
        rest = &rest[start + 2..];
        let inside = rest.strip_prefix('-').unwrap_or(rest).trim_start();
        let end =
            inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
        if end > 0 && inside.contains("%}") {
            names.push(inside[..end].to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let body = Located { path: "a.md", text, lines_above: 0 };
        assert_eq!(cut(body, "\n\n").as_deref(), expected);
    }

    #[test]
    fn the_excerpt_ends_at_the_first_separator() {
        check("a\nb\n\nc\n\nd", Some("a\nb"));
        check("\n\nc", Some(""));
        check("a", None);
        check("a\n\n", None);
    }

    #[test]
    fn definitions_of_its_links_are_appended() {
        check(
            "a [b][] [c]\n\nx\n\n  [b]: /b\n[d]: /d\n[c]:/c \"C\"\n    [b]: no\n",
            Some("a [b][] [c]\n\n[b]: /b\n[c]:/c \"C\""),
        );
    }

    #[test]
    fn blocks_that_it_cuts_in_two_are_closed() {
        check(
            "{% if a %}{% for b in c %}x\n\ny{% endfor %}{% endif %}",
            Some("{% if a %}{% for b in c %}x\n{% endfor %}\n{% endif %}"),
        );
        check("{% if a %}x{% endif %}\n\ny", Some("{% if a %}x{% endif %}"));
        check("{% include x.html %}\n\ny", Some("{% include x.html %}"));
    }
}
