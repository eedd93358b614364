//! The value of an expression over the runs, with its unit and its interval.
//!
//! | numbers | interval |
//! |---|---|
//! | paired by seed, or a single one | Student's, of the expression seed by seed |
//! | a sum of numbers of independent runs | Welch's |
//! | any other of independent runs | to first order, by the derivatives at the means (Cramér 1946, "Mathematical methods of statistics", section 28.4) |
//! | `min` and `max` of independent runs | none: they have no derivative where two numbers meet |

use std::collections::BTreeMap;

use super::arguments::{Arguments, Piece};
use super::expression::{Comparison, Constant, Expression, Function, Named, Parsed, Sign};
use super::measured::{Measured, Reading};
use super::number::Unit;
use super::{Undrawn, request};
use crate::diagnostic::Diagnostic;
use crate::experiment::record::Record;
use crate::experiment::results::{Results, VariantResults};
use crate::recipe::Goal;
use crate::stats::{Pairing, Summary, combined};

/// A number of an experiment over the runs of a variant.
#[derive(Debug, Clone)]
pub(super) struct Term<'a> {
    pub(super) name: Piece<'a>,
    pub(super) unit: Unit,
    pub(super) measured: Measured,
    experiment: &'a str,
    pairing: Pairing,
}

/// An expression without names and units.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numeric {
    Constant(f64),
    /// The term with this index.
    Term(usize),
    Negative(Box<Numeric>),
    Arithmetic(Sign, Box<Numeric>, Box<Numeric>),
    Call(Function, Vec<Numeric>),
}

/// The unit of a part of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dimension {
    /// A number that the author wrote without a unit: it takes that of what it stands beside.
    Bare,
    Of(Unit),
}

impl Dimension {
    /// The unit of a result.
    pub(super) fn unit(self) -> Unit {
        match self {
            Dimension::Bare => Unit::Plain,
            Dimension::Of(unit) => unit,
        }
    }
}

/// What an expression is over the runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    pub(super) value: f64,
    /// The ends of its 95 % interval.
    pub(super) interval: Option<(f64, f64)>,
    pub(super) how: How,
    /// Of how many runs of each number, at least and at most.
    pub(super) runs: (usize, usize),
}

/// How an interval was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// From the expression seed by seed.
    BySeed,
    /// From the means of independent runs.
    OfMeans,
    /// There is none: fewer than three runs of a number.
    FewRuns,
    /// There is none: all runs gave the same.
    NoSpread,
    /// There is none for this expression.
    Undefined,
}

/// The numbers that an expression names.
pub(super) fn terms<'a>(
    arguments: &Arguments<'a>,
    parsed: &Parsed<'a>,
    results: &Results<'_>,
    choice: Choice<'_>,
) -> Result<Vec<Term<'a>>, Undrawn> {
    parsed.names.iter().map(|named| term(arguments, named, results, choice)).collect()
}

/// Which runs count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'a> {
    /// The only seed that counts.
    pub(super) seed: Option<(u64, Piece<'a>)>,
    /// Whether the other seeds count if some diverged.
    pub(super) shows_rest: bool,
}

