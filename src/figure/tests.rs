use std::collections::BTreeMap;

use expect_test::{Expect, expect, expect_file};
use proptest::prelude::*;

use super::*;
use labpress_runner::protocol::{Diverged, NotFinite};

use crate::diagnostic::Position;
use crate::digest::Digest;
use crate::experiment::fingerprint::Fingerprint;
use crate::experiment::plan::plan;
use crate::experiment::record::{Artifact, Record};
use crate::experiment::spec::{self, Experiment, ExperimentData};
use crate::inputs::Inputs;

/// A site at this `baseurl` whose captions are plain text.
fn surroundings(base_url: &str) -> Surroundings<'_> {
    Surroundings {
        base_url,
        site_url: "https://example.org",
        author: "A. Author",
        markdown: &html::escaped,
    }
}

/// An experiment `nets` with variants `plain` and `norm`, three seeds each.
const NETS: &str = "title: Nets & norms\nrunner: {command: [train], inputs: []}\nseeds: 3\nparams: {epochs: 3}\n\
                    variants: {plain: {}, norm: {title: with norm, wide: true}}\n\
                    metrics: {accuracy: {goal: max, unit: '%'}, loss: {goal: min}, \
                    valid.accuracy: {goal: max, unit: '%'}, seconds: {goal: min, unit: s}}\n";
/// An experiment `alone` with one variant and one seed.
const ALONE: &str = "title: Alone\nrunner: {command: [train], inputs: []}\n";

/// What every run wrote: name, kind, content.
const WRITTEN: [(&str, &str, &[u8]); 6] = [
    (
        "confusion",
        "confusion-matrix",
        br#"{"classes": ["cat", "<dog>", "cow"], "counts": [[90, 10, 0], [25, 75, 0], [1, 0, 399]]}"#,
    ),
    (
        "lr-curve",
        "curve",
        br#"{"x": {"title": "learning rate", "scale": "log"}, "y": {"title": "loss"},
            "series": [{"name": "smoothed", "points": [[0.001, 2.3], [0.01, 1.2], [0.1, 4.0]]}],
            "marks": [{"x": 0.01, "title": "suggested"}]}"#,
    ),
    ("per-class", "table", b"class,recall,images\ncat,0.9,100\ndog,0.75,100\n"),
    ("worst", "image", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x40\0\0\0\xc8\x08\x02\0\0\0"),
    ("broken", "curve", b"{\"x\": 1}"),
    ("large", "image", b""),
];

fn artifacts() -> Vec<Artifact> {
    let artifacts = WRITTEN.into_iter().map(|(name, kind, content)| Artifact {
        name: name.to_owned(),
        kind: kind.into(),
        digest: Digest::of(content),
        bytes: if name == "large" { 70_000 } else { content.len() as u64 },
        file: (name != "large").then(|| file(name)),
    });
    artifacts.collect()
}

fn file(name: &str) -> String {
    format!("files/12345678-{name}")
}

fn experiments(nets: &str) -> Vec<Experiment> {
    let inputs = Inputs::default()
        .with("experiments/nets/experiment.yml", nets)
        .with("experiments/alone/experiment.yml", ALONE);
    let (experiments, errors) = spec::parse_all(&inputs, &|_| None);
    assert_eq!(errors, []);
    experiments
}

/// Records of all runs; `number` returns the value of each for its variant (0 or 1), its seed and
/// its step (0: final).
fn records(experiments: &[Experiment], number: impl Fn(usize, u64, u64) -> f64) -> Vec<Record> {
    let mut records = Vec::new();
    for experiment in experiments {
        for (index, variant) in experiment.variants.iter().enumerate() {
            for &seed in &experiment.seeds {
                let value = |step| number(index, seed, step);
                let points = || (1..=3).map(|step| (step, value(step))).collect();
                records.push(Record {
                    format: 1,
                    experiment: experiment.name.clone(),
                    variant: variant.name.clone(),
                    seed,
                    fingerprint: Fingerprint::of(experiment, variant, seed),
                    given: BTreeMap::new(),
                    environment: BTreeMap::new(),
                    finished: "2026-11-23T14:05:00Z".parse().expect("it is a time"),
                    metrics: [
                        ("accuracy", value(0)),
                        ("loss", 1.0 - value(0)),
                        ("parameters", 101_770.0),
                    ]
                    .map(|(name, value)| (name.to_owned(), value))
                    .into(),
                    timing: [("seconds".to_owned(), 20.0 + seed as f64)].into(),
                    series: [
                        ("valid.accuracy".to_owned(), points()),
                        ("train.loss".to_owned(), points()),
                    ]
                    .into(),
                    artifacts: artifacts(),
                    diverged: None,
                    imported: None,
                });
            }
        }
    }
    records
}

/// Accuracies that rise with the step, are higher for the second variant and differ slightly
/// between seeds.
fn usual(variant: usize, seed: u64, step: u64) -> f64 {
    let step = if step == 0 { 4 } else { step };
    0.7 + 0.1 * variant as f64 + 0.02 * step as f64 + 0.002 * seed as f64
}

fn made(
    tag: &str,
    arguments: &str,
    records: &[Record],
    experiments: &[Experiment],
) -> Result<Figure, Diagnostic> {
    let planned = plan(experiments, records);
    let paths = ["nets", "alone"]
        .map(|of| WRITTEN.map(|(name, ..)| format!("experiments/{of}/{}", file(name))));
    let contents = || WRITTEN.iter().map(|&(.., content)| content);
    let files = paths.iter().flat_map(|paths| paths.iter().map(String::as_str).zip(contents()));
    let results = Results::of(experiments, &planned, &[]).with_files(files);
    let place = Place::new("_posts/a.md", Position { line: 7, column: 10 });
    let shown = figure(tag, arguments, &place, &results, surroundings("/blog"))?;
    match shown.need {
        None => Ok(shown.figure),
        Some(need) => Err(Need::errors(&[need]).remove(0)),
    }
}

fn usual_figure(tag: &str, arguments: &str) -> Result<Figure, Diagnostic> {
    let experiments = experiments(NETS);
    made(tag, arguments, &records(&experiments, usual), &experiments)
}

#[track_caller]
fn check_value(arguments: &str, expected: &str) {
    let figure = usual_figure("value", arguments).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(figure.embed.text.replace('\u{a0}', " "), expected);
}

#[track_caller]
fn check_error(tag: &str, arguments: &str, expected: &Expect) {
    expected.assert_eq(&usual_figure(tag, arguments).expect_err("it is an error").to_string());
}

#[test]
fn a_value_is_a_mean_with_its_interval() {
    check_value("nets.plain.accuracy", "78.2 ± 0.5 %");
    check_value("nets.plain.loss", "0.218 ± 0.005");
    check_value("nets.plain.parameters", "101,770");
    check_value("nets.plain.seconds", "21.0 ± 2.5 s");
    check_value("alone.default.accuracy", "0.780 (1 run)");
    check_value("nets.norm.valid.accuracy", "86.2 ± 0.5 %");
    check_value("nets.norm.accuracy seed=2", "88.4 % (1 run)");
    check_value("nets.norm.accuracy seed=2 format='0.0 %'", "88.4 %");
    check_value("alone.default.accuracy format='0.0'", "0.8 (1 run)");
}

#[test]
fn values_can_be_subtracted_added_and_divided() {
    check_value("nets.norm.accuracy - nets.plain.accuracy", "+10.0 ± 0.5 pp");
    check_value("nets.plain.accuracy - nets.norm.accuracy format=\"+0.0 pp\"", "\u{2212}10.0 pp");
    check_value("nets.norm.accuracy / nets.plain.accuracy", "1.128× (1.122 to 1.134×)");
    check_value("nets.norm.accuracy / nets.plain.accuracy format=\"0.00×\"", "1.13×");
    check_value("nets.norm.accuracy / alone.default.accuracy", "1.13× (1 to 3 runs)");
    check_value("nets.norm.loss + nets.plain.loss format='0.0'", "0.3");
}

