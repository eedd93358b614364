//! Finds and reads the site that a command is about.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Error, environment, mv, sass};
use labpress::config::{self, Config};
use labpress::diagnostic::Diagnostic;
use labpress::experiment::spec::Experiment;
use labpress::inputs::{self, Inputs};
use labpress::roles::Roles;
use labpress::site::Site;
use labpress::store::cache::Cache;
use labpress::timings::span;

/// Returns the absolute path of the site at `folder`.
pub(super) fn root(folder: &Path) -> Result<PathBuf, Error> {
    let root =
        folder.canonicalize().with_context(|| format!("cannot read `{}`", folder.display()))?;
    let marks = [config::PATH, "_posts", "_layouts", "experiments"];
    if marks.iter().any(|mark| root.join(mark).exists()) {
        return Ok(root);
    }
    let message =
        format!("not a labpress site: no `_config.yml` or `_posts` in `{}`", root.display());
    Err(anyhow::anyhow!(
        "{message}\nhint: change to the site's folder, pass it with `--source DIR`, or create one \
         with `labpress new site DIR`"
    )
    .into())
}

/// Reads the site at `root`, a path from [`root()`].
pub(super) fn read(root: &Path) -> Result<Site, Error> {
    let config = config::read(inputs::read_one(root, config::PATH)?.as_deref());
    read_with(root, config, None)
}

/// Reads the site at `root` with a configuration that was already read. The folder `destination`,
/// relative to the root, is left out.
pub(super) fn read_with(
    root: &Path,
    config: (Config, Vec<Diagnostic>),
    destination: Option<&str>,
) -> Result<Site, Error> {
    mv::check_unfinished(root)?;
    let inputs = {
        let _span = span("read files");
        inputs::read(root, &config.0.roles.clone().without(destination))?.with_commits(&config.0)
    };
    let site = {
        let _span = span("parse the site");
        Site::parse(config, inputs, &environment::variable)
    };
    Ok(Site { compile_sass: sass::in_a_process, cache: Cache::of(root, false), ..site })
}

/// The folder that a smoke build is written to. It is hidden, so that it is not published by
/// accident.
pub(super) fn smoke_destination(root: &Path) -> PathBuf {
    root.join(".labpress/smoke/public")
}

/// The site with stale experiments at toy scale and their smoke results, which are in a separate
/// folder with the layout of a site.
pub(super) fn at_toy_scale(
    site: Site,
    is_asked: &dyn Fn(&Experiment) -> bool,
) -> Result<Site, Error> {
    let results = site.inputs.root().join(".labpress/smoke/results");
    let smoke = if results.exists() {
        inputs::read(&results, &Roles::default())?
    } else {
        Inputs::default()
    };
    Ok(site.at_toy_scale(is_asked, smoke, results))
}
