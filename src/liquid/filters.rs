//! Filters: those of Liquid, and those that Jekyll adds.
//!
//! As in Jekyll, a filter that is not known passes its value on, and most take any value for a text. The few that fail
//! (a division by zero) say why.

use std::collections::BTreeMap;
use std::fmt::Write;

use tera::Map;

use super::parse;
use super::render::{Run, contains, is_true, items_of, member, order, same};
use crate::post::date::Date;
use crate::post::slug;
use crate::value::{self, Value, as_text, is_nil};

/// Applies the filter `name`. An error is the reason, as a phrase.
#[expect(clippy::too_many_lines, reason = "one flat table of names")]
pub(super) fn apply(name: &str, input: &Value, arguments: &[Value], run: &mut Run<'_, '_>) -> Result<Value, String> {
    let text = || as_text(input);
    let argument = |index: usize| arguments.get(index).map(as_text).unwrap_or_default();
    let count = |index: usize| arguments.get(index).and_then(integer);
    let filtered = match name {
        // Texts
        "append" => Value::from(text() + &argument(0)),
        "prepend" => Value::from(argument(0) + &text()),
        "capitalize" => Value::from(capitalized(&text())),
        "downcase" => Value::from(text().to_lowercase()),
        "upcase" => Value::from(text().to_uppercase()),
        "escape" | "h" | "xml_escape" => Value::from(escaped(&text())),
        "escape_once" => Value::from(escaped(&unescaped(&text()))),
        "newline_to_br" => Value::from(text().replace('\n', "<br />\n")),
        "strip_newlines" => Value::from(text().replace(['\n', '\r'], "")),
        "normalize_whitespace" => Value::from(text().split_whitespace().collect::<Vec<_>>().join(" ")),
        "remove" => Value::from(replaced(&text(), &argument(0), "", usize::MAX)),
        "remove_first" => Value::from(replaced(&text(), &argument(0), "", 1)),
        "replace" => Value::from(replaced(&text(), &argument(0), &argument(1), usize::MAX)),
        "replace_first" => Value::from(replaced(&text(), &argument(0), &argument(1), 1)),
        "strip" => Value::from(text().trim()),
        "lstrip" => Value::from(text().trim_start()),
        "rstrip" => Value::from(text().trim_end()),
        "split" => split(&text(), &argument(0)),
        "strip_html" => Value::from(without_html(&text())),
        "truncate" => {
            let end = if arguments.len() > 1 { argument(1) } else { "...".to_owned() };
            Value::from(truncated(&text(), count(0).unwrap_or(50), &end))
        }
        "truncatewords" => {
            let end = if arguments.len() > 1 { argument(1) } else { "...".to_owned() };
            Value::from(truncated_words(&text(), count(0).unwrap_or(15), &end))
        }
        "url_encode" | "cgi_escape" => Value::from(form_encoded(&text())),
        "url_decode" => Value::from(form_decoded(&text())),
        "uri_escape" => Value::from(slug::percent_encoded(&text()).as_str()),
        "slice" => slice(input, count(0).unwrap_or(0), count(1).unwrap_or(1)),
        "slugify" => Value::from(match argument(0).as_str() {
            "pretty" => slug::slugify_pretty(&text()),
            "ascii" | "latin" => slug::slugify_ascii(&text()),
            "none" => text(),
            _ => slug::slugify(&text()),
        }),
        "number_of_words" => Value::from(text().split_whitespace().count()),
        "markdownify" => Value::from((run.environment.markdown)(&text())),
        "smartify" => {
            let html = (run.environment.markdown)(&text());
            let inside = html.trim().strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>"));
            Value::from(inside.unwrap_or(html.trim()))
        }
        "jsonify" => Value::from(value::json(input)),
        "inspect" => Value::from(escaped(&value::json(input))),
        "default" => default(input, arguments),
        "size" => match member(input, "size") {
            size if is_nil(&size) => Value::from(0),
            size => size,
        },

        // Addresses
        "relative_url" => Value::from(relative_url(run.environment.base_url, &text())),
        "absolute_url" => Value::from(absolute_url(run.environment.url, run.environment.base_url, &text())),
        "strip_index" => {
            let url = text();
            Value::from(url.strip_suffix("/index.html").map_or(url.clone(), |folder| format!("{folder}/")))
        }

        // Dates
        "date" => return Ok(date(input, run, |date| date.format(&argument(0)))),
        "date_to_xmlschema" => return Ok(date(input, run, |date| Some(date.to_xml_schema()))),
        "date_to_rfc822" => return Ok(date(input, run, |date| date.format("%a, %d %b %Y %H:%M:%S %z"))),
        "date_to_string" => return Ok(date(input, run, |date| day(date, "%b", &argument(0), &argument(1)))),
        "date_to_long_string" => return Ok(date(input, run, |date| day(date, "%B", &argument(0), &argument(1)))),

        // Numbers
        "abs" => numeric(input, i64::checked_abs, f64::abs),
        "ceil" => rounded(input, f64::ceil),
        "floor" => rounded(input, f64::floor),
        "round" => round(input, count(0).unwrap_or(0)),
        "plus" => calculated(input, arguments, i64::checked_add, |a, b| a + b),
        "minus" => calculated(input, arguments, i64::checked_sub, |a, b| a - b),
        "times" => calculated(input, arguments, i64::checked_mul, |a, b| a * b),
        "divided_by" => {
            refuse_zero(arguments)?;
            calculated(input, arguments, floor_division, |a, b| a / b)
        }
        "modulo" => {
            refuse_zero(arguments)?;
            calculated(input, arguments, floor_remainder, |a, b| a - b * (a / b).floor())
        }
        "at_least" => calculated(input, arguments, |a, b| Some(a.max(b)), f64::max),
        "at_most" => calculated(input, arguments, |a, b| Some(a.min(b)), f64::min),
        "to_integer" => Value::from(integer(input).or_else(|| float(input).map(truncated_to_whole)).unwrap_or(0)),

        // Lists
        "first" | "last" => member(input, name),
        "join" => {
            let between = if arguments.is_empty() { " ".to_owned() } else { argument(0) };
            Value::from(items_of(input).iter().map(as_text).collect::<Vec<_>>().join(&between))
        }
        "reverse" => Value::from(items_of(input).into_iter().rev().collect::<Vec<_>>()),
        "compact" => Value::from(items_of(input).into_iter().filter(|item| !is_nil(item)).collect::<Vec<_>>()),
        "concat" => Value::from([items_of(input), arguments.first().map(items_of).unwrap_or_default()].concat()),
        "push" => Value::from([items_of(input), arguments.to_vec()].concat()),
        "unshift" => Value::from([arguments.to_vec(), items_of(input)].concat()),
        "pop" => {
            let mut items = items_of(input);
            items.truncate(items.len().saturating_sub(positive(count(0).unwrap_or(1))));
            Value::from(items)
        }
        "shift" => Value::from(items_of(input).into_iter().skip(positive(count(0).unwrap_or(1))).collect::<Vec<_>>()),
        "uniq" => uniq(input),
        "map" => Value::from(items_of(input).iter().map(|item| path(item, &argument(0))).collect::<Vec<_>>()),
        "sort" => sorted(input, arguments, str::to_owned),
        "sort_natural" => sorted(input, arguments, str::to_lowercase),
        "where" => return Ok(only(input, |item| is_where(item, arguments), usize::MAX)),
        "find" => return Ok(member(&only(input, |item| is_where(item, arguments), 1), "first")),
        "where_exp" => return Ok(only_by_expression(input, arguments, run, usize::MAX)),
        "find_exp" => return Ok(member(&only_by_expression(input, arguments, run, 1), "first")),
        "group_by" => grouped(items_of(input).into_iter().map(|item| (path(&item, &argument(0)), item))),
        "group_by_exp" => {
            let (variable, expression) = (argument(0), argument(1));
            let expression = parse::expression(&expression);
            let keyed = items_of(input).into_iter().map(|item| {
                let key = run.with_variable(&variable, item.clone(), |run| filtered_operand(&expression, run));
                (key, item)
            });
            grouped(keyed.collect::<Vec<_>>())
        }
        "array_to_sentence_string" => {
            let connector = if arguments.is_empty() { "and".to_owned() } else { argument(0) };
            Value::from(sentence(&items_of(input), &connector))
        }
        _ => input.clone(),
    };
    Ok(filtered)
}

