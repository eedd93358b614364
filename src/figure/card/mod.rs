//! `{% provenance EXPERIMENT %}`: a card that says where the results of an experiment come from.
//!
//! The card states facts and judges nothing: what was asked, on which data, with which parameters and
//! seeds, on which machines, and what became of each run. Beside it are the same facts for programs:
//! an RO-Crate with the records, Croissant for the data set, a model card's evaluation results
//! (`crate_files`), and JSON-LD in the page.

mod crate_files;
pub(super) mod lineage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use self::crate_files::CrateFiles;
use super::arguments::Arguments;
use super::html::{Cell, Table, escaped};
use super::number::{self, Unit};
use super::parameters::{differing, parameters};
use super::provenance::{made_on, runs};
use super::request::Request;
use super::{Figure, Surroundings, Undrawn, in_words, request_of_one, seed_count};
use crate::experiment::environment::Environment;
use crate::experiment::record::Record;
use crate::experiment::results::{Results, VariantResults};
use crate::experiment::spec::ExperimentData;
use crate::experiment::verification::{self, Verification};
use crate::stats::Estimate;
use kramdown::embed::Embed;

/// How many metrics the ledger shows.
const MOST_METRICS: usize = 3;

/// Makes the figure of the tag `provenance`.
pub(super) fn card(
    arguments: &Arguments<'_>,
    results: &Results<'_>,
    surroundings: Surroundings<'_>,
) -> Result<Figure, Undrawn> {
    arguments.allow_options(&["id"])?;
    let usage = "write `{% provenance EXPERIMENT %}`";
    let request = request_of_one(arguments, results, "a card of provenance", usage)?;
    let card = Card { request, surroundings };
    let files = CrateFiles::of(&card);
    let title = &request.of.experiment.title;
    let id = request.option("id").map_or(String::new(), |id| format!(" id=\"{}\"", escaped(id)));
    let variants = "Variants, and the parameters that differ";
    let ledger = card.ledger();
    let runs = ledger.rows.len();
    // Feeds and the search leave out what has this class, and so JSON-LD, too.
    let html = [
        format!("<details class=\"labpress-numbers labpress-card\"{id}>"),
        format!("<summary>Provenance: {}</summary>", escaped(title)),
        card.facts(),
        lineage::figure(&request),
        card.variants().html(variants, Some(variants), false),
        format!("<details>\n<summary>All recorded runs ({runs})</summary>"),
        ledger.html("All recorded runs", None, false),
        "</details>".to_owned(),
        card.downloads(&files),
        card.citation(),
        format!("<script type=\"application/ld+json\">{}</script>", files.json_ld()),
        "</details>".to_owned(),
    ];
    let html = html.join("\n");
    let text = format!("Provenance: {title}");
    Ok(Figure { embed: Embed { html, text, block: true }, files: files.into_files() })
}

/// What a card is made from.
struct Card<'r> {
    request: Request<'r>,
    surroundings: Surroundings<'r>,
}

