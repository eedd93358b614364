//! `labpress build --timings`: where the time of a build went.
#![expect(clippy::disallowed_methods, reason = "`cli` writes the trace where it is asked to")]

use std::cmp::Reverse;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::table::table;
use super::{Error, duration, report};
use labpress::timings;

/// Where the trace is written by default, in the site.
pub(super) const PATH: &str = ".labpress/timings.json";

/// Prints how long each part of the build took, and writes a trace of it to `path`.
pub(super) fn print_and_write(path: &Path) -> Result<(), Error> {
    let spans = timings::recorded();
    let mut totals: Vec<_> = timings::totals(&spans).into_iter().collect();
    totals.sort_by_key(|(_, total)| Reverse(total.own));
    let rows = totals.into_iter().map(|(part, total)| {
        let [own, whole] = [total.own, total.length].map(|time| duration(time.as_secs_f64()));
        vec![part.to_owned(), own, whole, total.count.to_string()]
    });
    let heading = ["PART", "ITSELF", "WITH INNER PARTS", "TIMES"];
    report(format_args!("{}", table(&heading, &rows.collect::<Vec<_>>())));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    fs::write(path, timings::chrome_trace(&spans).to_string())
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    report(format_args!(
        "the trace is in `{}`: open it in a browser's tracing view",
        path.display()
    ));
    Ok(())
}
