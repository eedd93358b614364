//! Checks that no file of a data set is published against its terms.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Error, environment};
use labpress::data::origin::DataSource;
use labpress::data::{DataSet, fetch};
use labpress::diagnostic::{Diagnostic, Place};
use labpress::errors::Errors;
use labpress::inputs::is_same_content;
use labpress::output::{Content, Output};
use labpress::roles::Role;
use labpress::site::Site;
use labpress::yaml::Yaml;

/// Finds files of the built site that are copies of files of a data set with `redistribute: false`.
pub(super) fn check(output: &Output, site: &Site) -> Result<(), Error> {
    let sets = withheld(site).map_err(Error::Errors)?;
    if sets.is_empty() {
        return Ok(());
    }
    let copied: BTreeSet<&Path> =
        output.files().filter_map(|(_, content)| copied_from(content)).collect();
    let published = site
        .inputs
        .statics()
        .filter(|(_, file)| copied.contains(file.on_disk.as_path()) && file.bytes > 0);
    let mut by_size: BTreeMap<u64, Vec<(&str, &Path)>> = BTreeMap::new();
    for (path, file) in published {
        by_size.entry(file.bytes).or_default().push((path, &file.on_disk));
    }
    let mut errors = Vec::new();
    for (name, set) in &sets {
        for folder in folders(name, set, site.inputs.root()) {
            for (of_data, bytes) in fetch::files_in(set, &folder) {
                for (path, on_disk) in by_size.get(&bytes).into_iter().flatten() {
                    if is_same_content(on_disk, &of_data)? {
                        let message = format!(
                            "is a file of the data set `{name}`, which must not be published"
                        );
                        let hint = "remove it, or add it to `exclude`; \
                                    the data set has `redistribute: false`";
                        errors
                            .push(site.inputs.at_origin(
                                Diagnostic::new(Place::file(*path), message).hint(hint),
                            ));
                    }
                }
            }
        }
    }
    errors.sort();
    errors.dedup();
    if errors.is_empty() { Ok(()) } else { Err(Error::Errors(errors)) }
}

fn copied_from(content: &Content) -> Option<&Path> {
    match content {
        Content::CopyOf(path) => Some(path),
        Content::Bytes(_) | Content::AsWritten { .. } => None,
    }
}

/// The data sets that the site declares or uses and that must not be published, by name.
fn withheld(site: &Site) -> Result<BTreeMap<String, DataSet>, Vec<Diagnostic>> {
    let used = site.experiments.iter().filter_map(|experiment| experiment.data.as_ref());
    let mut sets: BTreeMap<String, DataSet> =
        used.map(|data| (data.name.clone(), data.set.clone())).collect();
    let mut errors = Errors::default();
    for (path, text) in site.inputs.of(Role::DataSet) {
        if let Some(name) =
            path.strip_prefix("experiments/data/").and_then(|name| name.strip_suffix(".yml"))
        {
            let set = errors.take(DataSet::parse(&Yaml::file(path, text)));
            sets.extend(set.map(|set| (name.to_owned(), set)));
        }
    }
    sets.retain(|_, set| !set.redistribute);
    errors.finish(sets)
}

/// The folders where files of the data set may be on this machine.
fn folders(name: &str, set: &DataSet, root: &Path) -> Vec<PathBuf> {
    let in_site = set.sources.iter().filter_map(|inputs| match inputs {
        DataSource::Folder { path } => Some(root.join(path)),
        _ => None,
    });
    in_site.chain(environment::data_cache().map(|cache| fetch::folder(name, set, &cache))).collect()
}
