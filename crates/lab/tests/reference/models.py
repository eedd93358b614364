"""Writes models.json and legacy.pth beside this file: what PyTorch makes of the nets that crates/lab/src/model/ builds.

    pip install torch==2.11.0 torchvision && python tests/reference/models.py

Every tensor is filled by a formula that both sides know, so that only results have to be kept: scores in training and
in evaluation, and for each tensor one number that depends on all of its gradient (or, for BatchNorm's statistics, on
all of its value). Everything is computed in 64 bits, so the tests can ask for nine digits.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import nn

HERE = Path(__file__).parent


def filled(shape, seed):
    """Numbers from -0.5 to 0.5 that look like noise."""
    count = torch.Size(shape).numel()
    index = torch.arange(count, dtype=torch.int64)
    return (((index * 7919 + seed * 104729 + index * index % 613) % 1009).double() / 1009 - 0.5).view(shape)


def probe(tensor, seed):
    return (tensor.detach() * filled(tensor.shape, seed)).sum().item()


class Same(nn.Conv2d):
    """TensorFlow's SAME, by its definition."""

    def forward(self, x):
        def border(length, size, step):
            total = max((-(-length // step) - 1) * step + size - length, 0)
            return total // 2, total - total // 2

        rows = border(x.shape[2], self.kernel_size[0], self.stride[0])
        columns = border(x.shape[3], self.kernel_size[1], self.stride[1])
        return super().forward(F.pad(x, (*columns, *rows)))


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, size, stride, expansion):
        super().__init__()
        inner = inputs * expansion
        norm = lambda channels: nn.BatchNorm2d(channels, eps=1e-3)
        if expansion > 1:
            self._expand_conv = Same(inputs, inner, 1, bias=False)
            self._bn0 = norm(inner)
        self._depthwise_conv = Same(inner, inner, size, stride, groups=inner, bias=False)
        self._bn1 = norm(inner)
        self._project_conv = Same(inner, outputs, 1, bias=False)
        self._bn2 = norm(outputs)
        self.expands, self.adds = expansion > 1, stride == 1 and inputs == outputs

    def forward(self, x):
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class Lite0(nn.Module):
    def __init__(self, classes):
        super().__init__()
        stages = [(1, 3, 1, 1, 32, 16), (2, 3, 2, 6, 16, 24), (2, 5, 2, 6, 24, 40), (3, 3, 2, 6, 40, 80),
                  (3, 5, 1, 6, 80, 112), (4, 5, 2, 6, 112, 192), (1, 3, 1, 6, 192, 320)]
        self._conv_stem = Same(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        self._blocks = nn.ModuleList(
            Inverted(inputs if first else outputs, outputs, size, stride if first else 1, expansion)
            for repeats, size, stride, expansion, inputs, outputs in stages
            for first in [True] + [False] * (repeats - 1))
        self._conv_head = Same(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, classes)

    def forward(self, x):
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = F.relu6(self._bn1(self._conv_head(x)))
        return self._fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Unit(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Halving(Unit):
    def __init__(self, inputs, outputs, residual):
        super().__init__(inputs, outputs)
        if residual:
            self.residual = nn.Sequential(Unit(outputs, outputs), Unit(outputs, outputs))
        self.adds = residual

    def forward(self, x):
        x = F.max_pool2d(super().forward(x), 2)
        return x + self.residual(x) if self.adds else x


class Resnet9(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.prep = Unit(3, width)
        self.layer1 = Halving(width, 2 * width, True)
        self.layer2 = Halving(2 * width, 4 * width, False)
        self.layer3 = Halving(4 * width, 8 * width, True)
        self.classifier = nn.Linear(8 * width, classes, bias=False)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.prep(x))))
        return self.classifier(F.max_pool2d(x, 4).flatten(1)) * 0.125


def resnet18(classes, small):
    net = torchvision.models.resnet18(num_classes=classes)
    if small:
        net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        net.maxpool = nn.Identity()
    return net


def convnet(batch_norm, dense):
    layers, inputs = [], 3
    for width in (4, 6):
        layers.append(nn.Conv2d(inputs, width, 3, padding=1, bias=not batch_norm))
        layers += [nn.BatchNorm2d(width)] if batch_norm else []
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        inputs = width
    if dense:
        layers += [nn.Flatten(), nn.Linear(6 * 2 * 2, 5), nn.ReLU(), nn.Linear(5, 3)]
    else:
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)]
    return nn.Sequential(*layers)


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 7), nn.ReLU(), nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3))


def fill(net):
    """Fills each tensor by its place in the order of names."""
    named = [(name, tensor) for name, tensor in net.state_dict().items() if not name.endswith("num_batches_tracked")]
    for seed, (name, tensor) in enumerate(sorted(named)):
        if name.endswith("running_var"):
            value = 1 + filled(tensor.shape, seed)
        elif tensor.dim() == 1:
            # Weights of BatchNorm around 1; biases around 0, which is all that tells them apart here.
            value = filled(tensor.shape, seed) + (0 if name.endswith(("bias", "running_mean")) else 1)
        else:
            value = filled(tensor.shape, seed) * (12 / tensor[0].numel()) ** 0.5
        tensor.copy_(value)


def case(net, images, side):
    net = net.double()
    fill(net)
    inputs = filled((images, 3, side, side), 1000).mul(4).requires_grad_()
    net.eval()
    evaluated = net(inputs).detach()
    net.train()
    scores = net(inputs)
    (scores * filled(scores.shape, 1001)).sum().backward()
    gradients = {name: probe(tensor.grad, 1002) for name, tensor in sorted(net.named_parameters())}
    statistics = {name: probe(tensor, 1002) for name, tensor in sorted(net.named_buffers()) if "running" in name}
    return {"images": images, "side": side, "evaluated": evaluated.flatten().tolist(),
            "trained": scores.detach().flatten().tolist(), "input-gradient": probe(inputs.grad, 1002),
            "gradients": gradients, "statistics": statistics}


def main():
    torch.set_num_threads(1)
    cases = {
        "mlp": case(mlp(), 4, 4),
        "convnet": case(convnet(False, True), 4, 9),
        "convnet-batch-norm": case(convnet(True, False), 4, 8),
        "resnet9": case(Resnet9(4, 3), 4, 32),
        "resnet18": case(resnet18(3, False), 4, 48),
        "resnet18-small": case(resnet18(3, True), 4, 16),
        # 66 pixels halve to 33, 17, 9, 5 and 3: borders that are even and borders that are not.
        "efficientnet-lite0": case(Lite0(3), 4, 66),
    }
    (HERE / "models.json").write_text(json.dumps(cases, indent=1) + "\n")

    # Three tensors in two storages, one of them transposed, as a state dict has them.
    base = torch.arange(12, dtype=torch.float32) / 8
    net = nn.Sequential(nn.BatchNorm1d(2)).state_dict()
    net.clear()
    net["transposed.weight"] = base[:6].view(2, 3).t()
    net["part.bias"] = base[6:8]
    net["part.num_batches_tracked"] = torch.tensor(7)
    torch.save(net, HERE / "legacy.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
