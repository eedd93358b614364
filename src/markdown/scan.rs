//! Finds formulas in the source of Markdown, outside of code and HTML.
//!
//! This is an approximation of what a parser sees, so it errs on the side of text: a formula is on
//! the lines of one paragraph, and code that this scan takes for text is restored later.

use std::ops::Range;

use super::Dialect;

/// A formula in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// All of it, with delimiters.
    pub(super) range: Range<usize>,
    /// Its TeX.
    pub(super) inside: Range<usize>,
    /// Whether it is a block.
    pub(super) display: bool,
}

/// Delimiters with a backslash; MathJax's users also write two, which Markdown makes one.
const DELIMITERS: [(&str, &str, bool); 4] = [
    ("\\\\(", "\\\\)", false),
    ("\\\\[", "\\\\]", true),
    ("\\(", "\\)", false),
    ("\\[", "\\]", true),
];

/// Elements whose content is not Markdown.
const LITERAL_ELEMENTS: [&str; 5] = ["pre", "code", "script", "style", "textarea"];

/// The formulas between dollars, `\(…\)` and `\[…\]`. Those between two dollars are left to kramdown's
/// parser.
pub(super) fn formulas(text: &str, dialect: Dialect) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let is_line_start = at == 0 || text.as_bytes()[at - 1] == b'\n';
        if is_line_start && let Some(end) = end_of_fence(text, at) {
            at = end;
            continue;
        }
        let rest = &text[at..];
        let length = match rest.as_bytes()[0] {
            b'`' => code_span(rest),
            b'<' => literal_html(rest),
            b'\\' => match delimited(text, at) {
                Some(formula) => {
                    let end = formula.range.end;
                    found.push(formula);
                    at = end;
                    continue;
                }
                None => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            },
            b'$' => match dollars(rest) {
                Dollars::One(length) => {
                    let (range, inside) = (at..at + length, at + 1..at + length - 1);
                    found.push(Found { range, inside, display: false });
                    length
                }
                Dollars::Two(length) => {
                    let (range, inside) = (at..at + length, at + 2..at + length - 2);
                    let display = is_alone(text, &range);
                    let is_ours = dialect == Dialect::CommonMark;
                    found.extend(is_ours.then_some(Found { range, inside, display }));
                    length
                }
                Dollars::None(length) => length,
            },
            _ => rest.find(['`', '<', '\\', '$', '\n']).map_or(rest.len(), |next| next.max(1)),
        };
        at += length;
    }
    found
}

/// The end of the fenced code that starts on the line at `at`.
pub(super) fn end_of_fence(text: &str, at: usize) -> Option<usize> {
    let inside = |line: &str| line.trim_start_matches([' ', '\t', '>', '-', '*', '+']).to_owned();
    let line = text[at..].split_inclusive('\n').next()?;
    let first = inside(line);
    let mark = first.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = first.chars().take_while(|c| *c == mark).count();
    if length < 3 || mark == '`' && first[length..].contains('`') {
        return None;
    }
    let mut end = at + line.len();
    for line in text[end..].split_inclusive('\n') {
        end += line.len();
        let line = inside(line);
        let closes = line.trim_end();
        if closes.len() >= length && closes.chars().all(|c| c == mark) {
            return Some(end);
        }
    }
    Some(text.len())
}

/// The length of the code span at the start of `rest`, or of its backticks if they open none.
fn code_span(rest: &str) -> usize {
    let length = rest.bytes().take_while(|byte| *byte == b'`').count();
    let paragraph = paragraph(rest);
    let mut at = length;
    while let Some(next) = paragraph[at..].find('`') {
        let start = at + next;
        let run = paragraph[start..].bytes().take_while(|byte| *byte == b'`').count();
        at = start + run;
        if run == length {
            return at;
        }
    }
    length
}

