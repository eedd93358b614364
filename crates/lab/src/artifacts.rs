//! Writes the files of a result: predictions for the test images as tables and pictures.

use std::fmt::Write as _;

use anyhow::Context;
use labpress::data::DataSet;
use labpress::data::format::Format;
use labpress::data::images::Images;
use labpress::experiment::record::COMMITTED_UP_TO;
use labpress_runner::protocol::ArtifactKind;
use labpress_runner::reporter::Run;
use serde_json::json;

use super::checkpoint::Found;
use super::grids;
use super::metrics::Judgement;

/// Writes an artifact to the run's folder and reports it.
#[expect(
    clippy::disallowed_methods,
    reason = "a runner writes its artifacts into the run's folder"
)]
pub(crate) fn write(
    run: &mut Run,
    name: &str,
    file: &str,
    kind: ArtifactKind,
    content: &[u8],
) -> anyhow::Result<()> {
    let path = run.folder().join(file);
    std::fs::write(&path, content).with_context(|| format!("cannot write `{}`", path.display()))?;
    run.artifact(name, file, kind)?;
    Ok(())
}

/// Writes how the test images were classified: counts by true and predicted class, the scores of
/// each class, and each prediction.
pub(crate) fn write_judgement(
    run: &mut Run,
    judgement: &Judgement,
    classes: &[String],
    test: &Images,
) -> anyhow::Result<()> {
    let confusion = json!({"classes": classes, "counts": judgement.confusion()});
    write(
        run,
        "confusion",
        "confusion.json",
        ArtifactKind::ConfusionMatrix,
        &serde_json::to_vec(&confusion)?,
    )?;
    write(
        run,
        "per-class",
        "per-class.csv",
        ArtifactKind::Table,
        per_class(judgement, classes).as_bytes(),
    )?;
    write(
        run,
        "predictions",
        "predictions.csv",
        ArtifactKind::Table,
        predictions(judgement, classes, test).as_bytes(),
    )
}

/// Writes grids of the test images with the highest loss and of the classes confused most often,
/// small enough to be committed if possible.
pub(crate) fn write_grids(
    run: &mut Run,
    judgement: &Judgement,
    classes: &[String],
    test: &Images,
) -> anyhow::Result<()> {
    let limit = usize::try_from(COMMITTED_UP_TO)?;
    for (name, sheet) in [
        ("worst", grids::worst(judgement, classes, test)),
        ("most-confused", grids::most_confused(judgement, classes, test)),
    ] {
        write(run, name, &format!("{name}.png"), ArtifactKind::Image, &sheet.png_within(limit))?;
    }
    Ok(())
}

/// Writes the predictions for images without labels in Kaggle's form: one row per image, in the order
/// of its table. The columns and the labels are named as in the tables of the data set. If the classes
/// are ranges of a number, the label is the probability of the last class.
pub(crate) fn write_submission(
    run: &mut Run,
    judgement: &Judgement,
    set: &DataSet,
    unlabelled: &Images,
) -> anyhow::Result<()> {
    write(
        run,
        "submission",
        "submission.csv",
        ArtifactKind::Table,
        submission(judgement, set, unlabelled).as_bytes(),
    )
}

fn submission(judgement: &Judgement, set: &DataSet, unlabelled: &Images) -> String {
    let (image_column, label) = match &set.format {
        Format::Table { labelled, label, unlabelled } => {
            (unlabelled.as_ref().unwrap_or(labelled).image.column.as_str(), Some(label))
        }
        _ => ("image", None),
    };
    let label_column = label.map_or("label", |label| label.column.as_str());
    let values = label.and_then(|label| label.values.as_ref()).unwrap_or(&set.classes);
    let is_number = label.is_some_and(|label| label.thresholds.is_some());
    let mut csv = format!("{},{}\n", cell(image_column), cell(label_column));
    for image in 0..judgement.count() {
        let name = unlabelled
            .ids
            .as_ref()
            .and_then(|ids| ids.get(image))
            .map_or_else(|| image.to_string(), |id| cell(id));
        let value = if is_number {
            format!("{:.6}", judgement.probability(image, judgement.classes - 1))
        } else {
            cell(&values[judgement.prediction(image)])
        };
        let _ = writeln!(csv, "{name},{value}");
    }
    csv
}

