//! The parameters of variants, as they were recorded.

use std::collections::{BTreeMap, BTreeSet};

use crate::experiment::fingerprint::Part;
use crate::experiment::results::VariantResults;

/// The parameters of a variant, by name: `optimizer.lr`. Those that are
/// `null` are left out, as those that it does not have. None if no run of it is recorded.
pub(super) fn parameters(of: &VariantResults<'_>) -> BTreeMap<String, String> {
    let parts = of.records.first().into_iter().flat_map(|record| record.fingerprint.parts());
    parts
        .filter_map(|(name, part)| match part {
            Part::Value(value) if value.is_null() => None,
            Part::Value(value) => Some((name.strip_prefix("params.")?.to_owned(), shown(value))),
            Part::Digest(_) => None,
        })
        .collect()
}

/// The names of the parameters in which some of these differ, in order. Without those that only some
/// have because of their `kind`, with one value: `schedule.warm-up` says no more than
/// `schedule.kind`.
pub(super) fn differing(all: &[BTreeMap<String, String>]) -> Vec<String> {
    let names: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let differs = |name: &str| all.iter().any(|other| other.get(name) != all[0].get(name));
    let values = |name: &str| all.iter().filter_map(|of| of.get(name)).collect::<BTreeSet<_>>();
    let follows_from_kind = |name: &str| {
        let kind = name.rsplit_once('.').map(|(map, _)| format!("{map}.kind"));
        kind.is_some_and(|kind| kind != name && differs(&kind)) && values(name).len() == 1
    };
    let is_shown = |name: &&String| differs(name) && !follows_from_kind(name);
    names.into_iter().filter(is_shown).cloned().collect()
}

fn shown(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
