//! From a body's text to its tags: a tree of [`Node`]s that borrow from the text.
//!
//! The grammar is the forgiving one of Ruby's Liquid, which takes what it can use of an expression and passes over the
//! rest: an expression is never a fault. Faults are tags that are not known and blocks that do not close; the parser
//! goes on after each, so that all are told at once.

use super::Fault;
use crate::diagnostic::{listed, nearest};
use crate::figure;
use crate::value::Value;

/// How deep blocks may nest. Far above what anyone writes, far below what the stack holds.
const MAX_DEPTH: usize = 60;
/// How deep `a[b[c]]` may nest.
const MAX_BRACKETS: usize = 16;

/// A piece of a body.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Text(&'a str),
    Output(Expression<'a>, usize),
    Assign {
        name: &'a str,
        value: Expression<'a>,
        at: usize,
    },
    Capture {
        name: &'a str,
        body: Vec<Node<'a>>,
    },
    If {
        branches: Vec<(Condition<'a>, Vec<Node<'a>>)>,
        otherwise: Vec<Node<'a>>,
    },
    Case {
        subject: Operand<'a>,
        branches: Vec<(Vec<Operand<'a>>, Vec<Node<'a>>)>,
        otherwise: Vec<Node<'a>>,
    },
    For(For<'a>),
    TableRow {
        over: Loop<'a>,
        columns: Option<Operand<'a>>,
        body: Vec<Node<'a>>,
    },
    Cycle {
        group: String,
        items: Vec<Operand<'a>>,
    },
    Count {
        name: &'a str,
        step: i64,
    },
    Break,
    Continue,
    Highlight {
        language: &'a str,
        body: Vec<Node<'a>>,
    },
    Include {
        file: &'a str,
        parameters: Vec<(&'a str, Operand<'a>)>,
        relative: bool,
        at: usize,
    },
    PostUrl {
        name: &'a str,
        at: usize,
    },
    Link {
        path: &'a str,
        at: usize,
    },
    /// A tag of labpress's own. Its faults are said at the word they are about, so `at` is where its arguments start.
    Figure {
        tag: &'a str,
        arguments: &'a str,
        at: usize,
    },
}

#[derive(Debug)]
pub(super) struct For<'a> {
    pub(super) over: Loop<'a>,
    pub(super) body: Vec<Node<'a>>,
    pub(super) otherwise: Vec<Node<'a>>,
}

/// What a loop goes over.
#[derive(Debug)]
pub(super) struct Loop<'a> {
    pub(super) variable: &'a str,
    pub(super) items: Operand<'a>,
    pub(super) limit: Option<Operand<'a>>,
    pub(super) offset: Option<Operand<'a>>,
    pub(super) reversed: bool,
}

/// A value and the filters it goes through.
#[derive(Debug)]
pub(super) struct Expression<'a> {
    pub(super) operand: Operand<'a>,
    pub(super) filters: Vec<FilterCall<'a>>,
}

#[derive(Debug)]
pub(super) struct FilterCall<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: Vec<Operand<'a>>,
}

#[derive(Debug)]
pub(super) enum Operand<'a> {
    Literal(Value),
    /// `empty` or `blank`, which equal every value that has nothing in it.
    Empty,
    Range(Box<Operand<'a>>, Box<Operand<'a>>),
    /// A variable and the path into it.
    Lookup(Vec<Step<'a>>),
}

#[derive(Debug)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Index(Operand<'a>),
}

/// Tests joined by `and` and `or`, which bind alike, from the right.
#[derive(Debug)]
pub(super) struct Condition<'a> {
    /// Each test but the last with what joins it to the next.
    pub(super) tests: Vec<(Test<'a>, Join)>,
    pub(super) last: Test<'a>,
    /// Whether it is that of an `unless`.
    pub(super) negated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
}

