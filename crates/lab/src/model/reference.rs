//! Compares the nets with PyTorch's numbers, which `tests/reference/models.py` computes.

use std::collections::BTreeMap;

use labpress::recipe::image_classification::{Model, Stem};
use serde::Deserialize;
use tch::{Device, Kind, Tensor, no_grad};

use super::super::random::{Purpose, generator};
use super::{InputShape, Net};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Case {
    images: i64,
    side: i64,
    evaluated: Vec<f64>,
    trained: Vec<f64>,
    input_gradient: f64,
    gradients: BTreeMap<String, f64>,
    statistics: BTreeMap<String, f64>,
}

/// Numbers from -0.5 to 0.5 that look like noise.
fn filled(shape: &[i64], seed: i64) -> Tensor {
    let count = shape.iter().product();
    let number = |index: i64| {
        ((index * 7919 + seed * 104_729 + index * index % 613) % 1009) as f64 / 1009.0 - 0.5
    };
    Tensor::from_slice(&(0..count).map(number).collect::<Vec<f64>>()).view(shape)
}

fn probe(tensor: &Tensor, seed: i64) -> f64 {
    f64::try_from((tensor.detach() * filled(&tensor.size(), seed)).sum(Kind::Double))
        .expect("it is one number")
}

/// The value of a tensor, determined by its name and its position in the order of names.
fn value(name: &str, shape: &[i64], seed: i64) -> Tensor {
    let filled = filled(shape, seed);
    if name.ends_with("running_var") {
        filled + 1.0
    } else if shape.len() == 1 {
        filled + if name.ends_with("bias") || name.ends_with("running_mean") { 0.0 } else { 1.0 }
    } else {
        filled * (12.0 / shape[1..].iter().product::<i64>() as f64).sqrt()
    }
}

#[track_caller]
fn check_close(what: &str, found: f64, expected: f64, scale: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * scale.max(1.0),
        "{what}: {found}, PyTorch has {expected}"
    );
}

/// Checks scores, gradients and BatchNorm's statistics in 64 bits.
#[track_caller]
fn check(name: &str, model: &Model) {
    tch::set_num_threads(1);
    let text = include_str!("../../tests/reference/models.json");
    let cases: BTreeMap<String, Case> = serde_json::from_str(text).expect("the script wrote it");
    let case = &cases[name];
    let shape = InputShape { channels: 3, rows: case.side as usize, columns: case.side as usize };
    let net = Net::new(model, shape, 3, &mut generator(0, Purpose::Weights), Device::Cpu)
        .expect("it fits");
    let mut tensors = net.tensors();
    tensors.sort_by(|(one, _), (other, _)| one.cmp(other));
    no_grad(|| {
        for (seed, (name, tensor)) in tensors.iter_mut().enumerate() {
            let value = value(name, &tensor.size(), seed as i64);
            tensor.set_data(&value);
        }
    });
    let inputs =
        (filled(&[case.images, 3, case.side, case.side], 1000) * 4.0).set_requires_grad(true);

    let compare = |what: &str, found: &Tensor, expected: &[f64]| {
        let found: Vec<f64> =
            Vec::try_from(found.detach().flatten(0, -1)).expect("they are numbers");
        assert_eq!(found.len(), expected.len());
        found
            .iter()
            .zip(expected)
            .for_each(|(&found, &expected)| check_close(what, found, expected, 1.0));
    };
    compare("in evaluation", &no_grad(|| net.forward(&inputs, false)), &case.evaluated);
    let features = net.features(&inputs, true);
    let scores = net.head(&features, true);
    compare("in training", &scores, &case.trained);
    (&scores * filled(&scores.size(), 1001)).sum(Kind::Double).backward();
    check_close(
        "the input's gradient",
        probe(&inputs.grad(), 1002),
        case.input_gradient,
        case.input_gradient,
    );
    let mut known = 0;
    for (name, tensor) in &tensors {
        let (found, expected) = match case.gradients.get(name) {
            Some(expected) => (probe(&tensor.grad(), 1002), expected),
            None => (
                probe(tensor, 1002),
                case.statistics.get(name).unwrap_or_else(|| panic!("PyTorch has no {name}")),
            ),
        };
        check_close(name, found, *expected, expected.abs());
        known += 1;
    }
    assert_eq!(known, case.gradients.len() + case.statistics.len());
}

#[test]
fn an_mlp_computes_what_pytorch_computes() {
    check("mlp", &Model::Mlp { hidden: vec![7, 5] });
}

#[test]
fn convnets_compute_what_pytorch_computes() {
    check("convnet", &Model::Convnet { widths: vec![4, 6], batch_norm: false, dense: Some(5) });
    check(
        "convnet-batch-norm",
        &Model::Convnet { widths: vec![4, 6], batch_norm: true, dense: None },
    );
}

#[test]
fn resnets_compute_what_pytorch_computes() {
    check("resnet9", &Model::Resnet9 { width: 4, pretrained: None });
    check("resnet18", &Model::Resnet18 { stem: Stem::Imagenet, pretrained: None });
    check("resnet18-small", &Model::Resnet18 { stem: Stem::Small, pretrained: None });
}

#[test]
fn efficientnet_lite_computes_what_pytorch_computes() {
    check("efficientnet-lite0", &Model::EfficientnetLite0 { pretrained: None });
}
