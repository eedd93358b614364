//! The units of expressions: what may be added and compared, and what is converted.

use super::arguments::{Arguments, Piece};
use super::expression::{Comparison, Constant, Expression, Function, Sign};
use super::number::Unit;
use super::numeric::Numeric;
use super::terms::Term;
use crate::diagnostic::Diagnostic;

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
