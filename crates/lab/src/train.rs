//! The recipe `image-classification`: trains a net to classify images.

use std::time::Instant;

use anyhow::{Context, ensure};
use labpress::data::DataSet;
use labpress::data::format::Format;
use labpress::data::images::{Images, Wanted};
use labpress::digest::Digest;
use labpress::recipe::image_classification::{
    EarlyStopping, Params, Pretrained, REVISION, Stage, Tta, Tuning, Watched,
};
use labpress_runner::protocol::{ArtifactKind, Job};
use labpress_runner::reporter::Run;
use serde_json::json;
use tch::{Tensor, no_grad};

use super::checkpoint::{self, Best, Point, State};
use super::learning::{Learning, frozen_groups};
use super::metrics::Judgement;
use super::model::{InputShape, Net};
use super::optimizer::{Ema, Optimizer, groups};
use super::random::{Purpose, generator, shuffled};
use super::samples::{Samples, Scale, chosen};
use super::schedule::{When, learning_rate, momentum};
use super::{Outcome, artifacts, data, lr_find, machine, weights};

/// Trains, measures and records. A loss that is NaN or infinite ends the run as diverged.
pub(crate) fn run(
    mut run: Run,
    params: &Params,
    is_stop_asked: &dyn Fn() -> bool,
) -> anyhow::Result<Outcome> {
    let error = match train(&mut run, params, is_stop_asked) {
        Ok(Outcome::Done) => {
            run.done()?;
            return Ok(Outcome::Done);
        }
        Ok(outcome) => return Ok(outcome),
        Err(error) => error,
    };
    let NotFinite { name, epoch } = error.downcast()?;
    run.note("the training diverged: a lower learning rate may help")?;
    run.diverged(name, epoch)?;
    Ok(Outcome::Diverged)
}

/// A loss that is no longer finite. It has no value: whether it is infinite or NaN depends on when
/// the sum of an epoch is read.
#[derive(Debug)]
struct NotFinite {
    name: &'static str,
    /// The epoch, from 1; `None` for the result of the run.
    epoch: Option<u64>,
}

impl std::fmt::Display for NotFinite {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "`{}` is not finite any more", self.name)
    }
}

impl std::error::Error for NotFinite {}

