//! Records where the time of a build goes, for `labpress build --timings`.
//!
//! ```ignore
//! let _span = timings::span("render bodies");
//! ```
//!
//! A span lasts until it is dropped. Nothing is recorded, and the clock is not read, before the
//! program calls [`start`]: recording is for people who look at it, and what a build makes never
//! depends on it.
#![expect(
    clippy::disallowed_methods,
    reason = "spans read the clock, and no part of a build can read them"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A stretch of time on one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What was done.
    pub name: &'static str,
    /// What it was done to, such as a page; may be empty.
    pub of: String,
    /// The number of the thread, from 0.
    pub thread: usize,
    /// When it started, since recording started.
    pub start: Duration,
    /// How long it took.
    pub length: Duration,
}

/// A stretch of time that ends when this is dropped.
#[must_use = "a span ends when it is dropped"]
pub struct Span(Option<Open>);

struct Open {
    name: &'static str,
    of: String,
    start: Duration,
}

struct Recorder {
    started: Instant,
    spans: Mutex<Vec<Recorded>>,
}

static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// Starts recording.
pub fn start() {
    RECORDER.get_or_init(|| Recorder { started: Instant::now(), spans: Mutex::new(Vec::new()) });
}

/// A span that is recorded when it is dropped, if recording has started.
pub fn span(name: &'static str) -> Span {
    span_of(name, "")
}

/// The same for something that is done to many things: `of` is one of them.
pub fn span_of(name: &'static str, of: &str) -> Span {
    Span(RECORDER.get().map(|recorder| Open {
        name,
        of: of.to_owned(),
        start: recorder.started.elapsed(),
    }))
}

impl Drop for Span {
    fn drop(&mut self) {
        let (Some(Open { name, of, start }), Some(recorder)) = (self.0.take(), RECORDER.get())
        else {
            return;
        };
        let length = recorder.started.elapsed().saturating_sub(start);
        let span = Recorded { name, of, thread: this_thread(), start, length };
        recorder.spans.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }
}

/// The number of this thread: threads are numbered in the order of their first spans.
fn this_thread() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

/// Everything that was recorded so far, in order of start.
pub fn recorded() -> Vec<Recorded> {
    let Some(recorder) = RECORDER.get() else { return Vec::new() };
    let mut spans = recorder.spans.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // Of spans that start together, the longer one is around the other.
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.length)));
    spans
}

/// What all spans of one name took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// How many there were.
    pub count: usize,
    /// The sum of their lengths, over all threads.
    pub length: Duration,
    /// The same without the spans inside them, on the same thread.
    pub own: Duration,
}

/// The totals by name.
pub fn totals(spans: &[Recorded]) -> BTreeMap<&'static str, Total> {
    let mut totals: BTreeMap<&str, Total> = BTreeMap::new();
    let mut open: BTreeMap<usize, Vec<&Recorded>> = BTreeMap::new();
    for span in spans {
        let outer = open.entry(span.thread).or_default();
        while outer.pop_if(|outer| outer.start + outer.length <= span.start).is_some() {}
        if let Some(outer) = outer.last() {
            let own = &mut totals.entry(outer.name).or_default().own;
            *own = own.saturating_sub(span.length);
        }
        outer.push(span);
        let total = totals.entry(span.name).or_default();
        total.count += 1;
        total.length += span.length;
        total.own += span.length;
    }
    totals
}

/// The spans in the format of Chrome's tracing, which `chrome://tracing` and Perfetto show.
pub fn chrome_trace(spans: &[Recorded]) -> Value {
    let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
    let events = spans.iter().map(|span| {
        json!({
            "ph": "X", "pid": 1, "tid": span.thread, "name": span.name,
            "ts": microseconds(span.start), "dur": microseconds(span.length),
            "args": {"of": span.of},
        })
    });
    json!({"traceEvents": events.collect::<Vec<Value>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded_at(name: &'static str, thread: usize, start: u64, length: u64) -> Recorded {
        let (start, length) = (Duration::from_millis(start), Duration::from_millis(length));
        Recorded { name, of: String::new(), thread, start, length }
    }

    #[test]
    fn time_inside_another_span_of_the_thread_is_not_its_own() {
        let spans = [
            recorded_at("build", 0, 0, 100),
            recorded_at("render", 0, 10, 50),
            recorded_at("page", 0, 10, 20),
            recorded_at("page", 1, 15, 30),
            recorded_at("page", 0, 30, 10),
            recorded_at("write", 0, 60, 40),
        ];
        let of = |name| {
            let Total { count, length, own } = totals(&spans)[name];
            (count, length.as_millis(), own.as_millis())
        };
        assert_eq!(of("build"), (1, 100, 10));
        assert_eq!(of("render"), (1, 50, 20));
        assert_eq!(of("page"), (3, 60, 60));
        assert_eq!(of("write"), (1, 40, 40));
    }

    #[test]
    fn a_trace_has_an_event_for_each_span() {
        let trace = chrome_trace(&[recorded_at("page", 1, 2, 3)]);
        let expected = json!({"traceEvents": [
            {"ph": "X", "pid": 1, "tid": 1, "name": "page", "ts": 2000.0, "dur": 3000.0, "args": {"of": ""}},
        ]});
        assert_eq!(trace, expected);
    }
}
