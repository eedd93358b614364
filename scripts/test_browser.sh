#!/bin/sh
# Runs the tests of `labpress serve` and of the built-in theme in a browser. What they need is installed where it is
# missing, for which apt-get needs root: Node, npm and Chromium from Debian, playwright-core and axe-core from npm. No
# other browser is downloaded.
set -eu

cd "$(dirname "$0")/.."
missing=
for program in node npm chromium; do
    command -v "$program" >/dev/null || missing="$missing $([ $program = node ] && echo nodejs || echo $program)"
done
if [ -n "$missing" ]; then
    apt-get update
    # shellcheck disable=SC2086
    apt-get install --yes --no-install-recommends $missing
fi
cargo build --package labpress
# The long versions of tests that drive the preview without a browser.
SESSIONS=50 cargo test --package labpress --test serve -- --include-ignored thousand interrupted
cd tests/browser
npm ci --no-audit --no-fund
# One test after the other: they measure nothing, but a browser and a preview are enough for two cores.
node --test --test-concurrency=1
