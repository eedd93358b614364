//! What open pages are told: the present version, what is wrong with the site, and how runs are
//! doing.
//!
//! A page says what it has, and each message says everything that differs from that. So a page that
//! was asleep, or that an earlier session served, catches up with one message.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::files::{decoded, percent_decoded};
use super::http::Events;
use super::version::{Found, Version};
use crate::diagnostic::Diagnostic;
use crate::site::Unpublished;

/// How often to look whether a page is still open.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How many pages are told at once. A browser has six connections to a host for all its windows;
/// of more pages than this, each is told in turn, because a page that is cut off asks again.
const MOST_PAGES: usize = 4;
/// After how many looks a page that says nothing is sent something.
const PING_AFTER: u32 = 10;

/// Something that is wrong with the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `_posts/2026-01-31-title.md:3:1`; `None` if it is in no file.
    pub place: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do, if known.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", self.message)?;
        if let Some(place) = &self.place {
            write!(out, "\n --> {place}")?;
        }
        match &self.hint {
            Some(hint) => write!(out, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<&Diagnostic> for Problem {
    fn from(diagnostic: &Diagnostic) -> Problem {
        Problem {
            place: Some(diagnostic.place().to_string()),
            message: diagnostic.message().to_owned(),
            hint: diagnostic.hinted().map(str::to_owned),
        }
    }
}

/// The state that the main thread changes, and connections read.
pub(super) struct Live {
    /// Names this session: numbers of versions start again in the next one.
    pub(super) session: String,
    state: Mutex<State>,
    changed: Condvar,
}

/// What pages are told.
#[derive(Default)]
struct State {
    version: Arc<Version>,
    problems: Vec<Problem>,
    runs: Value,
    /// Counts the changes of this state.
    turn: u64,
    /// The pages that are told, the one that has been for the longest first.
    pages: VecDeque<u64>,
    /// Counts the pages so far.
    page_count: u64,
}

/// What a page says of itself.
struct Page {
    /// Its decoded path.
    path: String,
    session: String,
    version: u64,
}

impl Live {
    pub(super) fn new(session: String) -> Live {
        Live { session, state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present version.
    pub(super) fn version(&self) -> Arc<Version> {
        Arc::clone(&self.state().version)
    }

    /// Changes the state and tells all pages.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.turn += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Replaces the present version with one without errors.
    pub(super) fn publish(&self, version: Version) {
        self.change(|state| {
            state.version = Arc::new(version);
            state.problems.clear();
        });
    }

    /// Keeps the present version and shows what prevents the next one.
    pub(super) fn report(&self, problems: Vec<Problem>) {
        if self.state().problems != problems {
            self.change(|state| state.problems = problems);
        }
    }

    /// Replaces what is known about runs.
    pub(super) fn report_runs(&self, runs: Value) {
        if self.state().runs != runs {
            self.change(|state| state.runs = runs);
        }
    }

    /// Tells a page everything that it has to know until it is closed.
    pub(super) fn follow(&self, query: &str, mut events: Events) {
        let page = Page::of(query);
        let mut told = None;
        let mut looks = 0;
        let own = self.admitted();
        loop {
            let state = self.state();
            if !state.pages.contains(&own) {
                return;
            }
            if told != Some(state.turn) {
                told = Some(state.turn);
                let message = self.message(&state, &page).to_string();
                drop(state);
                if events.send(&message).is_err() {
                    break;
                }
                looks = 0;
                continue;
            }
            let waited = self.changed.wait_timeout(state, LOOK_EVERY);
            let (state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            drop(state);
            if !waited.timed_out() {
                continue;
            }
            looks += 1;
            if events.is_closed() || looks % PING_AFTER == 0 && events.ping().is_err() {
                break;
            }
        }
        self.state().pages.retain(|page| *page != own);
    }

    /// The number of a page that is told from now on.
    fn admitted(&self) -> u64 {
        let mut state = self.state();
        state.page_count += 1;
        let own = state.page_count;
        state.pages.push_back(own);
        if state.pages.len() > MOST_PAGES {
            state.pages.pop_front();
            drop(state);
            self.changed.notify_all();
        }
        own
    }

    fn message(&self, state: &State, page: &Page) -> Value {
        let version = &state.version;
        // A page of another session has nothing of this one.
        let has = if page.session == self.session { page.version } else { 0 };
        let file = match version.find(&page.path) {
            Found::File(file) => Some(file),
            Found::Folder | Found::Nothing => None,
        };
        let file = file.as_deref();
        let shown = file.unwrap_or("404.html");
        let files: serde_json::Map<String, Value> = version
            .changed_since(has)
            .map(|(file, at)| (format!("{}/{file}", version.base_url), json!(at)))
            .collect();
        let marks: serde_json::Map<String, Value> =
            version.unpublished().map(|(url, why)| (url, json!(word(why)))).collect();
        let problems: Vec<Value> = state
            .problems
            .iter()
            .map(|problem| {
                json!({
                    "place": problem.place, "message": problem.message, "hint": problem.hint,
                })
            })
            .collect();
        json!({
            "session": self.session,
            "version": version.number,
            "page": version.changed_at(shown).unwrap_or(version.number.min(1)),
            "missing": file.is_none(),
            "moved": version.moved(&page.path),
            "files": files,
            "mark": file.and_then(|file| version.why_unpublished(file)).map(word),
            "marks": marks,
            "problems": problems,
            "runs": state.runs,
        })
    }
}

fn word(why: Unpublished) -> &'static str {
    match why {
        Unpublished::Draft => "draft",
        Unpublished::Future => "future",
        Unpublished::Hidden => "unpublished",
    }
}

impl Page {
    /// Reads `page=/a/&session=…&version=3`. What is missing or invalid counts as unknown.
    fn of(query: &str) -> Page {
        let value = |name: &str| {
            let mut values = query.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = values.find(|(other, _)| *other == name)?;
            percent_decoded(value)
        };
        Page {
            path: value("page").and_then(|page| decoded(&page)).unwrap_or_default(),
            session: value("session").unwrap_or_default(),
            version: value("version").and_then(|version| version.parse().ok()).unwrap_or(0),
        }
    }
}
