"""The training of `experiment.yml` beside this file in idiomatic PyTorch: prints one line of JSON with the test accuracy,
the seconds of training and the images a second. Unmeasured so far: see docs/performance.md.

    python3 twin.py --data FOLDER_WITH_BIN_BATCHES --precision bf16 --seed 0
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

EPOCHS, BATCH, PADDING, CUTOUT = 16, 512, 4, 8


def read(folder, names):
    rows = np.concatenate([np.fromfile(Path(folder) / name, np.uint8).reshape(-1, 3073) for name in names])
    return torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32)).cuda(), torch.from_numpy(rows[:, 0].astype(np.int64)).cuda()


def block(inputs, outputs, pool=False):
    layers = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []))


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(block(width, width), block(width, width))

    def forward(self, x):
        return x + self.body(x)


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def resnet9(w=64):
    return nn.Sequential(
        block(3, w), block(w, 2 * w, pool=True), Residual(2 * w), block(2 * w, 4 * w, pool=True),
        block(4 * w, 8 * w, pool=True), Residual(8 * w), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        nn.Linear(8 * w, 10, bias=False), Scaled(0.125))


def augmented(x):
    n = len(x)
    x = torch.where((torch.rand(n, device=x.device) < 0.5)[:, None, None, None], x.flip(3), x)
    rows, columns = (torch.randint(2 * PADDING + 1, (n, 1), device=x.device) + torch.arange(32, device=x.device)
                     for _ in range(2))
    x = F.pad(x, [PADDING] * 4)[torch.arange(n, device=x.device)[:, None, None], :, rows[:, :, None],
                                columns[:, None, :]].permute(0, 3, 1, 2)
    line = torch.arange(32, device=x.device)
    rows, columns = (torch.randint(32, (n, 1), device=x.device) for _ in range(2))
    inside = lambda centre: (line >= centre - CUTOUT // 2) & (line < centre + CUTOUT // 2)
    return x.masked_fill((inside(rows)[:, :, None] & inside(columns)[:, None, :])[:, None], 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    images, labels = read(options.data, [f"data_batch_{n}.bin" for n in range(1, 6)])
    test_images, test_labels = read(options.data, ["test_batch.bin"])
    floats = images.float()
    mean, deviation = floats.mean((0, 2, 3), keepdim=True), floats.std((0, 2, 3), keepdim=True)
    del floats
    scaled = lambda x: ((x.float() - mean) / deviation).contiguous(memory_format=torch.channels_last)

    net = resnet9().cuda().to(memory_format=torch.channels_last)
    decayed = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() <= 1]
    optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}],
                                lr=0.1, momentum=0.9, nesterov=True, fused=True)
    steps = -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.4, total_steps=EPOCHS * steps, pct_start=0.25)
    step_of = lambda averaged, present, n: averaged.lerp(present, 1 - min(0.995, (int(n) + 1) / (int(n) + 10)))
    average = AveragedModel(net, avg_fn=step_of, use_buffers=True)
    context = lambda: torch.autocast("cuda", torch.bfloat16, enabled=options.precision == "bf16")
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(images), device="cuda").split(BATCH):
            with context():
                loss = F.cross_entropy(net(scaled(augmented(images[chosen]))), labels[chosen], label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
            average.update_parameters(net)
    torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    average.eval()
    with torch.no_grad(), context():
        right = sum(((average(x).softmax(1) + average(x.flip(3)).softmax(1)).argmax(1) == y).sum().item()
                    for x, y in zip(map(scaled, test_images.split(1000)), test_labels.split(1000)))
    print(json.dumps({"precision": options.precision, "seed": options.seed, "accuracy": right / len(test_images),
                      "seconds": seconds, "images-per-second": EPOCHS * len(images) / seconds,
                      "device": torch.cuda.get_device_name(), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
