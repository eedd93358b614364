//! Limits for templates in Tera, which has none of its own.
//!
//! A filter is inserted wherever a template can grow: before each filter, around the value of a
//! `set`, and around what a loop iterates over. It passes its value through, counts its size and
//! stops the template at the same limits as in Liquid. It does not see what happens between two of
//! these: `~` in one expression, and a list in a list comprehension.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io;

use tera::{Error, Kwargs, State, StringInput, Tera, TeraResult};

use crate::config::TemplateLimits;
use crate::value::Value;

/// Inserted before each filter.
const WEIGH: &str = "|labpress_weigh";
/// Inserted after the value of a `set` or a loop, which gets parentheses.
const BOUND: &str = ")|labpress_bound";
/// How many bytes a filter processes in the time of one step.
const BYTES_PER_STEP: usize = 128;

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Registers the counting filters, and limited versions of those that can make a huge string from
/// small ones.
pub(super) fn register(tera: &mut Tera, limits: TemplateLimits) {
    for name in [WEIGH, BOUND] {
        let name = name.trim_start_matches([')', '|']);
        tera.register_filter(
            name,
            move |value: Value, _: Kwargs, _: &State<'_>| -> TeraResult<Value> {
                weigh(&value, limits)?;
                Ok(value)
            },
        );
    }
    tera.register_filter(
        "replace",
        move |text: StringInput<'_>, kwargs: Kwargs, state: &State<'_>| {
            let from = kwargs.must_get::<&str>("from")?;
            let to = kwargs.must_get::<StringInput<'_>>("to")?;
            let is_safe = state.autoescaping_enabled() && (text.is_safe() || to.is_safe());
            let (inside, by) = if is_safe {
                (text.rendered(state)?, to.rendered(state)?)
            } else {
                (text.as_str().into(), to.as_str().into())
            };
            let more = inside.matches(from).count().saturating_mul(by.len());
            spend(inside.len().saturating_add(more), limits)?;
            let replaced = inside.replace(from, &by);
            Ok(if is_safe { Value::safe_string(&replaced) } else { Value::from(replaced) })
        },
    );
    tera.register_filter("join", move |items: &[Value], kwargs: Kwargs, state: &State<'_>| {
        let between = kwargs.get::<StringInput<'_>>("sep")?;
        let is_safe = state.autoescaping_enabled()
            && (items.iter().any(|item| item.is_string() && item.is_safe())
                || between.as_ref().is_some_and(StringInput::is_safe));
        let sign = match &between {
            Some(between) if is_safe => between.rendered(state)?,
            Some(between) => between.as_str().into(),
            None => "".into(),
        };
        spend(items.len().saturating_mul(sign.len()), limits)?;
        let mut joined = String::new();
        for (index, item) in items.iter().enumerate() {
            joined.push_str(if index > 0 { &sign } else { "" });
            if !is_safe {
                write!(joined, "{item}").expect("writing to a string cannot fail");
            } else if !item.is_undefined() {
                joined.push_str(&state.escape_if_needed(item)?);
            }
            if joined.len() > limits.bytes {
                return Err(too_large(limits));
            }
        }
        Ok(if is_safe { Value::safe_string(&joined) } else { Value::from(joined) })
    });
}

fn weigh(value: &Value, limits: TemplateLimits) -> TeraResult<()> {
    let items = value.as_array().map(<[Value]>::len).or_else(|| value.as_map().map(tera::Map::len));
    match items {
        Some(items) => count(1 + items, limits),
        None => spend(value.as_str().map_or(0, str::len), limits),
    }
}

/// Counts the steps that `bytes` take; an error if they exceed the size limit.
fn spend(bytes: usize, limits: TemplateLimits) -> TeraResult<()> {
    if bytes > limits.bytes {
        Err(too_large(limits))
    } else {
        count(1 + bytes / BYTES_PER_STEP, limits)
    }
}