/// Trains and measures. `is_stop_asked` is called before every step: if it returns true, a
/// checkpoint is written and the run is interrupted.
#[expect(clippy::disallowed_methods, reason = "how long training takes is one of the results")]
#[expect(clippy::too_many_lines, reason = "an experiment reads from top to bottom")]
fn train(
    run: &mut Run,
    params: &Params,
    is_stop_asked: &dyn Fn() -> bool,
) -> anyhow::Result<Outcome> {
    let job = &run.job.clone();
    let Setting { set, tested, unlabelled, train: whole_train, valid, test, mut net, learning } =
        setting(job, params)?;
    let device = learning.device;
    let group_count = net.groups().len();
    let mut optimizer = new_optimizer(&net, params);
    let mut ema = params.ema.map(|decay| Ema::new(decay, averaged_tensors(&net, &params.tuning)));

    // The steps. BatchNorm needs a variance, so a last batch of a single image is left out.
    let (images, batch_size) = (whole_train.count(), params.batch_size as usize);
    let epoch_images = if images % batch_size == 1 { images - 1 } else { images };
    let (epochs, epoch_steps) =
        (u64::from(params.epochs), epoch_images.div_ceil(batch_size) as u64);
    let steps = epochs * epoch_steps;

    run.start(machine::environment(device), Some(steps))?;

    // Start at the checkpoint or at the beginning. The events of earlier epochs are reported again,
    // so that the events of this process are complete.
    let checkpoints = run.checkpoints();
    let best_tensors = params.early_stopping.map(|_| copies(&net.tensors()));
    let kept_tensors: Vec<(String, Tensor)> = prefixed("net", net.tensors())
        .chain(prefixed("optimizer", optimizer.tensors()))
        .chain(prefixed("ema", ema.as_ref().map(Ema::tensors).unwrap_or_default()))
        .chain(prefixed("best", best_tensors.iter().flatten().map(shared).collect()))
        .collect();
    let this_job = digest(job, &set, params)?;
    let start = State::at_start(this_job);
    let mut state =
        match job.resume.then(|| checkpoint::restore(&checkpoints, &this_job, &kept_tensors)) {
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

    // A frozen body always computes the same features for an image, so compute them once.
    let started = Instant::now();
    let whole_train = learning.inputs(&net, whole_train);
    let valid = learning.inputs(&net, valid);

    // Find the learning rate, if requested.
    if params.schedule.has_rate_to_find() && state.found.is_none() {
        match lr_find::found(
            &learning,
            &net,
            new_optimizer(&net, params),
            &whole_train,
            job.seed,
            is_stop_asked,
        )? {
            Some(found) => state.found = Some(found),
            None => return Ok(Outcome::Interrupted),
        }
    }
    let schedule = lr_find::settled(&params.schedule, state.found.as_ref());
    if let Some(found) = &state.found {
        run.note(format!("the learning-rate finder suggests {:.2e}", found.rate))?;
    }
    state.seconds += started.elapsed().as_secs_f64();

    let mut smaller: Option<(Stage, Samples)> = None;
    for epoch in state.step / epoch_steps..epochs {
        if let Some(best) = is_over(params.early_stopping, &state, epoch) {
            run.note(format!(
                "stopped before epoch {} of {epochs}: epoch {} was the best",
                epoch + 1,
                best.epoch
            ))?;
            break;
        }
        let started = Instant::now();
        net.freeze(frozen_groups(&params.tuning, epoch, group_count));
        let current = stage(&params.progressive, epoch);
        if smaller.as_ref().map(|(stage, _)| *stage) != current {
            smaller = current.map(|stage| (stage, whole_train.resized(stage.image_size)));
        }
        let train = smaller.as_ref().map_or(&whole_train, |(_, train)| train);
        let order = Tensor::from_slice(&shuffled(
            &mut generator(job.seed, Purpose::Order { epoch }),
            images,
        ));
        let order = order.to_device(device);
        // Summed on the device and read once an epoch: reading them at every step would make a GPU
        // wait.
        let mut loss_sum = Tensor::from(state.loss_sum).to_device(device);
        let mut correct = Tensor::from(state.correct).to_device(device);
        for batch in state.step % epoch_steps..epoch_steps {
            let step = epoch * epoch_steps + batch;
            if is_stop_asked() {
                state.step = step;
                state.loss_sum = f64::try_from(&loss_sum)?;
                state.correct = i64::try_from(&correct)?;
                state.seconds += started.elapsed().as_secs_f64();
                checkpoint::save(&checkpoints, &state, &kept_tensors)
                    .context("cannot write the checkpoint")?;
                run.note(format!("stopped after step {step} of {steps}, as asked"))?;
                return Ok(Outcome::Interrupted);
            }

            let first = batch as usize * batch_size;
            let size = batch_size.min(epoch_images - first) as i64;
            let batch = order.narrow(0, first as i64, size);
            let changes = &mut generator(job.seed, Purpose::Augment { step });
            let when = When { step, steps, epoch };
            let rate = learning_rate(&schedule, &params.optimizer, when);
            let momentum = momentum(&schedule, &params.optimizer, when);
            let learnt =
                learning.learn(&net, &mut optimizer, train, &batch, changes, (rate, momentum));
            if let Some(ema) = &mut ema {
                ema.follow(step);
            }

            loss_sum += learnt.loss.to_kind(tch::Kind::Double) * size;
            correct += learnt.correct;
            if run.is_progress_due() {
                finite(f64::try_from(&loss_sum)?, "train.loss", Some(epoch + 1))?;
                run.progress(step + 1, steps)?;
            }
        }
        let trained =
            finite(f64::try_from(&loss_sum)? / epoch_images as f64, "train.loss", Some(epoch + 1))?;
        let train_accuracy = i64::try_from(&correct)? as f64 / epoch_images as f64;
        state.seconds += started.elapsed().as_secs_f64();

        // Measure the epoch, with the averaged weights if there are any.
        let last_step = (epoch + 1) * epoch_steps;
        ema.iter_mut().for_each(Ema::swap);
        let judgement = judgement(&learning.judged(&net, &valid, &Tta::default()), &valid)?;
        let valid_loss = finite(judgement.loss(), "valid.loss", Some(epoch + 1))?;
        for (name, value) in [
            ("train.loss", trained),
            ("train.accuracy", train_accuracy),
            ("valid.loss", valid_loss),
            ("valid.accuracy", judgement.accuracy()),
            (
                "lr",
                learning_rate(
                    &schedule,
                    &params.optimizer,
                    When { step: last_step - 1, steps, epoch },
                ),
            ),
        ] {
            run.point(name, epoch + 1, value)?;
            state.points.push(Point { name: name.to_owned(), epoch: epoch + 1, value });
        }
        if let (Some(EarlyStopping { metric, .. }), Some(best_tensors)) =
            (params.early_stopping, &best_tensors)
        {
            let (value, sign) = match metric {
                Watched::ValidLoss => (valid_loss, -1.0),
                Watched::ValidAccuracy => (judgement.accuracy(), 1.0),
            };
            if state.best.is_none_or(|best| sign * value > sign * best.value) {
                state.best = Some(Best { epoch: epoch + 1, value });
                copy(&net.tensors(), best_tensors);
            }
        }
        ema.iter_mut().for_each(Ema::swap);
        run.progress(last_step, steps)?;
        state = State { step: last_step, loss_sum: 0.0, correct: 0, ..state };
        checkpoint::save(&checkpoints, &state, &kept_tensors)
            .context("cannot write the checkpoint")?;
    }

    // The weights for the result: the best, the averaged or the last.
    match (&best_tensors, &mut ema) {
        (Some(best_tensors), _) => copy(best_tensors, &net.tensors()),
        (None, Some(ema)) => ema.swap(),
        (None, None) => {}
    }

    let judgement = judgement(&learning.judged(&net, &test, &params.tta), &test)?;
    finite(judgement.loss(), "loss", None)?;
    for (name, value) in results(&judgement) {
        run.result(name, value)?;
    }
    let parameters: usize = net.parameters().iter().map(Tensor::numel).sum();
    run.result("parameters", parameters as f64)?;
    if let Some(best) = state.best {
        run.result("best-epoch", best.epoch as f64)?;
    }
    if let Some(found) = &state.found {
        run.result("suggested-lr", found.rate)?;
        run.result("max-lr", found.rate)?;
        artifacts::write_curve(run, found)?;
    }
    run.timing("seconds", state.seconds)?;
    run.timing(
        "images-per-second",
        (state.step / epoch_steps * epoch_images as u64) as f64 / state.seconds,
    )?;

    artifacts::write_judgement(run, &judgement, &set.classes, &tested)?;
    if params.images {
        artifacts::write_grids(run, &judgement, &set.classes, &tested)?;
    }
    if let Some(images) = &unlabelled {
        let all: Vec<usize> = (0..images.count()).collect();
        let samples = Samples::of(images, &all, device);
        let judgement = self::judgement(&learning.judged(&net, &samples, &params.tta), &samples)?;
        artifacts::write_submission(run, &judgement, &set, images)?;
    } else if matches!(set.format, Format::Table { .. }) {
        // In a table without images to predict, the test images take the place of a competition's.
        artifacts::write_submission(run, &judgement, &set, &tested)?;
    }
    checkpoint::write_tensors(&run.folder().join("weights.safetensors"), &net.tensors())?;
    run.artifact("weights", "weights.safetensors", ArtifactKind::Checkpoint)?;
    Ok(Outcome::Done)
}

/// What a run starts with.
pub(crate) struct Setting<'a> {
    /// The declaration of the data set.
    set: DataSet,
    /// The test images, with what the data set says about them.
    tested: Images,
    /// Images without labels, whose classes are predicted.
    unlabelled: Option<Images>,
    /// The training images.
    pub(crate) train: Samples,
    /// The validation images.
    valid: Samples,
    /// The test images.
    test: Samples,
    pub(crate) net: Net,
    pub(crate) learning: Learning<'a>,
}

