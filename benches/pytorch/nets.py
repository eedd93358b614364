"""The nets of labpress's recipe in PyTorch, with the names that their tensors have there."""

import torch
from torch import nn
from torch.nn import functional as F


def convnet(widths, channels=1, classes=10, batch_norm=True):
    """Blocks of convolution, BatchNorm, ReLU and pooling, then the mean of the map and a linear layer."""
    layers = []
    for width in widths:
        layers.append(nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(width))
        layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        channels = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    return nn.Sequential(*layers)


class ConvBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Layer(nn.Module):
    def __init__(self, inputs, outputs, residual):
        super().__init__()
        self.block = ConvBlock(inputs, outputs)
        self.residual = nn.Sequential(ConvBlock(outputs, outputs), ConvBlock(outputs, outputs)) if residual else None

    def forward(self, x):
        x = F.max_pool2d(self.block(x), 2)
        return x if self.residual is None else x + self.residual(x)


class ResNet9(nn.Module):
    """David Page's net of "How to train your ResNet" (2018)."""

    def __init__(self, width=64, channels=3, classes=10):
        super().__init__()
        self.prep = ConvBlock(channels, width)
        self.layer1 = Layer(width, 2 * width, residual=True)
        self.layer2 = Layer(2 * width, 4 * width, residual=False)
        self.layer3 = Layer(4 * width, 8 * width, residual=True)
        self.classifier = nn.Linear(8 * width, classes, bias=False)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.prep(x))))
        return self.classifier(x.amax((2, 3))) * 0.125


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's `SAME` padding."""

    def forward(self, x):
        (size, _), (stride, _) = self.kernel_size, self.stride
        rows, columns = (max((length - 1) // stride * stride + size - length, 0) for length in x.shape[2:])
        if rows % 2 == 0 and columns % 2 == 0:
            return F.conv2d(x, self.weight, self.bias, self.stride, (rows // 2, columns // 2), 1, self.groups)
        x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)


def batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """An inverted residual."""

    def __init__(self, inputs, outputs, size, stride, expansion):
        super().__init__()
        inner = inputs * expansion
        self.expands = expansion > 1
        self.is_residual = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = SameConv2d(inputs, inner, 1, bias=False)
            self._bn0 = batch_norm(inner)
        self._depthwise_conv = SameConv2d(inner, inner, size, stride, groups=inner, bias=False)
        self._bn1 = batch_norm(inner)
        self._project_conv = SameConv2d(inner, outputs, 1, bias=False)
        self._bn2 = batch_norm(outputs)

    def forward(self, x):
        out = x
        if self.expands:
            out = F.relu6(self._bn0(self._expand_conv(out)), inplace=True)
        out = F.relu6(self._bn1(self._depthwise_conv(out)), inplace=True)
        out = self._bn2(self._project_conv(out))
        return out + x if self.is_residual else out


class Lite0(nn.Module):
    """EfficientNet-Lite0 with the names of the published weights; without their dropout."""

    # Repeats, kernel, stride of the first, expansion, channels.
    STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
              (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]

    def __init__(self, classes=1000):
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, 2, bias=False)
        self._bn0 = batch_norm(32)
        blocks, inputs = [], 32
        for repeats, size, stride, expansion, outputs in self.STAGES:
            for repeat in range(repeats):
                blocks.append(Block(inputs, outputs, size, stride if repeat == 0 else 1, expansion))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv2d(inputs, 1280, 1, bias=False)
        self._bn1 = batch_norm(1280)
        self._fc = nn.Linear(1280, classes)

    def forward(self, x):
        x = F.relu6(self._bn0(self._conv_stem(x)), inplace=True)
        for block in self._blocks:
            x = block(x)
        x = F.relu6(self._bn1(self._conv_head(x)), inplace=True)
        return self._fc(x.mean((2, 3)))
