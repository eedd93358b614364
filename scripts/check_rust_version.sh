#!/bin/sh
# Checks that the workspace compiles with the Rust that `rust-version` in Cargo.toml promises. If that is the Rust in
# use, all other checks have done so; otherwise rustup installs it.
set -eu

cd "$(dirname "$0")/.."
promised=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
case $(rustc --version) in
"rustc $promised."*)
    echo "Rust $promised, which rust-version promises, is the one in use"
    exit
    ;;
esac
rustup toolchain install --profile minimal --no-self-update "$promised"
cargo "+$promised" check --workspace --locked
