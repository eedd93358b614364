//! The data set of a job.

use labpress::data::images::{Splits, Wanted};
use labpress::data::read;
use labpress::runner::protocol::JobData;

/// Reads the data set of a job.
pub(crate) fn read(data: &JobData, wanted: &Wanted<'_>) -> anyhow::Result<Splits> {
    read::read(&data.name, &data.folder, &data.declaration, wanted)
}
