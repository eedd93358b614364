use proptest::prelude::*;

use super::*;
use crate::stats::student::quantile;

/// Hours of sleep gained by ten patients under two drugs: Student's own example (1908), R's
/// data set `sleep`.
const SLEEP: [[f64; 10]; 2] = [
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
];

#[track_caller]
fn check_near(actual: f64, expected: f64) {
    let tolerance = 1e-6 * expected.abs().max(1.0);
    assert!((actual - expected).abs() < tolerance, "{actual} is not {expected}");
}

fn summary(values: &[f64]) -> Summary {
    Summary::of(values).expect("there are values")
}

#[test]
fn the_interval_of_a_mean_agrees_with_r() {
    // R 4: t.test(sleep$extra[sleep$group == 2]) gives 0.8976775 to 3.7623225.
    let estimate = summary(&SLEEP[1]).estimate();
    let half_width = estimate.half_width.expect("there are ten");
    check_near(estimate.value, 2.33);
    check_near(estimate.value - half_width, 0.897_677_5);
    check_near(estimate.value + half_width, 3.762_322_5);
}

#[test]
fn the_interval_of_a_difference_agrees_with_r() {
    // R 4: t.test(extra ~ group, data = sleep) gives −3.3654832 to 0.2054832 with 17.776
    // degrees of freedom.
    let estimate = combined(&[(1.0, summary(&SLEEP[0])), (-1.0, summary(&SLEEP[1]))]);
    let half_width = estimate.half_width.expect("there are twenty");
    check_near(estimate.value - half_width, -3.365_483_2);
    check_near(estimate.value + half_width, 0.205_483_2);
}

#[test]
fn a_ratio_of_numbers_without_spread_has_no_interval() {
    let (one, equal, several) = (summary(&[2.0]), summary(&[2.0, 2.0]), summary(&[1.0, 1.5, 2.0]));
    assert_eq!(ratio_interval(one, several), RatioInterval::Unknown);
    assert_eq!(ratio_interval(equal, equal), RatioInterval::Unknown);
    assert!(matches!(ratio_interval(several, equal), RatioInterval::Between(..)));
}

#[test]
fn quantiles_agree_with_their_closed_forms() {
    // With one degree of freedom t is Cauchy's distribution; with two there is also a closed
    // form.
    check_near(quantile(1.0).expect("above 0"), (std::f64::consts::PI * 0.475).tan());
    check_near(
        quantile(2.0).expect("above 0"),
        2.0 * 0.475 * (2.0 / (4.0 * 0.975 * 0.025_f64)).sqrt(),
    );
    // With many it approaches the normal distribution: z + (z³ + z) / (4 ν) to first order.
    check_near(quantile(1e4).expect("above 0"), 1.959_964 + 9.489_171 / 4e4);
}

#[test]
fn two_numbers_have_the_interval_of_the_closed_form() {
    // s / √2 is half the distance.
    let estimate = summary(&[1.0, 3.0]).estimate();
    check_near(estimate.half_width.expect("there are two"), (std::f64::consts::PI * 0.475).tan());
}

#[test]
fn a_single_number_has_no_interval() {
    assert_eq!(summary(&[0.5]).estimate(), Estimate { value: 0.5, half_width: None });
    assert_eq!(Summary::of(&[]), None);
}

#[test]
fn equal_numbers_have_an_interval_of_width_zero() {
    assert_eq!(
        summary(&[0.1, 0.1, 0.1]).estimate(),
        Estimate { value: 0.1, half_width: Some(0.0) }
    );
}

#[test]
fn very_large_and_very_small_numbers_keep_their_spread() {
    check_near(summary(&[1e200, 3e200]).deviation.expect("two") / 1e200, 2.0_f64.sqrt());
    check_near(summary(&[1e-200, 3e-200]).deviation.expect("two") / 1e-200, 2.0_f64.sqrt());
}

proptest! {
    #[test]
    fn the_mean_is_between_the_extremes(values in prop::collection::vec(-1e300..1e300, 1..9)) {
        let summary = summary(&values);
        // A rounding error of the sum is allowed.
        let slack = 1e-12 * summary.lowest.abs().max(summary.highest.abs());
        prop_assert!(summary.lowest - slack <= summary.mean);
        prop_assert!(summary.mean <= summary.highest + slack);
    }

    #[test]
    fn any_finite_numbers_have_a_finite_estimate(
        values in prop::collection::vec(
            prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
            1..6,
        ),
    ) {
        let estimate = summary(&values).estimate();
        prop_assert!(estimate.value.is_finite());
        let is_finite = |half_width: f64| half_width.is_finite() && half_width >= 0.0;
        prop_assert!(estimate.half_width.is_none_or(is_finite));
    }

    #[test]
    fn the_interval_of_a_ratio_contains_the_ratio_at_any_size(
        a in prop::collection::vec(1.0..2.0, 2..6),
        b in prop::collection::vec(1.0..2.0, 2..6),
        power in -200..200,
    ) {
        let scale = 10_f64.powi(power);
        let a: Vec<f64> = a.into_iter().map(|value| value * scale).collect();
        let (a, b) = (summary(&a), summary(&b));
        if let RatioInterval::Between(from, to) = ratio_interval(a, b) {
            let ratio = a.mean / b.mean;
            let is_inside = from <= ratio * (1.0 + 1e-9) && ratio <= to * (1.0 + 1e-9);
            prop_assert!(is_inside, "{} {} {}", from, ratio, to);
        }
    }
}

