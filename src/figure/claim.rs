//! `{% claim A > B %}text{% endclaim %}`: a sentence that the build checks against the results.
//!
//! Each comparison is decided by the 95 % interval of the difference of its sides:
//!
//! | claim | holds if the interval is | fails if it is |
//! |---|---|---|
//! | `A > B`, `A >= B` | above 0 | below 0 |
//! | `A =~ B within M` | inside −M to M | outside −M to M |
//! | `A >=~ B within M` | above −M | below −M |
//! | `A != B` | without 0 | never |
//!
//! Otherwise it is undecided, as it is with fewer than three runs. So a claim of a difference
//! between equal variants holds by chance in 2.5 % of cases, and `=~` is the test of equivalence of
//! Schuirmann (1987) at 2.5 % a side. Numbers that are the same in all runs by their nature, such as
//! numbers of parameters, are compared as they are. `not`, `and` and `or` are those of Kleene's
//! logic of three values (1952, "Introduction to metamathematics", section 64).

use std::collections::BTreeMap;

use super::arguments::Arguments;
use super::evaluate::{self, How};
use super::expression::{self, Comparison, Expression, Operator};
use super::html::escaped;
use super::number::{self, Interval, Unit, signed};
use super::numeric::Numeric;
use super::terms::{self, Choice, Term};
use super::units::Compiler;
use super::{Undrawn, measured};
use crate::diagnostic::Diagnostic;
use crate::experiment::evidence::Verdict;
use crate::experiment::history;
use crate::experiment::results::{ExperimentResults, Results, VariantResults};
use crate::stats::{Difference, Fallback, Pairing, Test, Untested, compare};
use kramdown::embed::Embed;

/// A claim that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) verdict: Verdict,
    /// What it was decided by, for readers.
    pub(super) evidence: String,
    /// What the author can do to decide it.
    advice: Option<String>,
}

/// Checks the claim in the arguments of a tag.
pub(super) fn check<'a>(
    arguments: &'a Arguments<'a>,
    results: &Results<'_>,
) -> Result<Checked, Undrawn> {
    arguments.allow_options(&["by", "diverged"])?;
    let parsed = expression::parse(arguments)?;
    if !parsed.expression.is_statement() {
        let error = arguments.error_of_all("a claim compares numbers");
        let operators = expression::operators();
        return Err(error.hint(format!("write `A > B`; the signs are {operators}")).into());
    }
    let shows_rest = measured::shows_rest(arguments)?;
    let by = arguments.pairing()?.map(|(by, _)| by);
    let terms = terms::terms(arguments, &parsed, results, Choice { seed: None, shows_rest })?;
    let compiler = Compiler { arguments, terms: &terms };
    Ok(Checker { compiler, by }.check(&parsed.expression)?)
}

struct Checker<'a, 't> {
    compiler: Compiler<'a, 't>,
    by: Option<Pairing>,
}

