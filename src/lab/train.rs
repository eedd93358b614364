//! The recipe `image-classification`: a net learns to tell the classes of images apart.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use labpress::data::images::Wanted;
use labpress::data::split::DEFAULT;
use labpress::digest::Digest;
use labpress::recipe::image_classification::{Params, REVISION};
use labpress::runner::protocol::{Job, JobData};
use labpress::runner::reporter::Run;
use serde_json::json;
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use super::augment::augmented;
use super::checkpoint::{self, Point, State};
use super::data::{self, Images};
use super::model::{InputShape, Net};
use super::optimizer::{Optimizer, groups};
use super::random::{Purpose, generator, shuffled};
use super::schedule::{When, learning_rate, momentum};
use super::{Outcome, machine, weights};

/// Images that are judged at once where nothing is learnt. It decides memory, speed, and the last bits of a loss.
const JUDGED_AT_ONCE: usize = 1000;

/// Trains, measures and records. `is_stop_asked` is looked at before every step: when it holds, a checkpoint is written
/// and the run is over for now.
#[expect(clippy::disallowed_methods, reason = "how long training takes is one of the results")]
#[expect(clippy::too_many_lines, reason = "an experiment reads from top to bottom")]
pub(crate) fn run(mut run: Run, params: &Params, is_stop_asked: &dyn Fn() -> bool) -> anyhow::Result<Outcome> {
    let job = &run.job.clone();
    // The data: some images of the training split are set aside to watch the training by.
    let device = machine::device(&job.device)?;
    let job_data = job.data.as_ref().context("the recipe needs a data set")?;
    let wanted = Wanted { split: DEFAULT, seed: job.seed, image_size: None, channels: Some(1) };
    let splits = data::read(job_data, &wanted)?;
    let indices = split(splits.train.labels.len(), params, job.seed)?;
    let scale = Scale::of(&splits.train, &indices.train);
    let train = Samples::selected(&splits.train, &indices.train, device);
    let valid = Samples::selected(&splits.train, &indices.valid, device);
    let test = Samples::all(&splits.test, device);

    // The net and what moves it.
    let classes = &job_data.declaration.classes;
    let shape = InputShape { channels: 1, rows: splits.train.rows, columns: splits.train.columns };
    let net = Net::new(&params.model, shape, classes.len(), &mut generator(job.seed, Purpose::Weights), device)?;
    ensure!(
        job.weights.is_some() == params.model.pretrained().is_some(),
        "`run.json` must name a file of weights if and only if `model.pretrained` asks for one"
    );
    if let Some(path) = &job.weights {
        net.load(&weights::read(path)?)?;
    }
    let groups = groups(&params.optimizer, net.groups(), params.tuning.rate_decay());
    let mut optimizer = Optimizer::new(&params.optimizer, groups);

    // The steps. A last batch of a single image has no variance for BatchNorm, so it is left out.
    let (images, batch_size) = (train.count(), params.batch_size as usize);
    let epoch_images = if images % batch_size == 1 { images - 1 } else { images };
    let (epochs, epoch_steps) = (u64::from(params.epochs), epoch_images.div_ceil(batch_size) as u64);
    let steps = epochs * epoch_steps;

    run.start(machine::environment(device), Some(steps))?;

    // Where to begin: at the checkpoint, or at the start. The events of the epochs before are told again, so that they
    // alone are the whole record.
    let checkpoints = run.checkpoints();
    let kept_tensors: Vec<(String, Tensor)> =
        prefixed("net", net.tensors()).chain(prefixed("optimizer", optimizer.tensors())).collect();
    let this_job = digest(job, job_data, params)?;
    let start = State { job: this_job, step: 0, loss_sum: 0.0, correct: 0, seconds: 0.0, points: Vec::new() };
    let mut state = match job.resume.then(|| checkpoint::restore(&checkpoints, &this_job, &kept_tensors)) {
        None => start,
        Some(Ok(state)) => {
            run.note(format!("going on after step {} of {steps}", state.step))?;
            state
        }
        Some(Err(error)) => {
            run.note(format!("{error:#}; starting over"))?;
            start
        }
    };
    for Point { name, epoch, value } in &state.points {
        run.point(name, *epoch, *value)?;
    }

    for epoch in state.step / epoch_steps..epochs {
        let order = Tensor::from_slice(&shuffled(&mut generator(job.seed, Purpose::Order { epoch }), images));
        let order = order.to_device(device);
        // Summed on the device and read once an epoch: reading them at every step would make a GPU wait.
        let mut loss_sum = Tensor::from(state.loss_sum).to_device(device);
        let mut correct = Tensor::from(state.correct).to_device(device);
        let started = Instant::now();
        for batch in state.step % epoch_steps..epoch_steps {
            let step = epoch * epoch_steps + batch;
            if is_stop_asked() {
                state.step = step;
                state.loss_sum = f64::try_from(&loss_sum)?;
                state.correct = i64::try_from(&correct)?;
                state.seconds += started.elapsed().as_secs_f64();
                checkpoint::save(&checkpoints, &state, &kept_tensors).context("cannot write the checkpoint")?;
                run.note(format!("stopped after step {step} of {steps}, as asked"))?;
                return Ok(Outcome::Interrupted);
            }

            let first = batch as usize * batch_size;
            let size = batch_size.min(epoch_images - first) as i64;
            let chosen = order.narrow(0, first as i64, size);
            let (pixels, labels) = (train.images.index_select(0, &chosen), train.labels.index_select(0, &chosen));
            let changes = &mut generator(job.seed, Purpose::Augment { step });
            let inputs = scale.normalized(&augmented(pixels, &params.augment, changes));

            let scores = net.forward(&inputs, true);
            let loss = scores.cross_entropy_for_logits(&labels);
            loss.backward();
            let when = When { step, steps, epoch };
            let rate = learning_rate(&params.schedule, &params.optimizer, when);
            optimizer.step(rate, momentum(&params.schedule, &params.optimizer, when));

            loss_sum += loss.detach().to_kind(Kind::Double) * size;
            correct += scores.argmax(1, false).eq_tensor(&labels).sum(Kind::Int64);
            if run.is_progress_due() {
                finite(f64::try_from(&loss_sum)?, epoch, step)?;
                run.progress(step + 1, steps)?;
            }
        }
        let trained = f64::try_from(&loss_sum)? / epoch_images as f64;
        let train_accuracy = i64::try_from(&correct)? as f64 / epoch_images as f64;
        state.seconds += started.elapsed().as_secs_f64();

        let last_step = (epoch + 1) * epoch_steps;
        let judged = judge(&net, &valid, &scale)?;
        for (name, value) in [
            ("train.loss", finite(trained, epoch, last_step)?),
            ("train.accuracy", train_accuracy),
            ("valid.loss", finite(judged.loss, epoch, last_step)?),
            ("valid.accuracy", judged.accuracy),
        ] {
            run.point(name, epoch + 1, value)?;
            state.points.push(Point { name: name.to_owned(), epoch: epoch + 1, value });
        }
        run.progress(last_step, steps)?;
        state = State { step: last_step, loss_sum: 0.0, correct: 0, ..state };
        checkpoint::save(&checkpoints, &state, &kept_tensors).context("cannot write the checkpoint")?;
    }

    let judged = judge(&net, &test, &scale)?;
    run.result("accuracy", judged.accuracy)?;
    run.result("loss", finite(judged.loss, epochs - 1, steps)?)?;
    let parameters: usize = net.parameters().iter().map(Tensor::numel).sum();
    run.result("parameters", parameters as f64)?;
    run.timing("seconds", state.seconds)?;
    run.timing("images-per-second", (epoch_images as u64 * epochs) as f64 / state.seconds)?;

    write_confusion(&run.folder().join("confusion.json"), classes, &test.labels, &judged.predictions)?;
    run.artifact("confusion", "confusion.json", "confusion-matrix")?;
    checkpoint::write_tensors(&run.folder().join("weights.safetensors"), &net.tensors())?;
    run.artifact("weights", "weights.safetensors", "checkpoint")?;
    run.done()?;
    Ok(Outcome::Done)
}

