//! YAML as Psych parses it, the parser of Ruby and so of Jekyll: front matter, `_config.yml` and
//! data files.
//!
//! Psych is libyaml with its own rules for plain scalars: `yes` is true, `0777` is octal, `1:30`
//! counts seconds, `2026-01-31 10:00:00` is a time, the last of duplicate keys wins. The grammar
//! here is libyaml's, in Rust; the rules are reimplemented. A date or a time becomes the string
//! that Liquid would print for it. labpress's own files, where a typo should be an error, are
//! parsed by [`yaml`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use libyaml_safer::{Event, EventData, Parser, ScalarStyle};
use serde_yaml::{Mapping, Number, Value};

use crate::diagnostic::{Diagnostic, Place, Position};
use crate::yaml::{self, Yaml};

/// How deep lists and mappings may nest.
const MAX_DEPTH: usize = 200;
/// How deep keys may nest in keys: each level is quoted in the string of its parent, which doubles
/// its length.
const MAX_KEY_DEPTH: usize = 4;
/// How many values a text may expand to: a few aliases of aliases could fill the memory.
const MAX_VALUES: usize = 2_000_000;

/// Parses the first document of a text; an empty one is null. Times without a zone are converted to
/// `zone`.
pub(crate) fn read(yaml: &Yaml<'_>, zone: &TimeZone) -> Result<Value, Diagnostic> {
    let (mut text, gap) = with_tags_apart(yaml.text);
    // The scanner would panic if the last line of a block, or an escape, ends with the file.
    let end = (!text.ends_with('\n')).then_some(text.len());
    if end.is_some() {
        text.to_mut().push('\n');
    }
    let mut bytes = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut bytes);
    let mut composer = Composer {
        yaml,
        zone,
        parser,
        gap,
        end,
        anchors: BTreeMap::new(),
        values: 0,
        quoted: None,
    };
    loop {
        let event = composer.event()?;
        match event.data {
            EventData::StreamStart { .. } | EventData::DocumentStart { .. } => {}
            EventData::StreamEnd | EventData::DocumentEnd { .. } => return Ok(Value::Null),
            _ => return composer.node(event, 0),
        }
    }
}

/// Inserts a gap between a tag and a comma after it, where the scanner would panic (`[!, a]`). Also
/// returns the gap, which has to be removed again from quoted strings that only look like a tag. It
/// ends in a character that the text does not contain.
fn with_tags_apart(text: &str) -> (Cow<'_, str>, Option<String>) {
    let (mut out, mut copied) = (String::new(), 0);
    let mut gap = None;
    for (at, _) in text.match_indices('!') {
        let before = text[..at].trim_end();
        let is_anchored = before
            .rsplit([' ', '\n', '[', '{', ','])
            .next()
            .is_some_and(|word| word.starts_with('&'));
        let begins_node =
            before.is_empty() || before.ends_with(['[', '{', ',', ':', '?']) || is_anchored;
        let length = text[at..]
            .find(|c: char| c.is_whitespace() || ",[]{}".contains(c))
            .unwrap_or(text.len() - at);
        let end = at + length;
        // A tag in angle brackets may contain commas.
        if begins_node
            && !text[at..].starts_with("!<")
            && text[end..].starts_with(',')
            && end >= copied
        {
            let gap = gap.get_or_insert_with(|| {
                let unused = ('\u{E000}'..='\u{F8FF}').find(|&c| !text.contains(c));
                format!(" {}", unused.unwrap_or('\u{E000}'))
            });
            out.push_str(&text[copied..end]);
            out.push_str(gap);
            copied = end;
        }
    }
    if copied == 0 {
        return (Cow::Borrowed(text), None);
    }
    out.push_str(&text[copied..]);
    (Cow::Owned(out), gap)
}

