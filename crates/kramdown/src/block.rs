//! Splits text into blocks.
//!
//! The text of each block stays as it is in the source, without the marks of the block. The span
//! parser reads it later.

use std::borrow::Cow;

use crate::Options;
use crate::attributes::List;
use crate::definitions::{Defined, Definitions};
use crate::html_tag::Content;
use crate::scan::{self, count, is_blank, is_space, line, line_length, unindented};
use crate::tree::{Alignment, Attributes, MAX_DEPTH};

/// How deep blocks may nest in the tree; what is deeper is text. The levels up to [`MAX_DEPTH`] are
/// left to spans.
pub(super) const MAX_BLOCK_DEPTH: usize = MAX_DEPTH - 30;

/// A block whose spans are not parsed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: BlockKind,
    /// The attribute lists next to it.
    pub(super) list: List,
    pub(super) children: Vec<Block>,
}

/// What a [`Block`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// Blank lines, and whether they are a single line end.
    Blank {
        single: bool,
    },
    /// A `^` on a line of its own.
    EndMarker,
    /// An attribute list that belongs to the block before it, or the definition of one.
    AfterList,
    /// A definition, which is not visible.
    Definition(Defined),
    /// Text. Bare text has no `<p>` around it: the short text of a list item.
    Paragraph {
        text: String,
        bare: bool,
    },
    Heading {
        level: u8,
        text: String,
        id: Option<String>,
    },
    Quote,
    Code {
        language: Option<String>,
        text: String,
    },
    List {
        ordered: bool,
    },
    Item {
        task: Option<bool>,
    },
    DefinitionList,
    Term {
        text: String,
    },
    DefinitionItem,
    Rule,
    Math {
        tex: String,
    },
    Table {
        alignments: Vec<Option<Alignment>>,
    },
    Section(Section),
    Row,
    Cell {
        text: String,
    },
    /// An HTML element. It is `closed` if it has only one tag, `<name />`.
    Element {
        name: String,
        attributes: Attributes,
        content: Content,
        closed: bool,
    },
    /// HTML that is written unchanged.
    Html {
        html: String,
    },
    /// Text inside a raw element: written unchanged, except for characters that would be markup.
    RawText {
        text: String,
    },
    /// The text of an element that is parsed as spans.
    SpanText {
        text: String,
    },
}

/// A part of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Head,
    Body,
    Foot,
}

impl Block {
    pub(super) fn new(kind: BlockKind) -> Block {
        Block { kind, list: List::default(), children: Vec::new() }
    }

    pub(super) fn with_children(kind: BlockKind, children: Vec<Block>) -> Block {
        Block { kind, list: List::default(), children }
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(self.kind, BlockKind::Blank { .. })
    }

    pub(super) fn is_paragraph(&self) -> bool {
        matches!(self.kind, BlockKind::Paragraph { .. })
    }

    /// Removes the `<p>` of the paragraph. If another block follows, a line end separates them.
    pub(super) fn make_bare(&mut self, is_followed: bool) {
        if let BlockKind::Paragraph { bare, text } = &mut self.kind {
            *bare = true;
            if is_followed {
                text.push('\n');
            }
        }
    }
}

/// What applies to the whole text.
#[derive(Debug)]
pub(super) struct Context<'o> {
    /// The text may change them: `{::options … /}`.
    pub(super) options: Cow<'o, Options>,
    pub(super) definitions: Definitions,
}