#[derive(Debug)]
pub(super) enum Test<'a> {
    Is(Operand<'a>),
    Compare(Operand<'a>, Comparison, Operand<'a>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

/// The tags that are known beside those of figures, in order.
const TAGS: [&str; 19] = [
    "assign",
    "break",
    "capture",
    "case",
    "comment",
    "continue",
    "cycle",
    "decrement",
    "for",
    "highlight",
    "if",
    "include",
    "include_cached",
    "include_relative",
    "increment",
    "link",
    "post_url",
    "raw",
    "tablerow",
];
/// Known as well, but not worth offering to one who mistyped.
const RARE_TAGS: [&str; 1] = ["unless"];
/// Tags that stand inside or at the end of a block.
const INNER_TAGS: [&str; 12] = [
    "else",
    "elsif",
    "when",
    "endif",
    "endunless",
    "endcase",
    "endfor",
    "endtablerow",
    "endcapture",
    "endhighlight",
    "endraw",
    "endcomment",
];

/// Reads a whole text. Faults are in the order in which they stand.
pub(super) fn parse(text: &str) -> (Vec<Node<'_>>, Vec<Fault>) {
    let mut faults = Vec::new();
    let tokens = tokens(text, &mut faults);
    let tokens = tokens.into_iter().peekable();
    let mut parser = Parser { tokens, open: Vec::new(), unknown: Vec::new(), is_cut_short: false, faults };
    let mut nodes = Vec::new();
    loop {
        nodes.extend(parser.nodes());
        // What stops the outermost run of nodes closes nothing.
        let Some(Token::Tag { name, at, .. }) = parser.tokens.next() else { break };
        parser.stray(name, at);
    }
    let mut faults = parser.faults;
    faults.sort_by_key(|fault| fault.at);
    (nodes, faults)
}

/// Whether a text holds a tag of labpress's own. Those in comments and raw text do not count.
pub(super) fn has_figures(text: &str) -> bool {
    let is_figure = |token: &Token<'_>| matches!(token, Token::Tag { name, .. } if figure::TAGS.contains(name));
    tokens(text, &mut Vec::new()).iter().any(is_figure)
}

#[derive(Debug, Clone, Copy)]
enum Token<'a> {
    Text(&'a str),
    Output { inside: &'a str, at: usize },
    Tag { name: &'a str, arguments: &'a str, at: usize, arguments_at: usize },
}

/// Splits a text at its tags. `raw` and `comment` are resolved here, because what they hold is no Liquid.
fn tokens<'a>(text: &'a str, faults: &mut Vec<Fault>) -> Vec<Token<'a>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut trim_next = false;
    while at < text.len() {
        let open = next_open(text, at);
        let plain = trimmed(&text[at..open], trim_next, text[open..].get(2..3) == Some("-"));
        if !plain.is_empty() {
            tokens.push(Token::Text(plain));
        }
        if open == text.len() {
            break;
        }
        let close = if text[open..].starts_with("{%") { "%}" } else { "}}" };
        let Some(length) = text[open + 2..].find(close) else {
            faults.push(Fault {
                at: open,
                message: format!("`{}` is not closed by `{close}`", &text[open..open + 2]),
                hint: Some("write literal braces between `{% raw %}` and `{% endraw %}`".to_owned()),
            });
            break;
        };
        let inside = &text[open + 2..open + 2 + length];
        at = open + 2 + length + 2;
        trim_next = inside.len() > 1 && inside.ends_with('-') || inside == "-";
        let inside = inside.strip_prefix('-').unwrap_or(inside);
        let inside = inside.strip_suffix('-').unwrap_or(inside).trim();
        if close == "}}" {
            tokens.push(Token::Output { inside, at: open });
            continue;
        }
        let name_end = inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
        let (name, arguments) = inside.split_at(name_end);
        // Nothing but white space and a hyphen stands before the name.
        let name_at = text[open + 2..].find(name).map_or(open, |found| open + 2 + found);
        let arguments_at = name_at + name.len() + (arguments.len() - arguments.trim_start().len());
        let arguments = arguments.trim();
        match name {
            "raw" => {
                let Some((end, after, trim)) = end_of(text, at, "endraw", None) else {
                    faults.push(unclosed("raw", open));
                    break;
                };
                tokens.push(Token::Text(trimmed(&text[at..end], trim_next, text[end..].get(2..3) == Some("-"))));
                (at, trim_next) = (after, trim);
            }
            "comment" => {
                let Some((_, after, trim)) = end_of(text, at, "endcomment", Some("comment")) else {
                    faults.push(unclosed("comment", open));
                    break;
                };
                (at, trim_next) = (after, trim);
            }
            _ => tokens.push(Token::Tag { name, arguments, at: open, arguments_at }),
        }
    }
    tokens
}

fn next_open(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(found) = text[at..].find('{') {
        at += found;
        if matches!(bytes.get(at + 1), Some(b'{' | b'%')) {
            return at;
        }
        at += 1;
    }
    text.len()
}

fn trimmed(text: &str, start: bool, end: bool) -> &str {
    let text = if start { text.trim_start() } else { text };
    if end { text.trim_end() } else { text }
}

/// Finds the tag that closes a block whose content is no Liquid: where it starts, where it ends, and whether it trims
/// what follows. `nested` is the tag that opens such a block inside of it, if they nest.
fn end_of(text: &str, from: usize, end: &str, nested: Option<&str>) -> Option<(usize, usize, bool)> {
    let mut at = from;
    let mut depth = 1;
    while let Some(found) = text[at..].find("{%") {
        let open = at + found;
        let close = open + 2 + text[open + 2..].find("%}")?;
        let inside = &text[open + 2..close];
        let name = inside.strip_prefix('-').unwrap_or(inside);
        let name = name.strip_suffix('-').unwrap_or(name).trim();
        if name == end {
            depth -= 1;
        } else if nested == Some(name) {
            depth += 1;
        }
        if depth == 0 {
            return Some((open, close + 2, inside.ends_with('-')));
        }
        // The next tag may start inside of what looked like one: `{% {% endraw %}`.
        at = if name == end || nested == Some(name) { close + 2 } else { open + 2 };
    }
    None
}

fn unclosed(tag: &str, at: usize) -> Fault {
    let hint = Some(format!("add `{{% end{tag} %}}`"));
    Fault { at, message: format!("the block `{tag}` is not closed"), hint }
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token<'a>>>,
    /// The tags that may end the blocks we are in, from the outermost on.
    open: Vec<&'static [&'static str]>,
    /// Names of tags that were not known, so that their ends are not told as well.
    unknown: Vec<&'a str>,
    /// Whether the rest of the text was given up.
    is_cut_short: bool,
    faults: Vec<Fault>,
}

