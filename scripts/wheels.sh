#!/bin/sh
# Builds the wheels `labpress` and `labpress-lab` for this machine into dist/, by maturin, which pip installs into
# target/tools at the first call. `lab` finds libtorch in the package `torch` of the same environment.
set -eu

version=1.16.0
cd "$(dirname "$0")/.."
tools=$PWD/target/tools/maturin-$version
[ -x "$tools/bin/maturin" ] || python3 -m pip install --quiet --disable-pip-version-check \
    --root-user-action=ignore --target "$tools" "maturin==$version"

# From `bin` of an environment, of a user or of a system to the packages of each Python that torch supports.
path=
for minor in 10 11 12 13 14; do
    for packages in site-packages dist-packages; do
        path="$path:\$ORIGIN/../lib/python3.$minor/$packages/torch/lib"
    done
done

rm -rf dist
for package in labpress labpress-lab; do
    # The tag says `linux`: a wheel for this machine and its like, not for PyPI.
    (cd "packaging/pip/$package" && LAB_RPATH=${path#:} "$tools/bin/maturin" build --release --quiet \
        --compatibility linux --out ../../../dist)
done
