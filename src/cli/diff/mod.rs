//! `labpress diff`: what has changed, in an experiment or in what the site says.

mod experiment;
mod site;

use std::path::Path;

use clap::{Args, ValueEnum};

use super::Error;

#[derive(Args)]
#[command(allow_missing_positional = true)]
pub(super) struct Options {
    /// Compare with a pin, the start of a fingerprint, or a git revision [default: each variant's
    /// newest older results]
    #[arg(value_name = "REV")]
    before: Option<String>,
    /// The experiment [default: all that the site says about results]
    name: Option<String>,
    /// Without an experiment: the git revision to compare with
    #[arg(long, value_name = "REV", default_value = "HEAD", conflicts_with = "name")]
    since: String,
    /// The format; `md` is for pull requests
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Md,
    Json,
}

pub(super) fn diff(root: &Path, options: &Options) -> Result<(), Error> {
    match &options.name {
        Some(name) => experiment::diff(root, name, options.before.as_deref(), options.format),
        None => site::diff(root, &options.since, options.format),
    }
}
