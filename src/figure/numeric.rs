//! Arithmetic on the numbers of runs: values, weighted sums and derivatives.

use super::expression::{Function, Sign};
use super::terms::Term;

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

/// A number that depends on terms, with its derivative by each of them. `slopes` is `None` where
/// there is no derivative.
pub(super) struct Dual {
    pub(super) value: f64,
    pub(super) slopes: Option<Vec<f64>>,
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
    pub(super) fn at(&self, term: &dyn Fn(usize) -> f64) -> f64 {
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
    pub(super) fn dual(&self, means: &[f64]) -> Dual {
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
