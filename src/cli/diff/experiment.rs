//! `labpress diff NAME`: which numbers of an experiment changed, and whether by more than the spread
//! over seeds.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::Format;
use crate::cli::table::table;
use crate::cli::{Error, answer, counted, environment, report, site};
use labpress::digest::pretty;
use labpress::experiment::history::{self, Moved, Recorded, Verdict};
use labpress::experiment::pin;
use labpress::experiment::plan::{RunState, plan};
use labpress::experiment::record::Record;
use labpress::experiment::spec::Experiment;
use labpress::figure::measured::over_runs;
use labpress::figure::number::{Unit, signed, with_unit};
use labpress::site::Site;
use labpress::stats::{Estimate, Summary};

pub(super) fn diff(
    root: &Path,
    name: &str,
    before: Option<&str>,
    format: Format,
) -> Result<(), Error> {
    let site = site::read(&site::root(root)?)?;
    if !site.errors.is_empty() {
        return Err(Error::Errors(site.errors));
    }
    let experiment = site.experiment(name).map_err(Error::Errors)?;
    let planned = plan([experiment], &site.records);
    let lacking = planned.iter().filter(|run| run.fresh().is_none()).count();
    if lacking > 0 {
        let name = &experiment.name;
        report(format_args!(
            "{} without a current result: run `labpress run {name}`",
            counted(lacking, "run")
        ));
    }
    let after = history::recorded(
        planned.iter().filter_map(|run| Some((run.variant.name.as_str(), run.fresh()?))),
    );
    let records: Vec<&Record> = site
        .records
        .iter()
        .filter(|record| record.experiment == experiment.name.as_str())
        .collect();
    let (moved, since) = match before {
        None => {
            let before = history::before(&after, records.iter().copied());
            (history::moved(&before, &after), "the earlier results".to_owned())
        }
        Some(named) => {
            if let Some(found) = here(named, experiment, &site, &records, &after)? {
                found
            } else {
                let then = site_at(named, site.inputs.root())?;
                let before = recorded_then(&then, experiment);
                (history::moved(&before, &after), format!("revision {named}"))
            }
        }
    };
    if moved.is_empty() {
        return Err(anyhow!("`{}` has no results to compare", experiment.name).into());
    }
    answer(&match format {
        Format::Text => as_text(&moved, experiment, &since),
        Format::Md => as_markdown(&moved, experiment, &since),
        Format::Json => pretty(&as_json(&moved, experiment, &since)),
    });
    Ok(())
}

/// The changes since the pin or fingerprint `named`, and its name for readers; `None` if it is
/// neither.
fn here(
    named: &str,
    experiment: &Experiment,
    site: &Site,
    records: &[&Record],
    after: &Recorded<'_>,
) -> Result<Option<(Vec<Moved>, String)>, Error> {
    let is_hex =
        named.len() >= 4 && named.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex {
        return Ok(None);
    }
    let path = pin::path(experiment.name.as_str(), named);
    if let Some(text) = site.inputs.text(&path) {
        let pin = pin::parse(&path, text).map_err(|error| Error::Errors(vec![error]))?;
        let pinned = pin.with_records(experiment, &site.records).map_err(|lacking| {
            anyhow!("the pin `{named}` is incomplete: there is no `{lacking}`")
        })?;
        let moved = history::moved(&history::recorded(pinned.records()), after);
        return Ok(Some((moved, format!("pin {named}"))));
    }
    let before = history::of_fingerprint(named, records);
    // A fingerprint is of one variant; ignore the others.
    let after = after.iter().filter(|(variant, _)| before.contains_key(*variant));
    let after: Recorded<'_> = after.map(|(variant, records)| (*variant, records.clone())).collect();
    Ok((!before.is_empty())
        .then(|| (history::moved(&before, &after), format!("fingerprint {named}"))))
}

/// The experiments and records of the site in a git revision.
fn site_at(revision: &str, root: &Path) -> Result<Site, Error> {
    let scratch = tempfile::tempdir()?;
    environment::check_out(revision, root, "experiments", scratch.path()).map_err(|error| {
        anyhow!(
            "`{revision}` is neither a pin nor a fingerprint of the experiment, \
             and not a git revision: {error}"
        )
    })?;
    // Everything is in memory now, so the folder can be removed.
    site::read(&scratch.path().canonicalize()?)
}