#[test]
fn a_difference_may_be_taken_seed_by_seed() {
    check_value(
        "nets.norm.accuracy - nets.plain.accuracy by=seed",
        "+10.0 pp (identical in all 3 runs)",
    );
    check_value("nets.norm.accuracy - nets.plain.accuracy by=seed format='+0.0 pp'", "+10.0 pp");
    check_error(
        "value",
        "nets.norm.parameters - alone.default.parameters by=seed",
        &expect![[r#"
            error: `nets.norm.parameters` and `alone.default.parameters` do not have the same seeds
             --> _posts/a.md:7:33"#]],
    );
}

#[test]
fn the_html_of_a_value_says_what_it_is() {
    let figure = usual_figure("value", "nets.plain.accuracy").expect("it is there");
    expect![[r#"<data class="labpress-value" value="0.7819999999999999" title="mean of 3 seeds, 95 % interval ± 0.5 %; nets.plain.accuracy" tabindex="0">78.2 ± 0.5 %</data>"#]]
        .assert_eq(&figure.embed.html.replace('\u{a0}', " "));
}

#[test]
fn unknown_names_are_reported_at_their_place() {
    check_error(
        "value",
        "nets.plian.accuracy",
        &expect![[r#"
            error: unknown variant `plian` of `nets`
             --> _posts/a.md:7:15
            hint: did you mean `plain`? expected one of `plain`, `norm`"#]],
    );
    check_error(
        "value",
        "nets.plain.acuracy",
        &expect![[r#"
            error: unknown metric `acuracy` of `nets`
             --> _posts/a.md:7:21
            hint: did you mean `accuracy`? expected one of `accuracy`, `loss`, `parameters`, `seconds`, `train.loss`, `valid.accuracy`"#]],
    );
    check_error(
        "chart",
        "net curves",
        &expect![[r#"
            error: unknown experiment `net`
             --> _posts/a.md:7:10
            hint: did you mean `nets`? expected one of `alone`, `nets`"#]],
    );
    check_error(
        "chart",
        "nets cruve",
        &expect![[r#"
            error: unknown kind of chart `cruve`
             --> _posts/a.md:7:15
            hint: did you mean `curve`? expected one of `compare`, `confusion`, `curve`, `curves`, `heatmap`, `sweep`"#]],
    );
}

#[test]
fn numbers_of_different_units_are_not_added() {
    check_error(
        "value",
        "nets.plain.accuracy - nets.plain.loss",
        &expect![[r#"
            error: cannot combine numbers of different units: `%` and no unit
             --> _posts/a.md:7:10"#]],
    );
    check_error(
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
    let error = made("table", "nets", &recorded, &changed).expect_err("they are stale");
    expect![[r#"
        error: the results of `nets` are stale: params.epochs changed from 3 to 4
         --> _posts/a.md:7:10
        hint: run `labpress run nets` and commit its records"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn what_runs_at_work_have_reported_is_shown_marked_and_still_missing() {
    let experiments = experiments(NETS);
    let all = records(&experiments, usual);
    let of_nets: Vec<Record> =
        all.into_iter().filter(|record| record.experiment == "nets").collect();
    let mut at_work = of_nets[1].clone();
    at_work.metrics.clear();
    at_work.timing.clear();
    at_work.series.values_mut().for_each(|points| points.truncate(2));
    let recorded = &of_nets[..1];
    let planned = plan(&experiments, recorded);
    let at_work = [at_work];
    let results = Results::of(&experiments, &planned, &[]).with_provisional(&planned, &at_work);
    let place = Place::file("_posts/a.md");
    let html = |tag: &str, arguments: &str| {
        let shown =
            figure(tag, arguments, &place, &results, surroundings("")).expect("the tag is valid");
        assert!(shown.need.is_some());
        shown.figure.embed.html
    };
    let mark = "Provisional: 1 of 6 runs are complete";
    let chart = html("chart", "nets curves");
    assert!(chart.contains(mark) && chart.contains("labpress-figure"), "{chart}");
    let value = html("value", "nets.plain.valid.accuracy");
    assert!(value.contains(mark) && value.contains(" (provisional)"), "{value}");
    // A variant without any number, and kinds of figures that need complete runs.
    for (tag, arguments) in
        [("value", "nets.norm.valid.accuracy"), ("chart", "nets compare"), ("table", "nets")]
    {
        let html = html(tag, arguments);
        assert!(html.contains("labpress-missing"), "{tag} {arguments}: {html}");
    }
}

#[test]
fn missing_results_are_counted() {
    let experiments = experiments(NETS);
    let recorded = records(&experiments, usual);
    let error = made("table", "nets", &[], &experiments).expect_err("they are missing");
    assert!(error.to_string().starts_with("error: `nets` has no results\n"));
    let one = recorded.iter().find(|record| record.experiment == "nets").cloned();
    let error = made("table", "nets", one.as_slice(), &experiments).expect_err("they are missing");
    expect![[r#"
        error: the results of `nets` are incomplete: nets/plain seed 1 is missing: no result is recorded; nets/plain seed 2 is missing: no result is recorded; nets/norm seed 0 is missing: no result is recorded; and 2 more
         --> _posts/a.md:7:10
        hint: run `labpress run nets` and commit its records"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn a_table_marks_what_is_clearly_the_best() {
    let figure = usual_figure("table", "nets").expect("it is there");
    expect![[r#"
        <div class="labpress-table">
        <div class="labpress-scroll" role="group" aria-label="Nets &amp; norms" tabindex="0">
        <table>
        <caption>Nets &amp; norms<br><span class="labpress-note">Mean ± 95 % interval over 3 seeds. Bold: the best, and what does not differ from it significantly (Welch's t-test, n = 3, Holm's correction over 3 comparisons).</span></caption>
        <thead><tr><th scope="col">variant</th><th scope="col">accuracy (%)</th><th scope="col">loss</th><th scope="col">parameters</th><th scope="col">seconds (s)</th></tr></thead>
        <tbody>
        <tr><th scope="row">plain</th><td>78.2 ± 0.5</td><td>0.218 ± 0.005</td><td>101,770</td><td>21.0 ± 2.5</td></tr>
        <tr><th scope="row">with norm</th><td><strong>88.2 ± 0.5<span class="labpress-hidden"> (best)</span></strong></td><td><strong>0.118 ± 0.005<span class="labpress-hidden"> (best)</span></strong></td><td>101,770</td><td>21.0 ± 2.5</td></tr>
        </tbody>
        </table>
        </div>
        <details class="labpress-numbers">
        <summary>Provenance and data</summary>
        <p>Download <a href="/blog/figures/nets/table-ffc041cc.csv" download>CSV</a>, <a href="/blog/figures/nets/table-3de66046.json" download>JSON</a>, <a href="/blog/figures/nets/table-ab81c238.tex" download>LaTeX</a></p>
        </details>
        </div>"#]]
    .assert_eq(&figure.embed.html.replace('\u{a0}', " "));
}

/// A table of four variants with these accuracies, to which the seeds 0 to 4 add up to two per mille,
/// another way for each variant.
fn table_of_four(accuracies: [f64; 4], arguments: &str) -> Figure {
    let nets = NETS
        .replace("seeds: 3", "seeds: 5")
        .replace("plain: {}", "plain: {}, deep: {layers: 9}, odd: {layers: 7, wide: false}");
    let experiments = experiments(&nets);
    let accuracy = |variant: usize, seed: u64, _: u64| {
        let shares = [0.0, 0.2, 0.5, 0.7, 1.0];
        let place = usize::try_from(seed).expect("small") + 2 * variant;
        accuracies.get(variant).unwrap_or(&0.5) + 0.002 * shares[place % 5]
    };
    let records = records(&experiments, accuracy);
    let arguments = format!("nets columns=accuracy {arguments}");
    made("table", &arguments, &records, &experiments).expect("it is there")
}

/// The variants whose accuracies are bold, by row.
#[track_caller]
fn check_bold(accuracies: [f64; 4], expected: &[usize]) {
    let (cells, _) = cells_and_note(&table_of_four(accuracies, ""));
    let bold = (0..cells.len()).filter(|&row| cells[row].contains("<strong>"));
    assert_eq!(bold.collect::<Vec<_>>(), expected, "{cells:?}");
}

#[test]
fn variants_that_tie_for_the_best_share_the_mark() {
    check_bold([0.7, 0.8, 0.9, 0.6], &[2]);
    check_bold([0.7, 0.9, 0.9002, 0.6], &[1, 2]);
    check_bold([0.9, 0.9001, 0.9002, 0.9001], &[]);
}

#[test]
fn a_table_shows_differences_to_the_row_above_or_to_a_variant() {
    let shown = |arguments| {
        let (cells, note) = cells_and_note(&table_of_four([0.7, 0.72, 0.72, 0.6], arguments));
        (cells.into_iter().skip(1).step_by(2).collect::<Vec<_>>(), note)
    };
    let (deltas, note) = shown("deltas=above");
    assert_eq!(deltas, ["–", "_+2.00 ± 0.12", "__0.00 ± 0.12", "−12.00 ± 0.12"].map(spaced));
    assert!(
        note.ends_with(
            "Δ: difference to the row above, with its 95 % interval, not corrected \
             (Welch's t-test, n = 5)."
        ),
        "{note}"
    );
    let (deltas, note) = shown("baseline=plain by=seed variants='norm, plain'");
    assert_eq!(deltas, ["−10.00 ± 0.14", "–"].map(spaced));
    assert!(note.contains("Δ: difference to plain,"), "{note}");
    assert!(note.contains("(t-test paired by seed, n = 5)"), "{note}");
}

/// The text with spaces as wide as a digit for `_`.
fn spaced(text: &str) -> String {
    text.replace('_', "\u{2007}")
}

#[test]
fn intervals_may_be_those_of_the_bootstrap() {
    let (cells, note) =
        cells_and_note(&table_of_four([0.7; 4], "interval=bootstrap variants=plain"));
    assert_eq!(cells, ["70.10 (70.04 to 70.16)"]);
    assert_eq!(note, "Mean ± 95 % interval by the bootstrap (BCa) over 5 seeds.");
    check_error(
        "chart",
        "nets compare interval=bootstrap",
        &expect![[r#"
            error: an interval by the bootstrap needs 5 seeds, but `plain` has 3
             --> _posts/a.md:7:32
            hint: add seeds, or remove `interval` for the interval by Student's t"#]],
    );
}

#[test]
fn a_table_shows_the_parameters_that_differ() {
    let html = table_of_four([0.7; 4], "params=differing").embed.html;
    assert!(html.contains("<th scope=\"col\">layers</th><th scope=\"col\">wide</th>"), "{html}");
    assert!(html.contains("deep</th><td data-value=\"9.0\">9</td><td>–</td>"), "{html}");
    assert!(!html.contains(">epochs<"), "{html}");
    let html = table_of_four([0.7; 4], "params='epochs'").embed.html;
    assert!(html.contains("<th scope=\"col\">epochs</th>"), "{html}");
}

#[test]
fn invalid_options_of_tables_are_reported_at_their_place() {
    check_error(
        "table",
        "nets by=fold",
        &expect![[r#"
            error: unknown value `fold` of `by`
             --> _posts/a.md:7:18
            hint: expected one of `none`, `seed`"#]],
    );
    check_error(
        "table",
        "nets deltas=true",
        &expect![[r#"
            error: unknown value `true` of `deltas`
             --> _posts/a.md:7:22
            hint: write `deltas="above"` for differences to the row above, or `baseline="VARIANT"` for those to one variant"#]],
    );
    check_error(
        "table",
        "nets deltas=above baseline=plain",
        &expect![[r#"
            error: `baseline` and `deltas` cannot both be given
             --> _posts/a.md:7:22
            hint: remove one of them"#]],
    );
    check_error(
        "table",
        "nets variants=norm baseline=plain",
        &expect![[r#"
            error: `plain` is not in the table
             --> _posts/a.md:7:38
            hint: add it to `variants`"#]],
    );
    check_error(
        "table",
        "nets params='epochs, lr'",
        &expect![[r#"
            error: unknown parameter `lr`
             --> _posts/a.md:7:31
            hint: write `differing`, or some of `epochs`, `wide`"#]],
    );
}

#[test]
fn the_data_of_a_table_says_how_variants_were_compared() {
    let figure = table_of_four([0.7, 0.9, 0.9002, 0.6], "by=seed");
    let (path, json) = &figure.files[1];
    assert!(path.starts_with("figures/nets/table-") && path.ends_with(".json"), "{path}");
    let json: serde_json::Value = serde_json::from_slice(json).expect("it is JSON");
    assert_eq!(json["rows"][1]["numbers"]["accuracy"]["best"], true);
    assert_eq!(json["rows"][1]["numbers"]["accuracy"]["values"][4]["seed"], 4);
    assert_eq!(json["comparisons"].as_array().map(Vec::len), Some(6));
    let tie = &json["comparisons"][3];
    assert_eq!(
        (&tie["of"], &tie["to"], &tie["test"]),
        (&"deep".into(), &"odd".into(), &"paired-t".into())
    );
    assert!(tie["p-corrected"].as_f64() > Some(0.05), "{tie}");
    let best = &json["comparisons"][0];
    assert!(best["p"].as_f64() < best["p-corrected"].as_f64(), "{best}");
    assert!(best["p-corrected"].as_f64() < Some(0.001), "{best}");
    assert!(tie["detectable"].as_f64() > Some(0.0), "{tie}");
}

#[test]
fn a_chart_comes_with_the_numbers_of_all_seeds() {
    let figure = usual_figure("chart", "nets curves variants=norm").expect("it is there");
    let (_, csv) = &figure.files[0];
    let csv = String::from_utf8(csv.clone()).expect("it is text");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("experiment,variant,seed,step,series,value"));
    assert_eq!(lines.next(), Some("nets,norm,0,1,valid.accuracy,0.82"));
    assert_eq!(lines.count(), 8);
}

#[test]
fn charts_have_alternative_text() {
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

/// The figure of the experiment `nets` with these seeds, whose runs recorded these numbers.
fn figure_of(
    tag: &str,
    arguments: &str,
    seeds: &str,
    number: impl Fn(usize, u64, u64) -> f64,
) -> Figure {
    let experiments = experiments(&NETS.replace("seeds: 3", &format!("seeds: {seeds}")));
    let records = records(&experiments, number);
    made(tag, arguments, &records, &experiments).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn check_value_of(
    arguments: &str,
    seeds: &str,
    number: impl Fn(usize, u64, u64) -> f64,
    expected: &str,
) {
    let text = figure_of("value", arguments, seeds, number).embed.text;
    assert_eq!(text.replace('\u{a0}', " "), expected);
}

/// The cells of the rows of a table, and the note in its caption.
fn cells_and_note(figure: &Figure) -> (Vec<String>, String) {
    let html = figure.embed.html.replace('\u{a0}', " ");
    let between = |text: &str, from: &str, to: &str| -> Vec<String> {
        text.split(from)
            .skip(1)
            .filter_map(|part| Some(part.split_once(to)?.0.to_owned()))
            .collect()
    };
    let cells = between(&html, "<td", "</td>").into_iter();
    let cells = cells.filter_map(|cell| Some(cell.split_once('>')?.1.to_owned()));
    (cells.collect(), between(&html, "labpress-note\">", "</span>").concat())
}

#[test]
fn two_runs_are_both_shown() {
    let two = |_: usize, seed: u64, _: u64| [0.71, 0.74][usize::try_from(seed).expect("small")];
    check_value_of("nets.plain.accuracy", "2", two, "71, 74 % (2 runs)");
    check_value_of("nets.plain.accuracy format='0.0 ± 0.0 %'", "2", two, "71.0, 74.0 % (2 runs)");
    check_value_of("nets.plain.accuracy format='0.0 %'", "2", two, "72.5 %");
    check_value_of(
        "nets.plain.valid.accuracy - nets.norm.accuracy by=seed",
        "2",
        two,
        "0.0 pp (identical in both runs)",
    );
    check_value_of("nets.plain.accuracy - nets.norm.accuracy", "2", two, "0.0 pp (2 runs each)");
    let (cells, note) = cells_and_note(&figure_of("table", "nets columns=accuracy", "2", two));
    assert_eq!(cells, ["71, 74", "71, 74"]);
    assert_eq!(note, "2 seeds. Of 2 runs both numbers, without an interval.");
    let chart = figure_of("chart", "nets compare", "2", two);
    assert_eq!(
        description(&chart),
        "Dot plot of accuracy. plain: 71, 74 % (2 runs); with norm: 71, 74 % (2 runs)."
    );
    assert_eq!(chart.embed.html.matches("lp-whisker").count(), 0, "no interval is drawn");
}

#[test]
fn equal_seeds_are_remarked_on_and_never_the_best() {
    let equal = |variant: usize, _: u64, _: u64| [0.5, 0.51][variant];
    check_value_of("nets.plain.accuracy", "5", equal, "50.0 % (identical in all 5 runs)");
    check_value_of("nets.plain.parameters", "5", equal, "101,770");
    let figure = figure_of("table", "nets columns=accuracy", "5", equal);
    let (cells, note) = cells_and_note(&figure);
    assert_eq!(cells, ["50.0 (identical in all 5 runs)", "51.0 (identical in all 5 runs)"]);
    assert_eq!(note, "5 seeds. Identical: no spread to judge by.");
    assert!(!figure.embed.html.contains("<strong>"));
    let curves = figure_of("chart", "nets curves", "5", equal);
    assert!(curves.embed.html.contains("plain: identical in all 5 runs."), "{}", curves.embed.html);
    // One varies and one does not: neither is the best.
    let half = |variant: usize, seed: u64, _: u64| {
        if variant == 0 { 0.5 } else { 0.8 + 0.001 * seed as f64 }
    };
    assert!(
        !figure_of("table", "nets columns=accuracy", "5", half).embed.html.contains("<strong>")
    );
}

#[test]
fn an_interval_of_shares_is_cut_at_0_and_100_per_cent_everywhere() {
    let wide =
        |_: usize, seed: u64, _: u64| [0.05, 0.1, 0.5][usize::try_from(seed).expect("small")];
    check_value_of("nets.plain.accuracy", "3", wide, "22 % (0 to 83 %)");
    check_value_of("nets.plain.loss", "3", wide, "0.78 ± 0.61");
    let (cells, note) = cells_and_note(&figure_of("table", "nets columns=accuracy", "3", wide));
    assert_eq!(cells, ["22 (0 to 83)", "22 (0 to 83)"]);
    assert_eq!(
        note,
        "Mean ± 95 % interval over 3 seeds. Intervals are cut at 0 and 100 %. \
         Nothing is bold: no variant is clearly the best (Welch's t-test, n = 3)."
    );
    for arguments in
        ["nets compare", "nets curves", "nets sweep x=params.epochs y=accuracy variants=plain"]
    {
        let html = figure_of("chart", arguments, "3", wide).embed.html.replace('\u{a0}', " ");
        assert!(html.contains("Intervals are cut at 0 and 100 %."), "{arguments}: {html}");
        let ticks: Vec<&str> = html
            .split("lp-tick")
            .skip(1)
            .filter_map(|tick| tick.split(['>', '<']).nth(1))
            .collect();
        assert!(!ticks.iter().any(|tick| tick.starts_with('\u{2212}')), "{arguments}: {ticks:?}");
    }
    // A number above 100 % is not a share, so its interval is not cut.
    let growth =
        |_: usize, seed: u64, _: u64| [0.9, 1.3, 1.7][usize::try_from(seed).expect("small")];
    check_value_of("nets.plain.accuracy", "3", growth, "130 ± 99 %");
}

#[test]
fn a_table_of_single_runs_says_so_once() {
    let (cells, note) = cells_and_note(&figure_of("table", "nets columns=accuracy", "1", usual));
    assert_eq!(
        (cells, note),
        (vec!["78.0".to_owned(), "88.0".to_owned()], "1 run each: no interval.".to_owned())
    );
    let chart = figure_of("chart", "nets compare", "1", usual);
    assert_eq!(
        description(&chart),
        "Dot plot of accuracy. plain: 78.0 % (1 run); with norm: 88.0 % (1 run)."
    );
}

/// A figure for which the runs of `plain` with these seeds diverged after the first step.
fn diverged_figure(tag: &str, arguments: &str, seeds: &[u64]) -> Result<Figure, Diagnostic> {
    let experiments = experiments(&NETS.replace("seeds: 3", "seeds: 5"));
    let mut records = records(&experiments, usual);
    let has_diverged = |record: &Record| record.variant == "plain" && seeds.contains(&record.seed);
    for record in records.iter_mut().filter(|record| has_diverged(record)) {
        let diverged = Diverged {
            metric: "train.loss".to_owned(),
            step: Some(2),
            value: Some(NotFinite::NaN),
        };
        record.diverged = Some(diverged);
        record.metrics.clear();
        record.artifacts.clear();
        record.series.values_mut().for_each(|points| points.truncate(1));
    }
    made(tag, arguments, &records, &experiments)
}

#[track_caller]
fn check_diverged(arguments: &str, seeds: &[u64], expected: &str) {
    let figure =
        diverged_figure("value", arguments, seeds).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(figure.embed.text.replace('\u{a0}', " "), expected);
}

#[test]
fn runs_that_diverged_are_reported_and_the_others_have_no_mean() {
    check_diverged("nets.plain.accuracy", &[1, 3], "2 of 5 seeds diverged");
    check_diverged("nets.plain.accuracy format='0.0 %'", &[1, 3], "2 of 5 seeds diverged");
    check_diverged("nets.plain.train.loss", &[1, 3], "2 of 5 seeds diverged");
    check_diverged("nets.plain.accuracy", &[0, 1, 2, 3, 4], "all 5 seeds diverged");
    check_diverged("nets.plain.accuracy seed=1", &[1, 3], "diverged");
    check_diverged("nets.plain.accuracy seed=0", &[1, 3], "78.0 % (1 run)");
    check_diverged("nets.norm.accuracy", &[1, 3], "88.4 ± 0.4 %");
    let sum = "nets.norm.accuracy - nets.plain.accuracy";
    check_diverged(sum, &[1, 3], "nets.plain.accuracy: 2 of 5 seeds diverged");
    check_diverged(
        &format!("{sum} by=seed"),
        &[1, 3],
        "nets.plain.accuracy: 2 of 5 seeds diverged",
    );
    check_diverged(
        "nets.norm.accuracy / nets.plain.accuracy",
        &[1],
        "nets.plain.accuracy: 1 of 5 seeds diverged",
    );
}

#[test]
fn the_runs_that_did_not_diverge_are_shown_on_request() {
    check_diverged(
        "nets.plain.accuracy diverged=exclude",
        &[1, 3],
        "78.4 ± 1.0 % (2 of 5 seeds diverged)",
    );
    check_diverged(
        "nets.plain.accuracy diverged=exclude format='0.0 %'",
        &[1],
        "78.4 % (1 of 5 seeds diverged)",
    );
    check_diverged(
        "nets.norm.accuracy - nets.plain.accuracy diverged=exclude",
        &[1],
        "+10.0 ± 0.5 pp (nets.plain.accuracy: 1 of 5 seeds diverged)",
    );
    let error = diverged_figure("value", "nets.plain.accuracy diverged=drop", &[1])
        .expect_err("it is not an option");
    assert!(error.to_string().starts_with("error: unknown value `drop` of `diverged`"), "{error}");
}

#[test]
fn tables_and_charts_say_which_runs_diverged() {
    const NOTE: &str = "plain: 2 of 5 seeds diverged (seed 1: train.loss became NaN at step 2; seed 3: train.loss became \
                        NaN at step 2).";
    let shown =
        |tag: &str, arguments: &str| diverged_figure(tag, arguments, &[1, 3]).expect("it is shown");
    let (cells, note) = cells_and_note(&shown("table", "nets columns=accuracy"));
    assert_eq!(cells, ["2 of 5 seeds diverged", "88.4 ± 0.4"]);
    assert!(
        note.contains(NOTE) && note.ends_with("There is no mean of the other seeds."),
        "{note}"
    );
    let (cells, note) = cells_and_note(&shown("table", "nets columns=accuracy diverged=exclude"));
    assert_eq!(cells, ["78.4 ± 1.0 (2 of 5 seeds diverged)", "88.4 ± 0.4"]);
    assert!(note.contains(NOTE) && note.ends_with("Means are of the other seeds."), "{note}");
    for (arguments, described) in [
        ("nets compare", "plain: 2 of 5 seeds diverged, the others, from 78.0 % to 78.8 %"),
        ("nets curves", "plain: 2 of 5 seeds diverged;"),
        ("nets curves diverged=exclude", "plain ends at 76.4 ± 1.0 % (2 of 5 seeds diverged);"),
        ("nets sweep x=params.epochs y=accuracy variants=plain", "2 of 5 seeds diverged at 3"),
    ] {
        let figure = shown("chart", arguments);
        assert!(figure.embed.html.contains(NOTE), "{arguments}: {}", figure.embed.html);
        let description = description(&figure);
        assert!(description.contains(described), "{arguments}: {description}");
    }
    let csv = shown("table", "nets columns=accuracy").files[0].1.clone();
    assert!(String::from_utf8(csv).expect("it is text").contains("nets,plain,1,accuracy,NaN\n"));
}

#[test]
fn charts_of_runs_that_all_diverged_are_drawn() {
    for (tag, arguments) in [
        ("table", "nets columns='accuracy, seconds'"),
        ("chart", "nets compare variants=plain"),
        ("chart", "nets compare metric=accuracy"),
        ("chart", "nets curves variants=plain"),
        ("chart", "nets sweep x=params.epochs y=accuracy variants=plain"),
        ("chart", "nets sweep x=params.epochs y=accuracy variants=plain diverged=exclude"),
    ] {
        let html =
            diverged_figure(tag, arguments, &[0, 1, 2, 3, 4]).expect("it is drawn").embed.html;
        assert!(html.contains("all 5 seeds diverged"), "{arguments}: {html}");
    }
}

#[test]
fn artifacts_of_all_runs_are_combined_only_if_none_diverged_or_those_are_excluded() {
    let error =
        diverged_figure("chart", "nets confusion variant=plain", &[1]).expect_err("one is missing");
    expect![[r#"
        error: `plain`: 1 of 5 seeds diverged, so the results cannot be combined
         --> _posts/a.md:7:10
        hint: exclude them with `diverged="exclude"`, or name one run with `seed=`"#]]
    .assert_eq(&error.to_string());
    let figure = diverged_figure("chart", "nets confusion variant=plain diverged=exclude", &[1])
        .expect("it is there");
    assert!(figure.embed.html.contains("summed over 4 seeds"));
    assert!(figure.embed.html.contains("plain: 1 of 5 seeds diverged"));
    diverged_figure("chart", "nets artifact=lr-curve variant=plain", &[0])
        .expect("it is that of the first run that has one");
}

/// An experiment with a grid.
const SWEPT: &str = "title: Swept\nrunner: {command: [train], inputs: []}\nseeds: 3\nparams: {lr: 0.1}\n\
                     variants: {a: {title: Plain}, b: {title: With norm, norm: true}}\n\
                     grid: {lr: [0.01, 0.1, 1]}\nmetrics: {accuracy: {goal: max, unit: '%'}}\n";

fn swept(arguments: &str) -> Result<Figure, Diagnostic> {
    let experiments = experiments(SWEPT);
    made("chart", arguments, &records(&experiments, usual), &experiments)
}

fn description(figure: &Figure) -> String {
    let (_, rest) = figure.embed.html.split_once("<desc>").expect("there is one");
    rest.split("</desc>").next().unwrap_or_default().replace('\u{a0}', " ")
}

#[test]
fn a_sweep_has_a_line_for_the_variants_that_are_otherwise_alike() {
    let figure = swept("nets sweep x=params.lr y=accuracy scale=log").expect("it is there");
    assert_eq!(
        description(&figure),
        "Line chart of accuracy by lr, on a logarithmic scale. Plain: from 78.2 ± 0.5 % at 0.01 to 98.2 ± 0.5 % at 1; \
         With norm: from 108.2 ± 0.5 % at 0.01 to 128.2 ± 0.5 % at 1."
    );
    let csv = String::from_utf8(figure.files[0].1.clone()).expect("it is text");
    assert_eq!(csv.lines().next(), Some("experiment,line,variant,params.lr,seed,metric,value"));
    assert_eq!(csv.lines().nth(1), Some("nets,Plain,a-lr-0-01,0.01,0,accuracy,0.7799999999999999"));
    assert_eq!(csv.lines().count(), 19);
}

#[test]
fn the_lines_of_a_sweep_over_a_grid_have_names_in_any_order_of_keys() {
    let described = |grid: &str| {
        let yaml = NETS.replace(
            "variants: {plain: {}, norm: {title: with norm, wide: true}}",
            &format!("grid: {{{grid}}}"),
        );
        let experiments = experiments(&yaml);
        let records = records(&experiments, |_, _, _| 0.5);
        let figure =
            made("chart", "nets sweep x=params.optimizer.lr y=loss", &records, &experiments);
        description(&figure.unwrap_or_else(|error| panic!("{error}")))
    };
    let (rates, sizes) = ("optimizer.lr: [0.01, 0.05]", "model.hidden: [[8], [32, 16]]");
    let expected = "Line chart of loss by optimizer lr. hidden = 8: from 0.500 (identical in all 3 runs) at 0.01 to 0.500 \
                    (identical in all 3 runs) at 0.05; hidden = 32 16: from 0.500 (identical in all 3 runs) at 0.01 to \
                    0.500 (identical in all 3 runs) at 0.05.";
    assert_eq!(described(&format!("{sizes}, {rates}")), expected);
    assert_eq!(described(&format!("{rates}, {sizes}")), expected);
}

#[test]
fn the_lines_of_a_sweep_whose_titles_share_nothing_are_named_by_their_parameters() {
    let yaml = NETS.replace(
        "{plain: {}, norm: {title: with norm, wide: true}}",
        "{a: {lr: 1}, b: {lr: 2}, c: {lr: 1, wide: true}, d: {lr: 2, wide: true}}",
    );
    let experiments = experiments(&yaml);
    let records = records(&experiments, usual);
    let figure = made("chart", "nets sweep x=params.lr y=loss", &records, &experiments)
        .expect("it is there");
    let csv = String::from_utf8(figure.files[0].1.clone()).expect("it is text");
    let mut lines: Vec<&str> =
        csv.lines().skip(1).filter_map(|row| row.split(',').nth(1)).collect();
    lines.dedup();
    assert_eq!(lines, ["line 1", "wide = true"]);
}

#[test]
fn the_lines_of_a_sweep_may_be_named() {
    let figure = swept("nets sweep x=params.lr y=accuracy series='Norm: b-*, a-lr-0*'")
        .expect("it is there");
    assert_eq!(
        description(&figure),
        "Line chart of accuracy by lr. Norm: from 108.2 ± 0.5 % at 0.01 to 128.2 ± 0.5 % at 1; \
         Plain: from 78.2 ± 0.5 % at 0.01 to 88.2 ± 0.5 % at 0.1."
    );
}

#[test]
fn errors_of_a_sweep_are_reported_at_their_place() {
    let check = |arguments: &str, expected: Expect| {
        expected.assert_eq(&swept(arguments).expect_err("it is an error").to_string());
    };
    check(
        "nets sweep x=params.rl y=accuracy",
        expect![[r#"
            error: unknown numeric parameter `params.rl` of `nets`
             --> _posts/a.md:7:23
            hint: did you mean `params.lr`?"#]],
    );
    check(
        "nets sweep x=params.lr y=accuracy series='*'",
        expect![[r#"
            error: `a-lr-0-01` and `b-lr-0-01` are on one line and have the same `params.lr`, 0.01
             --> _posts/a.md:7:23
            hint: separate the lines with `series="NAME: PATTERN, …"`"#]],
    );
    check(
        "nets sweep x=params.lr y=accuracy series='c-*'",
        expect![[r#"
            error: no variant matches `c-*`
             --> _posts/a.md:7:52
            hint: expected one of `a-lr-0-01`, `a-lr-0-1`, `a-lr-1`, `b-lr-0-01`, `b-lr-0-1`, `b-lr-1`"#]],
    );
    check(
        "nets sweep y=accuracy",
        expect![[r#"
            error: a sweep needs the parameter that it goes over
             --> _posts/a.md:7:10
            hint: write `x="params.NAME"`, such as `x="params.optimizer.lr"`"#]],
    );
}

/// A grid of two parameters, drawn.
fn heat(arguments: &str) -> Result<Figure, Diagnostic> {
    let yaml = NETS.replace(
        "variants: {plain: {}, norm: {title: with norm, wide: true}}",
        "grid: {lr: [0.1, 0.01], size: [8, 16, 32], exclude: [{lr: 0.1, size: 32}]}",
    );
    let experiments = experiments(&yaml);
    made(
        "chart",
        arguments,
        &records(&experiments, |variant, seed, step| usual(variant, seed, step) - 0.4),
        &experiments,
    )
}

#[test]
fn a_heat_map_says_which_cells_are_best_and_worst() {
    let figure =
        heat("nets heatmap x=params.lr y=params.size metric=accuracy").expect("it is there");
    assert_eq!(
        description(&figure),
        "Heat map of accuracy by lr (2 values) and size (3 values). Highest and best: 78.2 ± 0.5 % at lr 0.01 and \
         size 32; lowest: 38.2 ± 0.5 % at lr 0.1 and size 8."
    );
    let html = figure.embed.html.replace('\u{a0}', " ");
    assert!(
        html.contains(
            "Cells: means over 3 seeds in %; the larger, the stronger the colour. The frame: the best mean"
        ),
        "{html}"
    );
    let figure =
        heat("nets heatmap x=params.lr y=params.size metric=train.loss").expect("it is there");
    assert!(!figure.embed.html.contains("The frame"), "no goal says which way is better");
}

#[test]
fn errors_of_a_heat_map_are_reported_at_their_place() {
    let check = |arguments: &str, expected: Expect| {
        expected.assert_eq(&heat(arguments).expect_err("it is an error").to_string());
    };
    check(
        "nets heatmap x=params.lr y=params.sizes metric=loss",
        expect![[r#"
            error: unknown parameter `params.sizes` of `nets`
             --> _posts/a.md:7:37
            hint: did you mean `params.size`? expected one of `params.epochs`, `params.lr`, `params.size`"#]],
    );
    check(
        "nets heatmap x=params.lr metric=loss",
        expect![[r#"
            error: a heat map needs two parameters, `x` and `y`
             --> _posts/a.md:7:10
            hint: write `x="params.NAME" y="params.NAME"`, such as `x="params.optimizer.lr"`"#]],
    );
    check(
        "nets heatmap x=params.lr y=params.epochs metric=loss",
        expect![[r#"
            error: `lr-0-1-size-8` and `lr-0-1-size-16` belong into the same cell
             --> _posts/a.md:7:25
            hint: choose variants that differ in these two only, with `variants`"#]],
    );
}

#[test]
fn confusion_is_summed_over_the_seeds() {
    let figure = usual_figure("chart", "nets confusion variant=norm").expect("it is there");
    assert_eq!(
        description(&figure),
        "Confusion matrix of 3 classes. Recognised: cat 90 %, &lt;dog&gt; 75 %, cow 100 %. \
         Most often taken for another class: &lt;dog&gt; for cat 25 %, cat for &lt;dog&gt; 10 %, cow for cat 0 %."
    );
    assert!(figure.embed.html.contains("<td>1,197</td>"), "three seeds have 399 each");
    let csv = String::from_utf8(figure.files[0].1.clone()).expect("it is text");
    assert_eq!(csv.lines().count(), 1 + 3 * 9);
}

#[test]
fn a_curve_that_a_run_wrote_is_drawn_with_its_marks() {
    let figure =
        usual_figure("chart", "nets artifact=lr-curve variant=norm seed=1").expect("it is there");
    assert_eq!(
        description(&figure),
        "Line chart of loss by learning rate, on a logarithmic scale. smoothed: from 2.30 at 0.00100 to 4 at 0.100, \
         lowest 1.20 at 0.0100, highest 4 at 0.100. Marked: suggested: 0.0100."
    );
    assert_eq!(
        figure,
        usual_figure("chart", "nets curve artifact=lr-curve variant=norm seed=1")
            .expect("it is there")
    );
}

#[test]
fn an_image_has_its_size_and_alternative_text() {
    let figure =
        usual_figure("figure", "nets artifact=worst variant=norm seed=2 caption='The \"worst\"'");
    expect![[r#"
        <div class="labpress-figure">
        <figure>
        <img class="labpress-image" src="/blog/figures/nets/worst-c750812c.png" width="320" height="200" alt="Image “worst” from the run of with norm with seed 2" loading="lazy">
        <figcaption>The &quot;worst&quot;<br><span class="labpress-note">From the run of with norm with seed 2.</span></figcaption>
        </figure>
        </div>"#]]
    .assert_eq(&figure.expect("it is there").embed.html);
}

#[test]
fn a_table_that_runs_wrote_shows_means() {
    let figure =
        usual_figure("table", "nets artifact=per-class variant=norm").expect("it is there");
    let html = figure.embed.html.replace('\u{a0}', " ");
    assert!(
        html.contains("<tr><th scope=\"row\">dog</th><td>0.750</td><td>100</td></tr>"),
        "{html}"
    );
}

#[test]
fn an_artifact_that_cannot_be_shown_is_an_error() {
    check_error(
        "figure",
        "nets artifact=wrost variant=plain",
        &expect![[r#"
            error: the run nets/plain seed 0 wrote no artifact `wrost`
             --> _posts/a.md:7:24
            hint: did you mean `worst`?"#]],
    );
    check_error(
        "figure",
        "nets artifact=large variant=plain",
        &expect![[r#"
            error: the artifact `large` of nets/plain seed 0 is not committed, so other machines could not show it
             --> _posts/a.md:7:24
            hint: it has 70000 bytes, and only up to 65536 are committed: let the run write less"#]],
    );
    check_error(
        "figure",
        "nets artifact=worst",
        &expect![[r#"
            error: `nets` has several variants
             --> _posts/a.md:7:10
            hint: name one with `variant=`: `plain`, `norm`"#]],
    );
    check_error(
        "figure",
        "nets artifact=lr-curve variant=plain",
        &expect![[r#"
            error: `experiments/nets/files/12345678-lr-curve` cannot be shown: it is of kind `curve`, not `image`
             --> _posts/a.md:7:10
            hint: `{% chart EXPERIMENT curve artifact="…" %}` shows curves"#]],
    );
    check_error(
        "chart",
        "nets artifact=broken variant=plain",
        &expect![[r#"
            error: `experiments/nets/files/12345678-broken` cannot be shown: invalid type: integer `1`, expected an axis with a `title`
             --> _posts/a.md:7:10"#]],
    );
}

/// All kinds of figures.
const ALL: [(&str, &str); 13] = [
    ("value", "nets.plain.accuracy"),
    ("value", "nets.plain.accuracy - nets.norm.loss format='0.0 ± 0.0'"),
    ("table", "nets"),
    ("table", "alone"),
    ("chart", "nets curves"),
    ("chart", "nets curves band=range y=train.loss"),
    ("chart", "nets compare"),
    ("chart", "alone compare metric=loss"),
    ("chart", "nets sweep x=params.epochs y=loss"),
    ("chart", "nets confusion variant=norm show=counts"),
    ("chart", "alone curve artifact=lr-curve"),
    ("figure", "alone artifact=worst alt=x"),
    ("table", "nets artifact=per-class variant=norm"),
];

/// Compares a figure, page and files, with `snapshots/NAME.html`.
#[track_caller]
fn check_snapshot(name: &str, figure: Result<Figure, Diagnostic>) {
    let figure = figure.unwrap_or_else(|error| panic!("{error}"));
    let mut shown = format!("{}\n", figure.embed.html.replace('\u{a0}', "␣"));
    for (path, bytes) in figure.files.iter().filter(|(path, _)| path.ends_with(".csv")) {
        shown.extend(["\n", path, "\n", &String::from_utf8_lossy(bytes)]);
    }
    expect_file![format!("snapshots/{name}.html")].assert_eq(&shown);
}

#[test]
fn figures_of_all_kinds() {
    for (tag, arguments) in ALL.into_iter().filter(|(tag, _)| *tag != "value") {
        let words = arguments.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        check_snapshot(&format!("{tag}-{}", words.join("-")), usual_figure(tag, arguments));
    }
    let log = "nets sweep x=params.lr y=accuracy scale=log";
    let map = "nets heatmap x=params.lr y=params.size metric=accuracy";
    check_snapshot("heatmap", heat(map));
    check_snapshot("log-sweep", swept(&format!("{log} title=T caption=C id=i")));
    for kind in ["compare", "curves", "sweep x=params.epochs y=accuracy variants=plain"] {
        let name = kind.split(' ').next().unwrap_or_default();
        let figure = diverged_figure("chart", &format!("nets {kind}"), &[1, 3]);
        check_snapshot(&format!("diverged-{name}"), figure);
    }
    check_snapshot("diverged-table", diverged_figure("table", "nets", &[1, 3]));
    let rest = "nets confusion variant=plain diverged=exclude";
    check_snapshot("diverged-confusion", diverged_figure("chart", rest, &[1, 3]));
}

/// Text of any characters, including pieces that would be markup if they were not escaped.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        1 => prop::sample::select(vec!["<script>", "\" onload=\"x", "' x='", "</title>", "&", "]]>", "-->", "\n\n", "%"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Makes sure that the HTML has only the elements and attributes of figures, and nothing that would
/// end it early.
fn check_markup(html: &str) -> Result<(), TestCaseError> {
    const ELEMENTS: &str = "a br caption circle data desc details div figcaption figure img p polygon polyline rect span \
                            strong summary svg table tbody td text th thead title tr";
    const ATTRIBUTES: &str = "alt aria-label class cx cy data-value display download fill fill-opacity font-family font-size height \
                              href id loading points r role scope src stroke stroke-dasharray stroke-opacity stroke-width \
                              tabindex text-anchor title transform value viewBox width x y";
    let is_of = |names: &str, name: &str| names.split_ascii_whitespace().any(|known| known == name);
    for token in crate::html::tokens(html) {
        match token {
            crate::html::Token::Text(text) => prop_assert!(!text.contains('<'), "{}", text),
            crate::html::Token::Tag(tag) => {
                prop_assert!(is_of(ELEMENTS, tag.name), "{}", tag.text);
                prop_assert!(
                    tag.attributes().all(|one| is_of(ATTRIBUTES, one.name)),
                    "{}",
                    tag.text
                );
            }
        }
    }
    let is_control = |c: char| c.is_control() && c != '\n';
    prop_assert!(!html.contains("\n\n") && !html.contains(is_control), "{:?}", html);
    Ok(())
}

#[test]
fn a_card_of_provenance_and_its_files_say_the_same() {
    let mut experiments = experiments(NETS);
    let text = "title: Dots </script>\nlicence: CC0\nhomepage: https://example.org/dots\ncitation: Dots (2020)\n\
                classes: [a, b]\nformat: {kind: idx, train: {images: i, labels: l}, test: {images: i, labels: l}}\n\
                files:\n  i: {sha256: 8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b}\nsources: []\n";
    let set = serde_yaml::from_str(text).expect("it is a data set");
    let nets = experiments.iter_mut().find(|one| one.name.as_str() == "nets").expect("it is there");
    nets.data = Some(ExperimentData { name: "dots".to_owned(), set, digest: Digest::of(b"dots") });
    let mut records = records(&experiments, usual);
    let is_of_nets = |record: &&Record| record.experiment.as_str() == "nets";
    let mut old = records.iter().find(is_of_nets).expect("it is there").clone();
    old.fingerprint = Fingerprint::from(BTreeMap::new());
    old.metrics.insert("accuracy".to_owned(), 0.125);
    records.push(old);
    let planned = plan(&experiments, &records);
    let results = Results::of(&experiments, &planned, &[]).with_replaced(&records);
    let place = Place::file("_posts/p.md");
    let shown =
        figure("provenance", "nets", &place, &results, surroundings("/blog")).expect("a card");
    let Figure { embed, files } = shown.figure;
    let html = embed.html;
    for fact in [
        "licence: CC0",
        "Dots &lt;/script&gt;",
        "1 earlier run",
        "<td>12.5\u{a0}%</td>",
        "<td>replaced</td>",
    ] {
        assert!(html.contains(fact), "{fact} in {html}");
    }
    for (path, _) in &files {
        assert!(html.contains(&format!("href=\"/blog/{path}\"")), "{path}");
    }
    let file = |name: &str| -> serde_json::Value {
        let (_, bytes) = files.iter().find(|(path, _)| path.ends_with(name)).expect("it is there");
        serde_json::from_slice(bytes).expect("JSON")
    };
    let (_, json_ld) = html.split_once("<script type=\"application/ld+json\">").expect("JSON-LD");
    let (json_ld, _) = json_ld.split_once("</script>").expect("its end");
    let json_ld: serde_json::Value = serde_json::from_str(json_ld).expect("JSON");
    assert_eq!(json_ld["isBasedOn"]["name"], "Dots </script>");
    assert_eq!(file("croissant.json")["distribution"][0]["@id"], "i");
    assert_eq!(
        file("records.json").as_array().expect("a list").len(),
        planned.iter().filter(|run| run.experiment.name.as_str() == "nets").count()
    );
    // Everything that the crate refers to is in it.
    let metadata = file("ro-crate-metadata.json");
    let graph = metadata["@graph"].as_array().expect("a list");
    let ids: Vec<&str> = graph.iter().filter_map(|entity| entity["@id"].as_str()).collect();
    for part in graph[1]["hasPart"]
        .as_array()
        .expect("a list")
        .iter()
        .chain(graph[1]["mentions"].as_array().expect("a list"))
    {
        assert!(ids.contains(&part["@id"].as_str().expect("a string")), "{part}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_arguments_make_a_figure_or_an_error(
        words in prop::collection::vec(
            "nets|alone|curves|compare|sweep|heatmap|confusion|curve|artifact=(worst|lr-curve)|variant=norm|x=params.epochs|scale=log|series='.{0,4}'|nets\\.plain\\.accuracy|[-+/]|y=|variants='|metric=loss|seed=[0-9]|format='.{0,5}'|\\PC{0,6}",
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
    fn strings_of_any_characters_are_escaped(texts in prop::collection::vec(any_text(), 8)) {
        let mut experiments = experiments(NETS);
        let nets = experiments.iter_mut().find(|one| one.name.as_str() == "nets").expect("it is there");
        nets.title.clone_from(&texts[0]);
        nets.variants[0].title.clone_from(&texts[1]);
        nets.metrics.get_mut("accuracy").expect("it is there").unit = Some(texts[2].clone());
        let metric = nets.metrics["accuracy"].clone();
        nets.metrics.insert(texts[3].clone(), metric);
        let mut records = records(&experiments, usual);
        for record in &mut records {
            record.metrics.insert(texts[3].clone(), 0.5);
            record.series.insert(format!("valid.{}", texts[4]), vec![(1, 0.25), (2, 0.5)]);
            record.environment.insert(texts[5].clone(), texts[6].clone());
            record.environment.insert("device".to_owned(), texts[6].clone());
        }
        records[0].diverged = Some(Diverged { metric: texts[4].clone(), step: Some(1), value: None });
        let quoted = texts[7].replace('"', "");
        let options = format!("caption=\"{quoted}\" id=\"{quoted}\"");
        for (tag, arguments) in [
            ("value", "nets.plain.accuracy diverged=exclude".to_owned()),
            ("value", format!("nets.norm.{}", texts[3])),
            ("table", format!("nets {options}")),
            ("chart", format!("nets compare title=\"{quoted}\" {options}")),
            ("chart", format!("nets compare metric=\"{}\"", texts[3])),
            ("chart", "nets curves".to_owned()),
            ("chart", format!("nets curves y=\"valid.{}\"", texts[4])),
            ("chart", format!("nets sweep x=params.epochs y=accuracy variants=norm {options}")),
            ("chart", format!("nets confusion variant=norm {options}")),
            ("chart", format!("nets artifact=lr-curve variant=norm {options}")),
            ("figure", format!("nets artifact=worst variant=norm alt=\"{quoted}\" {options}")),
        ] {
            if let Ok(figure) = made(tag, &arguments, &records, &experiments) {
                check_markup(&figure.embed.html)?;
                prop_assert!(figure.files.iter().all(|(path, _)| path.starts_with("figures/nets/")));
            }
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
                // Numbers of different units, and sums that are too large for a double.
                Err(error) => prop_assert_eq!(tag, "value", "{}", error),
            }
        }
    }
}

#[test]
fn a_value_is_computed_from_several_numbers() {
    check_values(
        &[
            "(nets.norm.accuracy - nets.plain.accuracy) / 2 by=seed",
            "1 - nets.plain.accuracy",
            "-nets.plain.loss",
            "nets.plain.parameters / 1000",
            "max(nets.plain.accuracy, nets.norm.accuracy)",
            "mean(nets.plain.accuracy, nets.norm.accuracy)",
            "abs(nets.plain.loss - nets.norm.loss)",
            "log10(nets.plain.parameters)",
            "nets.plain.seconds * 2 + 1 min",
            "nets.plain.accuracy[seed=0] - nets.norm.accuracy[seed=0]",
        ],
        &expect![[r#"
            (nets.norm.accuracy - nets.plain.accuracy) / 2 by=seed: +5.0 pp
            1 - nets.plain.accuracy: 21.8 ± 0.5 %
            -nets.plain.loss: −0.218 ± 0.005
            nets.plain.parameters / 1000: 102
            max(nets.plain.accuracy, nets.norm.accuracy): 88.2 %
            mean(nets.plain.accuracy, nets.norm.accuracy): 83.20 ± 0.23 %
            abs(nets.plain.loss - nets.norm.loss): 0.100 ± 0.005
            log10(nets.plain.parameters): 5.01
            nets.plain.seconds * 2 + 1 min: 102 ± 5 s
            nets.plain.accuracy[seed=0] - nets.norm.accuracy[seed=0]: −10.0 pp (1 run each)
        "#]],
    );
}

#[test]
fn a_value_of_an_epoch() {
    check_value("nets.plain.valid.accuracy[epoch=1]", "72.2 ± 0.5 %");
    check_value("nets.plain.valid.accuracy[epoch=last]", "76.2 ± 0.5 %");
    check_value("nets.plain.valid.accuracy[epoch=min]", "72.2 ± 0.5 %");
    check_value("nets.plain.valid.accuracy[epoch=mean]", "74.2 ± 0.5 %");
    check_value("nets.plain.train.loss[epoch=best:valid.accuracy]", "0.762 ± 0.005");
    check_value("nets.plain.valid.accuracy[seed=1, epoch=2]", "74.2 % (1 run)");
}

/// What a claim of the usual results says: its verdict and the evidence, or the error.
fn checked(claim: &str, seeds: &str, number: impl Fn(usize, u64, u64) -> f64) -> String {
    let experiments = experiments(&NETS.replace("seeds: 3", &format!("seeds: {seeds}")));
    let records = records(&experiments, number);
    let planned = plan(&experiments, &records);
    let results = Results::of(&experiments, &planned, &[]);
    let place = Place::new("_posts/a.md", Position { line: 7, column: 10 });
    let arguments = Arguments::parse(claim, &place).expect("it can be read");
    let text = match claim::check(&arguments, &results) {
        Ok(checked) => format!("{}: {}", checked.verdict.word(), checked.evidence),
        Err(Undrawn::Invalid(error)) => error.to_string(),
        Err(_) => "not recorded".to_owned(),
    };
    text.replace('\u{a0}', " ")
}

#[track_caller]
fn check_claims(claims: &[&str], expected: &Expect) {
    let lines = claims.iter().map(|claim| format!("{claim}: {}\n", checked(claim, "3", usual)));
    expected.assert_eq(&lines.collect::<String>());
}

#[track_caller]
fn check_values(values: &[&str], expected: &Expect) {
    let shown = |arguments: &&str| match usual_figure("value", arguments) {
        Ok(figure) => format!("{arguments}: {}\n", figure.embed.text.replace('\u{a0}', " ")),
        Err(error) => format!("{arguments}: {error}\n"),
    };
    expected.assert_eq(&values.iter().map(shown).collect::<String>());
}

#[test]
fn claims_are_decided_by_the_interval_of_the_difference() {
    check_claims(
        &[
            "nets.norm.accuracy > nets.plain.accuracy",
            "nets.norm.accuracy < nets.plain.accuracy",
            "nets.norm.accuracy > 88 %",
            "nets.norm.accuracy > 88.2 %",
            "nets.norm.accuracy - nets.plain.accuracy > 5 pp",
            "nets.norm.accuracy =~ nets.plain.accuracy within 20 pp",
            "nets.norm.accuracy =~ nets.plain.accuracy within 1 pp",
            "nets.plain.accuracy >=~ nets.norm.accuracy within 11 pp",
            "nets.plain.accuracy != nets.norm.accuracy",
            "nets.plain.seconds < 0.5 min",
        ],
        &expect![[r#"
            nets.norm.accuracy > nets.plain.accuracy: holds: the difference is +10.0 ± 0.5 pp (Welch's t-test, n = 3, p < 0.001)
            nets.norm.accuracy < nets.plain.accuracy: fails: the difference is +10.0 ± 0.5 pp (Welch's t-test, n = 3, p < 0.001)
            nets.norm.accuracy > 88 %: undecided: it is 88.2 ± 0.5 % (n = 3), so it may be above or below
            nets.norm.accuracy > 88.2 %: undecided: it is 88.2 ± 0.5 % (n = 3), so it may be above or below
            nets.norm.accuracy - nets.plain.accuracy > 5 pp: holds: it is +10.0 ± 0.5 pp (from independent runs, n = 3)
            nets.norm.accuracy =~ nets.plain.accuracy within 20 pp: holds: the difference is +10.0 ± 0.5 pp (Welch's t-test, n = 3, p < 0.001)
            nets.norm.accuracy =~ nets.plain.accuracy within 1 pp: fails: the difference is +10.0 ± 0.5 pp (Welch's t-test, n = 3, p < 0.001)
            nets.plain.accuracy >=~ nets.norm.accuracy within 11 pp: holds: the difference is −10.0 ± 0.5 pp (Welch's t-test, n = 3, p < 0.001)
            nets.plain.accuracy != nets.norm.accuracy: holds: the difference is −10.0 ± 0.5 pp (Welch's t-test, n = 3, p < 0.001)
            nets.plain.seconds < 0.5 min: holds: it is 21.0 ± 2.5 s (n = 3)
        "#]],
    );
}

#[test]
fn counts_are_compared_as_they_are() {
    check_claims(
        &[
            "nets.plain.parameters == nets.norm.parameters",
            "nets.plain.parameters > 100000",
            "nets.plain.parameters > nets.norm.parameters",
        ],
        &expect![[r#"
            nets.plain.parameters == nets.norm.parameters: holds: the difference is 0, the same in all runs
            nets.plain.parameters > 100000: holds: it is 101,770, the same in all runs
            nets.plain.parameters > nets.norm.parameters: fails: the difference is 0, the same in all runs
        "#]],
    );
}

#[test]
fn claims_join_with_the_logic_of_three_values() {
    let (holds, fails) =
        ("nets.norm.accuracy > nets.plain.accuracy", "nets.norm.accuracy < nets.plain.accuracy");
    let open = "nets.norm.accuracy > 88.2 %";
    let verdict =
        |claim: &str| checked(claim, "3", usual).split(':').next().unwrap_or_default().to_owned();
    for (claim, expected) in [
        (format!("{holds} and {holds}"), "holds"),
        (format!("{holds} and {open}"), "undecided"),
        (format!("{fails} and {open}"), "fails"),
        (format!("{holds} or {open}"), "holds"),
        (format!("{fails} or {open}"), "undecided"),
        (format!("{fails} or {fails}"), "fails"),
        (format!("not {fails}"), "holds"),
        (format!("not {open}"), "undecided"),
        (format!("undecided {open}"), "holds"),
        (format!("undecided {holds}"), "fails"),
        (format!("not undecided {fails}"), "holds"),
        (format!("not ({holds} and {fails}) and {holds}"), "holds"),
    ] {
        assert_eq!(verdict(&claim), expected, "{claim}");
    }
}

#[test]
fn a_claim_in_all_seeds_is_about_each_of_them() {
    check_claims(
        &[
            "nets.norm.accuracy > nets.plain.accuracy in all seeds",
            "nets.norm.accuracy > 88.3 % in all seeds",
        ],
        &expect![[r#"
            nets.norm.accuracy > nets.plain.accuracy in all seeds: holds: so it is in all 3 seeds
            nets.norm.accuracy > 88.3 % in all seeds: fails: so it is not in seeds 0, 1 of 3
        "#]],
    );
}

#[test]
fn few_seeds_and_equal_numbers_decide_nothing() {
    let claim = "nets.norm.accuracy > nets.plain.accuracy";
    let of = |seeds: &str, number: &dyn Fn(usize, u64, u64) -> f64| checked(claim, seeds, number);
    let all = [
        of("1", &usual),
        of("2", &usual),
        of("5", &|_, _, _| 0.75),
        of("5", &|variant, _, _| 0.75 + 0.1 * variant as f64),
        of("5", &|_, seed, _| 0.7 + 0.01 * seed as f64),
    ];
    expect![[r#"
        undecided: the difference is +10.0 pp (no test, n = 1): fewer than three runs say nothing about their spread
        undecided: the difference is +10.0 pp (no test, n = 2): fewer than three runs say nothing about their spread
        undecided: the difference is 0.0 pp (no test, n = 5, p = 1.00): both are the same
        undecided: the difference is +10.0 pp (no test, n = 5): all seeds gave the same, so there is no spread to judge by
        undecided: the difference is 0.0 ± 2.3 pp (Welch's t-test, n = 5, p = 1.00), which may be chance"#]].assert_eq(&all.join("\n"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one snapshot of all messages")]
fn invalid_expressions_say_what_is_wrong() {
    let all = [
        "nets.plain.accuracy",
        "nets.plain.accuracy > nets.plain.loss",
        "nets.plain.accuracy > 75",
        "nets.plain.accuracy =~ nets.norm.accuracy",
        "nets.plain.accuracy > nets.norm.accuracy within 1 pp",
        "nets.plain.accuracy == nets.norm.accuracy",
        "nets.plain.accuracy > ",
        "(nets.plain.accuracy > 1 %",
        "nets.plain.accuracy and nets.norm.accuracy > 1 %",
        "avg(nets.plain.accuracy) > 1 %",
        "abs(nets.plain.accuracy, nets.norm.accuracy) > 1 %",
        "nets.plain.accuracy[epoch=best:accuracy] > 1 %",
        "nets.plain.accuracy[epoch=2] > 1 %",
        "nets.plain.accuracy[seed=9] > 1 %",
        "nets.plain.accuracy[step=9] > 1 %",
        "nets.plain.accuracy[seed=0 > 1 %",
        "nets.plain.accuracy * nets.norm.accuracy > 1 %",
        "nets.plain.seconds > 2 kg",
        "2 > 1",
        "nets.plain.accuracy =~ nets.norm.accuracy within 0 pp",
        "nets.plain.accuracy > > 1 %",
        "nets.plain.accuracy ) > 1 %",
    ];
    let text = all.map(|claim| format!("{claim}\n{}\n", checked(claim, "3", usual)));
    expect![[r#"
        nets.plain.accuracy
        error: a claim compares numbers
         --> _posts/a.md:7:10
        hint: write `A > B`; the signs are `>=~`, `<=~`, `>=`, `<=`, `=~`, `==`, `!=`, `>`, `<`

        nets.plain.accuracy > nets.plain.loss
        error: cannot combine numbers of different units: `%` and no unit
         --> _posts/a.md:7:10

        nets.plain.accuracy > 75
        error: 75 is compared with a share of 1
         --> _posts/a.md:7:10
        hint: write `75 %` or `75 pp`

        nets.plain.accuracy =~ nets.norm.accuracy
        error: `=~` needs a margin
         --> _posts/a.md:7:30
        hint: write what still counts as the same: `A =~ B within 1 pp`

        nets.plain.accuracy > nets.norm.accuracy within 1 pp
        error: `>` has no margin
         --> _posts/a.md:7:30
        hint: `within` belongs to `=~`, `>=~` and `<=~`

        nets.plain.accuracy == nets.norm.accuracy
        error: measured numbers are never exactly equal
         --> _posts/a.md:7:10
        hint: write what counts as equal: `A =~ B within 1 pp`

        nets.plain.accuracy > 
        error: no number follows `>`
         --> _posts/a.md:7:30
        hint: write `A`, `A - B`, `A + B` or `A / B` with white space around the sign

        (nets.plain.accuracy > 1 %
        error: this parenthesis is not closed
         --> _posts/a.md:7:10

        nets.plain.accuracy and nets.norm.accuracy > 1 %
        error: `and`, `or` and `not` join comparisons, not numbers
         --> _posts/a.md:7:10

        avg(nets.plain.accuracy) > 1 %
        error: unknown function `avg`
         --> _posts/a.md:7:10
        hint: expected one of `abs`, `log10`, `max`, `mean`, `min`, `sqrt`

        abs(nets.plain.accuracy, nets.norm.accuracy) > 1 %
        error: `abs` takes one number, not 2
         --> _posts/a.md:7:10

        nets.plain.accuracy[epoch=best:accuracy] > 1 %
        error: `accuracy` is not a number of validation
         --> _posts/a.md:7:36
        hint: choose an epoch by what was measured on validation data, such as `valid.accuracy`: choosing it by a result makes the result look better

        nets.plain.accuracy[epoch=2] > 1 %
        error: no run of `nets.plain` recorded `accuracy` by epoch
         --> _posts/a.md:7:21

        nets.plain.accuracy[seed=9] > 1 %
        error: unknown seed `9` of `nets`
         --> _posts/a.md:7:35
        hint: did you mean `0`? expected one of `0`, `1`, `2`

        nets.plain.accuracy[step=9] > 1 %
        error: unknown selector `step`
         --> _posts/a.md:7:30
        hint: did you mean `seed`? expected one of `epoch`, `seed`

        nets.plain.accuracy[seed=0 > 1 %
        error: this bracket is not closed
         --> _posts/a.md:7:29
        hint: write `A.B.C[seed=0]`

        nets.plain.accuracy * nets.norm.accuracy > 1 %
        error: cannot multiply numbers of different units: `%` and `%`
         --> _posts/a.md:7:10

        nets.plain.seconds > 2 kg
        error: cannot combine numbers of different units: `s` and `kg`
         --> _posts/a.md:7:10

        2 > 1
        error: `2 > 1` names no result
         --> _posts/a.md:7:10

        nets.plain.accuracy =~ nets.norm.accuracy within 0 pp
        error: a margin is a number above zero, such as `1 pp`
         --> _posts/a.md:7:10

        nets.plain.accuracy > > 1 %
        error: expected a number, not `>`
         --> _posts/a.md:7:32

        nets.plain.accuracy ) > 1 %
        error: unexpected argument `)`
         --> _posts/a.md:7:30
    "#]].assert_eq(&text.join("\n"));
}

#[test]
fn deep_parentheses_are_an_error() {
    let deep = format!("{}nets.plain.accuracy > 1 %", "(".repeat(100_000));
    assert!(checked(&deep, "3", usual).contains("nest deeper"));
}

proptest! {
    #[test]
    fn no_expression_panics(text in r"[a-z0-9.()<>=~!+*/%\[\], -]{0,40}") {
        checked(&text, "3", usual);
        let _ = usual_figure("value", &text);
    }

    #[test]
    fn no_expression_of_tokens_panics(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "nets.plain.accuracy", "nets.norm.loss", "1", "2 pp", "5 %", "+", "-", "*", "/", "(",
                ")", ">", "=~", "within", "and", "or", "not", "in all seeds", "min(", ",", "abs(",
                "[epoch=1]", "[seed=0]",
            ]),
            0..12,
        ),
    ) {
        checked(&tokens.join(" "), "3", usual);
        let _ = usual_figure("value", &tokens.join(" "));
    }
}

#[test]
fn an_experiment_is_renamed_in_claims_in_front_matter_and_in_tags() {
    let text = "---\ntitle: nets.a\nclaims:\n- nets.plain.accuracy > my-nets.x.y\n- {claim: 2 < nets.norm.loss}\n\
                tags: [nets.x]\n---\n{% claim (nets.a.b - nets.c.d) > 1 %}nets.a{% endclaim %}\n\
                claims: nets.a.b\n";
    let renamed = with_experiment_renamed(text, "nets", "webs");
    expect![[r#"
        ---
        title: nets.a
        claims:
        - webs.plain.accuracy > my-nets.x.y
        - {claim: 2 < webs.norm.loss}
        tags: [nets.x]
        ---
        {% claim (webs.a.b - webs.c.d) > 1 %}nets.a{% endclaim %}
        claims: nets.a.b
    "#]]
    .assert_eq(&renamed);
}
