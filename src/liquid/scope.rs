//! Variables during rendering, and paths into them. Values are borrowed where possible.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use tera::Map;

use super::Read;
use super::expression::{Operand, Step};
use super::filters::integer;
use crate::value::{self, Value, as_text};

/// All visible variables.
pub(super) struct Scope<'v> {
    /// `site`, `page` and so on.
    given: &'v [(&'v str, Value)],
    /// Variables of `assign` and `capture`, which last to the end of the body even if set in a
    /// block.
    assigned: BTreeMap<String, Value>,
    /// Variables of blocks, the innermost last.
    frames: Vec<Frame>,
    /// The numbers of `increment` and `decrement`.
    counters: BTreeMap<String, i64>,
    /// What was read of `site` and `page`, and what tags read. Few, so a list is enough.
    reads: RefCell<Vec<Read>>,
}

/// A variable of a block.
pub(super) enum Frame {
    /// A named variable.
    Variable(String, Value),
    /// A loop's variable and its state.
    Loop { variable: String, item: Value, state: LoopState },
}

/// The state of a loop.
#[derive(Debug, Clone)]
pub(super) struct LoopState {
    pub(super) index: usize,
    pub(super) count: usize,
    pub(super) columns: Columns,
    /// The variable and the list as written.
    pub(super) label: String,
}

/// The number of columns of a `tablerow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    /// Not a `tablerow`.
    None,
    /// Unlimited: one row.
    All,
    Given(usize),
}

/// The maximum length of a range such as `(1..n)`.
pub(super) const MAX_RANGE: i64 = 100_000;

