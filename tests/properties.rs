//! What holds for all inputs.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and makes its own files"
)]

use std::collections::BTreeMap;

use labpress::config;
use labpress::diagnostic::Diagnostic;
use labpress::experiment::fingerprint::Fingerprint;
use labpress::experiment::plan::{RunState, plan};
use labpress::experiment::record::{FORMAT, Record};
use labpress::experiment::spec::{self, Experiment};
use labpress::inputs::{self, Inputs};
use labpress::output::Output;
use labpress::post::Shown;
use labpress::roles::Roles;
use labpress::site::Site;
use proptest::prelude::*;

const LAYOUT: &str = "<title>{{ page.title }}</title>{{ content | safe }}";
const EXPERIMENT: &str = "title: Nets\nrecipe: image-classification\ndata: digits\nseeds: [0, 1]\n\
    params: {epochs: EPOCHS, batch-size: BATCH, optimizer: {kind: sgd, lr: RATE}}\n\
    variants: {small: {model: {kind: mlp, hidden: [8]}}, large: {model: {kind: mlp, hidden: [64]}}}\n";

fn experiment(epochs: u32, batch: u32, rate: f64) -> String {
    let text =
        EXPERIMENT.replace("EPOCHS", &epochs.to_string()).replace("BATCH", &batch.to_string());
    text.replace("RATE", &rate.to_string())
}

fn site_with(body: &str, experiment: &str) -> Inputs {
    Inputs::default()
        .with("_layouts/post.html", LAYOUT)
        .with("_posts/2026-01-02-a.md", format!("---\nlayout: post\n---\n{body}"))
        .with("experiments/nets/experiment.yml", experiment)
}

fn experiments(inputs: &Inputs) -> Vec<Experiment> {
    let (experiments, errors) = spec::parse_all(inputs, &|_| None);
    assert_eq!(errors, []);
    experiments
}

/// A record of every run, with numbers that depend on variant and seed.
fn records(experiments: &[Experiment]) -> Vec<Record> {
    let planned = plan(experiments, &[]);
    let record = |(number, run): (usize, &labpress::experiment::plan::PlannedRun<'_>)| Record {
        format: FORMAT,
        experiment: run.experiment.name.clone(),
        variant: run.variant.name.clone(),
        seed: run.seed,
        fingerprint: run.fingerprint.clone(),
        given: BTreeMap::new(),
        environment: BTreeMap::new(),
        finished: "2026-11-23T14:05:00Z".parse().unwrap(),
        metrics: BTreeMap::from([("accuracy".to_owned(), 0.8 + number as f64 / 100.0)]),
        timing: BTreeMap::new(),
        series: BTreeMap::from([("valid.accuracy".to_owned(), vec![(1, 0.5), (2, 0.75)])]),
        artifacts: Vec::new(),
        diverged: None,
        imported: None,
    };
    planned.iter().enumerate().map(record).collect()
}

fn built(inputs: &Inputs, records: &[Record]) -> Result<Output, Vec<Diagnostic>> {
    let site = site(inputs.clone());
    Site { records: records.to_vec(), ..site }.render(&shown()).into_output()
}

fn site(inputs: Inputs) -> Site {
    Site::parse(config::read(inputs.text(config::PATH)), inputs, &|_| None)
}

fn shown() -> Shown {
    Shown::at("2026-06-01T00:00:00Z".parse().unwrap())
}

fn fingerprint(inputs: &Inputs) -> Fingerprint {
    let experiments = experiments(inputs);
    Fingerprint::of(&experiments[0], &experiments[0].variants[0], 0)
}

/// One line of any characters that YAML takes between single quotes.
fn line() -> impl Strategy<Value = String> {
    "\\PC{0,12}|[a-z]{0,3}\\PC[a-z]{0,3}"
}