/// Writes the curve of the learning-rate finder with its suggestion marked.
pub(crate) fn write_curve(run: &mut Run, found: &Found) -> anyhow::Result<()> {
    write(
        run,
        "lr-curve",
        "lr-curve.json",
        ArtifactKind::Curve,
        &serde_json::to_vec(&curve(found))?,
    )
}

/// The curve of the learning-rate finder, as the figure `curve` draws it.
pub(crate) fn curve(found: &Found) -> serde_json::Value {
    json!({
        "x": {"title": "Learning rate", "unit": null, "scale": "log"},
        "y": {"title": "Loss, smoothed", "unit": null},
        "series": [{"name": "loss", "points": found.curve}],
        "marks": [{"x": found.rate, "title": "suggestion"}],
    })
}

fn per_class(judgement: &Judgement, classes: &[String]) -> String {
    let mut csv = "class,images,precision,recall,f1\n".to_owned();
    for (class, score) in classes.iter().zip(judgement.by_class()) {
        let (precision, recall) = (score.precision, score.recall);
        let _ = writeln!(
            csv,
            "{},{},{precision:.6},{recall:.6},{:.6}",
            cell(class),
            score.images,
            score.f1
        );
    }
    csv
}

/// One row per image: its name or number, its true and its predicted class, and the probabilities
/// of both.
fn predictions(judgement: &Judgement, classes: &[String], test: &Images) -> String {
    let mut csv = "image,class,prediction,probability,probability-of-class\n".to_owned();
    for image in 0..judgement.count() {
        let (label, prediction) = (judgement.labels[image], judgement.prediction(image));
        let name = test
            .ids
            .as_ref()
            .and_then(|ids| ids.get(image))
            .map_or_else(|| image.to_string(), |id| cell(id));
        let _ = writeln!(
            csv,
            "{name},{},{},{:.6},{:.6}",
            cell(&classes[label]),
            cell(&classes[prediction]),
            judgement.probability(image, prediction),
            judgement.probability(image, label),
        );
    }
    csv
}

/// A field of a CSV file, quoted if necessary.
pub(crate) fn cell(text: &str) -> String {
    let needs_quotes = text.contains([',', '"', '\n', '\r']);
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_name_classes_and_images() {
        let judgement = Judgement {
            classes: 2,
            log_probabilities: [0.75_f32, 0.25, 0.5, 0.5].iter().map(|p| p.ln()).collect(),
            labels: vec![0, 1],
        };
        let classes = ["a, b".to_owned(), "c".to_owned()];
        let test = Images {
            pixels: vec![0, 0].into(),
            labels: vec![0, 1],
            ids: Some(vec!["one.png".to_owned(), "two.png".to_owned()]),
            groups: None,
            channels: 1,
            rows: 1,
            columns: 1,
        };
        assert_eq!(
            predictions(&judgement, &classes, &test),
            "image,class,prediction,probability,probability-of-class\n\
             one.png,\"a, b\",\"a, b\",0.750000,0.750000\n\
             two.png,c,\"a, b\",0.500000,0.500000\n"
        );
        assert_eq!(
            per_class(&judgement, &classes),
            "class,images,precision,recall,f1\n\"a, b\",1,0.500000,1.000000,0.666667\n\
             c,1,0.000000,0.000000,0.000000\n"
        );
    }

    #[test]
    fn a_submission_has_the_format_of_the_table_of_labels() {
        let yaml = "title: T\nlicence: none\nhomepage: none\ncitation: none\nclasses: [cat, dog]\n\
            format: {kind: table, labelled: {file: train.csv, image: {column: id, folder: train, \
                    extension: .jpg}}, \
            label: {column: target, values: [\"0\", \"1\"]}}\n\
                    files:\n  train.csv: {sha256: \"\"}\nsources: []\n";
        let set: DataSet = serde_yaml::from_str(yaml).unwrap();
        let log_probabilities = [0.75_f32, 0.25, 0.25, 0.75].iter().map(|p| p.ln()).collect();
        let judgement = Judgement { classes: 2, log_probabilities, labels: vec![0, 0] };
        let ids = Some(vec!["a1".to_owned(), "b2".to_owned()]);
        let pixels = vec![0, 0].into();
        let images = Images {
            pixels,
            labels: Vec::new(),
            ids,
            groups: None,
            channels: 1,
            rows: 1,
            columns: 1,
        };
        assert_eq!(submission(&judgement, &set, &images), "id,target\na1,0\nb2,1\n");
    }
}