impl<'o> Context<'o> {
    pub(super) fn new(options: &'o Options) -> Context<'o> {
        Context { options: Cow::Borrowed(options), definitions: Definitions::default() }
    }
}

/// Parses a whole text, or that of a quote or a list item.
pub(super) fn blocks(text: &str, context: &mut Context<'_>, depth: usize) -> Vec<Block> {
    blocks_after(Vec::new(), text, context, depth)
}

/// Parses text as blocks that follow `before`.
pub(super) fn blocks_after(
    mut before: Vec<Block>,
    text: &str,
    context: &mut Context<'_>,
    depth: usize,
) -> Vec<Block> {
    if depth >= MAX_BLOCK_DEPTH {
        let text = text.trim_matches(is_ascii_space).to_owned();
        before.push(Block::new(BlockKind::Paragraph { text, bare: false }));
        return before;
    }
    let mut parser =
        Parser { text, position: 0, context, pending: None, depth, vain: Vain::default() };
    parser.run(&mut before, None);
    before
}

/// Parses one text from start to end.
pub(super) struct Parser<'t, 'c, 'o> {
    pub(super) text: &'t str,
    pub(super) position: usize,
    pub(super) context: &'c mut Context<'o>,
    /// An attribute list that waits for the next block.
    pub(super) pending: Option<List>,
    /// The depth of the blocks of this text in the tree.
    pub(super) depth: usize,
    pub(super) vain: Vain,
}

/// Searches to the end of the text that found nothing, so that they are not repeated.
#[derive(Debug, Default)]
pub(super) struct Vain {
    /// The shortest backtick fence and the shortest tilde fence without an end.
    fence: [Option<usize>; 2],
    math: bool,
    pub(super) comment: bool,
    pub(super) instruction: bool,
    /// Names of extensions without an end.
    pub(super) extensions: Vec<String>,
}

/// Whether a block was found, or the end of the open HTML element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Block,
    ElementEnd,
}

impl From<bool> for Found {
    fn from(found: bool) -> Found {
        if found { Found::Block } else { Found::Nothing }
    }
}

impl<'t> Parser<'t, '_, '_> {
    /// Parses blocks up to the end of the text or the tag that closes the element `enclosing`.
    pub(super) fn run(&mut self, blocks: &mut Vec<Block>, enclosing: Option<&str>) {
        let pending = self.pending.take();
        let mut closed = false;
        while !closed && self.position < self.text.len() {
            closed = self.block(blocks, enclosing) == Found::ElementEnd;
        }
        self.pending = pending;
    }

    /// Parses one block, in the order in which kramdown tries them.
    fn block(&mut self, blocks: &mut Vec<Block>, enclosing: Option<&str>) -> Found {
        let rest = self.rest();
        if scan::is_blank_line(rest) {
            self.blank(blocks);
            return Found::Block;
        }
        if scan::is_indented(rest) {
            self.indented_code(blocks);
            return Found::Block;
        }
        let found = match unindented(rest).as_bytes()[0] {
            b'`' | b'~' => self.fenced_code(blocks).into(),
            b'>' => self.quote(blocks).into(),
            b'#' => self.heading(blocks).into(),
            b'*' | b'-' | b'+' | b'_' | b'0'..=b'9' => {
                (self.rule(blocks) || self.list(blocks)).into()
            }
            b':' => self.definition_list(blocks).into(),
            b'<' => self.html(blocks, enclosing),
            _ => Found::Nothing,
        };
        if found != Found::Nothing {
            return found;
        }
        if self.underlined_heading(blocks) {
            return Found::Block;
        }
        let rest = self.rest();
        let found = match unindented(rest).as_bytes()[0] {
            b'$' | b'\\' => self.math(blocks),
            _ => false,
        };
        if found || self.table(blocks) {
            return Found::Block;
        }
        let found = match unindented(rest).as_bytes()[0] {
            b'[' => self.footnote_definition(blocks) || self.link_definition(blocks),
            b'*' => self.abbreviation_definition(blocks),
            b'{' => self.extension(blocks),
            b'^' => self.end_marker(blocks),
            _ => false,
        };
        if !found {
            self.paragraph(blocks);
        }
        Found::Block
    }

    /// The rest of the text.
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    /// Adds a block with the pending attribute list.
    pub(super) fn push(&mut self, blocks: &mut Vec<Block>, kind: BlockKind, children: Vec<Block>) {
        let list = self.pending.take().unwrap_or_default();
        blocks.push(Block { kind, list, children });
    }

