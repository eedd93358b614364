//! Where the numbers of a figure come from, for the note below it: whether they were verified, and
//! on which machines they were made. The building machine may know nothing about itself, so this
//! only states facts and does not compare them with it.

use std::collections::BTreeSet;

use super::in_words;
use crate::experiment::environment::{Environment, differences, kinds};
use crate::experiment::record::Record;
use crate::experiment::results::VariantResults;
use crate::experiment::verification::{self, Verification};

/// The facts that are stated about a single kind of machine. For several kinds, it is the facts in
/// which they differ.
const STATED: [&str; 4] = ["device", "gpu", "cpu", "libtorch"];

/// A recorded run, and the verifications of it in order of date.
#[derive(Clone, Copy)]
pub(super) struct Run<'r> {
    pub(super) record: &'r Record,
    verifications: &'r [&'r Verification],
}

impl<'r> Run<'r> {
    pub(super) fn verifications(&self) -> &'r [&'r Verification] {
        self.verifications
    }
}

/// The runs of variants.
pub(super) fn runs<'r>(
    variants: impl IntoIterator<Item = &'r VariantResults<'r>>,
) -> impl Iterator<Item = Run<'r>> {
    variants.into_iter().flat_map(|of| {
        let both = of.records.iter().zip(&of.verifications);
        both.map(|(record, verifications)| Run { record, verifications })
    })
}

/// Sentences about the runs, each preceded by a space; empty if nothing is known.
pub(super) fn provenance(shown: &[Run<'_>]) -> String {
    let runs: Vec<Vec<&Verification>> =
        shown.iter().map(|run| run.verifications.to_vec()).collect();
    let environments: Vec<&Environment> = shown.iter().map(|run| &run.record.environment).collect();
    let phrases = verification::phrases(&runs);
    let verified = (!phrases.is_empty()).then(|| capitalized(&phrases.join("; ")));
    verified
        .into_iter()
        .chain(made_on(&environments))
        .map(|sentence| format!(" {sentence}."))
        .collect()
}

/// A sentence about runs that other programs did, preceded by a space; empty if labpress did all.
/// Readers must not have to look for it.
pub(super) fn origin(shown: &[Run<'_>]) -> String {
    let imported = || shown.iter().filter_map(|run| run.record.imported.as_ref());
    let titles: BTreeSet<&str> = imported().map(|imported| imported.from.title()).collect();
    if titles.is_empty() {
        return String::new();
    }
    let titles = titles.into_iter().collect::<Vec<_>>().join(" and ");
    let which =
        if imported().count() == shown.len() { "Imported" } else { "Some runs were imported" };
    format!(" {which} from {titles}, not run by labpress.")
}

/// A sentence about the machines on which the runs were made; `None` if nothing is known.
pub(super) fn made_on(environments: &[&Environment]) -> Option<String> {
    let [first, ..] = environments else { return None };
    let kinds = kinds(environments);
    if kinds > 1 {
        let differences = differences(environments);
        let facts = differences.into_iter().map(|(name, values)| {
            let values: Vec<&str> = values.into_iter().collect();
            format!("{} ({})", in_words(name), values.join(", "))
        });
        let facts = facts.collect::<Vec<_>>().join(", ");
        return Some(format!(
            "Runs were made on {kinds} kinds of machine, which differ in {facts}"
        ));
    }
    let facts: Vec<String> =
        STATED.iter().filter_map(|name| Some(format!("{name} {}", first.get(*name)?))).collect();
    (!facts.is_empty()).then(|| format!("Made with {}", facts.join(", ")))
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next();
    first.into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}
