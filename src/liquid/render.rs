//! Runs a parsed body: nodes and variables → text.

use std::collections::BTreeMap;
use std::fmt::Write;

use tera::Map;
use tera::value::Key;

use super::parse::{Comparison, Condition, Expression, For, Join, Loop, Node, Operand, Step, Test};
use super::{Body, Environment, Expanded, filters};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::experiment::results::Results;
use crate::figure;
use crate::value::{self, Value, as_text, is_nil};

/// How deep includes may include.
const MAX_INCLUDES: usize = 40;
/// How many items a range such as `(1..n)` may have.
const MAX_RANGE: i64 = 100_000;
/// How large an expanded body may become, in bytes. Loops in loops would fill the memory otherwise.
const MAX_OUTPUT: usize = 16 << 20;
/// How many nodes a body may run. A page that shows every post under each of its tags runs some hundred thousand.
const MAX_STEPS: usize = 5_000_000;

/// Runs `nodes`. Reports all faults.
pub(super) fn render(
    body: Body<'_>,
    nodes: &[Node<'_>],
    variables: &[(&str, Value)],
    environment: &Environment<'_>,
) -> Result<Expanded, Vec<Diagnostic>> {
    let globals = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let mut run = Run {
        environment,
        results: environment.results.shown_in(body.path),
        frames: vec![globals],
        counters: BTreeMap::new(),
        cycles: BTreeMap::new(),
        written: 0,
        steps: 0,
        is_given_up: false,
        includes: 0,
        expanded: Expanded::default(),
        faults: Vec::new(),
    };
    let mut text = String::with_capacity(body.text.len());
    run.nodes(body, nodes, &mut text);
    if run.faults.is_empty() {
        Ok(Expanded { text, ..run.expanded })
    } else {
        run.faults.sort();
        run.faults.dedup();
        Err(run.faults)
    }
}

/// What a body has made so far.
pub(super) struct Run<'e, 'a> {
    pub(super) environment: &'e Environment<'a>,
    /// What the body shows: an included file shows what the page does that includes it.
    results: &'e Results<'a>,
    /// Variables, the innermost last. The first frame holds what `assign` and `capture` make as well.
    frames: Vec<BTreeMap<String, Value>>,
    counters: BTreeMap<String, i64>,
    cycles: BTreeMap<String, usize>,
    /// Bytes written by all nodes, those of inner nodes counted again.
    written: usize,
    steps: usize,
    is_given_up: bool,
    includes: usize,
    expanded: Expanded,
    faults: Vec<Diagnostic>,
}

/// How a run of nodes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl Run<'_, '_> {
    fn nodes(&mut self, body: Body<'_>, nodes: &[Node<'_>], out: &mut String) -> Flow {
        for node in nodes {
            let before = out.len();
            let flow = self.node(body, node, out);
            self.written += out.len().saturating_sub(before);
            if self.is_exhausted(body) {
                return Flow::Break;
            }
            if flow != Flow::On {
                return flow;
            }
        }
        Flow::On
    }

    fn node(&mut self, body: Body<'_>, node: &Node<'_>, out: &mut String) -> Flow {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Output(expression, at) => {
                let value = self.expression(body, expression, *at);
                match value.as_str() {
                    Some(text) => out.push_str(text),
                    None => out.push_str(&as_text(&value)),
                }
            }
            Node::Assign { name, value, at } => {
                let value = self.expression(body, value, *at);
                self.assign(name, value);
            }
            Node::Capture { name, body: inside } => {
                let mut captured = String::new();
                let flow = self.nodes(body, inside, &mut captured);
                self.assign(name, Value::from(captured));
                return flow;
            }
            Node::If { branches, otherwise } => {
                let chosen = branches.iter().find(|(condition, _)| self.condition(condition));
                return self.nodes(body, chosen.map_or(otherwise, |(_, inside)| inside), out);
            }
            Node::Case { subject, branches, otherwise } => {
                let subject = self.operand(subject);
                let chosen =
                    branches.iter().find(|(values, _)| values.iter().any(|value| self.equals(&subject, value)));
                return self.nodes(body, chosen.map_or(otherwise, |(_, inside)| inside), out);
            }
            Node::For(repeat) => return self.repeat(body, repeat, out),
            Node::TableRow { over, columns, body: inside } => self.table_row(body, over, columns.as_ref(), inside, out),
            Node::Cycle { group, items } => {
                let turn = self.cycles.entry(group.clone()).or_insert(0);
                let index = *turn % items.len().max(1);
                *turn += 1;
                if let Some(item) = items.get(index) {
                    out.push_str(&as_text(&self.operand(item)));
                }
            }
            Node::Count { name, step } => {
                let counter = self.counters.entry((*name).to_owned()).or_insert(0);
                // `increment` shows the number before it counts, `decrement` after.
                let shown = if *step < 0 { *counter - 1 } else { *counter };
                *counter += step;
                out.push_str(&shown.to_string());
            }
            Node::Break => return Flow::Break,
            Node::Continue => return Flow::Continue,
            Node::Highlight { language, body: inside } => {
                let mut code = String::new();
                let flow = self.nodes(body, inside, &mut code);
                out.push_str(&fenced(language, &code));
                return flow;
            }
            Node::Include { file, parameters, relative, at } => {
                self.include(body, file, parameters, *relative, *at, out);
            }
            Node::PostUrl { name, at } => {
                let name = name.trim_matches('/');
                let addresses = &self.environment.post_urls;
                self.address(body, name, addresses, "post", *at, out);
            }
            Node::Link { path, at } => {
                let path = self.interpolated(body, path, *at);
                let addresses = &self.environment.urls;
                self.address(body, path.trim_start_matches('/'), addresses, "file", *at, out);
            }
            Node::Figure { tag, arguments, at } => {
                let place = body.place(*at);
                let environment = self.environment;
                match figure::figure(tag, arguments, &place, self.results, environment.base_url) {
                    Ok(figure) => {
                        out.push_str(&self.expanded.embeds.marker(figure.embed));
                        self.expanded.files.extend(figure.files);
                        let experiments = figure::experiments(tag, arguments, &place);
                        self.expanded.experiments.extend(experiments.into_iter().map(str::to_owned));
                    }
                    Err(diagnostic) => self.faults.push(diagnostic),
                }
            }
        }
        Flow::On
    }

    /// Counts one step, and says whether the body has run or written more than it may.
    fn is_exhausted(&mut self, body: Body<'_>) -> bool {
        self.steps += 1;
        let message = if self.written > MAX_OUTPUT {
            format!("the text becomes larger than {} MiB", MAX_OUTPUT >> 20)
        } else if self.steps > MAX_STEPS {
            format!("the text takes more than {MAX_STEPS} steps")
        } else {
            return false;
        };
        if !self.is_given_up {
            self.is_given_up = true;
            self.faults.push(Diagnostic::new(Place::file(body.path), message).hint("look for a loop in a loop"));
        }
        true
    }

    fn assign(&mut self, name: &str, value: Value) {
        if let Some(globals) = self.frames.first_mut() {
            globals.insert(name.to_owned(), value);
        }
    }

    fn repeat(&mut self, body: Body<'_>, repeat: &For<'_>, out: &mut String) -> Flow {
        let items = self.items(body, &repeat.over);
        if items.is_empty() {
            return self.nodes(body, &repeat.otherwise, out);
        }
        let count = items.len();
        self.frames.push(BTreeMap::new());
        for (index, item) in items.into_iter().enumerate() {
            if let Some(frame) = self.frames.last_mut() {
                frame.insert(repeat.over.variable.to_owned(), item);
                frame.insert("forloop".to_owned(), loop_state(index, count));
            }
            if self.nodes(body, &repeat.body, out) == Flow::Break || self.is_exhausted(body) {
                break;
            }
        }
        self.frames.pop();
        Flow::On
    }

    fn table_row(
        &mut self,
        body: Body<'_>,
        over: &Loop<'_>,
        columns: Option<&Operand<'_>>,
        inside: &[Node<'_>],
        out: &mut String,
    ) {
        let items = self.items(body, over);
        let count = items.len();
        let columns = columns.and_then(|columns| whole(&self.operand(columns))).unwrap_or(count).max(1);
        self.frames.push(BTreeMap::new());
        out.push_str("<tr class=\"row1\">\n");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 && index % columns == 0 {
                let _ = write!(out, "</tr>\n<tr class=\"row{}\">", index / columns + 1);
            }
            if let Some(frame) = self.frames.last_mut() {
                frame.insert(over.variable.to_owned(), item);
                frame.insert("tablerowloop".to_owned(), loop_state(index, count));
            }
            let _ = write!(out, "<td class=\"col{}\">", index % columns + 1);
            let flow = self.nodes(body, inside, out);
            out.push_str("</td>");
            if flow == Flow::Break || self.is_exhausted(body) {
                break;
            }
        }
        out.push_str("</tr>\n");
        self.frames.pop();
    }

    /// The items that a loop goes over, after its offset, limit and direction.
    fn items(&mut self, body: Body<'_>, over: &Loop<'_>) -> Vec<Value> {
        if let Operand::Range(from, to) = &over.items {
            let [from, to] = [from, to].map(|end| filters::integer(&self.operand(end)).unwrap_or(0));
            if to.saturating_sub(from) >= MAX_RANGE {
                let message = format!("a range may have at most {MAX_RANGE} numbers");
                self.faults.push(Diagnostic::new(Place::file(body.path), message));
                return Vec::new();
            }
        }
        let offset = over.offset.as_ref().and_then(|offset| whole(&self.operand(offset))).unwrap_or(0);
        let limit = over.limit.as_ref().and_then(|limit| whole(&self.operand(limit))).unwrap_or(usize::MAX);
        let mut items: Vec<Value> = items_of(&self.operand(&over.items)).into_iter().skip(offset).take(limit).collect();
        if over.reversed {
            items.reverse();
        }
        items
    }

    fn include(
        &mut self,
        body: Body<'_>,
        file: &str,
        parameters: &[(&str, Operand<'_>)],
        relative: bool,
        at: usize,
        out: &mut String,
    ) {
        let environment = self.environment;
        let name = self.interpolated(body, file, at);
        let name = name.trim_matches(['"', '\'']).trim_start_matches("./");
        let Some(include) = environment.includes.0.get(name) else {
            let folder = if relative { "the folder of this file" } else { "`_includes`" };
            let diagnostic = Diagnostic::new(body.place(at), format!("there is no `{name}` in {folder}"));
            self.faults.push(match nearest(name, environment.includes.names()) {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic.hint(format!("add `_includes/{name}`")),
            });
            return;
        };
        if self.includes >= MAX_INCLUDES {
            let message = format!("includes are nested more than {MAX_INCLUDES} deep");
            self.faults.push(Diagnostic::new(body.place(at), message).hint("look for a file that includes itself"));
            return;
        }
        let (nodes, faults) = include.parsed();
        if !faults.is_empty() {
            self.faults.extend(faults.iter().map(|fault| fault.clone().diagnostic(include.body)));
            return;
        }
        let given: Map =
            parameters.iter().map(|(name, value)| (Key::from((*name).to_owned()), self.operand(value))).collect();
        self.frames.push(BTreeMap::from([("include".to_owned(), Value::from(given))]));
        self.includes += 1;
        self.nodes(include.body, nodes, out);
        self.includes -= 1;
        self.frames.pop();
    }

    fn address(
        &mut self,
        body: Body<'_>,
        name: &str,
        addresses: &BTreeMap<String, String>,
        what: &str,
        at: usize,
        out: &mut String,
    ) {
        if let Some(url) = addresses.get(name) {
            out.push_str(self.environment.base_url);
            out.push_str(url);
        } else {
            let diagnostic = Diagnostic::new(body.place(at), format!("there is no {what} `{name}`"));
            self.faults.push(match nearest(name, addresses.keys().map(String::as_str)) {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic,
            });
        }
    }

    /// A tag's argument that may be an expression in braces.
    fn interpolated(&mut self, body: Body<'_>, argument: &str, at: usize) -> String {
        let Some((before, rest)) = argument.split_once("{{") else {
            return argument.to_owned();
        };
        let (inside, after) = rest.split_once("}}").unwrap_or((rest, ""));
        let value = self.expression(body, &super::parse::expression(inside), at);
        format!("{before}{}{after}", as_text(&value))
    }

    fn expression(&mut self, body: Body<'_>, expression: &Expression<'_>, at: usize) -> Value {
        let mut value = self.operand(&expression.operand);
        for filter in &expression.filters {
            let arguments: Vec<Value> = filter.arguments.iter().map(|argument| self.operand(argument)).collect();
            match filters::apply(filter.name, &value, &arguments, self) {
                Ok(filtered) => value = filtered,
                Err(message) => {
                    let message = format!("`{}` cannot be applied: {message}", filter.name);
                    self.faults.push(Diagnostic::new(body.place(at), message));
                    return Value::none();
                }
            }
        }
        value
    }

    pub(super) fn operand(&self, operand: &Operand<'_>) -> Value {
        match operand {
            Operand::Literal(value) => value.clone(),
            Operand::Empty => Value::from(""),
            Operand::Range(from, to) => {
                let [from, to] = [from, to].map(|end| filters::integer(&self.operand(end)).unwrap_or(0));
                let to = to.min(from.saturating_add(MAX_RANGE));
                Value::from((from..=to).collect::<Vec<i64>>())
            }
            Operand::Lookup(steps) => self.lookup(steps),
        }
    }

    fn lookup(&self, steps: &[Step<'_>]) -> Value {
        let Some((first, rest)) = steps.split_first() else {
            return Value::none();
        };
        let name = match first {
            Step::Key(name) => (*name).to_owned(),
            Step::Index(operand) => as_text(&self.operand(operand)),
        };
        let mut value = self.variable(&name);
        for step in rest {
            value = match step {
                Step::Key(key) => member(&value, key),
                Step::Index(operand) => index(&value, &self.operand(operand)),
            };
        }
        value
    }

    fn variable(&self, name: &str) -> Value {
        let found = self.frames.iter().rev().find_map(|frame| frame.get(name));
        match found {
            Some(value) => value.clone(),
            None => self.counters.get(name).map_or_else(Value::none, |&count| Value::from(count)),
        }
    }

    pub(super) fn condition(&self, condition: &Condition<'_>) -> bool {
        let last = self.test(&condition.last);
        let holds = condition.tests.iter().rev().fold(last, |right, (test, join)| match join {
            Join::And => self.test(test) && right,
            Join::Or => self.test(test) || right,
        });
        holds != condition.negated
    }

    fn test(&self, test: &Test<'_>) -> bool {
        match test {
            Test::Is(operand) => is_true(&self.operand(operand)),
            Test::Compare(left, Comparison::Equal, right) => self.equals_either_way(left, right),
            Test::Compare(left, Comparison::NotEqual, right) => !self.equals_either_way(left, right),
            Test::Compare(left, Comparison::Contains, right) => contains(&self.operand(left), &self.operand(right)),
            Test::Compare(left, comparison, right) => {
                let Some(order) = order(&self.operand(left), &self.operand(right)) else {
                    return false;
                };
                match comparison {
                    Comparison::Less => order.is_lt(),
                    Comparison::LessOrEqual => order.is_le(),
                    Comparison::Greater => order.is_gt(),
                    _ => order.is_ge(),
                }
            }
        }
    }

    fn equals_either_way(&self, left: &Operand<'_>, right: &Operand<'_>) -> bool {
        match (left, right) {
            (Operand::Empty, _) => is_empty(&self.operand(right)),
            _ => self.equals(&self.operand(left), right),
        }
    }

    fn equals(&self, left: &Value, right: &Operand<'_>) -> bool {
        match right {
            Operand::Empty => is_empty(left),
            _ => same(left, &self.operand(right)),
        }
    }

    /// Runs `work` with one more variable, for filters such as `where_exp`.
    pub(super) fn with_variable<T>(&mut self, name: &str, value: Value, work: impl FnOnce(&mut Self) -> T) -> T {
        self.frames.push(BTreeMap::from([(name.to_owned(), value)]));
        let made = work(self);
        self.frames.pop();
        made
    }
}

/// Code as a fenced block of Markdown, in a fence that the code does not hold.
fn fenced(language: &str, code: &str) -> String {
    let longest_run = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest_run.max(2) + 1);
    format!("\n\n{fence}{language}\n{}\n{fence}\n\n", code.trim_matches('\n'))
}

fn loop_state(index: usize, count: usize) -> Value {
    let mut state = Map::new();
    value::set(&mut state, "index", index + 1);
    value::set(&mut state, "index0", index);
    value::set(&mut state, "rindex", count - index);
    value::set(&mut state, "rindex0", count - index - 1);
    value::set(&mut state, "length", count);
    value::set(&mut state, "first", index == 0);
    value::set(&mut state, "last", index + 1 == count);
    Value::from(state)
}

/// What a loop over the value goes over: of a map pairs of key and value, of a text the text itself.
pub(super) fn items_of(value: &Value) -> Vec<Value> {
    if let Some(items) = value.as_array() {
        return items.to_vec();
    }
    if let Some(map) = value.as_map() {
        return map.iter().map(|(key, value)| Value::from(vec![key.as_value(), value.clone()])).collect();
    }
    match value.as_str() {
        Some("") | None => Vec::new(),
        Some(_) => vec![value.clone()],
    }
}

/// What stands at `key`: an entry of a map, or one of `size`, `first` and `last`.
pub(super) fn member(value: &Value, key: &str) -> Value {
    if let Some(found) = value::entry(value, key) {
        return found.clone();
    }
    let items = value.as_array();
    match key {
        "size" => match (items, value.as_map(), value.as_str()) {
            (Some(items), _, _) => Value::from(items.len()),
            (_, Some(map), _) => Value::from(map.len()),
            (_, _, Some(text)) => Value::from(text.chars().count()),
            _ => Value::none(),
        },
        "first" => items.and_then(<[Value]>::first).cloned().unwrap_or_else(Value::none),
        "last" => items.and_then(<[Value]>::last).cloned().unwrap_or_else(Value::none),
        _ => Value::none(),
    }
}

fn index(value: &Value, at: &Value) -> Value {
    let (Some(items), Some(at)) = (value.as_array(), filters::integer(at)) else {
        return member(value, &as_text(at));
    };
    let at = if at < 0 { at + i64::try_from(items.len()).unwrap_or(i64::MAX) } else { at };
    usize::try_from(at).ok().and_then(|at| items.get(at)).cloned().unwrap_or_else(Value::none)
}

fn whole(value: &Value) -> Option<usize> {
    filters::integer(value).and_then(|number| usize::try_from(number).ok())
}

/// Whether a condition of this value alone holds: all but nil and false.
pub(super) fn is_true(value: &Value) -> bool {
    !is_nil(value) && value.as_bool() != Some(false)
}

fn is_empty(value: &Value) -> bool {
    is_nil(value)
        || value.as_str().is_some_and(|text| text.trim().is_empty())
        || value.as_array().is_some_and(<[Value]>::is_empty)
        || value.as_map().is_some_and(Map::is_empty)
}

/// Whether two values are equal. A nil that was never there is that nil; whole numbers equal those with a point.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => left == right,
        _ if is_nil(left) || is_nil(right) => is_nil(left) && is_nil(right),
        _ => left == right,
    }
}

/// How two values of one kind are ordered; `None` for those that have no order.
pub(super) fn order(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => Some(left.cmp(right)),
        (None, None) => value::as_number(left)?.partial_cmp(&value::as_number(right)?),
        _ => None,
    }
}

pub(super) fn contains(left: &Value, right: &Value) -> bool {
    if let Some(items) = left.as_array() {
        return items.iter().any(|item| same(item, right));
    }
    if let Some(map) = left.as_map() {
        return map.contains_key(&Key::from(as_text(right)));
    }
    match left.as_str() {
        Some(text) if !is_nil(right) => text.contains(&as_text(right)),
        _ => false,
    }
}