/// A name that a file can have: any characters but a slash.
fn file_name() -> impl Strategy<Value = String> {
    line().prop_map(|line| line.replace(['/', '\0'], "")).prop_filter("not a folder", |name| {
        !name.is_empty() && name.len() < 80 && name != "." && name != ".."
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Every text of a site that an author chooses.
#[derive(Debug, Clone)]
struct Names {
    files: [String; 4],
    title: String,
    tags: Vec<String>,
    categories: Vec<String>,
    key: String,
    date: String,
    permalink: String,
    permalink_of_site: String,
    metric: String,
}

fn names() -> impl Strategy<Value = Names> {
    let permalink =
        || (line(), line()).prop_map(|(before, after)| format!("/{before}/:title{after}"));
    (
        [file_name(), file_name(), file_name(), file_name()],
        (line(), proptest::collection::vec(line(), 0..3), proptest::collection::vec(line(), 0..3)),
        (line(), line(), prop_oneof![line(), permalink()], permalink(), line()),
    )
        .prop_map(
            |(
                files,
                (title, tags, categories),
                (key, date, permalink, permalink_of_site, metric),
            )| Names {
                files,
                title,
                tags,
                categories,
                key,
                date,
                permalink,
                permalink_of_site,
                metric,
            },
        )
}

/// A page in Liquid or Tera that works on every name.
const LIQUID: &str = "{{ page.title | upcase | slugify | truncate: 3 }}{{ page.tags | join: '-' | slice: 1, 2 }}\
    {{ page.url | relative_url }}{{ page.title | date: '%Y' }}{{ page.title | markdownify | strip_html }}\
    {{ page.title | split: '' | first | url_encode }}{% seo %}";
const TERA: &str = "{{ page.title | slugify | urlencode }}{% for tag in page.tags | default(value=[]) %}{{ tag | upper }}\
    {% endfor %}{{ page.url | relative_url }}{{ page.title | markdownify | striptags }}";

/// Writes a site of these names, and reads it as a build does.
fn named_site(names: &Names, is_liquid: bool, dialect: &str) -> (tempfile::TempDir, Inputs) {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: String, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let list =
        |texts: &[String]| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    let front = format!(
        "---\nlayout: default\ntitle: {}\ntags: [{}]\ncategories: [{}]\n{}: {}\n",
        quoted(&names.title),
        list(&names.tags),
        list(&names.categories),
        quoted(&names.key),
        quoted(&names.title)
    );
    let templates = if is_liquid { "liquid" } else { "tera" };
    let config = format!(
        "url: https://example.org\ntitle: {}\ntemplates: {templates}\nmarkdown: {dialect}\npermalink: {}\n\
         plugins: [jekyll-feed, jekyll-seo-tag, jekyll-sitemap]\n{}: {}\n",
        quoted(&names.title),
        quoted(&names.permalink_of_site),
        quoted(&format!("x{}", names.key)),
        quoted(&names.title)
    );
    write("_config.yml".to_owned(), &config);
    let body = if is_liquid { LIQUID } else { TERA };
    write("_layouts/default.html".to_owned(), &format!("{body}{{{{ content }}}}"));
    write("_layouts/tag.html".to_owned(), body);
    write("_includes/x.html".to_owned(), "x");
    let [post, page, plain, style] = &names.files;
    let text = format!("# {} {{#x}}\n\n{LIQUID}\n", names.title);
    write(format!("_posts/2026-01-02-{post}.md"), &format!("{front}---\n{text}"));
    let own = format!("permalink: {}\ndate: {}\n", quoted(&names.permalink), quoted(&names.date));
    write(format!("_posts/2026-01-03-{page}.html"), &format!("{front}{own}---\n{LIQUID}"));
    write(format!("p/{page}.html"), &format!("{front}---\n{body}"));
    write(format!("p/{page}"), &format!("{front}---\n{body}"));
    write(format!("m/{post}.md"), &format!("{front}---\n{text}"));
    write(format!("s/{plain}"), "x");
    write(format!("c/{style}.scss"), "---\n---\na { b: c }");
    let metrics = format!(
        "metrics: {{{}: {{goal: max, unit: {}}}}}\n",
        quoted(&names.metric),
        quoted(&names.title)
    );
    write("experiments/nets/experiment.yml".to_owned(), &(experiment(3, 64, 0.1) + &metrics));
    let inputs = inputs::read(folder.path(), &config::read(Some(&config)).0.roles).unwrap();
    (folder, inputs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_names_titles_tags_and_permalinks_are_built_or_refused(
        names in names(),
        is_liquid in any::<bool>(),
        dialect in prop_oneof![Just("CommonMark"), Just("kramdown")],
    ) {
        let (_folder, inputs) = named_site(&names, is_liquid, dialect);
        let _ = site(inputs).render(&shown());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_bytes_as_a_post_are_built_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let site = tempfile::tempdir().unwrap();
        std::fs::create_dir(site.path().join("_posts")).unwrap();
        std::fs::write(site.path().join("_posts/2026-01-02-a.md"), &bytes).unwrap();
        let inputs = inputs::read(site.path(), &Roles::default()).unwrap();
        let is_text = std::str::from_utf8(&bytes).is_ok();
        let result = built(&inputs, &[]);
        prop_assert!(is_text || result.is_err());
    }

    #[test]
    fn any_prose_leaves_every_record_fresh_and_builds_the_same_bytes_twice(prose in "[a-zA-Z ,.!*_`#\n-]{0,200}") {
        let body = |prose: &str| format!("{prose}\n\n{{% value nets.small.accuracy %}} {{% chart nets curves %}}\n");
        let before = site_with("Before.", &experiment(3, 64, 0.1));
        let records = records(&experiments(&before));
        let edited = site_with(&body(&prose), &experiment(3, 64, 0.1));
        let present = experiments(&edited);
        let all_fresh = plan(&present, &records).iter().all(|run| matches!(run.state, RunState::Fresh(_)));
        prop_assert!(all_fresh);
        prop_assert_eq!(built(&edited, &records), built(&edited, &records));
    }

    #[test]
    fn each_changed_parameter_is_named_and_no_other(
        before in (1_u32..50, 2_u32..512, 0.001_f64..1.0),
        after in (1_u32..50, 2_u32..512, 0.001_f64..1.0),
    ) {
        let inputs = |(epochs, batch, rate)| site_with("", &experiment(epochs, batch, rate));
        let changed = fingerprint(&inputs(before)).changed_since(&fingerprint(&inputs(after)));
        let parts: Vec<String> = changed.into_iter().map(|changed| changed.part).collect();
        let mut expected = Vec::new();
        if before.1 != after.1 {
            expected.push("params.batch-size");
        }
        if before.0 != after.0 {
            expected.push("params.epochs");
        }
        if before.2.to_bits() != after.2.to_bits() {
            expected.push("params.optimizer.lr");
        }
        prop_assert_eq!(parts, expected);
    }

    #[test]
    fn any_text_as_an_experiment_is_read_or_refused(text in "(title|recipe|data|seeds|params|variants|grid|needs|runner|limits|: |\\[|\\]|\\{|\\}|\n|\\PC){0,30}") {
        let inputs = Inputs::default().with("experiments/a/experiment.yml", text);
        let (experiments, errors) = spec::parse_all(&inputs, &|_| None);
        prop_assert_eq!(experiments.is_empty(), !errors.is_empty());
    }

    #[test]
    fn any_text_as_a_record_is_read_or_refused(text in "\\PC{0,100}") {
        prop_assert!(labpress::experiment::record::parse("experiments/a/runs/b.json", &text).is_err());
    }
}
