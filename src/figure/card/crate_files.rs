//! The facts of a card for programs: an RO-Crate, Croissant, a model card, JSON-LD.
//!
//! All files are in one folder that is named by their digest, so the same results give the same
//! addresses. `ro-crate-metadata.json` in it makes the folder an RO-Crate.

use serde_json::{Value, json};

use super::super::csv::Csv;
use super::super::number::Unit;
use super::Card;
use crate::digest::{Digest, pretty};
use crate::experiment::spec::ExperimentData;

/// The files of a card.
pub(super) struct CrateFiles {
    folder: String,
    files: Vec<CrateFile>,
    json_ld: String,
}

struct CrateFile {
    name: &'static str,
    /// What it is, for the list of downloads.
    what: &'static str,
    format: &'static str,
    bytes: Vec<u8>,
}

const METADATA: &str = "ro-crate-metadata.json";

impl CrateFiles {
    pub(super) fn of(card: &Card<'_>) -> CrateFiles {
        let mut files = vec![records(card), numbers(card), model_card(card)];
        let data = card.request.of.experiment.data.as_ref();
        files.extend(data.map(croissant));
        let metadata = metadata(card, &files);
        files.push(CrateFile {
            name: METADATA,
            what: "RO-Crate: what belongs to what",
            format: "application/ld+json",
            bytes: pretty(&metadata).into_bytes(),
        });
        let all: Vec<u8> = files.iter().flat_map(|file| file.bytes.iter().copied()).collect();
        let folder = format!("figures/{}/crate-{}", card.name(), Digest::of(&all).short());
        let json_ld = json_ld(card, &folder, &files);
        CrateFiles { folder, files, json_ld }
    }

    /// The path of each file in the site, and what it is.
    pub(super) fn listed(&self) -> Vec<(String, &'static str)> {
        self.files.iter().map(|file| (self.path(file), file.what)).collect()
    }

    /// What search engines read in the page. It cannot end the script that it is in.
    pub(super) fn json_ld(&self) -> &str {
        &self.json_ld
    }

    pub(super) fn into_files(self) -> Vec<(String, Vec<u8>)> {
        let paths: Vec<String> = self.files.iter().map(|file| self.path(file)).collect();
        paths.into_iter().zip(self.files.into_iter().map(|file| file.bytes)).collect()
    }

    fn path(&self, file: &CrateFile) -> String {
        format!("{}/{}", self.folder, file.name)
    }
}

/// All records, as they are committed.
fn records(card: &Card<'_>) -> CrateFile {
    let records = card
        .records()
        .map(|record| serde_json::from_str(&record.to_text()).expect("a record's file is JSON"));
    let bytes = pretty(&Value::Array(records.collect())).into_bytes();
    CrateFile { name: "records.json", what: "Records (JSON)", format: "application/json", bytes }
}

fn numbers(card: &Card<'_>) -> CrateFile {
    let names: Vec<&str> = card.request.number_names().into_iter().collect();
    let variants: Vec<_> = card.request.of.variants.iter().collect();
    let file = Csv::of_numbers(&card.request, &variants, &names).file("runs");
    CrateFile { name: "runs.csv", what: "Numbers (CSV)", format: "text/csv", bytes: file.bytes }
}

