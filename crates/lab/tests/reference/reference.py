"""Writes the reference values that the tests of `crates/lab/` compare with: what PyTorch, torchvision and scikit-learn
compute. Run it from anywhere; the JSON files beside it are its output, committed, but for models.json, which models.py
writes.

    pip install torch==2.11.0 torchvision==0.26.0 scikit-learn numpy
    python tests/reference/reference.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
torch.set_num_threads(1)


def noise(count, number):
    """`count` numbers from -1 to below 1 that look random; the tests of `optimizer.rs` make the same."""
    value = (np.arange(count, dtype=np.uint64) * 2654435761 + number * 974711) % 2**32
    value ^= value >> 16
    value = (value * 2246822519) % 2**32
    value ^= value >> 13
    return torch.from_numpy((value.astype(np.float64) / 2**31 - 1).astype(np.float32))


def listed(tensor, digits=9):
    return [float(f"{number:.{digits}g}") for number in tensor.detach().double().flatten().tolist()]


def optimizers():
    """Two parameters (one of them a bias) over ten steps with given gradients."""
    sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    rules = [
        ({"kind": "sgd", "lr": 0.1, "momentum": 0.0}, sgd, {"lr": 0.1}),
        ({"kind": "sgd", "lr": 0.1, "momentum": 0.9, "weight-decay": 0.01}, sgd,
         {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
        ({"kind": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight-decay": 0.01}, sgd,
         {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
        ({"kind": "adam", "lr": 0.01, "weight-decay": 0.01}, adam, {"lr": 0.01, "weight_decay": 0.01}),
        ({"kind": "adam", "lr": 0.01, "beta1": 0.8, "beta2": 0.95}, adam, {"lr": 0.01, "betas": (0.8, 0.95)}),
        ({"kind": "adamw", "lr": 0.01, "weight-decay": 0.1}, adamw, {"lr": 0.01, "weight_decay": 0.1}),
    ]
    cases = []
    for params, rule, options in rules:
        for clip_norm in [None, 0.5]:
            for decays in [True, False]:
                for cycle in [False, True]:
                    weight, bias = noise(6, 1).view(2, 3).requires_grad_(), noise(3, 2).requires_grad_()
                    no_decay = {} if decays else {"weight_decay": 0.0}
                    optimizer = rule([{"params": [weight]}, {"params": [bias], **no_decay}], **options)
                    schedule = torch.optim.lr_scheduler.OneCycleLR(
                        optimizer, 0.2, total_steps=10, cycle_momentum="momentum" in options or rule != sgd,
                        base_momentum=0.7, max_momentum=0.9) if cycle else None
                    for step in range(10):
                        weight.grad, bias.grad = noise(6, 10 + step).view(2, 3), noise(3, 30 + step)
                        if clip_norm:
                            torch.nn.utils.clip_grad_norm_([weight, bias], clip_norm)
                        optimizer.step()
                        if schedule:
                            schedule.step() if step < 9 else None
                    params = {**params, "decay-norm-and-bias": decays}
                    cases.append({"optimizer": params, "clip-norm": clip_norm, "one-cycle": cycle,
                                  "weight": listed(weight), "bias": listed(bias)})
    return cases


def schedules():
    """Rate and momentum of every step, by PyTorch's schedulers."""

    def followed(make, steps, momentum=0.9, lr=0.1):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, momentum=momentum)
        schedule = make(optimizer)
        rates, momenta = [], []
        for step in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            momenta.append(optimizer.param_groups[0]["momentum"])
            optimizer.step()
            if step + 1 < steps:
                schedule.step()
        return {"steps": steps, "rates": rates, "momenta": momenta}

    lr = torch.optim.lr_scheduler
    return {
        "one-cycle": {"max-lr": 0.1, "warm-up": 0.3, "div": 25, "final-div": 1e4, "momentum-low": 0.85,
                      "momentum-high": 0.95,
                      **followed(lambda o: lr.OneCycleLR(o, 0.1, total_steps=40, base_momentum=0.85,
                                                         max_momentum=0.95), 40)},
        "short-cycle": {"max-lr": 0.5, "warm-up": 0.25, "div": 10, "final-div": 100, "momentum-low": 0.8,
                        "momentum-high": 0.9,
                        **followed(lambda o: lr.OneCycleLR(o, 0.5, total_steps=17, pct_start=0.25, div_factor=10,
                                                           final_div_factor=100, base_momentum=0.8,
                                                           max_momentum=0.9), 17)},
        # The rates of whole epochs.
        "step": {"every": 3, "factor": 0.2, "lr": 0.1, **followed(lambda o: lr.StepLR(o, 3, 0.2), 10)},
        # From the top at step 0, and one step more would end at `last` × `max-lr`.
        "cosine": {"max-lr": 0.1, "last": 0.01,
                   **followed(lambda o: lr.CosineAnnealingLR(o, 20, eta_min=0.001), 20)},
    }


def losses():
    """Cross-entropy of four images and three classes, and its gradient."""
    scores, labels, others = noise(12, 1).view(4, 3) * 3, torch.tensor([0, 2, 1, 2]), torch.tensor([2, 1, 0, 2])
    cases = []
    for smoothing in [0.0, 0.1]:
        for weights in [None, [0.5, 1.0, 2.0]]:
            for share in [None, 0.3]:
                x = scores.clone().requires_grad_()
                weight = torch.tensor(weights) if weights else None
                loss = lambda of: F.cross_entropy(x, of, weight=weight, label_smoothing=smoothing)
                value = loss(labels) if share is None else share * loss(labels) + (1 - share) * loss(others)
                value.backward()
                cases.append({"label-smoothing": smoothing, "class-weights": weights, "share": share,
                              "loss": value.item(), "gradient": listed(x.grad)})
    return {"scores": listed(scores), "labels": labels.tolist(), "others": others.tolist(), "cases": cases}


