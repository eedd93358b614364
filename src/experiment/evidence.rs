//! What a page says about results, with what it rests on: for `labpress review`.

use crate::diagnostic::Place;

/// What the results say about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They support it.
    Holds,
    /// They support the opposite.
    Fails,
    /// They support neither.
    Undecided,
}

impl Verdict {
    /// The verdict on the opposite.
    #[must_use]
    pub(crate) fn not(self) -> Verdict {
        match self {
            Verdict::Holds => Verdict::Fails,
            Verdict::Fails => Verdict::Holds,
            Verdict::Undecided => Verdict::Undecided,
        }
    }

    /// The verdict on both.
    #[must_use]
    pub(crate) fn and(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::Fails, _) | (_, Verdict::Fails) => Verdict::Fails,
            (Verdict::Undecided, _) | (_, Verdict::Undecided) => Verdict::Undecided,
            (Verdict::Holds, Verdict::Holds) => Verdict::Holds,
        }
    }

    /// The verdict on one or the other.
    #[must_use]
    pub(crate) fn or(self, other: Verdict) -> Verdict {
        self.not().and(other.not()).not()
    }

    /// In a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Fails => "fails",
            Verdict::Undecided => "undecided",
        }
    }
}

/// A number or a claim of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Where it is written.
    pub place: Place,
    /// The verdict on a claim; `None` for a number.
    pub verdict: Option<Verdict>,
    /// The sentence of a claim, or the number as it is shown.
    pub shown: String,
    /// What it was computed from: `nets.wide.accuracy > nets.plain.accuracy`.
    pub expression: String,
    /// What that gave.
    pub found: String,
    /// The experiments that it names.
    pub experiments: Vec<String>,
}
