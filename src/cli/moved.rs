//! What a site says now that it did not say in a git revision: numbers that moved, claims that turned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Error, environment, site};
use labpress::experiment::evidence::{self, Evidence};
use labpress::experiment::plan::plan;
use labpress::experiment::record::Record;
use labpress::post::Shown;
use labpress::site::{Built, Site};

/// A site in a git revision, and what it said.
pub(super) struct Then {
    pub(super) site: Site,
    pub(super) built: Built,
}

/// Reads and renders the site of a revision. The error is a message.
pub(super) fn then(revision: &str, root: &Path, shown: &Shown) -> Result<Then, String> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = scratch.path().join("site");
    let failed = |error: Error| match error {
        Error::Errors(errors) => errors.first().map_or(String::new(), ToString::to_string),
        _ => "the site of that time cannot be read".to_owned(),
    };
    std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
    environment::check_out(revision, root, "", &folder)?;
    let folder = folder.canonicalize().map_err(|error| error.to_string())?;
    // Everything is in memory then, so the folder can be removed.
    let site = site::read(&folder).map_err(failed)?;
    let built = site.render(shown);
    Ok(Then { site, built })
}

/// What has changed in the runs of each experiment: `toy.fast: params.rate changed from 0.5 to 0.05`.
pub(super) fn causes(then: &Site, now: &Site) -> BTreeMap<String, BTreeSet<String>> {
    let fresh = |site: &Site| -> BTreeMap<(String, String, u64), Record> {
        let planned = plan(&site.experiments, &site.records);
        let named = planned.iter().filter_map(|run| {
            let (experiment, variant) = (run.experiment.name.as_str(), run.variant.name.as_str());
            Some(((experiment.to_owned(), variant.to_owned(), run.seed), run.fresh()?.clone()))
        });
        named.collect()
    };
    let (before, after) = (fresh(then), fresh(now));
    let mut causes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ((experiment, variant, seed), record) in &after {
        let of = causes.entry(experiment.clone()).or_default();
        match before.get(&(experiment.clone(), variant.clone(), *seed)) {
            None => {
                of.insert(format!("{variant}: more runs"));
            }
            Some(old) if old.path() == record.path() && old.finished == record.finished => {}
            Some(old) => {
                let changed = old.fingerprint.changed_since(&record.fingerprint);
                if changed.is_empty() {
                    of.insert(format!("{variant}: run again"));
                }
                of.extend(changed.iter().map(|part| format!("{variant}: {part}")));
            }
        }
    }
    causes
}

/// What differs between what two builds say, in order of place.
pub(super) fn moved<'b>(then: &'b Built, now: &'b Built) -> Vec<(&'b Evidence, &'b Evidence)> {
    evidence::moved(&then.evidence, &now.evidence)
}
