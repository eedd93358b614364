//! Artifacts that figures show: files that runs made, small enough to be committed beside their
//! records.
//!
//! `artifact="NAME" variant="V" seed=N` names one. The variant may be left out where there is just
//! one; without a seed, it is the artifact of the first one, or of all where a figure can show all.

use super::arguments::Arguments;
use super::measured;
use super::variant;
use crate::diagnostic::Diagnostic;
use crate::experiment::record::{Artifact, COMMITTED_UP_TO, Record};
use crate::experiment::results::{ExperimentResults, Results, VariantResults};
use crate::experiment::spec::Variant;

/// An artifact that lies beside its record.
pub(super) struct Committed<'r> {
    pub(super) variant: &'r Variant,
    pub(super) record: &'r Record,
    pub(super) artifact: &'r Artifact,
    pub(super) content: &'r [u8],
}

/// The variant that the option `variant` names; the only one if it is not there.
pub(super) fn the_variant<'r, 'e>(
    arguments: &Arguments<'_>,
    results: &'r ExperimentResults<'e>,
) -> Result<&'r VariantResults<'e>, Diagnostic> {
    match (arguments.option("variant"), results.variants.as_slice()) {
        (Some(name), _) => variant(arguments, name, results),
        (None, [only]) => Ok(only),
        (None, variants) => {
            let names: Vec<String> = variants
                .iter()
                .map(|variant| format!("`{}`", variant.variant.name.as_str()))
                .collect();
            let error = arguments
                .error_of_all(format!("`{}` has several variants", results.experiment.name));
            Err(error.hint(format!("name one with `variant=`: {}", names.join(", "))))
        }
    }
}

/// The records of the variant: that of the option `seed`, or all. Where runs diverged, those are
/// not taken together with the others unless the option `diverged` leaves them out.
pub(super) fn records<'e>(
    arguments: &Arguments<'_>,
    of: &VariantResults<'e>,
    results: &ExperimentResults<'_>,
) -> Result<Vec<&'e Record>, Diagnostic> {
    let Some(seed) = arguments.option("seed") else {
        let shows_rest = measured::shows_rest(arguments)?;
        let rest: Vec<&Record> =
            of.records.iter().copied().filter(|record| record.diverged.is_none()).collect();
        let diverged = of.records.len() - rest.len();
        if diverged > 0 && (!shows_rest || rest.is_empty()) {
            let phrase = measured::diverged_phrase(diverged, of.records.len());
            let error = arguments.error_of_all(format!(
                "`{}`: {phrase}, so there is no whole to show",
                of.variant.name
            ));
            return Err(error
                .hint("leave them out with `diverged=\"exclude\"`, or name one run with `seed=`"));
        }
        return Ok(rest);
    };
    let found = of.records.iter().find(|record| record.seed.to_string() == seed.text);
    found.map(|&record| vec![record]).ok_or_else(|| {
        let known: Vec<String> = of.records.iter().map(|record| record.seed.to_string()).collect();
        let what = format!("seed of `{}`", results.experiment.name);
        arguments.unknown(&what, seed, known.iter().map(String::as_str))
    })
}

/// What is said of the runs that diverged and are left out; nothing where one run is named.
pub(super) fn diverged_note(
    arguments: &Arguments<'_>,
    results: &ExperimentResults<'_>,
    of: &VariantResults<'_>,
) -> String {
    let is_of_all = arguments.option("seed").is_none();
    if is_of_all { measured::diverged_note(results, &[of], true) } else { String::new() }
}

/// The record of the option `seed`, or the first one whose run did not diverge.
pub(super) fn record<'e>(
    arguments: &Arguments<'_>,
    of: &VariantResults<'e>,
    results: &ExperimentResults<'_>,
) -> Result<&'e Record, Diagnostic> {
    let first = match arguments.option("seed") {
        Some(_) => records(arguments, of, results)?.first().copied(),
        None => of.records.iter().copied().find(|record| record.diverged.is_none()),
    };
    first.ok_or_else(|| arguments.error_of_all("there is no run to show"))
}

/// The artifact `name` of the record. Where it is not there, or not committed, the error says so.
pub(super) fn committed<'r>(
    arguments: &Arguments<'_>,
    name: &str,
    (variant, record): (&'r Variant, &'r Record),
    results: &'r Results<'_>,
) -> Result<Committed<'r>, Diagnostic> {
    let error = |message: String| match arguments.option("artifact") {
        Some(piece) => arguments.error(piece, message),
        None => arguments.error_of_all(message),
    };
    let run = format!("{}/{} seed {}", record.experiment, variant.name, record.seed);
    let Some(artifact) = record.artifacts.iter().find(|artifact| artifact.name == name) else {
        let known = record.artifacts.iter().map(|artifact| artifact.name.as_str());
        return Err(
            error(format!("the run {run} made no artifact `{name}`")).hint_nearest(name, known)
        );
    };
    let content = results.content(record, artifact).ok_or_else(|| {
        let message =
            format!("the artifact `{name}` of {run} is not committed, so that no other machine could show it");
        let hint = match artifact.kind.as_str() {
            "checkpoint" => "checkpoints stay in `.labpress/objects/`".to_owned(),
            "image" if artifact.bytes <= COMMITTED_UP_TO => {
                "the declaration of its data set says `redistribute: false`: pictures of it stay in `.labpress/objects/`"
                    .to_owned()
            }
            _ => format!(
                "it has {} bytes, and up to {COMMITTED_UP_TO} are committed: let the run write less",
                artifact.bytes
            ),
        };
        error(message).hint(hint)
    })?;
    Ok(Committed { variant, record, artifact, content })
}

impl Committed<'_> {
    /// An error of what is in the artifact.
    pub(super) fn error(&self, arguments: &Arguments<'_>, message: &str) -> Diagnostic {
        let Committed { record, artifact, .. } = self;
        let file = artifact.file.as_deref().unwrap_or_default();
        arguments.error_of_all(format!(
            "`experiments/{}/{file}` cannot be shown: {message}",
            record.experiment
        ))
    }

    /// Makes sure that the artifact is of one of these kinds.
    pub(super) fn expect_kind(
        &self,
        arguments: &Arguments<'_>,
        kinds: &[&str],
    ) -> Result<(), Diagnostic> {
        let kind = self.artifact.kind.as_str();
        if kinds.contains(&kind) {
            return Ok(());
        }
        let message = format!("it is of kind `{kind}`, not `{}`", kinds.join("` or `"));
        let hint = match kind {
            "image" => Some("`{% figure EXPERIMENT artifact=\"…\" %}` shows images"),
            "curve" => Some("`{% chart EXPERIMENT curve artifact=\"…\" %}` shows curves"),
            "confusion-matrix" => {
                Some("`{% chart EXPERIMENT confusion %}` shows confusion matrices")
            }
            "table" => Some("`{% table EXPERIMENT artifact=\"…\" %}` shows tables"),
            _ => None,
        };
        let error = self.error(arguments, &message);
        Err(hint.map_or_else(|| error.clone(), |hint| error.clone().hint(hint)))
    }
}

/// The results of a variant as if it had no run but this one: what a figure of a single run shows.
pub(super) fn of_run<'e>(of: &VariantResults<'e>, record: &'e Record) -> VariantResults<'e> {
    let verifications =
        of.records.iter().zip(&of.verifications).filter(|(other, _)| other.seed == record.seed);
    VariantResults {
        variant: of.variant,
        records: vec![record],
        verifications: verifications.map(|(_, verifications)| verifications.clone()).collect(),
    }
}
