//! Arithmetic and comparisons in `value` and `claim`: `(a.b.accuracy - a.c.accuracy) / 2 > 1 pp`.
//!
//! | binds | |
//! |---|---|
//! | tightest | `A.B.C`, a number with its unit, `(…)`, `min(…)`, `-` in front |
//! | | `*` `/` |
//! | | `+` `-` |
//! | | `>` `<` `>=` `<=` `=~` `>=~` `<=~` `==` `!=`, with `within MARGIN` or `in all seeds` |
//! | | `not` `undecided` |
//! | | `and` |
//! | loosest | `or` |
//!
//! Names may contain `-` and `/`, so these need white space around them.

use super::arguments::{Arguments, Piece};
use crate::diagnostic::{Diagnostic, listed};

/// A parsed expression; its numbers are those in [`Parsed::names`], by index.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression<'a> {
    /// A number that the author wrote.
    Constant(Constant<'a>),
    /// A number of an experiment.
    Number(usize),
    Negative(Box<Expression<'a>>),
    Arithmetic(Sign, Box<Expression<'a>>, Box<Expression<'a>>),
    Call(Function, Vec<Expression<'a>>),
    Comparison(Box<Comparison<'a>>),
    Not(Box<Expression<'a>>),
    /// That the results do not decide it.
    Undecided(Box<Expression<'a>>),
    And(Box<Expression<'a>>, Box<Expression<'a>>),
    Or(Box<Expression<'a>>, Box<Expression<'a>>),
}

/// A number that the author wrote, with the unit behind it; the unit is empty if there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Constant<'a> {
    pub(super) value: f64,
    pub(super) unit: &'a str,
    pub(super) at: Piece<'a>,
}

/// A sign between two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
    Times,
    Over,
}

/// What can be done with numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Min,
    Max,
    Mean,
    Abs,
    Log10,
    Sqrt,
}

impl Sign {
    /// What it makes of two numbers.
    pub(super) fn of(self, left: f64, right: f64) -> f64 {
        match self {
            Sign::Plus => left + right,
            Sign::Minus => left - right,
            Sign::Times => left * right,
            Sign::Over => left / right,
        }
    }
}

impl Function {
    /// What it makes of numbers, of which there is at least one.
    pub(super) fn of(self, values: &[f64]) -> f64 {
        match self {
            Function::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Function::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Function::Mean => values.iter().sum::<f64>() / values.len() as f64,
            Function::Abs => values[0].abs(),
            Function::Log10 => values[0].log10(),
            Function::Sqrt => values[0].sqrt(),
        }
    }
}

/// The names of functions.
const FUNCTIONS: [(&str, Function); 6] = [
    ("abs", Function::Abs),
    ("log10", Function::Log10),
    ("max", Function::Max),
    ("mean", Function::Mean),
    ("min", Function::Min),
    ("sqrt", Function::Sqrt),
];

/// A comparison of two numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison<'a> {
    pub(super) operator: Operator,
    pub(super) left: Expression<'a>,
    pub(super) right: Expression<'a>,
    /// What is behind `within`.
    pub(super) margin: Option<Expression<'a>>,
    /// Whether it must be so in each seed.
    pub(super) in_all_seeds: bool,
    /// Its text.
    pub(super) text: Piece<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Above,
    Below,
    AtLeast,
    AtMost,
    /// `=~`: the same within a margin.
    About,
    /// `>=~`: at least, or less by no more than a margin.
    AtLeastAbout,
    /// `<=~`: at most, or more by no more than a margin.
    AtMostAbout,
    Equal,
    Unequal,
}

/// The signs of comparisons, longer ones first.
const OPERATORS: [(&str, Operator); 11] = [
    (">=~", Operator::AtLeastAbout),
    ("<=~", Operator::AtMostAbout),
    (">=", Operator::AtLeast),
    ("\u{2265}", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("\u{2264}", Operator::AtMost),
    ("=~", Operator::About),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    (">", Operator::Above),
    ("<", Operator::Below),
];

impl Operator {
    /// Whether it needs a margin.
    pub(super) fn has_margin(self) -> bool {
        matches!(self, Operator::About | Operator::AtLeastAbout | Operator::AtMostAbout)
    }
}

/// An expression, and the numbers of experiments that it names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parsed<'a> {
    pub(super) expression: Expression<'a>,
    pub(super) names: Vec<Named<'a>>,
}

/// `EXPERIMENT.VARIANT.METRIC`, with what is in brackets behind it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named<'a> {
    pub(super) name: Piece<'a>,
    /// The same with its brackets.
    pub(super) written: Piece<'a>,
    /// `seed=0` and `epoch=last` in `[seed=0,epoch=last]`.
    pub(super) selectors: Vec<(Piece<'a>, Piece<'a>)>,
}

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 32;

