//! Collects independent errors, so that an author sees all of them at once.
//!
//! ```ignore
//! let mut errors = Errors::default();
//! let seeds = errors.take(seeds(yaml));
//! let limits = errors.take(limits(yaml));
//! let (Some(seeds), Some(limits)) = (seeds, limits) else {
//!     return Err(errors.into_sorted());
//! };
//! errors.finish(Experiment { seeds, limits })
//! ```

use crate::diagnostic::Diagnostic;

/// The errors found so far.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Errors(Vec<Diagnostic>);

impl Errors {
    /// Returns the value of `result`, or keeps its errors and returns `None`.
    pub fn take<T, E: Into<Errors>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|found| self.0.extend(found.into().0)).ok()
    }

    /// Adds one error.
    pub fn push(&mut self, error: Diagnostic) {
        self.0.push(error);
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns `value` if nothing is wrong, otherwise all errors as [`Errors::into_sorted`].
    pub fn finish<T>(self, value: T) -> Result<T, Vec<Diagnostic>> {
        if self.is_empty() { Ok(value) } else { Err(self.into_sorted()) }
    }

    /// Returns all errors in order of place, each once.
    pub(crate) fn into_sorted(self) -> Vec<Diagnostic> {
        let Errors(mut errors) = self;
        errors.sort();
        errors.dedup();
        errors
    }
}

impl Extend<Diagnostic> for Errors {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, errors: I) {
        self.0.extend(errors);
    }
}

impl From<Diagnostic> for Errors {
    fn from(error: Diagnostic) -> Errors {
        Errors(vec![error])
    }
}

impl From<Vec<Diagnostic>> for Errors {
    fn from(errors: Vec<Diagnostic>) -> Errors {
        Errors(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Place, Position};

    fn error(line: usize, message: &str) -> Diagnostic {
        Diagnostic::new(Place::new("a.yml", Position { line, column: 1 }), message)
    }

    #[test]
    fn values_are_returned_and_errors_are_kept() {
        let mut errors = Errors::default();
        assert_eq!(errors.take::<_, Diagnostic>(Ok(3)), Some(3));
        assert!(errors.is_empty());
        assert_eq!(errors.take::<u8, _>(Err(error(2, "no seeds"))), None);
        assert_eq!(errors.take::<u8, _>(Err(vec![error(1, "no data"), error(3, "late")])), None);
        errors.push(error(4, "pushed"));
        errors.extend([error(5, "extended")]);
        let lines = errors.finish(()).unwrap_err().into_iter().map(|error| error.place().clone());
        assert_eq!(
            lines.map(|place| place.position.unwrap().line).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn without_errors_the_value_is_returned() {
        assert_eq!(Errors::default().finish("value"), Ok("value"));
    }

    #[test]
    fn equal_errors_are_reported_once() {
        let mut errors = Errors::from(vec![error(2, "b"), error(1, "a")]);
        errors.push(error(2, "b"));
        assert_eq!(errors.into_sorted(), [error(1, "a"), error(2, "b")]);
    }
}
