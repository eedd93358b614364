#!/bin/sh
# Checks the spelling of everything in the repository by `typos`, which pip installs into target/tools at the first
# call. `_typos.toml` names the exceptions.
set -eu

version=1.52.0
cd "$(dirname "$0")/.."
tools=target/tools/typos-$version
[ -x "$tools/bin/typos" ] || python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
    --target "$tools" "typos==$version"
"$tools/bin/typos"