impl<'a> Parser<'a> {
    /// Reads nodes up to a tag that ends one of the open blocks, or that could only end one. That tag stays.
    fn nodes(&mut self) -> Vec<Node<'a>> {
        let mut nodes = Vec::new();
        while let Some(&token) = self.tokens.peek() {
            match token {
                Token::Text(text) => nodes.push(Node::Text(text)),
                Token::Output { inside, at } => nodes.push(Node::Output(expression(inside), at)),
                Token::Tag { name, .. } if INNER_TAGS.contains(&name) => {
                    if self.open.is_empty() || self.open.iter().any(|ends| ends.contains(&name)) {
                        return nodes;
                    }
                    self.tokens.next();
                    let Token::Tag { at, .. } = token else { continue };
                    self.stray(name, at);
                    continue;
                }
                Token::Tag { name, arguments, at, arguments_at } => {
                    self.tokens.next();
                    nodes.extend(self.tag(name, arguments, at, arguments_at));
                    continue;
                }
            }
            self.tokens.next();
        }
        nodes
    }

    fn tag(&mut self, name: &'a str, arguments: &'a str, at: usize, arguments_at: usize) -> Option<Node<'a>> {
        match name {
            "assign" => match arguments.split_once('=') {
                Some((name, value)) => Some(Node::Assign { name: name.trim(), value: expression(value), at }),
                None => self.malformed(at, "assign", "{% assign name = value %}"),
            },
            "capture" => {
                let name = arguments.trim_matches(['"', '\'']);
                let body = self.block("capture", &["endcapture"], at);
                Some(Node::Capture { name, body })
            }
            "if" => Some(self.branches("if", &["elsif", "else", "endif"], arguments, at)),
            "unless" => Some(self.branches("unless", &["elsif", "else", "endunless"], arguments, at)),
            "case" => Some(self.case(arguments, at)),
            "for" => {
                let over = loop_of(arguments);
                let body = self.block_part("for", &["else", "endfor"], at);
                let otherwise = match self.tokens.next() {
                    Some(Token::Tag { name: "else", .. }) => self.block("for", &["endfor"], at),
                    _ => Vec::new(),
                };
                match over {
                    Some(over) => Some(Node::For(For { over, body, otherwise })),
                    None => self.malformed(at, "for", "{% for item in list %}"),
                }
            }
            "tablerow" => {
                let over = loop_of(arguments);
                let body = self.block("tablerow", &["endtablerow"], at);
                let columns = option(arguments, "cols");
                match over {
                    Some(over) => Some(Node::TableRow { over, columns, body }),
                    None => self.malformed(at, "tablerow", "{% tablerow item in list cols:3 %}"),
                }
            }
            "cycle" => Some(cycle(arguments)),
            "increment" => Some(Node::Count { name: arguments, step: 1 }),
            "decrement" => Some(Node::Count { name: arguments, step: -1 }),
            "break" => Some(Node::Break),
            "continue" => Some(Node::Continue),
            "highlight" => {
                let language = arguments.split_whitespace().next().unwrap_or("text");
                Some(Node::Highlight { language, body: self.block("highlight", &["endhighlight"], at) })
            }
            "include" | "include_cached" | "include_relative" => Some(include(name, arguments, at)),
            "post_url" => Some(Node::PostUrl { name: arguments, at }),
            "link" => Some(Node::Link { path: arguments, at }),
            tag if figure::TAGS.contains(&tag) => Some(Node::Figure { tag, arguments, at: arguments_at }),
            _ => {
                self.unknown_tag(name, at);
                None
            }
        }
    }

    fn branches(
        &mut self,
        tag: &'static str,
        ends: &'static [&'static str],
        arguments: &'a str,
        at: usize,
    ) -> Node<'a> {
        let first = condition(arguments);
        let mut next = Some(Condition { negated: tag == "unless", ..first });
        let (mut branches, mut otherwise) = (Vec::new(), Vec::new());
        loop {
            let body = self.block_part(tag, ends, at);
            match next.take() {
                Some(condition) => branches.push((condition, body)),
                None => otherwise = body,
            }
            match self.tokens.next() {
                Some(Token::Tag { name: "elsif", arguments, .. }) => next = Some(condition(arguments)),
                Some(Token::Tag { name: "else", .. }) => {}
                _ => return Node::If { branches, otherwise },
            }
        }
    }

    fn case(&mut self, arguments: &'a str, at: usize) -> Node<'a> {
        const ENDS: &[&str] = &["when", "else", "endcase"];
        let subject = operand(arguments);
        let (mut branches, mut otherwise) = (Vec::new(), Vec::new());
        // What stands above the first `when` is shown never.
        self.block_part("case", ENDS, at);
        loop {
            match self.tokens.next() {
                Some(Token::Tag { name: "when", arguments, .. }) => {
                    let values = fragments(arguments).filter(|&value| value != "or").map(operand).collect();
                    branches.push((values, self.block_part("case", ENDS, at)));
                }
                Some(Token::Tag { name: "else", .. }) => otherwise = self.block_part("case", ENDS, at),
                _ => return Node::Case { subject, branches, otherwise },
            }
        }
    }

    /// Reads a block up to its end, and the end itself.
    fn block(&mut self, tag: &str, ends: &'static [&'static str], at: usize) -> Vec<Node<'a>> {
        let nodes = self.block_part(tag, ends, at);
        if let Some(Token::Tag { name, .. }) = self.tokens.peek()
            && ends.contains(name)
        {
            self.tokens.next();
        }
        nodes
    }

    /// Reads a part of a block up to the tag that ends the part. When the block is not closed, that is told, and the
    /// next token is one that ends a block around it, or there is none.
    fn block_part(&mut self, tag: &str, ends: &'static [&'static str], at: usize) -> Vec<Node<'a>> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("blocks are nested more than {MAX_DEPTH} deep");
            self.faults.push(Fault { at, message, hint: None });
            // Nothing after this can be told apart.
            while self.tokens.next().is_some() {}
            self.is_cut_short = true;
            return Vec::new();
        }
        self.open.push(ends);
        let nodes = self.nodes();
        self.open.pop();
        let is_closed = matches!(self.tokens.peek(), Some(Token::Tag { name, .. }) if ends.contains(name));
        if !is_closed && !self.is_cut_short {
            self.faults.push(unclosed(tag, at));
            // The caller takes the tag that ends the part: give it one, so that the one of the block around stays.
            self.put_back_end(at);
        }
        nodes
    }

    fn put_back_end(&mut self, at: usize) {
        let rest: Vec<Token<'a>> = self.tokens.by_ref().collect();
        let mut tokens = vec![Token::Tag { name: "", arguments: "", at, arguments_at: at }];
        tokens.extend(rest);
        self.tokens = tokens.into_iter().peekable();
    }

    fn stray(&mut self, name: &'a str, at: usize) {
        let opened = name.strip_prefix("end").unwrap_or(name);
        if !self.unknown.contains(&opened) {
            let message = format!("`{name}` stands outside of its block");
            self.faults.push(Fault { at, message, hint: None });
        }
    }

    fn unknown_tag(&mut self, name: &'a str, at: usize) {
        if name.is_empty() {
            // Put back by a block that was not closed, or `{% %}`.
            return;
        }
        if let Some(opened) = name.strip_prefix("end")
            && self.unknown.contains(&opened)
        {
            return;
        }
        self.unknown.push(name);
        let known = || TAGS.into_iter().chain(RARE_TAGS).chain(figure::TAGS);
        let hint = match nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are: {}", listed(figure::TAGS.into_iter().chain(TAGS))),
        };
        self.faults.push(Fault { at, message: format!("unknown tag `{name}`"), hint: Some(hint) });
    }

    fn malformed(&mut self, at: usize, tag: &str, form: &str) -> Option<Node<'a>> {
        let message = format!("the tag `{tag}` cannot be read");
        self.faults.push(Fault { at, message, hint: Some(format!("write it as `{form}`")) });
        None
    }
}

