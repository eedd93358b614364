//! Parses the text of a block: finds which span starts where, and parses the simpler spans.

use crate::attributes::parse_list;
use crate::block::Context;
use crate::quotes::{Facing, Quotes, quotes};
use crate::scan::{self, braced, count, name_length};
use crate::tree::{Kind, MAX_DEPTH, Node};
use crate::{Options, entity, extension, html_tag};

/// The kinds of spans around the text being parsed, at any depth.
#[expect(clippy::struct_excessive_bools, reason = "a set, and each member is asked for by name")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Inside {
    pub(super) emphasis: bool,
    pub(super) strong: bool,
    /// Whether the innermost span is light emphasis.
    pub(super) directly_emphasis: bool,
    /// A link or the text of an image: it cannot contain links.
    pub(super) link: bool,
    /// An HTML element or struck text, in which a backslash does not break lines.
    pub(super) element: bool,
}

/// What ends the span being parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// The end of the text only.
    Never,
    /// One or two `*` or `_`.
    Emphasis { mark: u8, strong: bool },
    /// The closing bracket of a link: the number of brackets that are open, and the number of
    /// images among the `seen` nodes of its text.
    Bracket { open: usize, seen: usize, images: usize },
    /// The tag that closes an element.
    Element { name: String },
}

/// What was added last, for an attribute list that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Text,
    /// A character that replaced others and has no attributes.
    Symbol,
    Node,
}

/// Parses one text.
pub(super) struct Spans<'t, 'c> {
    pub(super) text: &'t str,
    pub(super) position: usize,
    pub(super) context: &'c Context<'c>,
    pub(super) inside: Inside,
    /// The depth of the spans being parsed in the tree.
    pub(super) depth: usize,
    /// How many more bytes may be parsed in spans that may turn out to be text.
    pub(super) budget: usize,
    /// Whether the content of elements is HTML rather than Markdown.
    pub(super) raw: bool,
    /// The start of the text since the last span: quotes look no further back.
    plain_from: usize,
    last: Last,
    vain: Vain,
}

/// Searches that found nothing up to the end of the text, each with the place from which on that is
/// known: what failed in a span that turned out to be text may still succeed before that place.
#[derive(Debug, Default)]
struct Vain {
    math: Option<usize>,
    comment: Option<usize>,
    extension: Option<usize>,
    bracket: Option<usize>,
    /// Also the least number of backticks without an end.
    backticks: Option<(usize, usize)>,
}

/// Whether a search from this place would find nothing.
fn is_vain(known: Option<usize>, position: usize) -> bool {
    known.is_some_and(|from| position >= from)
}

/// Parses text as spans, at this depth in the tree.
pub(super) fn spans(
    text: &str,
    context: &Context<'_>,
    depth: usize,
    in_element: bool,
) -> Vec<Node> {
    let mut reader = Spans {
        text,
        position: 0,
        context,
        inside: Inside { element: in_element, ..Inside::default() },
        depth,
        budget: 1000 + 20 * text.len(),
        raw: false,
        plain_from: 0,
        last: Last::Text,
        vain: Vain::default(),
    };
    let mut nodes = Vec::new();
    reader.run(&mut Stop::Never, &mut nodes);
    nodes
}

/// The bytes that may start a span.
const STARTS: [bool; 256] = {
    let mut starts = [false; 256];
    let bytes = b"*_`<[!\"'${&-. >\\~\n]";
    let mut index = 0;
    while index < bytes.len() {
        starts[bytes[index] as usize] = true;
        index += 1;
    }
    starts
};

/// Whether a span may start at a byte of [`STARTS`], or the current one end. This is a quick check
/// that rules out most text.
#[inline]
fn may_start(bytes: &[u8], at: usize, hard_wrap: bool, is_bracket: bool) -> bool {
    let next = bytes.get(at + 1).copied();
    match bytes[at] {
        b'-' => next == Some(b'-'),
        b'.' => next == Some(b'.'),
        b'~' => next == Some(b'~'),
        b'>' => next == Some(b'>'),
        b'!' => next == Some(b'['),
        b' ' => matches!(next, Some(b' ' | b'>')),
        b'\n' => hard_wrap,
        b']' => is_bracket,
        _ => true,
    }
}