fn term<'a>(
    arguments: &Arguments<'a>,
    named: &Named<'a>,
    results: &Results<'_>,
    choice: Choice<'_>,
) -> Result<Term<'a>, Undrawn> {
    let name = named.name;
    // Names of experiments and variants contain no dots; those of metrics may.
    let mut parts = name.text.splitn(3, '.');
    let (Some(experiment), Some(of_variant), Some(metric)) =
        (parts.next(), parts.next(), parts.next())
    else {
        let error = arguments.error(name, format!("`{}` does not name a number", name.text));
        let hint = "write `EXPERIMENT.VARIANT.METRIC`, such as `digits.default.accuracy`";
        return Err(error.hint(hint).into());
    };
    let piece = |text: &'a str, before: usize| Piece { text, offset: name.offset + before };
    let request = request(arguments, piece(experiment, 0), results)?;
    let of_variant = piece(of_variant, experiment.len() + 1);
    let of = request.variant(of_variant)?;
    let metric = piece(metric, experiment.len() + of_variant.text.len() + 2);
    request.expect_number(metric)?;
    let selected = |key: &str| {
        named.selectors.iter().find(|(known, _)| known.text == key).map(|&(_, value)| value)
    };
    let seed = match selected("seed") {
        Some(seed) => Some((seed_of(arguments, seed)?, seed)),
        None => choice.seed,
    };
    if let Some((seed, given)) = seed
        && !request.of.experiment.seeds.contains(&seed)
    {
        let known: Vec<String> =
            request.of.experiment.seeds.iter().map(ToString::to_string).collect();
        let known = known.iter().map(String::as_str);
        return Err(arguments.unknown_of("seed", experiment, given, known).into());
    }
    let counts = |record: &Record| seed.is_none_or(|(seed, _)| record.seed == seed);
    let epoch = match selected("epoch") {
        Some(epoch) => Some(Epoch::parse(arguments, epoch, |metric| request.goal(metric))?),
        None => None,
    };
    let measured = Measured::of_some(&request, of, metric.text, choice.shows_rest, |record| {
        if !counts(record) {
            return None;
        }
        Some(match &epoch {
            None => record.number(metric.text),
            Some(epoch) => epoch.of(record, metric.text),
        })
    });
    if measured.reading() == Reading::Nothing {
        let recorded = nothing_recorded(of, metric.text, epoch.is_some());
        let message = format!("no run of `{experiment}.{}` recorded {recorded}", of_variant.text);
        return Err(arguments.error(metric, message).into());
    }
    let pairing = request.of.experiment.pairing;
    let (name, unit) = (named.written, request.unit(metric.text));
    Ok(Term { name, unit, measured, experiment, pairing })
}

fn nothing_recorded(of: &VariantResults<'_>, metric: &str, at_epoch: bool) -> String {
    let is_series = of.records.iter().any(|record| record.series.contains_key(metric));
    match (at_epoch, is_series) {
        (true, true) => format!("`{metric}` at that epoch"),
        (true, false) => format!("`{metric}` by epoch"),
        (false, _) => format!("`{metric}`"),
    }
}

/// The seed that an option or a selector names.
pub(super) fn seed_of(arguments: &Arguments<'_>, seed: Piece<'_>) -> Result<u64, Diagnostic> {
    seed.text.parse().map_err(|_| {
        arguments
            .error(seed, format!("invalid seed `{}`", seed.text))
            .hint("a seed is a whole number from 0")
    })
}

/// Which value of a series counts.
enum Epoch {
    Last,
    At(u64),
    Lowest,
    Highest,
    Mean,
    /// That of the epoch at which another number is best.
    Best {
        metric: String,
        goal: Goal,
    },
}

impl Epoch {
    fn parse(
        arguments: &Arguments<'_>,
        given: Piece<'_>,
        goal: impl Fn(&str) -> Option<Goal>,
    ) -> Result<Epoch, Diagnostic> {
        match given.text {
            "last" => return Ok(Epoch::Last),
            "min" => return Ok(Epoch::Lowest),
            "max" => return Ok(Epoch::Highest),
            "mean" => return Ok(Epoch::Mean),
            _ => {}
        }
        if let Ok(epoch) = given.text.parse() {
            return Ok(Epoch::At(epoch));
        }
        let Some(metric) = given.text.strip_prefix("best:") else {
            let error = arguments.error(given, format!("unknown epoch `{}`", given.text));
            return Err(error
                .hint("write a number, `last`, `min`, `max`, `mean`, or `best:valid.accuracy`"));
        };
        if !metric.split(['.', '-', '_', '/']).any(|part| part.starts_with("val")) {
            let message = format!("`{metric}` is not a number of validation");
            let hint = "choose an epoch by what was measured on validation data, such as \
                        `valid.accuracy`: choosing it by a result makes the result look better";
            return Err(arguments.error(given, message).hint(hint));
        }
        let Some(goal) = goal(metric) else {
            let message = format!("`{metric}` has no goal, so no epoch is best");
            let hint = format!("write `metrics: {{{metric}: {{goal: max}}}}` in the experiment");
            return Err(arguments.error(given, message).hint(hint));
        };
        Ok(Epoch::Best { metric: metric.to_owned(), goal })
    }