fn include<'a>(name: &str, arguments: &'a str, at: usize) -> Node<'a> {
    // A name may be an expression, `{{ page.part }}`, which the tag's own braces do not end.
    let is_expression = arguments.starts_with("{{");
    let expression_end = if is_expression { arguments.find("}}").unwrap_or(arguments.len()) } else { 0 };
    let after = &arguments[expression_end..];
    let file_end = expression_end + after.find(char::is_whitespace).unwrap_or(after.len());
    let (file, parameters) = arguments.split_at(file_end);
    Node::Include { file, parameters: assignments(parameters), relative: name == "include_relative", at }
}

/// Reads `name=value name2="value"`.
fn assignments(text: &str) -> Vec<(&str, Operand<'_>)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let name = rest[..equals].trim_end();
        let name_start = name.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
        let name =
            &name[name_start.map_or(0, |start| start + name[start..].chars().next().map_or(1, char::len_utf8))..];
        let Some((value, after)) = fragment(&rest[equals + 1..]) else { break };
        found.push((name, operand(value)));
        rest = after;
    }
    found
}

fn cycle(arguments: &str) -> Node<'_> {
    let (group, items) = match arguments.split_once(':') {
        Some((group, items))
            if !group.contains(['"', '\'']) || fragment(group).is_some_and(|(_, rest)| rest.is_empty()) =>
        {
            (group.trim(), items)
        }
        _ => (arguments, arguments),
    };
    Node::Cycle { group: group.to_owned(), items: fragments(items).map(operand).collect() }
}

