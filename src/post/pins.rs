//! The pins that posts and pages ask for: from `pin: {EXPERIMENT: ID}` to the records that are
//! shown.

use std::collections::BTreeMap;

use super::Blog;
use super::front_matter::FrontMatter;
use crate::diagnostic::Diagnostic;
use crate::experiment::pin::{self, Pinned};
use crate::experiment::record::Record;
use crate::experiment::spec::Experiment;
use crate::inputs::Inputs;

/// What is pinned, by path of the post or page.
pub(crate) type Pins<'a> = BTreeMap<&'a str, Vec<Pinned<'a>>>;

/// Finds everything that the posts and pages pin. Reports all pins that cannot be found or are not
/// complete.
pub(crate) fn read<'a>(
    blog: &Blog<'a>,
    inputs: &Inputs,
    experiments: &[Experiment],
    records: &'a [Record],
) -> Result<Pins<'a>, Vec<Diagnostic>> {
    let posts = blog.documents().map(|post| (post.body.path, &post.front));
    let pages = blog.pages.iter().map(|page| (page.body.path, &page.front));
    let (mut pins, mut errors) = (Pins::new(), Vec::new());
    for (path, front) in posts.chain(pages) {
        for (name, id) in &front.pin {
            match pinned(front, name, id, inputs, experiments, records) {
                Ok(pinned) => pins.entry(path).or_default().push(pinned),
                Err(error) => errors.push(error),
            }
        }
    }
    if errors.is_empty() { Ok(pins) } else { Err(errors) }
}

fn pinned<'a>(
    front: &FrontMatter<'_>,
    name: &str,
    id: &str,
    inputs: &Inputs,
    experiments: &[Experiment],
    records: &'a [Record],
) -> Result<Pinned<'a>, Diagnostic> {
    let error = |message: String| Diagnostic::new(front.yaml.place(&["pin", name]), message);
    let remove =
        format!("take the pin out with `labpress pin {} {name} --remove`", front.yaml.path);
    let Some(experiment) = experiments.iter().find(|experiment| experiment.name.as_str() == name)
    else {
        let known = experiments.iter().map(|experiment| experiment.name.as_str());
        return Err(
            error(format!("there is no experiment `{name}` to pin")).hint_nearest(name, known)
        );
    };
    let path = pin::path(name, id);
    let Some(text) = inputs.text(&path) else {
        let message = format!("`{id}` is no pin of `{name}`: there is no `{path}`");
        return Err(error(message).hint(format!("restore it from git, or {remove}")));
    };
    pin::parse(&path, text)?.with_records(experiment, records).map_err(|lacking| {
        let message =
            format!("the pinned results of `{name}` are not complete: there is no `{lacking}`");
        error(message).hint(format!("restore it from git, or {remove}"))
    })
}