    fn of(&self, record: &Record, name: &str) -> Option<f64> {
        if record.diverged.is_some() {
            return None;
        }
        let points = record.series.get(name)?;
        let values = || points.iter().map(|&(_, value)| value);
        match self {
            Epoch::Last => values().next_back(),
            Epoch::Lowest => values().reduce(f64::min),
            Epoch::Highest => values().reduce(f64::max),
            Epoch::Mean => Some(values().sum::<f64>() / points.len() as f64),
            Epoch::At(epoch) => at(points, *epoch),
            Epoch::Best { metric, goal } => {
                let by = record.series.get(metric)?;
                // Of several best ones, the first, as early stopping does.
                let best = by.iter().copied().reduce(|best, next| {
                    let is_better = match goal {
                        Goal::Max => next.1 > best.1,
                        Goal::Min => next.1 < best.1,
                    };
                    if is_better { next } else { best }
                });
                at(points, best?.0)
            }
        }
    }
}

fn at(points: &[(u64, f64)], epoch: u64) -> Option<f64> {
    points.iter().find(|(step, _)| *step == epoch).map(|&(_, value)| value)
}

/// Units that can be converted into each other, with their size; the base of a group is 1.
const CONVERTIBLE: [&[(&str, f64)]; 2] = [
    &[("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86400.0)],
    &[
        ("B", 1.0),
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
    ],
];

/// What a number in the unit `from` is multiplied by for the unit `to`.
fn conversion(from: &str, to: &str) -> Option<f64> {
    let size = |group: &[(&str, f64)], unit: &str| {
        group.iter().find(|(name, _)| *name == unit).map(|&(_, size)| size)
    };
    CONVERTIBLE.iter().find_map(|group| Some(size(group, from)? / size(group, to)?))
}

/// Removes names and units from expressions, and checks the units.
pub(super) struct Compiler<'a, 't> {
    pub(super) arguments: &'t Arguments<'a>,
    pub(super) terms: &'t [Term<'a>],
}

type Compiled = (Numeric, Dimension);

impl<'a> Compiler<'a, '_> {
    /// The expression and its unit.
    pub(super) fn compile(&self, expression: &Expression<'a>) -> Result<Compiled, Diagnostic> {
        match expression {
            Expression::Constant(constant) => Ok(Self::constant(*constant)),
            Expression::Number(index) => {
                let unit = self.terms[*index].unit.clone();
                Ok((Numeric::Term(*index), Dimension::Of(unit)))
            }
            Expression::Negative(inside) => {
                let (inside, dimension) = self.compile(inside)?;
                Ok((Numeric::Negative(Box::new(inside)), dimension))
            }
            Expression::Arithmetic(sign, left, right) => {
                let (left, right) = (self.compile(left)?, self.compile(right)?);
                self.arithmetic(*sign, left, right)
            }
            Expression::Call(function, given) => self.call(*function, given),
            Expression::Comparison(comparison) => Err(self.not_a_number(comparison.text)),
            Expression::Not(_)
            | Expression::Undecided(_)
            | Expression::And(..)
            | Expression::Or(..) => Err(self.not_a_number(self.arguments.all())),
        }
    }

    /// The difference of the sides of a comparison, with its unit, and the margin.
    pub(super) fn difference(
        &self,
        comparison: &Comparison<'a>,
    ) -> Result<(Numeric, Unit, Option<f64>), Diagnostic> {
        let (left, right) = (self.compile(&comparison.left)?, self.compile(&comparison.right)?);
        let (difference, dimension) = self.arithmetic(Sign::Minus, left, right)?;
        let margin = match &comparison.margin {
            None => None,
            Some(margin) => {
                let zero = (Numeric::Constant(0.0), dimension.clone());
                let (margin, _) = self.arithmetic(Sign::Plus, zero, self.compile(margin)?)?;
                let Some(margin) = margin.constant().filter(|margin| *margin > 0.0) else {
                    let message = "a margin is a number above zero, such as `1 pp`";
                    return Err(self.arguments.error(comparison.text, message));
                };
                Some(margin)
            }
        };
        Ok((difference, dimension.unit(), margin))
    }

    fn not_a_number(&self, at: Piece<'_>) -> Diagnostic {
        self.arguments
            .error(at, "a comparison is true or false, not a number")
            .hint("write `{% claim A > B %}text{% endclaim %}` to claim it")
    }

    fn constant(Constant { value, unit, .. }: Constant<'a>) -> Compiled {
        let (value, dimension) = match unit {
            "" => (value, Dimension::Bare),
            "%" => (value / 100.0, Dimension::Of(Unit::Share)),
            "pp" => (value / 100.0, Dimension::Of(Unit::Points)),
            unit => (value, Dimension::Of(Unit::Named(unit.to_owned()))),
        };
        (Numeric::Constant(value), dimension)
    }

    fn arithmetic(
        &self,
        sign: Sign,
        (left, of_left): Compiled,
        (right, of_right): Compiled,
    ) -> Result<Compiled, Diagnostic> {
        let made = |left, right, dimension| {
            (Numeric::Arithmetic(sign, Box::new(left), Box::new(right)), dimension)
        };
        if matches!(sign, Sign::Plus | Sign::Minus) {
            let is_bare = of_left == Dimension::Bare;
            let (right, of_right) = self.beside(&left, &of_left, right, of_right)?;
            let (left, of_left) = self.beside(&right, &of_right, left, of_left)?;
            let dimension = match self.summed(sign, of_left, of_right)? {
                // `1 - accuracy` is a share: that of errors.
                Dimension::Of(Unit::Points) if is_bare => Dimension::Of(Unit::Share),
                dimension => dimension,
            };
            return Ok(made(left, right, dimension));
        }
        let is_plain = |of: &Dimension| matches!(of, Dimension::Bare | Dimension::Of(Unit::Plain));
        let dimension = match sign {
            _ if is_plain(&of_right) => of_left,
            Sign::Times if is_plain(&of_left) => of_right,
            Sign::Over => {
                let (right, of_right) = self.beside(&left, &of_left, right, of_right)?;
                let is_same =
                    of_left == of_right || [&of_left, &of_right].iter().all(|of| is_of_shares(of));
                return if is_same {
                    Ok(made(left, right, Dimension::Of(Unit::Plain)))
                } else {
                    Err(self.units("divide", &of_left, &of_right))
                };
            }
            _ => return Err(self.units("multiply", &of_left, &of_right)),
        };
        Ok(made(left, right, dimension))
    }

    /// A part in the unit of its neighbour, if it has none of its own or can be converted.
    fn beside(
        &self,
        other: &Numeric,
        of_other: &Dimension,
        part: Numeric,
        of_part: Dimension,
    ) -> Result<Compiled, Diagnostic> {
        match (of_other, &of_part) {
            (Dimension::Of(Unit::Share | Unit::Points), Dimension::Bare) => {
                let constant = part.constant();
                if let Some(value) = constant.filter(|value| value.abs() > 1.0) {
                    let message = format!("{value} is compared with a share of 1");
                    let hint = format!("write `{value} %` or `{value} pp`");
                    return Err(self.arguments.error_of_all(message).hint(hint));
                }
                Ok((part, of_other.clone()))
            }
            (Dimension::Of(_), Dimension::Bare) => Ok((part, of_other.clone())),
            (Dimension::Of(Unit::Named(to)), Dimension::Of(Unit::Named(from)))
                if from != to && other.constant().is_none() =>
            {
                match conversion(from, to) {
                    Some(factor) => {
                        let factor = Box::new(Numeric::Constant(factor));
                        let scaled = Numeric::Arithmetic(Sign::Times, Box::new(part), factor);
                        Ok((scaled, of_other.clone()))
                    }
                    None => Ok((part, of_part)),
                }
            }
            _ => Ok((part, of_part)),
        }
    }

    fn summed(
        &self,
        sign: Sign,
        left: Dimension,
        right: Dimension,
    ) -> Result<Dimension, Diagnostic> {
        let points = Dimension::Of(Unit::Points);
        match (&left, &right) {
            (Dimension::Of(Unit::Share), Dimension::Of(Unit::Share)) => Ok(match sign {
                Sign::Minus => points,
                _ => left,
            }),
            (Dimension::Of(Unit::Share), Dimension::Of(Unit::Points)) => Ok(left),
            (Dimension::Of(Unit::Points), Dimension::Of(Unit::Share)) => Ok(right),
            _ if left == right => Ok(left),
            _ => Err(self.units("combine", &left, &right)),
        }
    }

    fn units(&self, verb: &str, left: &Dimension, right: &Dimension) -> Diagnostic {
        let named = |of: &Dimension| match of.clone().unit().sign() {
            "" => "no unit".to_owned(),
            sign => format!("`{sign}`"),
        };
        let message = format!(
            "cannot {verb} numbers of different units: {} and {}",
            named(left),
            named(right)
        );
        self.arguments.error_of_all(message)
    }

    fn call(&self, function: Function, given: &[Expression<'a>]) -> Result<Compiled, Diagnostic> {
        let mut compiled: Vec<Compiled> =
            given.iter().map(|one| self.compile(one)).collect::<Result<_, _>>()?;
        let dimension = match function {
            Function::Abs => compiled[0].1.clone(),
            Function::Log10 | Function::Sqrt => Dimension::Of(Unit::Plain),
            Function::Min | Function::Max | Function::Mean => {
                let first = compiled.iter().find(|(_, of)| *of != Dimension::Bare);
                let (first, of_first) = first.unwrap_or(&compiled[0]).clone();
                for (part, of_part) in &mut compiled {
                    let taken = std::mem::replace(part, Numeric::Constant(0.0));
                    let of_taken = of_part.clone();
                    (*part, *of_part) = self.beside(&first, &of_first, taken, of_taken)?;
                    if *of_part != of_first {
                        return Err(self.units("compare", &of_first, of_part));
                    }
                }
                of_first
            }
        };
        let parts = compiled.into_iter().map(|(part, _)| part).collect();
        Ok((Numeric::Call(function, parts), dimension))
    }
}

fn is_of_shares(of: &Dimension) -> bool {
    matches!(of, Dimension::Of(Unit::Share | Unit::Points))
}

/// A number that depends on terms, with its derivative by each of them. `slopes` is `None` where
/// there is no derivative.
struct Dual {
    value: f64,
    slopes: Option<Vec<f64>>,
}

impl Numeric {
    /// Its value, if it does not depend on a term.
    pub(super) fn constant(&self) -> Option<f64> {
        let mut is_constant = true;
        self.visit_terms(&mut |_| is_constant = false);
        is_constant.then(|| self.at(&|_| 0.0))
    }

    /// The constant that is subtracted from everything else.
    pub(super) fn subtrahend(&self) -> Option<f64> {
        match self {
            Numeric::Arithmetic(Sign::Minus, _, right) => right.constant(),
            _ => None,
        }
    }

    /// The expression of only those terms that it has, and these.
    pub(super) fn with_only_its<'a>(mut self, terms: &[Term<'a>]) -> (Numeric, Vec<Term<'a>>) {
        let mut used: Vec<usize> = Vec::new();
        self.visit_terms(&mut |index| used.push(index));
        used.sort_unstable();
        used.dedup();
        self.renumber(&used);
        (self, used.into_iter().map(|index| terms[index].clone()).collect())
    }

    fn renumber(&mut self, used: &[usize]) {
        match self {
            Numeric::Constant(_) => {}
            Numeric::Term(index) => {
                *index = used.iter().position(|known| known == index).unwrap_or_default();
            }
            Numeric::Negative(inside) => inside.renumber(used),
            Numeric::Arithmetic(_, left, right) => {
                left.renumber(used);
                right.renumber(used);
            }
            Numeric::Call(_, given) => given.iter_mut().for_each(|one| one.renumber(used)),
        }
    }

    fn visit_terms(&self, visit: &mut dyn FnMut(usize)) {
        match self {
            Numeric::Constant(_) => {}
            Numeric::Term(index) => visit(*index),
            Numeric::Negative(inside) => inside.visit_terms(visit),
            Numeric::Arithmetic(_, left, right) => {
                left.visit_terms(visit);
                right.visit_terms(visit);
            }
            Numeric::Call(_, given) => given.iter().for_each(|one| one.visit_terms(visit)),
        }
    }

    /// Its value for these values of the terms.
    fn at(&self, term: &dyn Fn(usize) -> f64) -> f64 {
        match self {
            Numeric::Constant(value) => *value,
            Numeric::Term(index) => term(*index),
            Numeric::Negative(inside) => -inside.at(term),
            Numeric::Arithmetic(sign, left, right) => sign.of(left.at(term), right.at(term)),
            Numeric::Call(function, given) => {
                function.of(&given.iter().map(|one| one.at(term)).collect::<Vec<_>>())
            }
        }
    }

    /// The factor of each term, and what is added, if it is a weighted sum of terms.
    pub(super) fn linear(&self, terms: usize) -> Option<(Vec<f64>, f64)> {
        let scaled = |(factors, constant): (Vec<f64>, f64), by: f64| {
            (factors.into_iter().map(|factor| factor * by).collect::<Vec<_>>(), constant * by)
        };
        let added = |one: (Vec<f64>, f64), other: (Vec<f64>, f64)| {
            let factors = one.0.iter().zip(&other.0).map(|(one, other)| one + other);
            (factors.collect::<Vec<_>>(), one.1 + other.1)
        };
        match self {
            Numeric::Constant(value) => Some((vec![0.0; terms], *value)),
            Numeric::Term(index) => {
                let mut factors = vec![0.0; terms];
                factors[*index] = 1.0;
                Some((factors, 0.0))
            }
            Numeric::Negative(inside) => Some(scaled(inside.linear(terms)?, -1.0)),
            Numeric::Arithmetic(sign, left, right) => {
                let (left_value, right_value) = (left.constant(), right.constant());
                match sign {
                    Sign::Plus => Some(added(left.linear(terms)?, right.linear(terms)?)),
                    Sign::Minus => {
                        Some(added(left.linear(terms)?, scaled(right.linear(terms)?, -1.0)))
                    }
                    Sign::Times => match (left_value, right_value) {
                        (Some(by), _) => Some(scaled(right.linear(terms)?, by)),
                        (_, Some(by)) => Some(scaled(left.linear(terms)?, by)),
                        _ => None,
                    },
                    Sign::Over => Some(scaled(left.linear(terms)?, 1.0 / right_value?)),
                }
            }
            Numeric::Call(Function::Mean, given) => {
                let sum = given
                    .iter()
                    .map(|one| one.linear(terms))
                    .try_fold((vec![0.0; terms], 0.0), |sum, one| Some(added(sum, one?)))?;
                Some(scaled(sum, 1.0 / given.len() as f64))
            }
            Numeric::Call(..) => None,
        }
    }

    /// Its value and derivatives at the means.
    fn dual(&self, means: &[f64]) -> Dual {
        let constant = |value: f64| Dual { value, slopes: Some(vec![0.0; means.len()]) };
        match self {
            Numeric::Constant(value) => constant(*value),
            Numeric::Term(index) => {
                let mut slopes = vec![0.0; means.len()];
                slopes[*index] = 1.0;
                Dual { value: means[*index], slopes: Some(slopes) }
            }
            Numeric::Negative(inside) => {
                let inside = inside.dual(means);
                Dual::of(-inside.value, &[(-1.0, inside)])
            }
            Numeric::Arithmetic(sign, left, right) => {
                let (left, right) = (left.dual(means), right.dual(means));
                let (a, b) = (left.value, right.value);
                let (by_left, by_right) = match sign {
                    Sign::Plus => (1.0, 1.0),
                    Sign::Minus => (1.0, -1.0),
                    Sign::Times => (b, a),
                    Sign::Over => (1.0 / b, -a / (b * b)),
                };
                Dual::of(sign.of(a, b), &[(by_left, left), (by_right, right)])
            }
            Numeric::Call(function, given) => {
                let given: Vec<Dual> = given.iter().map(|one| one.dual(means)).collect();
                let values: Vec<f64> = given.iter().map(|one| one.value).collect();
                let value = function.of(&values);
                let slope = match function {
                    Function::Min | Function::Max => return Dual { value, slopes: None },
                    Function::Mean => 1.0 / given.len() as f64,
                    Function::Abs => values[0].signum(),
                    Function::Log10 => 1.0 / (values[0] * std::f64::consts::LN_10),
                    Function::Sqrt => 0.5 / value,
                };
                let parts: Vec<_> = given.into_iter().map(|one| (slope, one)).collect();
                Dual::of(value, &parts)
            }
        }
    }
}

