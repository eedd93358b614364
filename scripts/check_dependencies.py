#!/usr/bin/env python3
"""Checks the licence and the source of every dependency, and that no new one is compiled in two versions.

A small part of what cargo-deny does. cargo-deny itself takes longer to compile than all other checks together.
"""

import json
import re
import subprocess
import sys

# What the binary and its licences are compatible with. `OR` needs one of them, `AND` all.
ALLOWED = {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "Unicode-3.0", "Zlib"}
# Packages that name a file instead of a licence, which somebody has read.
READ = {"libyaml-safer": "MIT"}
# Packages that our dependencies do not agree about. A name that is not here must have one version.
TWICE = {
    "block-buffer", "constant_time_eq", "cpufeatures", "crypto-common", "digest", "embedded-io", "getrandom", "hashbrown",
    "miniz_oxide", "phf", "phf_generator", "phf_macros", "phf_shared", "quick-error", "quick-xml", "r-efi", "rand", "rand_chacha",
    "rand_core", "sha2", "strum", "strum_macros", "syn", "thiserror", "thiserror-impl", "windows-sys", "zip",
}  # fmt: skip


def is_allowed(expression):
    """Evaluates a licence expression, in which `/` is an old way to write `OR`."""
    words = re.findall(r"[()]|[\w.+-]+", expression.replace("/", " OR "))

    def either():
        value = all_of()
        while words and words[0] == "OR":
            words.pop(0)
            value = all_of() or value
        return value

    def all_of():
        value = one()
        while words and words[0] == "AND":
            words.pop(0)
            value = one() and value
        return value

    def one():
        word = words.pop(0)
        if word == "(":
            value = either()
            words.pop(0)
            return value
        if words and words[0] == "WITH":
            # An exception permits more.
            del words[:2]
        return word in ALLOWED

    return either()


def problems(packages):
    versions = {}
    for package in packages:
        name, label = package["name"], f"{package['name']} {package['version']}"
        versions.setdefault(name, set()).add(package["version"])
        licence = package["license"] or READ.get(name)
        if licence is None:
            yield f"{label} names no licence: read its `{package['license_file']}`"
        elif not is_allowed(licence):
            yield f"{label} has the licence `{licence}`, which is not among those allowed"
        source = package["source"]
        if source is not None and not re.fullmatch(r"registry\+.*/crates\.io-index", source):
            yield f"{label} does not come from the registry: {source}"
    for name, of_name in sorted(versions.items()):
        if len(of_name) > 1 and name not in TWICE:
            yield f"{name} is there in {len(of_name)} versions ({', '.join(sorted(of_name))}): see `cargo tree -d`"
    for name in sorted(TWICE):
        if len(versions.get(name, ())) < 2:
            yield f"{name} has one version now: remove it from TWICE"


def main():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"]
    packages = json.loads(subprocess.check_output(command))["packages"]
    found = list(problems(packages))
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    print(f"{len(packages)} packages: {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