    /// Whether a block that needs a boundary before it may start here.
    pub(super) fn is_after_boundary(&self, blocks: &[Block]) -> bool {
        let after = match blocks.last() {
            None => true,
            Some(last) => matches!(last.kind, BlockKind::Blank { .. } | BlockKind::EndMarker),
        };
        after || self.pending.is_some()
    }

    /// One or more blank lines are one block.
    fn blank(&mut self, blocks: &mut Vec<Block>) {
        let length = scan::blank_lines(self.rest());
        let single = &self.rest()[..length] == "\n";
        self.position += length;
        if let Some(BlockKind::Blank { single }) = blocks.last_mut().map(|last| &mut last.kind) {
            // An attribute list between two blanks stays pending, contrary to kramdown's
            // documentation.
            *single = false;
        } else {
            self.pending = None;
            blocks.push(Block::new(BlockKind::Blank { single }));
        }
    }

    fn end_marker(&mut self, blocks: &mut Vec<Block>) -> bool {
        let found = scan::is_end_marker(self.rest());
        if found {
            self.position += line_length(self.rest());
            self.pending = None;
            blocks.push(Block::new(BlockKind::EndMarker));
        }
        found
    }

    /// A paragraph continues up to a line that ends it. A paragraph right after another continues
    /// that one, because there was only text between them.
    fn paragraph(&mut self, blocks: &mut Vec<Block>) {
        let start = self.position;
        self.position += line_length(self.rest());
        while self.position < self.text.len() && !self.ends_paragraph(self.rest()) {
            self.position += line_length(self.rest());
        }
        let found = self.text[start..self.position].trim_end_matches(is_ascii_space);
        if let Some(BlockKind::Paragraph { text, .. }) =
            blocks.last_mut().map(|last| &mut last.kind)
        {
            text.push_str(if self.text[..start].ends_with("  \n") { "  \n" } else { "\n" });
            text.push_str(found);
            return;
        }
        let text = found.trim_start_matches(is_ascii_space).to_owned();
        self.push(blocks, BlockKind::Paragraph { text, bare: false }, Vec::new());
    }

    /// Whether a paragraph ends before this line. By the rules of GFM, blocks need no blank line
    /// before them.
    fn ends_paragraph(&self, text: &str) -> bool {
        let unindented = unindented(text);
        let gfm = self.context.options.gfm;
        match unindented.bytes().next() {
            Some(b'*' | b'+' | b'-' | b'0'..=b'9') => gfm && scan::list_marker(text, 3).is_some(),
            Some(b'#') => gfm && heading_start(text, gfm).is_some(),
            Some(b'>') => gfm,
            Some(b'`') => gfm && unindented.starts_with("```"),
            Some(b'~') => gfm && unindented.starts_with("~~~"),
            Some(b':') => scan::definition_marker(text, 3).is_some(),
            _ => scan::ends_lazy(text),
        }
    }

    /// `# Heading #`. The hashes are never indented.
    fn heading(&mut self, blocks: &mut Vec<Block>) -> bool {
        let gfm = self.context.options.gfm;
        let Some((level, text)) = heading_start(self.rest(), gfm) else { return false };
        if !gfm && !self.is_after_boundary(blocks) {
            return false;
        }
        let (text, id) = heading_id(text);
        let unclosed = text.trim_end_matches('#');
        let text = match unclosed.as_bytes().last() {
            Some(b' ' | b'\t') => unclosed.trim_end(),
            // `\#` is a literal hash that keeps those after it from being marks.
            Some(b'\\') if !gfm && unclosed.len() < text.len() => &text[..=unclosed.len()],
            Some(_) if !gfm => unclosed,
            _ => text,
        };
        self.position += line_length(self.rest());
        self.push(blocks, BlockKind::Heading { level, text: text.to_owned(), id }, Vec::new());
        true
    }

