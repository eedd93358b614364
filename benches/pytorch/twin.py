"""The trainings of the `.yml` files beside this file, as one would write them in PyTorch. Reads the data sets and weights
that labpress has fetched. Prints one line of JSON.

    python twin.py convnet --seed 0 --threads 1 --layout channels-last
"""

import argparse
import gzip
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import nets

CACHE = Path(os.environ.get("LABPRESS_DATA") or Path.home() / ".cache/labpress/data")
TRAININGS = {
    "convnet": {"epochs": 3, "batch": 64, "train": 10000, "valid": 1000, "test": 10000, "padding": 2, "max-lr": 0.1,
                "smoothing": 0.0},
    "resnet9": {"epochs": 2, "batch": 64, "train": 2000, "valid": 500, "test": 1000, "padding": 4, "max-lr": 0.1,
                "smoothing": 0.1},
    "lite0": {"epochs": 2, "batch": 32, "train": 500, "valid": 100, "test": 500, "padding": 0, "max-lr": 0.001,
              "smoothing": 0.1},
}


def folder(name):
    return next(path for path in sorted(CACHE.glob(f"{name}-*")) if path.is_dir())


def fashion_mnist():
    def images(name):
        return torch.from_numpy(np.frombuffer(gzip.open(folder("fashion-mnist") / name).read(), np.uint8, offset=16)
                                .reshape(-1, 1, 28, 28).copy())

    def labels(name):
        return torch.from_numpy(np.frombuffer(gzip.open(folder("fashion-mnist") / name).read(), np.uint8, offset=8)
                                .astype(np.int64))

    return (images("train-images-idx3-ubyte.gz"), labels("train-labels-idx1-ubyte.gz"),
            images("t10k-images-idx3-ubyte.gz"), labels("t10k-labels-idx1-ubyte.gz"))


def cifar_10():
    def read(names):
        rows = np.concatenate([np.fromfile(folder("cifar-10") / name, np.uint8).reshape(-1, 3073) for name in names])
        return torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32)), torch.from_numpy(rows[:, 0].astype(np.int64))

    return *read([f"data_batch_{number}.bin" for number in range(1, 6)]), *read(["test_batch.bin"])


def resized(images, size):
    """Bilinear, with antialiasing, as bytes."""
    parts = [F.interpolate(part.float(), (size, size), mode="bilinear", antialias=True) for part in images.split(1024)]
    return torch.cat(parts).round().clamp(0, 255).byte()


def augmented(images, padding):
    """Flips half of a batch, and crops it out of a border of black."""
    count, _, rows, columns = images.shape
    images = torch.where((torch.rand(count) < 0.5)[:, None, None, None], images.flip(3), images)
    if padding == 0:
        return images
    row, column = (torch.randint(2 * padding + 1, (count, 1)) + torch.arange(length) for length in (rows, columns))
    padded = F.pad(images, [padding] * 4)
    # The channels come last behind an index like this, so they go back.
    return padded[torch.arange(count)[:, None, None], :, row[:, :, None], column[:, None, :]].permute(0, 3, 1, 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("training", choices=TRAININGS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--layout", choices=["contiguous", "channels-last"], default="contiguous")
    options = parser.parse_args()
    training = TRAININGS[options.training]
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)

    train_images, train_labels, test_images, test_labels = fashion_mnist() if options.training == "convnet" else cifar_10()
    order = torch.randperm(len(train_images))
    valid, train = order[-training["valid"]:], order[:training["train"]]
    valid_images, valid_labels = train_images[valid], train_labels[valid]
    train_images, train_labels = train_images[train], train_labels[train]
    test_images, test_labels = test_images[:training["test"]], test_labels[:training["test"]]
    memory_format = torch.channels_last if options.layout == "channels-last" else torch.contiguous_format
    if options.training == "lite0":
        train_images, valid_images, test_images = (resized(x, 96) for x in (train_images, valid_images, test_images))
        mean, deviation = 127.0, 128.0
    else:
        floats = train_images.float()
        mean = floats.mean((0, 2, 3), keepdim=True)
        deviation = floats.std((0, 2, 3), keepdim=True, correction=0)
        del floats
    normalized = lambda x: ((x.float() - mean) / deviation).contiguous(memory_format=memory_format)

    if options.training == "convnet":
        net = nets.convnet([16, 32, 64, 128])
        for layer in net:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    elif options.training == "resnet9":
        net = nets.ResNet9(32)
    else:
        net = nets.Lite0(10)
        weights = torch.load(next(folder("efficientnet-lite0").glob("*.pth")), weights_only=True)
        net.load_state_dict({name: w for name, w in weights.items() if not name.startswith("_fc.")}, strict=False)
    net = net.to(memory_format=memory_format)

    decayed = [parameter for parameter in net.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in net.parameters() if parameter.dim() <= 1]
    if options.training == "lite0":
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=0.001)
    else:
        groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    steps = -(-len(train_images) // training["batch"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, training["max-lr"], total_steps=training["epochs"] * steps,
                                                   base_momentum=0.85, max_momentum=0.95)

    def judged(images, labels):
        net.eval()
        with torch.inference_mode():
            scores = torch.cat([net(normalized(part)) for part in images.split(500)])
        return F.cross_entropy(scores, labels).item(), (scores.argmax(1) == labels).float().mean().item()

    started, losses, accuracies = time.perf_counter(), [], []
    for epoch in range(training["epochs"]):
        net.train()
        loss_sum = torch.zeros(())
        for chosen in torch.randperm(len(train_images)).split(training["batch"]):
            inputs = normalized(augmented(train_images[chosen], training["padding"]))
            labels = train_labels[chosen]
            loss = F.cross_entropy(net(inputs), labels, label_smoothing=training["smoothing"])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if options.training == "lite0":
                nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            loss_sum += loss.detach() * len(chosen)
        losses.append(loss_sum.item() / len(train_images))
        accuracies.append(judged(valid_images, valid_labels)[1])
    seconds = time.perf_counter() - started
    loss, accuracy = judged(test_images, test_labels)
    print(json.dumps({"train.loss": losses, "valid.accuracy": accuracies, "loss": loss, "accuracy": accuracy,
                      "parameters": sum(p.numel() for p in net.parameters()), "seconds": seconds}))


if __name__ == "__main__":
    main()
