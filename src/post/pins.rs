//! Resolves the pins of posts and pages: from `pin: {EXPERIMENT: ID}` to the records that are
//! shown.

use std::collections::BTreeMap;

use super::Blog;
use super::front_matter::FrontMatter;
use crate::diagnostic::Diagnostic;
use crate::experiment::pin::{self, Pinned};
use crate::experiment::record::Record;
use crate::experiment::spec::Experiment;
use crate::inputs::Inputs;

/// The pins of each post or page, by path.
pub(crate) type Pins<'a> = BTreeMap<&'a str, Vec<Pinned<'a>>>;

/// Resolves the pins of all posts and pages, and reports every pin that is missing or incomplete.
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
    let remove = format!("remove the pin with `labpress pin {} {name} --remove`", front.yaml.path);
    let Some(experiment) = experiments.iter().find(|experiment| experiment.name.as_str() == name)
    else {
        let known = experiments.iter().map(|experiment| experiment.name.as_str());
        return Err(error(format!("unknown experiment `{name}`")).hint_nearest(name, known));
    };
    let path = pin::path(name, id);
    let Some(text) = inputs.text(&path) else {
        let message = format!("unknown pin `{id}` of `{name}`: there is no file `{path}`");
        return Err(error(message).hint(format!("restore it from git, or {remove}")));
    };
    pin::parse(&path, text)?.with_records(experiment, records).map_err(|missing| {
        let message =
            format!("the pinned results of `{name}` are incomplete: there is no file `{missing}`");
        error(message).hint(format!("restore it from git, or {remove}"))
    })
}
