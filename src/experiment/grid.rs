//! `grid:` in an experiment: every combination of the listed values becomes a variant.
//!
//! ```yaml
//! grid:
//!   optimizer.lr: [0.01, 0.1]
//!   batch-size: [32, 64]
//!   exclude: [{optimizer.lr: 0.1, batch-size: 32}]
//!   include: [{optimizer.lr: 1.0, batch-size: 256}]
//! ```
//!
//! makes `lr-0-01-batch-size-32`, `lr-0-01-batch-size-64`, `lr-0-1-batch-size-64` and
//! `lr-1-0-batch-size-256`. Keys are parameters, with dots for nested maps. As in the matrices of
//! CI services, `exclude` removes combinations that have all of its values, and `include` adds
//! combinations.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

use super::Name;
use crate::diagnostic::Diagnostic;
use crate::yaml::Yaml;

/// The maximum number of variants of a grid: more is a typo, not an experiment.
const MOST: usize = 10_000;

/// One combination of a grid.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Combination {
    /// Its part of the variant's name: `lr-0-01-batch-size-32`.
    pub name: Name,
    /// Its part of the variant's title: `lr = 0.01, batch-size = 32`.
    pub title: String,
    /// The parameters as in an experiment: dots become maps.
    pub params: Mapping,
}

/// Expands a grid. The first axis varies slowest.
pub(crate) fn combinations(
    grid: &Mapping,
    yaml: &Yaml<'_>,
) -> Result<Vec<Combination>, Diagnostic> {
    let error = |keys: &[&str], message: String| {
        let keys: Vec<&str> = ["grid"].iter().chain(keys).copied().collect();
        Diagnostic::new(yaml.place(&keys), message)
    };
    let (mut exclude, mut include) = (Vec::new(), Vec::new());
    let mut axes: Vec<(&str, &[Value])> = Vec::new();
    for (key, values) in grid {
        let key = key.as_str().unwrap_or_default();
        let Value::Sequence(values) = values else {
            return Err(error(&[key], format!("`{key}` must list values"))
                .hint(format!("write `{key}: [1, 2]`")));
        };
        match key {
            "exclude" => exclude = cells(key, values, yaml)?,
            "include" => include = cells(key, values, yaml)?,
            _ if values.is_empty() => {
                return Err(error(&[key], format!("`{key}` lists no values")));
            }
            _ => axes.push((key, values)),
        }
    }
    let size = axes.iter().try_fold(1_usize, |size, (_, values)| size.checked_mul(values.len()));
    if size.is_none_or(|size| size > MOST) {
        return Err(error(&[], format!("the grid has more than {MOST} variants")));
    }
    let known: Vec<&str> = axes.iter().map(|(key, _)| *key).collect();
    for (list, cells) in [("exclude", &exclude), ("include", &include)] {
        for (index, cell) in cells.iter().enumerate() {
            if let Some(unknown) = cell.keys().find(|key| !known.contains(&key.as_str())) {
                let message = format!("`{unknown}` is not an axis of the grid");
                return Err(error(&[list, &index.to_string(), unknown], message)
                    .hint_nearest(unknown, known));
            }
        }
    }
    let mut chosen = product(&axes);
    chosen.retain(|cell| {
        !exclude.iter().any(|out| out.iter().all(|(key, value)| cell.get(key) == Some(value)))
    });
    for cell in include {
        if !chosen.contains(&cell) {
            chosen.push(cell);
        }
    }
    Ok(chosen.iter().map(|cell| combination(cell, &known)).collect())
}

/// Axis → value.
type Cell = BTreeMap<String, Value>;

fn cells(key: &str, values: &[Value], yaml: &Yaml<'_>) -> Result<Vec<Cell>, Diagnostic> {
    let cell = |(index, value): (usize, &Value)| {
        serde_yaml::from_value::<Cell>(value.clone()).map_err(|_| {
            let place = yaml.place(&["grid", key, &index.to_string()]);
            Diagnostic::new(place, format!("an item of `{key}` must be a map of axes to values"))
        })
    };
    values.iter().enumerate().map(cell).collect()
}

fn product(axes: &[(&str, &[Value])]) -> Vec<Cell> {
    let mut cells = vec![Cell::new()];
    for (key, values) in axes {
        let with = |cell: &Cell, value: &Value| {
            let mut cell = cell.clone();
            cell.insert((*key).to_owned(), value.clone());
            cell
        };
        cells = cells
            .iter()
            .flat_map(|cell| values.iter().map(move |value| with(cell, value)))
            .collect();
    }
    cells
}

