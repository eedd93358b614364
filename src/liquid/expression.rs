//! Expressions: values, filters, conditions and loops.
//!
//! The grammar is the lax one of Ruby's Liquid, which uses what it can of an expression and ignores
//! the rest: an expression is never an error.

use super::token::is_space;
use crate::value::Value;
use kramdown::embed::without_marker_characters;

/// How deep `a[b[c]]` may nest.
const MAX_BRACKETS: usize = 16;

/// A value and its filters.
#[derive(Debug)]
pub(super) struct Expression<'a> {
    pub(super) operand: Operand<'a>,
    pub(super) filters: Vec<FilterCall<'a>>,
}

#[derive(Debug)]
pub(super) struct FilterCall<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: Vec<Operand<'a>>,
    /// Named arguments, `allow_false: true`.
    pub(super) named: Vec<(&'a str, Operand<'a>)>,
}

#[derive(Debug)]
pub(super) enum Operand<'a> {
    Literal(Value),
    /// `empty` and `blank`: empty strings; `empty` also equals empty lists and maps.
    Empty,
    Blank,
    Range(Box<Operand<'a>>, Box<Operand<'a>>),
    /// A variable and the path into it.
    Lookup(Vec<Step<'a>>),
}

#[derive(Debug)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Index(Operand<'a>),
}

/// Tests joined by `and` and `or`, which have equal precedence and are right-associative.
#[derive(Debug)]
pub(super) struct Condition<'a> {
    /// Each test except the last, with the operator that joins it to the next.
    pub(super) tests: Vec<(Test<'a>, Join)>,
    pub(super) last: Test<'a>,
    /// Whether it belongs to an `unless`.
    pub(super) negated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
}

#[derive(Debug)]
pub(super) enum Test<'a> {
    Is(Operand<'a>),
    Compare(Operand<'a>, Comparison, Operand<'a>),
    /// An unknown operator.
    Unknown(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

/// The header of a loop.
#[derive(Debug)]
pub(super) struct Loop<'a> {
    pub(super) variable: &'a str,
    pub(super) items: Operand<'a>,
    /// The label for `offset: continue`: variable and list as written.
    pub(super) label: String,
    pub(super) limit: Option<Operand<'a>>,
    pub(super) offset: Option<Offset<'a>>,
    pub(super) reversed: bool,
}

#[derive(Debug)]
pub(super) enum Offset<'a> {
    /// Continue where the last loop over the same list ended.
    Continue,
    At(Operand<'a>),
}

/// Parses a value and its filters: `page.title | truncate: 20, "…" | upcase`.
pub(super) fn expression(text: &str) -> Expression<'_> {
    let Some((value, rest)) = fragment(text) else {
        return Expression { operand: Operand::Literal(Value::none()), filters: Vec::new() };
    };
    // Anything between the value and the first filter is ignored.
    let filters = rest.split_once('|').map(|(_, filters)| filters);
    let filters = filters
        .into_iter()
        .flat_map(|filters| split_outside_quotes(filters, '|'))
        .filter_map(filter_call);
    Expression { operand: operand(value), filters: filters.collect() }
}

fn filter_call(text: &str) -> Option<FilterCall<'_>> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let text = &text[text.find(is_word)?..];
    let (name, mut rest) = text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()));
    let (mut arguments, mut named) = (Vec::new(), Vec::new());
    // Arguments follow the colon or a comma; anything else is ignored.
    while let Some(at) = find_outside_quotes(rest, |c| c == ':' || c == ',') {
        rest = rest[at + 1..].trim_start();
        let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        let after_word = rest[word.len()..].trim_start();
        let key = after_word.strip_prefix(':').filter(|_| !word.is_empty());
        let Some((value, after)) = anchored_fragment(key.unwrap_or(rest).trim_start()) else {
            continue;
        };
        match key {
            Some(_) => named.push((word, operand(value))),
            None => arguments.push(operand(value)),
        }
        rest = after;
    }
    Some(FilterCall { name, arguments, named })
}

/// Splits at a character outside quotes. An unclosed quote is an ordinary character.
pub(super) fn split_outside_quotes(text: &str, at: char) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, after) = match find_outside_quotes(text, |c| c == at) {
            Some(found) => (&text[..found], Some(&text[found + at.len_utf8()..])),
            None => (text, None),
        };
        rest = after;
        Some(part)
    })
}

/// Finds a character outside quotes.
pub(super) fn find_outside_quotes(text: &str, is_wanted: impl Fn(char) -> bool) -> Option<usize> {
    let mut at = 0;
    let mut unclosed = [false; 2];
    while let Some(c) = text[at..].chars().next() {
        if is_wanted(c) {
            return Some(at);
        }
        at += quoted_length(&text[at..], c, &mut unclosed).unwrap_or(c.len_utf8());
    }
    None
}

