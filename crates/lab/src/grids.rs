//! Grids of misclassified test images, which show what the net confuses.

use std::cmp::Reverse;

use labpress::data::images::Images;
use labpress::data::sheet::{Row, Sheet, Tile, Tone, grid};

use super::metrics::Judgement;

/// How many images the grid of the worst has, and how many per row.
const WORST: (usize, usize) = (24, 8);
/// How many pairs of classes the grid of the most confused has, and how many images per pair.
const CONFUSED: (usize, usize) = (6, 8);

/// The images with the highest loss: those that the net misclassified with the most confidence. Below
/// each is its class, and the predicted class with its probability.
pub(crate) fn worst(judgement: &Judgement, classes: &[String], test: &Images) -> Sheet {
    let mut images: Vec<usize> = (0..judgement.count()).collect();
    images.sort_by(|&one, &other| loss(judgement, other).total_cmp(&loss(judgement, one)));
    let tiles = images.into_iter().take(WORST.0).map(|image| {
        let (label, prediction) = (judgement.labels[image], judgement.prediction(image));
        let tone = if label == prediction { Tone::Good } else { Tone::Bad };
        let taken_for = format!(
            "{} {}",
            percent(judgement.probability(image, prediction)),
            classes[prediction]
        );
        tile(test, image, vec![(classes[label].clone(), Tone::Plain), (taken_for, tone)])
    });
    Sheet {
        title: "Highest loss".to_owned(),
        subtitle: "Below each image its class, and what it was taken for with which probability"
            .to_owned(),
        rows: grid(tiles.collect(), WORST.1),
    }
}

/// The pairs of classes that were confused most often, one per row, each with the images that the net
/// was most confident about and the probability that it gave to the wrong class.
pub(crate) fn most_confused(judgement: &Judgement, classes: &[String], test: &Images) -> Sheet {
    let confusion = judgement.confusion();
    let pairs = (0..classes.len())
        .flat_map(|class| (0..classes.len()).map(move |taken_for| (class, taken_for)));
    let mut pairs: Vec<(usize, usize)> =
        pairs.filter(|(class, taken_for)| class != taken_for).collect();
    pairs.retain(|&(class, taken_for)| confusion[class][taken_for] > 0);
    pairs.sort_by_key(|&(class, taken_for)| Reverse(confusion[class][taken_for]));
    let rows = pairs.into_iter().take(CONFUSED.0).map(|(class, taken_for)| {
        let is_of_pair = |&image: &usize| {
            judgement.labels[image] == class && judgement.prediction(image) == taken_for
        };
        let mut images: Vec<usize> = (0..judgement.count()).filter(is_of_pair).collect();
        let sureness = |image: usize| judgement.probability(image, taken_for);
        images.sort_by(|&one, &other| sureness(other).total_cmp(&sureness(one)));
        let shown = images.into_iter().take(CONFUSED.1);
        let tiles =
            shown.map(|image| tile(test, image, vec![(percent(sureness(image)), Tone::Bad)]));
        let of_class: u64 = confusion[class].iter().sum();
        Row {
            heading: format!("{} → {}", classes[class], classes[taken_for]),
            note: format!("{} of {of_class}", confusion[class][taken_for]),
            tiles: tiles.collect(),
        }
    });
    let rows: Vec<Row> = rows.collect();
    let subtitle = if rows.is_empty() {
        "No image was misclassified"
    } else {
        "Class → what it was taken for; below each image the probability of that"
    };
    Sheet { title: "Most often confused".to_owned(), subtitle: subtitle.to_owned(), rows }
}

fn loss(judgement: &Judgement, image: usize) -> f32 {
    -judgement.of_image(image)[judgement.labels[image]]
}

fn percent(probability: f64) -> String {
    format!("{:.0} %", 100.0 * probability)
}

fn tile(images: &Images, image: usize, caption: Vec<(String, Tone)>) -> Tile {
    let Images { channels, rows, columns, .. } = *images;
    Tile { pixels: images.image(image).to_vec(), channels, rows, columns, caption }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four images of three classes. Each is one pixel with the index of the image; the last is
    /// classified correctly.
    fn judged() -> (Judgement, Vec<String>, Images) {
        let probabilities =
            [[0.25_f32, 0.5, 0.25], [0.125, 0.75, 0.125], [0.0625, 0.0625, 0.875], [0.0, 1.0, 0.0]];
        let judgement = Judgement {
            classes: 3,
            log_probabilities: probabilities.iter().flatten().map(|p| p.ln()).collect(),
            labels: vec![0, 0, 1, 1],
        };
        let classes = ["cat", "dog", "bird"].map(str::to_owned).to_vec();
        let images = Images {
            pixels: vec![0, 1, 2, 3].into(),
            labels: vec![0, 0, 1, 1],
            ids: None,
            groups: None,
            channels: 1,
            rows: 1,
            columns: 1,
        };
        (judgement, classes, images)
    }

    fn numbers(rows: &[Row]) -> Vec<Vec<u8>> {
        rows.iter().map(|row| row.tiles.iter().map(|tile| tile.pixels[0]).collect()).collect()
    }

    #[test]
    fn the_worst_are_first() {
        let (judgement, classes, images) = judged();
        let sheet = worst(&judgement, &classes, &images);
        assert_eq!(numbers(&sheet.rows), [[2, 1, 0, 3]]);
        let caption = |tile: usize| sheet.rows[0].tiles[tile].caption.clone();
        assert_eq!(
            caption(0),
            [("dog".to_owned(), Tone::Plain), ("88 % bird".to_owned(), Tone::Bad)]
        );
        assert_eq!(
            caption(3),
            [("dog".to_owned(), Tone::Plain), ("100 % dog".to_owned(), Tone::Good)]
        );
    }

    #[test]
    fn a_row_is_a_pair_of_classes_the_most_frequent_first() {
        let (judgement, classes, images) = judged();
        let sheet = most_confused(&judgement, &classes, &images);
        assert_eq!(numbers(&sheet.rows), [vec![1, 0], vec![2]]);
        let texts: Vec<_> =
            sheet.rows.iter().map(|row| (row.heading.as_str(), row.note.as_str())).collect();
        assert_eq!(texts, [("cat → dog", "2 of 2"), ("dog → bird", "1 of 2")]);
        assert_eq!(sheet.rows[0].tiles[1].caption, [("50 %".to_owned(), Tone::Bad)]);
    }

    #[test]
    fn a_net_without_mistakes_has_no_confused_images() {
        let (mut judgement, classes, images) = judged();
        judgement.labels = vec![1, 1, 2, 1];
        let sheet = most_confused(&judgement, &classes, &images);
        assert_eq!((sheet.rows.len(), sheet.subtitle.as_str()), (0, "No image was misclassified"));
    }
}
