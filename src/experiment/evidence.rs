//! What a page says about results, with what it rests on: for `labpress review`.

use std::collections::BTreeMap;

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

/// The numbers and claims of both that say something else now, each before and after, in order of
/// place. One is the same as before if it is on the same page and was computed from the same
/// expression; of several with one expression, the first is the first.
pub fn moved<'e>(
    before: &'e [Evidence],
    after: &'e [Evidence],
) -> Vec<(&'e Evidence, &'e Evidence)> {
    type Name<'e> = (&'e str, &'e str, bool);
    let name = |one: &'e Evidence| -> Name<'e> {
        (&one.place.path, &one.expression, one.verdict.is_some())
    };
    let mut earlier: BTreeMap<Name<'e>, Vec<&'e Evidence>> = BTreeMap::new();
    for one in before.iter().rev() {
        earlier.entry(name(one)).or_default().push(one);
    }
    let pairs = after.iter().filter_map(|one| Some((earlier.get_mut(&name(one))?.pop()?, one)));
    let differs = |(before, after): &(&Evidence, &Evidence)| match after.verdict {
        None => before.shown != after.shown,
        Some(verdict) => before.verdict != Some(verdict) || before.found != after.found,
    };
    pairs.filter(differs).collect()
}
