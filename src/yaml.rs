//! Strict YAML: text → typed values, with a place for every error.
//!
//! serde_yaml makes the values. It gives no place for errors that are found later (a learning rate
//! below zero), so [`Yaml`] finds the place of every key when the first place is asked for.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use saphyr_parser::{Event, Parser, Span};
use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

use crate::diagnostic::{Diagnostic, Place, Position, without_place};

/// The YAML in a file of the site: the whole of a `.yml` file, or the front matter of a post.
#[derive(Debug, Clone)]
pub struct Yaml<'a> {
    /// Path of the file, from the site's root.
    pub path: &'a str,
    /// The YAML itself.
    pub text: &'a str,
    /// How many lines of the file are above it.
    pub lines_above: usize,
    // Only errors need places, and most files have none.
    places: OnceLock<Places>,
}

impl<'a> Yaml<'a> {
    /// YAML that begins `lines_above` lines below the start of the file `path`.
    pub fn new(path: &'a str, text: &'a str, lines_above: usize) -> Yaml<'a> {
        Yaml { path, text, lines_above, places: OnceLock::new() }
    }

    /// The YAML that is a whole file.
    pub fn file(path: &'a str, text: &'a str) -> Yaml<'a> {
        Yaml::new(path, text, 0)
    }

    /// Parses the text as a `T`. An error has its line and column; that of an unknown key also has
    /// the nearest known one as a hint.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        if let Some(at) = too_deep(self.text) {
            let position = Position::at(self.text, at).down(self.lines_above);
            let message = format!("brackets nest deeper than {MAX_FLOW_DEPTH} levels");
            return Err(Diagnostic::new(Place::new(self.path, position), message));
        }
        if self.text.contains("<<") {
            return self.parse_merged();
        }
        serde_yaml::from_str(self.text).map_err(|error| self.error(&error))
    }

    /// Parses a text that may have merge keys (`<<: *base`).
    fn parse_merged<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        let mut value: Value =
            serde_yaml::from_str(self.text).map_err(|error| self.error(&error))?;
        merge(&mut value, &mut Vec::new()).map_err(|keys| {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let message = "`<<` must be a map or a list of maps";
            Diagnostic::new(self.place(&keys), message).hint(
                "write `<<: *NAME` for a map marked with `&NAME`, or put quotes around the key",
            )
        })?;
        serde_path_to_error::deserialize(value).map_err(|error| {
            let keys: Vec<String> = error.path().iter().map(ToString::to_string).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            invalid_yaml(self.place(&keys), without_place(&error.inner().to_string()))
        })
    }

    fn error(&self, error: &serde_yaml::Error) -> Diagnostic {
        let place = |position: Position| Place {
            path: self.path.to_owned(),
            position: Some(position.down(self.lines_above)),
        };
        let message = error.to_string();
        if let Some(start) = quote_start(&message) {
            return unclosed_quote(place(start));
        }
        if message.contains("duplicate")
            && let Some((key, first, second)) = &self.places().duplicate
        {
            let first = place(*first);
            return Diagnostic::new(
                place(*second),
                format!("duplicate key `{key}`, first set at {first}"),
            )
            .hint("remove one of them");
        }
        let position = error
            .location()
            .map(|location| Position { line: location.line(), column: location.column() });
        let at = position.map_or_else(|| Place::file(self.path), place);
        invalid_yaml(at, without_place(&message))
    }

    /// The place of the value at `keys` (`["variants", "plain", "optimizer"]`), or of its deepest
    /// parent that exists, or of the whole file.
    pub fn place(&self, keys: &[&str]) -> Place {
        let places = self.places();
        let position = places.key(&keys[..places.depth(keys)]);
        Place {
            path: self.path.to_owned(),
            position: position.map(|position| position.down(self.lines_above)),
        }
    }

    /// How many of `keys` exist, counted from the first.
    pub fn depth(&self, keys: &[&str]) -> usize {
        self.places().depth(keys)
    }

    fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(self.text))
    }
}