/// The evaluation results of a model card, as Hugging Face reads them: `model-index`.
fn model_card(card: &Card<'_>) -> CrateFile {
    let experiment = card.request.of.experiment;
    let data = experiment.data.as_ref();
    let dataset = json!({
        "name": data.map_or("none", |data| data.set.title.as_str()),
        "type": data.map_or("none", |data| data.name.as_str()),
    });
    let models = card.request.of.variants.iter().map(|of| {
        let metrics = card.request.number_names().into_iter().filter(|name| {
            card.request.is_result(name)
        });
        let metrics = metrics.filter_map(|name| {
            let values: Vec<f64> = of.records.iter().filter_map(|one| one.number(name)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (!values.is_empty()).then(|| {
                json!({"type": name, "name": format!("{name}, mean of {}", values.len()), "value": mean})
            })
        });
        let metrics: Vec<Value> = metrics.collect();
        json!({
            "name": format!("{}.{}", experiment.name, of.variant.name),
            "results": [{
                "task": {"type": task(card), "name": experiment.title},
                "dataset": dataset,
                "metrics": metrics,
            }],
        })
    });
    let models: Vec<Value> = models.collect();
    // JSON is YAML, which is what a model card starts with.
    let front = pretty(&json!({ "model-index": models }));
    let question = experiment.question.as_deref().unwrap_or_default();
    let text = format!("---\n{front}---\n\n# {}\n\n{question}\n", experiment.title);
    CrateFile {
        name: "model-card.md",
        what: "Model card with evaluation results",
        format: "text/markdown",
        bytes: text.into_bytes(),
    }
}

/// The task, as Hugging Face names it.
fn task(card: &Card<'_>) -> &'static str {
    let is_of_images = card.request.of.experiment.data.is_some();
    if is_of_images { "image-classification" } else { "other" }
}

/// The data set as Croissant describes it.
fn croissant(data: &ExperimentData) -> CrateFile {
    let set = &data.set;
    let files = set.files.iter().map(|(name, file)| {
        json!({
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": set.homepage,
            "encodingFormat": "application/octet-stream",
            "sha256": file.sha256,
        })
    });
    let files: Vec<Value> = files.collect();
    let value = json!({
        "@context": {
            "@language": "en",
            "@vocab": "https://schema.org/",
            "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
            "dct": "http://purl.org/dc/terms/",
            "citeAs": "cr:citeAs",
            "conformsTo": "dct:conformsTo",
        },
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": data.name,
        "description": format!("{}, with {} classes", set.title, set.classes.len()),
        "url": set.homepage,
        "license": set.licence,
        "citeAs": set.citation,
        "distribution": files,
    });
    CrateFile {
        name: "croissant.json",
        what: "The data set (Croissant)",
        format: "application/ld+json",
        bytes: pretty(&value).into_bytes(),
    }
}

/// The graph of the RO-Crate.
fn metadata(card: &Card<'_>, files: &[CrateFile]) -> Value {
    let experiment = card.request.of.experiment;
    let id = |id: &str| json!({ "@id": id });
    let has_part: Vec<Value> = files.iter().map(|file| id(file.name)).collect();
    let runs = card.records().map(|record| {
        json!({
            "@id": format!("#run-{}", record.digest().short()),
            "@type": "CreateAction",
            "name": format!("{} {}, seed {}", experiment.name, record.variant, record.seed),
            "endTime": record.finished.to_string(),
            "instrument": id("#labpress"),
            "result": id("records.json"),
            "actionStatus": match record.diverged {
                Some(_) => "http://schema.org/FailedActionStatus",
                None => "http://schema.org/CompletedActionStatus",
            },
        })
    });
    let runs: Vec<Value> = runs.collect();
    let mentions: Vec<Value> = runs.iter().map(|run| json!({ "@id": run["@id"] })).collect();
    let version = card.records().find_map(|record| record.environment.get("labpress"));
    let mut graph = vec![
        json!({
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": id("https://w3id.org/ro/crate/1.1"),
            "about": id("./"),
        }),
        json!({
            "@id": "./",
            "@type": "Dataset",
            "name": experiment.title,
            "description": experiment.question.as_deref().unwrap_or(&experiment.title),
            "datePublished": card.day(),
            "license": id("#licence"),
            "author": id("#author"),
            "publisher": id("#site"),
            "hasPart": has_part,
            "mentions": mentions,
        }),
        json!({
            "@id": "#licence",
            "@type": "CreativeWork",
            "name": "Licence of the site",
            "description": format!("As the site with these results states: {}", card.surroundings.site_url),
        }),
        json!({
            "@id": "#site",
            "@type": "Organization",
            "name": card.surroundings.author,
            "url": card.surroundings.site_url,
        }),
        json!({"@id": "#author", "@type": "Person", "name": card.surroundings.author}),
        json!({
            "@id": "#labpress",
            "@type": "SoftwareApplication",
            "name": "labpress",
            "url": "https://github.com/labpress/labpress",
            "version": version.map_or("unknown", String::as_str),
        }),
    ];
    graph.extend(files.iter().map(|file| {
        json!({
            "@id": file.name,
            "@type": "File",
            "name": file.what,
            "encodingFormat": file.format,
            "contentSize": file.bytes.len().to_string(),
        })
    }));
    graph.extend(runs);
    json!({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph})
}

fn json_ld(card: &Card<'_>, folder: &str, files: &[CrateFile]) -> String {
    let experiment = card.request.of.experiment;
    let site = card.surroundings.site_url.trim_end_matches('/');
    let distribution = files.iter().map(|file| {
        json!({
            "@type": "DataDownload",
            "contentUrl": format!("{site}/{folder}/{}", file.name),
            "encodingFormat": file.format,
        })
    });
    let measured = experiment.metrics.iter().map(|(name, metric)| {
        let unit = Unit::of(Some(metric));
        json!({"@type": "PropertyValue", "name": name, "unitText": unit.sign()})
    });
    let data = experiment.data.as_ref().map(|data| {
        json!({
            "@type": "Dataset",
            "name": data.set.title,
            "url": data.set.homepage,
            "license": data.set.licence,
            "description": data.set.citation,
        })
    });
    let value = json!({
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": experiment.title,
        "description": experiment.question.as_deref().unwrap_or(&experiment.title),
        "creator": {"@type": "Person", "name": card.surroundings.author},
        "datePublished": card.day(),
        "distribution": distribution.collect::<Vec<_>>(),
        "variableMeasured": measured.collect::<Vec<_>>(),
        "isBasedOn": data,
    });
    // Neither the end of the script nor a blank line or markup for Markdown.
    value.to_string().replace('<', "\\u003c")
}
