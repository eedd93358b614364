//! What a rule recognizes: a small part of the notation of regular expressions, without going back.
//!
//! | notation | matches |
//! |---|---|
//! | `abc` `[a-z]` `[^"]` `.` | these characters; one of a set; one outside it; one that does not end the line |
//! | `\d` `\s` `\S` `\h` | a digit; white space; anything else; white space inside a line |
//! | `\w` `\i` | a character of a name; one that can start a name. Both include everything outside ASCII |
//! | `a?` `a*` `a+` `a{2}` | as often as possible |
//! | `a\|b` `(…)` | the first alternative that matches |
//! | `(?=…)` `(?!…)` `(?<=[…])` `(?<![…])` | nothing, if the text continues so, or the character before is of the set |
//! | `^` `$` `\b` | the start and the end of a line; where a name starts or ends |
//! | `\1` `\>` | the text that the state remembers; more spaces than that is long |
//!
//! Two differences from regular expressions make the time linear, whatever the text. A part never
//! gives back what it matched: `a*ab` matches nothing. And only the last part of a pattern, after
//! which nothing can fail, reads as far as it likes; all others see [`WINDOW`] bytes.

use std::ops::Range;

/// How far a pattern looks, in bytes, before it is sure to match.
const WINDOW: usize = 256;

/// A set of bytes. Those outside ASCII are in it all together or not at all, so that no character is
/// split.
#[derive(Clone)]
pub(super) struct Bytes([bool; 256]);

impl Bytes {
    const NONE: Bytes = Bytes([false; 256]);
    const ALL: Bytes = Bytes([true; 256]);