/// The length of the comment or element at the start of `rest` whose content is not Markdown; 1 for
/// anything else.
fn literal_html(rest: &str) -> usize {
    if rest.starts_with("<!--") {
        return rest.find("-->").map_or(1, |end| end + 3);
    }
    let name_end =
        rest[1..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(rest.len(), |end| end + 1);
    let name = rest[1..name_end].to_ascii_lowercase();
    if !LITERAL_ELEMENTS.contains(&name.as_str()) {
        return 1;
    }
    rest.find(&format!("</{name}")).unwrap_or(1)
}

/// The formula between delimiters with backslashes at `at`.
fn delimited(text: &str, at: usize) -> Option<Found> {
    let rest = paragraph(&text[at..]);
    let (open, close, display) =
        DELIMITERS.into_iter().find(|(open, ..)| rest.starts_with(open))?;
    let length = rest[open.len()..].find(close)?;
    let inside = at + open.len()..at + open.len() + length;
    let range = at..inside.end + close.len();
    // `\[` also escapes a bracket, so a block must be alone on its lines.
    let is_formula =
        !text[inside.clone()].trim().is_empty() && (!display || is_alone(text, &range));
    is_formula.then_some(Found { range, inside, display })
}

/// Whether nothing else is on the lines of a formula, except the marks of quotes and lists.
fn is_alone(text: &str, range: &Range<usize>) -> bool {
    let line_start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let before = text[line_start..range.start].trim_start_matches([' ', '\t', '>']);
    let number = before.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_mark = matches!(before, "" | "- " | "* " | "+ " | ": ")
        || number.len() < before.len() && matches!(number, ". " | ") ");
    let after = text[range.end..].split('\n').next().unwrap_or_default();
    is_mark && after.trim().is_empty()
}

enum Dollars {
    /// The length of a formula between single dollars.
    One(usize),
    /// The length of one between two dollars.
    Two(usize),
    /// Not a formula, but this many bytes of text.
    None(usize),
}

/// Decides about the dollar at the start of `rest`, by pandoc's rule: no white space inside of the
/// dollars, and no digit after them.
fn dollars(rest: &str) -> Dollars {
    let paragraph = paragraph(rest);
    if let Some(inside) = paragraph.strip_prefix("$$") {
        let end = inside.find("$$").filter(|end| !inside[..*end].trim().is_empty());
        return end.map_or(Dollars::None(2), |end| Dollars::Two(end + 4));
    }
    let inside = &paragraph[1..];
    if inside.starts_with(char::is_whitespace) {
        return Dollars::None(1);
    }
    let mut is_escaped = false;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'`' => break,
            b'$' => {
                let is_end = at > 0
                    && !inside[..at].ends_with(char::is_whitespace)
                    && !inside[at + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '$');
                if is_end {
                    return Dollars::One(at + 2);
                }
                break;
            }
            _ => {}
        }
    }
    Dollars::None(1)
}

/// The rest of the paragraph: up to the next blank line.
fn paragraph(rest: &str) -> &str {
    let mut at = 0;
    while let Some(newline) = rest[at..].find('\n') {
        at += newline + 1;
        let line = rest[at..].split('\n').next().unwrap_or_default();
        if line.trim_start_matches('>').trim().is_empty() {
            return &rest[..at];
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, dialect: Dialect, expected: &[&str]) {
        let found = formulas(text, dialect);
        let found: Vec<&str> = found.iter().map(|found| &text[found.inside.clone()]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn backslashes_delimit_formulas() {
        for dialect in [Dialect::CommonMark, Dialect::Kramdown] {
            check("a \\(x\\) b \\\\(y\\\\)", dialect, &["x", "y"]);
            check("\\[\nx\n\\]\n\nb \\[1\\] c", dialect, &["\nx\n"]);
            check("> \\[x\\]\n", dialect, &["x"]);
            check("\\(a\n\nb\\) \\\\ \\(\\)", dialect, &[]);
        }
    }

    #[test]
    fn code_and_html_have_no_formulas() {
        for text in [
            "`\\(x\\)` ``a ` \\(x\\)``",
            "```\n\\(x\\)\n```\n",
            "~~~~\n\\(x\\)\n~~~\n$x$\n~~~~",
            "- ```\n  \\(x\\)\n  ```",
            "<pre>\n\\(x\\)</pre> <!-- $x$ -->",
        ] {
            check(text, Dialect::Kramdown, &[]);
        }
        check("`a` $x$ ` \\(y\\)", Dialect::Kramdown, &["x", "y"]);
    }

    #[test]
    fn money_stays_money() {
        for text in [
            "$5 and $6",
            "$5-$6",
            "5$ or 6 $",
            "US$ 5, US$ 6",
            "$a\n\nb$",
            "\\$x$",
            "$6, `$HOME$`",
            "$$",
            "$$ $$",
        ] {
            check(text, Dialect::CommonMark, &[]);
        }
        check("$x_1$, $y$-axis", Dialect::Kramdown, &["x_1", "y"]);
        check("$$x$$", Dialect::Kramdown, &[]);
    }

    #[test]
    fn two_dollars_alone_on_their_lines_are_a_block() {
        let displays = |text: &str| -> Vec<bool> {
            formulas(text, Dialect::CommonMark).into_iter().map(|found| found.display).collect()
        };
        assert_eq!(displays("a\n$$\nb\n$$\nc $$d$$ e"), [true, false]);
        assert_eq!(displays("- $$a$$\n10. $$b$$\n\n> $$\n> c\n> $$"), [true, true, true]);
    }
}