impl<'r> Card<'r> {
    fn name(&self) -> &'r str {
        self.request.of.experiment.name.as_str()
    }

    /// The records that figures show.
    fn records(&self) -> impl Iterator<Item = &'r Record> {
        self.request.of.variants.iter().flat_map(|of| of.records.iter().copied())
    }

    /// When the newest run ended: `2026-11-23`.
    fn day(&self) -> String {
        let newest = self.records().map(|record| record.finished).max();
        newest.map_or(String::new(), |newest| newest.strftime("%Y-%m-%d").to_string())
    }

    /// The facts about the experiment as a whole.
    fn facts(&self) -> String {
        let experiment = self.request.of.experiment;
        let runs = self.records().count();
        let mut facts: Vec<(&str, String)> = Vec::new();
        if let Some(question) = &experiment.question {
            facts.push(("Question", escaped(question)));
        }
        facts.push((
            "Data",
            experiment.data.as_ref().map_or("none".to_owned(), |data| self.data(data)),
        ));
        let selection = experiment.selection.as_deref().map(self.surroundings.markdown);
        facts.push(("Selection", selection.unwrap_or_else(|| "not stated".to_owned())));
        let seeds = experiment.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let counts = seed_count(self.request.of.variants.iter().map(|of| of.records.len()));
        facts.push(("Seeds", format!("{seeds}; {counts} for each variant")));
        facts.push(("Environment", self.environment()));
        facts.push(("Compute time", self.compute_time()));
        facts.extend(self.states(runs).into_iter().map(|(name, fact)| (name, escaped(&fact))));
        facts.push(("Reproduce", self.commands()));
        let mut html = String::from("<dl>\n");
        for (name, fact) in facts {
            // Writing to a `String` cannot fail.
            let _ = writeln!(html, "<dt>{name}</dt><dd>{fact}</dd>");
        }
        html + "</dl>"
    }

    /// The data set: source, licence, digest and split.
    fn data(&self, data: &ExperimentData) -> String {
        let set = &data.set;
        let digest = data.digest.to_string();
        let split = self.split();
        format!(
            "<a href=\"{}\">{}</a>; licence: {}; digest <code title=\"{digest}\">{}</code>; split: {}",
            escaped(&set.homepage),
            escaped(&set.title),
            escaped(&set.licence),
            data.digest.short(),
            escaped(&split)
        )
    }

    /// How the data was split, as the parameters of the variants say.
    fn split(&self) -> String {
        let of_variant = |of: &VariantResults<'_>| {
            let given = |key: &str| {
                let value = of.variant.params.get(key).filter(|value| !value.is_null())?;
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Some(if key == "split" { text } else { format!("{text} {}", in_words(key)) })
            };
            ["split", "train-images", "valid-images", "test-images"]
                .into_iter()
                .filter_map(given)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let splits: BTreeSet<String> = self.request.of.variants.iter().map(of_variant).collect();
        let splits: Vec<String> = splits.into_iter().filter(|split| !split.is_empty()).collect();
        if splits.is_empty() { "as the data set has it".to_owned() } else { splits.join("; or ") }
    }

    fn environment(&self) -> String {
        let environments: Vec<&Environment> =
            self.records().map(|record| &record.environment).collect();
        let first = environments.first();
        let version = first.and_then(|first| first.get("labpress"));
        let version = version.map_or(String::new(), |version| format!("; labpress {version}"));
        made_on(&environments).map_or("not recorded".to_owned(), |made| escaped(&(made + &version)))
    }

    fn compute_time(&self) -> String {
        let times: Vec<f64> =
            self.records().filter_map(|record| record.timing.get("seconds").copied()).collect();
        if times.is_empty() {
            return "not recorded".to_owned();
        }
        let total: f64 = times.iter().sum();
        format!("{} in {} runs", duration(total), times.len())
    }

    /// What is known of the results, each fact apart: one says nothing about the other.
    fn states(&self, runs: usize) -> Vec<(&'static str, String)> {
        let of = self.request.of;
        let version = match of.pin {
            Some(pin) => format!("pinned to {pin}: this page keeps showing these results"),
            None => format!("current: all {runs} runs are of the present experiment"),
        };
        let shown: Vec<Vec<&Verification>> =
            self::runs(&of.variants).map(|run| run.verifications().to_vec()).collect();
        let phrases = verification::phrases(&shown);
        let verified =
            if phrases.is_empty() { "no run was re-run".to_owned() } else { phrases.join("; ") };
        let diverged = self.records().filter(|record| record.diverged.is_some()).count();
        let diverged = match diverged {
            0 => "none".to_owned(),
            count => format!("{count} of {runs} runs; their numbers are not results"),
        };
        let replaced = match of.replaced.len() {
            0 => "none recorded".to_owned(),
            1 => "1 earlier run, in the list of all runs".to_owned(),
            count => format!("{count} earlier runs, in the list of all runs"),
        };
        vec![
            ("Version", version),
            ("Verified", verified),
            ("Diverged", diverged),
            ("Replaced", replaced),
        ]
    }

    fn commands(&self) -> String {
        let name = self.name();
        format!(
            "<code>labpress run {name}</code>; to check what is recorded: <code>labpress verify \
             {name}</code>; what changed: <code>git log -- experiments/{name}</code>"
        )
    }

    /// The variants and the parameters that differ.
    fn variants(&self) -> Table {
        let of = self.request.of;
        let all: Vec<_> = of.variants.iter().map(parameters).collect();
        let names = differing(&all);
        let heads = ["variant", "n"].into_iter().map(str::to_owned).chain(names.iter().cloned());
        let row = |(of, parameters): (&VariantResults<'_>, &BTreeMap<String, String>)| {
            let of_name = |name: &String| {
                parameters.get(name).map_or_else(Cell::none, |value| Cell::from(value.clone()))
            };
            let head = [of.variant.title.clone(), of.records.len().to_string()];
            head.into_iter().map(Cell::from).chain(names.iter().map(of_name)).collect()
        };
        let rows = of.variants.iter().zip(&all).map(row).collect();
        Table { heads: heads.collect(), rows }
    }

    /// All runs that are recorded, also those that figures do not show.
    fn ledger(&self) -> Table {
        let of = self.request.of;
        let metrics = self.metrics();
        let heads = ["run", "state"].into_iter().map(str::to_owned);
        let heads = heads.chain(metrics.iter().map(|name| in_words(name)));
        let heads = heads.chain(["time", "ended", "record"].map(str::to_owned));
        let shown = self::runs(&of.variants).map(|run| {
            let is_verified = run.verifications().iter().any(|one| one.outcome.is_good());
            let state = match &run.record.diverged {
                Some(_) => "diverged",
                None if is_verified => "shown, verified",
                None => "shown",
            };
            self.ledger_row(run.record, state, &metrics)
        });
        let replaced = of.replaced.iter().map(|record| {
            let state = if record.diverged.is_some() { "replaced, diverged" } else { "replaced" };
            self.ledger_row(record, state, &metrics)
        });
        Table { heads: heads.collect(), rows: shown.chain(replaced).collect() }
    }

    fn ledger_row(&self, record: &Record, state: &str, metrics: &[&str]) -> Vec<Cell> {
        let metric = |name: &&str| {
            let unit: Unit = self.request.unit(name);
            let shown = |value| number::with_unit(Estimate { value, half_width: None }, &unit);
            record.number(name).map_or_else(Cell::none, |value| Cell::from(shown(value)))
        };
        let time = record.timing.get("seconds").map(|seconds| duration(*seconds));
        let label = format!("{}, seed {}", record.variant, record.seed);
        let start = [label, state.to_owned()].into_iter().map(Cell::from);
        let end = [
            time.map_or_else(Cell::none, Cell::from),
            Cell::from(record.finished.strftime("%Y-%m-%d").to_string()),
            Cell::from(record.digest().short()),
        ];
        start.chain(metrics.iter().map(metric)).chain(end).collect()
    }

    /// The metrics that have a goal, the first few.
    fn metrics(&self) -> Vec<&'r str> {
        let metrics = self.request.of.experiment.metrics.iter();
        let has_goal = metrics.filter(|(_, metric)| metric.goal.is_some());
        let names = has_goal.map(|(name, _)| name.as_str());
        names.filter(|name| self.request.is_result(name)).take(MOST_METRICS).collect()
    }

    fn downloads(&self, files: &CrateFiles) -> String {
        let base = self.surroundings.base_url.trim_end_matches('/');
        let link = |(path, what): (String, &str)| {
            format!(
                "<li><a href=\"{}\" download>{what}</a></li>",
                escaped(&format!("{base}/{path}"))
            )
        };
        let links: String = files.listed().into_iter().map(link).collect();
        format!("<p>Downloads:</p>\n<ul>{links}</ul>")
    }

    /// BibTeX of the results.
    fn citation(&self) -> String {
        let Surroundings { author, site_url, .. } = self.surroundings;
        let plain = |text: &str| text.replace(['{', '}', '\\'], "");
        let day = self.day();
        let digests: String = self.records().map(|record| record.digest().to_string()).collect();
        let bibtex = format!(
            "@misc{{{name},\n  title = {{{{{title}}}}},\n  author = {{{author}}},\n  year = {{{year}}},\n  \
             url = {{{site_url}}},\n  note = {{{runs} runs, results {digest}}}\n}}",
            name = self.name(),
            title = plain(&self.request.of.experiment.title),
            author = plain(author),
            year = day.get(..4).unwrap_or_default(),
            runs = self.records().count(),
            digest = crate::digest::Digest::of(digests.as_bytes()).short(),
        );
        // Line ends stay: they are what BibTeX looks like.
        let lines: Vec<String> = bibtex.lines().map(escaped).collect();
        format!(
            "<p>Cite these results:</p>\n<pre tabindex=\"0\"><code>{}</code></pre>",
            lines.join("\n")
        )
    }
}

/// A time for readers: `41 s`, `3 min 20 s`, `2 h 14 min`.
fn duration(seconds: f64) -> String {
    // Below a minute, tenths tell runs apart.
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round();
    let (hours, minutes, rest) = ((whole / 3600.0).floor(), (whole / 60.0).floor(), whole % 60.0);
    if hours >= 1.0 {
        return format!("{hours} h {} min", (whole % 3600.0 / 60.0).floor());
    }
    format!("{minutes} min {rest} s")
}
