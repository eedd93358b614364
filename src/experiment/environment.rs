//! The environment of results: facts that no result officially depends on, but that can change a
//! number slightly.
//!
//! A changed fact never makes a result stale: it is reported to the author by `labpress status` and
//! to the reader under the figure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fingerprint::{Changed, Part};

/// Facts by name: `device`, `libtorch`, `cpu`, `threads`…
pub type Environment = BTreeMap<String, String>;

/// Not a fact about the machine: the fingerprint has what results depend on in labpress.
const PROGRAM: &str = "labpress";

/// The facts of a result's environment that differ from the present ones. A fact that only one side
/// has is not a drift: a custom program may report little, and less is known before a run than
/// after it.
pub fn drift(recorded: &Environment, present: &Environment) -> Vec<Changed> {
    let part = |fact: &String| Some(Part::Value(Value::from(fact.as_str())));
    facts(recorded)
        .filter_map(|(name, before)| Some((name, before, present.get(name)?)))
        .filter(|(_, before, now)| before != now)
        .map(|(name, before, now)| Changed {
            part: name.clone(),
            before: part(before),
            now: part(now),
        })
        .collect()
}

/// The values of facts in which environments differ: `device` → `cpu`, `cuda:0`. An environment
/// without the fact counts as `unknown`.
pub fn differences<'a>(environments: &[&'a Environment]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for name in environments.iter().flat_map(|environment| facts(environment)).map(|(name, _)| name)
    {
        let of_fact = environments
            .iter()
            .map(|environment| environment.get(name).map_or("unknown", String::as_str));
        values.entry(name).or_insert_with(|| of_fact.collect());
    }
    values.retain(|_, values| values.len() > 1);
    values
}

/// How many different environments there are.
pub fn kinds(environments: &[&Environment]) -> usize {
    environments
        .iter()
        .map(|environment| facts(environment).collect::<Vec<_>>())
        .collect::<BTreeSet<_>>()
        .len()
}

fn facts(environment: &Environment) -> impl Iterator<Item = (&String, &String)> {
    environment.iter().filter(|(name, _)| *name != PROGRAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(facts: &str) -> Environment {
        let facts = facts.split_whitespace().filter_map(|fact| fact.split_once('='));
        facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[track_caller]
    fn check_drift(recorded: &str, present: &str, expected: &str) {
        let changed = drift(&environment(recorded), &environment(present));
        assert_eq!(
            changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            expected
        );
    }

    #[test]
    fn drift_has_old_and_new_values() {
        check_drift(
            "device=cuda:0 os=linux",
            "device=cpu os=linux",
            "device changed from cuda:0 to cpu",
        );
        check_drift(
            "os=linux threads=1",
            "os=macos threads=2",
            "os changed from linux to macos, threads changed from 1 to 2",
        );
        check_drift("os=linux", "os=linux", "");
    }

    #[test]
    fn a_fact_on_one_side_only_is_not_a_drift() {
        check_drift("python=3.13", "os=linux", "");
        check_drift("", "os=linux", "");
    }

    #[test]
    fn another_labpress_is_not_a_drift() {
        check_drift("labpress=0.1.0", "labpress=0.2.0", "");
    }

    #[test]
    fn environments_are_distinguished_by_their_facts() {
        let [a, b] = ["cpu=EPYC labpress=0.1.0", "cpu=EPYC labpress=0.2.0"].map(environment);
        assert_eq!((kinds(&[&a, &b]), differences(&[&a, &b]).len()), (1, 0));
        let [a, b] = ["device=cpu os=linux", "device=cuda:0 os=linux driver=580"].map(environment);
        assert_eq!(kinds(&[&a, &b, &a]), 2);
        let expected = [("device", vec!["cpu", "cuda:0"]), ("driver", vec!["580", "unknown"])];
        let expected =
            expected.into_iter().map(|(name, values)| (name, values.into_iter().collect()));
        assert_eq!(differences(&[&a, &b, &a]), expected.collect());
    }
}
