//! Decides which numbers of a block of prose look like results of a run.
//!
//! A number counts as a result by its unit and by the words around it. What is certain comes first:
//! dates, money, names and parameters never are one. The rules are measured on the sentences of
//! `tests/numbers`.

use std::ops::Range;

use super::token::{Number, Unit, numbers};
use super::words::{
    ATTEMPTS, CHANGING, CHOSEN, CONNECTING, COUNTED, DATA, LINKING, METRICS, MONTHS, NUMBERED,
    OTHERS, OUTCOMES, RUNNING, is_one,
};

/// How a number looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Like a result.
    Result,
    /// Like any number: a result only if it is equal to one.
    Any,
    /// Like a date, money, a name, a parameter: never a result.
    Other,
}

/// The numbers of a block, each with its look. `head` is the head of its column, if it is a cell.
pub(super) fn looks(block: &str, head: Option<&str>) -> Vec<(Number, Look)> {
    let mut found = Vec::new();
    for sentence in sentences(block) {
        let text = &block[sentence.clone()];
        let of_sentence = of_sentence(text, head).into_iter();
        found.extend(of_sentence.map(|(number, look)| (number.moved(sentence.start), look)));
    }
    found
}

/// The sentences of a block.
fn sentences(block: &str) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, end) in block.match_indices(['.', '!', '?']) {
        let after = &block[at + end.len()..];
        let next = after.trim_start();
        let starts = next.starts_with(|c: char| c.is_uppercase() || !c.is_ascii());
        if next.len() < after.len() && starts {
            sentences.push(start..at + end.len());
            start = at + end.len();
        }
    }
    sentences.push(start..block.len());
    sentences
}

/// A sentence, and its words.
struct Sentence<'t> {
    text: &'t str,
    words: Vec<(Range<usize>, String)>,
    /// The words of the head of the column.
    head: Vec<String>,
}

impl<'t> Sentence<'t> {
    fn of(text: &'t str, head: Option<&str>) -> Sentence<'t> {
        let head = words(head.unwrap_or_default()).into_iter().map(|(_, word)| word).collect();
        Sentence { text, words: words(text), head }
    }

    /// The words before a number, the nearest first.
    fn before(&self, number: &Number) -> impl Iterator<Item = &str> {
        let end = self.words.partition_point(|(range, _)| range.end <= number.range.start);
        self.words[..end].iter().rev().map(|(_, word)| word.as_str())
    }

    /// The words after a number and its unit.
    fn after(&self, number: &Number) -> impl Iterator<Item = &str> {
        let start = self.words.partition_point(|(range, _)| range.start < number.end);
        self.words[start..].iter().map(|(_, word)| word.as_str())
    }

    /// Whether the sentence contains one of `listed`.
    fn has(&self, listed: &[&str]) -> bool {
        self.words.iter().map(|(_, word)| word).chain(&self.head).any(|word| is_one(listed, word))
    }

    /// The words of the clause around a number.
    fn clause(&self, number: &Number) -> &[(Range<usize>, String)] {
        let is_break = |(at, mark): (usize, &str)| {
            let after = self.text[at + mark.len()..].chars().next();
            after.is_none_or(char::is_whitespace).then_some(at)
        };
        let breaks: Vec<usize> =
            self.text.match_indices([',', ';', ':']).filter_map(is_break).collect();
        let start = breaks.iter().rev().find(|at| **at < number.range.start).copied().unwrap_or(0);
        let end = breaks.iter().find(|at| **at >= number.end).copied().unwrap_or(self.text.len());
        let first = self.words.partition_point(|(range, _)| range.start < start);
        let last = self.words.partition_point(|(range, _)| range.end <= end);
        &self.words[first..last]
    }

    /// Whether the clause of a number has one of `listed` before it.
    fn has_before(&self, number: &Number, listed: &[&str]) -> bool {
        let is_before = |range: &Range<usize>| range.end <= number.range.start;
        let mut clause = self.clause(number).iter();
        clause.any(|(range, word)| is_before(range) && is_one(listed, word))
    }

    /// The word that a number belongs to: the first before it that does not only connect.
    fn subject(&self, number: &Number) -> Option<&str> {
        self.before(number).take(6).find(|word| !is_one(CONNECTING, word))
    }

    /// Whether a number is all that is between two parentheses.
    fn is_alone(&self, number: &Number) -> bool {
        self.is_after(number, &["("]) && self.is_before(number, &[")"])
    }

    fn is_after(&self, number: &Number, ends: &[&str]) -> bool {
        let before = self.text[..number.range.start].trim_end();
        ends.iter().any(|end| before.ends_with(end))
    }

    fn is_before(&self, number: &Number, starts: &[&str]) -> bool {
        let after = self.text[number.end..].trim_start();
        starts.iter().any(|start| after.starts_with(start))
    }
}

/// The words of a text in lower case, each with its place. Numbers are none.
fn words(text: &str) -> Vec<(Range<usize>, String)> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '\'' | '²' | '’');
    let mut words = Vec::new();
    let mut at = 0;
    for piece in text.split(|c| !is_part(c)) {
        let word = piece.trim_matches(['-', '\'', '’']);
        if word.chars().any(char::is_alphabetic) && !word.starts_with(|c: char| c.is_ascii_digit())
        {
            words.push((at..at + piece.len(), word.to_lowercase().replace('’', "'")));
        }
        at += piece.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    words
}

