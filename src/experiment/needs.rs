//! `needs:` between experiments: artifacts of one are inputs of another, so its fingerprint is part
//! of the other's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Name;
use super::fingerprint::Fingerprint;
use super::record::Record;
use super::spec::Experiment;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::inputs::Inputs;
use crate::yaml::Yaml;

/// Resolves what each experiment needs, transitively. Each experiment comes with the names in its
/// `needs:`. Errors are unknown names and cycles; the experiments named `invalid` exist, but have
/// errors of their own.
pub(crate) fn resolved(
    parsed: Vec<(Experiment, Vec<String>)>,
    invalid: &[&str],
    inputs: &Inputs,
) -> (Vec<Experiment>, Vec<Diagnostic>) {
    let mut errors = unknown(&parsed, invalid, inputs);
    let mut waiting = parsed;
    let mut ready: BTreeMap<Name, Experiment> = BTreeMap::new();
    // An experiment is ready when everything it needs is; one that never gets ready is in a cycle,
    // or needs one that is, that is unknown or that is invalid.
    loop {
        let is_ready = |needs: &[String]| {
            needs.iter().all(|need| Name::new(need).is_some_and(|need| ready.contains_key(&need)))
        };
        let (now, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, needs)| is_ready(needs));
        waiting = later;
        if now.is_empty() {
            break;
        }
        for (mut experiment, needs) in now {
            let needed = needs.iter().filter_map(|need| ready.get(&Name::new(need)?));
            experiment.needs = needed.map(|needed| (needed.name.clone(), digest(needed))).collect();
            ready.insert(experiment.name.clone(), experiment);
        }
    }
    errors.extend(loops(&waiting, inputs));
    let mut experiments: Vec<Experiment> = ready.into_values().collect();
    experiments.extend(waiting.into_iter().map(|(experiment, _)| experiment));
    experiments.sort_by(|a, b| a.name.cmp(&b.name));
    (experiments, errors)
}

/// A digest of everything that the results of an experiment depend on: the fingerprints of all its
/// runs.
pub(super) fn digest(experiment: &Experiment) -> Digest {
    let runs = experiment
        .variants
        .iter()
        .flat_map(|variant| experiment.seeds.iter().map(move |&seed| (variant, seed)));
    let runs = runs.filter(|(variant, seed)| experiment.has_run(variant, *seed));
    let digests = runs.map(|(variant, seed)| {
        let digest = Fingerprint::of(experiment, variant, seed).digest();
        // Names are included: the run that needs the artifacts finds them by name.
        Value::from(format!("{} {seed} {digest}", variant.name))
    });
    Digest::of_value(&Value::Array(digests.collect()))
}

/// A digest of the results of an experiment that are passed to a run that needs it: numbers, except
/// times, and artifacts.
pub(crate) fn results_digest<'a>(
    runs: impl IntoIterator<Item = (&'a Name, u64, &'a Record)>,
) -> Digest {
    let runs = runs.into_iter().map(|(variant, seed, record)| {
        let artifacts: BTreeMap<&str, String> = record
            .artifacts
            .iter()
            .map(|artifact| (artifact.name.as_str(), artifact.digest.to_string()))
            .collect();
        serde_json::json!([variant.as_str(), seed, record.metrics, artifacts])
    });
    Digest::of_value(&Value::Array(runs.collect()))
}

fn unknown(
    parsed: &[(Experiment, Vec<String>)],
    invalid: &[&str],
    inputs: &Inputs,
) -> Vec<Diagnostic> {
    let names = parsed.iter().map(|(experiment, _)| experiment.name.as_str());
    let known: BTreeSet<&str> = names.chain(invalid.iter().copied()).collect();
    let mut errors = Vec::new();
    for (experiment, needs) in parsed {
        let yaml = Yaml::file(&experiment.path, inputs.text(&experiment.path).unwrap_or_default());
        for (index, need) in
            needs.iter().enumerate().filter(|(_, need)| !known.contains(need.as_str()))
        {
            let place = yaml.place(&["needs", &index.to_string()]);
            let error = Diagnostic::new(place, format!("unknown experiment `{need}`"));
            errors.push(error.hint_nearest(need, known.iter().copied()));
        }
    }
    errors
}

