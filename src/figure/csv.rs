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
        csv.row(heads);
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
                    let experiment = request.of.experiment.name.as_str();
                    csv.row([
                        experiment,
                        of.variant.name.as_str(),
                        &seed.to_string(),
                        name,
                        &value,
                    ]);
                }
            }
        }
        csv
    }

    /// Adds a row. Fields are quoted where necessary.
    pub(super) fn row<T: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = T>) {
        for (index, field) in fields.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.field(field.as_ref());
        }
        self.text.push('\n');
    }

    fn field(&mut self, field: &str) {
        if field.contains(['"', ',', '\n', '\r']) {
            self.text.push('"');
            self.text.push_str(&field.replace('"', "\"\""));
            self.text.push('"');
        } else {
            self.text.push_str(field);
        }
    }

    /// The file, with a name that starts with `name`.
    pub(super) fn file(self, name: &str) -> File {
        File { name: name.to_owned(), ending: "csv", bytes: self.text.into_bytes() }
    }
}

/// The number `name` of each of the variant's runs, exactly: `NaN` for a run that diverged.
pub(super) fn seeds(of: &VariantResults<'_>, name: &str) -> Vec<(u64, String)> {
    let shown = |record: &Record| match record.number(name) {
        Some(value) => Some(number::exact(value)),
        None => record.diverged.as_ref().map(|_| "NaN".to_owned()),
    };
    of.records.iter().filter_map(|record| Some((record.seed, shown(record)?))).collect()
}
