//! Reads code by the table of its language.
//!
//! A table is a list of states, a state a list of rules. At each position the first rule of the
//! current state that matches decides: it gives text a class, and may enter another state or leave
//! the current one. States that were entered and not left are a stack. Text that no rule matches is
//! plain.
//!
//! The time is linear. Each step moves forward, leaves a state that an earlier step entered, or
//! enters one, which happens at most once at each position without moving forward. What a step looks
//! at beyond the text it moves over is bounded (see [`pattern`](super::pattern)).

use std::ops::Range;
use std::sync::OnceLock;

use super::pattern::{Bytes, Pattern, Text};

/// A class of Rouge, such as `nf`; an empty one is plain text.
pub(crate) type Class = &'static str;

/// The table of a language.
pub(crate) struct Language {
    /// What posts call it, in lowercase.
    pub(super) names: &'static [&'static str],
    /// Whether uppercase and lowercase letters are alike.
    pub(super) ignores_case: bool,
    /// The first is the one at the start of a text.
    pub(super) states: &'static [State],
    /// Made when the language is first used.
    pub(super) machine: OnceLock<Machine>,
}

/// A name and rules, of which the first that matches applies.
pub(super) struct State(pub(super) &'static str, pub(super) &'static [Rule]);

/// What to recognize, and whether the state changes then.
pub(super) struct Rule {
    what: What,
    then: Then,
}

