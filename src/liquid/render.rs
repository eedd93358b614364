//! Renders a parsed body: nodes and variables → text.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::fmt::Write;

use super::compare::{contains, is_blank, is_empty, is_true, order, same};
use super::expression::{Comparison, Condition, Expression, Join, Loop, Offset, Operand, Test};
use super::parse::{CycleGroup, For, Node, TableRow};
use super::scope::{Columns, Frame, LoopState, MAX_RANGE, Scope, items_of};
use super::{Environment, Expanded, filters, weight};
use crate::diagnostic::{Diagnostic, Place};
use crate::markdown::Dialect;
use crate::markdown::literal::{Literal, literal_at, literals};
use crate::text::Located;
use crate::value::{self, Value, as_text, is_nil};

/// Renders the nodes of a text, or returns all errors.
pub(super) fn render(
    body: Located<'_>,
    nodes: &[Node<'_>],
    variables: &[(&str, Value)],
    environment: &Environment<'_>,
) -> Result<Expanded, Vec<Diagnostic>> {
    let ending = body.path.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_markdown = ["md", "markdown", "mkd", "mkdn", "mkdown"]
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known));
    let mut run = Run {
        environment,
        page_path: body.path,
        code: match (is_markdown, environment.dialect) {
            (true, Dialect::CommonMark) => CodeForm::Fence,
            (true, Dialect::Kramdown) => CodeForm::Paragraph,
            (false, _) => CodeForm::Html,
        },
        scope: Scope::new(variables),
        cycles: BTreeMap::new(),
        continued: BTreeMap::new(),
        changed: None,
        written: 0,
        assigned: 0,
        steps: Cell::new(0),
        is_too_large: Cell::new(false),
        is_given_up: false,
        includes: 0,
        expanded: Expanded::default(),
        errors: Vec::new(),
        literals: OnceCell::new(),
    };
    let mut text = String::with_capacity(body.text.len());
    run.nodes(body, nodes, &mut text);
    if run.errors.is_empty() {
        run.expanded.reads.extend(run.scope.into_reads());
        Ok(Expanded { text, ..run.expanded })
    } else {
        run.errors.sort();
        run.errors.dedup();
        Err(run.errors)
    }
}

/// The state of rendering a body.
pub(super) struct Run<'e, 'a> {
    pub(super) environment: &'e Environment<'a>,
    /// The file of the page, even inside an include.
    pub(super) page_path: &'e str,
    code: CodeForm,
    pub(super) scope: Scope<'e>,
    cycles: BTreeMap<String, usize>,
    /// Where loops ended, by their labels, for `offset: continue`.
    continued: BTreeMap<String, usize>,
    /// The last output of `ifchanged`.
    changed: Option<String>,
    /// Bytes written by all nodes, into the page and into captures.
    written: usize,
    /// Bytes of the values of all variables.
    assigned: usize,
    steps: Cell<usize>,
    /// Whether a value would have exceeded its size limit.
    is_too_large: Cell<bool>,
    is_given_up: bool,
    pub(super) includes: usize,
    pub(super) expanded: Expanded,
    pub(super) errors: Vec<Diagnostic>,
    /// The code and the formulas of the page, once they are needed.
    literals: OnceCell<Vec<Literal>>,
}

/// The output form of `highlight`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CodeForm {
    /// HTML.
    Html,
    /// HTML on separate lines, for kramdown.
    Paragraph,
    /// A fenced block: in `CommonMark`, raw HTML would end at the first empty line of the code.
    Fence,
}

/// How rendering of nodes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Break,
    Continue,
}

