//! Artifacts that figures show: files that runs wrote, small enough to be committed beside their
//! records.
//!
//! `artifact="NAME" variant="V" seed=N` names one. The variant may be omitted if there is only one.
//! Without a seed it is the artifact of the first run, or of all runs if the figure combines them.

use super::arguments::Arguments;
use super::measured;
use super::provenance::{self, Run};
use super::request::Request;
use crate::diagnostic::{Diagnostic, listed};
use crate::experiment::record::{Artifact, COMMITTED_UP_TO, Record};
use crate::experiment::results::VariantResults;
use crate::experiment::spec::Variant;

/// An artifact that is committed beside its record.
pub(super) struct Committed<'r> {
    arguments: &'r Arguments<'r>,
    pub(super) variant: &'r Variant,
    pub(super) record: &'r Record,
    pub(super) artifact: &'r Artifact,
    pub(super) content: &'r [u8],
}

/// The variant that the option `variant` names; by default the only one.
pub(super) fn the_variant<'r>(request: &Request<'r>) -> Result<&'r VariantResults<'r>, Diagnostic> {
    let Request { arguments, of, .. } = request;
    match (arguments.option("variant"), of.variants.as_slice()) {
        (Some(name), _) => request.variant(name),
        (None, [only]) => Ok(only),
        (None, variants) => {
            let names = variants.iter().map(|of| of.variant.name.as_str());
            let error =
                arguments.error_of_all(format!("`{}` has several variants", of.experiment.name));
            Err(error.hint(format!("name one with `variant=`: {}", listed(names))))
        }
    }
}

/// The run of the variant that the option `seed` names; by default all. If some diverged, they are
/// an error unless the option `diverged` excludes them.
pub(super) fn runs<'r>(
    request: &Request<'r>,
    of: &'r VariantResults<'r>,
) -> Result<Vec<Run<'r>>, Diagnostic> {
    let arguments = request.arguments;
    let all = || provenance::runs([of]);
    let Some(seed) = arguments.option("seed") else {
        let shows_rest = measured::shows_rest(arguments)?;
        let rest: Vec<Run<'_>> = all().filter(|run| run.record.diverged.is_none()).collect();
        let diverged = of.records.len() - rest.len();
        if diverged > 0 && (!shows_rest || rest.is_empty()) {
            let phrase = measured::diverged_phrase(diverged, of.records.len());
            let error = arguments.error_of_all(format!(
                "`{}`: {phrase}, so the results cannot be combined",
                of.variant.name
            ));
            let hint = "exclude them with `diverged=\"exclude\"`, or name one run with `seed=`";
            return Err(error.hint(hint));
        }
        return Ok(rest);
    };
    let found = all().find(|run| run.record.seed.to_string() == seed.text);
    found.map(|run| vec![run]).ok_or_else(|| {
        let known: Vec<String> = all().map(|run| run.record.seed.to_string()).collect();
        let known = known.iter().map(String::as_str);
        arguments.unknown_of("seed", request.of.experiment.name.as_str(), seed, known)
    })
}

/// A note about the runs that diverged and are left out; empty if the tag names one run.
pub(super) fn diverged_note(request: &Request<'_>, of: &VariantResults<'_>) -> String {
    let is_of_all = request.arguments.option("seed").is_none();
    if is_of_all { measured::diverged_note(request.of, &[of], true) } else { String::new() }
}

/// The run that the option `seed` names; by default the first one that did not diverge.
pub(super) fn run<'r>(
    request: &Request<'r>,
    of: &'r VariantResults<'r>,
) -> Result<Run<'r>, Diagnostic> {
    let first = match request.arguments.option("seed") {
        Some(_) => runs(request, of)?.first().copied(),
        None => provenance::runs([of]).find(|run| run.record.diverged.is_none()),
    };
    first.ok_or_else(|| request.arguments.error_of_all("there is no run to show"))
}

/// The artifact `name` of a run of the variant. The error says whether it is missing or not
/// committed.
pub(super) fn committed<'r>(
    request: &Request<'r>,
    name: &str,
    variant: &'r Variant,
    record: &'r Record,
) -> Result<Committed<'r>, Diagnostic> {
    let Request { arguments, results, .. } = *request;
    let error = |message: String| match arguments.option("artifact") {
        Some(piece) => arguments.error(piece, message),
        None => arguments.error_of_all(message),
    };
    let run = format!("{}/{} seed {}", record.experiment, variant.name, record.seed);
    let Some(artifact) = record.artifacts.iter().find(|artifact| artifact.name == name) else {
        let known = record.artifacts.iter().map(|artifact| artifact.name.as_str());
        return Err(
            error(format!("the run {run} wrote no artifact `{name}`")).hint_nearest(name, known)
        );
    };
    let content = results.content(record, artifact).ok_or_else(|| {
        let message = format!(
            "the artifact `{name}` of {run} is not committed, so other machines could not show it"
        );
        let hint = match artifact.kind.as_str() {
            "checkpoint" => "checkpoints stay in `.labpress/objects/`".to_owned(),
            "image" if artifact.bytes <= COMMITTED_UP_TO => {
                "the declaration of its data set says `redistribute: false`: pictures of it stay \
                 in `.labpress/objects/`"
                    .to_owned()
            }
            _ => format!(
                "it has {} bytes, and only up to {COMMITTED_UP_TO} are committed: \
                 let the run write less",
                artifact.bytes
            ),
        };
        error(message).hint(hint)
    })?;
    Ok(Committed { arguments, variant, record, artifact, content })
}

impl Committed<'_> {
    /// An error in the content of the artifact.
    pub(super) fn error(&self, message: &str) -> Diagnostic {
        let Committed { arguments, record, artifact, .. } = self;
        let file = artifact.file.as_deref().unwrap_or_default();
        arguments.error_of_all(format!(
            "`experiments/{}/{file}` cannot be shown: {message}",
            record.experiment
        ))
    }

    /// Makes sure that the artifact is of this kind.
    pub(super) fn expect_kind(&self, expected: &str) -> Result<(), Diagnostic> {
        let kind = self.artifact.kind.as_str();
        if kind == expected {
            return Ok(());
        }
        let message = format!("it is of kind `{kind}`, not `{expected}`");
        let hint = match kind {
            "image" => Some("`{% figure EXPERIMENT artifact=\"…\" %}` shows images"),
            "curve" => Some("`{% chart EXPERIMENT curve artifact=\"…\" %}` shows curves"),
            "confusion-matrix" => {
                Some("`{% chart EXPERIMENT confusion %}` shows confusion matrices")
            }
            "table" => Some("`{% table EXPERIMENT artifact=\"…\" %}` shows tables"),
            _ => None,
        };
        let error = self.error(&message);
        Err(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }
}