/// An expression inside of a filter's argument. A filter in it that fails gives nil.
fn filtered_operand(expression: &parse::Expression<'_>, run: &mut Run<'_, '_>) -> Value {
    let mut value = run.operand(&expression.operand);
    for filter in &expression.filters {
        let arguments: Vec<Value> = filter.arguments.iter().map(|argument| run.operand(argument)).collect();
        value = apply(filter.name, &value, &arguments, run).unwrap_or_else(|_| Value::none());
    }
    value
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + &characters.as_str().to_lowercase()
}

/// Escapes the five characters that mean something in HTML and XML.
pub(crate) fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            _ => written.push(c),
        }
    }
    written
}

/// Undoes [`escaped`].
pub(crate) fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&amp;", "&")
}

fn replaced(text: &str, from: &str, to: &str, times: usize) -> String {
    if from.is_empty() { text.to_owned() } else { text.replacen(from, to, times) }
}

fn split(text: &str, at: &str) -> Value {
    let mut parts: Vec<Value> = match at {
        "" => text.chars().map(Value::from).collect(),
        " " => text.split_whitespace().map(Value::from).collect(),
        at => text.split(at).map(Value::from).collect(),
    };
    // As in Ruby, empty parts at the end do not count.
    while parts.last().is_some_and(|part| part.as_str() == Some("")) {
        parts.pop();
    }
    Value::from(parts)
}