enum What {
    One(&'static str, Class),
    Parts(&'static [(&'static str, Class)]),
    Words(&'static str, &'static [(Class, &'static str)]),
    Inner(&'static str, &'static str),
    RulesOf(&'static str),
}

#[derive(Clone, Copy)]
enum Then {
    Stay,
    Enter(&'static str),
    EnterWith(&'static str, usize),
    Replace(&'static str),
    Leave,
}

/// Text that matches `pattern` has the class.
pub(super) const fn is(pattern: &'static str, class: Class) -> Rule {
    Rule { what: What::One(pattern, class), then: Then::Stay }
}

/// Patterns that match one after the other, each with its class.
pub(super) const fn parts(parts: &'static [(&'static str, Class)]) -> Rule {
    Rule { what: What::Parts(parts), then: Then::Stay }
}

/// Text that matches `pattern` and is one of the words, which are listed by class.
pub(super) const fn words(pattern: &'static str, words: &'static [(Class, &'static str)]) -> Rule {
    Rule { what: What::Words(pattern, words), then: Then::Stay }
}

/// Text that matches `pattern` is in another language.
pub(super) const fn inner(pattern: &'static str, language: &'static str) -> Rule {
    Rule { what: What::Inner(pattern, language), then: Then::Stay }
}

/// All rules of another state.
pub(super) const fn rules_of(state: &'static str) -> Rule {
    Rule { what: What::RulesOf(state), then: Then::Stay }
}

/// Leaves the state if none of the rules before matches.
pub(super) const fn otherwise_leave() -> Rule {
    is("", "").leave()
}

impl Rule {
    /// Enters a state.
    pub(super) const fn enter(self, state: &'static str) -> Rule {
        Rule { what: self.what, then: Then::Enter(state) }
    }

    /// Enters a state in whose patterns `\1` is the text of this part; they count from zero.
    pub(super) const fn enter_with(self, state: &'static str, part: usize) -> Rule {
        Rule { what: self.what, then: Then::EnterWith(state, part) }
    }

    /// Leaves the state and enters another one.
    pub(super) const fn replace(self, state: &'static str) -> Rule {
        Rule { what: self.what, then: Then::Replace(state) }
    }

    /// Leaves the state.
    pub(super) const fn leave(self) -> Rule {
        Rule { what: self.what, then: Then::Leave }
    }
}

impl Language {
    /// Calls `token` with each class and its text, in order. The texts together are `code`.
    pub(crate) fn read<'a>(&'static self, code: &'a str, token: &mut dyn FnMut(Class, &'a str)) {
        self.machine.get_or_init(|| Machine::new(self)).read(code, token);
    }

    /// All classes in the table.
    #[cfg(test)]
    pub(super) fn classes(&self) -> Vec<Class> {
        let rules = self.states.iter().flat_map(|state| state.1);
        rules
            .flat_map(|rule| match rule.what {
                What::One(_, class) => vec![class],
                What::Parts(parts) => parts.iter().map(|(_, class)| *class).collect(),
                What::Words(_, words) => words.iter().map(|(class, _)| *class).collect(),
                What::Inner(..) | What::RulesOf(_) => Vec::new(),
            })
            .collect()
    }
}

/// The table of a language with its patterns parsed and its names resolved.
pub(super) struct Machine {
    states: Vec<Prepared>,
    ignores_case: bool,
}

/// A state with the rules of other states that it includes.
struct Prepared {
    rules: Vec<PreparedRule>,
    /// For each byte the rules that may match there: an index into `candidates`.
    by_byte: [u8; 256],
    candidates: Vec<Vec<u8>>,
}

struct PreparedRule {
    what: Recognizer,
    then: Step,
}

enum Recognizer {
    One(Pattern, Class),
    Parts(Vec<(Pattern, Class)>),
    Words(Pattern, Box<Words>),
    Inner(Pattern, &'static Language),
}

#[derive(Clone, Copy)]
enum Step {
    Stay,
    Enter(usize),
    EnterWith(usize, usize),
    Replace(usize),
    Leave,
}

/// What a rule has found, and where it ends.
enum Found {
    One(Class, usize),
    Inner(&'static Language, usize),
    /// The ends are in the list that was passed.
    Parts(usize),
}

impl Found {
    fn end(&self) -> usize {
        let (Found::One(_, end) | Found::Inner(_, end) | Found::Parts(end)) = self;
        *end
    }
}

impl Machine {
    /// Panics if the table is inconsistent; a test makes the machines of all languages.
    fn new(language: &'static Language) -> Machine {
        let states = language.states.iter().map(|state| Prepared::new(language, state)).collect();
        Machine { states, ignores_case: language.ignores_case }
    }

    fn read<'a>(&self, code: &'a str, token: &mut dyn FnMut(Class, &'a str)) {
        let mut text = Text::new(code);
        let mut stack: Vec<(usize, Range<usize>)> = vec![(0, 0..0)];
        let mut ends: Vec<usize> = Vec::new();
        // Where a state was last entered without any text.
        let mut entered = None;
        let mut at = 0;
        while at < code.len() {
            let Some((state, _)) = stack.last() else { break };
            let Some((rule, found)) = self.states[*state].find(
                &text,
                at,
                self.ignores_case,
                &mut ends,
                |then| match then {
                    Step::Leave => stack.len() > 1,
                    Step::Enter(_) => entered != Some(at),
                    _ => false,
                },
            ) else {
                let length = code[at..].chars().next().map_or(1, char::len_utf8);
                token("", &code[at..at + length]);
                at += length;
                continue;
            };
            let start = at;
            if found.end() == at && matches!(rule.then, Step::Enter(_)) {
                entered = Some(at);
            }
            match found {
                Found::One(class, end) => {
                    if end > at {
                        token(class, &code[at..end]);
                    }
                    at = end;
                }
                Found::Inner(language, end) => {
                    language.read(&code[at..end], token);
                    at = end;
                }
                Found::Parts(_) => {
                    for (class, end) in rule.classes().zip(&ends) {
                        if *end > at {
                            token(class, &code[at..*end]);
                        }
                        at = *end;
                    }
                }
            }
            match rule.then {
                Step::Enter(state) => stack.push((state, text.remembered.clone())),
                Step::EnterWith(state, part) => {
                    let from = part.checked_sub(1).map_or(start, |before| ends[before]);
                    stack.push((state, from..ends[part]));
                }
                Step::Replace(state) => {
                    stack.pop();
                    stack.push((state, text.remembered.clone()));
                }
                Step::Leave if stack.len() > 1 => {
                    stack.pop();
                }
                Step::Stay | Step::Leave => continue,
            }
            text.remembered = stack.last().map_or(0..0, |(_, remembered)| remembered.clone());
        }
    }
}

impl Prepared {
    fn new(language: &'static Language, state: &State) -> Prepared {
        let mut rules = Vec::new();
        add_rules(&mut rules, language, state);
        let first: Vec<Bytes> = rules.iter().map(PreparedRule::first).collect();
        let mut candidates: Vec<Vec<u8>> = Vec::new();
        let by_byte = std::array::from_fn(|byte| {
            let byte = u8::try_from(byte).expect("the array has 256 items");
            let wanted: Vec<u8> = (0_u8..)
                .zip(&first)
                .filter(|(_, first)| first.contains(byte))
                .map(|(rule, _)| rule)
                .collect();
            let known = candidates.iter().position(|candidate| *candidate == wanted);
            let index = known.unwrap_or_else(|| {
                candidates.push(wanted);
                candidates.len() - 1
            });
            u8::try_from(index).expect("256 bytes have at most 256 lists")
        });
        Prepared { rules, by_byte, candidates }
    }

    /// Returns the first rule that matches; one that matches no text only if that makes progress.
    fn find(
        &self,
        text: &Text,
        at: usize,
        ignores_case: bool,
        ends: &mut Vec<usize>,
        is_progress: impl Fn(Step) -> bool,
    ) -> Option<(&PreparedRule, Found)> {
        let candidates = &self.candidates[usize::from(self.by_byte[usize::from(text.bytes[at])])];
        candidates.iter().find_map(|rule| {
            let rule = &self.rules[usize::from(*rule)];
            let found = rule.found(text, at, ignores_case, ends)?;
            (found.end() > at || is_progress(rule.then)).then_some((rule, found))
        })
    }
}

fn add_rules(rules: &mut Vec<PreparedRule>, language: &'static Language, state: &State) {
    let pattern = |notation, is_last| Pattern::new(notation, language.ignores_case, is_last);
    let number = |name| {
        let number = language.states.iter().position(|state| state.0 == name);
        number.unwrap_or_else(|| panic!("{}: no state `{name}`", language.names[0]))
    };
    for rule in state.1 {
        let what = match rule.what {
            What::RulesOf(name) => {
                add_rules(rules, language, &language.states[number(name)]);
                continue;
            }
            What::One(notation, class) => Recognizer::One(pattern(notation, true), class),
            What::Parts(parts) => Recognizer::Parts(
                (1..)
                    .zip(parts)
                    .map(|(count, (notation, class))| {
                        (pattern(notation, count == parts.len()), *class)
                    })
                    .collect(),
            ),
            What::Words(notation, words) => {
                Recognizer::Words(pattern(notation, true), Box::new(Words::new(words)))
            }
            What::Inner(notation, name) => Recognizer::Inner(
                pattern(notation, true),
                super::language(name).unwrap_or_else(|| panic!("no language `{name}`")),
            ),
        };
        let then = match rule.then {
            Then::Stay => Step::Stay,
            Then::Enter(state) => Step::Enter(number(state)),
            Then::EnterWith(state, part) => Step::EnterWith(number(state), part),
            Then::Replace(state) => Step::Replace(number(state)),
            Then::Leave => Step::Leave,
        };
        rules.push(PreparedRule { what, then });
    }
}

impl PreparedRule {
    fn found(
        &self,
        text: &Text,
        at: usize,
        ignores_case: bool,
        ends: &mut Vec<usize>,
    ) -> Option<Found> {
        match &self.what {
            Recognizer::One(pattern, class) => Some(Found::One(class, pattern.end(text, at)?)),
            Recognizer::Words(pattern, words) => {
                let end = pattern.end(text, at)?;
                Some(Found::One(words.class(&text.bytes[at..end], ignores_case)?, end))
            }
            Recognizer::Inner(pattern, language) => {
                Some(Found::Inner(language, pattern.end(text, at)?))
            }
            Recognizer::Parts(parts) => {
                ends.clear();
                let mut end = at;
                for (pattern, _) in parts {
                    end = pattern.end(text, end)?;
                    ends.push(end);
                }
                Some(Found::Parts(end))
            }
        }
    }

    fn classes(&self) -> impl Iterator<Item = Class> {
        let parts = match &self.what {
            Recognizer::Parts(parts) => parts.as_slice(),
            _ => &[],
        };
        parts.iter().map(|(_, class)| *class)
    }

    /// The bytes that a match can start with.
    fn first(&self) -> Bytes {
        match &self.what {
            Recognizer::One(pattern, _)
            | Recognizer::Words(pattern, _)
            | Recognizer::Inner(pattern, _) => pattern.first(),
            Recognizer::Parts(parts) => parts[0].0.first(),
        }
    }
}

/// Words with their classes, grouped by their first byte.
struct Words {
    words: Vec<(&'static str, Class)>,
    /// Where the words that start with a byte begin; they end where those of the next one begin.
    starts: [u16; 257],
}

impl Words {
    /// If a word is listed twice, its first class applies.
    fn new(classes: &[(Class, &'static str)]) -> Words {
        let mut words: Vec<(&'static str, Class)> = classes
            .iter()
            .flat_map(|(class, words)| words.split_whitespace().map(move |word| (word, *class)))
            .collect();
        words.sort_by_key(|(word, _)| word.as_bytes()[0]);
        let starts = std::array::from_fn(|byte| {
            let before = words.partition_point(|(word, _)| usize::from(word.as_bytes()[0]) < byte);
            u16::try_from(before).expect("no language has that many words")
        });
        Words { words, starts }
    }

    fn class(&self, word: &[u8], ignores_case: bool) -> Option<Class> {
        let first = *word.first()?;
        let first = usize::from(if ignores_case { first.to_ascii_lowercase() } else { first });
        let group = usize::from(self.starts[first])..usize::from(self.starts[first + 1]);
        let found = self.words[group].iter().find(|(known, _)| {
            if ignores_case {
                known.as_bytes().eq_ignore_ascii_case(word)
            } else {
                known.as_bytes() == word
            }
        });
        found.map(|(_, class)| *class)
    }
}
