//! Metrics: how well predicted probabilities match the true classes.

/// How many bins of confidence the calibration error has, as in Guo et al.
const BINS: usize = 15;

/// The predictions of a net for images whose classes are known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) classes: usize,
    /// Log-probabilities, image after image.
    pub(crate) log_probabilities: Vec<f32>,
    /// The true class of each image.
    pub(crate) labels: Vec<usize>,
}

/// How well one class is distinguished from the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ClassScore {
    /// How many images are of the class.
    pub(crate) images: usize,
    /// The share of images predicted as the class that are of it; 0 if none is predicted.
    pub(crate) precision: f64,
    /// The share of images of the class that are predicted as it; 0 if there are none.
    pub(crate) recall: f64,
    /// The harmonic mean of both; 0 if both are.
    pub(crate) f1: f64,
}

impl Judgement {
    /// How many images there are.
    pub(crate) fn count(&self) -> usize {
        self.labels.len()
    }

    /// The log-probabilities of an image.
    pub(crate) fn of_image(&self, image: usize) -> &[f32] {
        &self.log_probabilities[image * self.classes..][..self.classes]
    }

    /// The probability of a class for an image.
    pub(crate) fn probability(&self, image: usize, class: usize) -> f64 {
        f64::from(self.of_image(image)[class]).exp()
    }

    /// The most probable class of an image, the first of equal ones.
    pub(crate) fn prediction(&self, image: usize) -> usize {
        let scores = self.of_image(image);
        (1..self.classes)
            .fold(0, |best, class| if scores[class] > scores[best] { class } else { best })
    }

    fn mean(&self, of_image: impl Fn(usize) -> f64) -> f64 {
        (0..self.count()).map(of_image).sum::<f64>() / self.count() as f64
    }

    /// The mean negative log-probability of the true class.
    pub(crate) fn loss(&self) -> f64 {
        self.mean(|image| -f64::from(self.of_image(image)[self.labels[image]]))
    }

    /// Share of the images whose true class is the most probable.
    pub(crate) fn accuracy(&self) -> f64 {
        self.mean(|image| f64::from(self.prediction(image) == self.labels[image]))
    }

    /// Share of the images whose true class is among the five most probable.
    pub(crate) fn top5(&self) -> f64 {
        self.mean(|image| {
            let (scores, label) = (self.of_image(image), self.labels[image]);
            // Of equal ones, the first has precedence, as in `prediction`.
            let is_ahead = |&class: &usize| {
                scores[class] > scores[label] || (scores[class] >= scores[label] && class < label)
            };
            f64::from((0..self.classes).filter(is_ahead).count() < 5)
        })
    }

    /// How often an image of each class (outer) was predicted as each class (inner).
    pub(crate) fn confusion(&self) -> Vec<Vec<u64>> {
        let mut counts = vec![vec![0; self.classes]; self.classes];
        (0..self.count()).for_each(|image| counts[self.labels[image]][self.prediction(image)] += 1);
        counts
    }

    /// How well each class is distinguished from the others.
    pub(crate) fn by_class(&self) -> Vec<ClassScore> {
        let confusion = self.confusion();
        let share =
            |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let score = |class: usize| {
            let images: u64 = confusion[class].iter().sum();
            let taken: u64 = confusion.iter().map(|row| row[class]).sum();
            let right = confusion[class][class];
            ClassScore {
                images: images as usize,
                precision: share(right, taken),
                recall: share(right, images),
                f1: share(2 * right, images + taken),
            }
        };
        (0..self.classes).map(score).collect()
    }

    /// The mean F1 over the classes, which all have the same weight. Classes that neither occur nor
    /// are predicted are left out.
    pub(crate) fn macro_f1(&self) -> f64 {
        let confusion = self.confusion();
        let occurs = |class: usize| {
            confusion.iter().enumerate().any(|(row, counts)| {
                counts[class] > 0 || (row == class && counts.iter().any(|&count| count > 0))
            })
        };
        let scores = self.by_class();
        let f1: Vec<f64> = (0..self.classes)
            .filter(|&class| occurs(class))
            .map(|class| scores[class].f1)
            .collect();
        f1.iter().sum::<f64>() / f1.len() as f64
    }