/// Takes tags, comments, scripts and styles out of HTML.
pub(crate) fn without_html(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        let tag = &rest[open..];
        let end = if tag.starts_with("<!--") {
            "-->"
        } else if tag.starts_with("<script") {
            "</script>"
        } else if tag.starts_with("<style") {
            "</style>"
        } else {
            ">"
        };
        let Some(length) = tag.find(end) else {
            rest = tag;
            break;
        };
        rest = &tag[length + end.len()..];
    }
    text.push_str(rest);
    text
}

fn truncated(text: &str, length: i64, end: &str) -> String {
    let length = positive(length);
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let kept = length.saturating_sub(end.chars().count());
    text.chars().take(kept).chain(end.chars()).collect()
}

fn truncated_words(text: &str, words: i64, end: &str) -> String {
    let words = positive(words).max(1);
    let kept: Vec<&str> = text.split_whitespace().take(words).collect();
    if text.split_whitespace().count() <= words { text.to_owned() } else { kept.join(" ") + end }
}

fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte) => encoded.push(char::from(byte)),
            byte => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

fn form_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (byte, code.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn slice(input: &Value, start: i64, length: i64) -> Value {
    let bounds = |count: usize| {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let start = if start < 0 { start.saturating_add(count) } else { start };
        (start >= 0 && start <= count).then(|| (positive(start), positive(length)))
    };
    if let Some(items) = input.as_array() {
        let Some((start, length)) = bounds(items.len()) else {
            return Value::none();
        };
        return Value::from(items.iter().skip(start).take(length).cloned().collect::<Vec<_>>());
    }
    let text = as_text(input);
    let Some((start, length)) = bounds(text.chars().count()) else {
        return Value::from("");
    };
    Value::from(text.chars().skip(start).take(length).collect::<String>())
}

fn default(input: &Value, arguments: &[Value]) -> Value {
    let is_missing = !is_true(input)
        || input.as_str() == Some("")
        || input.as_array().is_some_and(<[Value]>::is_empty)
        || input.as_map().is_some_and(Map::is_empty);
    if is_missing { arguments.first().cloned().unwrap_or_else(Value::none) } else { input.clone() }
}

/// `/blog` and `about` → `/blog/about`; an address with a scheme stays as it is.
pub(crate) fn relative_url(base_url: &str, url: &str) -> String {
    if has_scheme(url) {
        return url.to_owned();
    }
    let slash = if url.is_empty() || url.starts_with('/') { "" } else { "/" };
    let relative = format!("{base_url}{slash}{url}");
    if relative.is_empty() { "/".to_owned() } else { relative }
}

/// As [`relative_url`], with the site's `url` in front.
pub(crate) fn absolute_url(site: &str, base_url: &str, url: &str) -> String {
    if has_scheme(url) { url.to_owned() } else { format!("{site}{}", relative_url(base_url, url)) }
}

pub(crate) fn has_scheme(url: &str) -> bool {
    let Some((scheme, _)) = url.split_once(':') else {
        return url.starts_with("//");
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme || url.starts_with("//")
}

fn date(input: &Value, run: &Run<'_, '_>, shown: impl FnOnce(&Date) -> Option<String>) -> Value {
    let date = match input.as_i64() {
        Some(seconds) => {
            jiff::Timestamp::from_second(seconds).ok().map(|at| Date::of_timestamp(at, run.environment.zone))
        }
        None => input.as_str().and_then(|text| Date::parse(text, run.environment.zone)),
    };
    date.and_then(|date| shown(&date)).map_or_else(|| input.clone(), Value::from)
}

/// `31 Jan 2026`, or with an ordinal `31st Jan 2026` or, in the American way, `Jan 31st, 2026`.
fn day(date: &Date, month: &str, kind: &str, style: &str) -> Option<String> {
    if kind != "ordinal" {
        return date.format(&format!("%d {month} %Y"));
    }
    let day = date.civil().day();
    let ending = match (day % 10, day) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    let format = if style == "US" { format!("{month} {day}{ending}, %Y") } else { format!("{day}{ending} {month} %Y") };
    date.format(&format)
}

/// The value as a whole number, if it is one or a text that reads as one.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => value.as_i64(),
    }
}