impl<'v> Scope<'v> {
    pub(super) fn new(given: &'v [(&'v str, Value)]) -> Scope<'v> {
        Scope {
            given,
            assigned: BTreeMap::new(),
            frames: Vec::new(),
            counters: BTreeMap::new(),
            reads: RefCell::default(),
        }
    }

    /// Notes that the text depends on something.
    pub(super) fn note(&self, read: Read) {
        let mut reads = self.reads.borrow_mut();
        if !reads.contains(&read) {
            reads.push(read);
        }
    }

    /// Everything that was noted.
    pub(super) fn into_reads(self) -> Vec<Read> {
        self.reads.into_inner()
    }

    /// Notes what a lookup of the variable `name` and then of `rest` depends on.
    fn note_lookup(&self, name: &str, rest: &[Step<'_>]) {
        match (name, rest.first()) {
            ("site", Some(Step::Key(key))) => {
                let is_known = |read: &Read| matches!(read, Read::Site(known) if known == key);
                if !self.reads.borrow().iter().any(is_known) {
                    self.note(Read::Site((*key).to_owned()));
                }
            }
            ("site", _) => self.note(Read::WholeSite),
            ("page", Some(Step::Key("previous" | "next") | Step::Index(_)) | None) => {
                self.note(Read::Neighbours);
            }
            _ => {}
        }
    }

    /// A variable as a whole.
    pub(super) fn whole(&self, name: &str) -> Cow<'_, Value> {
        self.note_lookup(name, &[]);
        self.variable(name)
    }

    /// Sets a variable, and returns its old value.
    pub(super) fn assign(&mut self, name: &str, value: Value) -> Option<Value> {
        match self.assigned.get_mut(name) {
            Some(known) => Some(std::mem::replace(known, value)),
            None => self.assigned.insert(name.to_owned(), value),
        }
    }

    pub(super) fn push(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    pub(super) fn pop(&mut self) {
        self.frames.pop();
    }

    /// The innermost frame.
    pub(super) fn innermost(&mut self) -> Option<&mut Frame> {
        self.frames.last_mut()
    }

    /// Changes a counter by `step`, and returns its old value.
    pub(super) fn count(&mut self, name: &str, step: i64) -> i64 {
        let counter = self.counters.entry(name.to_owned()).or_insert(0);
        let before = *counter;
        *counter += step;
        before
    }

    pub(super) fn operand<'s>(&'s self, operand: &'s Operand<'_>) -> Cow<'s, Value> {
        match operand {
            Operand::Literal(value) => Cow::Borrowed(value),
            Operand::Empty | Operand::Blank => Cow::Owned(Value::from("")),
            Operand::Range(from, to) => {
                let (from, to) = self.range(from, to);
                let to = to.min(from.saturating_add(MAX_RANGE));
                Cow::Owned(Value::from((from..=to).collect::<Vec<i64>>()))
            }
            Operand::Lookup(steps) => self.lookup(steps),
        }
    }

    /// The ends of a range; anything except a number counts as 0.
    pub(super) fn range(&self, from: &Operand<'_>, to: &Operand<'_>) -> (i64, i64) {
        let end = |operand| {
            let value = self.operand(operand);
            integer(&value).or_else(|| value::as_number(&value).map(value::truncated)).unwrap_or(0)
        };
        (end(from), end(to))
    }

    fn lookup<'s>(&'s self, steps: &'s [Step<'_>]) -> Cow<'s, Value> {
        let Some((first, rest)) = steps.split_first() else {
            return Cow::Owned(Value::none());
        };
        let mut rest = rest;
        let mut value = match first {
            Step::Key(name @ ("forloop" | "tablerowloop")) => match (self.loop_state(name), rest) {
                (Some((state, outer)), [Step::Key(key), after @ ..]) => {
                    rest = after;
                    Cow::Owned(self.loop_member(state, outer, key))
                }
                (Some((state, _)), _) => Cow::Owned(state.as_value()),
                (None, _) => self.variable(name),
            },
            Step::Key(name) => {
                self.note_lookup(name, rest);
                self.variable(name)
            }
            Step::Index(operand) => {
                self.whole(&as_text(&self.operand(operand))).into_owned().into_cow()
            }
        };
        for step in rest {
            value = match (step, value) {
                (Step::Key(key), Cow::Borrowed(value)) => member(value, key),
                (Step::Key(key), Cow::Owned(value)) => member(&value, key).into_owned().into_cow(),
                (Step::Index(operand), Cow::Borrowed(value)) => {
                    index(value, &self.operand(operand))
                }
                (Step::Index(operand), Cow::Owned(value)) => {
                    index(&value, &self.operand(operand)).into_owned().into_cow()
                }
            };
        }
        value
    }

    fn variable(&self, name: &str) -> Cow<'_, Value> {
        for frame in self.frames.iter().rev() {
            match frame {
                Frame::Variable(known, value)
                | Frame::Loop { variable: known, item: value, .. }
                    if known == name =>
                {
                    return Cow::Borrowed(value);
                }
                _ => {}
            }
        }
        if let Some(value) = self.assigned.get(name) {
            return Cow::Borrowed(value);
        }
        if let Some((_, value)) = self.given.iter().find(|(known, _)| *known == name) {
            return Cow::Borrowed(value);
        }
        if let Some(&count) = self.counters.get(name) {
            return Cow::Owned(Value::from(count));
        }
        Cow::Owned(if name == "jekyll" { jekyll() } else { Value::none() })
    }

    /// Whether there is a variable with this name, even if it is nil.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(name, "forloop" | "tablerowloop" | "jekyll")
            || matches!(self.variable(name), Cow::Borrowed(_))
            || self.counters.contains_key(name)
    }

    /// The state of the innermost loop of this kind, and the number of frames outside it.
    fn loop_state(&self, name: &str) -> Option<(&LoopState, usize)> {
        self.loop_state_within(name, self.frames.len())
    }

    fn loop_state_within(&self, name: &str, frames: usize) -> Option<(&LoopState, usize)> {
        self.frames[..frames].iter().enumerate().rev().find_map(|(outer, frame)| match frame {
            Frame::Loop { state, .. }
                if (state.columns != Columns::None) == (name == "tablerowloop") =>
            {
                Some((state, outer))
            }
            _ => None,
        })
    }

    fn loop_member(&self, state: &LoopState, outer: usize, key: &str) -> Value {
        if key != "parentloop" {
            return state.member(key);
        }
        self.loop_state_within("forloop", outer)
            .map_or_else(Value::none, |(state, _)| state.as_value())
    }
}

/// Converts an owned value to a [`Cow`] in a method chain.
trait IntoCow {
    fn into_cow<'s>(self) -> Cow<'s, Value>;
}

impl IntoCow for Value {
    fn into_cow<'s>(self) -> Cow<'s, Value> {
        Cow::Owned(self)
    }
}

