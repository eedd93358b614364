//! `site.data`: the files of `_data`, by path without extension.

use std::collections::BTreeSet;

use tera::Map;
use tera::value::Key;

use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place, Position};
use crate::inputs::Inputs;
use crate::path;
use crate::psych;
use crate::roles::Role;
use crate::value::{Value, entry, of_yaml};
use crate::yaml::Yaml;

/// File extensions in the order in which Jekyll reads them: of two files with one name, the later
/// wins.
const ENDINGS: [&str; 5] = ["yaml", "yml", "json", "csv", "tsv"];

/// Reads all data files.
pub(super) fn read(inputs: &Inputs, config: &Config) -> Result<Value, Vec<Diagnostic>> {
    let (mut root, mut errors, mut folders) = (Map::new(), Vec::new(), BTreeSet::new());
    let mut files: Vec<(usize, &str, &str)> = inputs
        .of(Role::Data)
        .filter_map(|(path, text)| {
            let ending = path::ending(path).to_lowercase();
            ENDINGS.iter().position(|known| *known == ending).map(|order| (order, path, text))
        })
        .collect();
    // Files of a folder come before its folders, which replace files of the same name.
    files.sort_by_key(|(order, path, _)| (path.matches('/').count(), *order));
    for (order, path, text) in files {
        let value = match ENDINGS[order] {
            "csv" => rows(path, text, ',').map(|rows| table(&rows, config, "csv_reader")),
            "tsv" => rows(path, text, '\t').map(|rows| table(&rows, config, "tsv_reader")),
            _ => psych::read(&Yaml::file(path, text), &config.zone).map(|yaml| of_yaml(&yaml)),
        };
        match value {
            Ok(value) => {
                let inside = path.trim_start_matches("_data/");
                let stem = &inside[..inside.len() - ENDINGS[order].len() - 1];
                let keys: Vec<String> = stem.split('/').map(key).collect();
                insert(&mut root, &keys, 0, value, &mut folders);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(Value::from(root)) } else { Err(errors) }
}

/// The key of a file or folder in `site.data`: the letters, digits and hyphens of its name, with
/// `_` for spaces.
fn key(name: &str) -> String {
    let kept: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || matches!(c, '_' | '-'))
        .collect();
    kept.split_ascii_whitespace().collect::<Vec<_>>().join("_")
}

/// Inserts a value at the path `keys[depth..]`. A folder replaces a file of the same name.
fn insert(
    map: &mut Map,
    keys: &[String],
    depth: usize,
    value: Value,
    folders: &mut BTreeSet<Vec<String>>,
) {
    let key = Key::from(keys[depth].clone());
    if depth + 1 == keys.len() {
        map.insert(key, value);
        return;
    }
    let is_new = folders.insert(keys[..=depth].to_vec());
    let mut inner =
        if is_new { Map::new() } else { map.get(&key).map(super::entries).unwrap_or_default() };
    insert(&mut inner, keys, depth + 1, value, folders);
    map.insert(key, Value::from(inner));
}

/// Rows as maps with the first row as keys, or as lists if the configuration says `headers: false`.
fn table(rows: &[Vec<Option<String>>], config: &Config, reader: &'static str) -> Value {
    let value = |field: &Option<String>| field.as_deref().map_or_else(Value::none, Value::from);
    let reader = config.values.get(&Key::Str(reader));
    let has_names =
        reader.and_then(|reader| entry(reader, "headers")).and_then(Value::as_bool) != Some(false);
    let list = |row: &Vec<Option<String>>| Value::from(row.iter().map(value).collect::<Vec<_>>());
    let mut rows = rows.iter();
    let Some(names) = rows.next().filter(|_| has_names) else {
        return Value::from(rows.map(list).collect::<Vec<_>>());
    };
    let map = |row: &Vec<Option<String>>| {
        let mut map = Map::new();
        for (index, name) in names.iter().enumerate() {
            let name = Key::from(name.clone().unwrap_or_default());
            map.entry(name).or_insert_with(|| row.get(index).map_or_else(Value::none, value));
        }
        Value::from(map)
    };
    Value::from(rows.map(map).collect::<Vec<_>>())
}

/// Reads CSV. An empty field without quotes is `None`.
fn rows(path: &str, text: &str, separator: char) -> Result<Vec<Vec<Option<String>>>, Diagnostic> {
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    let mut rest = text;
    loop {
        if row.is_empty() && rest.is_empty() {
            return Ok(rows);
        }
        let (field, after) = if let Some(inside) = rest.strip_prefix('"') {
            let place = || Place::new(path, Position::at(text, text.len() - rest.len()));
            let error = |message: &str| {
                Diagnostic::new(place(), message).hint(
                    "write `\"\"` for a quote inside a quoted \
                                                        field",
                )
            };
            let (field, after) =
                quoted(inside).ok_or_else(|| error("the quoted field is not closed"))?;
            if !after.is_empty() && !after.starts_with([separator, '\n', '\r']) {
                return Err(error("unexpected text after the quoted field"));
            }
            (Some(field), after)
        } else {
            let end = rest.find([separator, '\n', '\r']).unwrap_or(rest.len());
            (Some(rest[..end].to_owned()).filter(|field| !field.is_empty()), &rest[end..])
        };
        row.push(field);
        if let Some(after) = after.strip_prefix(separator) {
            rest = after;
            if rest.is_empty() {
                row.push(None);
                rows.push(std::mem::take(&mut row));
            }
        } else {
            rows.push(std::mem::take(&mut row));
            let after = after.strip_prefix('\r').unwrap_or(after);
            rest = after.strip_prefix('\n').unwrap_or(after);
        }
    }
}

/// Reads a field up to its closing quote and returns it with the text after that quote. `None` if
/// the field is not closed.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut field, mut rest) = (String::new(), text);
    loop {
        let end = rest.find('"')?;
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Some((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &str) {
        let inputs =
            files.iter().fold(Inputs::default(), |inputs, (path, text)| inputs.with(*path, *text));
        let value = read(&inputs, &Config::for_tests("")).map_err(|errors| errors[0].to_string());
        assert_eq!(value.map(|value| json(&value)), Ok(expected.to_owned()));
    }

    #[test]
    fn files_are_found_by_their_names() {
        check(
            &[
                ("_data/my file.v2.yml", "a: yes\n"),
                ("_data/team/a-b.json", "[1, null]"),
                ("_data/team.yml", "gone: 1\n"),
            ],
            r#"{"my_filev2":{"a":true},"team":{"a-b":[1,null]}}"#,
        );
    }

    #[test]
    fn tables_are_read_by_their_first_row() {
        check(
            &[("_data/t.csv", "a,b\n1,\"x, \"\"y\"\"\"\n,\"\"\n")],
            r#"{"t":[{"a":"1","b":"x, \"y\""},{"a":null,"b":""}]}"#,
        );
        check(&[("_data/t.tsv", "a\tb\r\n1\t2\r\n")], r#"{"t":[{"a":"1","b":"2"}]}"#);
    }

    #[test]
    fn an_error_in_a_table_has_its_place() {
        let inputs = Inputs::default().with("_data/t.csv", "a,b\n1,\"x\n");
        let errors = read(&inputs, &Config::for_tests("")).expect_err("the quote is not closed");
        assert!(
            errors[0]
                .to_string()
                .starts_with("error: the quoted field is not closed\n --> _data/t.csv:2:3")
        );
    }
}
