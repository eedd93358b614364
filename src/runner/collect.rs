//! Turns the events of a run into its result. What is missing or invalid is found here, before
//! anything is recorded.

use std::collections::BTreeMap;

use labpress_runner::protocol::{ArtifactKind, Diverged, Event, NotFinite};
use serde_json::Value;

use crate::diagnostic::without_place;
use crate::experiment::{is_windows_device, name_rule};

/// What a run that succeeded or diverged has reported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Collected {
    /// Facts about where it ran.
    pub environment: BTreeMap<String, String>,
    /// Results, by name.
    pub metrics: BTreeMap<String, f64>,
    /// Durations and speeds, by name.
    pub timing: BTreeMap<String, f64>,
    /// Numbers over the course of the run.
    pub series: BTreeMap<String, Vec<(u64, f64)>>,
    /// The files it made: name → (path under the run's folder, kind).
    pub artifacts: BTreeMap<String, (String, ArtifactKind)>,
    /// The number that was not finite, if one was.
    pub diverged: Option<Diverged>,
}

/// Reads one line of `events.jsonl`, or returns what is wrong with it.
///
/// A metric that is not finite, as Python's `json.dumps` writes it (`NaN`) or as a string
/// (`"NaN"`), is read as [`Event::Diverged`].
pub fn event(line: &str) -> Result<Event, String> {
    let event: Event = match serde_json::from_str(line) {
        Ok(event) => event,
        Err(error) => not_finite(line)?.ok_or_else(|| {
            format!("{}: {}", excerpt(without_place(&error.to_string())), excerpt(line))
        })?,
    };
    match &event {
        Event::Metric { name, .. } | Event::Diverged(Diverged { metric: name, .. })
            if !is_name(name) =>
        {
            Err(format!("invalid name of a metric: `{name}`"))
        }
        Event::Artifact { name, .. } if !is_name(name) => {
            Err(format!("invalid name of an artifact: `{name}`"))
        }
        Event::Artifact { name, .. } if is_windows_device(name) => {
            Err(format!("invalid name of an artifact: `{name}`: {}", name_rule(name)))
        }
        Event::Artifact { path, .. } if !is_inside(path) => {
            Err(format!("the artifact's path `{path}` is not inside the run's folder"))
        }
        _ => Ok(event),
    }
}

/// The beginning of a string, for messages: at most 200 characters, without control characters.
pub(super) fn excerpt(text: &str) -> String {
    let end = text.char_indices().nth(200).map_or(text.len(), |(end, _)| end);
    let visible =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let more = if end < text.len() { "…" } else { "" };
    text[..end].chars().map(visible).collect::<String>() + more
}

/// The line as a metric whose value is not finite; `None` if it is something else.
fn not_finite(line: &str) -> Result<Option<Event>, String> {
    let Ok(mut value) = serde_json::from_str::<Value>(&with_quoted_numbers(line)) else {
        return Ok(None);
    };
    let Some(number) = value.get_mut("value") else { return Ok(None) };
    let Ok(not_finite) = serde_json::from_value::<NotFinite>(number.take()) else {
        return Ok(None);
    };
    *number = Value::from(0);
    match serde_json::from_value(value) {
        Ok(Event::Metric { name, timing: true, .. }) => {
            Err(format!("the time or speed `{name}` is not finite: {}", excerpt(line)))
        }
        Ok(Event::Metric { name, step, timing: false, .. }) => {
            Ok(Some(Event::Diverged(Diverged { metric: name, step, value: Some(not_finite) })))
        }
        _ => Ok(None),
    }
}

/// The line with quotes around each `NaN`, `Infinity` and `-Infinity` outside strings, which are
/// not JSON.
fn with_quoted_numbers(line: &str) -> String {
    let mut written = String::with_capacity(line.len() + 8);
    let mut rest = line;
    let mut is_in_string = false;
    while let Some(c) = rest.chars().next() {
        let number = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|name| !is_in_string && rest.starts_with(name));
        let (taken, after) = match number {
            Some(number) => rest.split_at(number.len()),
            // A backslash and the character it escapes.
            None if is_in_string && c == '\\' => {
                rest.split_at(rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at))
            }
            None => rest.split_at(c.len_utf8()),
        };
        is_in_string ^= c == '"';
        match number {
            Some(number) => written.extend(["\"", number, "\""]),
            None => written.push_str(taken),
        }
        rest = after;
    }
    written
}

/// Collects the events of a run, or returns what is missing. If the run was resumed, a later event
/// replaces an earlier one with the same name and step. If it diverged, only what it reported before
/// counts.
pub fn collect(events: &[Event]) -> Result<Collected, String> {
    let mut collected = Collected::default();
    let mut series: BTreeMap<String, BTreeMap<u64, f64>> = BTreeMap::new();
    for event in events {
        match event.clone() {
            Event::Start { environment, .. } => collected.environment = environment,
            Event::Metric { name, step: Some(step), value, .. } => {
                series.entry(name).or_default().insert(step, value);
            }
            Event::Metric { name, step: None, value, timing: true } => {
                collected.timing.insert(name, value);
            }
            Event::Metric { name, step: None, value, timing: false } => {
                collected.metrics.insert(name, value);
            }
            Event::Artifact { name, path, kind } => {
                drop(collected.artifacts.insert(name, (path, kind)));
            }
            Event::Diverged(diverged) => {
                collected.diverged = Some(diverged);
                break;
            }
            Event::Progress { .. } | Event::Note { .. } | Event::Done => {}
        }
    }
    if !matches!(events.first(), Some(Event::Start { .. })) {
        return Err("its first event is not `start`".to_owned());
    }
    let has_diverged = collected.diverged.is_some();
    if !has_diverged && !matches!(events.last(), Some(Event::Done)) {
        return Err("it exited without the event `done`".to_owned());
    }
    if !has_diverged && collected.metrics.is_empty() && series.is_empty() {
        return Err("it reported no metric".to_owned());
    }
    collected.series =
        series.into_iter().map(|(name, points)| (name, points.into_iter().collect())).collect();
    Ok(collected)
}