impl Run<'_, '_> {
    pub(super) fn nodes(
        &mut self,
        body: Located<'_>,
        nodes: &[Node<'_>],
        out: &mut String,
    ) -> Flow {
        for node in nodes {
            let (before, written) = (out.len(), self.written);
            let flow = self.node(body, node, out);
            // A block's inner nodes have already counted their output.
            self.written = self.written.max(written + out.len().saturating_sub(before));
            if self.is_exhausted(body) {
                return Flow::Break;
            }
            if flow != Flow::On {
                return flow;
            }
        }
        Flow::On
    }

    fn node(&mut self, body: Located<'_>, node: &Node<'_>, out: &mut String) -> Flow {
        match node {
            Node::Text(text) | Node::Raw(text) => out.push_str(text),
            Node::Output(expression, at) => self.output(body, expression, *at, out),
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
                let mut chosen = otherwise;
                for branch in branches {
                    if self.holds(body, &branch.condition, branch.at) {
                        chosen = &branch.body;
                        break;
                    }
                }
                return self.nodes(body, chosen, out);
            }
            Node::Case { subject, branches } => return self.case(body, subject, branches, out),
            Node::For(repeat) => return self.repeat(body, repeat, out),
            Node::TableRow(row) => self.table_row(body, row, out),
            Node::Cycle { group, items } => self.cycle(group, items, out),
            Node::Count { name, step } => {
                let before = self.scope.count(name, *step);
                // `increment` prints the number before counting, `decrement` after.
                let shown = if *step < 0 { before + step } else { before };
                let _ = write!(out, "{shown}");
            }
            Node::IfChanged(inside) => {
                let mut shown = String::new();
                let flow = self.nodes(body, inside, &mut shown);
                if self.changed.as_ref() != Some(&shown) {
                    out.push_str(&shown);
                    self.changed = Some(shown);
                }
                return flow;
            }
            Node::Break => return Flow::Break,
            Node::Continue => return Flow::Continue,
            Node::Highlight { options, body: inside } => {
                let mut code = String::new();
                let flow = self.nodes(body, inside, &mut code);
                let around = if self.code == CodeForm::Paragraph { "\n" } else { "" };
                if self.code == CodeForm::Fence {
                    options.write_fence(out, &code);
                } else {
                    out.push_str(around);
                    options.write_html(out, &code, self.environment.highlight);
                    out.push_str(around);
                }
                return flow;
            }
            Node::Include(include) => return self.include(body, include, out),
            Node::PostUrl { name, at } => self.post_url(body, name, *at, out),
            Node::Link { path, at } => self.link(body, path, *at, out),
            Node::Gist { arguments } => self.gist(arguments, out),
            Node::Custom(custom) => return self.custom(body, custom, out),
        }
        Flow::On
    }

    /// Counts one step, and returns whether a limit is exceeded.
    fn is_exhausted(&mut self, body: Located<'_>) -> bool {
        self.count_steps(1);
        let Some((message, key)) = self.excess() else { return false };
        if !self.is_given_up {
            self.is_given_up = true;
            let hint =
                format!("check for nested loops, or raise `limits: {{{key}: …}}` in `_config.yml`");
            self.errors.push(Diagnostic::new(Place::file(body.path), message).hint(hint));
        }
        true
    }

    /// The exceeded limit as a message, with its key.
    fn excess(&self) -> Option<(String, &'static str)> {
        let limits = self.environment.options.limits;
        if self.is_too_large.get() || self.written > limits.bytes || self.assigned > limits.bytes {
            let message = format!("a string or list exceeds {}", limits.shown_bytes());
            Some((message, "template-bytes"))
        } else if self.steps.get() > limits.steps {
            Some((format!("the template exceeds {} steps", limits.steps), "template-steps"))
        } else {
            None
        }
    }

    /// Counts the items that a filter processes as steps, so that filters in loops are also
    /// limited.
    pub(super) fn count_steps(&self, steps: usize) {
        self.steps.set(self.steps.get().saturating_add(steps));
    }

    /// Counts the steps of the next operation, unless a limit is exceeded.
    fn charge(&self, steps: Result<usize, weight::TooLarge>) -> bool {
        match steps {
            Ok(steps) => self.count_steps(steps),
            Err(weight::TooLarge) => self.is_too_large.set(true),
        }
        self.excess().is_none()
    }

    /// Counts this many comparisons with a value.
    pub(super) fn count_comparisons(&self, count: usize, value: &Value) -> Result<(), String> {
        let most = self.environment.options.limits.bytes;
        let bytes = if value.as_str().is_some() {
            Ok(weight::size(value))
        } else {
            weight::deep(value, most)
        };
        self.charge(bytes.map(|bytes| count.saturating_mul(bytes) / 1024 + count / 8));
        self.refuse_excess()
    }

    /// Returns an error if a limit is exceeded.
    pub(super) fn refuse_excess(&self) -> Result<(), String> {
        if self.excess().is_some() { Err("a limit is exceeded".to_owned()) } else { Ok(()) }
    }