/// The results of the experiment as they were shown then: those that were fresh, or the newest
/// ones.
fn recorded_then<'a>(then: &'a Site, experiment: &Experiment) -> Recorded<'a> {
    let experiment = then.experiments.iter().find(|then| then.name == experiment.name);
    let planned = plan(experiment, &then.records);
    history::recorded(planned.iter().filter_map(|run| match run.state {
        // With the fingerprint format of another labpress, everything is stale.
        RunState::Fresh(record) | RunState::Stale { record, .. } => {
            Some((run.variant.name.as_str(), record))
        }
        RunState::Missing => None,
    }))
}

/// The cells of a row after variant and metric: before, after, difference, verdict.
fn cells(moved: &Moved, experiment: &Experiment) -> [String; 4] {
    let unit = Unit::of(experiment.metrics.get(&moved.metric));
    let side = |summary: Option<Summary>| {
        summary.map_or_else(|| "-".to_owned(), |summary| over_runs(summary, &unit))
    };
    let is_pair = |summary: Option<Summary>| summary.is_some_and(|summary| summary.n == 2);
    let difference = moved.verdict.difference().map(|mut difference| {
        if is_pair(moved.before) || is_pair(moved.after) {
            difference.half_width = None;
        }
        let unit = if unit == Unit::Share { &Unit::Points } else { &unit };
        signed(difference.value, with_unit(difference, unit))
    });
    let verdict = match moved.verdict {
        Verdict::Unchanged => "unchanged".to_owned(),
        Verdict::OneSided if moved.before.is_none() => "new".to_owned(),
        Verdict::OneSided => "gone".to_owned(),
        Verdict::Diverged(before, after) => {
            format!("runs diverged: {before} before, {after} after")
        }
        Verdict::Single(_) => "unknown with one seed".to_owned(),
        Verdict::Within(_) => "no".to_owned(),
        Verdict::Beyond(_) => "yes".to_owned(),
    };
    let difference = difference.unwrap_or_else(|| "-".to_owned());
    [side(moved.before), side(moved.after), difference, verdict]
}

const HEADS: [&str; 6] =
    ["variant", "metric", "before", "after", "difference", "beyond the spread over seeds"];

fn heading(experiment: &Experiment, since: &str) -> String {
    format!(
        "`{}` since {since}: means with 95 % intervals, or both numbers of two runs",
        experiment.name
    )
}

fn rows(moved: &[Moved], experiment: &Experiment) -> Vec<Vec<String>> {
    let row = |moved: &Moved| {
        let cells = cells(moved, experiment).map(|cell| cell.replace('\u{a0}', " "));
        [moved.variant.clone(), moved.metric.clone()].into_iter().chain(cells).collect()
    };
    moved.iter().map(row).collect()
}

fn as_text(moved: &[Moved], experiment: &Experiment, since: &str) -> String {
    let heads = HEADS.map(str::to_uppercase);
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    format!("{}\n\n{}", heading(experiment, since), table(&heads, &rows(moved, experiment)))
}

fn as_markdown(moved: &[Moved], experiment: &Experiment, since: &str) -> String {
    let mut text = format!(
        "{}\n\n| {} |\n|---|---|---:|---:|---:|---|\n",
        heading(experiment, since),
        HEADS.join(" | ")
    );
    for row in rows(moved, experiment) {
        let row: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

fn as_json(moved: &[Moved], experiment: &Experiment, since: &str) -> Value {
    let estimate = |of: Estimate| json!({"value": of.value, "half-width": of.half_width});
    let side =
        |of: Summary| json!({"mean": of.mean, "half-width": of.estimate().half_width, "n": of.n});
    let row = |moved: &Moved| {
        json!({
            "variant": moved.variant,
            "metric": moved.metric,
            "before": moved.before.map(side),
            "after": moved.after.map(side),
            "difference": moved.verdict.difference().map(estimate),
            "unchanged": moved.verdict == Verdict::Unchanged,
            "diverged": matches!(moved.verdict, Verdict::Diverged(..)),
            "beyond-spread": moved.verdict.is_beyond(),
        })
    };
    json!({
        "experiment": experiment.name.as_str(),
        "since": since,
        "moved": moved.iter().map(row).collect::<Vec<_>>(),
    })
}