/// Names are used in tags, between dots and white space.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@'))
    };
    name.split('.').all(is_part)
}

fn is_inside(path: &str) -> bool {
    let mut parts = std::path::Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, std::path::Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(lines: &str) -> Result<Collected, String> {
        let events: Vec<Event> = lines.lines().map(event).collect::<Result<_, _>>()?;
        collect(&events)
    }

    #[track_caller]
    fn check_error(lines: &str, expected: &str) {
        assert_eq!(events(lines).unwrap_err(), expected);
    }

    const START: &str = r#"{"event":"start","environment":{"device":"cpu"}}"#;

    #[test]
    fn events_are_collected_by_name_and_step() {
        let lines = format!(
            "{START}\n{}\n{}\n{}\n{}",
            r#"{"event":"metric","name":"train.loss","step":1,"value":0.5}"#,
            r#"{"event":"metric","name":"accuracy","value":0.9}"#,
            r#"{"event":"metric","name":"seconds","value":3,"timing":true}"#,
            r#"{"event":"done"}"#
        );
        let collected = events(&lines).unwrap();
        assert_eq!(collected.series["train.loss"], [(1, 0.5)]);
        assert_eq!(collected.metrics, BTreeMap::from([("accuracy".to_owned(), 0.9)]));
        assert_eq!(collected.timing, BTreeMap::from([("seconds".to_owned(), 3.0)]));
    }

    #[test]
    fn in_a_resumed_run_the_later_event_counts() {
        let metric =
            |value| format!(r#"{{"event":"metric","name":"loss","step":2,"value":{value}}}"#);
        let lines = format!(
            "{START}\n{}\n{START}\n{}\n{}",
            metric(0.7),
            metric(0.6),
            r#"{"event":"done"}"#
        );
        assert_eq!(events(&lines).unwrap().series["loss"], [(2, 0.6)]);
    }

    #[test]
    fn a_run_without_the_event_done_has_failed() {
        check_error(START, "it exited without the event `done`");
    }

    #[track_caller]
    fn check_diverged(line: &str, expected: &str) {
        let metric = r#"{"event":"metric","name":"loss","step":1,"value":0.5}"#;
        let collected = events(&format!("{START}\n{metric}\n{line}\n{metric}")).unwrap();
        assert_eq!(collected.series["loss"], [(1, 0.5)]);
        assert_eq!(collected.diverged.unwrap().phrase("step"), expected);
    }

    #[test]
    fn a_metric_that_is_not_finite_makes_the_run_diverge() {
        for (value, became) in [
            ("NaN", "NaN"),
            ("Infinity", "infinite"),
            ("-Infinity", "minus infinite"),
            ("\"NaN\"", "NaN"),
        ] {
            let line =
                format!(r#"{{"event": "metric", "name": "loss", "step": 300, "value": {value}}}"#);
            check_diverged(&line, &format!("diverged: `loss` became {became} at step 300"));
        }
        check_diverged(
            r#"{"event":"metric","name":"loss","value":NaN}"#,
            "diverged: `loss` became NaN",
        );
    }

    #[test]
    fn a_runner_may_report_that_it_diverged() {
        check_diverged(
            r#"{"event":"diverged","metric":"loss","step":3,"value":"Infinity"}"#,
            "diverged: `loss` became infinite at step 3",
        );
        check_diverged(
            r#"{"event":"diverged","metric":"loss"}"#,
            "diverged: `loss` became NaN or infinite",
        );
    }

    #[test]
    fn nan_in_a_string_or_another_field_is_not_a_number() {
        let note = r#"{"event":"note","text":"a \" NaN \\"}"#;
        assert_eq!(event(note), Ok(Event::Note { text: "a \" NaN \\".to_owned() }));
        assert_eq!(with_quoted_numbers(note), note);
        for line in [
            r#"{"event":"metric","name":"loss","value":NaN,"extra":1}"#,
            r#"{"event":"progress","step":NaN,"of":2}"#,
            r#"{"event":"metric","name":"loss","value":"none"}"#,
            r#"{"event":"metric","name":"lo ss","value":NaN}"#,
        ] {
            assert!(event(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_duration_that_is_not_finite_is_rejected() {
        let line = r#"{"event":"metric","name":"speed","value":Infinity,"timing":true}"#;
        check_error(line, &format!("the time or speed `speed` is not finite: {line}"));
    }

    #[test]
    fn an_artifact_outside_the_folder_is_rejected() {
        check_error(
            r#"{"event":"artifact","name":"x","path":"../x","kind":"image"}"#,
            "the artifact's path `../x` is not inside the run's folder",
        );
    }

    #[test]
    fn an_artifact_with_the_name_of_a_windows_device_is_rejected() {
        let error = event(r#"{"event":"artifact","name":"aux.table","path":"x","kind":"table"}"#)
            .unwrap_err();
        assert!(error.contains("Windows"), "{error}");
    }

    #[test]
    fn an_unknown_event_is_rejected() {
        assert!(event(r#"{"event":"begin"}"#).unwrap_err().starts_with("unknown variant `begin`"));
    }
}
