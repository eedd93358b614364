//! The note above a body with pinned results: how old they are, and where newer ones are.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Shared;
use super::post::RenderedPost;
use crate::config::Config;
use crate::experiment::record::Record;
use crate::experiment::results::{ExperimentResults, Results};
use crate::html::escaped;
use crate::post::Blog;
use crate::url::relative_url;

/// Adds a note to each post that shows pinned results.
pub(super) fn noted<'a>(
    posts: Vec<RenderedPost<'a>>,
    blog: &Blog<'_>,
    config: &Config,
    results: &Results<'_>,
) -> Vec<RenderedPost<'a>> {
    let site =
        Site { blog, posts: &posts, results, base_url: &config.base_url, zone: &config.zone };
    let notes: Vec<String> = blog
        .posts
        .iter()
        .zip(&posts)
        .map(|(post, rendered)| site.note(post.body.path, &rendered.body.summary.experiments))
        .collect();
    posts.into_iter().zip(notes).map(|(post, note)| post.below(note)).collect()
}

/// The note for the page at the source `path` that shows `experiments`; empty if none of them is
/// pinned.
pub(super) fn note(path: &str, experiments: &BTreeSet<String>, site: &Shared<'_>) -> String {
    let Shared { blog, posts, results, config, .. } = site;
    Site { blog, posts, results, base_url: &config.base_url, zone: &config.zone }
        .note(path, experiments)
}

/// Everything that a note is made from.
struct Site<'s, 'a> {
    blog: &'s Blog<'s>,
    posts: &'s [RenderedPost<'a>],
    results: &'s Results<'s>,
    base_url: &'s str,
    zone: &'s jiff::tz::TimeZone,
}

impl Site<'_, '_> {
    fn note(&self, path: &str, experiments: &BTreeSet<String>) -> String {
        let Some(shown) = self.results.pinned.get(path) else {
            return String::new();
        };
        let mut note = String::new();
        for name in experiments {
            if let Some(pinned) =
                shown.experiments.get(name.as_str()).filter(|results| results.pin.is_some())
            {
                let newer = self
                    .results
                    .experiments
                    .get(name.as_str())
                    .is_some_and(|now| is_newer(now, pinned));
                let newer = if newer { self.newer(name) } else { String::new() };
                let title = escaped(&pinned.experiment.title);
                // Writing to a `String` cannot fail.
                let _ = writeln!(
                    note,
                    "<p class=\"labpress-pinned\">Pinned: this page shows the results of \
                     <em>{title}</em>{}.{newer}</p>",
                    self.since(pinned),
                );
            }
        }
        note
    }

    /// ` as of DAY`, the day on which the last of the pinned runs finished.
    fn since(&self, pinned: &ExperimentResults<'_>) -> String {
        let last = records(pinned).map(|record| record.finished).max();
        last.map_or(String::new(), |last| {
            let day = self.zone.to_datetime(last).date();
            format!(" as of <time datetime=\"{day}\">{day}</time>")
        })
    }

    /// Where the newer results are: in the newest post that shows them, otherwise in the
    /// experiment's folder.
    fn newer(&self, experiment: &str) -> String {
        let shows_newer = |(post, rendered): &(&crate::post::Post<'_>, &RenderedPost<'_>)| {
            let shown = self.results.shown_in(post.body.path).experiments.get(experiment);
            rendered.body.summary.experiments.contains(experiment)
                && shown.is_some_and(|results| results.pin.is_none())
        };
        match self.blog.posts.iter().zip(self.posts).find(shows_newer) {
            Some((post, rendered)) => {
                let url = relative_url(&post.address.url, self.base_url);
                let (url, title) = (escaped(&url), escaped(&rendered.body.summary.title));
                format!(" Newer results exist: <a href=\"{url}\">{title}</a>.")
            }
            None => {
                format!(" Newer results exist in <code>experiments/{}</code>.", escaped(experiment))
            }
        }
    }
}

/// Whether all current runs are recorded, and at least one of them is not pinned.
fn is_newer(now: &ExperimentResults<'_>, pinned: &ExperimentResults<'_>) -> bool {
    let held: BTreeSet<String> = records(pinned).map(Record::path).collect();
    now.missing.is_empty() && records(now).any(|record| !held.contains(&record.path()))
}

fn records<'r>(results: &'r ExperimentResults<'_>) -> impl Iterator<Item = &'r Record> {
    results.variants.iter().flat_map(|variant| variant.records.iter().copied())
}