/// Reads `item in list reversed limit:2 offset:1`.
fn loop_of(arguments: &str) -> Option<Loop<'_>> {
    let (variable, rest) = arguments.split_once(char::is_whitespace)?;
    let rest = rest.trim_start().strip_prefix("in")?;
    let (items, options) = fragment(rest)?;
    Some(Loop {
        variable,
        items: operand(items),
        limit: option(options, "limit"),
        offset: option(options, "offset"),
        reversed: options.split_whitespace().any(|word| word == "reversed"),
    })
}

/// The value of `name:` among the options of a loop.
fn option<'a>(options: &'a str, name: &str) -> Option<Operand<'a>> {
    let after_name = options.find(&format!("{name}:"))? + name.len() + 1;
    fragment(&options[after_name..]).map(|(value, _)| operand(value))
}

/// Reads a value and its filters: `page.title | truncate: 20, "…" | upcase`.
pub(super) fn expression(text: &str) -> Expression<'_> {
    let mut parts = split_outside_quotes(text, '|');
    let first = parts.next().unwrap_or("");
    let operand = fragment(first).map_or(Operand::Literal(Value::none()), |(value, _)| operand(value));
    let filters = parts.filter_map(|part| {
        let part = part.trim();
        let name_end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
        let (name, arguments) = part.split_at(name_end);
        let arguments = arguments.trim_start().strip_prefix(':').unwrap_or("");
        (!name.is_empty()).then(|| FilterCall { name, arguments: filter_arguments(arguments) })
    });
    Expression { operand, filters: filters.collect() }
}