impl<'t> Spans<'t, '_> {
    /// Parses up to what ends the span, without consuming it, and returns true; false at the end of
    /// the text.
    pub(super) fn run(&mut self, stop: &mut Stop, nodes: &mut Vec<Node>) -> bool {
        self.last = Last::Text;
        let start = self.position;
        let bytes = self.text.as_bytes();
        let hard_wrap = self.context.options.hard_wrap;
        let is_bracket = matches!(stop, Stop::Bracket { .. });
        let mut from = self.position;
        let found = loop {
            let mut at = self.position;
            while let Some(&byte) = bytes.get(at)
                && (!STARTS[usize::from(byte)] || !may_start(bytes, at, hard_wrap, is_bracket))
            {
                at += 1;
            }
            self.position = at;
            if self.position == bytes.len() {
                self.push_text(nodes, &self.text[from..]);
                break false;
            }
            self.push_text(nodes, &self.text[from..self.position]);
            if self.stops(stop, nodes) {
                break true;
            }
            let before = self.position;
            if self.span(nodes) {
                // The line end after a break is still visible to quotes.
                let breaks = matches!(nodes.last(), Some(Node { kind: Kind::HardBreak, .. }));
                self.plain_from = self.position - usize::from(breaks);
                from = self.position;
            } else {
                from = before;
                self.position = before + 1;
            }
        };
        if *stop != Stop::Never {
            self.budget = self.budget.saturating_sub(self.position - start);
        }
        found
    }

    /// The rest of the text.
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    /// Adds text outside spans.
    pub(super) fn push_text(&mut self, nodes: &mut Vec<Node>, text: &str) {
        if text.is_empty() {
            return;
        }
        self.last = Last::Text;
        append(nodes, text);
    }

    /// Adds a span.
    pub(super) fn push(&mut self, nodes: &mut Vec<Node>, node: Node) {
        self.last = Last::Node;
        nodes.push(node);
    }

    fn push_symbol(&mut self, nodes: &mut Vec<Node>, symbol: &str) {
        append(nodes, symbol);
        self.last = Last::Symbol;
    }

    /// Consumes the next bytes as text.
    pub(super) fn take_text(&mut self, nodes: &mut Vec<Node>, length: usize) {
        let start = self.position;
        self.position += length;
        self.push_text(nodes, &self.text[start..start + length]);
    }

    /// Whether depth and budget allow another attempt at a span.
    pub(super) fn may_try(&self) -> bool {
        self.depth + 1 < MAX_DEPTH && self.budget > 0
    }

    /// Parses the content of a span, one level deeper, up to its end.
    pub(super) fn nested(&mut self, inside: Inside, mut stop: Stop) -> (Vec<Node>, bool) {
        let outer = std::mem::replace(&mut self.inside, inside);
        self.depth += 1;
        self.plain_from = self.position;
        let mut nodes = Vec::new();
        let found = self.run(&mut stop, &mut nodes);
        self.depth -= 1;
        self.inside = outer;
        (nodes, found)
    }

    /// Parses the content of a span that ends at `end`.
    pub(super) fn nested_up_to(&mut self, end: usize) -> Vec<Node> {
        let text = self.text;
        self.text = &text[..end];
        let vain = std::mem::take(&mut self.vain);
        let inside = Inside { element: true, ..self.inside };
        let (nodes, _) = self.nested(inside, Stop::Never);
        self.text = text;
        self.vain = vain;
        nodes
    }

    fn stops(&self, stop: &mut Stop, nodes: &[Node]) -> bool {
        let rest = self.rest();
        match stop {
            Stop::Never => false,
            Stop::Emphasis { mark, strong } => self.ends_emphasis(*mark, *strong, nodes),
            Stop::Bracket { open, seen, images } => {
                match rest.as_bytes()[0] {
                    b']' => *open = open.saturating_sub(1),
                    b'[' | b'!' => *open += 1,
                    _ => return false,
                }
                // The brackets of an image were counted when it started, and consumed with it.
                *images += nodes[*seen..].iter().filter(|node| node.kind == Kind::Image).count();
                *seen = nodes.len();
                *open <= *images
            }
            Stop::Element { name } => html_tag::closes(rest, name).is_some(),
        }
    }

    pub(super) fn is_after_space(&self) -> bool {
        self.text[..self.position].bytes().next_back().is_some_and(scan::is_space)
    }

    /// Parses the span that starts here. Returns false, and consumes nothing, if none does.
    fn span(&mut self, nodes: &mut Vec<Node>) -> bool {
        let rest = self.rest();
        let byte = rest.as_bytes()[0];
        if self.raw {
            return byte == b'<' && self.html(nodes);
        }
        match byte {
            b'*' | b'_' => self.emphasis(nodes),
            b'`' => self.code(nodes),
            b'<' => self.autolink(nodes) || self.html(nodes) || self.symbol(nodes),
            b'[' if rest.starts_with("[^") => self.footnote(nodes),
            b'[' | b'!' => self.link(nodes),
            b'"' | b'\'' => self.quote(nodes),
            b'$' => self.math(nodes),
            b'{' => self.extension(nodes),
            b'&' => self.reference(nodes),
            b'-' | b'.' | b'>' => self.symbol(nodes),
            b' ' => self.line_break(nodes) || self.symbol(nodes),
            b'\\' => {
                self.math(nodes)
                    || self.symbol(nodes)
                    || self.line_break(nodes)
                    || self.escape(nodes)
            }
            b'~' => self.context.options.gfm && self.strikethrough(nodes),
            b'\n' => self.wrap(nodes),
            _ => false,
        }
    }

    /// Code between equal numbers of backticks. A single backtick between spaces is text.
    fn code(&mut self, nodes: &mut Vec<Node>) -> bool {
        let rest = self.rest();
        let ticks = count(rest, |byte| byte == b'`');
        let inside = &rest[ticks..];
        let between_spaces = ticks == 1
            && (self.position == 0 || self.is_after_space())
            && inside.bytes().next().is_some_and(scan::is_space);
        let is_vain = self
            .vain
            .backticks
            .is_some_and(|(from, least)| self.position >= from && ticks >= least);
        if between_spaces || is_vain {
            self.take_text(nodes, ticks);
            return true;
        }
        let Some(length) = inside.find(&rest[..ticks]) else {
            self.vain.backticks = Some((self.position, ticks));
            self.take_text(nodes, ticks);
            return true;
        };
        let mut code = &inside[..length];
        if ticks > 1 {
            code = code.strip_prefix(' ').unwrap_or(code);
            code = code.strip_suffix(' ').unwrap_or(code);
        }
        self.position += ticks + length + ticks;
        self.push(nodes, Node::new(Kind::Code(code.to_owned())));
        true
    }

    /// `$$ … $$`. A backslash before it makes the dollars text.
    fn math(&mut self, nodes: &mut Vec<Node>) -> bool {
        let rest = self.rest();
        let (escaped, start) = match rest.strip_prefix('\\') {
            Some(start) => (1, start),
            None => (0, rest),
        };
        let Some(inside) =
            start.strip_prefix("$$").filter(|_| !is_vain(self.vain.math, self.position))
        else {
            return false;
        };
        let Some(length) = inside.find("$$") else {
            self.vain.math = Some(self.position);
            return false;
        };
        if escaped == 1 {
            self.position += 1;
            self.take_text(nodes, 2);
            return true;
        }
        let tex = inside[..length].trim_matches(crate::block::is_ascii_space).to_owned();
        self.position += 4 + length;
        if self.context.options.math_engine {
            self.push(nodes, Node::new(Kind::Math { tex, display: false }));
        } else {
            let kind = Kind::Element { name: "span".to_owned(), block: false };
            let mut node = Node::with_children(kind, vec![Node::text(format!("${tex}$"))]);
            node.attributes.set("class", "kdmath");
            self.push(nodes, node);
        }
        true
    }

    fn footnote(&mut self, nodes: &mut Vec<Node>) -> bool {
        let name = &self.rest()[2..];
        let name = &name[..name_length(name)];
        if name.is_empty() || !self.rest()[2 + name.len()..].starts_with(']') {
            return false;
        }
        // The final number is only known at the end of the document; until then, this is the index
        // among the definitions.
        match self.context.definitions.footnote_numbers.get(name) {
            Some(&footnote) => {
                self.position += name.len() + 3;
                let mut node = Node::new(Kind::FootnoteReference { footnote, occurrence: 0 });
                node.attributes.set("role", "doc-noteref");
                self.push(nodes, node);
            }
            None => self.take_text(nodes, name.len() + 3),
        }
        true
    }

    fn quote(&mut self, nodes: &mut Vec<Node>) -> bool {
        let plain = self.text.get(self.plain_from..self.position).unwrap_or_default();
        let before = plain.chars().next_back().filter(|&c| c != '\\');
        let rest = self.rest();
        let options = &self.context.options;
        let first = rest.as_bytes()[0];
        match quotes(rest, before) {
            Quotes::One(facing) => {
                self.position += 1;
                self.push_symbol(nodes, mark(options, first, facing));
            }
            Quotes::TwoLeft => {
                self.position += 2;
                self.push_symbol(nodes, mark(options, first, Facing::Left));
                self.push_symbol(nodes, mark(options, rest.as_bytes()[1], Facing::Left));
            }
            Quotes::PlainThen(facing) => {
                self.take_text(nodes, 1);
                self.position += 1;
                self.push_symbol(nodes, mark(options, rest.as_bytes()[1], facing));
            }
        }
        true
    }

    fn reference(&mut self, nodes: &mut Vec<Node>) -> bool {
        let Some((character, length)) = entity::reference(self.rest()) else { return false };
        self.position += length;
        self.push_symbol(nodes, character.encode_utf8(&mut [0; 4]));
        true
    }

    /// Dashes, dots and guillemets.
    fn symbol(&mut self, nodes: &mut Vec<Node>) -> bool {
        let rest = self.rest();
        let [dots, long, short, left, right] = &self.context.options.typographic_symbols;
        let (length, symbols) = match rest.as_bytes() {
            [b'-', b'-', b'-', ..] => (3, [long.as_str(), ""]),
            [b'-', b'-', ..] => (2, [short.as_str(), ""]),
            [b'.', b'.', b'.', ..] => (3, [dots.as_str(), ""]),
            [b'\\', b'<', b'<', ..] => (3, ["<<", ""]),
            [b'\\', b'>', b'>', ..] => (3, [">>", ""]),
            [b'<', b'<', b' ', ..] => (3, [left.as_str(), NO_BREAK]),
            [b' ', b'>', b'>', ..] => (3, [NO_BREAK, right.as_str()]),
            [b'<', b'<', ..] => (2, [left.as_str(), ""]),
            [b'>', b'>', ..] => (2, [right.as_str(), ""]),
            _ => return false,
        };
        self.position += length;
        for symbol in symbols {
            self.push_symbol(nodes, symbol);
        }
        true
    }

    /// Two spaces, two backslashes or (GFM) one, at the end of a line.
    fn line_break(&mut self, nodes: &mut Vec<Node>) -> bool {
        let rest = self.rest();
        let length = if rest.starts_with("  \n") || rest.starts_with("\\\\\n") {
            2
        } else if rest.starts_with("\\\n") && self.context.options.gfm && !self.inside.element {
            1
        } else {
            return false;
        };
        // The writer ends the line after the break.
        self.position += length + 1;
        self.push(nodes, Node::new(Kind::HardBreak));
        self.last = Last::Text;
        true
    }

    /// A line end, if each of them is a break.
    fn wrap(&mut self, nodes: &mut Vec<Node>) -> bool {
        let wraps = self.context.options.hard_wrap && self.context.options.gfm;
        if wraps {
            self.position += 1;
            self.push(nodes, Node::new(Kind::HardBreak));
            self.last = Last::Text;
        }
        wraps
    }

    fn escape(&mut self, nodes: &mut Vec<Node>) -> bool {
        let Some(byte) = self
            .rest()
            .as_bytes()
            .get(1)
            .copied()
            .filter(|&byte| is_escapable(byte, &self.context.options))
        else {
            return false;
        };
        self.position += 2;
        self.push_text(nodes, char::from(byte).encode_utf8(&mut [0; 4]));
        true
    }

    /// `{: … }` right after a span, or `{::name …}`.
    fn extension(&mut self, nodes: &mut Vec<Node>) -> bool {
        let Some(inside) = self.rest().strip_prefix("{:").filter(|_| self.budget > 0) else {
            return false;
        };
        let Some((list, after)) = braced(inside) else {
            self.budget = self.budget.saturating_sub(inside.len());
            return false;
        };
        if let Some(start) = extension::start(self.rest()) {
            return self.named_extension(start, nodes);
        }
        if list.is_empty() || list.starts_with('/') {
            return false;
        }
        if self.last == Last::Text {
            return false;
        }
        // The list of a symbol or a footnote reference has no effect.
        let takes_attributes =
            |node: &&mut Node| !matches!(node.kind, Kind::FootnoteReference { .. } | Kind::Text(_));
        if let Some(node) = nodes.last_mut().filter(takes_attributes) {
            node.attributes
                .merge(&parse_list(list).resolved(&self.context.definitions.attribute_lists));
        }
        self.position = self.text.len() - after.len();
        true
    }

    fn named_extension(&mut self, start: extension::Start<'t>, nodes: &mut Vec<Node>) -> bool {
        if !extension::is_known(start.name) {
            return false;
        }
        let (body, after) = if start.closed {
            ("", start.after)
        } else {
            match self.extension_body(start) {
                Some(split) => split,
                None => return false,
            }
        };
        self.position = self.text.len() - after.len();
        let html = match start.name {
            "comment" => format!("<!-- {body} -->"),
            "nomarkdown" if extension::is_for_html(start.options) => body.to_owned(),
            _ => String::new(),
        };
        if !body.is_empty() && !html.is_empty() {
            self.push(nodes, Node::new(Kind::Html { html, block: false }));
        }
        true
    }

    /// The text up to the end of the extension, and the text after that.
    fn extension_body(&mut self, start: extension::Start<'t>) -> Option<(&'t str, &'t str)> {
        let text = start.after;
        let mut from = 0;
        while !is_vain(self.vain.extension, self.position) {
            let Some(at) = text[from..].find("{:/") else {
                self.vain.extension = self.vain.extension.or((from == 0).then_some(self.position));
                return None;
            };
            from += at;
            if let Some(length) = extension::end_length(&text[from..], start.name) {
                return Some((&text[..from], &text[from + length..]));
            }
            self.budget = self.budget.saturating_sub(at + 3);
            if self.budget == 0 {
                return None;
            }
            from += 3;
        }
        None
    }

    /// Whether a bracket is closed after this place.
    pub(super) fn has_bracket(&mut self) -> bool {
        let found = !is_vain(self.vain.bracket, self.position) && self.rest().contains(']');
        if !found && self.vain.bracket.is_none() {
            self.vain.bracket = Some(self.position);
        }
        found
    }

    /// The length of the comment that starts here.
    pub(super) fn comment_length(&mut self) -> Option<usize> {
        let inside = self
            .rest()
            .strip_prefix("<!--")
            .filter(|_| !is_vain(self.vain.comment, self.position))?;
        let found = inside.find("-->").map(|length| length + 7);
        if found.is_none() {
            self.vain.comment = Some(self.position);
        }
        found
    }
}