def augmentations():
    """torchvision's affine and colour changes of one image of floats from 0 to 255."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as T

    image = (noise(3 * 6 * 8, 5).view(3, 6, 8) * 127.5 + 127.5)
    affine = []
    for degrees, scale, shear, right, down in [
        (0, 1, 0, 0, 0), (30, 1, 0, 0, 0), (0, 1.25, 0, 0, 0), (0, 1, 20, 0, 0), (0, 1, 0, 2, -1),
        (-17, 0.8, 10, 1, 2), (170, 1.1, -35, -3, 1),
    ]:
        # Without a colour to fill with, what is outside is 0; a fill of 0 would darken the edge a second time.
        changed = T.affine(image, degrees, [right, down], scale, [shear, 0.0], InterpolationMode.BILINEAR)
        affine.append({"degrees": degrees, "scale": scale, "shear": shear, "right": right, "down": down,
                       "image": listed(changed, 7)})
    grey = image[:1]
    # torchvision's functions take floats to be from 0 to 1.
    by = lambda change, image, factor: listed(change(image / 255, factor) * 255, 7)
    colour = [{"factor": factor,
               "brightness": by(T.adjust_brightness, image, factor),
               "contrast": by(T.adjust_contrast, image, factor),
               "contrast-of-grey": by(T.adjust_contrast, grey, factor),
               "saturation": by(T.adjust_saturation, image, factor)} for factor in [0.4, 1.0, 1.7]]
    return {"image": listed(image, 9), "shape": [3, 6, 8], "affine": affine, "colour": colour}


def averages():
    """PyTorch's `AveragedModel` over BatchNorm, buffers included, with the decay that `Ema` has at each step."""
    from torch.optim.swa_utils import AveragedModel

    net = torch.nn.BatchNorm1d(2)
    count = [0]

    def average(averaged, present, _):
        decay = min(0.8, (count[0] + 1) / (count[0] + 10))
        return decay * averaged + (1 - decay) * present

    # Its first call would copy; so it is told that one is over.
    model = AveragedModel(net, avg_fn=average, use_buffers=True)
    model.n_averaged += 1
    for step in range(60):
        count[0] = step
        with torch.no_grad():
            net.weight.copy_(noise(2, 4 * step)), net.bias.copy_(noise(2, 4 * step + 1))
            net.running_mean.copy_(noise(2, 4 * step + 2)), net.running_var.copy_(noise(2, 4 * step + 3))
        model.update_parameters(net)
    averaged = model.module
    return {"decay": 0.8, "steps": 60, "weight": listed(averaged.weight), "bias": listed(averaged.bias),
            "running_mean": listed(averaged.running_mean), "running_var": listed(averaged.running_var)}


def metrics():
    """scikit-learn's metrics; calibration as Guo et al. (2017) define it, with 15 bins."""
    from sklearn import metrics as m

    cases = []
    for classes, count in [(2, 40), (4, 60)]:
        labels = ((noise(count, 11) + 1) / 2 * classes).long().numpy()
        scores = noise(count * classes, 12).view(count, classes) * 2
        scores[torch.arange(count), torch.from_numpy(labels)] += 1
        # Ties, as nets on few pixels make them.
        scores[1] = scores[0]
        probabilities = scores.double().softmax(1).numpy()
        predictions = probabilities.argmax(1)
        confidence, right = probabilities.max(1), predictions == labels
        bins = np.minimum((confidence * 15).astype(int), 14)
        ece = sum((bins == b).mean() * abs(confidence[bins == b].mean() - right[bins == b].mean())
                  for b in range(15) if (bins == b).any())
        one_hot = np.eye(classes)[labels]
        if classes == 2:
            auc, precision = m.roc_auc_score(labels, probabilities[:, 1]), m.average_precision_score(
                labels, probabilities[:, 1])
        else:
            auc = m.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
            precision = m.average_precision_score(one_hot, probabilities, average="macro")
        cases.append({
            "classes": classes, "labels": labels.tolist(), "scores": listed(scores, 9),
            "accuracy": m.accuracy_score(labels, predictions),
            "macro-f1": m.f1_score(labels, predictions, average="macro"),
            "auc": auc, "average-precision": precision,
            "log-loss": m.log_loss(labels, probabilities), "ece": float(ece),
            "top-2": 1.0 if classes == 2 else m.top_k_accuracy_score(labels, probabilities, k=2),
            "per-class": [dict(zip(["precision", "recall", "f1", "count"], map(float, row))) for row in zip(
                *m.precision_recall_fscore_support(labels, predictions, zero_division=0))],
        })
    return cases


def write(name, value):
    text = json.dumps(value, indent=None, separators=(",", ":"))
    # A line a case, so that a difference can be read.
    text = text.replace("},{", "},\n{")
    (HERE / f"{name}.json").write_text(text + "\n")
    print(f"{name}.json: {len(text):,} bytes")


if __name__ == "__main__":
    for make in [optimizers, schedules, losses, augmentations, averages, metrics]:
        write(make.__name__.replace("_", "-"), make())
