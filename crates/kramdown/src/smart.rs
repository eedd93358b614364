//! Typographic quotes, dashes and dots in text that is not Markdown.

use crate::Options;
use crate::quotes::{Facing, Quotes, quotes};

/// Makes the quotes, dashes and dots of text typographic, except inside HTML tags.
///
/// ```
/// assert_eq!(kramdown::smart("<i class=\"a\">It's</i> -- ..."), "<i class=\"a\">It’s</i> – …");
/// ```
pub fn smart(text: &str) -> String {
    let options = Options::default();
    let [dots, long, short, left, right] = &options.typographic_symbols;
    let symbols = [("---", long), ("--", short), ("...", dots), ("<<", left), (">>", right)];
    let mut written = String::with_capacity(text.len() + 16);
    let mut rest = text;
    // `None` after what is not text, as the rules for quotes require.
    let mut before = None;
    let mut has_tags = true;
    while let Some(c) = rest.chars().next() {
        if let Some((sign, symbol)) = symbols.iter().find(|(sign, _)| rest.starts_with(sign)) {
            written.push_str(symbol);
            rest = &rest[sign.len()..];
            before = None;
            continue;
        }
        if c == '<'
            && has_tags
            && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!')
        {
            match rest.find('>') {
                Some(end) => {
                    written.push_str(&rest[..=end]);
                    rest = &rest[end + 1..];
                    before = None;
                    continue;
                }
                None => has_tags = false,
            }
        }
        if matches!(c, '"' | '\'') {
            let length = write_quotes(&mut written, rest, before, &options);
            rest = &rest[length..];
            before = None;
            continue;
        }
        written.push(c);
        rest = &rest[c.len_utf8()..];
        before = Some(c);
    }
    written
}

/// Writes the quotes at the start of the text, and returns their number.
fn write_quotes(out: &mut String, text: &str, before: Option<char>, options: &Options) -> usize {
    let [single_left, single_right, double_left, double_right] = &options.smart_quotes;
    let shown = |at: usize, facing| match (text.as_bytes()[at], facing) {
        (b'"', Facing::Left) => double_left,
        (b'"', Facing::Right) => double_right,
        (_, Facing::Left) => single_left,
        (_, Facing::Right) => single_right,
    };
    match quotes(text, before) {
        Quotes::One(facing) => {
            out.push_str(shown(0, facing));
            1
        }
        Quotes::TwoLeft => {
            out.push_str(shown(0, Facing::Left));
            out.push_str(shown(1, Facing::Left));
            2
        }
        Quotes::PlainThen(facing) => {
            out.push_str(&text[..1]);
            out.push_str(shown(1, facing));
            2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_dashes_and_dots_change_and_markdown_and_tags_do_not() {
        assert_eq!(smart("a \"q\" -- b... *c* it's"), "a “q” – b… *c* it’s");
        assert_eq!(smart("# t <a href=\"x--y\">'z'</a>"), "# t <a href=\"x--y\">‘z’</a>");
        assert_eq!(smart("<a 'b'"), "<a ‘b’");
    }
}
