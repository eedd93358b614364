//! Parses a body: text → a tree of [`Node`]s that borrow from the text.
//!
//! Errors are malformed tags and unclosed blocks; the parser continues after each, so that all are
//! reported at once. Whether other tags are known depends on the site and is checked when the tree
//! is rendered.

use std::collections::BTreeMap;

use super::Error;
use super::code::Highlight;
use super::expression::{
    Condition, Expression, Loop, Operand, condition, expression, find_outside_quotes, fragment,
    fragments, loop_of, operand, option, parameters, split_outside_quotes,
};
use super::token::{Literals, Token, is_space, tokens, unclosed};

/// How deep blocks may nest: far more than anyone writes, far less than the stack allows.
const MAX_DEPTH: usize = 100;

/// A piece of a body.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Text(&'a str),
    /// The content of a `raw` block.
    Raw(&'a str),
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
        branches: Vec<Branch<'a>>,
        otherwise: Vec<Node<'a>>,
    },
    Case {
        subject: Operand<'a>,
        /// Each `when` and each `else`, in order; an `else` has no values.
        branches: Vec<(Option<Vec<Operand<'a>>>, Vec<Node<'a>>)>,
    },
    For(Box<For<'a>>),
    TableRow(Box<TableRow<'a>>),
    Cycle {
        group: CycleGroup<'a>,
        items: Vec<Operand<'a>>,
    },
    Count {
        name: &'a str,
        step: i64,
    },
    IfChanged(Vec<Node<'a>>),
    Break,
    Continue,
    Highlight {
        options: Highlight<'a>,
        body: Vec<Node<'a>>,
    },
    Include(Box<Include<'a>>),
    PostUrl {
        name: &'a str,
        at: usize,
    },
    Link {
        path: &'a str,
        at: usize,
    },
    Gist {
        arguments: &'a str,
    },
    /// A tag that is neither Liquid's nor Jekyll's: one of the site's [`Tags`](super::Tags), or one
    /// that the configuration maps to an include.
    Custom(Custom<'a>),
}

#[derive(Debug)]
pub(super) struct Custom<'a> {
    pub(super) tag: &'a str,
    pub(super) arguments: &'a str,
    /// The content of a block; The content of a block; `None` if it is not a block.
    pub(super) body: Option<Vec<Node<'a>>>,
    pub(super) at: usize,
    /// The offset of its arguments.
    pub(super) arguments_at: usize,
}

#[derive(Debug)]
pub(super) struct Branch<'a> {
    pub(super) condition: Condition<'a>,
    pub(super) body: Vec<Node<'a>>,
    pub(super) at: usize,
}

#[derive(Debug)]
pub(super) struct For<'a> {
    pub(super) over: Loop<'a>,
    pub(super) body: Vec<Node<'a>>,
    pub(super) otherwise: Vec<Node<'a>>,
}

#[derive(Debug)]
pub(super) struct TableRow<'a> {
    pub(super) over: Loop<'a>,
    pub(super) columns: Option<Operand<'a>>,
    pub(super) body: Vec<Node<'a>>,
}

