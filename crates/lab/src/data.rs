//! The data set of a job.

use anyhow::Context;
use labpress::data::images::{Splits, Wanted};
use labpress::data::{DataSet, read};
use labpress_runner::protocol::JobData;

/// Parses the declaration that a job carries.
pub(crate) fn declaration(data: &JobData) -> anyhow::Result<DataSet> {
    serde_json::from_value(data.declaration.clone())
        .with_context(|| format!("invalid declaration of the data set `{}` in the job", data.name))
}

/// Reads the images of a job's data set.
pub(crate) fn read(data: &JobData, set: &DataSet, wanted: &Wanted<'_>) -> anyhow::Result<Splits> {
    read::read(&data.name, &data.folder, set, wanted)
}