/// Parses the words of a tag.
pub(super) fn parse<'a>(arguments: &Arguments<'a>) -> Result<Parsed<'a>, Diagnostic> {
    let tokens = tokens(arguments)?;
    let mut parser = Parser { arguments, tokens, at: 0, depth: 0, names: Vec::new() };
    let expression = parser.either()?;
    match parser.peek() {
        None => Ok(Parsed { expression, names: parser.names }),
        Some(Token { kind: Kind::Name, piece }) => {
            let message = format!("expected a sign, not `{}`", piece.text);
            Err(arguments.error(*piece, message).hint(SPACE_HINT))
        }
        Some(token) => Err(arguments.unexpected(token.piece)),
    }
}

const SPACE_HINT: &str = "write `A`, `A - B`, `A + B` or `A / B` with white space around the sign";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Number,
    /// What is between brackets.
    Selector,
    Sign,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    piece: Piece<'a>,
}

fn tokens<'a>(arguments: &Arguments<'a>) -> Result<Vec<Token<'a>>, Diagnostic> {
    let mut tokens = Vec::new();
    for word in arguments.words() {
        let mut at = 0;
        while at < word.text.len() {
            let rest = &word.text[at..];
            let (kind, length) = token(rest);
            let piece = Piece { text: &rest[..length], offset: word.offset + at };
            if kind == Kind::Selector && !piece.text.ends_with(']') {
                let error = arguments.error(piece, "this bracket is not closed");
                return Err(error.hint("write `A.B.C[seed=0]`"));
            }
            tokens.push(Token { kind, piece });
            at += length;
        }
    }
    Ok(tokens)
}

/// The kind and the length of the token at the start of `rest`, which is not empty.
fn token(rest: &str) -> (Kind, usize) {
    if let Some((operator, _)) = OPERATORS.iter().find(|(name, _)| rest.starts_with(name)) {
        return (Kind::Sign, operator.len());
    }
    let first = rest.chars().next().unwrap_or_default();
    if first == '[' {
        return (Kind::Selector, rest.find(']').map_or(rest.len(), |end| end + 1));
    }
    let is_digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if is_digit(rest) || first == '.' && is_digit(&rest[1..]) {
        return (Kind::Number, number_length(rest));
    }
    if !is_in_name(first) || matches!(first, '+' | '-' | '/' | '.') {
        return (Kind::Sign, first.len_utf8());
    }
    (Kind::Name, rest.find(|c| !is_in_name(c)).unwrap_or(rest.len()))
}

fn is_in_name(c: char) -> bool {
    !matches!(c, '(' | ')' | '[' | ']' | ',' | '<' | '>' | '=' | '!' | '~' | '*' | '\u{2212}' | '%')
}

/// The length of the number at the start of a text: digits, a point, an exponent.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = &text[from..];
        from + rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())
    };
    let mut end = digits(0);
    if text[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['-', '+']));
        let after = digits(end + 1 + sign);
        if after > end + 1 + sign {
            end = after;
        }
    }
    end
}

struct Parser<'a, 'p> {
    arguments: &'p Arguments<'a>,
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: usize,
    names: Vec<Named<'a>>,
}

