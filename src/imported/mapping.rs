//! Which variant and which seed a run of another program is: by options, by its parameters, or by its name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Logged, Options, Run, numbers};
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;
use crate::experiment::Name;

/// Parameters that are the seed, in the order in which they are looked for.
const SEEDS: [&str; 6] =
    ["seed", "random_seed", "random-seed", "random_state", "rng_seed", "manual_seed"];
/// Words before the number of a run in its name.
const WORDS: [&str; 8] = ["seed", "s", "run", "rep", "repeat", "trial", "version", "fold"];
/// The variant of runs whose names are only numbers.
const ONLY: &str = "default";

/// Gives each run a variant and a seed.
pub(super) fn mapped(logged: Vec<Logged>, options: &Options) -> Result<Vec<Run>, Diagnostic> {
    let called: Vec<(String, Option<u64>)> = logged.iter().map(name_and_number).collect();
    let mut placed: Vec<(Name, Option<u64>, Logged)> = Vec::new();
    for (mut run, (name, number)) in logged.into_iter().zip(&called) {
        let of_param = seed_of_param(&run, options)?;
        if let Some((param, _)) = &of_param {
            run.params.remove(param);
        }
        let of_param = of_param.map(|(_, seed)| seed);
        // A number without a word is the seed if it counts the runs with the rest of the name.
        let others = called.iter().filter(|(other, _)| other == name);
        let counts: BTreeSet<Option<u64>> = others.map(|(_, number)| *number).collect();
        let is_counted = counts.iter().any(|number| matches!(number, Some(0 | 1)));
        let (stem, word) = without_word(&run.name);
        let (stem, of_name) = match word {
            Some(seed) => (stem, Some(seed)),
            None if of_param.is_some() => (without_number(&run.name, of_param), None),
            None if is_counted && !run.has_name_of_variant => (name.clone(), *number),
            None => (run.name.clone(), None),
        };
        let stem = if run.has_name_of_variant { run.name.clone() } else { stem };
        let variant = match (&options.variant, &options.variant_from[..]) {
            (Some(variant), _) => variant.clone(),
            (None, []) if stem.chars().any(char::is_alphanumeric) => Name::nearest_to(&stem),
            (None, []) => Name::nearest_to(ONLY),
            (None, params) => of_params(&run, params)?,
        };
        placed.push((variant, options.seed.or(of_param).or(of_name), run));
    }
    numbered(placed)
}

/// Runs without a seed are numbered, in order of when they ended.
fn numbered(mut named: Vec<(Name, Option<u64>, Logged)>) -> Result<Vec<Run>, Diagnostic> {
    named.sort_by(|(a, _, one), (b, _, other)| {
        (a, one.ended, &one.source).cmp(&(b, other.ended, &other.source))
    });
    let mut runs: Vec<Run> = Vec::new();
    for of_variant in named.chunk_by_mut(|(a, ..), (b, ..)| a == b) {
        let mut taken: BTreeSet<u64> = of_variant.iter().filter_map(|(_, seed, _)| *seed).collect();
        for (_, seed, _) in of_variant.iter_mut().filter(|(_, seed, _)| seed.is_none()) {
            let mut free = 0;
            while taken.contains(&free) {
                free += 1;
            }
            taken.insert(free);
            *seed = Some(free);
        }
        let shared = shared_params(of_variant.iter().map(|(.., run)| &run.params));
        for (variant, seed, run) in of_variant {
            runs.push(finished(
                variant.clone(),
                seed.unwrap_or_default(),
                std::mem::take(run),
                &shared,
            ));
        }
    }
    runs.sort_by(|a, b| (&a.variant, a.seed).cmp(&(&b.variant, b.seed)));
    let twice = runs
        .windows(2)
        .find(|pair| (&pair[0].variant, pair[0].seed) == (&pair[1].variant, pair[1].seed));
    match twice {
        Some([one, other]) => {
            let message = format!(
                "this run and `{}` are both seed {} of `{}`",
                one.source, one.seed, one.variant
            );
            Err(Diagnostic::new(Place::file(&other.source), message).hint(
                "name what tells the variants apart, with `--variant-from PARAM`, or the parameter with the \
                 seed, with `--seed-from PARAM`",
            ))
        }
        _ => Ok(runs),
    }
}

fn finished(variant: Name, seed: u64, run: Logged, params: &BTreeMap<String, Value>) -> Run {
    let digest = match &run.digests[..] {
        [only] => Digest::of(only.as_bytes()),
        all => Digest::of(all.concat().as_bytes()),
    };
    let numbers = numbers(run.points);
    Run {
        variant,
        seed,
        source: run.source,
        params: params.clone(),
        metrics: numbers.metrics,
        series: numbers.series,
        diverged: numbers.diverged,
        seconds: run.seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
        ended: run.ended,
        digest,
    }
}

/// The parameters that all runs of a variant have with the same values. Others, such as the name of an
/// output folder, say nothing about the variant.
fn shared_params<'a>(
    all: impl Iterator<Item = &'a BTreeMap<String, Value>>,
) -> BTreeMap<String, Value> {
    let mut all = all;
    let mut shared = all.next().cloned().unwrap_or_default();
    for params in all {
        shared.retain(|name, value| params.get(name) == Some(value));
    }
    // The title of a variant is not a parameter.
    shared.remove("title");
    shared
}

