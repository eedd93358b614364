#!/usr/bin/env bash
# Trains resnet9 on CIFAR-10 on this machine's GPU, by `lab` and by PyTorch in turns, five seeds each.
# Needs `lab` (release) with libtorch's CUDA build of 2.11 (LIBTORCH_USE_PYTORCH=1 takes that of Python), and Python with
# torch 2.11.
# CIFAR names a folder with CIFAR-10's canonical binary batches, for PyTorch.
set -euo pipefail
cd "$(dirname "$0")/../.."
lab=${LAB:-target/release/lab}
out=${OUT:-target/gpu-bench}
mkdir -p "$out"
"$lab" info | tee "$out/info.json"
for seed in 0 1 2 3 4; do
  for variant in f32 bf16; do
    "$lab" train benches/gpu/experiment.yml --variant "$variant" --seed "$seed" --out "$out/lab-$variant-$seed"
    python3 benches/gpu/twin.py --data "${CIFAR:?folder with the canonical .bin batches}" --precision "$variant" \
      --seed "$seed" | tee "$out/torch-$variant-$seed.json"
  done
done