/// Merges the maps that `<<` names into the maps that contain it, as Psych does for all other YAML
/// of a site: in the order of the keys, so that later ones win. The error is the path of a `<<`
/// that is not a map.
fn merge(value: &mut Value, keys: &mut Vec<String>) -> Result<(), Vec<String>> {
    match value {
        Value::Mapping(mapping) => {
            let mut merged = Mapping::new();
            for (key, mut value) in std::mem::take(mapping) {
                keys.push(key.as_str().map(str::to_owned).unwrap_or_default());
                merge(&mut value, keys)?;
                let is_merge = key.as_str() == Some("<<");
                match value {
                    Value::Mapping(other) if is_merge => merged.extend(other),
                    Value::Sequence(others) if is_merge && others.iter().all(Value::is_mapping) => {
                        // Of several, the first wins.
                        let others = others.into_iter().rev();
                        others
                            .filter_map(|other| other.as_mapping().cloned())
                            .for_each(|other| merged.extend(other));
                    }
                    _ if is_merge => return Err(keys.clone()),
                    value => drop(merged.insert(key, value)),
                }
                keys.pop();
            }
            *mapping = merged;
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                keys.push(index.to_string());
                merge(item, keys)?;
                keys.pop();
            }
        }
        Value::Tagged(tagged) => merge(&mut tagged.value, keys)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// How deep brackets may nest: the parser's time is quadratic in the depth.
const MAX_FLOW_DEPTH: usize = 500;

/// Where brackets nest too deep. Also counts brackets in quotes and comments, where nobody writes
/// so many.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_FLOW_DEPTH {
            return Some(at);
        }
    }
    None
}

/// The error for an unclosed quote, where it opens.
pub(crate) fn unclosed_quote(place: Place) -> Diagnostic {
    Diagnostic::new(place, "unclosed quote").hint("add the closing quote")
}

/// Where the unclosed quote of a parser's message opens.
fn quote_start(message: &str) -> Option<Position> {
    let (_, at) = message.split_once("while scanning a quoted scalar at line ")?;
    let (line, column) = at.split_once(" column ")?;
    let column = column.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Position { line: line.parse().ok()?, column: column.parse().ok()? })
}

/// Turns a message of serde into a diagnostic. Its wording for unknown keys and values is ``unknown
/// field `x`, expected one of `a`, `b` ``.
pub(crate) fn invalid_yaml(place: Place, message: &str) -> Diagnostic {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let is_unknown = message.contains("unknown field") || message.contains("unknown variant");
    let (true, Some(given)) = (is_unknown, quoted.next()) else {
        return Diagnostic::new(place, message);
    };
    let known: Vec<&str> = quoted.collect();
    let what = if message.contains("unknown field") { "key" } else { "value" };
    Diagnostic::new(place, format!("unknown {what} `{given}`")).hint_nearest(given, known)
}

/// The places of the keys of a YAML text.
#[derive(Debug, Clone, Default)]
struct Places {
    keys: BTreeMap<Vec<String>, Position>,
    /// The first key that a map has twice, and both of its places.
    duplicate: Option<(String, Position, Position)>,
}

impl Places {
    /// Finds the places of all keys; in invalid YAML, of those before the error.
    fn of(text: &str) -> Places {
        let mut places = Places::default();
        let mut open: Vec<Open> = Vec::new();
        for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
            match event {
                Event::MappingStart(..) => {
                    places.value_starts(&mut open, &span);
                    open.push(Open::Mapping { key: None });
                }
                Event::SequenceStart(..) => {
                    places.value_starts(&mut open, &span);
                    open.push(Open::Sequence { items: 0 });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    open.pop();
                    value_ends(&mut open);
                }
                Event::Scalar(text, ..) => {
                    if let Some(Open::Mapping { key: key @ None }) = open.last_mut() {
                        *key = Some(text.into_owned());
                        places.remember(&open, &span);
                    } else {
                        places.value_starts(&mut open, &span);
                        value_ends(&mut open);
                    }
                }
                Event::Alias(_) => {
                    places.value_starts(&mut open, &span);
                    value_ends(&mut open);
                }
                _ => {}
            }
        }
        places
    }

    /// The place of the key at the end of `keys`. Items of a list are counted from 0: `["seeds",
    /// "2"]`.
    fn key(&self, keys: &[&str]) -> Option<Position> {
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        self.keys.get(&keys).copied()
    }

    fn depth(&self, keys: &[&str]) -> usize {
        (1..=keys.len()).rev().find(|&depth| self.key(&keys[..depth]).is_some()).unwrap_or(0)
    }

    fn value_starts(&mut self, open: &mut [Open], span: &Span) {
        if let Some(Open::Sequence { items }) = open.last_mut() {
            *items += 1;
            self.remember(open, span);
        }
    }

    fn remember(&mut self, open: &[Open], span: &Span) {
        let keys = open.iter().filter_map(|level| match level {
            Open::Mapping { key } => key.clone(),
            Open::Sequence { items } => Some((items - 1).to_string()),
        });
        let keys: Vec<String> = keys.collect();
        let position = Position { line: span.start.line(), column: span.start.col() + 1 };
        if let (Some(first), Some(key), None) = (self.keys.get(&keys), keys.last(), &self.duplicate)
        {
            self.duplicate = Some((key.clone(), *first, position));
        }
        self.keys.entry(keys).or_insert(position);
    }
}

