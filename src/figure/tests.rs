use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::diagnostic::Position;
use crate::experiment::fingerprint::Fingerprint;
use crate::experiment::plan::plan;
use crate::experiment::record::Record;
use crate::experiment::spec::{self, Experiment};
use crate::source::Source;

/// An experiment `nets` with variants `plain` and `norm`, three seeds each.
const NETS: &str = "title: Nets & norms\nrunner: {command: [train], inputs: []}\nseeds: 3\nparams: {epochs: 3}\n\
                    variants: {plain: {}, norm: {title: with norm, wide: true}}\n\
                    metrics: {accuracy: {goal: max, unit: '%'}, loss: {goal: min}, \
                    valid.accuracy: {goal: max, unit: '%'}, seconds: {goal: min, unit: s}}\n";
/// An experiment `alone` with one variant and one seed.
const ALONE: &str = "title: Alone\nrunner: {command: [train], inputs: []}\n";

fn experiments(nets: &str) -> Vec<Experiment> {
    let source =
        Source::default().with("experiments/nets/experiment.yml", nets).with("experiments/alone/experiment.yml", ALONE);
    let (experiments, faults) = spec::parse_all(&source, &|_| None);
    assert_eq!(faults, []);
    experiments
}

/// Records of all runs; `number` gives the value of each from its variant (0 or 1), its seed and its step (0: final).
fn records(experiments: &[Experiment], number: impl Fn(usize, u64, u64) -> f64) -> Vec<Record> {
    let mut records = Vec::new();
    for experiment in experiments {
        for (index, variant) in experiment.variants.iter().enumerate() {
            for &seed in &experiment.seeds {
                let value = |step| number(index, seed, step);
                let points = || (1..=3).map(|step| (step, value(step))).collect();
                records.push(Record {
                    format: 1,
                    experiment: experiment.name.to_string(),
                    variant: variant.name.to_string(),
                    seed,
                    fingerprint: Fingerprint::of(experiment, variant, seed),
                    environment: BTreeMap::new(),
                    finished: "2026-11-23T14:05:00Z".parse().expect("it is a time"),
                    metrics: [("accuracy", value(0)), ("loss", 1.0 - value(0)), ("parameters", 101_770.0)]
                        .map(|(name, value)| (name.to_owned(), value))
                        .into(),
                    timing: [("seconds".to_owned(), 20.0 + seed as f64)].into(),
                    series: [("valid.accuracy".to_owned(), points()), ("train.loss".to_owned(), points())].into(),
                    artifacts: Vec::new(),
                });
            }
        }
    }
    records
}

/// Accuracies that rise with the step, are higher for the second variant and differ a little by seed.
fn usual(variant: usize, seed: u64, step: u64) -> f64 {
    let step = if step == 0 { 4 } else { step };
    0.7 + 0.1 * variant as f64 + 0.02 * step as f64 + 0.002 * seed as f64
}

fn made(tag: &str, arguments: &str, records: &[Record], experiments: &[Experiment]) -> Result<Figure, Diagnostic> {
    let planned = plan(experiments, records);
    let results = Results::of(experiments, &planned, &[]);
    let place = Place::new("_posts/a.md", Position { line: 7, column: 10 });
    figure(tag, arguments, &place, &results, "/blog")
}

fn usual_figure(tag: &str, arguments: &str) -> Result<Figure, Diagnostic> {
    let experiments = experiments(NETS);
    made(tag, arguments, &records(&experiments, usual), &experiments)
}

#[track_caller]
fn check_value(arguments: &str, expected: &str) {
    let figure = usual_figure("value", arguments).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(figure.embed.text.replace('\u{a0}', " "), expected);
}

#[track_caller]
fn check_fault(tag: &str, arguments: &str, expected: &Expect) {
    expected.assert_eq(&usual_figure(tag, arguments).expect_err("it is faulty").to_string());
}

#[test]
fn a_value_is_a_mean_with_its_interval() {
    check_value("nets.plain.accuracy", "78.2 ± 0.5 %");
    check_value("nets.plain.loss", "0.218 ± 0.005");
    check_value("nets.plain.parameters", "101,770");
    check_value("nets.plain.seconds", "21.0 ± 2.5 s");
    check_value("alone.default.accuracy", "0.780");
    check_value("nets.norm.valid.accuracy", "86.2 ± 0.5 %");
    check_value("nets.norm.accuracy seed=2", "88.4 %");
}