impl LoopState {
    fn member(&self, key: &str) -> Value {
        let LoopState { index, count, .. } = *self;
        let columns = match self.columns {
            Columns::None => None,
            Columns::All => Some(count.max(1)),
            Columns::Given(columns) => Some(columns.max(1)),
        };
        match (key, columns) {
            ("index", _) => Value::from(index + 1),
            ("index0", _) => Value::from(index),
            ("rindex", _) => Value::from(count - index),
            ("rindex0", _) => Value::from(count - index - 1),
            ("length", _) => Value::from(count),
            ("first", _) => Value::from(index == 0),
            ("last", _) => Value::from(index + 1 == count),
            ("name", None) => Value::from(self.label.as_str()),
            ("col", Some(columns)) => Value::from(index % columns + 1),
            ("col0", Some(columns)) => Value::from(index % columns),
            ("col_first", Some(columns)) => Value::from(index % columns == 0),
            ("col_last", Some(columns)) => Value::from((index + 1) % columns == 0),
            ("row", Some(columns)) => Value::from(index / columns + 1),
            _ => Value::none(),
        }
    }

    fn as_value(&self) -> Value {
        let mut map = Map::new();
        for key in ["name", "length", "index", "index0", "rindex", "rindex0", "first", "last"] {
            value::set(&mut map, key, self.member(key));
        }
        Value::from(map)
    }
}

/// The value at `key`: an entry of a map, or one of `size`, `first` and `last`.
pub(super) fn member<'v>(value: &'v Value, key: &str) -> Cow<'v, Value> {
    if let Some(found) = value::entry(value, key) {
        return Cow::Borrowed(found);
    }
    let items = value.as_array();
    let nil = || Cow::Owned(Value::none());
    match key {
        "size" => Cow::Owned(size(value)),
        "first" => match (items, value.as_map()) {
            (Some(items), _) => items.first().map_or_else(nil, Cow::Borrowed),
            (_, Some(map)) => map.iter().next().map_or_else(nil, |(key, value)| {
                Cow::Owned(Value::from(vec![key.as_value(), value.clone()]))
            }),
            _ => nil(),
        },
        "last" => items.and_then(<[Value]>::last).map_or_else(nil, Cow::Borrowed),
        _ => nil(),
    }
}

/// The number of characters, items or entries; for an integer, as in Ruby, of bytes.
pub(super) fn size(value: &Value) -> Value {
    match (value.as_array(), value.as_map(), value.as_str()) {
        (Some(items), _, _) => Value::from(items.len()),
        (_, Some(map), _) => Value::from(map.len()),
        (_, _, Some(text)) => Value::from(text.chars().count()),
        _ if value.as_i64().is_some() && !value::is_float(value) => Value::from(8),
        _ => Value::none(),
    }
}

fn index<'v>(value: &'v Value, at: &Value) -> Cow<'v, Value> {
    let whole = if value::is_float(at) { None } else { at.as_i64() };
    let (Some(items), Some(at)) = (value.as_array(), whole) else {
        return value::entry(value, &as_text(at))
            .map_or_else(|| Cow::Owned(Value::none()), Cow::Borrowed);
    };
    let at = if at < 0 { at + i64::try_from(items.len()).unwrap_or(i64::MAX) } else { at };
    let found = usize::try_from(at).ok().and_then(|at| items.get(at));
    found.map_or_else(|| Cow::Owned(Value::none()), Cow::Borrowed)
}

/// The items of a loop over the value: pairs of key and value for a map, the string itself for a
/// string.
pub(super) fn items_of(value: &Value) -> Vec<Value> {
    if let Some(items) = value.as_array() {
        return items.to_vec();
    }
    if let Some(map) = value.as_map() {
        return map
            .iter()
            .map(|(key, value)| Value::from(vec![key.as_value(), value.clone()]))
            .collect();
    }
    match value.as_str() {
        Some("") | None => Vec::new(),
        Some(_) => vec![value.clone()],
    }
}

/// `jekyll`, which themes use to detect production builds: labpress always is one.
fn jekyll() -> Value {
    let mut map = Map::new();
    value::set(&mut map, "environment", "production");
    value::set(&mut map, "version", "4.3.1");
    Value::from(map)
}