/// Numbers computed by scipy and statsmodels, see `tests/reference/over_seeds.py`.
#[derive(serde::Deserialize)]
struct Reference {
    cases: Vec<Case>,
    holm: Vec<[Vec<f64>; 2]>,
}

/// Two samples, and what is known of their difference.
#[derive(serde::Deserialize)]
struct Case {
    a: Vec<f64>,
    b: Vec<f64>,
    margin: f64,
    mean: [f64; 3],
    median: f64,
    paired: [f64; 8],
    welch: [f64; 8],
    permutation: f64,
    /// `None` where the interval is not bounded.
    ratio: Option<[f64; 2]>,
    bootstrap: Option<[f64; 2]>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../tests/reference/over_seeds.json")).expect("it is JSON")
}

/// The numbers with seeds from 0.
fn seeded(values: &[f64]) -> Vec<(u64, f64)> {
    (0..).zip(values.iter().copied()).collect()
}

fn compared(a: &[f64], b: &[f64], pairing: Pairing) -> Difference {
    compare(&seeded(a), &seeded(b), pairing).expect("there are values")
}

#[track_caller]
fn check_very_near(actual: f64, expected: f64) {
    let tolerance = 1e-9 * expected.abs().max(1.0);
    assert!((actual - expected).abs() < tolerance, "{actual} is not {expected}");
}

#[test]
fn means_and_their_intervals_agree_with_scipy() {
    for Case { a, mean: [mean, low, high], median, .. } in reference().cases {
        let Estimate { value, half_width } = summary(&a).estimate();
        let half_width = half_width.expect("there are three or more");
        check_very_near(value, mean);
        check_very_near(value - half_width, low);
        check_very_near(value + half_width, high);
        check_very_near(summary(&a).median, median);
    }
}

#[test]
fn intervals_of_ratios_agree_with_scipy() {
    for Case { a, b, ratio: expected, .. } in reference().cases {
        match (ratio_interval(summary(&a), summary(&b)), expected) {
            (RatioInterval::Between(from, to), Some([low, high])) => {
                check_very_near(from, low);
                check_very_near(to, high);
            }
            (RatioInterval::Unbounded, None) => {}
            (found, expected) => panic!("{a:?} / {b:?}: {found:?} is not {expected:?}"),
        }
    }
}

#[test]
fn tests_of_differences_agree_with_scipy() {
    for Case { a, b, margin, paired, welch, permutation, .. } in reference().cases {
        for (pairing, expected) in [(Pairing::BySeed, paired), (Pairing::None, welch)] {
            let found = compared(&a, &b, pairing);
            let (low, high) = found.interval.expect("there are three or more");
            let same = found.equivalence(margin).expect("there are three or more");
            let actual = [
                found.difference,
                low,
                high,
                found.p.expect("there are three or more"),
                found.effect.expect("there are three or more"),
                same.above_lower,
                same.below_upper,
                found.detectable().expect("there are three or more"),
            ];
            for (actual, expected) in actual.into_iter().zip(expected) {
                check_very_near(actual, expected);
            }
        }
        let found = compared(&a, &b, Pairing::BySeed).permutation;
        check_very_near(found.expect("there are twelve or fewer"), permutation);
    }
}

#[test]
fn bootstrap_intervals_agree_with_scipy() {
    for Case { a, b, bootstrap: expected, .. } in reference().cases {
        let Some([low, high]) = expected else { continue };
        let found = if a.len().max(b.len()) <= 4 {
            bootstrap(&[(1.0, &a), (-1.0, &b)], 0)
        } else {
            bootstrap(&[(1.0, &a)], 0)
        };
        let (from, to) = found.expect("there is a spread");
        check_very_near(from, low);
        check_very_near(to, high);
    }
}