/// Reads the data, holds out some images of the training split for validation, and builds the net.
pub(crate) fn setting<'a>(job: &'a Job, params: &'a Params) -> anyhow::Result<Setting<'a>> {
    let device = machine::device(job.device)?;
    let job_data = job.data.as_ref().context("the recipe requires a data set")?;
    let set = data::declaration(job_data)?;
    let classes = &set.classes;
    // Nets trained on ImageNet expect colours.
    let channels = (params.model.pretrained() == Some(&Pretrained::Imagenet)).then_some(3);
    let wanted =
        Wanted { split: &params.split, seed: job.seed, image_size: params.image_size, channels };
    let splits = data::read(job_data, &set, &wanted)?;
    let indices = chosen(&splits.train, classes.len(), params, job.seed)?;
    let tested: Vec<usize> =
        (0..splits.test.count().min(count_or_all(params.test_images))).collect();
    let train = Samples::of(&splits.train, &indices.train, device);
    let valid = Samples::of(&splits.train, &indices.valid, device);
    let test = Samples::of(&splits.test, &tested, device);

    let Images { channels, rows, columns, .. } = splits.train;
    let side = rows.min(columns);
    ensure!(
        (params.tta.shift as usize) < side,
        "`tta.shift` must be less than the images' side, {side}"
    );
    let shape = InputShape { channels, rows, columns };
    let mut net = Net::new(
        &params.model,
        shape,
        classes.len(),
        &mut generator(job.seed, Purpose::Weights),
        device,
    )?;
    ensure!(
        job.weights.is_some() == params.model.pretrained().is_some(),
        "`run.json` must name a file of weights if and only if `model.pretrained` asks for one"
    );
    if let Some(path) = &job.weights {
        net.load(&weights::read(path)?)?;
    }
    if params.channels_last {
        net.use_channels_last();
    }
    net.freeze(frozen_groups(&params.tuning, 0, net.groups().len()));
    let scale = match net.input_scaling() {
        Some(scaling) => Scale::given(scaling, device),
        None => Scale::of(&splits.train, &indices.train, device),
    };
    let class_weights = train.class_weights(params.loss.class_weights, classes.len());
    let learning = Learning { params, device, scale, class_weights };
    Ok(Setting {
        set,
        tested: splits.test,
        unlabelled: splits.unlabelled,
        train,
        valid,
        test,
        net,
        learning,
    })
}

