//! `lab classify`: classifies pictures with a net trained on `ImageNet`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints to its terminal")]

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use labpress::data::fetch::fetch;
use labpress::data::images::Images;
use labpress::data::{IMAGENET_NAMES, published_weights};
use labpress::recipe::image_classification::Model;
use tch::{Device, Kind, no_grad};

use super::command_line;
use super::model::{Head, InputShape, Net};
use super::random::{Purpose, generator};
use super::samples::{Scale, pixels};
use super::weights;

/// How many classes are printed per picture.
const SHOWN: i64 = 5;
/// `ImageNet`'s.
const CLASSES: usize = 1000;

/// Which pictures, and which net.
#[derive(Debug, Args)]
pub(crate) struct Pictures {
    /// PNG or JPEG files; the central square of each is classified
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The net.
    #[arg(long, default_value = "efficientnet-lite0")]
    net: Published,
    /// Rows and columns that pictures are resized to [default: those that the net was trained on]
    #[arg(long, value_parser = clap::value_parser!(u32).range(32..=1024))]
    size: Option<u32>,
}

/// The nets with published weights.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Published {
    EfficientnetLite0,
    EfficientnetLite1,
    EfficientnetLite2,
}

impl Published {
    /// Its name, how it is built, and the rows and columns of the images that it was trained on.
    fn parts(self) -> (&'static str, Model, u32) {
        let pretrained = None;
        match self {
            Published::EfficientnetLite0 => {
                ("efficientnet-lite0", Model::EfficientnetLite0 { pretrained }, 224)
            }
            Published::EfficientnetLite1 => {
                ("efficientnet-lite1", Model::EfficientnetLite1 { pretrained }, 240)
            }
            Published::EfficientnetLite2 => {
                ("efficientnet-lite2", Model::EfficientnetLite2 { pretrained }, 260)
            }
        }
    }
}

/// Downloads the weights if necessary, and prints the five most probable classes of each picture.
pub(crate) fn run(wish: &Pictures) -> anyhow::Result<()> {
    let (name, model, size) = wish.net.parts();
    let size = wish.size.unwrap_or(size);
    // Before anything is downloaded for them.
    let pictures: Vec<(&Path, Images)> = wish
        .files
        .iter()
        .map(|path| Ok((path.as_path(), picture(path, size)?)))
        .collect::<anyhow::Result<_>>()?;
    let names = class_names(&fetched(IMAGENET_NAMES)?)?;
    let shape = InputShape { channels: 3, rows: size as usize, columns: size as usize };
    let net = Net::new(&model, shape, CLASSES, &mut generator(0, Purpose::Weights), Device::Cpu)?;
    let head = net.load(&weights::read(&fetched(name)?)?)?;
    ensure!(head == Head::Loaded, "the weights of `{name}` are not for {CLASSES} classes");
    let scaling =
        net.input_scaling().context("a net with published weights says how pixels are scaled")?;
    let scale = Scale::given(scaling, Device::Cpu);
    for (path, image) in pictures {
        let pixels = scale.normalized(&pixels(&image, &[0], Device::Cpu));
        let probabilities = no_grad(|| net.forward(&pixels, false)).softmax(-1, Kind::Float);
        let (likeliest, classes) = probabilities.topk(SHOWN, -1, true, true);
        let (likeliest, classes): (Vec<f32>, Vec<i64>) =
            (Vec::try_from(likeliest.view(-1))?, Vec::try_from(classes.view(-1))?);
        println!("{}", path.display());
        for (probability, class) in likeliest.iter().zip(classes) {
            println!("  {probability:.3}  {class:>3}  {}", names[class as usize]);
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the command line reads the files it is given")]
fn picture(path: &Path, size: u32) -> anyhow::Result<Images> {
    let read = || Images::of_picture(&std::fs::read(path)?, size);
    read().with_context(|| format!("cannot read the picture `{}`", path.display()))
}

/// The file of published weights, in the cache.
fn fetched(name: &str) -> anyhow::Result<PathBuf> {
    let (set, file) =
        published_weights(name).with_context(|| format!("there are no weights of `{name}`"))?;
    let cache = command_line::cache()?;
    Ok(fetch(&format!("{name}-weights"), &set, &cache, &mut |line| eprintln!("{line}"))?.join(file))
}

#[expect(clippy::disallowed_methods, reason = "the command line reads the names of classes")]
fn class_names(path: &Path) -> anyhow::Result<Vec<String>> {
    let names = || -> anyhow::Result<Vec<String>> {
        let names: Vec<String> = serde_json::from_slice(&std::fs::read(path)?)?;
        ensure!(names.len() == CLASSES, "it has {} names, and should have {CLASSES}", names.len());
        Ok(names)
    };
    names().with_context(|| format!("cannot read the names of classes in `{}`", path.display()))
}