/// Builds values from libyaml's events.
struct Composer<'a, R> {
    yaml: &'a Yaml<'a>,
    zone: &'a TimeZone,
    parser: Parser<R>,
    /// The gap that [`with_tags_apart`] inserted.
    gap: Option<String>,
    /// Where the text ended before a line end was added, which a block at its end must not include.
    end: Option<usize>,
    anchors: BTreeMap<String, Value>,
    values: usize,
    /// Where the last quoted scalar starts and ends, if it has several lines.
    quoted: Option<(Position, Position)>,
}

impl<R: std::io::BufRead> Composer<'_, R> {
    fn event(&mut self) -> Result<Event, Diagnostic> {
        self.parser.parse().map_err(|error| {
            let message =
                match (error.problem(), error.context().filter(|context| !context.is_empty())) {
                    ("", None) => "invalid YAML".to_owned(),
                    (problem, None) => problem.to_owned(),
                    (problem, Some(context)) => format!("{problem} {context}"),
                };
            let position = error.problem_mark().map(|mark| self.position(mark));
            if error.context() == Some("while scanning a quoted scalar")
                && let Some(start) = error.context_mark()
            {
                let place = Place::new(self.yaml.path, self.position(start));
                return yaml::unclosed_quote(place);
            }
            if let Some((start, end)) =
                self.quoted.filter(|(start, _)| start.line < position.map_or(0, |at| at.line))
            {
                let place = Place::new(self.yaml.path, start);
                return Diagnostic::new(
                    place,
                    format!("this quote is closed only in line {}", end.line),
                )
                .hint(
                    "close it in the same line; \
                         write `\\\"` for a quote inside double quotes",
                );
            }
            let place = Place { path: self.yaml.path.to_owned(), position };
            let diagnostic = Diagnostic::new(place, message);
            match error.problem() {
                "mapping values are not allowed in this context" => {
                    diagnostic.hint("put quotes around a value that contains `: `")
                }
                "found character that cannot start any token" => diagnostic.hint(
                    "indent with spaces; \
                     put quotes around a value that starts with `@`, `%` or a backtick",
                ),
                _ => diagnostic,
            }
        })
    }

    fn position(&self, mark: libyaml_safer::Mark) -> Position {
        let number = |number: u64| usize::try_from(number).unwrap_or(0) + 1;
        Position { line: number(mark.line), column: number(mark.column) }
            .down(self.yaml.lines_above)
    }

    fn error(&self, event: &Event, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Place::new(self.yaml.path, self.position(event.start_mark)), message)
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Value, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(self.error(&event, format!("nests deeper than {MAX_DEPTH} levels")));
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(&event, format!("expands to more than {MAX_VALUES} values")));
        }
        let (anchor, value) = match event.data {
            EventData::Scalar { anchor, tag, mut value, style, .. } => {
                let (start, end) = (self.position(event.start_mark), self.position(event.end_mark));
                let is_quoted =
                    matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
                self.quoted = (is_quoted && start.line < end.line).then_some((start, end));
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let ends_with_the_file =
                    self.end.is_some_and(|end| event.end_mark.index >= end as u64);
                if is_block && ends_with_the_file && value.ends_with('\n') {
                    value.pop();
                }
                let value = match &self.gap {
                    // On its own it is the empty value of a tag.
                    Some(gap) if value == gap.trim_start() => String::new(),
                    Some(gap) => value.replace(gap.as_str(), ""),
                    None => value,
                };
                let is_text = style != ScalarStyle::Plain
                    || matches!(
                        tag.as_deref(),
                        Some("!" | "tag:yaml.org,2002:str" | "tag:yaml.org,2002:binary")
                    );
                (anchor, if is_text { Value::String(value) } else { plain(value, self.zone) })
            }
            EventData::SequenceStart { anchor, .. } => (anchor, self.sequence(depth)?),
            EventData::MappingStart { anchor, .. } => (anchor, self.mapping(depth)?),
            EventData::Alias { ref anchor } => {
                let Some(value) = self.anchors.get(anchor) else {
                    return Err(self.error(&event, format!("unknown anchor `&{anchor}`")));
                };
                self.values += size(value);
                (None, value.clone())
            }
            _ => return Err(self.error(&event, "missing value")),
        };
        if let Some(anchor) = anchor {
            self.values += size(&value);
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, Diagnostic> {
        let mut items = Vec::new();
        loop {
            let event = self.event()?;
            if matches!(event.data, EventData::SequenceEnd) {
                return Ok(Value::Sequence(items));
            }
            items.push(self.node(event, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Diagnostic> {
        let mut mapping = Mapping::new();
        loop {
            let event = self.event()?;
            if matches!(event.data, EventData::MappingEnd) {
                return Ok(Value::Mapping(mapping));
            }
            let at = self.position(event.start_mark);
            let key = self.node(event, depth + 1)?;
            if key_depth(&key) > MAX_KEY_DEPTH {
                let message = format!("a key nests deeper than {MAX_KEY_DEPTH} levels");
                return Err(Diagnostic::new(Place::new(self.yaml.path, at), message)
                    .hint("`? ` turns a mapping into a key"));
            }
            let event = self.event()?;
            let value = self.node(event, depth + 1)?;
            match (key.as_str(), value) {
                (Some("<<"), Value::Mapping(other)) => mapping.extend(other),
                (Some("<<"), Value::Sequence(others)) if others.iter().all(Value::is_mapping) => {
                    // Of several, the first wins.
                    for other in others.into_iter().rev() {
                        if let Value::Mapping(other) = other {
                            mapping.extend(other);
                        }
                    }
                }
                (_, value) => drop(mapping.insert(key, value)),
            }
        }
    }
}

/// How deep keys nest in a key.
fn key_depth(key: &Value) -> usize {
    match key {
        Value::Sequence(items) => 1 + items.iter().map(key_depth).max().unwrap_or(0),
        Value::Mapping(mapping) => {
            1 + mapping
                .iter()
                .map(|(key, value)| key_depth(key).max(key_depth(value)))
                .max()
                .unwrap_or(0)
        }
        _ => 0,
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Mapping(mapping) => {
            1 + mapping.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>()
        }
        _ => 1,
    }
}

/// The value of a scalar without quotes.
fn plain(text: String, zone: &TimeZone) -> Value {
    let Some(first) = text.chars().next() else {
        return Value::Null;
    };
    // Except for these words, everything that is not a string starts with a digit, a sign, a point
    // or a colon.
    if !matches!(first, '0'..='9' | '-' | '+' | '.') {
        return match text.to_ascii_lowercase().as_str() {
            "~" | "null" => Value::Null,
            "yes" | "true" | "on" => Value::Bool(true),
            "no" | "false" | "off" => Value::Bool(false),
            _ => Value::String(text),
        };
    }
    let found = time(&text, zone)
        .map(Value::String)
        .or_else(|| day(&text).map(Value::String))
        .or_else(|| special_float(&text))
        .or_else(|| base_60(&text))
        .or_else(|| float(&text))
        .or_else(|| integer(&text));
    found.unwrap_or(Value::String(text))
}

/// `2026-1-31` as `2026-01-31`.
fn day(text: &str) -> Option<String> {
    let (day, rest) = leading_day(text)?;
    rest.is_empty().then(|| day.strftime("%Y-%m-%d").to_string())
}

fn leading_day(text: &str) -> Option<(civil::Date, &str)> {
    let (year, rest) = leading_digits(text, 4..=4)?;
    let (month, rest) = leading_digits(rest.strip_prefix('-')?, 1..=2)?;
    let (day, rest) = leading_digits(rest.strip_prefix('-')?, 1..=2)?;
    let day = civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some((day, rest))
}

/// The digits at the start of a text, if their number is in `count`.
fn leading_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> Option<(&str, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    count.contains(&end).then(|| text.split_at(end))
}

/// A date and time as Ruby prints it: in its own offset, or in `zone` if it has none, which means
/// UTC.
fn time(text: &str, zone: &TimeZone) -> Option<String> {
    let (day, rest) = leading_day(text)?;
    let rest = match rest.strip_prefix(['T', 't']) {
        Some(rest) => rest,
        None => rest.strip_prefix([' ', '\t'])?.trim_start_matches([' ', '\t']),
    };
    let (hour, rest) = leading_digits(rest, 1..=2)?;
    let (minute, rest) = leading_digits(rest.strip_prefix(':')?, 2..=2)?;
    let (second, rest) = leading_digits(rest.strip_prefix(':')?, 2..=2)?;
    let rest = rest
        .strip_prefix('.')
        .map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let time =
        civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, 0).ok()?;
    let moment = day.to_datetime(time);
    match rest.trim_start_matches([' ', '\t']) {
        "" if rest.is_empty() => {
            let shown = Offset::UTC.to_timestamp(moment).ok()?.to_zoned_datetime(zone.clone());
            Some(shown.strftime("%Y-%m-%d %H:%M:%S %z").to_string())
        }
        "Z" => Some(moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        offset => {
            let (hours, after) = leading_digits(offset.strip_prefix(['+', '-'])?, 1..=4)?;
            let (hours, minutes) = match (hours.len(), after.strip_prefix(':')) {
                (4, None) => hours.split_at(2),
                (1 | 2, None) => (hours, "0"),
                (1 | 2, Some(minutes)) => (hours, minutes),
                _ => return None,
            };
            let (minutes, end) = leading_digits(minutes, 1..=2)?;
            let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
            let is_offset = end.is_empty() && hours < 24 && minutes < 60;
            let sign = &offset[..1];
            let shown = moment.strftime("%Y-%m-%d %H:%M:%S");
            is_offset.then(|| format!("{shown} {sign}{hours:02}{minutes:02}"))
        }
    }
}

fn special_float(text: &str) -> Option<Value> {
    let float = match text.to_ascii_lowercase().as_str() {
        ".inf" | "+.inf" => f64::INFINITY,
        "-.inf" => f64::NEG_INFINITY,
        ".nan" => f64::NAN,
        _ => return None,
    };
    Some(Value::from(float))
}

/// `1:30:00` is sexagesimal: Psych takes the first part for hours, even of two.
fn base_60(text: &str) -> Option<Value> {
    let (whole, fraction) =
        text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let unsigned = whole.trim_start_matches(['+', '-']);
    let mut parts = unsigned.split(':');
    let first = parts.next().filter(|first| first.starts_with(|c: char| c.is_ascii_digit()))?;
    let is_number = first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let rest: Vec<&str> = parts.collect();
    let is_part = |part: &&str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    let is_fraction =
        fraction.is_none_or(|text| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_'));
    if !is_number || !matches!(rest.len(), 1 | 2) || !rest.iter().all(is_part) || !is_fraction {
        return None;
    }
    let negative = whole.starts_with('-');
    let first: i64 =
        first.replace('_', "").parse().ok().filter(|first| *first < 1_000_000_000_000)?;
    let mut sum = if negative { -first * 3600 } else { first * 3600 };
    for (part, factor) in rest.iter().zip([60, 1]) {
        sum += part.parse::<i64>().ok()? * factor;
    }
    let Some(fraction) = fraction else {
        return Some(Value::from(sum));
    };
    let fraction: f64 = format!("0.{}", fraction.replace('_', "")).parse().unwrap_or(0.0);
    Some(Value::from(sum as f64 + if rest.len() == 1 { fraction * 60.0 } else { fraction }))
}

/// `-1_000.5e+3`: a number with a decimal point.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, rest) = unsigned.split_once('.')?;
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let is_whole = whole.is_empty()
        || whole.as_bytes()[0].is_ascii_digit()
            && whole.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b','));
    let is_fraction = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']);
        digits.is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    });
    if !is_whole || !is_fraction || !is_exponent || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    text.replace([',', '_'], "").parse::<f64>().ok().map(Value::from)
}

