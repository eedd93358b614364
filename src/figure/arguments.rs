//! The arguments of a tag: words, and options such as `caption="…"`. They have one grammar for
//! all tags.

use crate::diagnostic::{Diagnostic, Place, Position, listed, nearest};
use crate::stats::Pairing;

/// The arguments of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arguments<'a> {
    /// The whole text.
    text: &'a str,
    /// Where the text starts.
    start: Place,
    /// The words that are not options, in order.
    words: Vec<Piece<'a>>,
    /// Names and values of the options, in order.
    options: Vec<(Piece<'a>, Piece<'a>)>,
}

/// A piece of the arguments, and where it starts in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// The byte in the arguments at which it starts.
    pub(super) offset: usize,
}

impl<'a> Arguments<'a> {
    /// Splits the arguments `text`, which start at `start`.
    ///
    /// An option is a name of lowercase letters and hyphens, `=` and a value: in double or single
    /// quotes, or bare if it contains no white space. Everything else between white space is a
    /// word.
    pub(super) fn parse(text: &'a str, start: &Place) -> Result<Arguments<'a>, Diagnostic> {
        let mut arguments =
            Arguments { text, start: start.clone(), words: Vec::new(), options: Vec::new() };
        let mut offset = 0;
        loop {
            let rest = &text[offset..];
            offset += rest.len() - rest.trim_start().len();
            let word = with_brackets(text, word_at(text, offset));
            if word.text.is_empty() {
                return Ok(arguments);
            }
            offset = match option_name(word) {
                Some(name) => arguments.read_option(name)?,
                None => arguments.read_word(word)?,
            };
        }
    }

    /// Adds a word, and returns the offset after it.
    fn read_word(&mut self, word: Piece<'a>) -> Result<usize, Diagnostic> {
        if word.text.starts_with(['"', '\'']) {
            let error = self.error(word, "a quoted string without the name of an option");
            return Err(error.hint("write it after the name of an option, such as `caption=\"…\"`"));
        }
        self.words.push(word);
        Ok(word.offset + word.text.len())
    }

    /// Adds the option with this name, and returns the offset after its value.
    fn read_option(&mut self, name: Piece<'a>) -> Result<usize, Diagnostic> {
        let start = name.offset + name.text.len() + "=".len();
        let quote = self.text[start..].chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let (value, end) = if let Some(quote) = quote {
            let inside = start + quote.len_utf8();
            let Some(length) = self.text[inside..].find(quote) else {
                let error =
                    self.error(Piece { text: "", offset: start }, "this quote is not closed");
                return Err(error.hint(format!("end the value of `{}` with {quote}", name.text)));
            };
            let value = Piece { text: &self.text[inside..inside + length], offset: inside };
            (value, inside + length + quote.len_utf8())
        } else {
            let value = word_at(self.text, start);
            (value, start + value.text.len())
        };
        if self.options.iter().any(|(known, _)| known.text == name.text) {
            return Err(self.error(name, format!("option `{}` is given twice", name.text)));
        }
        self.options.push((name, value));
        Ok(end)
    }

    /// The words that are not options, in order.
    pub(super) fn words(&self) -> &[Piece<'a>] {
        &self.words
    }

    /// The text from one byte to another.
    pub(super) fn between(&self, from: usize, to: usize) -> Piece<'a> {
        Piece { text: &self.text[from..to], offset: from }
    }