    fn of(chosen: impl Fn(u8) -> bool) -> Bytes {
        Bytes(std::array::from_fn(|byte| chosen(byte.to_le_bytes()[0])))
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    fn add(&mut self, other: &Bytes) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    fn inverted(&self) -> Bytes {
        Bytes(self.0.map(|chosen| !chosen))
    }

    /// The set for a letter after a backslash, if it is one.
    fn named(letter: u8) -> Option<Bytes> {
        Some(match letter {
            b'd' => Bytes::of(|byte| byte.is_ascii_digit()),
            b's' => Bytes::of(|byte| byte.is_ascii_whitespace()),
            b'S' => Bytes::of(|byte| !byte.is_ascii_whitespace()),
            b'h' => Bytes::of(|byte| matches!(byte, b' ' | b'\t')),
            b'w' => Bytes::of(is_word),
            b'i' => Bytes::of(|byte| is_word(byte) && !byte.is_ascii_digit()),
            _ => return None,
        })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn is_inside_character(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// The text that is read, and what the current state remembers of it.
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) remembered: Range<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(code: &'a str) -> Text<'a> {
        Text { bytes: code.as_bytes(), remembered: 0..0 }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }
}

#[cfg(test)]
thread_local! {
    /// How often this thread looked at a byte or at a part of a pattern.
    pub(super) static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn count(steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + steps);
    #[cfg(not(test))]
    let _ = steps;
}

pub(super) struct Pattern(Node);

enum Node {
    Empty,
    Literal(Box<[u8]>),
    One(Box<Bytes>),
    Run {
        of: Box<Bytes>,
        least: usize,
        is_last: bool,
    },
    /// One character and a run, such as a name: two parts in one because they are so frequent.
    Name {
        first: Box<Bytes>,
        rest: Box<Bytes>,
        is_last: bool,
    },
    Sequence(Box<[Node]>),
    Choice(Box<[Node]>),
    Repeat {
        node: Box<Node>,
        least: usize,
        most: usize,
        is_last: bool,
    },
    Ahead {
        node: Box<Node>,
        wanted: bool,
    },
    Behind {
        of: Box<Bytes>,
        wanted: bool,
    },
    LineStart,
    LineEnd,
    Boundary,
    Remembered,
    Deeper,
}

impl Pattern {
    /// Reads a pattern. If it `is_last`, nothing follows that could fail.
    ///
    /// Panics if it is malformed: patterns are constants, and a test reads all of them.
    pub(super) fn new(notation: &str, ignores_case: bool, is_last: bool) -> Pattern {
        let mut reader = Reader { rest: notation.as_bytes(), ignores_case };
        let mut node = reader.choice();
        assert!(reader.rest.is_empty(), "unbalanced `)` in the pattern `{notation}`");
        if is_last {
            node.make_last();
        }
        Pattern(node)
    }

    /// Returns where the match that starts at `at` ends.
    pub(super) fn end(&self, text: &Text, at: usize) -> Option<usize> {
        self.0.end(text, at, at + WINDOW)
    }

    /// The bytes that a match can start with: all, if it can be empty.
    pub(super) fn first(&self) -> Bytes {
        let mut first = Bytes::NONE;
        if self.0.add_first(&mut first) { Bytes::ALL } else { first }
    }
}

impl Node {
    fn make_last(&mut self) {
        match self {
            Node::Sequence(nodes) => {
                // What is before an optional part is as good as last.
                for node in nodes.iter_mut().rev() {
                    node.make_last();
                    if !node.is_optional() {
                        break;
                    }
                }
            }
            Node::Choice(nodes) => nodes.iter_mut().for_each(Node::make_last),
            Node::Repeat { node, most: 1, .. } => node.make_last(),
            Node::Run { is_last, .. }
            | Node::Name { is_last, .. }
            | Node::Repeat { is_last, least: 0 | 1, .. } => *is_last = true,
            _ => {}
        }
    }

    fn is_optional(&self) -> bool {
        matches!(self, Node::Run { least: 0, .. } | Node::Repeat { least: 0, .. })
    }

    /// Returns where a match ends. Parts that are not last do not read beyond `limit`.
    fn end(&self, text: &Text, at: usize, limit: usize) -> Option<usize> {
        count(1);
        match self {
            Node::Empty => Some(at),
            Node::Literal(literal) => {
                text.bytes.get(at..)?.starts_with(literal).then(|| at + literal.len())
            }
            Node::One(of) => end_of_one(text, of, at),
            Node::Run { of, least, is_last } => {
                let end = end_of_run(text, of, at, limit, *is_last);
                (end >= at + least).then_some(end)
            }
            Node::Name { first, rest, is_last } => {
                let start = end_of_one(text, first, at)?;
                Some(end_of_run(text, rest, start, limit, *is_last))
            }
            Node::Sequence(nodes) => {
                nodes.iter().try_fold(at, |at, node| node.end(text, at, limit))
            }
            Node::Choice(nodes) => nodes.iter().find_map(|node| node.end(text, at, limit)),
            Node::Repeat { node, least, most, is_last } => {
                let mut end = at;
                for count in 0..*most {
                    let limit = if *is_last { end + WINDOW } else { limit };
                    match node.end(text, end, limit).filter(|next| *next > end && end < limit) {
                        Some(next) => end = next,
                        None => return (count >= *least).then_some(end),
                    }
                }
                Some(end)
            }
            Node::Ahead { node, wanted } => {
                (node.end(text, at, limit).is_some() == *wanted).then_some(at)
            }
            Node::Behind { of, wanted } => {
                let before = at.checked_sub(1).and_then(|before| text.byte(before));
                (before.is_some_and(|byte| of.contains(byte)) == *wanted).then_some(at)
            }
            Node::LineStart => (at == 0 || text.byte(at - 1) == Some(b'\n')).then_some(at),
            Node::LineEnd => matches!(text.byte(at), None | Some(b'\n')).then_some(at),
            Node::Boundary => {
                let before = at > 0 && text.byte(at - 1).is_some_and(is_word);
                (before != text.byte(at).is_some_and(is_word)).then_some(at)
            }
            Node::Remembered => {
                let remembered = &text.bytes[text.remembered.clone()];
                count(remembered.len());
                text.bytes[at..].starts_with(remembered).then(|| at + remembered.len())
            }
            Node::Deeper => {
                let end = at + text.remembered.len() + 1;
                count(end - at);
                let indentation = text.bytes.get(at..end)?;
                indentation.iter().all(|byte| *byte == b' ').then_some(end)
            }
        }
    }

    /// Adds the bytes that a match can start with; returns whether it can be empty.
    fn add_first(&self, first: &mut Bytes) -> bool {
        match self {
            Node::Literal(literal) => first.add(&Bytes::of(|byte| byte == literal[0])),
            Node::One(of) => first.add(of),
            Node::Run { of, least, .. } => {
                first.add(of);
                return *least == 0;
            }
            Node::Name { first: names, .. } => first.add(names),
            Node::Sequence(nodes) => return nodes.iter().all(|node| node.add_first(first)),
            Node::Choice(nodes) => {
                return nodes.iter().filter(|node| node.add_first(first)).count() > 0;
            }
            Node::Repeat { node, least, .. } => return node.add_first(first) || *least == 0,
            Node::Remembered => *first = Bytes::ALL,
            Node::Deeper => first.add(&Bytes::of(|byte| byte == b' ')),
            Node::Empty
            | Node::Ahead { .. }
            | Node::Behind { .. }
            | Node::LineStart
            | Node::LineEnd
            | Node::Boundary => return true,
        }
        false
    }
}

fn end_of_one(text: &Text, of: &Bytes, at: usize) -> Option<usize> {
    let byte = text.byte(at).filter(|byte| of.contains(*byte))?;
    Some(if byte.is_ascii() { at + 1 } else { end_of_character(text, at + 1) })
}

/// Returns where the bytes that belong to the set end, no later than the character at `limit` unless
/// the run is last.
fn end_of_run(text: &Text, of: &Bytes, at: usize, limit: usize, is_last: bool) -> usize {
    let limit = if is_last { text.bytes.len() } else { limit.min(text.bytes.len()) };
    let seen = text.bytes.get(at..limit).unwrap_or_default();
    let length = seen.iter().position(|byte| !of.contains(*byte)).unwrap_or(seen.len());
    count(length);
    end_of_character(text, at + length)
}

fn end_of_character(text: &Text, at: usize) -> usize {
    let rest = text.bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| is_inside_character(**byte)).count()
}

/// Reads the notation.
struct Reader<'a> {
    rest: &'a [u8],
    ignores_case: bool,
}

impl Reader<'_> {
    fn take(&mut self, expected: &str) -> bool {
        match self.rest.strip_prefix(expected.as_bytes()) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().expect("the pattern is complete");
        self.rest = rest;
        *first
    }