    fn assign(&mut self, name: &str, value: Value) {
        let size = weight::size(&value);
        let before = self.scope.assign(name, value).as_ref().map_or(0, weight::size);
        self.assigned = (self.assigned + size).saturating_sub(before);
    }

    /// Writes a value; for a list, all its items.
    fn write(&self, out: &mut String, value: &Value) {
        let most = self.environment.options.limits.bytes;
        let is_whole = value.as_array().is_some() || value.as_map().is_some();
        if !is_whole || self.charge(weight::deep(value, most).map(weight::of_bytes)) {
            value::write_text(out, value);
        }
    }

    fn cycle(&mut self, group: &CycleGroup<'_>, items: &[Operand<'_>], out: &mut String) {
        let key = match group {
            CycleGroup::Named(operand) => as_text(&self.scope.operand(operand)),
            CycleGroup::Items(items) => format!("[{items}]"),
            // As in Liquid, a tag with variables is in a group of its own.
            CycleGroup::Own(arguments) => format!("{:p}", arguments.as_ptr()),
        };
        self.count_steps(weight::of_bytes(key.len()));
        let turn = self.cycles.entry(key).or_insert(0);
        let item = items.get(*turn);
        *turn = if *turn + 1 < items.len() { *turn + 1 } else { 0 };
        if let Some(item) = item {
            self.write(out, &self.scope.operand(item));
        }
    }

    fn case(
        &mut self,
        body: Located<'_>,
        subject: &Operand<'_>,
        branches: &[(Option<Vec<Operand<'_>>>, Vec<Node<'_>>)],
        out: &mut String,
    ) -> Flow {
        let mut has_matched = false;
        for (values, inside) in branches {
            // As in Liquid, every matching `when` is rendered, once for each matching value.
            let times = match values {
                Some(values) => values.iter().filter(|value| self.equal(subject, value)).count(),
                None => usize::from(!has_matched),
            };
            for _ in 0..times {
                has_matched = true;
                let flow = self.nodes(body, inside, out);
                if flow != Flow::On {
                    return flow;
                }
            }
        }
        Flow::On
    }

    fn repeat(&mut self, body: Located<'_>, repeat: &For<'_>, out: &mut String) -> Flow {
        let over = &repeat.over;
        let Some((list, range)) = self.items(body, over) else {
            return self.nodes(body, &repeat.otherwise, out);
        };
        let items = &items_slice(&list)[range];
        let count = items.len();
        let state =
            LoopState { index: 0, count, columns: Columns::None, label: over.label.clone() };
        self.scope.push(Frame::Loop {
            variable: over.variable.to_owned(),
            item: Value::none(),
            state,
        });
        for index in 0..count {
            if let Some(Frame::Loop { item, state, .. }) = self.scope.innermost() {
                *item = items[if over.reversed { count - 1 - index } else { index }].clone();
                state.index = index;
            }
            if self.nodes(body, &repeat.body, out) == Flow::Break || self.is_exhausted(body) {
                break;
            }
        }
        self.scope.pop();
        Flow::On
    }

    fn table_row(&mut self, body: Located<'_>, row: &TableRow<'_>, out: &mut String) {
        let over = &row.over;
        let given = row.columns.as_ref().and_then(|columns| whole(&self.scope.operand(columns)));
        out.push_str("<tr class=\"row1\">\n");
        if let Some((list, range)) = self.items(body, over) {
            let items = &items_slice(&list)[range];
            let count = items.len();
            let columns = given.unwrap_or(count).max(1);
            let state = LoopState {
                index: 0,
                count,
                columns: given.map_or(Columns::All, Columns::Given),
                label: String::new(),
            };
            self.scope.push(Frame::Loop {
                variable: over.variable.to_owned(),
                item: Value::none(),
                state,
            });
            for (index, value) in items.iter().enumerate() {
                if index > 0 && index % columns == 0 {
                    let _ = write!(out, "</tr>\n<tr class=\"row{}\">", index / columns + 1);
                }
                if let Some(Frame::Loop { item, state, .. }) = self.scope.innermost() {
                    *item = value.clone();
                    state.index = index;
                }
                let _ = write!(out, "<td class=\"col{}\">", index % columns + 1);
                let flow = self.nodes(body, &row.body, out);
                out.push_str("</td>");
                if flow == Flow::Break || self.is_exhausted(body) {
                    break;
                }
            }
            self.scope.pop();
        }
        out.push_str("</tr>\n");
    }

    /// The list of a loop, and its range after offset and limit; `None` if that is empty.
    fn items(
        &mut self,
        body: Located<'_>,
        over: &Loop<'_>,
    ) -> Option<(Value, std::ops::Range<usize>)> {
        if let Operand::Range(from, to) = &over.items {
            let (from, to) = self.scope.range(from, to);
            if to.saturating_sub(from) >= MAX_RANGE {
                let message = format!("a range may have at most {MAX_RANGE} numbers");
                self.errors.push(Diagnostic::new(Place::file(body.path), message));
                return None;
            }
        }
        let list = self.scope.operand(&over.items).into_owned();
        // Lists are shared; other values are converted to lists.
        let list = if list.as_array().is_some() { list } else { Value::from(items_of(&list)) };
        let count = items_slice(&list).len();
        let at = |operand: &Operand<'_>| whole(&self.scope.operand(operand));
        let start = match &over.offset {
            Some(Offset::Continue) => self.continued.get(&over.label).copied().unwrap_or(0),
            Some(Offset::At(operand)) => at(operand).unwrap_or(0),
            None => 0,
        };
        let start = start.min(count);
        let limit = over.limit.as_ref().and_then(at).unwrap_or(usize::MAX);
        let end = start.saturating_add(limit).min(count);
        self.continued.insert(over.label.clone(), end);
        (start < end).then_some((list, start..end))
    }

    fn output(
        &mut self,
        body: Located<'_>,
        expression: &Expression<'_>,
        at: usize,
        out: &mut String,
    ) {
        if let (Operand::Range(from, to), []) = (&expression.operand, expression.filters.as_slice())
        {
            let (from, to) = self.scope.range(from, to);
            let _ = write!(out, "{from}..{to}");
            return;
        }
        if expression.filters.is_empty() && !self.environment.options.strict_variables {
            let value = self.scope.operand(&expression.operand);
            let is_dropped = is_nil(&value);
            self.write(out, &value);
            if is_dropped {
                self.warn_of_dropped(body, &expression.operand, at);
            }
            return;
        }
        let value = self.expression(body, expression, at);
        self.write(out, &value);
    }

    /// Warns of an unknown variable in code or in a formula, whose braces were hardly meant as
    /// Liquid.
    fn warn_of_dropped(&mut self, body: Located<'_>, operand: &Operand<'_>, at: usize) {
        if body.path != self.page_path || self.code == CodeForm::Html {
            return;
        }
        let Err(message) = self.refuse_unknown(operand) else { return };
        let literals = self.literals.get_or_init(|| literals(body.text));
        if literal_at(literals, at).is_none() {
            return;
        }
        let message = format!("{message} in code or a formula: the braces are left out");
        let hint =
            "to show them, write the code or the formula between `{% raw %}` and `{% endraw %}`";
        let warning = Diagnostic::new(body.place(at), message).hint(hint).into_warning();
        self.expanded.warnings.push(warning);
    }

    pub(super) fn expression(
        &mut self,
        body: Located<'_>,
        expression: &Expression<'_>,
        at: usize,
    ) -> Value {
        match self.filtered(expression) {
            Ok(value) => value,
            Err(message) => {
                // A limit is reported once.
                if self.excess().is_none() {
                    self.errors.push(Diagnostic::new(body.place(at), message));
                }
                Value::none()
            }
        }
    }

    /// The value of an expression, or an error message.
    pub(super) fn filtered(&mut self, expression: &Expression<'_>) -> Result<Value, String> {
        if self.environment.options.strict_variables {
            self.refuse_unknown(&expression.operand)?;
        }
        let mut value = self.scope.operand(&expression.operand).into_owned();
        for filter in &expression.filters {
            let arguments = filters::Arguments {
                values: filter
                    .arguments
                    .iter()
                    .map(|argument| self.scope.operand(argument).into_owned())
                    .collect(),
                named: filter
                    .named
                    .iter()
                    .map(|(name, argument)| (*name, self.scope.operand(argument).into_owned()))
                    .collect(),
            };
            let most = self.environment.options.limits.bytes;
            if !self.charge(weight::of_filter(filter.name, &value, &arguments, most)) {
                return Err(format!("cannot apply `{}`: a limit is exceeded", filter.name));
            }
            value = filters::apply(filter.name, value, &arguments, self)
                .map_err(|message| format!("cannot apply `{}`: {message}", filter.name))?;
            let size = weight::size(&value);
            self.charge(if size > most { Err(weight::TooLarge) } else { Ok(0) });
        }
        Ok(value)
    }

    fn refuse_unknown(&self, operand: &Operand<'_>) -> Result<(), String> {
        use super::expression::Step;
        let Operand::Lookup(steps) = operand else { return Ok(()) };
        let is_known = match steps.first() {
            Some(Step::Key(name)) => self.scope.has(name),
            _ => true,
        };
        let value = self.scope.operand(operand);
        if is_known && (steps.len() == 1 || !value.is_undefined() && !is_nil(&value)) {
            return Ok(());
        }
        let shown = steps.iter().map(|step| match step {
            Step::Key(key) => (*key).to_owned(),
            Step::Index(_) => "[…]".to_owned(),
        });
        Err(format!("unknown variable `{}`", shown.collect::<Vec<_>>().join(".")))
    }

    fn holds(&mut self, body: Located<'_>, condition: &Condition<'_>, at: usize) -> bool {
        match self.condition(condition) {
            Ok(holds) => holds,
            Err(message) => {
                let hint = "expected one of `==`, `!=`, `<`, `<=`, `>`, `>=`, `contains`; for `not`, use `unless`";
                self.errors.push(Diagnostic::new(body.place(at), message).hint(hint));
                false
            }
        }
    }

    /// Whether the condition is true, or an error message.
    pub(super) fn condition(&self, condition: &Condition<'_>) -> Result<bool, String> {
        // The right side is only evaluated if the left does not decide.
        for (test, join) in &condition.tests {
            let holds = self.test(test)?;
            match join {
                Join::And if !holds => return Ok(condition.negated),
                Join::Or if holds => return Ok(!condition.negated),
                _ => {}
            }
        }
        Ok(self.test(&condition.last)? != condition.negated)
    }

    fn test(&self, test: &Test<'_>) -> Result<bool, String> {
        Ok(match test {
            Test::Is(operand) => is_true(&self.scope.operand(operand)),
            Test::Unknown(word) => return Err(format!("unknown operator `{word}`")),
            Test::Compare(left, Comparison::Equal, right) => self.equal(left, right),
            Test::Compare(left, Comparison::NotEqual, right) => !self.equal(left, right),
            Test::Compare(left, Comparison::Contains, right) => {
                let (left, right) = (self.scope.operand(left), self.scope.operand(right));
                self.may_compare(&left, &right, true) && contains(&left, &right)
            }
            Test::Compare(left, comparison, right) => {
                let (left, right) = (self.scope.operand(left), self.scope.operand(right));
                let Some(order) =
                    order(&left, &right).filter(|_| self.may_compare(&left, &right, false))
                else {
                    return Ok(false);
                };
                match comparison {
                    Comparison::Less => order.is_lt(),
                    Comparison::LessOrEqual => order.is_le(),
                    Comparison::Greater => order.is_gt(),
                    _ => order.is_ge(),
                }
            }
        })
    }

    fn equal(&self, left: &Operand<'_>, right: &Operand<'_>) -> bool {
        let value = |operand| self.scope.operand(operand);
        match (left, right) {
            (Operand::Empty, Operand::Empty) => true,
            (Operand::Empty, other) | (other, Operand::Empty) => is_empty(&value(other)),
            (Operand::Blank, other) | (other, Operand::Blank) => is_blank(&value(other)),
            _ => {
                let (left, right) = (value(left), value(right));
                self.may_compare(&left, &right, false) && same(&left, &right)
            }
        }
    }

    /// Counts the cost of a comparison, and returns whether it is within limits.
    fn may_compare(&self, left: &Value, right: &Value, is_search: bool) -> bool {
        let most = self.environment.options.limits.bytes;
        self.charge(weight::of_comparison(left, right, is_search, most))
    }
}

fn items_slice(list: &Value) -> &[Value] {
    list.as_array().unwrap_or_default()
}

fn whole(value: &Value) -> Option<usize> {
    filters::integer(value).and_then(|number| usize::try_from(number).ok())
}
