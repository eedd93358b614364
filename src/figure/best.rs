//! Which variants of a table are the best of a column, as far as the seeds tell.
//!
//! The best by its mean may be so by chance. It shares the mark with all variants that it is not
//! significantly better than, and there is a mark only if it is significantly better than all that
//! have a lower mean than those, and there are some. Since the numbers themselves choose which one
//! is the best, all pairs of variants are compared, not only those with the best, and p-values are
//! corrected by Holm's method over all pairs in all columns of the table that have a goal. So a
//! table of equal variants has a mark in at most 5 % of cases (see the tests).

use super::measured::{Measured, Reading};
use crate::recipe::Goal;
use crate::stats::{Difference, Fallback, Pairing, SIGNIFICANCE, Test, compare, holm};

/// The variants of a table, compared in pairs.
pub(super) struct Comparisons {
    /// The comparisons in all columns, in order.
    pub(super) all: Vec<Comparison>,
}

/// The comparison of two variants in a column.
pub(super) struct Comparison {
    pub(super) column: usize,
    /// The rows of the two variants.
    pub(super) rows: (usize, usize),
    /// The first minus the second.
    pub(super) found: Difference,
    /// The p-value by Holm's correction over the table; `None` if the two were not tested.
    pub(super) adjusted: Option<f64>,
}

impl Comparisons {
    /// Compares all rows of the columns that can be judged.
    pub(super) fn of(columns: &[(Option<Goal>, &[Measured])], pairing: Pairing) -> Comparisons {
        let mut all = Vec::new();
        for (column, (_, cells)) in columns.iter().enumerate().filter(|(_, of)| is_judged(of)) {
            for (row, of_row) in cells.iter().enumerate() {
                for (other, of_other) in cells.iter().enumerate().skip(row + 1) {
                    let found = compare(of_row.values(), of_other.values(), pairing);
                    all.extend(found.map(|found| Comparison {
                        column,
                        rows: (row, other),
                        found,
                        adjusted: None,
                    }));
                }
            }
        }
        let tested = || all.iter().filter_map(|comparison: &Comparison| comparison.found.p);
        let mut adjusted = holm(&tested().collect::<Vec<f64>>()).into_iter();
        for comparison in &mut all {
            comparison.adjusted = comparison.found.p.and_then(|_| adjusted.next());
        }
        Comparisons { all }
    }

    /// Which rows of a column share the mark; none of them if no variant is clearly worse.
    pub(super) fn marked(
        &self,
        column: usize,
        goal: Option<Goal>,
        cells: &[Measured],
    ) -> Vec<bool> {
        let none = vec![false; cells.len()];
        let Some(ranked) = goal.and_then(|goal| ranked(goal, cells)) else { return none };
        let [best, ..] = ranked[..] else { return none };
        let is_worse = |&row: &usize| self.differ(column, best, row);
        let tied = ranked.iter().position(is_worse).unwrap_or(ranked.len());
        let (tied, worse) = ranked.split_at(tied);
        // A variant with a lower mean than one that is worse, but with too much spread to be called
        // worse itself, is no tie.
        if worse.is_empty() || !worse.iter().all(is_worse) {
            return none;
        }
        (0..cells.len()).map(|row| tied.contains(&row)).collect()
    }

    /// Whether two rows of a column differ significantly.
    fn differ(&self, column: usize, row: usize, other: usize) -> bool {
        let rows = (row.min(other), row.max(other));
        let found = self.all.iter().find(|of| of.column == column && of.rows == rows);
        found.and_then(|of| of.adjusted).is_some_and(|p| p < SIGNIFICANCE)
    }

    /// How the variants were compared, in a phrase: `t-test paired by seed, n = 5, Holm's correction
    /// over 18 comparisons`; `None` if none were.
    pub(super) fn phrase(&self) -> Option<String> {
        let tested: Vec<&Comparison> = self.all.iter().filter(|of| of.adjusted.is_some()).collect();
        let test = test_phrase(tested.iter().map(|of| &of.found))?;
        let correction = match tested.len() {
            1 => String::new(),
            count => format!(", Holm's correction over {count} comparisons"),
        };
        Some(format!("{test}{correction}"))
    }
}