fn of_sentence(text: &str, head: Option<&str>) -> Vec<(Number, Look)> {
    let sentence = Sentence::of(text, head);
    let mut found: Vec<(Number, Look)> = Vec::new();
    for number in numbers(text) {
        // `2 h 14 min` is one time.
        let continues = found.last().is_some_and(|(last, _)| {
            last.unit == Unit::Time
                && number.unit == Unit::Time
                && text[last.end..number.range.start].trim().is_empty()
        });
        if !continues {
            let look = look(&number, &sentence);
            found.push((number, look));
        }
    }
    spread(&mut found, &sentence);
    found
}

/// Numbers written like a result beside them are results: `93.1 versus 92.9`.
fn spread(found: &mut [(Number, Look)], sentence: &Sentence<'_>) {
    for at in 0..found.len() {
        let (number, look) = &found[at];
        if *look != Look::Any || number.unit != Unit::None {
            continue;
        }
        let is_alike = |other: usize| {
            let (other, look) = &found[other];
            let is_behind = other.range.start < number.range.start;
            let gap = if is_behind {
                other.end..number.range.start
            } else {
                number.end..other.range.start
            };
            let between = sentence.text.get(gap);
            let between = between.unwrap_or_default().trim();
            let is_near = ["to", "→", "and", "versus", "vs", "vs.", "or", "±", "instead of"]
                .contains(&between);
            *look == Look::Result
                && is_near
                && (number.decimals == other.decimals && number.decimals > 0
                    || between == "→"
                    || between == "±"
                    || between == "to")
        };
        if at > 0 && is_alike(at - 1) || at + 1 < found.len() && is_alike(at + 1) {
            found[at].1 = Look::Result;
        }
    }
}

fn look(number: &Number, sentence: &Sentence<'_>) -> Look {
    if is_date(number, sentence) || is_named(number, sentence) || is_money(number, sentence) {
        return Look::Other;
    }
    if is_chosen(number, sentence) {
        return Look::Other;
    }
    let is_of_others = sentence.clause(number).iter().any(|(_, word)| is_one(OTHERS, word));
    if is_of_others || sentence.is_after(number, &["<", ">", "≥", "≤"]) {
        return Look::Any;
    }
    let is_result = match number.unit {
        Unit::Percent => is_share(number, sentence),
        Unit::Points => {
            (number.decimals > 0 || sentence.has(METRICS) || sentence.has(OUTCOMES))
                && !sentence.is_after(number, &["below", "under", "least", "all"])
        }
        Unit::Time => is_duration(sentence),
        Unit::Factor => is_comparison(number, sentence),
        Unit::Measure => true,
        Unit::Size => false,
        Unit::None => is_plain_result(number, sentence),
    };
    if is_result { Look::Result } else { Look::Any }
}