/// `1,000`, `0777`, `0x1F`, `0b101`. Numbers that do not fit in 64 bits stay strings.
fn integer(text: &str) -> Option<Value> {
    let (sign, unsigned) = match text.as_bytes()[0] {
        b'-' => (-1_i128, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (digits, radix) = if let Some(digits) = unsigned.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = unsigned.strip_prefix("0x") {
        (digits, 16)
    } else if unsigned.len() > 1 && unsigned.starts_with('0') {
        (&unsigned[1..], 8)
    } else {
        let is_decimal = unsigned.split([',', '_']).all(|part| !part.is_empty())
            && unsigned.starts_with(|c: char| c.is_ascii_digit());
        if !is_decimal {
            return None;
        }
        (unsigned, 10)
    };
    let is_number = digits.chars().all(|c| c.is_digit(radix) || matches!(c, '_' | ','));
    let number =
        i128::from_str_radix(&digits.replace(['_', ','], ""), radix).ok().filter(|_| is_number)?
            * sign;
    let number = i64::try_from(number)
        .map(Number::from)
        .or_else(|_| u64::try_from(number).map(Number::from));
    number.ok().map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn a_tag_may_precede_a_comma() {
        assert_eq!(
            read_text("a: [!, b, !x,c, &d !!str, 'e !, f']"),
            read_text("a: [! , b, !x ,c, &d !!str , 'e !, f']")
        );
        assert_eq!(read_text("a: [!, 'b: !c, d']").as_deref(), Ok("{\"a\":[\"\",\"b: !c, d\"]}"));
        assert_eq!(read_text("a: [!, b]").as_deref(), Ok("{\"a\":[\"\",\"b\"]}"));
        assert_eq!(read_text("a: Oh !, no").as_deref(), Ok("{\"a\":\"Oh !, no\"}"));
    }

    #[test]
    fn a_block_may_end_without_a_line_end() {
        assert_eq!(read_text("a: |\n x").as_deref(), Ok("{\"a\":\"x\"}"));
        assert_eq!(read_text("a: |+\n ß\n\n x").as_deref(), Ok("{\"a\":\"ß\\n\\nx\"}"));
        assert_eq!(read_text("a: |\n x\nb: c").as_deref(), Ok("{\"a\":\"x\\n\",\"b\":\"c\"}"));
        assert_eq!(read_text("a: |\n x\n# c").as_deref(), Ok("{\"a\":\"x\\n\"}"));
        assert_eq!(read_text("a: >\n x\n [").as_deref(), Ok("{\"a\":\"x [\"}"));
        assert_eq!(read_text("|\n |\n [").as_deref(), Ok("\"|\\n[\""));
    }

    #[test]
    fn a_text_may_end_in_an_incomplete_escape() {
        let error = read_text("a: \"\\").unwrap_err();
        assert!(error.contains("unclosed quote"), "{error}");
    }

    #[test]
    fn an_unclosed_quote_is_reported_where_it_opens() {
        let error = |at: &str| {
            format!("error: unclosed quote\n --> a.md:{at}\nhint: add the closing quote")
        };
        assert_eq!(read_text("title: \"Hello\ntags: [a]\nlayout: post\n"), Err(error("2:8")));
        assert_eq!(read_text("layout: post\ntitle: 'Hello\ntags: [a]"), Err(error("3:8")));
        let error = read_text("title: \"Hello\ntags: [\"a\"]\nlayout: post\n").unwrap_err();
        assert!(
            error.starts_with("error: this quote is closed only in line 3\n --> a.md:2:8\n"),
            "{error}"
        );
    }

    fn read_text(text: &str) -> Result<String, String> {
        let zone = TimeZone::fixed(Offset::constant(1));
        let value = read(&Yaml::new("a.md", text, 1), &zone);
        value.map(|value| value::json(&value::of_yaml(&value))).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(read_text(text).as_deref(), Ok(expected));
    }

    #[test]
    fn words_of_yaml_1_1_are_booleans_and_null() {
        check(
            "[yes, No, ON, off, True, false, y, n, oui]",
            "[true,false,true,false,true,false,\"y\",\"n\",\"oui\"]",
        );
        check("[~, null, Null, '', \"yes\", nullify]", "[null,null,null,\"\",\"yes\",\"nullify\"]");
        check("a:\nb: |\n  on\n", "{\"a\":null,\"b\":\"on\\n\"}");
    }

    #[test]
    fn numbers_are_those_of_psych() {
        check("[1, -2, +3, 1_000, '1', 1,000]", "[1,-2,3,1000,\"1\",1,0]");
        check(
            "- 1,000\n- 0777\n- 0x1F\n- 0b101\n- 08\n- 0\n- 1_\n- -",
            "[1000,511,31,5,\"08\",0,\"1_\",[null]]",
        );
        check(
            "[1.5, .5, 1., -1.0e+3, 1e3, 1.2.3, .]",
            "[1.5,0.5,1.0,-1000.0,\"1e3\",\"1.2.3\",\".\"]",
        );
        check(
            "[1:30, 1:30:15, 12:75, 1:2:3:4, 99999999999999999999]",
            "[5400,5415,\"12:75\",\"1:2:3:4\",\"99999999999999999999\"]",
        );
    }

    #[test]
    fn dates_and_times_become_the_string_that_liquid_prints() {
        check(
            "[2026-1-5, 2026-02-30, 2026-01-31x]",
            "[\"2026-01-05\",\"2026-02-30\",\"2026-01-31x\"]",
        );
        check("a: 2026-01-31 10:00:00", "{\"a\":\"2026-01-31 11:00:00 +0100\"}");
        check("a: 2026-01-31T10:00:00Z", "{\"a\":\"2026-01-31 10:00:00 UTC\"}");
        check("a: 2026-01-31 10:00:00.5 -05:30", "{\"a\":\"2026-01-31 10:00:00 -0530\"}");
        check("a: 2026-01-31 10:00", "{\"a\":\"2026-01-31 10:00\"}");
    }

    #[test]
    fn the_last_of_duplicate_keys_wins() {
        check("a: 1\nb: 2\na: 3\n", "{\"a\":3,\"b\":2}");
    }

    #[test]
    fn merged_mappings_and_aliases_are_filled_in() {
        check(
            "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\nc: *x\n",
            "{\"a\":{\"k\":1},\"b\":{\"k\":1,\"l\":2},\"c\":{\"k\":1}}",
        );
    }

    #[test]
    fn a_tab_may_follow_a_colon_and_a_symbol_is_a_string() {
        check("a:\tb\nc: :d\n", "{\"a\":\"b\",\"c\":\":d\"}");
    }

    #[test]
    fn only_the_first_document_is_read() {
        check("a: 1\n---\nb: 2\n", "{\"a\":1}");
        check("# nothing\n", "null");
    }

    #[test]
    fn an_error_has_its_place_in_the_file() {
        assert_eq!(
            read_text("title: a: b\n").expect_err("it is invalid"),
            "error: mapping values are not allowed in this context\n --> a.md:2:9\n\
             hint: put quotes around a value that contains `: `"
        );
        assert!(
            read_text("a: *x\n")
                .expect_err("it is invalid")
                .starts_with("error: unknown anchor `&x`")
        );
    }

    #[test]
    fn neither_depth_nor_aliases_can_fill_the_memory() {
        assert!(read_text(&"[".repeat(10_000)).is_err());
        let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
            let before = n - 1;
            text + &format!("a{n}: &a{n} [*a{before}, *a{before}]\n")
        });
        assert!(read_text(&bomb).expect_err("it is too much").contains("expands to more than"));
        assert!(
            read_text(&"? ".repeat(40))
                .expect_err("it is too deep")
                .contains("a key nests deeper than")
        );
        assert!(read_text("? {a: [b]}\n: c\n").is_ok());
    }
}