/// Which images of the training split are for what.
struct Indices {
    train: Vec<i64>,
    valid: Vec<i64>,
}

/// Shuffles the training split by the seed: the last images are set aside, the first are learnt from.
fn split(count: usize, params: &Params, seed: u64) -> anyhow::Result<Indices> {
    let valid = params.valid_images.map_or(count.div_ceil(10), |images| images as usize);
    let rest = count.saturating_sub(valid);
    ensure!(rest >= 2, "`valid-images` sets {valid} images aside, but the training split has only {count}; lower it");
    let train = params.train_images.map_or(rest, |images| images as usize);
    ensure!(
        train <= rest,
        "`train-images` is {train}, but the training split has {count} images, of which {valid} are set aside; at most \
         {rest} are left"
    );
    let order = shuffled(&mut generator(seed, Purpose::Split), count);
    Ok(Indices { train: order[..train].to_vec(), valid: order[rest..].to_vec() })
}

/// Mean and standard deviation of the pixels that are learnt from.
#[derive(Debug, Clone, Copy)]
struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    /// In whole numbers, so that it is exact whatever the order.
    fn of(images: &Images, indices: &[i64]) -> Scale {
        let (mut sum, mut squares) = (0_u64, 0_u64);
        for &index in indices {
            for &pixel in images.image(index as usize) {
                sum += u64::from(pixel);
                squares += u64::from(pixel) * u64::from(pixel);
            }
        }
        let count = (indices.len() * images.size()) as f64;
        let mean = sum as f64 / count;
        let variance = squares as f64 / count - mean * mean;
        // Images that are all of one colour have nothing to divide by.
        Scale { mean, deviation: if variance > 0.0 { variance.sqrt() } else { 1.0 } }
    }

    fn normalized(&self, pixels: &Tensor) -> Tensor {
        (pixels.to_kind(Kind::Float) - self.mean) / self.deviation
    }
}