/// The length of the quoted string that starts with `c`, including both quotes. `unclosed` records
/// the quotes that are never closed, so that a text with many of them is scanned only once.
fn quoted_length(text: &str, c: char, unclosed: &mut [bool; 2]) -> Option<usize> {
    let kind = match c {
        '"' => 0,
        '\'' => 1,
        _ => return None,
    };
    if unclosed[kind] {
        return None;
    }
    let length = text[1..].find(c).map(|inside| inside + 2);
    unclosed[kind] = length.is_none();
    length
}

/// Splits off the next value of a text: a quoted string, or everything up to a space, a comma, a
/// pipe or an unclosed quote. Skips characters that cannot start a value.
pub(super) fn fragment(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| is_space(c) || c == ',' || c == '|');
        if rest.is_empty() {
            return None;
        }
        if let Some(found) = anchored_fragment(rest) {
            return Some(found);
        }
        rest = &rest[1..];
    }
}

/// As [`fragment`], but only at the start of the text. `None` if no value starts there.
pub(super) fn anchored_fragment(text: &str) -> Option<(&str, &str)> {
    let mut unclosed = [false; 2];
    let first = text.chars().next()?;
    if let Some(length) = quoted_length(text, first, &mut unclosed) {
        return Some(text.split_at(length));
    }
    if let Some(length) = range_length(text) {
        return Some(text.split_at(length));
    }
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if is_space(c) || c == ',' || c == '|' {
            break;
        }
        let length = match c {
            '"' | '\'' => quoted_length(&text[at..], c, &mut unclosed),
            '[' => Some(closing_bracket(&text[at + 1..]).map_or(1, |inside| inside + 2)),
            _ => Some(c.len_utf8()),
        };
        let Some(length) = length else { break };
        at += length;
    }
    (at > 0).then(|| text.split_at(at))
}

/// The length of the range at the start of the text: `(1 .. page.count)`.
fn range_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('(')?;
    let end = inside.find([')', '(', '"', '\''])?;
    let is_range = inside[end..].starts_with(')') && inside[..end].contains("..");
    is_range.then_some(end + 2)
}

fn closing_bracket(inside: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    let mut unclosed = [false; 2];
    while let Some(c) = inside[at..].chars().next() {
        match c {
            ']' if depth == 0 => return Some(at),
            ']' => depth -= 1,
            '[' => depth += 1,
            '|' => return None,
            _ => {}
        }
        at += quoted_length(&inside[at..], c, &mut unclosed).unwrap_or(c.len_utf8());
    }
    None
}

pub(super) fn fragments(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (value, after) = fragment(rest)?;
        rest = after;
        Some(value)
    })
}

/// Parses one value: a literal, a range or a variable.
pub(super) fn operand(text: &str) -> Operand<'_> {
    operand_at(text.trim(), 0)
}

fn operand_at(text: &str, depth: usize) -> Operand<'_> {
    let literal = |value: Value| Operand::Literal(value);
    match text {
        "" | "nil" | "null" => return literal(Value::none()),
        "true" => return literal(Value::from(true)),
        "false" => return literal(Value::from(false)),
        "empty" => return Operand::Empty,
        "blank" => return Operand::Blank,
        _ if depth > MAX_BRACKETS => return literal(Value::none()),
        _ => {}
    }
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let inside = quoted.split(quote).next().unwrap_or("");
            return literal(Value::from(without_marker_characters(inside).as_ref()));
        }
    }
    if let Some(range) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))
        && let Some((from, to)) = range.split_once("..")
    {
        let [from, to] = [from, to].map(|end| Box::new(operand_at(end.trim(), depth + 1)));
        return Operand::Range(from, to);
    }
    if let Some(number) = number(text) {
        return literal(number);
    }
    lookup(text, depth)
}

/// Parses a number as Ruby does: `5.` is `5.0`, and `1.5.2` is `1.5`.
fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let is_number = unsigned.starts_with(|c: char| c.is_ascii_digit())
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_number {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    let second_point = text.match_indices('.').nth(1).map_or(text.len(), |(at, _)| at);
    text[..second_point].parse::<f64>().ok().map(Value::from)
}

/// Parses `name.key["key"][0]`, ignoring anything invalid.
fn lookup(text: &str, depth: usize) -> Operand<'_> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| is_word(c) || c == '[') {
        rest = &rest[start..];
        if let Some(inside) = rest.strip_prefix('[') {
            let end = closing_bracket(inside).unwrap_or(inside.len());
            if !inside[..end].trim().is_empty() {
                steps.push(Step::Index(operand_at(inside[..end].trim(), depth + 1)));
            }
            rest = inside.get(end + 1..).unwrap_or("");
        } else {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let end = if rest[end..].starts_with('?') { end + 1 } else { end };
            steps.push(Step::Key(&rest[..end]));
            rest = &rest[end..];
        }
    }
    if steps.is_empty() { Operand::Literal(Value::none()) } else { Operand::Lookup(steps) }
}

/// Parses `a == b and c contains "d" or e`.
pub(super) fn condition(text: &str) -> Condition<'_> {
    let (mut tests, mut joins) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some((at, word, join)) = next_join(rest) {
        tests.push(test(&rest[..at]));
        joins.push(join);
        rest = &rest[at + word..];
    }
    let last = test(rest);
    Condition { tests: tests.into_iter().zip(joins).collect(), last, negated: false }
}

