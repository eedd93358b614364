//! `labpress gc`: lists or deletes files that nothing refers to.
//!
//! | kind | is referred to by |
//! |---|---|
//! | record | an experiment as written now, the pin of a post, a verification |
//! | pin | the front matter of a post, page or draft |
//! | file | a record that is kept |
//! | object | a record that is kept |
//! | run | an experiment as written now, if the run has no record yet |
//! | log | a record or run that is kept |
//!
//! Files newer than `--keep-days` are kept, with everything that they refer to. Files that labpress
//! did not make are never touched.
//!
//! A file is deleted before the files that it refers to, so that no reference is ever dangling,
//! wherever the deletion is interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Args;
use jiff::Timestamp;

use super::site;
use super::table::table;
use super::{Error, answer, counted, environment, report, report_waiting};
use labpress::experiment::Name;
use labpress::experiment::pin::{self, Pin};
use labpress::experiment::plan::plan;
use labpress::experiment::record;
use labpress::site::Site;
use labpress::store::{FileInfo, Store};

#[derive(Args)]
pub(super) struct Options {
    /// Keep files newer than this many days
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_days: u16,
    /// Delete the listed files
    #[arg(long)]
    delete: bool,
}

/// A kind of file. Each kind refers only to later kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Pin,
    Record,
    File,
    Object,
    Run,
    Log,
}

impl Kind {
    /// All kinds, in the order of deletion.
    const ALL: [Kind; 6] =
        [Kind::Pin, Kind::Record, Kind::File, Kind::Object, Kind::Run, Kind::Log];

    fn name(self) -> &'static str {
        match self {
            Kind::Pin => "pin",
            Kind::Record => "record",
            Kind::File => "file",
            Kind::Object => "object",
            Kind::Run => "run",
            Kind::Log => "log",
        }
    }
}

/// A file or folder that nothing refers to.
struct Item {
    kind: Kind,
    /// Its path from the site's root.
    path: String,
    bytes: u64,
}

pub(super) fn gc(root: &Path, options: &Options) -> Result<(), Error> {
    let root = site::root(root)?;
    let store = Store::of(&root);
    // A list needs no lock.
    let _lock = if options.delete { Some(store.lock(report_waiting)?) } else { None };
    let site = site::read(&root)?;
    // An unreadable file may refer to anything.
    if !site.errors.is_empty() {
        return Err(Error::Errors(site.errors));
    }
    if !site.config_errors.is_empty() {
        return Err(Error::Errors(site.config_errors));
    }
    let pins = site.pins().map_err(Error::Errors)?;
    let age = jiff::SignedDuration::from_hours(24 * i64::from(options.keep_days));
    let now = environment::now();
    let garbage = Garbage::of(&site, pins, &store, now.checked_sub(age).unwrap_or(now))?;
    let items = garbage.items()?;
    if items.is_empty() {
        report(format_args!("nothing to delete: every file is referred to"));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| vec![item.kind.name().to_owned(), item.path.clone(), size(item.bytes)])
        .collect();
    answer(&table(&["KIND", "PATH", "SIZE"], &rows));
    let total = size(items.iter().map(|item| item.bytes).sum());
    let count = counted(items.len(), "unreferenced item");
    if !options.delete {
        report(format_args!("{count}, {total}: delete them with `labpress gc --delete`"));
        return Ok(());
    }
    for kind in Kind::ALL {
        store.site.remove_all(
            items.iter().filter(|item| item.kind == kind).map(|item| item.path.as_str()),
        )?;
    }
    report(format_args!("{count} deleted, {total}"));
    Ok(())
}

/// The files, and which of them are kept.
struct Garbage<'a> {
    store: &'a Store,
    /// Files changed later are kept.
    until: Timestamp,
    /// Files under `experiments/`.
    committed: Vec<FileInfo>,
    /// When each record was made, by path.
    finished: BTreeMap<String, Timestamp>,
    /// Paths of the records, pins and files that are kept.
    paths: BTreeSet<String>,
    /// Digests of the objects that are kept.
    objects: BTreeSet<String>,
    /// Stems of the runs that are kept.
    stems: BTreeSet<String>,
    /// Experiment and stem of the runs that have no record yet.
    unfinished: BTreeSet<(String, String)>,
}

