#!/bin/sh
# Packs target/release/labpress for others with Linux and this kind of processor: dist/labpress-VERSION-TARGET.tar.gz
# with the program, the licences, completions and the manual, and its SHA-256 beside it.
set -eu

cd "$(dirname "$0")/.."
labpress=target/release/labpress
field() { "$labpress" --version | sed -n "s/^$1:\{0,1\} //p"; }
name=labpress-$(field labpress)-$(field target)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p dist "$work/$name/completions"
cp "$labpress" README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$work/$name"
for shell in bash zsh fish; do
    "$labpress" completions $shell > "$work/$name/completions/labpress.$shell"
done
"$labpress" man "$work/$name/man" > /dev/null
rm -f "$work/$name/man/.labpress-files"
# The same program gives the same archive.
tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory "$work" "$name" |
    gzip --no-name > "dist/$name.tar.gz"
(cd dist && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
echo "dist/$name.tar.gz"
