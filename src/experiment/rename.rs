//! The files to write when an experiment is renamed, so that no result is lost.
//!
//! Its records, verifications and pins contain the name, and each has a digest of its own content.
//! The fingerprints of experiments that need it also contain the name, and so on transitively:
//! their records, verifications and pins are also rewritten.

use std::collections::BTreeMap;

use super::Name;
use super::fingerprint::Fingerprint;
use super::needs;
use super::pin::Pin;
use super::record::Record;
use super::spec::Experiment;
use super::verification::Verification;
use crate::digest::Digest;

/// The files to write. Paths are from the site's root, with the folder's new name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Renaming {
    /// File contents by path.
    pub written: BTreeMap<String, String>,
    /// Files that are replaced by a file with another name.
    pub removed: Vec<String>,
    /// Renamed pins, each with its experiment: old and new.
    pub pins: BTreeMap<(String, String), (String, String)>,
}

/// Renames the experiment `old` to `new`.
pub fn renaming(
    (old, new): (&Name, &Name),
    experiments: &[Experiment],
    records: &[Record],
    verifications: &[Verification],
    pins: &[Pin],
) -> Renaming {
    let names = Names { old, new, needs: changed_needs((old, new), experiments) };
    let mut renaming = Renaming::default();
    // By their old digests.
    let (mut fingerprints, mut new_records) = (BTreeMap::new(), BTreeMap::new());
    for record in records {
        let renamed = Record {
            experiment: names.of_name(&record.experiment),
            fingerprint: names.in_fingerprint(&record.fingerprint),
            given: record
                .given
                .iter()
                .map(|(need, digest)| (names.of(need).to_owned(), *digest))
                .collect(),
            ..record.clone()
        };
        if renamed == *record {
            continue;
        }
        fingerprints.insert(record.fingerprint.digest(), renamed.fingerprint.digest());
        new_records.insert(record.digest(), renamed.digest());
        renaming.replace(names.moved(&record.path()), renamed.path(), renamed.to_text());
    }
    let now = |known: &BTreeMap<Digest, Digest>, digest: Digest| {
        known.get(&digest).copied().unwrap_or(digest)
    };
    for verification in verifications {
        let renamed = Verification {
            experiment: names.of_name(&verification.experiment),
            fingerprint: now(&fingerprints, verification.fingerprint),
            record: now(&new_records, verification.record),
            ..verification.clone()
        };
        if renamed != *verification {
            renaming.replace(names.moved(&verification.path()), renamed.path(), renamed.to_text());
        }
    }
    for pin in pins {
        let name = if pin.experiment() == old { new } else { pin.experiment() };
        let renamed = pin.renamed(name, |fingerprint| now(&fingerprints, fingerprint));
        if renamed != *pin {
            let (before, after) = (pin.experiment().to_string(), name.to_string());
            renaming.pins.insert((before, pin.id()), (after, renamed.id()));
            renaming.replace(names.moved(&pin.path()), renamed.path(), renamed.to_text());
        }
    }
    renaming
}

impl Renaming {
    fn replace(&mut self, before: String, path: String, text: String) {
        if before != path {
            self.removed.push(before);
        }
        self.written.insert(path, text);
    }
}

/// What is renamed.
struct Names<'a> {
    old: &'a Name,
    new: &'a Name,
    /// The digests of experiments in the fingerprints of those that need them: old and new.
    needs: BTreeMap<String, (Digest, Digest)>,
}

impl Names<'_> {
    fn of_name(&self, experiment: &Name) -> Name {
        if experiment == self.old { self.new.clone() } else { experiment.clone() }
    }

    fn of<'n>(&'n self, experiment: &'n str) -> &'n str {
        if *self.old == *experiment { self.new } else { experiment }
    }

    /// The path of a file after the rename.
    fn moved(&self, path: &str) -> String {
        match path.strip_prefix(&format!("experiments/{}/", self.old)) {
            Some(inside) => format!("experiments/{}/{inside}", self.new),
            None => path.to_owned(),
        }
    }

    fn in_fingerprint(&self, fingerprint: &Fingerprint) -> Fingerprint {
        fingerprint.with_needs(|name, digest| {
            let digest = match self.needs.get(name) {
                Some((before, now)) if *before == digest => *now,
                _ => digest,
            };
            (self.of(name).to_owned(), digest)
        })
    }
}

/// The digest of each experiment before and after the rename, by its old name.
fn changed_needs(
    (old, new): (&Name, &Name),
    experiments: &[Experiment],
) -> BTreeMap<String, (Digest, Digest)> {
    let mut renamed = experiments.to_vec();
    for experiment in &mut renamed {
        if let Some(digest) = experiment.needs.remove(old) {
            experiment.needs.insert(new.clone(), digest);
        }
        if experiment.name == *old {
            experiment.name = new.clone();
        }
    }
    // Each round resolves one more level of needs.
    loop {
        let digests: BTreeMap<Name, Digest> =
            renamed.iter().map(|one| (one.name.clone(), needs::digest(one))).collect();
        let mut is_settled = true;
        for (name, digest) in renamed.iter_mut().flat_map(|experiment| &mut experiment.needs) {
            if let Some(now) = digests.get(name).filter(|now| *now != digest) {
                (*digest, is_settled) = (*now, false);
            }
        }
        if is_settled {
            let digests = experiments.iter().zip(&renamed);
            return digests
                .map(|(before, now)| {
                    (before.name.to_string(), (needs::digest(before), needs::digest(now)))
                })
                .collect();
        }
    }
}
