//! Splits a text into tokens: plain text, outputs `{{ … }}` and tags `{% … %}`.
//!
//! `raw` and `comment` are resolved here, because their content is not Liquid.

use super::Error;
use crate::markdown::literal::{Literal, literal_at};
use kramdown::embed;

#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'a> {
    Text(&'a str),
    /// The text between `raw` and `endraw`, which white space control does not affect.
    Raw(&'a str),
    Output {
        inside: &'a str,
        at: usize,
    },
    Tag {
        name: &'a str,
        arguments: &'a str,
        at: usize,
        arguments_at: usize,
    },
}

/// Code and formulas, in which tags are text.
#[derive(Clone, Copy)]
pub(super) struct Literals<'l> {
    /// Where they are.
    pub(super) found: &'l [Literal],
    /// Whether a tag works in them nevertheless, except in blocks of code.
    pub(super) is_allowed: &'l dyn Fn(&str) -> bool,
}

impl Literals<'_> {
    pub(super) const NONE: Literals<'static> = Literals { found: &[], is_allowed: &|_| false };

    /// Whether the braces at `open` are text.
    fn make_text(self, text: &str, open: usize) -> bool {
        let Some(literal) = literal_at(self.found, open) else { return false };
        let inside = text[open..literal.range.end].strip_prefix("{%");
        let inside = inside.map(|inside| inside.strip_prefix('-').unwrap_or(inside).trim_start());
        let Some(inside) = inside else { return true };
        let end = inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
        match &inside[..end] {
            "raw" => end_of_raw(&text[..literal.range.end], open).is_none(),
            name => literal.is_code_block || !(self.is_allowed)(name),
        }
    }
}

/// Splits a text at its tags, except for those in `literals`.
pub(super) fn tokens<'a>(
    text: &'a str,
    literals: Literals<'_>,
    errors: &mut Vec<Error>,
) -> Vec<Token<'a>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut trim_next = false;
    while at < text.len() {
        let open = next_open(text, at, literals);
        let plain = trimmed(&text[at..open], trim_next, text[open..].get(2..3) == Some("-"));
        push_text(&mut tokens, plain, Token::Text);
        if open == text.len() {
            break;
        }
        let Some((inside, end)) = inside_of(text, open) else {
            let (braces, close) =
                (&text[open..open + 2], if text[open..].starts_with("{%") { "%}" } else { "}}" });
            errors.push(Error {
                at: open,
                message: format!("`{braces}` is not closed by `{close}`"),
                hint: Some(
                    "write literal braces between `{% raw %}` and `{% endraw %}`".to_owned(),
                ),
            });
            // An invalid output ends at its first brace; an unclosed tag takes the whole rest.
            match text[open + 2..].find('}').filter(|_| braces == "{{") {
                Some(length) => at = open + 2 + length + 1,
                None => break,
            }
            trim_next = false;
            continue;
        };
        at = end;
        trim_next = inside.ends_with('-');
        let is_output = text[open..].starts_with("{{");
        let bare = inside.strip_prefix('-').unwrap_or(inside);
        let bare = bare.strip_suffix('-').unwrap_or(bare).trim();
        if is_output {
            tokens.push(Token::Output { inside: bare, at: open });
            continue;
        }
        let name_end = bare.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(bare.len());
        let (name, arguments) =
            if bare.starts_with('#') { bare.split_at(1) } else { bare.split_at(name_end) };
        // Only white space and a hyphen precede the name.
        let name_at = text[open + 2..].find(name).map_or(open, |found| open + 2 + found);
        let arguments_at = name_at + name.len() + (arguments.len() - arguments.trim_start().len());
        match name {
            "raw" => {
                let Some((body_end, after, trims)) = end_of_raw(text, at) else {
                    errors.push(unclosed("raw", open));
                    break;
                };
                push_text(&mut tokens, &text[at..body_end], Token::Raw);
                (at, trim_next) = (after, trims);
            }
            "comment" => {
                let Some((after, trims)) = end_of_comment(text, at) else {
                    errors.push(unclosed("comment", open));
                    break;
                };
                (at, trim_next) = (after, trims);
            }
            "#" => {}
            _ => tokens.push(Token::Tag {
                name,
                arguments: arguments.trim(),
                at: open,
                arguments_at,
            }),
        }
    }
    tokens
}