impl<'a> Checker<'a, '_> {
    fn check(&self, expression: &Expression<'a>) -> Result<Checked, Diagnostic> {
        let joined = |one: Checked, other: Checked, verdict| Checked {
            verdict,
            evidence: format!("{}; {}", one.evidence, other.evidence),
            advice: one.advice.or(other.advice),
        };
        match expression {
            Expression::Comparison(comparison) => self.comparison(comparison),
            Expression::Not(inside) => {
                let inside = self.check(inside)?;
                Ok(Checked { verdict: inside.verdict.not(), ..inside })
            }
            Expression::Undecided(inside) => {
                let inside = self.check(inside)?;
                let verdict = match inside.verdict {
                    Verdict::Undecided => Verdict::Holds,
                    Verdict::Holds | Verdict::Fails => Verdict::Fails,
                };
                Ok(Checked { verdict, ..inside })
            }
            Expression::And(left, right) => {
                let (left, right) = (self.check(left)?, self.check(right)?);
                let verdict = left.verdict.and(right.verdict);
                Ok(joined(left, right, verdict))
            }
            Expression::Or(left, right) => {
                let (left, right) = (self.check(left)?, self.check(right)?);
                let verdict = left.verdict.or(right.verdict);
                Ok(joined(left, right, verdict))
            }
            _ => {
                let message = "`and`, `or` and `not` join comparisons, not numbers";
                Err(self.compiler.arguments.error_of_all(message))
            }
        }
    }

    fn comparison(&self, comparison: &Comparison<'a>) -> Result<Checked, Diagnostic> {
        let arguments = self.compiler.arguments;
        let (numeric, unit, margin) = self.compiler.difference(comparison)?;
        let (numeric, terms) = numeric.with_only_its(self.compiler.terms);
        if terms.is_empty() {
            let message = format!("`{}` names no result", comparison.text.text);
            return Err(arguments.error(comparison.text, message));
        }
        if let Some(term) = terms.iter().find(|term| term.measured.mean().is_none()) {
            let phrase = term.measured.diverged_phrase();
            return Ok(Checked::undecided(format!("{}: {phrase}", term.name.text)));
        }
        let threshold = numeric.subtrahend();
        let shown_unit = match threshold {
            Some(_) => self.compiler.compile(&comparison.left)?.1.unit(),
            None => unit.clone(),
        };
        let shown = (threshold.unwrap_or(0.0), shown_unit);
        let about = About { operator: comparison.operator, margin, unit, shown };
        if comparison.in_all_seeds {
            return Ok(about.in_all_seeds(&numeric, &terms));
        }
        let is_exact = terms.iter().all(|term| term.measured.is_exact());
        if comparison.operator == Operator::Equal && !is_exact {
            let error =
                arguments.error(comparison.text, "measured numbers are never exactly equal");
            return Err(error.hint("write what counts as equal: `A =~ B within 1 pp`"));
        }
        let pairing = evaluate::pairing(&terms, self.by);
        let found = Found::of(&numeric, &terms, pairing);
        let Some(found) = found.filter(|found| found.value.is_finite()) else {
            let message = format!("`{}` compares no finite numbers", comparison.text.text);
            return Err(arguments.error(comparison.text, message));
        };
        Ok(about.checked(&found, is_exact))
    }
}

impl Checked {
    fn undecided(evidence: String) -> Checked {
        Checked { verdict: Verdict::Undecided, evidence, advice: None }
    }
}

/// The difference of the sides of a comparison.
struct Found {
    value: f64,
    interval: Option<(f64, f64)>,
    /// `t-test paired by seed, n = 5, p = 0.002`.
    how: String,
    /// Why there is no interval.
    why_not: Option<&'static str>,
    /// Whether nothing differs at all.
    is_equal: bool,
    detectable: Option<f64>,
}

const FEW_RUNS: &str = "fewer than three runs say nothing about their spread";
const NO_SPREAD: &str = "all seeds gave the same, so there is no spread to judge by";
const UNDEFINED: &str = "this expression of independent runs has no interval";