fn float(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => value::as_number(value),
    }
}

/// A whole number, if the value has no point.
fn exact(value: &Value) -> Option<i64> {
    if value::is_float(value) { None } else { integer(value) }
}

fn positive(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[expect(clippy::cast_possible_truncation, reason = "what does not fit becomes the nearest that does, as `as` says")]
fn truncated_to_whole(number: f64) -> i64 {
    number as i64
}

fn numeric(input: &Value, whole: impl Fn(i64) -> Option<i64>, broken: impl Fn(f64) -> f64) -> Value {
    match exact(input).and_then(whole) {
        Some(number) => Value::from(number),
        None => Value::from(broken(float(input).unwrap_or(0.0))),
    }
}

fn rounded(input: &Value, how: impl Fn(f64) -> f64) -> Value {
    exact(input).map_or_else(|| Value::from(truncated_to_whole(how(float(input).unwrap_or(0.0)))), Value::from)
}

fn round(input: &Value, places: i64) -> Value {
    if places <= 0 {
        return rounded(input, f64::round);
    }
    let scale = 10_f64.powi(i32::try_from(places.min(15)).unwrap_or(15));
    Value::from((float(input).unwrap_or(0.0) * scale).round() / scale)
}

fn calculated(
    input: &Value,
    arguments: &[Value],
    whole: impl Fn(i64, i64) -> Option<i64>,
    broken: impl Fn(f64, f64) -> f64,
) -> Value {
    let nothing = Value::from(0);
    let by = arguments.first().unwrap_or(&nothing);
    let as_whole = |value: &Value| if float(value).is_none() { Some(0) } else { exact(value) };
    if let (Some(left), Some(right)) = (as_whole(input), as_whole(by))
        && let Some(result) = whole(left, right)
    {
        return Value::from(result);
    }
    Value::from(broken(float(input).unwrap_or(0.0), float(by).unwrap_or(0.0)))
}

fn refuse_zero(arguments: &[Value]) -> Result<(), String> {
    let by = arguments.first().and_then(float).unwrap_or(0.0);
    if by == 0.0 { Err("it would divide by zero".to_owned()) } else { Ok(()) }
}

fn floor_division(left: i64, right: i64) -> Option<i64> {
    let quotient = left.checked_div(right)?;
    let is_exact = left.checked_rem(right)? == 0;
    if !is_exact && (left < 0) != (right < 0) { quotient.checked_sub(1) } else { Some(quotient) }
}

fn floor_remainder(left: i64, right: i64) -> Option<i64> {
    let remainder = left.checked_rem(right)?;
    if remainder != 0 && (remainder < 0) != (right < 0) { remainder.checked_add(right) } else { Some(remainder) }
}

fn uniq(input: &Value) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for item in items_of(input) {
        if !kept.iter().any(|known| same(known, &item)) {
            kept.push(item);
        }
    }
    Value::from(kept)
}