/// A collection that is not closed yet.
enum Open {
    Mapping { key: Option<String> },
    Sequence { items: usize },
}

fn value_ends(open: &mut [Open]) {
    if let Some(Open::Mapping { key }) = open.last_mut() {
        *key = None;
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "it is only parsed")]
        epochs: u32,
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = Yaml::new("a.yml", text, 10).parse::<Example>().expect_err("it is invalid");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_unknown_key_has_its_place_and_the_nearest_key() {
        check_error(
            "epochs: 3\nepoks: 4",
            "error: unknown key `epoks`\n --> a.yml:12:1\nhint: did you mean `epochs`?",
        );
    }

    #[test]
    fn a_duplicate_key_has_both_places() {
        let expected = "error: duplicate key `epochs`, first set at a.yml:11:1\n --> a.yml:12:1\n\
            hint: remove one of them";
        check_error("epochs: 3\nepochs: 4", expected);
        let expected = "error: duplicate key `b`, first set at a.yml:1:5\n --> a.yml:1:11\n\
            hint: remove one of them";
        let error =
            Yaml::file("a.yml", "a: {b: 1, b: 2}").parse::<BTreeMap<String, Value>>().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[track_caller]
    fn check_merged(text: &str, expected: &str) {
        let merged: BTreeMap<String, Value> = Yaml::file("a.yml", text).parse().unwrap();
        let expected: Value = serde_yaml::from_str(expected).unwrap();
        assert_eq!(merged["x"], expected);
        // Front matter and `_config.yml` have another parser, with the same result.
        let by_psych =
            crate::psych::read(&Yaml::file("a.yml", text), &jiff::tz::TimeZone::UTC).unwrap();
        assert_eq!(by_psych["x"], expected);
    }

    #[test]
    fn merge_keys_are_merged_as_in_front_matter() {
        check_merged("base: &base {a: 1, b: 2}\nx: {<<: *base, b: 3}", "{a: 1, b: 3}");
        check_merged("base: &base {a: 1, b: 2}\nx: {b: 3, <<: *base}", "{b: 2, a: 1}");
        check_merged("a: &a {v: 1}\nb: &b {v: 2, w: 2}\nx: {<<: [*a, *b]}", "{v: 1, w: 2}");
        check_merged("a: &a {v: 1}\nb: &b {<<: *a, w: 2}\nx: [{<<: *b}]", "[{v: 1, w: 2}]");
    }

    #[test]
    fn a_merge_key_without_a_map_is_an_error() {
        let error = Yaml::file("a.yml", "a: 1\nx:\n  - {<<: 3}")
            .parse::<BTreeMap<String, Value>>()
            .unwrap_err();
        assert!(
            error.to_string().contains("must be a map or a list of maps")
                && error.to_string().contains("a.yml:3:"),
            "{error}"
        );
    }

    #[test]
    fn errors_next_to_merge_keys_have_their_place() {
        let error = Yaml::file("a.yml", "epochs: {<<: {}}").parse::<Example>().unwrap_err();
        assert!(error.to_string().contains("a.yml:1:1"), "{error}");
    }

    #[test]
    fn an_unclosed_quote_is_reported_where_it_opens() {
        let error = "error: unclosed quote\n --> a.yml:12:9\nhint: add the closing quote";
        check_error("# a\nepochs: \"abc\nx: y\n", error);
        check_error("# a\nepochs: 'abc\nx: y\n", error);
    }

    #[test]
    fn deeply_nested_brackets_are_refused() {
        let message = "error: brackets nest deeper than 500 levels\n --> a.yml:11:509";
        check_error(&format!("epochs: {}", "[".repeat(200_000)), message);
    }

    #[test]
    fn places_reach_into_maps_and_lists() {
        let places = Places::of("a: 1\nb:\n  c: [x, {d: 2}]\n");
        assert_eq!(places.key(&["b", "c"]), Some(Position { line: 3, column: 3 }));
        assert_eq!(places.key(&["b", "c", "1", "d"]), Some(Position { line: 3, column: 11 }));
        assert_eq!(places.key(&["nothing"]), None);
    }

    #[test]
    fn the_place_of_an_absent_key_is_that_of_its_parent() {
        let yaml = Yaml::file("a.yml", "a: 1\nb:\n  c: 2\n");
        assert_eq!(yaml.place(&["b", "x"]).to_string(), "a.yml:2:1");
        assert_eq!(yaml.place(&["x"]).to_string(), "a.yml");
    }
}