/// Images and labels on the device.
struct Samples {
    /// `[image, channel, row, column]`, as bytes.
    images: Tensor,
    /// `[image]`, as 64-bit numbers.
    labels: Tensor,
}

impl Samples {
    fn all(images: &Images, device: Device) -> Samples {
        let count = images.labels.len() as i64;
        let shape = [count, images.channels as i64, images.rows as i64, images.columns as i64];
        let labels: Vec<i64> = images.labels.iter().map(|&label| i64::from(label)).collect();
        Samples {
            images: Tensor::from_data_size(&images.pixels, &shape, Kind::Uint8).to_device(device),
            labels: Tensor::from_slice(&labels).to_device(device),
        }
    }

    fn selected(images: &Images, indices: &[i64], device: Device) -> Samples {
        let all = Samples::all(images, Device::Cpu);
        let indices = Tensor::from_slice(indices);
        Samples {
            images: all.images.index_select(0, &indices).to_device(device),
            labels: all.labels.index_select(0, &indices).to_device(device),
        }
    }

    fn count(&self) -> usize {
        self.labels.numel()
    }
}

/// What a net makes of images that it does not learn from.
struct Judged {
    loss: f64,
    /// Share of the images that were told right.
    accuracy: f64,
    /// The class of the highest score of each image.
    predictions: Tensor,
}