    /// A line with `===` or `---` under it.
    fn underlined_heading(&mut self, blocks: &mut Vec<Block>) -> bool {
        let first = line(self.rest());
        let under = &self.rest()[first.len()..];
        let level = match under.bytes().next() {
            Some(b'=') => 1,
            Some(b'-') => 2,
            _ => return false,
        };
        let marks = count(under, |byte| byte == b'=' || byte == b'-');
        if !scan::is_blank_line(&under[marks..]) || !self.is_after_boundary(blocks) {
            return false;
        }
        let (text, id) = heading_id(first);
        let text = text.to_owned();
        self.position += first.len() + line_length(under);
        self.push(blocks, BlockKind::Heading { level, text, id }, Vec::new());
        true
    }

    /// Every line that starts with `>`, and the lazy lines after it.
    fn quote(&mut self, blocks: &mut Vec<Block>) -> bool {
        let mut inside = String::new();
        while inside.is_empty() || self.position < self.text.len() && !scan::ends_lazy(self.rest())
        {
            let line = line(self.rest());
            self.position += line.len();
            let quoted = unindented(line).strip_prefix('>');
            inside.push_str(quoted.map_or(line, |text| text.strip_prefix(' ').unwrap_or(text)));
        }
        let list = self.pending.take().unwrap_or_default();
        let children = self::blocks(&inside, self.context, self.depth + 1);
        blocks.push(Block { kind: BlockKind::Quote, list, children });
        true
    }

    fn rule(&mut self, blocks: &mut Vec<Block>) -> bool {
        let found = scan::is_rule(self.rest());
        if found {
            self.position += line_length(self.rest());
            self.push(blocks, BlockKind::Rule, Vec::new());
        }
        found
    }

    fn indented_code(&mut self, blocks: &mut Vec<Block>) {
        let length = indented_length(self.rest());
        let text = unindented_code(&self.rest()[..length]);
        self.position += length;
        self.push(blocks, BlockKind::Code { language: None, text }, Vec::new());
    }

    /// Code between fences. A fence without an end of the same length may be a shorter one, whose
    /// language then starts with the rest of the fence.
    fn fenced_code(&mut self, blocks: &mut Vec<Block>) -> bool {
        let start = if self.context.options.gfm { unindented(self.rest()) } else { self.rest() };
        let Some(mark @ (b'`' | b'~')) = start.bytes().next() else { return false };
        let length = count(start, |byte| byte == mark);
        for length in (3..=length).rev().take(4) {
            let Some((language, behind)) = self.fence_language(&start[length..]) else { continue };
            let Some((code, behind)) = self.until_fence(behind, mark, length) else { continue };
            let (language, text) = (language.map(str::to_owned), code.to_owned());
            self.position = self.text.len() - behind.len();
            self.push(blocks, BlockKind::Code { language, text }, Vec::new());
            return true;
        }
        false
    }

    /// The language after a fence, without what follows a `?`, and the text from the next line on.
    fn fence_language(&self, text: &'t str) -> Option<(Option<&'t str>, &'t str)> {
        let line = line(text);
        let behind = &text[line.len()..];
        let name = line.trim_matches(is_ascii_space);
        if self.context.options.gfm && name.bytes().any(is_space) {
            return None;
        }
        let question = name.char_indices().skip(1).find(|&(_, c)| c == '?').map(|(at, _)| at);
        let name =
            question.filter(|&at| !name[at..].bytes().any(is_space)).map_or(name, |at| &name[..at]);
        Some(((!name.is_empty()).then_some(name), behind))
    }