/// How differences were tested: `Welch's t-test, n = 3`; `None` if none was.
pub(super) fn test_phrase<'d>(differences: impl Iterator<Item = &'d Difference>) -> Option<String> {
    let is_tested = |of: &&Difference| !matches!(of.test, Test::None { .. });
    let tested: Vec<&Difference> = differences.filter(is_tested).collect();
    let tested = || tested.iter();
    let counts = tested().flat_map(|of| [of.n.0, of.n.1]);
    let (least, most) = (counts.clone().min()?, counts.max()?);
    let is = |test: Test| tested().any(|of| of.test == test);
    let test = match (is(Test::PairedT), is(Test::Welch)) {
        (true, true) => "t-test paired by seed, or Welch's t-test",
        (true, false) => Test::PairedT.name(),
        _ => Test::Welch.name(),
    };
    let because = |fallback: Fallback| tested().any(|of| of.fallback == Some(fallback));
    let why = match (because(Fallback::EqualDifferences), because(Fallback::FewPairs)) {
        (true, _) => " where all pairs differ alike",
        (false, true) => " where fewer than three seeds are common",
        (false, false) => "",
    };
    let n = if least == most { format!("n = {most}") } else { format!("n = {least} to {most}") };
    Some(format!("{test}{why}, {n}"))
}

/// Whether the rows of a column can be compared: each has a spread, and no seed diverged. Numbers
/// that are the same for all seeds have no spread, most often because the seed is not used.
fn is_judged((goal, cells): &(Option<Goal>, &[Measured])) -> bool {
    let has_spread = |cell: &Measured| matches!(cell.reading(), Reading::Mean(..));
    goal.is_some() && cells.iter().all(|cell| has_spread(cell) && cell.diverged() == 0)
}

/// The rows from the best mean to the worst; `None` if one has no mean.
fn ranked(goal: Goal, cells: &[Measured]) -> Option<Vec<usize>> {
    let means: Vec<f64> = cells.iter().map(Measured::mean).collect::<Option<_>>()?;
    let mut rows: Vec<usize> = (0..cells.len()).collect();
    rows.sort_by(|&a, &b| match goal {
        Goal::Max => means[b].total_cmp(&means[a]),
        Goal::Min => means[a].total_cmp(&means[b]),
    });
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::number::Unit;
    use crate::stats::simulation::{Normal, rate, report, simulation_error};

    /// How often a table of eight equal variants with `n` seeds and some columns has a mark, in per
    /// cent. What a seed decides for all variants is three times as large as the rest.
    fn marked(n: usize, columns: usize, pairing: Pairing) -> f64 {
        let mut normal = Normal::seeded((n * columns) as u64);
        rate(|| {
            let columns: Vec<Vec<Measured>> = (0..columns)
                .map(|_| {
                    let shared: Vec<f64> = match pairing {
                        Pairing::BySeed => (0..n).map(|_| 3.0 * normal.next()).collect(),
                        Pairing::None => vec![0.0; n],
                    };
                    (0..8)
                        .map(|_| Measured::of_values(normal.of_seeds(&shared), Unit::Plain))
                        .collect()
                })
                .collect();
            let of: Vec<_> = columns.iter().map(|cells| (Some(Goal::Max), &cells[..])).collect();
            let comparisons = Comparisons::of(&of, pairing);
            let is_marked =
                |(index, cells)| comparisons.marked(index, Some(Goal::Max), cells).contains(&true);
            columns.iter().map(Vec::as_slice).enumerate().any(is_marked)
        })
    }

    #[test]
    #[ignore = "takes minutes"]
    fn simulation_of_tables_of_equal_variants() {
        for pairing in [Pairing::BySeed, Pairing::None] {
            for (n, columns) in [(3, 1), (5, 1), (10, 1), (5, 3)] {
                let marked = marked(n, columns, pairing);
                report(format_args!(
                    "eight equal variants, {columns} columns, {pairing:?}, n = {n}: a mark in \
                     {marked:.2} %"
                ));
                assert!(marked <= 5.0 + simulation_error(5.0));
            }
        }
    }
}