/// Removes the characters of markers from a text, so that it cannot be mistaken for a marker.
fn push_text<'a>(tokens: &mut Vec<Token<'a>>, text: &'a str, token: fn(&'a str) -> Token<'a>) {
    tokens
        .extend(embed::between_marker_characters(text).filter(|part| !part.is_empty()).map(token));
}

/// The text between the braces that open at `open`, and the end of the tag. An output ends at its
/// first closing brace, which must be doubled.
fn inside_of(text: &str, open: usize) -> Option<(&str, usize)> {
    let rest = &text[open + 2..];
    let length = if text[open..].starts_with("{%") {
        rest.find("%}")?
    } else {
        let length = rest.find('}')?;
        rest[length..].starts_with("}}").then_some(length)?
    };
    Some((&rest[..length], open + 2 + length + 2))
}

fn next_open(text: &str, from: usize, literals: Literals<'_>) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(found) = text[at..].find('{') {
        at += found;
        if matches!(bytes.get(at + 1), Some(b'{' | b'%')) && !literals.make_text(text, at) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// White space as in Ruby's `strip`.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r' | '\0')
}

fn trimmed(text: &str, start: bool, end: bool) -> &str {
    let text = if start { text.trim_start_matches(is_space) } else { text };
    if end { text.trim_end_matches(is_space) } else { text }
}

/// Finds the next tag `end`: its start, its end, and whether it trims the following text. `hyphen`
/// says whether the tag may begin with a hyphen.
fn end_tag(text: &str, from: usize, end: &str, hyphen: bool) -> Option<(usize, usize, bool)> {
    let mut at = from;
    loop {
        let open = at + text[at..].find("{%")?;
        let inside = &text[open + 2..];
        let inside = if hyphen { inside.strip_prefix('-').unwrap_or(inside) } else { inside };
        if let Some(after) = inside.trim_start().strip_prefix(end) {
            let after = after.trim_start();
            let trims = after.starts_with('-');
            let after = after.strip_prefix('-').unwrap_or(after);
            if let Some(after) = after.strip_prefix("%}") {
                return Some((open, text.len() - after.len(), trims));
            }
        }
        at = open + 2;
    }
}

/// Finds the end of a `raw` block. Liquid does not allow a hyphen before `endraw`; we do if there
/// is no other end.
fn end_of_raw(text: &str, from: usize) -> Option<(usize, usize, bool)> {
    end_tag(text, from, "endraw", false).or_else(|| end_tag(text, from, "endraw", true))
}

/// Finds the end of a `comment` block: comments nest, and may contain `raw` blocks.
fn end_of_comment(text: &str, from: usize) -> Option<(usize, bool)> {
    let mut at = from;
    let mut depth = 1;
    loop {
        let open = at + text[at..].find("{%")?;
        let inside = text[open + 2..].strip_prefix('-').unwrap_or(&text[open + 2..]).trim_start();
        let name_end =
            inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
        // The next tag may start inside something that looked like one: `{% {% endcomment %}`.
        at = open + 2;
        match &inside[..name_end] {
            "comment" => depth += 1,
            "raw" => at = end_of_raw(text, at).map_or(at, |(_, after, _)| after),
            "endcomment" => {
                depth -= 1;
                if depth == 0 {
                    let close = open + 2 + text[open + 2..].find("%}")?;
                    return Some((close + 2, text[..close].ends_with('-')));
                }
            }
            _ => {}
        }
    }
}

pub(super) fn unclosed(tag: &str, at: usize) -> Error {
    let hint = Some(format!("add `{{% end{tag} %}}`"));
    Error { at, message: format!("the block `{tag}` is not closed"), hint }
}