fn filter_arguments(text: &str) -> Vec<Operand<'_>> {
    split_outside_quotes(text, ',').filter_map(|argument| fragment(argument).map(|(value, _)| operand(value))).collect()
}

/// Splits at a character, where it stands outside of quotes.
fn split_outside_quotes(text: &str, at: char) -> impl Iterator<Item = &str> {
    let mut quote = None;
    text.split(move |c: char| match quote {
        Some(open) => {
            if c == open {
                quote = None;
            }
            false
        }
        None if c == '"' || c == '\'' => {
            quote = Some(c);
            false
        }
        None => c == at,
    })
}

/// Takes the next value from a text: up to a space, a comma or a pipe outside of quotes and brackets.
fn fragment(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    let end = find_outside_quotes(text, |_, c, depth| depth == 0 && (c.is_whitespace() || c == ',' || c == '|'));
    let (value, rest) = text.split_at(end.unwrap_or(text.len()));
    (!value.is_empty()).then_some((value, rest))
}

/// Finds a character outside of quotes by its offset, itself, and how many brackets are open before it.
fn find_outside_quotes(text: &str, is_wanted: impl Fn(usize, char, usize) -> bool) -> Option<usize> {
    let (mut quote, mut depth) = (None, 0_usize);
    for (at, c) in text.char_indices() {
        if let Some(open) = quote {
            if c == open {
                quote = None;
            }
            continue;
        }
        if is_wanted(at, c, depth) {
            return Some(at);
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn fragments(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (value, after) = fragment(rest)?;
        rest = after;
        Some(value)
    })
}

/// Reads one value: a literal, a range or a variable.
pub(super) fn operand(text: &str) -> Operand<'_> {
    operand_at(text.trim(), 0)
}

