//! What must hold of a site whatever happened to labpress, and what a site comes to.

use std::collections::BTreeMap;

use labpress::digest::Digest;
use labpress::experiment::{pin, record, verification};

use super::{Site, repeatable};

/// Checks that everything labpress keeps is whole: each record, pin and verification is valid by
/// its own digest, the files that a record refers to are there, and each object is what its name
/// says. Returns what the records say, by path.
#[track_caller]
pub fn assert_whole(site: &Site, when: &str) -> BTreeMap<String, serde_json::Value> {
    for (path, bytes) in site.files(".labpress/objects") {
        let name = path.display().to_string().replace('/', "");
        assert_eq!(Digest::of(&bytes).to_string(), name, "an object, {when}");
    }
    let mut records = BTreeMap::new();
    for (path, bytes) in site.files("experiments") {
        let path = format!("experiments/{}", path.display());
        let text = || {
            String::from_utf8(bytes.clone())
                .unwrap_or_else(|error| panic!("{path}: {error}, {when}"))
        };
        if path.contains("/runs/") {
            let text = text();
            let record =
                record::parse(&path, &text).unwrap_or_else(|error| panic!("{error}, {when}"));
            for artifact in &record.artifacts {
                let Some(file) = &artifact.file else { continue };
                let beside = std::fs::read(
                    site.path().join("experiments").join(record.experiment.as_str()).join(file),
                );
                let beside =
                    beside.unwrap_or_else(|error| panic!("{file} of {path}: {error}, {when}"));
                assert_eq!(Digest::of(&beside), artifact.digest, "{file} of {path}, {when}");
            }
            records.insert(path, repeatable(&text));
        } else if path.contains("/pins/") {
            pin::parse(&path, &text()).unwrap_or_else(|error| panic!("{error}, {when}"));
        } else if verification::is_path(&path) {
            verification::parse(&path, &text()).unwrap_or_else(|error| panic!("{error}, {when}"));
        }
    }
    records
}

/// All that readers and other authors see of a site: its files, the built ones included, without
/// what labpress keeps for itself; of records what a rerun repeats; without verifications, which
/// are dated.
pub fn left(site: &Site) -> BTreeMap<String, Vec<u8>> {
    let files = site.files("").into_iter().map(|(path, bytes)| (path.display().to_string(), bytes));
    let is_kept = |path: &str| {
        !path.starts_with(".labpress/") && !verification::is_path(path) && path != ".started"
    };
    let shown = |path: String, bytes: Vec<u8>| {
        let is_record = path.starts_with("experiments/") && path.contains("/runs/");
        let repeated =
            |bytes: &[u8]| repeatable(std::str::from_utf8(bytes).unwrap()).to_string().into_bytes();
        let bytes = if is_record { repeated(&bytes) } else { bytes };
        (path, bytes)
    };
    files.filter(|(path, _)| is_kept(path)).map(|(path, bytes)| shown(path, bytes)).collect()
}

/// Checks that two sites came to the same, and names the files in which they differ.
#[track_caller]
pub fn assert_same(
    site: &BTreeMap<String, Vec<u8>>,
    expected: &BTreeMap<String, Vec<u8>>,
    when: &str,
) {
    let paths: std::collections::BTreeSet<&String> = site.keys().chain(expected.keys()).collect();
    let differing = paths.into_iter().filter(|path| site.get(*path) != expected.get(*path));
    let text =
        |bytes: Option<&Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let differing: Vec<_> =
        differing.map(|path| (path, text(site.get(path)), text(expected.get(path)))).collect();
    assert!(
        differing.is_empty(),
        "what the site came to differs (path, is, expected), {when}: {differing:#?}"
    );
}

/// Checks that nothing temporary is left in a site that nobody is at work in, but for what the next
/// smoke build sweeps.
#[track_caller]
pub fn assert_swept(site: &Site, when: &str) {
    let is_temporary = |path: &str| {
        let is_in_tmp = path.split('/').any(|part| {
            part == "tmp" || part.starts_with(".tmp") || part.starts_with(".labpress-tmp-")
        });
        (is_in_tmp || path.ends_with(".labpress-new"))
            && !path.starts_with(".labpress/smoke/public/")
    };
    let files = site.files("").into_keys().map(|path| path.display().to_string());
    let temporary: Vec<String> = files.filter(|path| is_temporary(path)).collect();
    assert_eq!(temporary, [""; 0], "temporary files are left, {when}");
}