fn count(steps: usize, limits: TemplateLimits) -> TeraResult<()> {
    STEPS.set(STEPS.get().saturating_add(steps));
    if STEPS.get() <= limits.steps {
        return Ok(());
    }
    Err(Error::message(format!(
        "the template exceeds {} steps; check for nested loops, \
         or raise `limits: {{template-steps: …}}` in `_config.yml`",
        limits.steps
    )))
}

fn too_large(limits: TemplateLimits) -> Error {
    let most = limits.shown_bytes();
    let hint = "look for a string that keeps growing, or raise `limits: {template-bytes: …}` in \
         `_config.yml`";
    Error::message(format!("a string or list exceeds {most}; {hint}"))
}

/// Renders a template within the limits.
pub(super) fn render(
    tera: &Tera,
    name: &str,
    context: &tera::Context,
    limits: TemplateLimits,
) -> TeraResult<String> {
    STEPS.set(0);
    // The content of a page is most of it.
    let inner = context.get("content").and_then(Value::as_str).map_or(0, str::len);
    let bytes = Vec::with_capacity((inner + inner / 4 + 1024).min(limits.bytes));
    let mut written = Bounded { bytes, most: limits.bytes };
    match tera.render_to(name, context, &mut written) {
        Ok(()) => {
            String::from_utf8(written.bytes).map_err(|error| Error::message(error.to_string()))
        }
        // Tera's own error says only that writing failed.
        Err(_) if written.is_full() => Err(too_large(limits)),
        Err(error) => Err(error),
    }
}