    /// The area under the receiver operating characteristic: the probability that an image of a
    /// class gets a higher score for it than one of another class (Hanley and McNeil 1982). For two
    /// classes, that of the second; for more, the mean over the classes, each against the rest.
    /// `None` if a class has all images or none.
    pub(crate) fn auc(&self) -> Option<f64> {
        self.mean_over_classes(|scored| {
            let positives = scored.iter().filter(|(_, is_positive)| *is_positive).count();
            let negatives = scored.len() - positives;
            // Equal probabilities have the mean of their ranks.
            let mut rank_sum = 0.0;
            let mut first = 0;
            for tied in scored.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
                // The ranks `first + 1` to `first + tied`.
                let rank = first as f64 + f64::midpoint(tied.len() as f64, 1.0);
                rank_sum +=
                    rank * tied.iter().filter(|(_, is_positive)| *is_positive).count() as f64;
                first += tied.len();
            }
            let (positives, negatives) = (positives as f64, negatives as f64);
            (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
        })
    }

    /// The average precision: the precision at each recall, weighted by the gain in recall, without
    /// interpolation, as in scikit-learn. Combines classes as [`auc`](Judgement::auc) does.
    pub(crate) fn average_precision(&self) -> Option<f64> {
        self.mean_over_classes(|scored| {
            let positives = scored.iter().filter(|(_, is_positive)| *is_positive).count() as f64;
            let (mut found, mut taken, mut sum) = (0.0, 0.0, 0.0);
            let descending: Vec<(f32, bool)> = scored.iter().rev().copied().collect();
            for tied in descending.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
                let new = tied.iter().filter(|(_, is_positive)| *is_positive).count() as f64;
                (found, taken) = (found + new, taken + tied.len() as f64);
                sum += new / positives * (found / taken);
            }
            sum
        })
    }

    /// The mean of a number over classes. It is computed from all images' log-probabilities of the
    /// class, rising, and whether they are of it.
    fn mean_over_classes(&self, of_class: impl Fn(&[(f32, bool)]) -> f64) -> Option<f64> {
        let classes = if self.classes == 2 { 1..2 } else { 0..self.classes };
        let mut sum = 0.0;
        for class in classes.clone() {
            let scored = |image| (self.of_image(image)[class], self.labels[image] == class);
            let mut scored: Vec<(f32, bool)> = (0..self.count()).map(scored).collect();
            let is_mixed =
                scored.iter().any(|(_, is_it)| *is_it) && scored.iter().any(|(_, is_it)| !*is_it);
            if !is_mixed {
                return None;
            }
            scored.sort_by(|one, other| one.0.total_cmp(&other.0));
            sum += of_class(&scored);
        }
        Some(sum / classes.len() as f64)
    }

    /// The expected calibration error: the difference between the probability of the predicted
    /// class and how often it is right, as the mean over the images, in 15 bins of probability (Guo
    /// et al. 2017, arXiv 1706.04599).
    pub(crate) fn calibration_error(&self) -> f64 {
        let mut bins = [(0.0, 0.0); BINS];
        for image in 0..self.count() {
            let prediction = self.prediction(image);
            let confidence = self.probability(image, prediction);
            // A bin includes its upper end.
            let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            bins[bin].0 += confidence;
            bins[bin].1 += f64::from(prediction == self.labels[image]);
        }
        bins.iter().map(|(confidence, right): &(f64, f64)| (confidence - right).abs()).sum::<f64>()
            / self.count() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgement(probabilities: &[&[f64]], labels: &[usize]) -> Judgement {
        Judgement {
            classes: probabilities[0].len(),
            log_probabilities: probabilities
                .iter()
                .flat_map(|row| row.iter().map(|p| p.ln() as f32))
                .collect(),
            labels: labels.to_vec(),
        }
    }

    #[track_caller]
    fn check(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
    }

    /// The numbers are scikit-learn's for the same probabilities, in both orders of the ties.
    #[test]
    fn metrics_of_two_classes_are_those_of_scikit_learn() {
        let second = [0.1, 0.4, 0.35, 0.8, 0.4, 0.6];
        let rows: Vec<[f64; 2]> = second.iter().map(|p| [1.0 - p, *p]).collect();
        let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
        let judgement = judgement(&rows, &[0, 0, 1, 1, 1, 0]);
        check(judgement.accuracy(), 3.0 / 6.0);
        // Of nine pairs, the positives win 1 + 0 + ½ + … : 0.35 beats 0.1; 0.8 beats all; 0.4 beats
        // 0.1 and ties 0.4.
        check(judgement.auc().unwrap(), (1.0 + 3.0 + 1.5) / 9.0);
        // Descending: 0.8 (+), 0.6, 0.4 twice (one +), 0.35 (+), 0.1.
        check(judgement.average_precision().unwrap(), (1.0 + 2.0 / 4.0 + 3.0 / 5.0) / 3.0);
        let by_class = judgement.by_class();
        check(by_class[1].precision, 0.5);
        check(by_class[1].recall, 1.0 / 3.0);
        check(by_class[1].f1, 0.4);
        check(judgement.macro_f1(), 0.2 + 2.0 / 7.0);
    }

    #[test]
    fn calibration_is_the_distance_of_confidence_from_accuracy() {
        let judgement = judgement(&[&[0.9, 0.1], &[0.9, 0.1], &[0.3, 0.7]], &[0, 1, 1]);
        check(judgement.calibration_error(), ((1.8_f64 - 1.0).abs() + 0.3) / 3.0);
        check(judgement.loss(), -(0.9_f64.ln() + 0.1_f64.ln() + 0.7_f64.ln()) / 3.0);
    }

    #[test]
    fn the_five_most_probable_classes_count() {
        let row = [0.3, 0.2, 0.15, 0.14, 0.11, 0.1];
        let judgement = judgement(&[&row, &row, &row], &[0, 4, 5]);
        check(judgement.top5(), 2.0 / 3.0);
        check(judgement.accuracy(), 1.0 / 3.0);
        assert!(judgement.auc().is_none());
        assert_eq!(judgement.confusion()[5], [1, 0, 0, 0, 0, 0]);
    }

    /// The numbers are scikit-learn's, written by `tests/reference/reference.py`.
    #[test]
    fn metrics_are_those_of_scikit_learn() {
        let cases: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../tests/reference/metrics.json")).unwrap();
        for case in &cases {
            let numbers =
                |name: &str| serde_json::from_value::<Vec<f64>>(case[name].clone()).unwrap();
            let classes = case["classes"].as_u64().unwrap() as usize;
            let scores =
                numbers("scores").into_iter().map(|score| score as f32).collect::<Vec<_>>();
            let log_probabilities = scores.chunks(classes).flat_map(|row| {
                let sum = row.iter().map(|score| f64::from(*score).exp()).sum::<f64>().ln();
                row.iter().map(move |score| (f64::from(*score) - sum) as f32).collect::<Vec<_>>()
            });
            let labels = numbers("labels").into_iter().map(|label| label as usize).collect();
            let judgement =
                Judgement { classes, log_probabilities: log_probabilities.collect(), labels };
            for (name, found) in [
                ("accuracy", judgement.accuracy()),
                ("macro-f1", judgement.macro_f1()),
                ("auc", judgement.auc().unwrap()),
                ("average-precision", judgement.average_precision().unwrap()),
                ("log-loss", judgement.loss()),
                ("ece", judgement.calibration_error()),
            ] {
                let expected = case[name].as_f64().unwrap();
                assert!(
                    (found - expected).abs() < 1e-6,
                    "{classes} classes, {name}: {found}, expected {expected}"
                );
            }
            for (score, expected) in
                judgement.by_class().iter().zip(case["per-class"].as_array().unwrap())
            {
                check(score.precision, expected["precision"].as_f64().unwrap());
                check(score.recall, expected["recall"].as_f64().unwrap());
                check(score.f1, expected["f1"].as_f64().unwrap());
            }
        }
    }
}
