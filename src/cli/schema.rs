//! `labpress schema`: prints the JSON Schemas of files that people and programs write.

use clap::{Args, ValueEnum};

use super::answer;
use labpress::data;
use labpress::digest::pretty;
use labpress::experiment::{record, spec};

#[derive(Args)]
pub(super) struct Options {
    /// The kind of file
    file: File,
}

#[derive(Clone, Copy, ValueEnum)]
enum File {
    /// experiments/NAME/experiment.yml
    Experiment,
    /// experiments/NAME/runs/*.json
    Record,
    /// experiments/data/NAME.yml
    Data,
}

pub(super) fn schema(Options { file }: &Options) {
    let schema = match file {
        File::Experiment => spec::schema(),
        File::Record => record::schema(),
        File::Data => data::schema(),
    };
    answer(&pretty(&schema));
}