    /// From the first to the last word that is no option.
    pub(super) fn phrase(&self) -> &'a str {
        match (self.words.first(), self.words.last()) {
            (Some(first), Some(last)) => {
                self.between(first.offset, last.offset + last.text.len()).text
            }
            _ => "",
        }
    }

    /// The whole text.
    pub(super) fn all(&self) -> Piece<'a> {
        Piece { text: self.text, offset: 0 }
    }

    /// The value of the option `name`, if it is given.
    pub(super) fn option(&self, name: &str) -> Option<Piece<'a>> {
        self.options.iter().find(|(known, _)| known.text == name).map(|&(_, value)| value)
    }

    /// What the option `by` says of which numbers belong together, if it is given.
    pub(super) fn pairing(&self) -> Result<Option<(Pairing, Piece<'a>)>, Diagnostic> {
        let Some(by) = self.option("by") else { return Ok(None) };
        match by.text {
            "seed" => Ok(Some((Pairing::BySeed, by))),
            "none" => Ok(Some((Pairing::None, by))),
            _ => Err(self.unknown_of("value", "by", by, ["none", "seed"])),
        }
    }

    /// The parts between commas of the option `name`, none of them empty; `None` if it is not
    /// given.
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<Piece<'a>>>, Diagnostic> {
        let Some(value) = self.option(name) else {
            return Ok(None);
        };
        let items: Vec<Piece<'a>> = split_at_commas(value).collect();
        match items.iter().find(|item| item.text.is_empty()) {
            Some(&empty) => Err(self.error(empty, format!("a name is missing in `{name}`"))),
            None => Ok(Some(items)),
        }
    }

    /// Makes sure that all options are among `known`.
    pub(super) fn allow_options(&self, known: &[&str]) -> Result<(), Diagnostic> {
        let Some((name, _)) = self.options.iter().find(|(name, _)| !known.contains(&name.text))
        else {
            return Ok(());
        };
        Err(self.unknown("option", *name, known.iter().copied()))
    }

    /// An error at `piece`.
    pub(super) fn error(&self, piece: Piece<'_>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.place(piece.offset), message)
    }

    /// An error in the arguments as a whole.
    pub(super) fn error_of_all(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.start.clone(), message)
    }

    /// The error of a word that the tag does not take.
    pub(super) fn unexpected(&self, word: Piece<'_>) -> Diagnostic {
        self.error(word, format!("unexpected argument `{}`", word.text))
    }

    /// The error of an unknown name of the kind `what`: suggests the nearest of `known`, and lists
    /// them.
    pub(super) fn unknown<'k>(
        &self,
        what: &str,
        given: Piece<'_>,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Diagnostic {
        let message = format!("unknown {what} `{}`", given.text);
        with_known(self.error(given, message), given, known)
    }

    /// Like [`unknown`](Self::unknown), for a name that belongs to `owner`.
    pub(super) fn unknown_of<'k>(
        &self,
        what: &str,
        owner: &str,
        given: Piece<'_>,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Diagnostic {
        let message = format!("unknown {what} `{}` of `{owner}`", given.text);
        with_known(self.error(given, message), given, known)
    }

    /// Where the byte `offset` of the arguments is in the file.
    pub(super) fn place(&self, offset: usize) -> Place {
        let Some(start) = self.start.position else {
            return self.start.clone();
        };
        let inside = Position::at(self.text, offset);
        let column =
            if inside.line == 1 { start.column + inside.column - 1 } else { inside.column };
        Place::new(self.start.path.clone(), Position { line: start.line + inside.line - 1, column })
    }
}

/// The error with a hint: the known name that is nearest to the given one, and all of them.
fn with_known<'k>(
    error: Diagnostic,
    given: Piece<'_>,
    known: impl IntoIterator<Item = &'k str>,
) -> Diagnostic {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(given.text, known.iter().copied()) {
        _ if known.is_empty() => error,
        Some(near) if known.len() > 1 => {
            error.hint(format!("did you mean `{near}`? expected one of {}", listed(known)))
        }
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("expected one of {}", listed(known))),
    }
}

/// The piece from `offset` to the next white space or the end.
fn word_at(text: &str, offset: usize) -> Piece<'_> {
    let rest = &text[offset..];
    Piece { text: rest.split(char::is_whitespace).next().unwrap_or_default(), offset }
}