/// One error for each cycle, at its first experiment in order of name: `a needs b needs a`.
fn loops(waiting: &[(Experiment, Vec<String>)], inputs: &Inputs) -> Vec<Diagnostic> {
    let needs: BTreeMap<&str, &[String]> = waiting
        .iter()
        .map(|(experiment, needs)| (experiment.name.as_str(), needs.as_slice()))
        .collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut errors = Vec::new();
    for (experiment, _) in waiting {
        let Some(path) = loop_through(experiment.name.as_str(), &needs) else { continue };
        if path.iter().any(|name| !seen.insert(name)) {
            continue;
        }
        let shown: Vec<String> =
            path.iter().chain(path.first()).map(|name| format!("`{name}`")).collect();
        let yaml = Yaml::file(&experiment.path, inputs.text(&experiment.path).unwrap_or_default());
        let error = Diagnostic::new(
            yaml.place(&["needs"]),
            format!("cyclic needs: {}", shown.join(" needs ")),
        );
        errors.push(
            error.hint("an experiment cannot need its own results; remove one of these needs"),
        );
    }
    errors
}

/// The shortest path from an experiment back to itself.
fn loop_through<'a>(
    start: &'a str,
    needs: &BTreeMap<&'a str, &'a [String]>,
) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([start]);
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    while let Some(way) = ways.pop_front() {
        let last = way.last().copied().unwrap_or(start);
        for need in needs.get(last).copied().unwrap_or_default() {
            if need == start {
                return Some(way);
            }
            if seen.insert(need) {
                ways.push_back(way.iter().copied().chain([need.as_str()]).collect());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::spec::parse_all;

    fn site(needs: &[(&str, &str)]) -> Inputs {
        needs.iter().fold(Inputs::default(), |inputs, (name, needs)| {
            let text = format!(
                "title: T\nrunner: {{command: [train]}}\nparams: {{rate: 1}}\nneeds: [{needs}]\n"
            );
            inputs.with(format!("experiments/{name}/experiment.yml"), text)
        })
    }

    fn fingerprint(inputs: &Inputs, name: &str) -> Fingerprint {
        let (experiments, errors) = parse_all(inputs, &|_| None);
        assert_eq!(errors, []);
        let experiment =
            experiments.iter().find(|experiment| experiment.name.as_str() == name).unwrap();
        Fingerprint::of(experiment, &experiment.variants[0], 0)
    }

    #[test]
    fn a_change_makes_all_dependents_stale() {
        let inputs = site(&[("a", "b"), ("b", "c"), ("c", ""), ("d", "")]);
        let text =
            inputs.text("experiments/c/experiment.yml").unwrap().replace("rate: 1", "rate: 2");
        let edited = inputs.clone().with("experiments/c/experiment.yml", text);
        let changed = |name| fingerprint(&inputs, name).changed_since(&fingerprint(&edited, name));
        let parts =
            |name| changed(name).into_iter().map(|changed| changed.part).collect::<Vec<_>>();
        assert_eq!(parts("a"), ["needs.b"]);
        assert_eq!(parts("b"), ["needs.c"]);
        assert_eq!(parts("c"), ["params.rate"]);
        assert_eq!(parts("d"), [""; 0]);
    }

    #[test]
    fn a_cycle_is_an_error() {
        let (_, errors) = parse_all(&site(&[("a", "b"), ("b", "c"), ("c", "b")]), &|_| None);
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let expected = "error: cyclic needs: `b` needs `c` needs `b`\n \
            --> experiments/b/experiment.yml:4:1\n\
            hint: an experiment cannot need its own results; remove one of these needs";
        assert_eq!(shown, [expected]);
    }

    #[test]
    fn an_unknown_need_names_the_nearest() {
        let (_, errors) = parse_all(&site(&[("spiral", ""), ("b", "spirol")]), &|_| None);
        let expected = "error: unknown experiment `spirol`\n --> experiments/b/experiment.yml:4:9\n\
                        hint: did you mean `spiral`?";
        assert_eq!(errors[0].to_string(), expected);
    }

    #[test]
    fn needs_are_checked_even_if_another_experiment_has_errors() {
        let inputs = site(&[("a", "broken"), ("b", "spirol"), ("c", "d"), ("d", "c")]);
        let inputs = inputs.with("experiments/broken/experiment.yml", "titel: T\n");
        let (experiments, errors) = parse_all(&inputs, &|_| None);
        let files: Vec<&str> = errors.iter().map(|error| error.place().path.as_str()).collect();
        let of = |name: &str| format!("experiments/{name}/experiment.yml");
        assert!(files.iter().filter(|file| **file == of("broken")).count() > 0, "{errors:?}");
        assert!(!files.contains(&of("a").as_str()), "{errors:?}");
        assert!(files.contains(&of("b").as_str()) && files.contains(&of("c").as_str()));
        assert_eq!(experiments.len(), 4);
    }
}
