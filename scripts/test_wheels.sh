#!/bin/sh
# Installs the wheels of dist/ into a fresh environment and takes the tour of the README there, with training, with no
# compiler and no other program on the path. `make wheels` comes first.
#
# The package `torch` is 900 MB and brings 3 GB of CUDA: the environment gets the same libraries from `.libtorch` instead.
# With FULL=1, pip installs it.
set -eu

cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'test_wheels: %s\n' "$*" >&2; exit 1; }

if ! python3 -c 'import ensurepip' 2>/dev/null; then
    apt-get update
    apt-get install --yes --no-install-recommends python3-venv
fi
python3 -m venv "$work/env"
pip="$work/env/bin/pip --quiet --disable-pip-version-check"
if [ -n "${FULL:-}" ]; then
    $pip install dist/*.whl
else
    $pip install --no-index dist/labpress-*.whl
    $pip install --no-index --no-deps dist/labpress_lab-*.whl
    packages=$("$work/env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    mkdir "$packages/torch"
    ln -s "$(readlink -f .libtorch)/lib" "$packages/torch/lib"
fi

labpress() { env -i HOME="$work" PATH="$work/env/bin" labpress "$@"; }
labpress --version | grep --quiet '^target: ' || fail "--version does not name the target"
env -i PATH="$work/env/bin" lab info | grep --quiet 2.11 || fail "lab does not find libtorch"
if command -v readelf >/dev/null && readelf -d "$work/env/bin/lab" | grep --quiet "$root"; then fail "lab looks for libtorch in the checkout"; fi

labpress new site "$work/blog"
cd "$work/blog"
labpress build --locked
labpress new experiment first
cat > _posts/2026-11-23-first.md <<'END'
---
layout: post
title: Does width help?
---
The net gets {% value first.small.accuracy %}.
END
cat > experiments/first/experiment.yml <<'END'
title: My first net
recipe: image-classification
data: digits
seeds: 2
params: {epochs: 2}
variants:
  small: {model: {kind: mlp, hidden: [16]}}
END
labpress build
labpress build --locked
labpress check
grep --recursive --quiet 'The net gets .*%' public || fail "the number is not on the page"