#[test]
fn values_can_be_subtracted_added_and_divided() {
    check_value("nets.norm.accuracy - nets.plain.accuracy", "+10.0 ± 0.5 pp");
    check_value("nets.plain.accuracy - nets.norm.accuracy format=\"+0.0 pp\"", "\u{2212}10.0 pp");
    check_value("nets.norm.accuracy / nets.plain.accuracy format=\"0.00×\"", "1.13×");
    check_value("nets.norm.loss + nets.plain.loss format='0.0'", "0.3");
}

#[test]
fn the_html_of_a_value_says_what_it_is() {
    let figure = usual_figure("value", "nets.plain.accuracy").expect("it is there");
    expect![[r#"<data class="labpress-value" value="0.7819999999999999" title="mean of 3 seeds, 95 % interval ± 0.5 %; nets.plain.accuracy">78.2 ± 0.5 %</data>"#]]
        .assert_eq(&figure.embed.html.replace('\u{a0}', " "));
}

#[test]
fn unknown_names_are_said_where_they_stand() {
    check_fault(
        "value",
        "nets.plian.accuracy",
        &expect![[r#"
        error: unknown variant of `nets` `plian`
         --> _posts/a.md:7:15
        hint: did you mean `plain`? known are: `plain`, `norm`"#]],
    );
    check_fault(
        "value",
        "nets.plain.acuracy",
        &expect![[r#"
        error: unknown metric of `nets` `acuracy`
         --> _posts/a.md:7:21
        hint: did you mean `accuracy`? known are: `accuracy`, `loss`, `parameters`, `seconds`, `train.loss`, `valid.accuracy`"#]],
    );
    check_fault(
        "chart",
        "net curves",
        &expect![[r#"
        error: unknown experiment `net`
         --> _posts/a.md:7:10
        hint: did you mean `nets`? known are: `alone`, `nets`"#]],
    );
    check_fault(
        "chart",
        "nets curve",
        &expect![[r#"
        error: unknown kind of chart `curve`
         --> _posts/a.md:7:15
        hint: did you mean `curves`? known are: `compare`, `curves`"#]],
    );
}

#[test]
fn sums_of_different_units_are_refused() {
    check_fault(
        "value",
        "nets.plain.accuracy - nets.plain.loss",
        &expect![[r#"
        error: numbers of different units have no sum: `nets.plain.accuracy` is in `%`, `nets.plain.loss` has none
         --> _posts/a.md:7:32"#]],
    );
    check_fault(
        "chart",
        "nets curves y='valid.accuracy, train.loss'",
        &expect![[r#"
        error: `valid.accuracy` and `train.loss` have different units
         --> _posts/a.md:7:41
        hint: make a chart of each"#]],
    );
}

#[test]
fn stale_results_are_not_shown() {
    let recorded = records(&experiments(NETS), usual);
    let changed = experiments(&NETS.replace("epochs: 3", "epochs: 4"));
    let fault = made("table", "nets", &recorded, &changed).expect_err("they are stale");
    expect![[r#"
        error: the results of `nets` are stale: params.epochs changed from 3 to 4
         --> _posts/a.md:7:10
        hint: run `labpress run nets` and commit its records"#]]
    .assert_eq(&fault.to_string());
}

#[test]
fn missing_results_are_counted() {
    let experiments = experiments(NETS);
    let recorded = records(&experiments, usual);
    let fault = made("table", "nets", &[], &experiments).expect_err("they are missing");
    assert!(fault.to_string().starts_with("error: `nets` has no results\n"));
    let one = recorded.iter().find(|record| record.experiment == "nets").cloned();
    let fault = made("table", "nets", one.as_slice(), &experiments).expect_err("they are missing");
    expect![[r#"
        error: the results of `nets` are not complete: nets/plain seed 1 is missing: no result is recorded; nets/plain seed 2 is missing: no result is recorded; nets/norm seed 0 is missing: no result is recorded; and 2 more
         --> _posts/a.md:7:10
        hint: run `labpress run nets` and commit its records"#]]
    .assert_eq(&fault.to_string());
}

#[test]
fn a_table_marks_what_is_clearly_the_best() {
    let figure = usual_figure("table", "nets").expect("it is there");
    expect![[r#"
        <div class="labpress-table">
        <div class="labpress-scroll" role="group" aria-label="Nets &amp; norms" tabindex="0">
        <table>
        <caption>Nets &amp; norms<br><span class="labpress-note">Mean ± 95 % interval over 3 seeds. Bold: best, with an interval that overlaps no other.</span></caption>
        <thead><tr><th scope="col">variant</th><th scope="col">accuracy (%)</th><th scope="col">loss</th><th scope="col">parameters</th><th scope="col">seconds (s)</th></tr></thead>
        <tbody>
        <tr><th scope="row">plain</th><td>78.2 ± 0.5</td><td>0.218 ± 0.005</td><td>101,770</td><td>21.0 ± 2.5</td></tr>
        <tr><th scope="row">with norm</th><td><strong>88.2 ± 0.5<span class="labpress-hidden"> (best)</span></strong></td><td><strong>0.118 ± 0.005<span class="labpress-hidden"> (best)</span></strong></td><td>101,770</td><td>21.0 ± 2.5</td></tr>
        </tbody>
        </table>
        </div>
        <p><a href="/blog/figures/nets/table-ffc041cc.csv" download>Download CSV</a></p>
        </div>"#]]
    .assert_eq(&figure.embed.html.replace('\u{a0}', " "));
}

#[test]
fn a_chart_brings_the_numbers_of_all_seeds() {
    let figure = usual_figure("chart", "nets curves variants=norm").expect("it is there");
    let (_, csv) = &figure.files[0];
    let csv = String::from_utf8(csv.clone()).expect("it is text");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("experiment,variant,seed,step,series,value"));
    assert_eq!(lines.next(), Some("nets,norm,0,1,valid.accuracy,0.82"));
    assert_eq!(lines.count(), 8);
}

#[test]
fn charts_say_in_words_what_they_show() {
    let description = |arguments: &str| {
        let html = usual_figure("chart", arguments).expect("it is there").embed.html;
        let (_, rest) = html.split_once("<desc>").expect("there is one");
        rest.split("</desc>").next().unwrap_or_default().replace('\u{a0}', " ")
    };
    assert_eq!(
        description("nets curves"),
        "Line chart of valid accuracy, step 1 to 3. plain ends at 76.2 ± 0.5 %; with norm ends at 86.2 ± 0.5 %."
    );
    assert_eq!(
        description("nets compare"),
        "Dot plot of accuracy. plain: 78.2 ± 0.5 % over 3 seeds, from 78.0 % to 78.4 %; \
         with norm: 88.2 ± 0.5 % over 3 seeds, from 88.0 % to 88.4 %."
    );
}

/// All kinds of figures.
const ALL: [(&str, &str); 8] = [
    ("value", "nets.plain.accuracy"),
    ("value", "nets.plain.accuracy - nets.norm.loss format='0.0 ± 0.0'"),
    ("table", "nets"),
    ("table", "alone"),
    ("chart", "nets curves"),
    ("chart", "nets curves band=range y=train.loss"),
    ("chart", "nets compare"),
    ("chart", "alone compare metric=loss"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_arguments_make_a_figure_or_a_fault(
        words in prop::collection::vec(
            "nets|alone|curves|compare|nets\\.plain\\.accuracy|[-+/]|y=|variants='|metric=loss|seed=[0-9]|format='.{0,5}'|\\PC{0,6}",
            0..6,
        ),
    ) {
        let experiments = experiments(NETS);
        let records = records(&experiments, usual);
        for tag in TAGS {
            let _ = made(tag, &words.join(" "), &records, &experiments);
        }
    }

    #[test]
    fn any_finite_numbers_make_figures_without_infinities(
        numbers in prop::collection::vec(
            prop_oneof![Just(0.0), Just(f64::MAX), Just(f64::MIN), Just(5e-324), 0.1..0.9, prop::num::f64::NORMAL],
            1..12,
        ),
    ) {
        let experiments = experiments(NETS);
        let number = |variant: usize, seed: u64, step: u64| {
            let index = variant * 7 + usize::try_from(seed * 3 + step).expect("small");
            numbers[index % numbers.len()]
        };
        let records = records(&experiments, number);
        for (tag, arguments) in ALL {
            match made(tag, arguments, &records, &experiments) {
                Ok(figure) => {
                    let html = &figure.embed.html;
                    prop_assert!(!html.contains("NaN") && !html.contains("inf\"") && !html.contains("inf,"), "{html}");
                    prop_assert!(!html.contains("\n\n"), "{html}");
                    let again = made(tag, arguments, &records, &experiments).expect("it was there before");
                    prop_assert_eq!(figure, again);
                }
                // Numbers of different units, and sums that no double can hold.
                Err(fault) => prop_assert_eq!(tag, "value", "{}", fault),
            }
        }
    }
}