impl Dual {
    fn of(value: f64, parts: &[(f64, Dual)]) -> Dual {
        let slopes = parts.iter().map(|(by, part)| Some((by, part.slopes.as_ref()?)));
        let slopes: Option<Vec<_>> = slopes.collect();
        let summed = |slopes: Vec<(&f64, &Vec<f64>)>| {
            let terms = slopes.first().map_or(0, |(_, slopes)| slopes.len());
            let of_term =
                |index: usize| slopes.iter().map(|(by, slopes)| **by * slopes[index]).sum::<f64>();
            (0..terms).map(of_term).collect::<Vec<f64>>()
        };
        Dual { value, slopes: slopes.map(summed) }
    }
}

/// Whether the numbers of the same seed belong together: by default, if all are of one experiment
/// whose seeds do. `by` overrides that.
pub(super) fn pairing(terms: &[Term<'_>], by: Option<Pairing>) -> Pairing {
    let first = terms.first();
    let is_one = first.is_some_and(|first| {
        terms
            .iter()
            .all(|term| term.experiment == first.experiment && term.pairing == Pairing::BySeed)
    });
    by.unwrap_or(if is_one { Pairing::BySeed } else { Pairing::None })
}

/// The expression for each seed that all numbers have.
pub(super) fn by_seed(numeric: &Numeric, terms: &[Term<'_>]) -> Vec<(u64, f64)> {
    let maps: Vec<BTreeMap<u64, f64>> =
        terms.iter().map(|term| term.measured.values().iter().copied().collect()).collect();
    let Some(first) = maps.first() else { return Vec::new() };
    let seeds = first.keys().filter(|seed| maps.iter().all(|map| map.contains_key(seed)));
    seeds.map(|seed| (*seed, numeric.at(&|index| maps[index][seed]))).collect()
}

/// The expression over the runs, none of which diverged, or with the others left out.
pub(super) fn outcome(numeric: &Numeric, terms: &[Term<'_>], pairing: Pairing) -> Option<Outcome> {
    let summaries: Vec<Summary> =
        terms.iter().map(|term| term.measured.summary()).collect::<Option<_>>()?;
    let counts = || summaries.iter().map(|summary| summary.n);
    let runs = (counts().min()?, counts().max()?);
    if pairing == Pairing::BySeed || terms.len() == 1 {
        let values: Vec<f64> = by_seed(numeric, terms).iter().map(|&(_, value)| value).collect();
        let summary = Summary::of(&values);
        // Too few seeds in common are compared as independent runs.
        if let Some(summary) = summary.filter(|summary| summary.n > 2 || runs.0 <= 2) {
            // A spread as small as errors of rounding is none.
            let rounding = 1e-12
                * summaries.iter().fold(summary.mean.abs(), |most, of| most.max(of.mean.abs()));
            let half_width = summary.estimate().half_width.filter(|half| *half > rounding);
            let how = match half_width {
                _ if summary.n <= 2 => How::FewRuns,
                None => How::NoSpread,
                Some(_) => How::BySeed,
            };
            let around = |half_width| (summary.mean - half_width, summary.mean + half_width);
            let interval = half_width.filter(|_| how == How::BySeed).map(around);
            let runs = (summary.n, summary.n);
            return Some(Outcome { value: summary.mean, interval, how, runs });
        }
    }
    let means: Vec<f64> = summaries.iter().map(|summary| summary.mean).collect();
    let Dual { value, slopes } = numeric.dual(&means);
    let half_width = slopes.as_ref().and_then(|slopes| {
        let weighted: Vec<(f64, Summary)> =
            slopes.iter().copied().zip(summaries.iter().copied()).collect();
        combined(&weighted).half_width
    });
    let how = match half_width {
        _ if runs.0 <= 2 => How::FewRuns,
        None => How::Undefined,
        Some(0.0) => How::NoSpread,
        Some(_) => How::OfMeans,
    };
    let interval = half_width
        .filter(|_| how == How::OfMeans)
        .map(|half_width| (value - half_width, value + half_width));
    Some(Outcome { value, interval, how, runs })
}