impl<'a> Garbage<'a> {
    fn of(
        site: &Site,
        mut pins: Vec<Pin>,
        store: &'a Store,
        until: Timestamp,
    ) -> Result<Garbage<'a>, Error> {
        let committed = store.site.files_under("experiments")?;
        for young in
            committed.iter().filter(|file| file.path.contains("/pins/") && file.modified > until)
        {
            if let Some(text) = site.inputs.text(&young.path) {
                pins.push(
                    pin::parse(&young.path, text).map_err(|error| Error::Errors(vec![error]))?,
                );
            }
        }
        let mut paths = site.records_referred_to(&pins);
        paths.extend(pins.iter().map(Pin::path));
        let planned = plan(&site.experiments, &site.records);
        let mut garbage = Garbage {
            store,
            until,
            committed,
            finished: site.records.iter().map(|record| (record.path(), record.finished)).collect(),
            paths,
            objects: BTreeSet::new(),
            stems: BTreeSet::new(),
            unfinished: BTreeSet::new(),
        };
        for record in &site.records {
            let stem = record::file_stem(&record.variant, record.seed, &record.fingerprint);
            let is_young = record.finished > until;
            if !(garbage.paths.contains(&record.path()) || is_young) {
                continue;
            }
            garbage.paths.insert(record.path());
            garbage.stems.insert(stem);
            for artifact in &record.artifacts {
                garbage.objects.insert(artifact.digest.to_string());
                let file = artifact
                    .file
                    .iter()
                    .map(|file| format!("experiments/{}/{file}", record.experiment));
                garbage.paths.extend(file);
            }
        }
        for run in planned.iter().filter(|run| run.fresh().is_none()) {
            let stem = run.stem();
            garbage.stems.insert(stem.clone());
            garbage.unfinished.insert((run.experiment.name.to_string(), stem));
        }
        Ok(garbage)
    }

    /// Everything that nothing refers to and that is old enough.
    fn items(&self) -> Result<Vec<Item>, Error> {
        let mut items: Vec<Item> =
            self.committed.iter().filter_map(|file| self.committed_item(file)).collect();
        for object in self.store.site.files_under(".labpress/objects")? {
            let digest: String = object.path.split('/').skip(2).collect();
            if !self.objects.contains(&digest) && object.modified <= self.until {
                items.push(Item { kind: Kind::Object, path: object.path, bytes: object.bytes });
            }
        }
        items.extend(self.run_items()?);
        for log in self.store.site.files_under(".labpress/logs")? {
            if !self.stems.iter().any(|stem| log.path.contains(stem.as_str()))
                && log.modified <= self.until
            {
                items.push(Item { kind: Kind::Log, path: log.path, bytes: log.bytes });
            }
        }
        items.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(items)
    }

    /// A file of an experiment, if labpress made it and nothing refers to it.
    fn committed_item(&self, file: &FileInfo) -> Option<Item> {
        let (folder, name) = file.path.rsplit_once('/')?;
        let (experiment, folder) = folder.strip_prefix("experiments/")?.split_once('/')?;
        Name::new(experiment)?;
        let id = name.get(..8).filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let (kind, since) = match folder {
            "runs" => (Kind::Record, *self.finished.get(&file.path)?),
            "files" if id.is_some() && name[8..].starts_with('-') => (Kind::File, file.modified),
            "pins" if id.is_some() && &name[8..] == ".json" => (Kind::Pin, file.modified),
            _ => return None,
        };
        let is_garbage = !self.paths.contains(&file.path) && since <= self.until;
        is_garbage.then(|| Item { kind, path: file.path.clone(), bytes: file.bytes })
    }

    /// The folders of abandoned runs.
    fn run_items(&self) -> Result<Vec<Item>, Error> {
        let mut folders: BTreeMap<(String, String), (u64, Timestamp)> = BTreeMap::new();
        for file in self.store.site.files_under(".labpress/runs")? {
            let parts: Vec<&str> = file.path.splitn(5, '/').collect();
            if let [_, _, experiment, stem, _] = parts[..] {
                let sum = folders
                    .entry((experiment.to_owned(), stem.to_owned()))
                    .or_insert((0, Timestamp::MIN));
                *sum = (sum.0 + file.bytes, sum.1.max(file.modified));
            }
        }
        let is_garbage = |&(run, &(_, modified)): &(&(String, String), &(u64, Timestamp))| {
            let folder = self.store.run_folder(&run.0, &run.1);
            !self.unfinished.contains(run)
                && modified <= self.until
                && !self.store.is_running(&folder)
        };
        let garbage =
            folders.iter().filter(is_garbage).map(|((experiment, stem), (bytes, _))| Item {
                kind: Kind::Run,
                path: format!(".labpress/runs/{experiment}/{stem}"),
                bytes: *bytes,
            });
        Ok(garbage.collect())
    }
}

/// A human-readable size: `812 B`, `3.4 kB`, `1.2 GB`.
fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    for unit in ["kB", "MB", "GB"] {
        size /= 1000.0;
        if size < 1000.0 || unit == "GB" {
            return format!("{size:.1} {unit}");
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_human_readable() {
        assert_eq!(
            [0, 999, 1000, 3_449, 2_000_000, 5_000_000_000_000].map(size),
            ["0 B", "999 B", "1.0 kB", "3.4 kB", "2.0 MB", "5000.0 GB"]
        );
    }
}