/// The optimizer of all groups that are trained at some time.
pub(crate) fn new_optimizer(net: &Net, params: &Params) -> Optimizer {
    let mut layers = net.groups();
    let always_frozen = frozen_groups(&params.tuning, u64::from(params.epochs), layers.len());
    let learning = layers.split_off(always_frozen);
    Optimizer::new(
        &params.optimizer,
        groups(&params.optimizer, learning, params.tuning.rate_decay()),
    )
}

/// The metrics of a judgement that are defined, in order.
fn results(judgement: &Judgement) -> Vec<(&'static str, f64)> {
    let mut results = vec![("accuracy", judgement.accuracy()), ("loss", judgement.loss())];
    if judgement.classes >= 6 {
        results.push(("top-5", judgement.top5()));
    }
    results.push(("macro-f1", judgement.macro_f1()));
    results.extend(judgement.auc().map(|auc| ("auc", auc)));
    results.extend(judgement.average_precision().map(|precision| ("average-precision", precision)));
    results.push(("ece", judgement.calibration_error()));
    results
}

fn judgement(log_probabilities: &Tensor, samples: &Samples) -> anyhow::Result<Judgement> {
    let labels: Vec<i64> = Vec::try_from(&samples.labels.to_device(tch::Device::Cpu))?;
    Ok(Judgement {
        classes: log_probabilities.size()[1] as usize,
        log_probabilities: Vec::try_from(
            log_probabilities.to_device(tch::Device::Cpu).reshape(-1),
        )?,
        labels: labels.into_iter().map(|label| label as usize).collect(),
    })
}

fn count_or_all(count: Option<u32>) -> usize {
    count.map_or(usize::MAX, |count| count as usize)
}

/// The stage of an epoch, counted from 0; `None` if images have their full size.
fn stage(stages: &[Stage], epoch: u64) -> Option<Stage> {
    let mut end = 0;
    stages.iter().copied().find(|stage| {
        end += u64::from(stage.epochs);
        epoch < end
    })
}

/// The best epoch, if it is long enough ago to stop early.
fn is_over(stopping: Option<EarlyStopping>, state: &State, epoch: u64) -> Option<Best> {
    let (stopping, best) = (stopping?, state.best?);
    (epoch - best.epoch >= u64::from(stopping.patience)).then_some(best)
}

/// The tensors of a net that are averaged: all of them, because BatchNorm's statistics belong to
/// the weights, or only those of the head if only that is trained.
fn averaged_tensors(net: &Net, tuning: &Tuning) -> Vec<(String, Tensor)> {
    let is_averaged =
        |(_, tensor): &(String, Tensor)| *tuning != Tuning::Frozen {} || tensor.requires_grad();
    net.tensors().into_iter().filter(is_averaged).collect()
}

fn shared((name, tensor): &(String, Tensor)) -> (String, Tensor) {
    (name.clone(), tensor.shallow_clone())
}

fn copies(tensors: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
    no_grad(|| {
        tensors.iter().map(|(name, tensor)| (name.clone(), tensor.detach().copy())).collect()
    })
}