/// The group of a `cycle`: tags of one group share their position.
#[derive(Debug)]
pub(super) enum CycleGroup<'a> {
    Named(Operand<'a>),
    /// Without a name, the items as written.
    Items(&'a str),
    /// This tag only.
    Own(&'a str),
}

#[derive(Debug)]
pub(super) struct Include<'a> {
    /// The file's name, which may contain outputs.
    pub(super) file: &'a str,
    pub(super) parameters: Vec<(&'a str, Operand<'a>)>,
    /// Whether the file is next to the page instead of in `_includes`.
    pub(super) is_relative: bool,
    pub(super) at: usize,
}

/// A whole text.
#[derive(Debug, Default)]
pub(super) struct Parsed<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// The nodes in order.
    pub(super) errors: Vec<Error>,
    /// The tags that are not Liquid's, with their offsets, and whether they are blocks.
    pub(super) custom: Vec<(&'a str, usize, bool)>,
}

/// The tags of Liquid and Jekyll, in order.
pub(super) const TAGS: [&str; 24] = [
    "assign",
    "break",
    "capture",
    "case",
    "comment",
    "continue",
    "cycle",
    "decrement",
    "echo",
    "for",
    "gist",
    "highlight",
    "if",
    "ifchanged",
    "include",
    "include_cached",
    "include_relative",
    "increment",
    "link",
    "liquid",
    "post_url",
    "raw",
    "tablerow",
    "unless",
];
/// Tags inside or at the end of a block.
const INNER_TAGS: [&str; 13] = [
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
    "endifchanged",
    "endraw",
    "endcomment",
];

/// Whether a tag starts a block, which ends with `endNAME`.
pub(super) fn is_block(name: &str) -> bool {
    let is_end = |inner: &str| inner.strip_prefix("end").is_some_and(|block| block == name);
    INNER_TAGS.iter().any(|inner| is_end(inner))
}

/// Parses a whole text. Tags in `literals` are text.
pub(super) fn parse<'a>(text: &'a str, literals: Literals<'_>) -> Parsed<'a> {
    let mut errors = Vec::new();
    let tokens = tokens(text, literals, &mut errors);
    let last_ends = tokens.iter().filter_map(|token| match token {
        Token::Tag { name, at, .. } => Some((name.strip_prefix("end")?, *at)),
        _ => None,
    });
    let last_ends = last_ends.collect();
    let custom = Vec::new();
    let mut parser =
        Parser { tokens, at: 0, open: Vec::new(), last_ends, is_cut_short: false, errors, custom };
    let mut nodes = Vec::new();
    loop {
        nodes.extend(parser.nodes());
        // A tag that stops the outermost nodes closes no block.
        let Some(Token::Tag { name, at, .. }) = parser.next() else { break };
        parser.stray(name, at);
    }
    let Parser { mut errors, custom, .. } = parser;
    errors.sort_by_key(|error| error.at);
    Parsed { nodes, errors, custom }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    /// The next token.
    at: usize,
    /// The tags that may end the open blocks, from the outermost.
    open: Vec<Ends<'a>>,
    /// The offset of the last `endNAME`, by NAME.
    last_ends: BTreeMap<&'a str, usize>,
    /// Whether parsing of the rest was abandoned.
    is_cut_short: bool,
    errors: Vec<Error>,
    custom: Vec<(&'a str, usize, bool)>,
}

/// The tags that end a part of a block.
#[derive(Debug, Clone, Copy)]
enum Ends<'a> {
    Of(&'static [&'static str]),
    /// `end` with this name.
    Custom(&'a str),
}

impl Ends<'_> {
    fn contain(self, name: &str) -> bool {
        match self {
            Ends::Of(names) => names.contains(&name),
            Ends::Custom(tag) => name.strip_prefix("end") == Some(tag),
        }
    }
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Parses nodes up to a tag that ends one of the open blocks, or that could only end one. Does
    /// not consume that tag.
    fn nodes(&mut self) -> Vec<Node<'a>> {
        let mut nodes = Vec::new();
        while let Some(token) = self.peek() {
            match token {
                Token::Text(text) => nodes.push(Node::Text(text)),
                Token::Raw(text) => nodes.push(Node::Raw(text)),
                Token::Output { inside, at } => nodes.push(Node::Output(expression(inside), at)),
                Token::Tag { name, at, .. } if self.is_inner(name) => {
                    if self.open.is_empty() || self.open.iter().any(|ends| ends.contain(name)) {
                        return nodes;
                    }
                    self.stray(name, at);
                }
                Token::Tag { name, arguments, at, arguments_at } => {
                    self.at += 1;
                    nodes.extend(self.tag(name, arguments, at, arguments_at));
                    continue;
                }
            }
            self.at += 1;
        }
        nodes
    }

    fn is_inner(&self, name: &str) -> bool {
        INNER_TAGS.contains(&name)
            || self.open.iter().any(|ends| matches!(ends, Ends::Custom(_)) && ends.contain(name))
    }

    fn tag(
        &mut self,
        name: &'a str,
        arguments: &'a str,
        at: usize,
        arguments_at: usize,
    ) -> Option<Node<'a>> {
        match name {
            "assign" => match arguments.split_once('=') {
                Some((name, value)) => {
                    Some(Node::Assign { name: name.trim(), value: expression(value), at })
                }
                None => self.malformed(at, "assign", "{% assign name = value %}"),
            },
            "capture" => {
                let body = self.block("capture", Ends::Of(&["endcapture"]), at);
                let is_name =
                    |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']');
                let name = &arguments[arguments.find(is_name).unwrap_or(arguments.len())..];
                let name = &name[..name.find(|c| !is_name(c)).unwrap_or(name.len())];
                Some(Node::Capture { name, body })
            }
            "if" => Some(self.branches("if", &["elsif", "else", "endif"], arguments, at)),
            "unless" => {
                Some(self.branches("unless", &["elsif", "else", "endunless"], arguments, at))
            }
            "case" => Some(self.case(arguments, at)),
            "for" => self.for_loop(arguments, at),
            "tablerow" => {
                let body = self.block("tablerow", Ends::Of(&["endtablerow"]), at);
                let columns = option(arguments, "cols").map(operand);
                match loop_of(arguments) {
                    Some(over) => Some(Node::TableRow(Box::new(TableRow { over, columns, body }))),
                    None => self.malformed(at, "tablerow", "{% tablerow item in list cols:3 %}"),
                }
            }
            "cycle" => Some(cycle(arguments)),
            "increment" => Some(Node::Count { name: arguments, step: 1 }),
            "decrement" => Some(Node::Count { name: arguments, step: -1 }),
            "ifchanged" => {
                Some(Node::IfChanged(self.block("ifchanged", Ends::Of(&["endifchanged"]), at)))
            }
            "break" => Some(Node::Break),
            "continue" => Some(Node::Continue),
            "echo" => Some(Node::Output(expression(arguments), at)),
            "liquid" => {
                self.lines(arguments, arguments_at);
                None
            }
            "highlight" => {
                let body = self.block("highlight", Ends::Of(&["endhighlight"]), at);
                match Highlight::parse(arguments) {
                    Some(options) => Some(Node::Highlight { options, body }),
                    None => self.malformed(at, "highlight", "{% highlight python linenos %}"),
                }
            }
            "include" | "include_cached" | "include_relative" => self.include(name, arguments, at),
            "post_url" => Some(Node::PostUrl { name: arguments, at }),
            "link" => Some(Node::Link { path: arguments, at }),
            "gist" => Some(Node::Gist { arguments }),
            // Put back by an unclosed block.
            "" if arguments == UNCLOSED => None,
            "" => {
                let (message, hint) = (
                    "a tag without a name".to_owned(),
                    "write `{% raw %}{%{% endraw %}` for braces",
                );
                self.errors.push(Error { at, message, hint: Some(hint.to_owned()) });
                None
            }
            tag => Some(self.custom_tag(tag, arguments, at, arguments_at)),
        }
    }

    /// A tag that is not Liquid's. It is a block if its end tag follows.
    fn custom_tag(
        &mut self,
        tag: &'a str,
        arguments: &'a str,
        at: usize,
        arguments_at: usize,
    ) -> Node<'a> {
        let is_block = self.is_ended(tag, at);
        self.custom.push((tag, at, is_block));
        let body = is_block.then(|| self.block(tag, Ends::Custom(tag), at));
        Node::Custom(Custom { tag, arguments, body, at, arguments_at })
    }

    /// Whether there is an `endTAG` after byte `at`.
    fn is_ended(&self, tag: &str, at: usize) -> bool {
        self.last_ends.get(tag).is_some_and(|&end| end > at)
    }

    fn for_loop(&mut self, arguments: &'a str, at: usize) -> Option<Node<'a>> {
        let body = self.block_part("for", Ends::Of(&["else", "endfor"]), at);
        let otherwise = match self.next() {
            Some(Token::Tag { name: "else", .. }) => self.block("for", Ends::Of(&["endfor"]), at),
            _ => Vec::new(),
        };
        let Some(over) = loop_of(arguments) else {
            return self.malformed(at, "for", "{% for item in list %}");
        };
        let mut bodies = [body, otherwise];
        without_blanks(bodies.iter_mut());
        let [body, otherwise] = bodies;
        Some(Node::For(Box::new(For { over, body, otherwise })))
    }

    fn branches(
        &mut self,
        tag: &'static str,
        ends: &'static [&'static str],
        arguments: &'a str,
        at: usize,
    ) -> Node<'a> {
        if arguments.is_empty() {
            self.malformed(at, tag, &format!("{{% {tag} page.title %}}"));
        }
        let first = condition(arguments);
        let mut next = Some((Condition { negated: tag == "unless", ..first }, at));
        let (mut branches, mut otherwise) = (Vec::new(), Vec::new());
        loop {
            let body = self.block_part(tag, Ends::Of(ends), at);
            match next.take() {
                Some((condition, at)) => branches.push(Branch { condition, body, at }),
                None => otherwise = body,
            }
            match self.next() {
                Some(Token::Tag { name: "elsif", arguments, at, .. }) => {
                    next = Some((condition(arguments), at));
                }
                Some(Token::Tag { name: "else", .. }) => {}
                _ => break,
            }
        }
        without_blanks(branches.iter_mut().map(|branch| &mut branch.body).chain([&mut otherwise]));
        Node::If { branches, otherwise }
    }

    fn case(&mut self, arguments: &'a str, at: usize) -> Node<'a> {
        const ENDS: Ends<'static> = Ends::Of(&["when", "else", "endcase"]);
        let subject = fragment(arguments).map_or_else(|| operand(""), |(value, _)| operand(value));
        let mut branches = Vec::new();
        // Anything before the first `when` is never rendered.
        self.block_part("case", ENDS, at);
        loop {
            let values = match self.next() {
                Some(Token::Tag { name: "when", arguments, .. }) => {
                    Some(fragments(arguments).filter(|&value| value != "or").map(operand).collect())
                }
                Some(Token::Tag { name: "else", .. }) => None,
                _ => break,
            };
            branches.push((values, self.block_part("case", ENDS, at)));
        }
        without_blanks(branches.iter_mut().map(|(_, body)| body));
        Node::Case { subject, branches }
    }

    fn include(&mut self, tag: &str, arguments: &'a str, at: usize) -> Option<Node<'a>> {
        let (file, rest) = arguments.split_at(file_end(arguments));
        match parameters(rest) {
            _ if file.is_empty() => {
                self.malformed(at, tag, "{% include file.html name=\"value\" %}")
            }
            Ok(parameters) => Some(Node::Include(Box::new(Include {
                file,
                parameters,
                is_relative: tag == "include_relative",
                at,
            }))),
            Err(rest) => {
                let message = format!("invalid parameters of `{tag}` at `{rest}`");
                let hint =
                    "write `name=\"text\"` or `name=variable`; use `capture` for anything else"
                        .to_owned();
                self.errors.push(Error { at, message, hint: Some(hint) });
                None
            }
        }
    }

    /// Inserts the lines of a `liquid` tag, each as a tag, before the next token.
    fn lines(&mut self, text: &'a str, text_at: usize) {
        let mut offset = 0;
        let mut tags = Vec::new();
        for line in text.split_inclusive('\n') {
            let at = text_at + offset + (line.len() - line.trim_start().len());
            offset += line.len();
            let line = line.trim();
            let name_end =
                line.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(line.len());
            let (name, arguments) = line.split_at(name_end);
            if !name.is_empty() {
                tags.push(Token::Tag {
                    name,
                    arguments: arguments.trim(),
                    at,
                    arguments_at: at + name_end + 1,
                });
            }
        }
        self.tokens.splice(self.at..self.at, tags);
    }

    /// Parses a block including its end tag.
    fn block(&mut self, tag: &str, ends: Ends<'a>, at: usize) -> Vec<Node<'a>> {
        let nodes = self.block_part(tag, ends, at);
        self.next();
        nodes
    }

    /// Parses a part of a block up to the tag that ends it. If the block is unclosed, reports that
    /// and puts a placeholder in place of its end tag.
    fn block_part(&mut self, tag: &str, ends: Ends<'a>, at: usize) -> Vec<Node<'a>> {
        if self.open.len() >= MAX_DEPTH {
            if !self.is_cut_short {
                let message = format!("blocks nest deeper than {MAX_DEPTH} levels");
                self.errors.push(Error { at, message, hint: None });
            }
            // Nothing after this can be parsed reliably.
            self.at = self.tokens.len();
            self.is_cut_short = true;
            return Vec::new();
        }
        self.open.push(ends);
        let nodes = self.nodes();
        self.open.pop();
        let is_closed = matches!(self.peek(), Some(Token::Tag { name, .. }) if ends.contain(name));
        if !is_closed && !self.is_cut_short {
            self.errors.push(unclosed(tag, at));
            // The caller consumes the tag that ends the part: give it a placeholder, so that the
            // end of the outer block is kept.
            let end = Token::Tag { name: "", arguments: UNCLOSED, at, arguments_at: at };
            if self.at > 0 && self.at <= self.tokens.len() {
                self.at -= 1;
                self.tokens[self.at] = end;
            }
        }
        nodes
    }

    fn stray(&mut self, name: &'a str, at: usize) {
        let message = format!("`{name}` outside its block");
        self.errors.push(Error { at, message, hint: None });
    }

    fn malformed(&mut self, at: usize, tag: &str, form: &str) -> Option<Node<'a>> {
        let message = format!("invalid tag `{tag}`");
        self.errors.push(Error { at, message, hint: Some(format!("write it as `{form}`")) });
        None
    }
}

/// The placeholder for the missing end tag of a block.
const UNCLOSED: &str = "(unclosed)";

/// As in Liquid, a block that can render only white space renders nothing.
fn without_blanks<'n, 'a: 'n>(bodies: impl Iterator<Item = &'n mut Vec<Node<'a>>>) {
    let bodies: Vec<_> = bodies.collect();
    if bodies.iter().all(|body| body.iter().all(is_blank)) {
        for body in bodies {
            body.retain(|node| !matches!(node, Node::Text(_)));
        }
    }
}

fn is_blank(node: &Node<'_>) -> bool {
    let all_blank = |body: &[Node<'_>]| body.iter().all(is_blank);
    match node {
        Node::Text(text) => text.chars().all(is_space),
        Node::Assign { .. } | Node::Capture { .. } => true,
        // Blank blocks inside this one are already empty, so there are few nodes to check.
        Node::If { branches, otherwise } => {
            branches.iter().all(|branch| all_blank(&branch.body)) && all_blank(otherwise)
        }
        Node::Case { branches, .. } => branches.iter().all(|(_, body)| all_blank(body)),
        Node::For(repeat) => all_blank(&repeat.body) && all_blank(&repeat.otherwise),
        _ => false,
    }
}

/// The end of an included file's name: a space outside `{{ … }}`.
fn file_end(arguments: &str) -> usize {
    let mut at = 0;
    while let Some(c) = arguments[at..].chars().next() {
        let expression =
            arguments[at..].starts_with("{{").then(|| arguments[at..].find("}}")).flatten();
        match expression {
            Some(length) => at += length + 2,
            None if c.is_whitespace() => return at,
            None => at += c.len_utf8(),
        }
    }
    at
}

fn cycle(arguments: &str) -> Node<'_> {
    let named = fragment(arguments).and_then(|(first, _)| {
        let colon = if first.starts_with(['"', '\'']) {
            first.len() + arguments[first.len()..].find(|c: char| !c.is_whitespace())?
        } else {
            find_outside_quotes(arguments, |c| c == ':' || c == ',')?
        };
        arguments[colon..].starts_with(':').then_some(colon)
    });
    let items = |text| -> Vec<Operand<'_>> {
        split_outside_quotes(text, ',')
            .filter_map(|item| Some(operand(fragment(item)?.0)))
            .collect()
    };
    if let Some(colon) = named {
        let group = CycleGroup::Named(operand(&arguments[..colon]));
        return Node::Cycle { group, items: items(&arguments[colon + 1..]) };
    }
    let items = items(arguments);
    let is_written_out = items.iter().all(|item| matches!(item, Operand::Literal(_)));
    let group =
        if is_written_out { CycleGroup::Items(arguments) } else { CycleGroup::Own(arguments) };
    Node::Cycle { group, items }
}