fn operand_at(text: &str, depth: usize) -> Operand<'_> {
    let literal = |value: Value| Operand::Literal(value);
    match text {
        "" | "nil" | "null" => return literal(Value::none()),
        "true" => return literal(Value::from(true)),
        "false" => return literal(Value::from(false)),
        "empty" | "blank" => return Operand::Empty,
        _ if depth > MAX_BRACKETS => return literal(Value::none()),
        _ => {}
    }
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return literal(Value::from(quoted.split(quote).next().unwrap_or("")));
        }
    }
    if let Some(range) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))
        && let Some((from, to)) = range.split_once("..")
    {
        let [from, to] = [from, to].map(|end| Box::new(operand_at(end.trim(), depth + 1)));
        return Operand::Range(from, to);
    }
    if let Some(number) = number(text) {
        return literal(number);
    }
    lookup(text, depth)
}

fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let is_number = unsigned.starts_with(|c: char| c.is_ascii_digit())
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_number {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    text.parse::<f64>().ok().map(Value::from)
}

/// Reads `name.key["key"][0]`; what does not fit in between is passed over.
fn lookup(text: &str, depth: usize) -> Operand<'_> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| is_word(c) || c == '[') {
        rest = &rest[start..];
        if let Some(inside) = rest.strip_prefix('[') {
            let end = closing_bracket(inside).unwrap_or(inside.len());
            steps.push(Step::Index(operand_at(inside[..end].trim(), depth + 1)));
            rest = inside.get(end + 1..).unwrap_or("");
        } else {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let end = if rest[end..].starts_with('?') { end + 1 } else { end };
            steps.push(Step::Key(&rest[..end]));
            rest = &rest[end..];
        }
    }
    if steps.is_empty() { Operand::Literal(Value::none()) } else { Operand::Lookup(steps) }
}

fn closing_bracket(inside: &str) -> Option<usize> {
    find_outside_quotes(inside, |_, c, depth| depth == 0 && c == ']')
}

/// Reads `a == b and c contains "d" or e`.
pub(super) fn condition(text: &str) -> Condition<'_> {
    let words = condition_words(text);
    let is_join = |word: &&str| matches!(*word, "and" | "or");
    let mut tests: Vec<Test<'_>> = words.split(is_join).map(comparison).collect();
    let last = tests.pop().unwrap_or(Test::Is(Operand::Literal(Value::none())));
    let joins = words.iter().copied().filter(is_join).map(|word| if word == "and" { Join::And } else { Join::Or });
    Condition { tests: tests.into_iter().zip(joins).collect(), last, negated: false }
}

fn comparison<'a>(words: &[&'a str]) -> Test<'a> {
    let [left, operator, right, ..] = words else {
        return Test::Is(words.first().map_or(Operand::Literal(Value::none()), |word| operand(word)));
    };
    let operator = match *operator {
        "==" => Comparison::Equal,
        "!=" | "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        "contains" => Comparison::Contains,
        _ => return Test::Is(operand(left)),
    };
    Test::Compare(operand(left), operator, operand(right))
}

/// Splits a condition into values, operators and words.
fn condition_words(text: &str) -> Vec<&str> {
    const OPERATORS: [&str; 7] = ["==", "!=", "<>", "<=", ">=", "<", ">"];
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let length = match OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
            Some(operator) => operator.len(),
            None => value_length(rest),
        };
        let (word, after) = rest.split_at(length);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// How long the value at the start of a condition is: up to a space or an operator outside of quotes and brackets.
fn value_length(text: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || matches!(c, '=' | '!' | '<' | '>');
    find_outside_quotes(text, |at, c, depth| at > 0 && depth == 0 && ends(c)).unwrap_or(text.len())
}