fn combination(cell: &Cell, axes: &[&str]) -> Combination {
    // The axes in written order.
    let values: Vec<(&str, &Value)> =
        axes.iter().filter_map(|axis| Some((*axis, cell.get(*axis)?))).collect();
    let short = |axis: &str| axis.rsplit('.').next().unwrap_or(axis).to_owned();
    let is_ambiguous =
        |axis: &str| axes.iter().filter(|other| short(other) == short(axis)).count() > 1;
    let shown: Vec<(String, String)> = values
        .iter()
        .map(|(axis, value)| {
            (if is_ambiguous(axis) { (*axis).to_owned() } else { short(axis) }, shown(value))
        })
        .collect();
    let name: Vec<String> = shown.iter().map(|(axis, value)| format!("{axis}-{value}")).collect();
    let title: Vec<String> =
        shown.iter().map(|(axis, value)| format!("{axis} = {value}")).collect();
    let mut params = Mapping::new();
    for (axis, value) in values {
        insert(&mut params, axis, value.clone());
    }
    Combination { name: Name::nearest_to(&name.join("-")), title: title.join(", "), params }
}

/// A value as part of a name: for a map, its `kind` if it has one.
fn shown(value: &Value) -> String {
    match value {
        Value::Mapping(map) => match map.get("kind") {
            Some(kind) => shown(kind),
            None => map
                .iter()
                .map(|(key, value)| format!("{} {}", shown(key), shown(value)))
                .collect::<Vec<_>>()
                .join(" "),
        },
        Value::Sequence(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Tagged(_) => "none".to_owned(),
    }
}

/// Sets the parameter at a dotted path.
fn insert(params: &mut Mapping, path: &str, value: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        params.insert(path.into(), value);
        return;
    };
    let inner = params.entry(first.into()).or_insert_with(|| Value::Mapping(Mapping::new()));
    if let Value::Mapping(inner) = inner {
        insert(inner, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<Vec<Combination>, Diagnostic> {
        let yaml = Yaml::file("a.yml", text);
        let file: BTreeMap<String, Mapping> = yaml.parse()?;
        combinations(&file["grid"], &yaml)
    }

    #[track_caller]
    fn check_names(grid: &str, expected: &[&str]) {
        let names: Vec<String> =
            expanded(grid).unwrap().into_iter().map(|one| one.name.to_string()).collect();
        assert_eq!(names, expected);
    }

    #[track_caller]
    fn check_error(grid: &str, expected: &str) {
        assert_eq!(expanded(grid).unwrap_err().to_string(), expected);
    }

    #[test]
    fn every_combination_is_made_and_the_first_axis_varies_slowest() {
        check_names(
            "grid: {epochs: [1, 2], optimizer.lr: [0.1, 0.01]}",
            &["epochs-1-lr-0-1", "epochs-1-lr-0-01", "epochs-2-lr-0-1", "epochs-2-lr-0-01"],
        );
    }

    #[test]
    fn exclude_removes_and_include_adds() {
        check_names(
            "grid: {a: [1, 2], b: [3, 4], exclude: [{a: 1, b: 3}, {b: 4, a: 2}], include: [{a: 9, b: 9}]}",
            &["a-1-b-4", "a-2-b-3", "a-9-b-9"],
        );
    }

    #[test]
    fn a_map_is_named_by_its_kind_and_a_dotted_axis_by_its_end() {
        check_names(
            "grid: {model: [{kind: mlp, hidden: [8]}, {kind: convnet}]}",
            &["model-mlp", "model-convnet"],
        );
        check_names("grid: {a.lr: [1], b.lr: [2]}", &["a-lr-1-b-lr-2"]);
    }

    #[test]
    fn dots_become_maps() {
        let one = expanded("grid: {optimizer.lr: [0.1]}").unwrap().remove(0);
        assert_eq!(one.params, serde_yaml::from_str::<Mapping>("optimizer: {lr: 0.1}").unwrap());
        assert_eq!(one.title, "lr = 0.1");
    }

    #[test]
    fn an_unknown_axis_is_named_with_its_place() {
        let expected = "error: `epoks` is not an axis of the grid\n --> a.yml:1:35\n\
                        hint: did you mean `epochs`?";
        check_error("grid: {epochs: [1, 2], exclude: [{epoks: 1}]}", expected);
    }

    #[test]
    fn a_huge_grid_is_refused() {
        let axes: Vec<String> = (0..20).map(|axis| format!("a{axis}: [1, 2]")).collect();
        check_error(
            &format!("grid: {{{}}}", axes.join(", ")),
            "error: the grid has more than 10000 variants\n --> a.yml:1:1",
        );
    }
}
