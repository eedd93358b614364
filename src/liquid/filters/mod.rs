//! Filters: those of Liquid, and those that Jekyll adds.
//!
//! As in Jekyll, an unknown filter returns its input unchanged, and most filters accept any value
//! as a string. The few that fail (a division by zero) have an error message.

mod date;
mod list;
mod number;
mod strftime;
mod text;

pub(super) use self::number::integer;
use crate::html::{escaped, without_html};
use crate::url::{self, absolute_url, relative_url};

use super::compare::{is_empty, is_true};
use super::render::Run;
use super::scope;
use crate::diagnostic::nearest;
use crate::value::{self, Value, as_text, is_nil};

/// The arguments of a filter.
pub(super) struct Arguments<'a> {
    pub(super) values: Vec<Value>,
    pub(super) named: Vec<(&'a str, Value)>,
}

impl Arguments<'_> {
    /// The argument at `index` as a string, empty if there is none.
    fn text(&self, index: usize) -> String {
        self.values.get(index).map(as_text).unwrap_or_default()
    }

    /// The argument at `index`, if it exists and is not nil.
    fn value(&self, index: usize) -> Option<&Value> {
        self.values.get(index).filter(|value| !is_nil(value))
    }

    fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// Filters that require arguments, and how many.
const NEEDED: [(&str, usize); 29] = [
    ("append", 1),
    ("at_least", 1),
    ("at_most", 1),
    ("concat", 1),
    ("divided_by", 1),
    ("find", 2),
    ("find_exp", 2),
    ("group_by", 1),
    ("group_by_exp", 2),
    ("map", 1),
    ("minus", 1),
    ("modulo", 1),
    ("plus", 1),
    ("prepend", 1),
    ("push", 1),
    ("remove", 1),
    ("remove_first", 1),
    ("remove_last", 1),
    ("replace", 1),
    ("replace_first", 1),
    ("replace_last", 1),
    ("slice", 1),
    ("split", 1),
    ("times", 1),
    ("unshift", 1),
    ("where", 2),
    ("where_exp", 2),
    ("date", 1),
    ("", 0),
];