fn judge(net: &Net, samples: &Samples, scale: &Scale) -> anyhow::Result<Judged> {
    no_grad(|| {
        let (mut loss_sum, mut predictions) = (0.0, Vec::new());
        for first in (0..samples.count()).step_by(JUDGED_AT_ONCE) {
            let size = JUDGED_AT_ONCE.min(samples.count() - first) as i64;
            let part = |all: &Tensor| all.narrow(0, first as i64, size);
            let scores = net.forward(&scale.normalized(&part(&samples.images)), false);
            let loss = scores.cross_entropy_loss(&part(&samples.labels), None::<Tensor>, Reduction::Sum, -100, 0.0);
            loss_sum += f64::try_from(loss)?;
            predictions.push(scores.argmax(1, false));
        }
        let predictions = Tensor::cat(&predictions, 0);
        let correct = i64::try_from(predictions.eq_tensor(&samples.labels).sum(Kind::Int64))?;
        let count = samples.count() as f64;
        Ok(Judged { loss: loss_sum / count, accuracy: correct as f64 / count, predictions })
    })
}

/// Returns a loss that is a number; one that is not ends the run with advice. Epoch and step count from 0.
fn finite(loss: f64, epoch: u64, step: u64) -> anyhow::Result<f64> {
    ensure!(
        loss.is_finite(),
        "the loss is no longer a finite number (seen in epoch {}, step {step}): the training diverged; lower the \
         learning rate",
        epoch + 1,
    );
    Ok(loss)
}

/// Writes how often an image of each class (a row) was taken for each class (a column).
#[expect(clippy::disallowed_methods, reason = "a runner writes its artifacts into the run's folder")]
fn write_confusion(path: &Path, classes: &[String], labels: &Tensor, predictions: &Tensor) -> anyhow::Result<()> {
    let count = classes.len() as i64;
    let pairs = (labels * count + predictions).bincount(None::<Tensor>, count * count);
    let counts: Vec<Vec<i64>> = Vec::try_from(pairs.view([count, count]).to_device(Device::Cpu))?;
    std::fs::write(path, serde_json::to_vec(&json!({"classes": classes, "counts": counts}))?)
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// The digest of all that decides the bits of a run, so that it never goes on from the checkpoint of another.
fn digest(job: &Job, data: &JobData, params: &Params) -> anyhow::Result<Digest> {
    Ok(Digest::of_value(&json!({
        "revision": REVISION,
        "seed": job.seed,
        "params": serde_json::to_value(params)?,
        "data": data.declaration.digest(),
        "device": job.device,
        "threads": job.threads,
    })))
}

fn prefixed(prefix: &str, tensors: Vec<(String, Tensor)>) -> impl Iterator<Item = (String, Tensor)> {
    tensors.into_iter().map(move |(name, tensor)| (format!("{prefix}.{name}"), tensor))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "these tests look at what is left on disk")]
mod tests {
    use std::collections::BTreeMap;

    use labpress::data::{DataSet, built_in, fetch};
    use labpress::runner::protocol::{EVENTS_FILE, Event, JOB_FILE, VERSION};
    use labpress::yaml::Yaml;

    use super::*;

    /// Trains on `digits` on one thread of the CPU.
    fn trained(params: serde_json::Value, folder: &Path) -> anyhow::Result<Outcome> {
        tch::set_num_threads(1);
        let declaration = DataSet::parse(Yaml::file("digits.yml", built_in("digits").unwrap())).unwrap();
        let data = fetch::fetch("digits", &declaration, &folder.join("data"), &mut |_| {})?;
        let params: Params = serde_json::from_value(params)?;
        let job = Job {
            protocol: VERSION,
            experiment: "golden".to_owned(),
            variant: "golden".to_owned(),
            seed: 42,
            recipe: None,
            params: serde_json::to_value(&params)?,
            data: Some(JobData { name: "digits".to_owned(), folder: data, declaration }),
            weights: None,
            needs: Vec::new(),
            device: "cpu".to_owned(),
            threads: 1,
            resume: false,
            smoke: false,
        };
        std::fs::write(folder.join(JOB_FILE), serde_json::to_string(&job)?)?;
        run(Run::in_folder(folder)?, &params, &|| false)
    }

