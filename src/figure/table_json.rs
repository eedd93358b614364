//! The numbers of a table as JSON: the summary of each cell, and how variants were compared.

use serde_json::{Map, Value, json};

use super::best::Comparisons;
use super::measured::Measured;
use super::parts::File;
use super::request::Request;
use super::table::{Column, Parameter};
use crate::experiment::results::VariantResults;
use crate::stats::{Difference, Test, Untested};

/// The table as a file for programs. `judged` are the comparisons and the marks of each column.
pub(super) fn file(
    request: &Request<'_>,
    variants: &[&VariantResults<'_>],
    params: &[Parameter],
    columns: &[Column<'_>],
    judged: (&Comparisons, &[Vec<bool>]),
) -> File {
    let (comparisons, marked) = judged;
    let rows = variants.iter().enumerate().map(|(row, of)| {
        let params = params.iter().map(|of| (of.name.clone(), json!(of.values[row])));
        let numbers = columns.iter().zip(marked).map(|(column, marked)| {
            let mut cell = summary(&column.cells[row]);
            cell.insert("best".to_owned(), json!(marked[row]));
            if let Some(deltas) = &column.deltas {
                cell.insert("delta".to_owned(), json!(deltas[row].as_ref().map(difference)));
            }
            (column.name.to_owned(), Value::Object(cell))
        });
        let mut shown = json!({
            "variant": of.variant.name.as_str(),
            "title": of.variant.title,
            "numbers": numbers.collect::<Map<_, _>>(),
        });
        if let (true, Some(shown)) = (params.len() > 0, shown.as_object_mut()) {
            shown.insert("params".to_owned(), Value::Object(params.collect()));
        }
        shown
    });
    let names: Vec<&str> = variants.iter().map(|of| of.variant.name.as_str()).collect();
    let compared = comparisons.all.iter().map(|of| {
        let mut shown = difference(&of.found);
        shown.insert("number".to_owned(), json!(columns[of.column].name));
        shown.insert("of".to_owned(), json!(names[of.rows.0]));
        shown.insert("to".to_owned(), json!(names[of.rows.1]));
        shown.insert("p-corrected".to_owned(), rounded(of.adjusted));
        Value::Object(shown)
    });
    let value = json!({
        "experiment": request.of.experiment.name.as_str(),
        "title": request.of.experiment.title,
        "rows": rows.collect::<Vec<_>>(),
        "correction": "holm",
        "comparisons": compared.collect::<Vec<_>>(),
    });
    let bytes = format!("{value}\n").into_bytes();
    File { name: "table".to_owned(), ending: "json", bytes }
}

fn summary(measured: &Measured) -> Map<String, Value> {
    let values: Vec<Value> = measured
        .values()
        .iter()
        .map(|(seed, value)| json!({"seed": seed, "value": value}))
        .collect();
    let mut shown = Map::new();
    shown.insert("values".to_owned(), json!(values));
    shown.insert("diverged".to_owned(), json!(measured.diverged()));
    // The mean of the seeds that are left is only shown if the table shows it.
    if let Some(summary) = measured.mean().and(measured.summary()) {
        let (low, high) = measured.interval().unzip();
        for (name, value) in [
            ("mean", json!(summary.mean)),
            ("median", json!(summary.median)),
            ("sd", rounded(summary.deviation)),
            ("low", rounded(low)),
            ("high", rounded(high)),
        ] {
            shown.insert(name.to_owned(), value);
        }
    }
    shown
}

fn difference(of: &Difference) -> Map<String, Value> {
    let test = match of.test {
        Test::PairedT => "paired-t",
        Test::Welch => "welch",
        Test::None { why: Untested::FewSeeds } => "none: fewer than three seeds",
        Test::None { why: Untested::Equal } => "none: equal in all seeds",
        Test::None { why: Untested::NoSpread } => "none: no spread",
    };
    let (low, high) = of.interval.unzip();
    let fields = [
        ("difference", json!(of.difference)),
        ("low", rounded(low)),
        ("high", rounded(high)),
        ("p", rounded(of.p)),
        ("p-permutation", json!(of.permutation)),
        ("test", json!(test)),
        ("n", json!([of.n.0, of.n.1])),
        ("effect", rounded(of.effect)),
        ("detectable", rounded(of.detectable())),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// The number with seven digits, because the last bits of logarithms differ between machines.
fn rounded(value: Option<f64>) -> Value {
    json!(value.and_then(|value| format!("{value:.6e}").parse::<f64>().ok()))
}