/// Applies the filter `name`. The error is the reason, as a phrase.
#[expect(clippy::too_many_lines, reason = "one flat match")]
pub(super) fn apply(
    name: &str,
    input: Value,
    arguments: &Arguments<'_>,
    run: &mut Run<'_, '_>,
) -> Result<Value, String> {
    let needed = NEEDED.iter().find(|(known, _)| *known == name).map_or(0, |(_, needed)| *needed);
    if arguments.values.len() < needed {
        let (s, form) = if needed == 1 { ("", "\"…\"") } else { ("s", "\"…\", \"…\"") };
        return Err(format!("it requires {needed} argument{s}, `{name}: {form}`"));
    }
    let text = || as_text(&input);
    let argument = |index: usize| arguments.text(index);
    let first = || arguments.values.first().cloned().unwrap_or_else(Value::none);
    let filtered = match name {
        // Texts
        "append" => Value::from(text() + &argument(0)),
        "prepend" => Value::from(argument(0) + &text()),
        "capitalize" => Value::from(text::capitalized(&text())),
        "downcase" => Value::from(text().to_lowercase()),
        "upcase" => Value::from(text().to_uppercase()),
        // Nil stays nil.
        "escape" | "h" | "url_encode" | "url_decode" | "escape_once" | "truncate"
        | "truncatewords" | "slugify" | "relative_url" | "absolute_url"
            if is_nil(&input) =>
        {
            Value::none()
        }
        "escape" | "h" => Value::from(escaped(&text())),
        "xml_escape" => Value::from(escaped(&text()).replace("&#39;", "&apos;")),
        "escape_once" => Value::from(text::escaped_once(&text())),
        "newline_to_br" => Value::from(text().replace("\r\n", "\n").replace('\n', "<br />\n")),
        "strip_newlines" => Value::from(text().replace("\r\n", "").replace('\n', "")),
        "normalize_whitespace" => Value::from(
            text()
                .split(super::token::is_space)
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" "),
        ),
        "remove" => Value::from(text().replace(&argument(0), "")),
        "remove_first" => Value::from(text().replacen(&argument(0), "", 1)),
        "remove_last" => Value::from(text::with_last_replaced(&text(), &argument(0), "")),
        "replace" => Value::from(text().replace(&argument(0), &argument(1))),
        "replace_first" => Value::from(text().replacen(&argument(0), &argument(1), 1)),
        "replace_last" => {
            Value::from(text::with_last_replaced(&text(), &argument(0), &argument(1)))
        }
        "strip" => Value::from(text().trim_matches(super::token::is_space)),
        "lstrip" => Value::from(text().trim_start_matches(super::token::is_space)),
        "rstrip" => Value::from(text().trim_end_matches(super::token::is_space)),
        "split" => text::split(&text(), &argument(0)),
        "strip_html" => Value::from(without_html(&text())),
        "truncate" => Value::from(text::truncated(&text(), arguments)),
        "truncatewords" => Value::from(text::truncated_words(&text(), arguments)),
        "url_encode" | "cgi_escape" => Value::from(text::form_encoded(&text())),
        "url_decode" => Value::from(text::form_decoded(&text())),
        "uri_escape" => Value::from(url::percent_encoded(&text())),
        "base64_encode" => Value::from(text::base64(text().as_bytes())),
        "slice" => text::slice(&input, arguments)?,
        "slugify" => Value::from(text::slugified(&text(), &argument(0))),
        "number_of_words" => Value::from(text::number_of_words(&text(), &argument(0))),
        "markdownify" => Value::from((run.environment.markdown)(&text())),
        "smartify" => Value::from(kramdown::smart(&text())),
        "jsonify" => Value::from(value::json(&input)),
        "inspect" => Value::from(escaped(&value::inspected(&input)).replace("&#39;", "&apos;")),
        "default" => {
            let keeps_false = arguments.named("allow_false").is_some_and(is_true)
                && input.as_bool() == Some(false);
            if !keeps_false && (!is_true(&input) || is_empty(&input)) { first() } else { input }
        }
        "size" => match scope::size(&input) {
            size if is_nil(&size) => Value::from(0),
            size => size,
        },

        // Addresses
        "relative_url" => Value::from(relative_url(run.environment.base_url, &text())),
        "absolute_url" => {
            Value::from(absolute_url(run.environment.url, run.environment.base_url, &text()))
        }
        "strip_index" => {
            let url = text();
            Value::from(
                url.strip_suffix("/index.html").map_or(url.clone(), |folder| format!("{folder}/")),
            )
        }

        // Dates
        "date" => date::date(input, &argument(0), run),
        "date_to_xmlschema" => {
            date::shown(input, run, |date| strftime::format(date, "%Y-%m-%dT%H:%M:%S%:z"))?
        }
        "date_to_rfc822" => {
            date::shown(input, run, |date| strftime::format(date, "%a, %d %b %Y %H:%M:%S %z"))?
        }
        "date_to_string" => date::shown(input, run, |date| date::day(date, "%b", arguments))?,
        "date_to_long_string" => date::shown(input, run, |date| date::day(date, "%B", arguments))?,

        // Numbers
        "abs" => number::abs(&input),
        "ceil" => number::rounded(&input, f64::ceil),
        "floor" => number::rounded(&input, f64::floor),
        "round" => number::round(&input, arguments),
        "plus" => number::calculated(&input, &first(), i64::checked_add, |a, b| a + b),
        "minus" => number::calculated(&input, &first(), i64::checked_sub, |a, b| a - b),
        "times" => number::calculated(&input, &first(), i64::checked_mul, |a, b| a * b),
        "divided_by" => number::divided(&input, &first())?,
        "modulo" => number::remainder(&input, &first())?,
        "at_least" => number::calculated(&input, &first(), |a, b| Some(a.max(b)), f64::max),
        "at_most" => number::calculated(&input, &first(), |a, b| Some(a.min(b)), f64::min),
        "to_integer" => number::to_integer(&input),

        // Lists
        _ => return list::apply(name, input, arguments, run),
    };
    Ok(filtered)
}

/// Handles an unknown filter.
fn unknown(name: &str, input: Value, run: &Run<'_, '_>) -> Result<Value, String> {
    if !run.environment.options.strict_filters {
        return Ok(input);
    }
    let known = NEEDED.iter().map(|(known, _)| *known).chain(KNOWN);
    Err(match nearest(name, known) {
        Some(near) => format!("unknown filter; did you mean `{near}`?"),
        None => "unknown filter".to_owned(),
    })
}

/// Names to suggest besides those in `NEEDED`.
const KNOWN: [&str; 24] = [
    "capitalize",
    "downcase",
    "upcase",
    "escape",
    "xml_escape",
    "strip",
    "strip_html",
    "truncate",
    "truncatewords",
    "slugify",
    "markdownify",
    "smartify",
    "jsonify",
    "default",
    "relative_url",
    "absolute_url",
    "date_to_string",
    "date_to_long_string",
    "date_to_xmlschema",
    "number_of_words",
    "sort",
    "reverse",
    "join",
    "array_to_sentence_string",
];