/// The word up to the end of a bracket that it opens: `a.b.c[seed=0, epoch=last]`. An option has
/// none.
fn with_brackets<'a>(text: &'a str, word: Piece<'a>) -> Piece<'a> {
    let is_open = word.text.rfind('[').is_some_and(|open| !word.text[open..].contains(']'));
    if !is_open || option_name(word).is_some() {
        return word;
    }
    let end = word.offset + word.text.len();
    let rest = &text[end..];
    let length = rest.find(']').map_or(rest.len(), |close| close + 1);
    Piece { text: &text[word.offset..end + length], offset: word.offset }
}

/// The name of the option that starts with `word`, if one does.
fn option_name(word: Piece<'_>) -> Option<Piece<'_>> {
    let (name, _) = word.text.split_once('=')?;
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    is_name.then_some(Piece { text: name, offset: word.offset })
}

/// The parts between commas, without white space around them.
fn split_at_commas(list: Piece<'_>) -> impl Iterator<Item = Piece<'_>> {
    let mut offset = list.offset;
    list.text.split(',').map(move |part| {
        let start = offset + part.len() - part.trim_start().len();
        offset += part.len() + ",".len();
        Piece { text: part.trim(), offset: start }
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn start() -> Place {
        Place::new("_posts/a.md", Position { line: 7, column: 9 })
    }

    #[track_caller]
    fn check(text: &str, expected: &Expect) {
        let start = start();
        let shown = match Arguments::parse(text, &start).and_then(|arguments| {
            arguments.allow_options(&["caption", "y", "seed"])?;
            let list = arguments.list("y")?.unwrap_or_default();
            Ok((arguments, list))
        }) {
            Ok((arguments, list)) => {
                let words: Vec<&str> = arguments.words().iter().map(|word| word.text).collect();
                let options = arguments
                    .options
                    .iter()
                    .map(|(name, value)| format!("{}={}", name.text, value.text));
                let list: Vec<&str> = list.iter().map(|item| item.text).collect();
                format!("{words:?} {:?} {list:?}", options.collect::<Vec<_>>())
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn words_and_options_in_any_order() {
        check(
            r#" a.b.c - d  caption="x = 'y' z" seed=0 e y='p, q'"#,
            &expect![[
                r#"["a.b.c", "-", "d", "e"] ["caption=x = 'y' z", "seed=0", "y=p, q"] ["p", "q"]"#
            ]],
        );
    }

    #[test]
    fn an_unknown_option_is_reported_at_its_place() {
        check(
            "a\n  captoin=\"x\"",
            &expect![[r#"
                error: unknown option `captoin`
                 --> _posts/a.md:8:3
                hint: did you mean `caption`? expected one of `caption`, `y`, `seed`"#]],
        );
    }

    #[test]
    fn an_unclosed_quote_is_reported_where_it_opens() {
        check(
            "é caption=\"x",
            &expect![[r#"
                error: this quote is not closed
                 --> _posts/a.md:7:19
                hint: end the value of `caption` with ""#]],
        );
    }

    #[test]
    fn an_option_is_given_only_once() {
        check(
            "y=a y=b",
            &expect![[r#"
                error: option `y` is given twice
                 --> _posts/a.md:7:13"#]],
        );
    }

    #[test]
    fn a_list_cannot_contain_empty_names() {
        check(
            "y='a, ,b'",
            &expect![[r#"
                error: a name is missing in `y`
                 --> _posts/a.md:7:15"#]],
        );
    }

    #[test]
    fn a_quoted_string_needs_a_name() {
        check(
            "a \"b\"",
            &expect![[r#"
                error: a quoted string without the name of an option
                 --> _posts/a.md:7:11
                hint: write it after the name of an option, such as `caption="…"`"#]],
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[a-c=\"' ,\n]*") {
            let start = start();
            if let Ok(arguments) = Arguments::parse(&text, &start) {
                let _ = arguments.list("a");
                for word in arguments.words() {
                    prop_assert_eq!(&text[word.offset..word.offset + word.text.len()], word.text);
                }
            }
        }
    }
}