    fn choice(&mut self) -> Node {
        let mut nodes = vec![self.sequence()];
        while self.take("|") {
            nodes.push(self.sequence());
        }
        match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::Choice(nodes.into()),
        }
    }

    fn sequence(&mut self) -> Node {
        let mut nodes: Vec<Node> = Vec::new();
        while !matches!(self.rest.first(), None | Some(b'|' | b')')) {
            let node = self.atom();
            let node = self.repeated(node);
            match (nodes.last_mut(), node) {
                (Some(Node::Literal(before)), Node::Literal(literal)) => {
                    *before = [&**before, &*literal].concat().into();
                }
                (Some(Node::One(first)), Node::Run { of, least: 0, is_last }) => {
                    let first = first.clone();
                    nodes.pop();
                    nodes.push(Node::Name { first, rest: of, is_last });
                }
                (_, node) => nodes.push(node),
            }
        }
        match nodes.len() {
            0 => Node::Empty,
            1 => nodes.remove(0),
            _ => Node::Sequence(nodes.into()),
        }
    }

    fn repeated(&mut self, node: Node) -> Node {
        let (least, most) = match self.rest.first() {
            Some(b'?') => (0, 1),
            Some(b'*') => (0, usize::MAX),
            Some(b'+') => (1, usize::MAX),
            Some(b'{') => {
                let count = usize::from(self.rest[1] - b'0');
                assert_eq!(self.rest[2], b'}', "a count is one digit");
                self.rest = &self.rest[2..];
                (count, count)
            }
            _ => return node,
        };
        self.next();
        let of = match &node {
            Node::One(of) => Some(of.clone()),
            Node::Literal(literal) if literal.len() == 1 => {
                Some(Box::new(Bytes::of(|byte| byte == literal[0])))
            }
            _ => None,
        };
        match of {
            Some(of) if most == usize::MAX => Node::Run { of, least, is_last: false },
            _ => Node::Repeat { node: Box::new(node), least, most, is_last: false },
        }
    }

    fn atom(&mut self) -> Node {
        if self.take("(?=") {
            return self.ahead(true);
        }
        if self.take("(?!") {
            return self.ahead(false);
        }
        if self.take("(?<=") {
            return self.behind(true);
        }
        if self.take("(?<!") {
            return self.behind(false);
        }
        if self.take("(") {
            let node = self.choice();
            assert!(self.take(")"), "a group ends");
            return node;
        }
        match self.next() {
            b'[' => Node::One(Box::new(self.set())),
            b'.' => Node::One(Box::new(Bytes::of(|byte| byte != b'\n'))),
            b'^' => Node::LineStart,
            b'$' => Node::LineEnd,
            b'\\' => match self.next() {
                b'b' => Node::Boundary,
                b'1' => Node::Remembered,
                b'>' => Node::Deeper,
                letter => match Bytes::named(letter) {
                    Some(of) => Node::One(Box::new(of)),
                    None => self.character(unescaped(letter)),
                },
            },
            byte => self.character(byte),
        }
    }

    fn character(&self, byte: u8) -> Node {
        if self.ignores_case && byte.is_ascii_alphabetic() {
            Node::One(Box::new(Bytes::of(|other| other.eq_ignore_ascii_case(&byte))))
        } else {
            Node::Literal([byte].into())
        }
    }

    fn ahead(&mut self, wanted: bool) -> Node {
        let node = Box::new(self.choice());
        assert!(self.take(")"), "a condition ends");
        Node::Ahead { node, wanted }
    }

    fn behind(&mut self, wanted: bool) -> Node {
        let Node::One(of) = self.atom() else { panic!("what is behind is one character") };
        assert!(self.take(")"), "a condition ends");
        Node::Behind { of, wanted }
    }

    /// Reads a set, after its bracket.
    fn set(&mut self) -> Bytes {
        let is_inverted = self.take("^");
        let mut set = Bytes::NONE;
        loop {
            let low = match self.next() {
                b']' => break,
                b'\\' => {
                    let letter = self.next();
                    if let Some(named) = Bytes::named(letter) {
                        set.add(&named);
                        continue;
                    }
                    unescaped(letter)
                }
                byte => byte,
            };
            assert!(low.is_ascii(), "sets consist of ASCII");
            let is_range = self.rest[0] == b'-' && self.rest[1] != b']';
            let high = if is_range {
                self.next();
                self.next()
            } else {
                low
            };
            set.add(&Bytes::of(|byte| {
                (low..=high).contains(&byte)
                    || self.ignores_case
                        && ((low..=high).contains(&byte.to_ascii_lowercase())
                            || (low..=high).contains(&byte.to_ascii_uppercase()))
            }));
        }
        if is_inverted { set.inverted() } else { set }
    }
}

fn unescaped(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        _ => {
            assert!(!letter.is_ascii_alphanumeric(), "unknown escape `\\{}`", char::from(letter));
            letter
        }
    }
}