/// The value at a path such as `author.name`.
fn path(value: &Value, path: &str) -> Value {
    path.split('.').fold(value.clone(), |value, key| member(&value, key))
}

/// Sorts by the value, or by that of a key; what has none goes first, or last if so asked.
fn sorted(input: &Value, arguments: &[Value], as_key: impl Fn(&str) -> String) -> Value {
    let key = arguments.first().filter(|key| !is_nil(key)).map(as_text);
    let nils_last = arguments.get(1).is_some_and(|nils| nils.as_str() == Some("last"));
    let mut keyed: Vec<(Value, Value)> = items_of(input)
        .into_iter()
        .map(|item| {
            let by = key.as_ref().map_or_else(|| item.clone(), |key| path(&item, key));
            (by.as_str().map(|text| Value::from(as_key(text))).unwrap_or(by), item)
        })
        .collect();
    keyed.sort_by(|(left, _), (right, _)| match (is_nil(left), is_nil(right)) {
        (true, true) => std::cmp::Ordering::Equal,
        (is_left_nil, is_right_nil) if is_left_nil || is_right_nil => {
            if is_left_nil == nils_last {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Less
            }
        }
        // Values of two kinds have no order; their texts give a stable one.
        _ => order(left, right).unwrap_or_else(|| as_text(left).cmp(&as_text(right))),
    });
    Value::from(keyed.into_iter().map(|(_, item)| item).collect::<Vec<_>>())
}

fn only(input: &Value, mut is_kept: impl FnMut(&Value) -> bool, most: usize) -> Value {
    Value::from(items_of(input).into_iter().filter(|item| is_kept(item)).take(most).collect::<Vec<_>>())
}

/// Whether the item has the value at the key: is it, or is a list with it. Without a value: whether it has the key.
fn is_where(item: &Value, arguments: &[Value]) -> bool {
    let found = path(item, &arguments.first().map(as_text).unwrap_or_default());
    match arguments.get(1) {
        None => is_true(&found),
        Some(wanted) if found.as_array().is_some() => contains(&found, wanted),
        Some(wanted) if is_nil(wanted) || is_nil(&found) => is_nil(wanted) && is_nil(&found),
        Some(wanted) => as_text(&found) == as_text(wanted),
    }
}

fn only_by_expression(input: &Value, arguments: &[Value], run: &mut Run<'_, '_>, most: usize) -> Value {
    let [variable, expression] = [0, 1].map(|index| arguments.get(index).map(as_text).unwrap_or_default());
    let condition = parse::condition(&expression);
    only(input, |item| run.with_variable(&variable, item.clone(), |run| run.condition(&condition)), most)
}

/// Groups items by key, in the order in which the keys come first.
fn grouped(keyed: impl IntoIterator<Item = (Value, Value)>) -> Value {
    let mut order: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
    for (key, item) in keyed {
        let key = as_text(&key);
        let index = *order.entry(key.clone()).or_insert(groups.len());
        if index == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[index].1.push(item);
    }
    let groups = groups.into_iter().map(|(name, items)| {
        let mut group = Map::new();
        value::set(&mut group, "name", name);
        value::set(&mut group, "size", items.len());
        value::set(&mut group, "items", items);
        Value::from(group)
    });
    Value::from(groups.collect::<Vec<_>>())
}

fn sentence(items: &[Value], connector: &str) -> String {
    let words: Vec<String> = items.iter().map(as_text).collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} {connector} {second}"),
        [most @ .., last] => format!("{}, {connector} {last}", most.join(", ")),
    }
}
