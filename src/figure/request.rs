//! What a tag asks for: its arguments, and the results of the experiment that it names. Everything
//! that kinds of figures look up in the results is looked up here, so that errors about a name are
//! the same in all of them.

use std::collections::BTreeSet;

use super::arguments::{Arguments, Piece};
use super::number::Unit;
use crate::diagnostic::Diagnostic;
use crate::experiment::record::Record;
use crate::experiment::results::{ExperimentResults, Results, VariantResults};
use crate::recipe::Goal;
use crate::stats::Pairing;

/// A tag that shows one experiment, all of whose results are recorded and fresh.
#[derive(Clone, Copy)]
pub(super) struct Request<'r> {
    pub(super) arguments: &'r Arguments<'r>,
    /// The results of the experiment.
    pub(super) of: &'r ExperimentResults<'r>,
    /// The results of all experiments, with the files beside them.
    pub(super) results: &'r Results<'r>,
}

impl<'r> Request<'r> {
    /// The value of the option `name`.
    pub(super) fn option(&self, name: &str) -> Option<&'r str> {
        self.arguments.option(name).map(|value| value.text)
    }

    /// The option `title`; by default, the title of the experiment and `subject`, what the figure
    /// shows of it.
    pub(super) fn title(&self, subject: &str) -> String {
        let title = &self.of.experiment.title;
        match self.option("title") {
            Some(chosen) => chosen.to_owned(),
            None if subject.is_empty() => title.clone(),
            None => format!("{title}: {subject}"),
        }
    }

    /// Which runs of two variants belong together: what the option `by` says, else what the
    /// experiment does.
    pub(super) fn pairing(&self) -> Result<Pairing, Diagnostic> {
        let by = self.arguments.pairing()?;
        Ok(by.map_or(self.of.experiment.pairing, |(pairing, _)| pairing))
    }

    /// The variants that the option `variants` names, in that order; by default all.
    pub(super) fn chosen_variants(&self) -> Result<Vec<&'r VariantResults<'r>>, Diagnostic> {
        match self.arguments.list("variants")? {
            None => Ok(self.of.variants.iter().collect()),
            Some(names) => names.into_iter().map(|name| self.variant(name)).collect(),
        }
    }

    /// The variant of this name.
    pub(super) fn variant(&self, name: Piece<'_>) -> Result<&'r VariantResults<'r>, Diagnostic> {
        let mut variants = self.of.variants.iter();
        variants.find(|of| of.variant.name.as_str() == name.text).ok_or_else(|| {
            let known = self.of.variants.iter().map(|of| of.variant.name.as_str());
            self.arguments.unknown_of("variant", self.of.experiment.name.as_str(), name, known)
        })
    }

    /// The number of the variant's colour: its place in the experiment, so that a variant has the
    /// same colour in all charts.
    pub(super) fn color(&self, of: &VariantResults<'_>) -> usize {
        let is_it = |other: &VariantResults<'_>| other.variant.name == of.variant.name;
        self.of.variants.iter().position(is_it).unwrap_or_default()
    }

    /// Makes sure that `name` is a number of at least one record.
    pub(super) fn expect_number(&self, name: Piece<'_>) -> Result<(), Diagnostic> {
        let mut known = self.number_names();
        // A run that diverged may have stopped before it reported all of its numbers.
        if self.of.variants.iter().any(|of| of.diverged().next().is_some()) {
            known.extend(self.of.experiment.metrics.keys().map(String::as_str));
        }
        if known.contains(name.text) {
            return Ok(());
        }
        let experiment = self.of.experiment.name.as_str();
        Err(self.arguments.unknown_of("metric", experiment, name, known))
    }

    /// All numbers that any record has, by name, including those of runs that diverged.
    pub(super) fn number_names(&self) -> BTreeSet<&'r str> {
        self.records().flat_map(Record::number_names).collect()
    }

    /// Whether `name` is a result of at least one run, rather than a time or a series.
    pub(super) fn is_result(&self, name: &str) -> bool {
        self.records().any(|record| record.metrics.contains_key(name))
    }

    fn records(&self) -> impl Iterator<Item = &'r Record> {
        self.of.variants.iter().flat_map(|of| of.records.iter().copied())
    }

    /// Whether the number `name` should be large or small; `None` if neither is declared.
    pub(super) fn goal(&self, name: &str) -> Option<Goal> {
        self.of.experiment.metrics.get(name)?.goal
    }

    /// The error of an experiment without any number.
    pub(super) fn no_numbers(&self) -> Diagnostic {
        let name = &self.of.experiment.name;
        self.arguments.error_of_all(format!("the runs of `{name}` recorded no numbers"))
    }

    /// The unit of the number `name`.
    pub(super) fn unit(&self, name: &str) -> Unit {
        Unit::of(self.of.experiment.metrics.get(name))
    }
}