impl Found {
    fn of(numeric: &Numeric, terms: &[Term<'_>], pairing: Pairing) -> Option<Found> {
        let linear = numeric.linear(terms.len());
        let is_difference =
            |(factors, constant): &(Vec<f64>, f64)| *constant == 0.0 && factors[..] == [1.0, -1.0];
        match terms {
            [one, other] if linear.as_ref().is_some_and(is_difference) => {
                let (one, other) = (one.measured.values(), other.measured.values());
                Some(Found::of_difference(&compare(one, other, pairing)?))
            }
            _ => Found::of_outcome(numeric, terms, pairing),
        }
    }

    fn of_difference(difference: &Difference) -> Found {
        let mut how = vec![difference.test.name().to_owned()];
        if difference.fallback == Some(Fallback::EqualDifferences) {
            how.push("not paired, because all pairs differ by the same".to_owned());
        }
        how.push(match difference.n {
            (one, other) if one == other => format!("n = {one}"),
            (one, other) => format!("n = {one} and {other}"),
        });
        how.extend(difference.p.map(p_value));
        let (why_not, is_equal) = match difference.test {
            Test::PairedT | Test::Welch => (None, false),
            Test::None { why: Untested::FewSeeds } => (Some(FEW_RUNS), false),
            Test::None { why: Untested::Equal } => (Some("both are the same"), true),
            Test::None { why: Untested::NoSpread } => (Some(NO_SPREAD), false),
        };
        Found {
            value: difference.difference,
            interval: difference.interval,
            how: how.join(", "),
            why_not,
            is_equal,
            detectable: difference.detectable(),
        }
    }

    fn of_outcome(numeric: &Numeric, terms: &[Term<'_>], pairing: Pairing) -> Option<Found> {
        let outcome = evaluate::outcome(numeric, terms, pairing)?;
        let (how, why_not) = match outcome.how {
            How::BySeed if terms.len() > 1 => ("seed by seed, ", None),
            How::BySeed => ("", None),
            How::OfMeans => ("from independent runs, ", None),
            How::FewRuns => ("", Some(FEW_RUNS)),
            How::NoSpread => ("", Some(NO_SPREAD)),
            How::Undefined => ("", Some(UNDEFINED)),
        };
        let n = match outcome.runs {
            (least, most) if least == most => format!("n = {most}"),
            (least, most) => format!("n = {least} to {most}"),
        };
        Some(Found {
            value: outcome.value,
            interval: outcome.interval,
            how: format!("{how}{n}"),
            why_not,
            is_equal: false,
            detectable: None,
        })
    }
}

/// `p = 0.023`.
fn p_value(p: f64) -> String {
    match p {
        _ if p < 0.001 => "p < 0.001".to_owned(),
        _ if p < 0.1 => format!("p = {p:.3}"),
        _ => format!("p = {p:.2}"),
    }
}

/// What a comparison asserts about the difference of its sides.
struct About {
    operator: Operator,
    margin: Option<f64>,
    unit: Unit,
    /// What is added to the difference to show it, and the unit of that: a number that is compared
    /// with a threshold is shown itself.
    shown: (f64, Unit),
}

impl About {
    /// What an interval of the difference says. A single number is an interval of width 0.
    fn verdict(&self, (from, to): (f64, f64)) -> Verdict {
        let margin = self.margin.unwrap_or(0.0);
        let is_zero = from == 0.0 && to == 0.0;
        let judged = |holds: bool, fails: bool| match (holds, fails) {
            (true, _) => Verdict::Holds,
            (false, true) => Verdict::Fails,
            (false, false) => Verdict::Undecided,
        };
        match self.operator {
            Operator::Above => judged(from > 0.0, to < 0.0 || is_zero),
            Operator::Below => judged(to < 0.0, from > 0.0 || is_zero),
            Operator::AtLeast => judged(from >= 0.0, to < 0.0),
            Operator::AtMost => judged(to <= 0.0, from > 0.0),
            Operator::AtLeastAbout => judged(from > -margin, to < -margin),
            Operator::AtMostAbout => judged(to < margin, from > margin),
            Operator::About => judged(from > -margin && to < margin, to < -margin || from > margin),
            Operator::Equal => judged(is_zero, from > 0.0 || to < 0.0),
            Operator::Unequal => judged(from > 0.0 || to < 0.0, is_zero),
        }
    }

    fn checked(&self, found: &Found, is_exact: bool) -> Checked {
        let interval = found.interval.map(|(from, to)| Interval::Around((to - from) / 2.0));
        let (added, unit) = &self.shown;
        let text = number::with_interval(found.value + added, interval, unit);
        let shown = match *added == 0.0 {
            true => format!("the difference is {}", signed(found.value, text)),
            false if *unit == Unit::Points => {
                format!("it is {}", signed(found.value + added, text))
            }
            false => format!("it is {text}"),
        };
        if is_exact {
            let evidence = format!("{shown}, the same in all runs");
            let verdict = self.verdict((found.value, found.value));
            return Checked { verdict, evidence, advice: None };
        }
        let evidence = format!("{shown} ({})", found.how);
        if let Some(interval) = found.interval {
            let verdict = self.verdict(interval);
            let is_open = verdict == Verdict::Undecided;
            let advice = found.detectable.filter(|_| is_open).map(|least| {
                let least = number::error(least, &self.unit);
                format!("run more seeds: so many find a difference of {least} in 80 % of cases")
            });
            let evidence = match is_open {
                true if *added == 0.0 => format!("{evidence}, which may be chance"),
                true => format!("{evidence}, so it may be above or below"),
                false => evidence,
            };
            return Checked { verdict, evidence, advice };
        }
        if found.is_equal && self.operator.has_margin() {
            return Checked { verdict: self.verdict((0.0, 0.0)), evidence, advice: None };
        }
        let why = found.why_not.unwrap_or(UNDEFINED);
        Checked::undecided(format!("{evidence}: {why}"))
    }

    fn in_all_seeds(&self, numeric: &Numeric, terms: &[Term<'_>]) -> Checked {
        let values = evaluate::by_seed(numeric, terms);
        if let Some(term) = terms.iter().find(|term| term.measured.diverged() > 0) {
            let evidence = format!("{}: {}", term.name.text, term.measured.diverged_phrase());
            return Checked { verdict: Verdict::Fails, evidence, advice: None };
        }
        if let Some(term) = terms.iter().find(|term| term.measured.values().len() > values.len()) {
            let name = term.name.text;
            return Checked::undecided(format!("`{name}` has seeds that the other numbers lack"));
        }
        let against: Vec<String> = values
            .iter()
            .filter(|&&(_, value)| self.verdict((value, value)) != Verdict::Holds)
            .map(|(seed, _)| seed.to_string())
            .collect();
        let (verdict, evidence) = match &against[..] {
            [] => (Verdict::Holds, format!("so it is in all {} seeds", values.len())),
            against => {
                let n = values.len();
                let listed = against.join(", ");
                let seeds = if against.len() == 1 { "seed" } else { "seeds" };
                (Verdict::Fails, format!("so it is not in {seeds} {listed} of {n}"))
            }
        };
        Checked { verdict, evidence, advice: None }
    }
}

/// What surrounds the text of a claim on the page.
pub(super) struct Marks {
    pub(super) before: Embed,
    pub(super) after: Embed,
}

impl Checked {
    /// The marks of a claim that does not fail.
    pub(super) fn marks(&self) -> Marks {
        let word = self.verdict.word();
        let evidence = &self.evidence;
        let (shown, text) = match self.verdict {
            Verdict::Holds => ("\u{2713}".to_owned(), String::new()),
            Verdict::Fails | Verdict::Undecided => {
                (format!("({word}: {evidence})"), format!(" ({word})"))
            }
        };
        let title = escaped(&format!("{word}: {evidence}"));
        let attributes = match self.verdict {
            Verdict::Holds => format!(" role=\"img\" aria-label=\"{title}\""),
            Verdict::Fails | Verdict::Undecided => String::new(),
        };
        let mark = format!(
            "<span class=\"labpress-verdict labpress-{word}\" tabindex=\"0\" \
             title=\"{title}\"{attributes}>{}</span>",
            escaped(&shown)
        );
        marks(&format!("\u{a0}{mark}"), text)
    }
}

/// Marks with this HTML behind the text.
pub(super) fn marks(after: &str, text: String) -> Marks {
    let embed = |html: String, text: String| Embed { html, text, block: false };
    Marks {
        before: embed("<span class=\"labpress-claim\">".to_owned(), String::new()),
        after: embed(format!("{after}</span>"), text),
    }
}

/// The warning of a claim that is undecided, or the error of one that fails.
pub(super) fn problem(
    checked: &Checked,
    text: &str,
    arguments: &Arguments<'_>,
    results: &Results<'_>,
) -> Result<Option<Diagnostic>, Diagnostic> {
    let at = arguments.all();
    let asserted = at.text.trim();
    let text = shortened(text);
    let Checked { verdict, evidence, advice } = checked;
    match verdict {
        Verdict::Holds => Ok(None),
        Verdict::Undecided => {
            let message = format!("the claim {text} is undecided: {evidence}");
            let advice = advice.clone().unwrap_or_else(|| {
                "run more seeds, claim less, or write the sentence without a claim".to_owned()
            });
            Ok(Some(arguments.error(at, message).hint(advice).into_warning()))
        }
        Verdict::Fails => {
            let message = format!("the claim {text} fails: {evidence}");
            let then = then(arguments, results).unwrap_or_default();
            let names = super::distinct_experiments("claim", arguments);
            let names = names.iter().map(|name| format!("`labpress diff {name}`"));
            let hint = format!(
                "it asserts `{asserted}`.{then} Correct the sentence, or find out what changed: {}",
                names.collect::<Vec<_>>().join(", ")
            );
            Err(arguments.error(at, message).hint(hint))
        }
    }
}

/// The text of a claim, which is one line, in quotes.
fn shortened(line: &str) -> String {
    const MOST: usize = 80;
    let end = line.char_indices().nth(MOST).map(|(at, _)| at);
    match end {
        Some(end) => format!("\u{201c}{}\u{2026}\u{201d}", line[..end].trim_end()),
        None => format!("\u{201c}{line}\u{201d}"),
    }
}

/// How many changes a message lists.
const LISTED: usize = 3;

/// What the earlier results said, and what has changed since.
fn then(arguments: &Arguments<'_>, results: &Results<'_>) -> Option<String> {
    let mut earlier = results.clone();
    let mut changes: Vec<String> = Vec::new();
    for name in super::experiments("claim", arguments) {
        let of = results.experiments.get(name.text)?;
        let (before, causes) = before(of, results);
        changes.extend(causes);
        earlier.experiments.insert(of.experiment.name.as_str(), before);
    }
    changes.sort();
    changes.dedup();
    if changes.is_empty() {
        return None;
    }
    let checked = check(arguments, &earlier).ok()?;
    let more = changes.len().saturating_sub(LISTED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let listed = changes[..changes.len().min(LISTED)].join("; ");
    Some(format!(
        " With the earlier results it {}: {}. Since then, {listed}{more}.",
        match checked.verdict {
            Verdict::Holds => "held",
            Verdict::Fails => "failed, too",
            Verdict::Undecided => "was undecided",
        },
        checked.evidence
    ))
}

/// The results of an experiment before the present ones, and what changed in which variant.
fn before<'a>(
    of: &ExperimentResults<'a>,
    results: &Results<'a>,
) -> (ExperimentResults<'a>, Vec<String>) {
    let present = history::recorded(of.variants.iter().flat_map(|variant| {
        let name = variant.variant.name.as_str();
        variant.records.iter().map(move |record| (name, *record))
    }));
    let all = results.recorded.iter();
    let all = all.filter(|record| record.experiment == of.experiment.name.as_str());
    let before: BTreeMap<_, _> = history::before(&present, all);
    let mut causes = Vec::new();
    let variants = of.variants.iter().map(|variant| {
        let name = variant.variant.name.as_str();
        let Some(records) = before.get(name) else { return variant.clone() };
        if let (Some(old), Some(new)) = (records.first(), variant.records.first()) {
            let parts = old.fingerprint.changed_since(&new.fingerprint).into_iter();
            let parts = parts.filter(|part| part.part != "seed");
            causes.extend(parts.map(|part| format!("`{}.{name}`: {part}", of.experiment.name)));
        }
        VariantResults::unverified(variant.variant, records.clone())
    });
    (ExperimentResults { variants: variants.collect(), ..of.clone() }, causes)
}
