//! Tells readers of published posts which numbers have moved: `_data/corrections.yml`.
//!
//! What is compared is what the last commit says and what the site says now. So a post that is not
//! committed yet has no corrections, and running an experiment five times before a commit makes one.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;

use super::runs::Work;
use super::{Error, build, counted, environment, moved, site};
use labpress::experiment::evidence::Evidence;
use labpress::post::Shown;
use labpress::post::corrections::{Correction, Corrections, PATH};
use labpress::site::{Built, Site};
use labpress::store::Store;

/// How many causes a correction names.
const LISTED: usize = 4;

/// The site with corrections of what moved since the last commit.
pub(super) fn noted(
    root: &Path,
    store: &Store,
    (site, built): (Site, Built),
    shown: &Shown,
    work: &Work,
) -> Result<(Site, Built), Error> {
    let is_whole = built.errors.is_empty() && built.needs.is_empty();
    if !is_whole || site.experiments.is_empty() || !environment::has_changed_experiments(root) {
        return Ok((site, built));
    }
    // A first commit, or one that cannot be built: there is nothing to correct.
    let Ok(then) = moved::then("HEAD", root, shown) else { return Ok((site, built)) };
    let written = then.site.inputs.text(PATH);
    let Some(mut corrections) = written.map_or(Some(Corrections::default()), Corrections::parse)
    else {
        return Err(anyhow!(
            "`{PATH}` is not a list of corrections, so numbers that moved cannot be added\n\
             hint: labpress keeps them in that file; give yours another name"
        )
        .into());
    };
    let mut posts = BTreeSet::new();
    let mut numbers = 0;
    let causes = moved::causes(&then.site, &site);
    let now = site.render(&build::as_configured(&site.config));
    let day = site.config.zone.to_datetime(environment::now()).date().to_string();
    for (before, after) in moved::moved(&then.built, &now) {
        let path = &after.place.path;
        let is_public = |built: &Built| {
            built.sources.iter().any(|source| source.path == *path && source.unpublished.is_none())
        };
        if after.verdict.is_some() || !is_public(&then.built) || !is_public(&now) {
            continue;
        }
        let of_it = |evidence: &Evidence| {
            let causes = evidence.experiments.iter().filter_map(|name| causes.get(name));
            causes.flatten().cloned().collect::<BTreeSet<String>>()
        };
        let causes = of_it(after);
        // The sentence is another one, not the result.
        if causes.is_empty() {
            continue;
        }
        let more = causes.len().saturating_sub(LISTED);
        let mut why: Vec<String> = causes.into_iter().take(LISTED).collect();
        if more > 0 {
            why.push(format!("and {more} more"));
        }
        let correction = Correction {
            date: day.clone(),
            number: after.expression.clone(),
            from: before.shown.clone(),
            to: after.shown.clone(),
            why: why.join("; "),
        };
        corrections.add(path, correction);
        posts.insert(path.clone());
        numbers += 1;
    }
    let text = corrections.to_yaml();
    let present = site.inputs.text(PATH);
    if numbers == 0 && present == written || present == Some(text.as_str()) {
        return Ok((site, built));
    }
    if numbers > 0 {
        work.verbosity().report(format_args!(
            "{} moved in {}: `{PATH}` tells readers; commit it",
            counted(numbers, "number"),
            counted(posts.len(), "published post")
        ));
    }
    store.site.write(PATH, text.as_bytes())?;
    let site = Site { cache: site.cache, ..site::read(root)? };
    let built = site.render_again(shown, &built.memo);
    Ok((site, built))
}
