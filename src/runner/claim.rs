//! The permission to do a run, and the record that comes of it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use labpress_runner::protocol::ArtifactKind;

use super::executor::Finished;
use crate::digest::Digest;
use crate::experiment::plan::PlannedRun;
use crate::experiment::record::{self, Artifact, Record};
use crate::store::Store;

/// The permission to do a run. Either its record is written, which uses up the claim, or the claim
/// is dropped and the run has no result.
#[must_use = "a run has no result unless its claim is committed"]
pub(super) struct Claim<'a> {
    run: &'a PlannedRun<'a>,
    /// Digests of the results that the run is given, by name of their experiment.
    given: BTreeMap<String, Digest>,
}

/// Proof that a run has a record now: only a [`Claim`] makes one.
#[derive(Debug)]
pub struct Recorded {
    record: Box<Record>,
    is_shared: bool,
}

impl Recorded {
    /// The record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The record, owned.
    pub fn into_record(self) -> Record {
        *self.record
    }

    /// Whether the record is a copy of that of another run with the same fingerprint.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }
}

impl<'a> Claim<'a> {
    pub(super) fn of(run: &'a PlannedRun<'a>, given: BTreeMap<String, Digest>) -> Claim<'a> {
        Claim { run, given }
    }

    /// Records what the run has made.
    pub(super) fn commit(self, finished: Finished, store: &Store) -> io::Result<Recorded> {
        let Claim { run, given } = self;
        let Finished { collected, objects } = finished;
        // Pictures of a data set that must not be redistributed are not committed.
        let may_show = run.experiment.data.as_ref().is_none_or(|data| data.set.redistribute);
        let artifacts = collected.artifacts.into_iter().map(|(name, (path, kind))| {
            let is_committed = match kind {
                ArtifactKind::Checkpoint => false,
                ArtifactKind::Image => may_show,
                _ => true,
            };
            let (digest, bytes) = *objects
                .get(&name)
                .ok_or_else(|| io::Error::other(format!("the artifact `{name}` was not stored")))?;
            let file = (is_committed && bytes <= record::COMMITTED_UP_TO)
                .then(|| committed_path(&name, Path::new(&path), digest));
            Ok(Artifact { name, kind, digest, bytes, file })
        });
        let record = Record {
            format: record::FORMAT,
            experiment: run.experiment.name.clone(),
            variant: run.variant.name.clone(),
            seed: run.seed,
            fingerprint: run.fingerprint.clone(),
            given,
            artifacts: artifacts.collect::<io::Result<_>>()?,
            environment: collected.environment,
            finished: now(),
            metrics: collected.metrics,
            timing: collected.timing,
            series: collected.series,
            diverged: collected.diverged,
            imported: None,
        };
        write(&record, store)?;
        Ok(Recorded { record: Box::new(record), is_shared: false })
    }

    /// Records what another run with the same fingerprint has made.
    pub(super) fn share(self, record: &Record, store: &Store) -> io::Result<Recorded> {
        let record = Record {
            experiment: self.run.experiment.name.clone(),
            variant: self.run.variant.name.clone(),
            seed: self.run.seed,
            ..record.clone()
        };
        write(&record, store)?;
        Ok(Recorded { record: Box::new(record), is_shared: true })
    }
}

/// Where an artifact is committed, from the experiment's folder.
fn committed_path(name: &str, path: &Path, digest: Digest) -> String {
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    format!("files/{}-{name}{}", digest.short(), extension.unwrap_or_default())
}

/// Writes the files beside a record, then the record: whoever sees it can rely on all of it.
fn write(record: &Record, store: &Store) -> io::Result<()> {
    for artifact in &record.artifacts {
        if let Some(file) = &artifact.file {
            let path = format!("experiments/{}/{file}", record.experiment);
            store.site.write_if_changed(&path, &store.objects.get(artifact.digest)?)?;
        }
    }
    store.site.write(&record.path(), record.to_text().as_bytes())
}

#[expect(
    clippy::disallowed_methods,
    reason = "when a run ended is a fact about the run; no build reads the clock"
)]
fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}
