//! Strict YAML: typed values from text, and a place for every fault.
//!
//! serde_yaml makes the values. It gives no place for what is found wrong later (a learning rate below zero), so
//! [`Places`] remembers where every key of a file stands.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Span};
use serde::de::DeserializeOwned;

use crate::diagnostic::{Diagnostic, Place, Position, without_place};

/// A YAML text inside a file of the site: the whole of a `.yml` file, or the front matter of a post.
#[derive(Debug, Clone, Copy)]
pub struct Yaml<'a> {
    /// Path of the file, from the site's root.
    pub path: &'a str,
    /// The YAML itself.
    pub text: &'a str,
    /// How many lines of the file stand above it.
    pub lines_above: usize,
}

impl<'a> Yaml<'a> {
    /// The YAML that is a whole file.
    pub fn file(path: &'a str, text: &'a str) -> Yaml<'a> {
        Yaml { path, text, lines_above: 0 }
    }

    /// Reads the text as a `T`. A fault in it is said with its line and column; a key that is not known, with the
    /// nearest that is.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        serde_yaml::from_str(self.text).map_err(|error| {
            let position = error
                .location()
                .map(|location| Position { line: location.line(), column: location.column() }.down(self.lines_above));
            fault(Place { path: self.path.to_owned(), position }, without_place(&error.to_string()))
        })
    }

    /// The place of the value at `keys` (`["variants", "plain", "optimizer"]`), or of the deepest of its parents that
    /// is there, or of the whole file.
    pub fn place(&self, keys: &[&str]) -> Place {
        let places = Places::of(self.text);
        let position = places.key(&keys[..places.depth(keys)]);
        Place { path: self.path.to_owned(), position: position.map(|position| position.down(self.lines_above)) }
    }

    /// How many of `keys`, from the first on, are in the text.
    pub fn depth(&self, keys: &[&str]) -> usize {
        Places::of(self.text).depth(keys)
    }
}

/// Makes a diagnostic of a message by serde, whose wording for unknown keys and values is
/// ``unknown field `x`, expected one of `a`, `b` ``.
pub fn fault(place: Place, message: &str) -> Diagnostic {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let is_unknown = message.contains("unknown field") || message.contains("unknown variant");
    let (true, Some(given)) = (is_unknown, quoted.next()) else {
        return Diagnostic::new(place, message);
    };
    let known: Vec<&str> = quoted.collect();
    let what = if message.contains("unknown field") { "key" } else { "value" };
    Diagnostic::new(place, format!("unknown {what} `{given}`")).hint_nearest(given, known)
}

/// Where the keys of a YAML text stand.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<Vec<String>, Position>);

impl Places {
    /// Finds the places of all keys. Of a text that is no YAML, those before the fault.
    pub fn of(text: &str) -> Places {
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

    /// Where the key at the end of `keys` stands. Items of a list are counted from 0: `["seeds", "2"]`.
    pub fn key(&self, keys: &[&str]) -> Option<Position> {
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        self.0.get(&keys).copied()
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
        let position = Position { line: span.start.line(), column: span.start.col() + 1 };
        self.0.entry(keys.collect()).or_insert(position);
    }
}

/// A collection that the reader of events is inside of.
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
        #[expect(dead_code, reason = "only its being read is tested")]
        epochs: u32,
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = Yaml { path: "a.yml", text, lines_above: 10 }.parse::<Example>().expect_err("it is wrong");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_unknown_key_is_said_with_its_place_and_the_nearest() {
        check_error("epochs: 3\nepoks: 4", "error: unknown key `epoks`\n --> a.yml:12:1\nhint: did you mean `epochs`?");
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
