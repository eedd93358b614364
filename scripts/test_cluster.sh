#!/usr/bin/env bash
# Runs the tests that need a service: an object store that speaks S3, which pip installs into target/tools.
set -euo pipefail

cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'tests/cluster/seaweedfs.sh down "$folder"; rm -rf "$folder"' EXIT
settings=$(tests/cluster/seaweedfs.sh up "$folder")
eval "$settings"
cargo test --package labpress --features cloud --test buckets