#[test]
fn a_bootstrap_by_random_draws_is_near_scipys() {
    let (from, to) = bootstrap(&[(1.0, &SLEEP[1])], 7).expect("there is a spread");
    // scipy 1.17.1: bootstrap((sleep,), np.mean, n_resamples=10**6) gives 1.23 to 3.59.
    assert!((from - 1.23).abs() < 0.05 && (to - 3.59).abs() < 0.05, "{from} to {to}");
    assert_eq!(bootstrap(&[(1.0, &[0.5; 4])], 7), None);
}

#[test]
fn holms_correction_agrees_with_statsmodels() {
    for [p, expected] in reference().holm {
        for (actual, expected) in holm(&p).into_iter().zip(expected) {
            check_very_near(actual, expected);
        }
    }
}

#[test]
fn fewer_than_three_numbers_are_not_tested() {
    for (a, b) in [(&[0.5][..], &[0.7][..]), (&[0.5, 0.6], &[0.7, 0.7]), (&[0.5, 0.5], &[0.5, 0.5])]
    {
        for pairing in [Pairing::BySeed, Pairing::None] {
            let found = compared(a, b, pairing);
            assert_eq!(found.test, Test::None { why: Untested::FewSeeds });
            assert_eq!((found.interval, found.p, found.effect), (None, None, None));
            assert_eq!((found.equivalence(1.0), found.detectable()), (None, None));
        }
    }
    assert_eq!(compare(&[], &seeded(&[1.0]), Pairing::BySeed), None);
}

#[test]
fn equal_numbers_are_undecided() {
    let values = [0.71, 0.7, 0.72];
    // Equal except for rounding.
    let nearly = [0.1 + 0.61, 0.7, 0.72];
    for (a, b) in [(values, values), (values, nearly), ([0.5; 3], [0.5; 3])] {
        let found = compared(&a, &b, Pairing::BySeed);
        assert_eq!(found.test, Test::None { why: Untested::Equal });
        assert_eq!((found.difference, found.interval, found.p), (0.0, None, Some(1.0)));
        assert_eq!(found.equivalence(0.1), None);
    }
    let found = compared(&[0.5; 4], &[0.5; 3], Pairing::None);
    assert_eq!((found.test, found.p), (Test::None { why: Untested::Equal }, Some(1.0)));
}

#[test]
fn pairs_that_all_differ_alike_are_not_compared_as_pairs() {
    let found = compared(&[0.71, 0.81, 0.61], &[0.7, 0.8, 0.6], Pairing::BySeed);
    assert_eq!((found.test, found.fallback), (Test::Welch, Some(Fallback::EqualDifferences)));
    check_near(found.difference, 0.01);
    assert!(found.p.is_some_and(|p| p > 0.8));
}

#[test]
fn numbers_without_spread_are_not_tested() {
    for pairing in [Pairing::BySeed, Pairing::None] {
        let found = compared(&[0.5; 3], &[0.75; 3], pairing);
        assert_eq!(found.test, Test::None { why: Untested::NoSpread });
        assert_eq!((found.difference, found.interval, found.p), (-0.25, None, None));
    }
}

#[test]
fn only_seeds_of_both_sides_are_pairs() {
    let (a, b) = ([(0, 1.0), (1, 2.0), (2, 4.0), (5, 9.0)], [(2, 1.0), (1, 1.5), (0, 1.0)]);
    let found = compare(&a, &b, Pairing::BySeed).expect("there are values");
    assert_eq!((found.test, found.n), (Test::PairedT, (3, 3)));
    check_near(found.difference, (0.0 + 0.5 + 3.0) / 3.0);
    let others = compare(&a, &[(7, 1.0), (8, 1.5), (9, 1.0)], Pairing::BySeed);
    let found = others.expect("there are values");
    assert_eq!((found.test, found.fallback), (Test::Welch, Some(Fallback::FewPairs)));
    assert_eq!(found.n, (4, 3));
}

proptest! {
    #[test]
    fn any_finite_numbers_can_be_compared(
        a in prop::collection::vec((0_u64..9, -1e300..1e300), 1..6),
        b in prop::collection::vec((0_u64..9, prop::num::f64::NORMAL | prop::num::f64::ZERO), 1..6),
        margin in 1e-300..1e300,
    ) {
        let b: Vec<(u64, f64)> = b.into_iter().filter(|(_, b)| b.abs() < 1e300).collect();
        for pairing in [Pairing::BySeed, Pairing::None] {
            let Some(found) = compare(&a, &b, pairing) else { continue };
            prop_assert!(found.difference.is_finite());
            prop_assert!(found.interval.is_none_or(|(from, to)| from <= to));
            for p in [found.p, found.permutation, found.equivalence(margin).map(Equivalence::p)] {
                prop_assert!(p.is_none_or(|p| (0.0..=1.0).contains(&p)), "{:?}", p);
            }
            prop_assert!(found.detectable().is_none_or(|difference| difference > 0.0));
        }
    }
}
