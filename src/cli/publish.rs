//! `labpress publish`: puts the site where a host serves it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::destination::Place;
use super::{Error, answer, build, counted, report, site, terms};
use labpress::config::{self, Publish};
use labpress::destination::{self, Change, ChangeKind};
use labpress::inputs;
use labpress::output::Output;
use labpress::publish::branch::{self, Branch};
use labpress::site::Site;
use labpress::store::cache::Cache;

/// The branch that hosts look for.
const BRANCH: &str = "gh-pages";

/// How many changed files are listed.
const LISTED: usize = 50;

#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Args)]
pub(super) struct Options {
    /// Publish to this branch [default: `publish` in _config.yml, or gh-pages]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// The remote repository with the branch: a name or an address [default: origin]
    #[arg(long, value_name = "REMOTE")]
    remote: Option<String>,
    /// Publish to this folder instead
    #[arg(long, value_name = "DIR", conflicts_with_all = ["branch", "remote", "replace"])]
    folder: Option<PathBuf>,
    /// Publish to this bucket of an object store that speaks S3: s3://BUCKET or s3://BUCKET/FOLDER
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["branch", "remote", "folder"])]
    bucket: Option<String>,
    /// Delete files from the bucket that labpress published and the site no longer has
    #[arg(long)]
    delete: bool,
    /// List what would change, and change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Publish although files of the site are not committed
    #[arg(long)]
    allow_dirty: bool,
    /// Remove files from the branch that labpress did not publish, except CNAME; in a bucket, replace
    /// those that the site has, too
    #[arg(long)]
    replace: bool,
}

pub(super) fn publish(root: &Path, options: &Options) -> Result<(), Error> {
    let root = site::root(root)?;
    let written_config = inputs::read_one(&root, config::PATH)?;
    let site = site::read_with(&root, config::read(written_config.as_deref()), None)?;
    let site = Site { cache: Cache::of(&root, true), ..site };
    check_committed(&root, &site, options)?;
    let built = build::locked(site.render(&build::as_configured(&site.config)));
    for warning in &built.warnings {
        report(format_args!("{warning}\n"));
    }
    let output = built.into_output().map_err(Error::Errors)?;
    terms::check(&output, &site)?;
    let Publish { branch, remote, folder, bucket } = &site.config.publish;
    let is_free = options.branch.is_none() && options.folder.is_none() && options.bucket.is_none();
    let of_config = bucket.as_deref().filter(|_| is_free);
    if let Some(bucket) = options.bucket.as_deref().or(of_config) {
        return to_bucket(&output, bucket, options);
    }
    if options.delete {
        return Err(anyhow::anyhow!("--delete is for buckets: pass --bucket s3://BUCKET").into());
    }
    let of_config = folder.as_deref().filter(|_| is_free).map(Path::new);
    if let Some(folder) = options.folder.as_deref().or(of_config) {
        let place = Place { root: &root, config: written_config.as_deref().unwrap_or("") };
        let folder = match &options.folder {
            // As everywhere, the command line is relative to where the command runs.
            Some(folder) => std::path::absolute(folder)?,
            None => root.join(folder),
        };
        let folder = place.given(&folder, &site.config.roles)?;
        folder.check_sources(&site.inputs)?;
        return to_folder(&output, &folder.path, options);
    }
    let name = options.branch.as_ref().or(branch.as_ref()).map_or(BRANCH, String::as_str);
    let remote = options.remote.as_ref().or(remote.as_ref()).map_or("origin", String::as_str);
    let branch = Branch { root: &root, remote, name, replaces: options.replace };
    let prepared = branch.prepare(&output, options.dry_run)?;
    list(&prepared.changes);
    if !options.dry_run && !prepared.changes.is_empty() {
        prepared.publish(&site.config.title)?;
    }
    summarize(&prepared.changes, &format!("on the branch `{name}` of `{remote}`"), options.dry_run);
    Ok(())
}

fn to_folder(output: &Output, folder: &Path, options: &Options) -> Result<(), Error> {
    let changes = destination::compare(output, folder)?;
    list(&changes);
    if !options.dry_run {
        let waiting = || report(format_args!("another labpress is writing there: waiting for it"));
        destination::write(output, folder, waiting)?;
    }
    summarize(&changes, &format!("in `{}`", folder.display()), options.dry_run);
    Ok(())
}

#[cfg(feature = "cloud")]
fn to_bucket(output: &Output, address: &str, options: &Options) -> Result<(), Error> {
    use labpress::publish::bucket;

    let Options { replace: replaces, delete: deletes, .. } = *options;
    let prepared = bucket::prepare(output, bucket::Options { address, replaces, deletes })?;
    let (changes, left) = (prepared.changes.clone(), prepared.left);
    list(&changes);
    if !options.dry_run && !changes.is_empty() {
        prepared.publish()?;
    }
    summarize(&changes, &format!("in `{address}`"), options.dry_run);
    if left > 0 {
        let files = counted(left, "file");
        report(format_args!("{files} that the site no longer has stay there: pass --delete"));
    }
    Ok(())
}

#[cfg(not(feature = "cloud"))]
fn to_bucket(_output: &Output, address: &str, _options: &Options) -> Result<(), Error> {
    Err(anyhow::anyhow!(
        "cannot publish to `{address}`: this labpress was built without support for buckets\n\
         hint: install the wheel or the archive, or `cargo install labpress --features cloud`"
    )
    .into())
}

/// Refuses to publish what nobody could build again from the last commit.
fn check_committed(root: &Path, site: &Site, options: &Options) -> Result<(), Error> {
    if options.allow_dirty {
        return Ok(());
    }
    let changed = branch::uncommitted(root, &site.config.destination).unwrap_or_default();
    let Some(first) = changed.first() else { return Ok(()) };
    let message = match changed.len() {
        1 => format!("`{first}` differs from the last commit"),
        more => format!("{more} files differ from the last commit, such as `{first}`"),
    };
    Err(anyhow::anyhow!("{message}\nhint: commit first, or pass --allow-dirty").into())
}

fn list(changes: &[Change]) {
    let mut lines: Vec<String> = changes.iter().take(LISTED).map(line).collect();
    if changes.len() > LISTED {
        lines.push(format!("and {} more", changes.len() - LISTED));
    }
    if !lines.is_empty() {
        answer(&lines.join("\n"));
    }
}

fn line(Change { path, kind }: &Change) -> String {
    match kind {
        ChangeKind::Added => format!("added    {path}"),
        ChangeKind::Changed => format!("changed  {path}"),
        ChangeKind::Removed => format!("removed  {path}"),
    }
}

fn summarize(changes: &[Change], place: &str, is_dry: bool) {
    let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
    if changes.is_empty() {
        return report(format_args!("nothing to publish: this site is {place}"));
    }
    let would = if is_dry { "would be " } else { "" };
    report(format_args!(
        "{} {would}added, {} changed, {} removed {place}",
        counted(count(ChangeKind::Added), "file"),
        count(ChangeKind::Changed),
        count(ChangeKind::Removed)
    ));
}