/// The next `and` or `or` outside quotes: its position and length.
fn next_join(text: &str) -> Option<(usize, usize, Join)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.' || c == '[';
    let mut at = 0;
    let mut before = ' ';
    let mut unclosed = [false; 2];
    while let Some(c) = text[at..].chars().next() {
        if !is_word(before) {
            for (word, join) in [("and", Join::And), ("or", Join::Or)] {
                if let Some(after) = text[at..].strip_prefix(word)
                    && !after.starts_with(is_word)
                {
                    return Some((at, word.len(), join));
                }
            }
        }
        at += quoted_length(&text[at..], c, &mut unclosed).unwrap_or(c.len_utf8());
        before = c;
    }
    None
}

const OPERATORS: [(&str, Comparison); 8] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<>", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("contains", Comparison::Contains),
];

fn test(text: &str) -> Test<'_> {
    let value =
        |text| fragment(text).map_or(Operand::Literal(Value::none()), |(value, _)| operand(value));
    if let Some((at, length, comparison)) = operator(text) {
        return Test::Compare(value(&text[..at]), comparison, value(&text[at + length..]));
    }
    let mut words = fragments(text);
    let (first, second) = (words.next().unwrap_or(""), words.next());
    let looks_like_operator = |word: &&str| {
        word.bytes().all(|byte| b"=!<>_".contains(&byte) || byte.is_ascii_lowercase())
    };
    match second.filter(looks_like_operator) {
        Some(_) if matches!(first, "not" | "!") => Test::Unknown(first),
        Some(word) => Test::Unknown(word),
        None => Test::Is(operand(first)),
    }
}

/// The first operator outside quotes: its position and length.
fn operator(text: &str) -> Option<(usize, usize, Comparison)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.';
    let mut at = 0;
    let mut before = ' ';
    let mut unclosed = [false; 2];
    while let Some(c) = text[at..].chars().next() {
        let found = OPERATORS.iter().find(|(sign, _)| text[at..].starts_with(sign));
        if let Some(&(sign, comparison)) = found {
            let is_inside_word = sign == "contains"
                && (is_word(before) || text[at + sign.len()..].starts_with(is_word));
            if !is_inside_word {
                return Some((at, sign.len(), comparison));
            }
        }
        at += quoted_length(&text[at..], c, &mut unclosed).unwrap_or(c.len_utf8());
        before = c;
    }
    None
}

/// Parses `item in list reversed limit:2 offset:1`.
pub(super) fn loop_of(arguments: &str) -> Option<Loop<'_>> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let (variable, rest) = arguments.split_at(arguments.find(|c| !is_name(c))?);
    let rest = rest.trim_start().strip_prefix("in").filter(|rest| rest.starts_with(is_space));
    let (items, options) = fragment(rest?)?;
    // As in Jekyll, `reversed` must directly follow the list.
    let reversed = options
        .trim_start()
        .strip_prefix("reversed")
        .is_some_and(|rest| !rest.starts_with(is_name));
    let offset = option(options, "offset").map(|offset| match offset {
        "continue" => Offset::Continue,
        offset => Offset::At(operand(offset)),
    });
    let label = format!("{variable}-{items}");
    let limit = option(options, "limit").map(operand);
    (!variable.is_empty()).then_some(Loop {
        variable,
        items: operand(items),
        label,
        limit,
        offset,
        reversed,
    })
}

/// The value of the option `name:` of a loop.
pub(super) fn option<'a>(options: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = options.match_indices(name).find_map(|(at, _)| {
        let after = options[at + name.len()..].trim_start().strip_prefix(':')?;
        let is_whole = !options[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        is_whole.then_some((at, after))
    })?;
    fragment(after).map(|(value, _)| value)
}

/// Parses `name=value name2="value"`. The error is the invalid rest.
pub(super) fn parameters(text: &str) -> Result<Vec<(&str, Operand<'_>)>, &str> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let (name, after) = rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len()));
        let value = after
            .trim_start()
            .strip_prefix('=')
            .filter(|_| !name.is_empty())
            .ok_or(rest)?
            .trim_start();
        let (value, after) = parameter_value(value).ok_or(rest)?;
        if !after.is_empty() && !after.starts_with(char::is_whitespace) {
            return Err(rest);
        }
        found.push((name, value));
        rest = after.trim_start();
    }
    Ok(found)
}

/// A quoted string, in which `\"` is a quote, or the name of a variable.
fn parameter_value(text: &str) -> Option<(Operand<'_>, &str)> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let mut escaped = false;
        let end = text[1..].find(|c| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let inside = without_marker_characters(&text[1..=end])
            .replace(&format!("\\{quote}"), &quote.to_string());
        return Some((Operand::Literal(Value::from(inside)), &text[end + 2..]));
    }
    // Jekyll only accepts names with dots; brackets do no harm.
    let (name, after) = anchored_fragment(text)?;
    Some((operand(name), after))
}