/// The bytes of a page, up to the limit.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Bounded {
    fn is_full(&self) -> bool {
        self.bytes.len() > self.most
    }
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(more);
        if self.is_full() { Err(io::Error::other("the page is too large")) } else { Ok(more.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Inserts the counting filters into a template. Line numbers stay the same; [`column_before`] maps
/// columns back.
pub(super) fn counting(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut rest = text;
    while let Some(Found { before, tag, behind, is_closed }) = next_tag(rest) {
        out.push_str(before);
        rest = behind;
        if !is_closed || tag.starts_with("{#") {
            out.push_str(tag);
            continue;
        }
        write_counting(&mut out, tag);
        if tag.starts_with("{%") && name_of(tag) == "raw" {
            let end = rest.find("endraw").unwrap_or(rest.len());
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

/// The tags of a template, except comments. Includes those in raw text.
pub(super) fn tags(text: &str) -> impl Iterator<Item = &str> {
    let found = std::iter::successors(next_tag(text), |found| next_tag(found.behind));
    found.map(|found| found.tag).filter(|tag| !tag.starts_with("{#"))
}

/// A tag or a comment, and the text around it.
struct Found<'t> {
    before: &'t str,
    /// With its braces; the rest of the text if it is not closed.
    tag: &'t str,
    behind: &'t str,
    is_closed: bool,
}

/// The next tag or comment of a template.
fn next_tag(text: &str) -> Option<Found<'_>> {
    let is_start = |&(at, _): &(usize, &str)| text[at + 1..].starts_with(['{', '%', '#']);
    let (at, _) = text.match_indices('{').find(is_start)?;
    let (before, tag) = text.split_at(at);
    let length =
        if tag.starts_with("{#") { tag.find("#}").map(|end| end + 2) } else { tag_length(tag) };
    let (tag, behind) = tag.split_at(length.unwrap_or(tag.len()));
    Some(Found { before, tag, behind, is_closed: length.is_some() })
}

/// The length of a tag, including its braces. Quoted strings may contain anything.
fn tag_length(tag: &str) -> Option<usize> {
    let end = if tag.starts_with("{%") { "%}" } else { "}}" };
    let mut depth = 0_usize;
    let mut at = 2;
    while let Some(c) = tag[at..].chars().next() {
        if tag[at..].starts_with(end) && depth == 0 {
            return Some(at + 2);
        }
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += quoted_length(&tag[at..]).unwrap_or(c.len_utf8());
    }
    None
}

/// The length of the quoted string that the text starts with.
fn quoted_length(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let mut is_escaped = false;
    let end = text[1..].find(|c| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    Some(end + 2)
}

/// The first word of a tag.
fn name_of(tag: &str) -> &str {
    let inside = tag[2..].trim_start_matches('-').trim_start();
    &inside[..inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len())]
}

fn write_counting(out: &mut String, tag: &str) {
    let name = if tag.starts_with("{%") { name_of(tag) } else { "" };
    // The parameters of a component are also declared with bars.
    if matches!(name, "component" | "raw") {
        out.push_str(tag);
        return;
    }
    let end = tag.len() - 2;
    let end = if tag[..end].ends_with('-') { end - 1 } else { end };
    let start = match name {
        "set" | "set_global" => outside_quotes(tag, |at| is_assignment(tag, at)).map(|at| at + 1),
        "for" => outside_quotes(tag, |at| tag[at..].starts_with(" in ")).map(|at| at + 3),
        _ => None,
    };
    let start = start.filter(|&start| start < end && !tag[start..end].trim().is_empty());
    let Some(start) = start else {
        write_weighing(out, tag);
        return;
    };
    // The parenthesis replaces a space, so that columns after it stay the same.
    let (head, inside) = (&tag[..start], &tag[start..end]);
    out.push_str(head);
    out.push('(');
    let inside = inside.strip_prefix(' ').unwrap_or(inside);
    let value = inside.trim_end();
    write_weighing(out, value);
    out.push_str(BOUND);
    out.push_str(&inside[value.len()..]);
    out.push_str(&tag[end..]);
}

/// Whether there is a single `=` at `at`.
fn is_assignment(tag: &str, at: usize) -> bool {
    tag[at..].starts_with('=')
        && !tag[at + 1..].starts_with('=')
        && !tag[..at].ends_with(['=', '!', '<', '>'])
}

/// The first offset outside quotes for which `is_here` holds.
fn outside_quotes(text: &str, is_here: impl Fn(usize) -> bool) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if is_here(at) {
            return Some(at);
        }
        at += quoted_length(&text[at..]).unwrap_or(c.len_utf8());
    }
    None
}

fn write_weighing(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(bar) = outside_quotes(rest, |at| rest[at..].starts_with('|')) {
        out.push_str(&rest[..bar]);
        out.push_str(WEIGH);
        out.push('|');
        rest = &rest[bar + 1..];
    }
    out.push_str(rest);
}

/// Maps a column to the line before filters were inserted.
pub(super) fn column_before(line: &str, column: usize) -> usize {
    let starts = |mark: &'static str| line.match_indices(mark).map(move |(at, _)| (at, mark.len()));
    let before: usize = starts(WEIGH)
        .chain(starts(BOUND))
        .map(|(at, length)| column.saturating_sub(line[..at].chars().count()).min(length))
        .sum();
    column - before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_filters_are_inserted_where_a_template_can_grow() {
        let text = "{# a | b #}{{ a | upper ~ \"|}}\" }} {%- for x in y | reverse -%}{% set b = \
                    'é' ~ b %}{% raw %}{{ a | b }}\
                    {% endraw %}{% if a == b %}{% set_global c=d%}{% set e %}|{% endset %}{{ \
                    {\"a\": {}} }}";
        let expected = "{# a | b #}{{ a |labpress_weigh| upper ~ \"|}}\" }} {%- for x in(y \
                        |labpress_weigh| reverse)|labpress_bound -%}\
                    {% set b =('é' ~ b)|labpress_bound %}{% raw %}{{ a | b }}\
                    {% endraw %}{% if a == b %}{% set_global c=(d)|labpress_bound%}{% set e \
                        %}|{% endset %}{{ {\"a\": {}} }}";
        assert_eq!(counting(text), expected);
        assert_eq!(counting("{{ a"), "{{ a");
    }

    #[test]
    fn columns_are_those_of_the_source() {
        let text = "{% set b = c | d %}é{{ x }}";
        let line = counting(text);
        let column =
            |text: &str, what: &str| text.find(what).map(|at| text[..at].chars().count() + 1);
        for what in ["c", "d", "é", "x"] {
            let found = column(&line, what).map(|at| column_before(&line, at - 1) + 1);
            assert_eq!(found, column(text, what), "{what}");
        }
    }
}