/// The parameter that is the seed, and the seed.
fn seed_of_param(run: &Logged, options: &Options) -> Result<Option<(String, u64)>, Diagnostic> {
    let whole = |param: &str| value_at(&run.params, param).and_then(Value::as_u64);
    match &options.seed_from {
        Some(param) => whole(param).map(|seed| Some((param.clone(), seed))).ok_or_else(|| {
            let message = format!("the run has no parameter `{param}` that is a whole number");
            Diagnostic::new(Place::file(&run.source), message)
                .hint_nearest(param, run.params.keys().map(String::as_str))
        }),
        None => Ok(SEEDS.into_iter().find_map(|param| Some((param.to_owned(), whole(param)?)))),
    }
}

/// The parameter with this name, or with dots in it.
fn value_at<'a>(params: &'a BTreeMap<String, Value>, name: &str) -> Option<&'a Value> {
    params.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        let mut value = params.get(outer)?;
        for key in inner.split('.') {
            value = value.get(key)?;
        }
        Some(value)
    })
}

/// The name of a variant by parameters: `adam`, `lr-0-1`, `adam-lr-0-1`.
fn of_params(run: &Logged, params: &[String]) -> Result<Name, Diagnostic> {
    let mut parts = Vec::new();
    for param in params {
        let value = value_at(&run.params, param).ok_or_else(|| {
            let message = format!("the run has no parameter `{param}`");
            Diagnostic::new(Place::file(&run.source), message)
                .hint_nearest(param, run.params.keys().map(String::as_str))
        })?;
        let last = param.rsplit('.').next().unwrap_or(param);
        parts.push(match value {
            Value::String(text) => text.clone(),
            value => format!("{last}-{value}"),
        });
    }
    Ok(Name::nearest_to(&parts.join("-")))
}

/// A name without the word and number of a seed, such as `adam-seed0` or `adam/version_3`, and that
/// number.
fn without_word(name: &str) -> (String, Option<u64>) {
    let mut parts: Vec<&str> =
        name.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').collect();
    for at in (0..parts.len()).rev() {
        let word = parts[at].trim_end_matches(|c: char| c.is_ascii_digit());
        let is_word = WORDS.contains(&word.to_ascii_lowercase().as_str());
        let number = &parts[at][word.len()..];
        if is_word && !number.is_empty() {
            let number = number.parse().ok();
            parts.remove(at);
            return (parts.join("-"), number);
        }
        let next = parts.get(at + 1).and_then(|next| next.parse().ok());
        if is_word && next.is_some() {
            parts.drain(at..at + 2);
            return (parts.join("-"), next);
        }
    }
    (name.to_owned(), None)
}

/// A name without the number at its end, and that number.
fn name_and_number(run: &Logged) -> (String, Option<u64>) {
    let stem = run.name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &run.name[stem.len()..];
    let is_apart = stem.is_empty() || stem.ends_with(['-', '_', '/', ' ', '.']);
    if number.is_empty() || !is_apart {
        return (run.name.clone(), None);
    }
    (stem.trim_end_matches(['-', '_', '/', ' ', '.']).to_owned(), number.parse().ok())
}

/// A name without the number at its end if that is the seed.
fn without_number(name: &str, seed: Option<u64>) -> String {
    let (stem, number) = name_and_number(&Logged::of("", name));
    if number == seed { stem } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &[&str]) {
        let logged = names.iter().map(|name| Logged::of(name, name)).collect();
        let runs = mapped(logged, &Options::default()).unwrap();
        let found: Vec<String> =
            runs.iter().map(|run| format!("{} {}", run.variant, run.seed)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_word_with_a_number_is_the_seed() {
        check(&["adam-seed0", "adam-seed1", "sgd/seed_7"], &["adam 0", "adam 1", "sgd 7"]);
        check(
            &["lightning_logs/version_0", "lightning_logs/version_1"],
            &["lightning-logs 0", "lightning-logs 1"],
        );
    }

    #[test]
    fn a_number_at_the_end_is_the_seed_if_it_counts_runs() {
        check(&["adam_0", "adam_1", "sgd_0"], &["adam 0", "adam 1", "sgd 0"]);
        check(&["resnet-18", "resnet-50"], &["resnet-18 0", "resnet-50 0"]);
        check(&["0", "1", "2"], &["default 0", "default 1", "default 2"]);
    }

    #[test]
    fn runs_of_one_name_are_numbered() {
        let mut later = Logged::of("a", "net");
        later.ended_at(2e9);
        let mut first = Logged::of("b", "net");
        first.ended_at(1e9);
        let runs = mapped(vec![later, first], &Options::default()).unwrap();
        assert_eq!(runs.iter().map(|run| run.source.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn two_runs_with_the_same_place_are_an_error() {
        let logged = ["a-seed1", "a_seed1"].map(|name| Logged::of(name, name));
        let error = mapped(logged.into(), &Options::default()).unwrap_err();
        assert!(error.message().contains("are both seed 1 of `a`"), "{error}");
    }
}