    /// Trains a few steps and compares the numbers with those that [`REVISION`] stands for. Other kernels (AVX2, two
    /// threads) have other last bits: differences of 1e-7 were seen, a thousand times as much is allowed.
    #[track_caller]
    fn check_golden(params: serde_json::Value, expected: &[(&str, f64)]) {
        let folder = tempfile::tempdir().unwrap();
        trained(params, folder.path()).unwrap();
        let events = std::fs::read_to_string(folder.path().join(EVENTS_FILE)).unwrap();
        let last: BTreeMap<String, f64> = events
            .lines()
            .filter_map(|line| match serde_json::from_str(line).unwrap() {
                Event::Metric { name, value, .. } => Some((name, value)),
                _ => None,
            })
            .collect();
        let found: Vec<(&str, f64)> = expected.iter().map(|&(name, _)| (name, last[name])).collect();
        let same = expected.iter().zip(&found).all(|((_, expected), (_, found))| (found / expected - 1.0).abs() < 1e-4);
        assert!(
            same,
            "the recipe computes other numbers than it did: {found:?} instead of {expected:?}. If that is meant, raise \
             `REVISION` in src/recipe/image_classification/mod.rs, so that no old result passes for a new one, and put the \
             new numbers here"
        );
    }

    #[test]
    fn an_mlp_with_sgd_gives_the_numbers_of_this_revision() {
        check_golden(
            json!({
                "epochs": 2, "batch-size": 32, "train-images": 257, "valid-images": 100,
                "model": {"kind": "mlp", "hidden": [32]},
                "optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9, "weight-decay": 0.001},
            }),
            &[("train.loss", 1.184_624), ("valid.loss", 0.822_122), ("loss", 0.828_796), ("parameters", 2410.0)],
        );
    }

    #[test]
    fn a_convnet_with_adam_and_one_cycle_gives_the_numbers_of_this_revision() {
        check_golden(
            json!({
                "epochs": 2, "batch-size": 32, "train-images": 500, "valid-images": 100,
                "model": {"kind": "convnet", "widths": [8, 16], "batch-norm": true, "dense": 64},
                "optimizer": {"kind": "adam"},
                "schedule": {"kind": "one-cycle", "max-lr": 0.02},
                "augment": {"flip": true, "crop-padding": 1},
            }),
            &[("train.loss", 1.677_558), ("valid.loss", 1.369_752), ("loss", 1.445_466), ("parameters", 6082.0)],
        );
    }

    #[track_caller]
    fn check_error(params: serde_json::Value, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let error = trained(params, folder.path()).expect_err("it cannot be trained");
        assert_eq!(format!("{error:#}"), expected);
    }

    #[test]
    fn more_images_than_there_are_is_an_error() {
        check_error(
            json!({"train-images": 2000}),
            "`train-images` is 2000, but the training split has 1437 images, of which 144 are set aside; at most 1293 \
             are left",
        );
        check_error(
            json!({"valid-images": 1436}),
            "`valid-images` sets 1436 images aside, but the training split has only 1437; lower it",
        );
    }

    #[test]
    fn a_training_that_diverges_is_an_error_with_advice() {
        let params = json!({"epochs": 1, "optimizer": {"kind": "sgd", "lr": 1e30}});
        let folder = tempfile::tempdir().unwrap();
        let error = trained(params, folder.path()).expect_err("it diverges").to_string();
        assert!(error.starts_with("the loss is no longer a finite number (seen in epoch 1"), "{error}");
        assert!(error.ends_with("lower the learning rate"), "{error}");
    }

    #[test]
    fn a_scale_makes_mean_zero_and_deviation_one() {
        let images = Images {
            pixels: vec![0, 2, 4, 6, 99, 99].into(),
            labels: vec![0, 1, 2],
            ids: None,
            groups: None,
            channels: 1,
            rows: 1,
            columns: 2,
        };
        let scale = Scale::of(&images, &[0, 1]);
        let normalized = scale.normalized(&Tensor::from_slice(&[0_u8, 2, 4, 6]));
        assert!(f64::try_from(normalized.mean(Kind::Float)).unwrap().abs() < 1e-6);
        assert!((f64::try_from(normalized.std(false)).unwrap() - 1.0).abs() < 1e-6);
    }
}
