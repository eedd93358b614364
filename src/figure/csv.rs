//! Files of numbers for download, as RFC 4180 has them.

use super::number;
use super::parts::File;
use super::request::Request;
use crate::experiment::record::Record;
use crate::experiment::results::VariantResults;

/// A file of numbers.
pub(super) struct Csv {
    text: String,
}

impl Csv {
    /// A file with these heads of columns.
    pub(super) fn new(heads: &[&str]) -> Csv {
        let mut csv = Csv { text: String::new() };
        csv.row(heads.iter().map(|&head| head.to_owned()));
        csv
    }

    /// A file with these numbers of all runs of the variants.
    pub(super) fn of_numbers(
        request: &Request<'_>,
        variants: &[&VariantResults<'_>],
        names: &[&str],
    ) -> Csv {
        let mut csv = Csv::new(&["experiment", "variant", "seed", "metric", "value"]);
        for of in variants {
            for &name in names {
                for (seed, value) in seeds(of, name) {
                    csv.row([
                        request.of.experiment.name.to_string(),
                        of.variant.name.to_string(),
                        seed.to_string(),
                        name.to_owned(),
                        value,
                    ]);
                }
            }
        }
        csv
    }

    /// Adds a row. Fields are quoted where necessary.
    pub(super) fn row(&mut self, fields: impl IntoIterator<Item = String>) {
        let fields: Vec<String> = fields.into_iter().map(|field| quoted(&field)).collect();
        self.text.push_str(&fields.join(","));
        self.text.push('\n');
    }

    /// The file, with a name that starts with `name`.
    pub(super) fn file(self, name: &str) -> File {
        File { name: name.to_owned(), ending: "csv", bytes: self.text.into_bytes() }
    }
}

fn quoted(field: &str) -> String {
    let needs_quotes = field.contains(['"', ',', '\n', '\r']);
    if needs_quotes { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

/// The number `name` of each of the variant's runs, exactly: `NaN` for a run that diverged.
pub(super) fn seeds(of: &VariantResults<'_>, name: &str) -> Vec<(u64, String)> {
    let shown = |record: &Record| match record.number(name) {
        Some(value) => Some(number::exact(value)),
        None => record.diverged.as_ref().map(|_| "NaN".to_owned()),
    };
    of.records.iter().filter_map(|record| Some((record.seed, shown(record)?))).collect()
}