    /// The code up to a line that is a fence of at least this length, and the text after that line.
    fn until_fence(
        &mut self,
        text: &'t str,
        mark: u8,
        length: usize,
    ) -> Option<(&'t str, &'t str)> {
        let vain = usize::from(mark == b'~');
        if self.vain.fence[vain].is_some_and(|shortest| length >= shortest) {
            return None;
        }
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let start = if self.context.options.gfm { unindented(rest) } else { rest };
            let marks = count(start, |byte| byte == mark);
            if marks >= length && scan::is_blank_line(&start[marks..]) {
                return Some((&text[..at], &rest[line_length(rest)..]));
            }
            at += line_length(rest);
        }
        self.vain.fence[vain] = Some(length);
        None
    }

    /// `$$ … $$` between boundaries. With a backslash before it, it is a paragraph with math in it.
    fn math(&mut self, blocks: &mut Vec<Block>) -> bool {
        let start = unindented(self.rest());
        let unescaped = start.strip_prefix('\\');
        let Some(inside) = unescaped.unwrap_or(start).strip_prefix("$$") else { return false };
        if self.vain.math || !self.is_after_boundary(blocks) {
            return false;
        }
        let Some(length) = inside.find("$$") else {
            self.vain.math = true;
            return false;
        };
        let behind = &inside[length + 2..];
        if let Some(text) = unescaped {
            let ends_line = scan::is_blank_line(behind);
            self.position = if ends_line { self.text.len() - text.len() } else { self.position };
            return false;
        }
        let behind_line =
            if scan::is_blank_line(behind) { &behind[line_length(behind)..] } else { behind };
        if !behind_line.is_empty() && !scan::is_boundary(behind_line) {
            return false;
        }
        let tex = inside[..length].trim_matches(is_ascii_space).to_owned();
        self.position = self.text.len() - behind_line.len();
        self.push(blocks, BlockKind::Math { tex }, Vec::new());
        true
    }
}

/// The level and the text of a heading that starts with hashes.
fn heading_start(text: &str, gfm: bool) -> Option<(u8, &str)> {
    let line = line(text);
    let hashes = count(line, |byte| byte == b'#').min(6);
    let rest = &line[hashes..];
    let text = rest.trim_matches(is_ascii_space);
    let spaced = !gfm || rest.starts_with([' ', '\t']);
    let level = u8::try_from(hashes).ok().filter(|&level| level > 0)?;
    (spaced && !text.is_empty()).then_some((level, text))
}

/// Splits a heading's text from its id: `Text {#id}`.
fn heading_id(text: &str) -> (&str, Option<String>) {
    let text = text.trim_matches(is_ascii_space);
    let split =
        text.strip_suffix('}').and_then(|text| text.rsplit_once("{#")).filter(|(before, id)| {
            id.starts_with(|first: char| first.is_ascii_alphabetic())
                && scan::name_length(id) == id.len()
                && before.ends_with([' ', '\t'])
        });
    match split {
        Some((text, id)) => (text.trim_end(), Some(id.to_owned())),
        None => (text, None),
    }
}

/// The length of the indented lines at the start, with lazy lines after them and blank lines
/// between them.
pub(super) fn indented_length(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        let blank = scan::blank_lines(rest);
        let code = &rest[blank..];
        if code.is_empty() || !scan::is_indented(code) {
            return length;
        }
        length += blank;
        while length < text.len() {
            let rest = &text[length..];
            let goes_on =
                !scan::is_blank_line(rest) && (scan::is_indented(rest) || !scan::ends_lazy(rest));
            if !goes_on {
                break;
            }
            length += line_length(rest);
        }
    }
}

/// The lines without their indentation. A lazy line is appended to the line before it.
fn unindented_code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let is_lazy = !scan::is_indented(line)
            && unindented(line).bytes().next().is_some_and(|byte| !is_blank(byte) && byte != b'\n');
        if is_lazy && code.ends_with('\n') {
            code.pop();
            code.push(' ');
        }
        code.push_str(scan::without_indentation(line));
    }
    code
}

/// Whether the character is ASCII white space; other white space is text.
pub(super) fn is_ascii_space(character: char) -> bool {
    character.is_ascii() && u8::try_from(character).is_ok_and(is_space)
}