fn copy(from: &[(String, Tensor)], to: &[(String, Tensor)]) {
    no_grad(|| from.iter().zip(to).for_each(|((_, from), (_, to))| to.shallow_clone().copy_(from)));
}

/// Returns a loss that is finite; any other ends the run. Epochs count from 1.
fn finite(loss: f64, name: &'static str, epoch: Option<u64>) -> Result<f64, NotFinite> {
    if loss.is_finite() { Ok(loss) } else { Err(NotFinite { name, epoch }) }
}

/// The digest of everything that decides the bits of a run, so that it never resumes from the
/// checkpoint of a different run.
fn digest(job: &Job, set: &DataSet, params: &Params) -> anyhow::Result<Digest> {
    Ok(Digest::of_value(&json!({
        "revision": REVISION,
        "seed": job.seed,
        "params": serde_json::to_value(params)?,
        "data": set.digest(),
        "device": job.device,
        "threads": job.threads,
    })))
}

fn prefixed(
    prefix: &str,
    tensors: Vec<(String, Tensor)>,
) -> impl Iterator<Item = (String, Tensor)> {
    tensors.into_iter().map(move |(name, tensor)| (format!("{prefix}.{name}"), tensor))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "these tests inspect the files on disk")]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use labpress::data::{built_in, fetch};
    use labpress::runner::collect::{collect, event};
    use labpress::yaml::Yaml;
    use labpress_runner::protocol::{Device, EVENTS_FILE, Event, JOB_FILE, JobData};

    use super::*;

    /// Trains on `digits` on one thread of the CPU.
    fn trained(params: serde_json::Value, folder: &Path) -> anyhow::Result<Outcome> {
        tch::set_num_threads(1);
        let declaration =
            DataSet::parse(&Yaml::file("digits.yml", built_in("digits").unwrap())).unwrap();
        let data = fetch::fetch("digits", &declaration, &folder.join("data"), &mut |_| {})?;
        let params: Params = serde_json::from_value(params)?;
        let job = Job {
            seed: 42,
            params: serde_json::to_value(&params)?,
            data: Some(JobData {
                name: "digits".to_owned(),
                folder: data,
                declaration: serde_json::to_value(declaration)?,
            }),
            device: Device::Cpu,
            ..Job::default()
        };
        std::fs::write(folder.join(JOB_FILE), serde_json::to_string(&job)?)?;
        run(Run::in_folder(folder)?, &params, &|| false)
    }

    /// Trains for a few steps and compares the numbers with those of this [`REVISION`]. Other kernels
    /// (AVX2, two threads) give different last bits: differences of 1e-7 were seen, a thousand times
    /// as much is allowed.
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
        let found: Vec<(&str, f64)> =
            expected.iter().map(|&(name, _)| (name, last[name])).collect();
        let same = expected
            .iter()
            .zip(&found)
            .all(|((_, expected), (_, found))| (found / expected - 1.0).abs() < 1e-4);
        assert!(
            same,
            "the recipe computes {found:?} instead of {expected:?}. If that is intended, raise \
             `REVISION` in src/recipe/image_classification/mod.rs, so that old results become \
             stale, and update the numbers here"
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
            &[
                ("train.loss", 1.184_628),
                ("valid.loss", 0.823_408),
                ("loss", 0.828_799),
                ("parameters", 2410.0),
            ],
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
            &[
                ("train.loss", 1.677_558),
                ("valid.loss", 1.345_903),
                ("loss", 1.445_466),
                ("parameters", 6082.0),
            ],
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
            "`train-images` is 2000, but the training split has 1437 images, of which 144 are \
             set aside; at most 1293 \
             are left",
        );
        check_error(
            json!({"valid-images": 1436}),
            "`valid-images` sets 1436 images aside, but the training split has only 1437; lower it",
        );
    }

    #[test]
    fn a_diverging_run_reports_where() {
        let params = json!({"epochs": 2, "optimizer": {"kind": "sgd", "lr": 1e30}});
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(trained(params, folder.path()).unwrap(), Outcome::Diverged);
        let events = std::fs::read_to_string(folder.path().join(EVENTS_FILE)).unwrap();
        let events: Vec<Event> = events.lines().map(|line| event(line).unwrap()).collect();
        let diverged = collect(&events).unwrap().diverged.unwrap();
        assert_eq!(
            diverged.phrase("epoch"),
            "diverged: `train.loss` became NaN or infinite at epoch 1"
        );
    }
}