fn is_date(number: &Number, sentence: &Sentence<'_>) -> bool {
    let is_plain = number.unit == Unit::None && number.decimals == 0;
    let is_year = is_plain && number.digits == 4 && (1900.0..2100.0).contains(&number.value);
    let is_month = |word: Option<&str>| word.is_some_and(|word| is_one(MONTHS, word));
    let before = sentence.before(number).next();
    let after = sentence.after(number).next();
    let comma = sentence.text[number.range.clone()].contains(',');
    is_year && !comma || is_plain && number.value <= 31.0 && (is_month(before) || is_month(after))
}

/// Whether the number is part of a name or numbers something: `section 4.2`, `Python 3.11`.
fn is_named(number: &Number, sentence: &Sentence<'_>) -> bool {
    let before = &sentence.text[..number.range.start];
    let Some((range, word)) = sentence.words.iter().rfind(|(range, _)| range.end <= before.len())
    else {
        return false;
    };
    let is_next = before[range.end..].trim_matches([' ', '.', '\n']).is_empty();
    let written = &sentence.text[range.clone()];
    let is_name = range.start > 0
        && written.starts_with(char::is_uppercase)
        && number.unit == Unit::None
        && !is_one(METRICS, word);
    is_next && (is_one(NUMBERED, word) || is_name)
}

fn is_money(number: &Number, sentence: &Sentence<'_>) -> bool {
    let next = sentence.after(number).next();
    let is_currency = |word: &str| {
        ["cent", "cents", "dollar", "dollars", "euro", "euros", "usd", "eur"].contains(&word)
    };
    sentence.is_after(number, &["$", "€", "£"])
        || sentence.is_before(number, &["$", "€", "£"])
        || next.is_some_and(is_currency)
}

/// Whether the author chose the number: a parameter, a level of confidence.
fn is_chosen(number: &Number, sentence: &Sentence<'_>) -> bool {
    let is_confidence = |word: &str| ["ci", "confidence", "interval", "intervals"].contains(&word);
    if number.unit == Unit::Percent && sentence.after(number).next().is_some_and(is_confidence) {
        return true;
    }
    let is_equated = sentence.is_after(number, &["="]);
    let subject = sentence.subject(number);
    if is_equated {
        return !subject.is_some_and(|word| is_one(METRICS, word) || word == "p" || word == "r²");
    }
    let is_named = number.unit == Unit::None && subject.is_some_and(|word| is_one(CHOSEN, word));
    is_named && !sentence.is_alone(number)
}

fn is_share(number: &Number, sentence: &Sentence<'_>) -> bool {
    let tells = sentence.has(METRICS) || sentence.has(OUTCOMES);
    let mut after = sentence.after(number);
    let is_of_data = after.next() == Some("of") && after.take(4).any(|word| is_one(DATA, word));
    if is_of_data {
        // `right on 95 % of the images`, but not `with 1 % of the labels it gets better`.
        return sentence.has_before(number, OUTCOMES) || sentence.has_before(number, METRICS);
    }
    tells || number.decimals > 0
}

fn is_duration(sentence: &Sentence<'_>) -> bool {
    sentence.has(RUNNING) || sentence.has(METRICS)
}

fn is_comparison(number: &Number, sentence: &Sentence<'_>) -> bool {
    let next = sentence.after(number).next();
    let compares = ["as", "faster", "slower", "longer"];
    next.is_some_and(|word| compares.contains(&word))
        || sentence.subject(number).is_some_and(|word| word.starts_with("speed"))
}

fn is_plain_result(number: &Number, sentence: &Sentence<'_>) -> bool {
    let next = sentence.after(number).next();
    if sentence.is_after(number, &["±"]) || sentence.is_before(number, &["±"]) {
        return true;
    }
    let subject = sentence.subject(number);
    let is_subject = |words: &[&str]| subject.is_some_and(|word| is_one(words, word));
    if is_subject(CHANGING) && sentence.is_after(number, &["from", "to"]) {
        return true;
    }
    if number.decimals > 0 || sentence.text[number.range.clone()].contains('e') {
        let names = |word: &str| is_one(METRICS, word);
        // A parameter between the metric and the number takes the number.
        let before = sentence.before(number).take(10);
        let nearest = before.take_while(|word| !is_one(CHOSEN, word)).any(names);
        return nearest
            || sentence.is_alone(number) && sentence.has(METRICS)
            || next.is_some_and(names)
            || subject == Some("p")
            || sentence.head.iter().any(|word| names(word));
    }
    is_count(number, sentence)
}