const NO_BREAK: &str = "\u{a0}";

/// Appends text.
fn append(nodes: &mut Vec<Node>, text: &str) {
    match nodes.last_mut().map(|last| &mut last.kind) {
        Some(Kind::Text(known)) => known.push_str(text),
        _ if text.is_empty() => {}
        _ => nodes.push(Node::text(text)),
    }
}

/// Whether a backslash escapes the character.
fn is_escapable(byte: u8, options: &Options) -> bool {
    match byte {
        b'~' => options.gfm,
        b'\\' | b'.' | b'*' | b'_' | b'+' | b'`' | b'<' | b'>' | b'(' | b')' | b'[' | b']'
        | b'{' | b'}' | b'#' | b'!' | b':' | b'|' | b'"' | b'\'' | b'$' | b'=' | b'-' => true,
        _ => false,
    }
}

/// The text without the backslashes of escaped characters.
pub(super) fn unescaped(text: &str, options: &Options) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let escaped =
            rest.as_bytes().get(at + 1).copied().filter(|&byte| is_escapable(byte, options));
        plain.push(escaped.map_or('\\', char::from));
        rest = &rest[at + 1 + usize::from(escaped.is_some())..];
    }
    plain + rest
}

fn mark(options: &Options, quote: u8, facing: Facing) -> &str {
    let [left, right, double_left, double_right] = &options.smart_quotes;
    match (quote, facing) {
        (b'\'', Facing::Left) => left,
        (b'\'', Facing::Right) => right,
        (_, Facing::Left) => double_left,
        (_, Facing::Right) => double_right,
    }
}
