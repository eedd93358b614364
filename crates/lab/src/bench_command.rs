//! `lab bench`: how many images per second the nets train on and evaluate on this machine.
#![expect(clippy::print_stdout, reason = "a command prints to its terminal")]

use std::time::Instant;

use labpress::recipe::image_classification::{Model, Params, Stem};
use labpress_runner::protocol;
use tch::{Device, Kind, Tensor, no_grad};

use super::model::{InputShape, Net};
use super::random::{Purpose, generator};
use super::train;

/// Images per step.
const BATCH: i64 = 64;
/// How many steps are timed, after one that is not.
const STEPS: u32 = 5;

/// Prints one row per net: the median of a few steps, as a rough guide.
pub(crate) fn run(device: protocol::Device, threads: Option<usize>) -> anyhow::Result<()> {
    super::machine::open_cuda();
    if let Some(threads) = threads.and_then(|threads| i32::try_from(threads.max(1)).ok()) {
        tch::set_num_threads(threads);
    }
    let device = super::machine::device(device)?;
    println!(
        "{device:?}, {} threads, batches of {BATCH}; images per second",
        tch::get_num_threads()
    );
    println!("{:<28} {:>8} {:>10} {:>10}", "net", "pixels", "training", "evaluation");
    let convnet = Model::Convnet { widths: vec![16, 32, 64, 128], batch_norm: true, dense: None };
    for (name, model, channels, side) in [
        ("mlp", Model::Mlp { hidden: vec![128] }, 1, 28),
        ("convnet 16-32-64-128", convnet, 1, 28),
        ("resnet9", Model::Resnet9 { width: 64, pretrained: None }, 3, 32),
        ("resnet18", Model::Resnet18 { stem: Stem::Small, pretrained: None }, 3, 32),
        ("efficientnet-lite0", Model::EfficientnetLite0 { pretrained: None }, 3, 96),
    ] {
        let [training, judging] = speeds(&model, channels, side, device)?;
        println!("{name:<28} {side:>8} {training:>10.0} {judging:>10.0}");
    }
    Ok(())
}

fn speeds(model: &Model, channels: usize, side: usize, device: Device) -> anyhow::Result<[f64; 2]> {
    let shape = InputShape { channels, rows: side, columns: side };
    let net = Net::new(model, shape, 10, &mut generator(0, Purpose::Weights), device)?;
    let mut optimizer = train::new_optimizer(&net, &Params::default());
    let images =
        Tensor::ones([BATCH, channels as i64, side as i64, side as i64], (Kind::Float, device));
    let labels = Tensor::zeros([BATCH], (Kind::Int64, device));
    let training = median_seconds(device, &mut || {
        net.forward(&images, true).cross_entropy_for_logits(&labels).backward();
        optimizer.step(1e-4, 0.9);
    });
    let judging = median_seconds(device, &mut || {
        let _ = no_grad(|| net.forward(&images, false));
    });
    Ok([BATCH as f64 / training, BATCH as f64 / judging])
}

#[expect(clippy::disallowed_methods, reason = "the command measures time")]
fn median_seconds(device: Device, work: &mut dyn FnMut()) -> f64 {
    let mut once = || {
        let started = Instant::now();
        work();
        if let Device::Cuda(index) = device {
            tch::Cuda::synchronize(index as i64);
        }
        started.elapsed().as_secs_f64()
    };
    once();
    let mut seconds: Vec<f64> = (0..STEPS).map(|_| once()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