/// Whether a number without decimals counts successes, or is the value of a metric.
fn is_count(number: &Number, sentence: &Sentence<'_>) -> bool {
    let subject = sentence.subject(number);
    let is_subject = |words: &[&str]| subject.is_some_and(|word| is_one(words, word));
    let mut after = sentence.after(number);
    let next = after.next();
    let following: Vec<&str> = after.take(3).collect();
    let is_of_attempts = next == Some("of") && following.iter().any(|word| is_one(ATTEMPTS, word))
        || next == Some("out") && following.first() == Some(&"of");
    let is_total = sentence.before(number).take(2).any(|word| word == "of");
    let is_counted =
        !is_total && (is_subject(COUNTED) || subject == Some("on")) && sentence.has(COUNTED);
    // What a noun follows is counted: `the loss over 5 seeds`.
    let is_value = is_subject(METRICS)
        && next.is_none_or(|word| is_one(CONNECTING, word) || is_one(LINKING, word));
    is_of_attempts || is_counted || is_value
}

impl Number {
    /// The number in a text that has `by` more bytes before it.
    pub(super) fn moved(self, by: usize) -> Number {
        Number { range: self.range.start + by..self.range.end + by, end: self.end + by, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentences of learners of deep learning, with `«results»` marked.
    const SENTENCES: &str = include_str!("../../../tests/numbers/sentences.tsv");

    /// What was found in a sentence, and what should have been.
    struct Counts {
        hits: usize,
        misses: Vec<String>,
        false_alarms: Vec<String>,
    }

    impl Counts {
        fn precision(&self) -> f64 {
            self.hits as f64 / (self.hits + self.false_alarms.len()) as f64
        }

        fn recall(&self) -> f64 {
            self.hits as f64 / (self.hits + self.misses.len()) as f64
        }
    }

    fn measured(half: &str) -> Counts {
        let mut counts = Counts { hits: 0, misses: Vec::new(), false_alarms: Vec::new() };
        let lines = SENTENCES.lines().skip(1).map(|line| line.split_once('\t').unwrap());
        for (_, marked) in lines.filter(|(of, _)| *of == half) {
            let mut text = String::new();
            let mut marks = Vec::new();
            for c in marked.chars() {
                match c {
                    '«' => marks.push(text.len()..text.len()),
                    '»' => marks.last_mut().unwrap().end = text.len(),
                    _ => text.push(c),
                }
            }
            let found = crate::check::numbers::typed_results(&text);
            let is_in = |range: &Range<usize>, mark: &Range<usize>| {
                mark.start <= range.start && range.start < mark.end
            };
            for mark in &marks {
                if found.iter().any(|range| is_in(range, mark)) {
                    counts.hits += 1;
                } else {
                    counts.misses.push(format!("{} in: {text}", &text[mark.clone()]));
                }
            }
            let is_false = |range: &&Range<usize>| !marks.iter().any(|mark| is_in(range, mark));
            let wrong = found.iter().filter(is_false);
            counts
                .false_alarms
                .extend(wrong.map(|range| format!("{} in: {text}", &text[range.clone()])));
        }
        counts
    }

    #[test]
    fn precision_and_recall_are_as_documented() {
        let documented = include_str!("../../../docs/check.md");
        let mut wrong = Vec::new();
        for half in ["tuned", "held-out"] {
            let counts = measured(half);
            let (precision, recall) = (counts.precision() * 100.0, counts.recall() * 100.0);
            let row = format!("| {half} | {precision:.0} % | {recall:.0} % |");
            if !documented.contains(&row) {
                // The held-out half stays unseen.
                let found = (half == "tuned").then_some((counts.misses, counts.false_alarms));
                wrong.push((row, found));
            }
        }
        assert!(wrong.is_empty(), "not in docs/check.md: {wrong:#?}");
    }
}