impl<'a> Parser<'a, '_> {
    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at)
    }

    /// Consumes the next token if it is this sign or word.
    fn take(&mut self, text: &str) -> Option<Piece<'a>> {
        let token = self.peek().filter(|token| token.piece.text == text)?.piece;
        self.at += 1;
        Some(token)
    }

    fn either(&mut self) -> Result<Expression<'a>, Diagnostic> {
        let mut left = self.both()?;
        while self.take("or").is_some() {
            left = Expression::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression<'a>, Diagnostic> {
        let mut left = self.negation()?;
        while self.take("and").is_some() {
            left = Expression::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression<'a>, Diagnostic> {
        if let Some(not) = self.take("not") {
            let inside = self.nested(not, Parser::negation)?;
            return Ok(Expression::Not(Box::new(inside)));
        }
        if let Some(undecided) = self.take("undecided") {
            let inside = self.nested(undecided, Parser::negation)?;
            return Ok(Expression::Undecided(Box::new(inside)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression<'a>, Diagnostic> {
        let start = self.at;
        let left = self.sum()?;
        let operator = self.peek().and_then(|token| {
            OPERATORS.iter().find(|(name, _)| *name == token.piece.text).map(|&(_, found)| found)
        });
        let Some(operator) = operator else { return Ok(left) };
        let sign = self.tokens[self.at].piece;
        self.at += 1;
        let right = self.sum()?;
        let margin = match self.take("within") {
            Some(_) => Some(self.sum()?),
            None => None,
        };
        match (&margin, operator.has_margin()) {
            (None, true) => {
                let error = self.arguments.error(sign, format!("`{}` needs a margin", sign.text));
                return Err(error.hint("write what still counts as the same: `A =~ B within 1 pp`"));
            }
            (Some(_), false) => {
                let message = format!("`{}` has no margin", sign.text);
                let hint = "`within` belongs to `=~`, `>=~` and `<=~`";
                return Err(self.arguments.error(sign, message).hint(hint));
            }
            _ => {}
        }
        let in_all_seeds = self.in_all_seeds();
        let text = self.span(start);
        let comparison = Comparison { operator, left, right, margin, in_all_seeds, text };
        Ok(Expression::Comparison(Box::new(comparison)))
    }

    fn in_all_seeds(&mut self) -> bool {
        let words = ["in", "all", "seeds"];
        let next = self.tokens[self.at..].iter().map(|token| token.piece.text);
        let is_there = next.take(3).eq(words);
        if is_there {
            self.at += words.len();
        }
        is_there
    }

    /// The text from the token `start` to the last one that was consumed.
    fn span(&self, start: usize) -> Piece<'a> {
        let (first, last) = (self.tokens[start].piece, self.tokens[self.at - 1].piece);
        self.arguments.between(first.offset, last.offset + last.text.len())
    }

    fn sum(&mut self) -> Result<Expression<'a>, Diagnostic> {
        let mut left = self.product()?;
        loop {
            let sign = if self.take("+").is_some() {
                Sign::Plus
            } else if self.take("-").or_else(|| self.take("\u{2212}")).is_some() {
                Sign::Minus
            } else {
                return Ok(left);
            };
            left = Expression::Arithmetic(sign, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expression<'a>, Diagnostic> {
        let mut left = self.operand()?;
        loop {
            let sign = if self.take("*").is_some() {
                Sign::Times
            } else if self.take("/").is_some() {
                Sign::Over
            } else {
                return Ok(left);
            };
            left = Expression::Arithmetic(sign, Box::new(left), Box::new(self.operand()?));
        }
    }

    fn operand(&mut self) -> Result<Expression<'a>, Diagnostic> {
        let Some(Token { kind, piece }) = self.peek().copied() else {
            return Err(self.missing());
        };
        self.at += 1;
        match kind {
            Kind::Number => Ok(Expression::Constant(self.constant(piece)?)),
            Kind::Name => self.named(piece),
            Kind::Sign if piece.text == "(" => {
                let inside = self.nested(piece, Parser::either)?;
                self.closed(piece)?;
                Ok(inside)
            }
            Kind::Sign if matches!(piece.text, "-" | "\u{2212}") => {
                let inside = self.nested(piece, Parser::operand)?;
                Ok(Expression::Negative(Box::new(inside)))
            }
            Kind::Sign | Kind::Selector => {
                let message = format!("expected a number, not `{}`", piece.text);
                Err(self.arguments.error(piece, message))
            }
        }
    }

    /// The error at the end of the expression.
    fn missing(&self) -> Diagnostic {
        match self.tokens.last() {
            Some(last) => {
                let message = format!("no number follows `{}`", last.piece.text);
                self.arguments.error(last.piece, message).hint(SPACE_HINT)
            }
            None => self
                .arguments
                .error_of_all("a value needs a number")
                .hint("write `{% value EXPERIMENT.VARIANT.METRIC %}`"),
        }
    }

    fn nested<T>(
        &mut self,
        at: Piece<'a>,
        parse: impl FnOnce(&mut Self) -> Result<T, Diagnostic>,
    ) -> Result<T, Diagnostic> {
        if self.depth == MAX_DEPTH {
            let message = format!("expressions nest deeper than {MAX_DEPTH} levels");
            return Err(self.arguments.error(at, message));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn closed(&mut self, open: Piece<'a>) -> Result<(), Diagnostic> {
        match self.take(")") {
            Some(_) => Ok(()),
            None => Err(self.arguments.error(open, "this parenthesis is not closed")),
        }
    }

    fn constant(&mut self, number: Piece<'a>) -> Result<Constant<'a>, Diagnostic> {
        let Ok(value) = number.text.parse::<f64>() else {
            return Err(self.arguments.error(number, format!("`{}` is not a number", number.text)));
        };
        let is_unit = |token: &Token<'a>| match token.kind {
            Kind::Name => !matches!(token.piece.text, "and" | "or" | "within" | "in"),
            Kind::Sign => token.piece.text == "%",
            Kind::Number | Kind::Selector => false,
        };
        let unit = self.peek().copied().filter(is_unit);
        self.at += usize::from(unit.is_some());
        Ok(Constant { value, unit: unit.map_or("", |unit| unit.piece.text), at: number })
    }

    /// A number of an experiment, or a function.
    fn named(&mut self, name: Piece<'a>) -> Result<Expression<'a>, Diagnostic> {
        if let Some(open) = self.take("(") {
            let found = FUNCTIONS.iter().find(|(known, _)| *known == name.text);
            let Some(&(_, function)) = found else {
                let known = FUNCTIONS.map(|(known, _)| known);
                return Err(self.arguments.unknown("function", name, known));
            };
            return self.call(function, name, open);
        }
        let (mut selectors, mut written) = (Vec::new(), name);
        if let Some(selector) = self.peek().copied().filter(|next| next.kind == Kind::Selector) {
            self.at += 1;
            selectors = self.selectors(selector.piece)?;
            written = self
                .arguments
                .between(name.offset, selector.piece.offset + selector.piece.text.len());
        }
        self.names.push(Named { name, written, selectors });
        Ok(Expression::Number(self.names.len() - 1))
    }

    fn call(
        &mut self,
        function: Function,
        name: Piece<'a>,
        open: Piece<'a>,
    ) -> Result<Expression<'a>, Diagnostic> {
        let given = self.nested(open, |parser| {
            let mut given = vec![parser.sum()?];
            while parser.take(",").is_some() {
                given.push(parser.sum()?);
            }
            Ok(given)
        })?;
        self.closed(open)?;
        let takes_many = matches!(function, Function::Min | Function::Max | Function::Mean);
        if !takes_many && given.len() > 1 {
            let message = format!("`{}` takes one number, not {}", name.text, given.len());
            return Err(self.arguments.error(name, message));
        }
        Ok(Expression::Call(function, given))
    }

    /// `[seed=0,epoch=last]`.
    fn selectors(&self, brackets: Piece<'a>) -> Result<Vec<(Piece<'a>, Piece<'a>)>, Diagnostic> {
        let inside = &brackets.text[1..brackets.text.len() - 1];
        let mut selectors: Vec<(Piece<'a>, Piece<'a>)> = Vec::new();
        let mut offset = brackets.offset + 1;
        for part in inside.split(',') {
            let piece = Piece { text: part, offset };
            offset += part.len() + 1;
            let Some((key, value)) = part.split_once('=') else {
                let message = format!("`{part}` selects nothing");
                let hint = "write `[seed=0]`, `[epoch=last]`, `[epoch=10]`, `[epoch=max]` or \
                            `[epoch=best:valid.accuracy]`";
                return Err(self.arguments.error(piece, message).hint(hint));
            };
            let before = key.len() + 1;
            let key = Piece { text: key.trim(), offset: piece.offset };
            let value = Piece { text: value.trim(), offset: piece.offset + before };
            if !SELECTORS.contains(&key.text) {
                return Err(self.arguments.unknown("selector", key, SELECTORS));
            }
            if selectors.iter().any(|(known, _)| known.text == key.text) {
                let message = format!("`{}` is selected twice", key.text);
                return Err(self.arguments.error(key, message));
            }
            selectors.push((key, value));
        }
        Ok(selectors)
    }
}

/// What may be in brackets behind the name of a number.
const SELECTORS: [&str; 2] = ["epoch", "seed"];

impl Expression<'_> {
    /// Whether it is true or false rather than a number.
    pub(super) fn is_statement(&self) -> bool {
        matches!(
            self,
            Expression::Comparison(_)
                | Expression::Not(_)
                | Expression::Undecided(_)
                | Expression::And(..)
                | Expression::Or(..)
        )
    }
}

/// The names of all comparisons, for messages.
pub(super) fn operators() -> String {
    listed(OPERATORS.iter().filter(|(name, _)| name.is_ascii()).map(|(name, _)| *name))
}
