#!/bin/sh
# Makes libtorch 2.11.0 present for the program `lab` and links it as `.libtorch` in this checkout.
#
#   1. LIBTORCH, if set: a libtorch folder of yours (with `include` and `lib`), for example one with CUDA.
#   2. LIBTORCH_USE_PYTORCH=1: the libtorch inside the torch 2.11 of `python3`.
#   3. Otherwise the CPU part of the wheel torch==2.11.0, fetched by pip once (550 MB, of which 500 MB stay) into
#      $XDG_CACHE_HOME/labpress, where all checkouts share it.
#
# A second call does nothing; one that was interrupted, or a folder that lost files, is done again.
set -eu

version=2.11.0
checkout=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?is not set; set it or XDG_CACHE_HOME}/.cache}/labpress
target=$cache/libtorch-$version-cpu

say() { printf 'libtorch: %s\n' "$*"; }
fail() { printf 'libtorch: %s\n' "$*" >&2; exit 1; }

link() { # FOLDER
    [ -e "$1/include/torch/csrc/api/include/torch/torch.h" ] || fail "$1 has no include/torch; is it a libtorch folder?"
    [ -e "$1/lib/libtorch_cpu.so" ] || fail "$1 has no lib/libtorch_cpu.so; is it a libtorch folder?"
    # Touching an unchanged link would make cargo compile tch again.
    [ "$(readlink "$checkout/.libtorch" 2>/dev/null)" = "$1" ] || ln -sfn "$1" "$checkout/.libtorch"
}

# Every file of a folder with its size, in a fixed order.
listing() { # FOLDER
    (cd "$1" && find . ! -type d ! -path ./files.txt -printf '%s %p\n' | LC_ALL=C sort)
}

# files.txt is written last, so a folder that has it was once whole; the comparison finds what was lost since.
is_whole() {
    [ -f "$target/files.txt" ] && listing "$target" | cmp -s - "$target/files.txt"
}

if [ -n "${LIBTORCH:-}" ]; then
    folder=$(cd "$LIBTORCH" 2>/dev/null && pwd) || fail "LIBTORCH is $LIBTORCH, which is no folder"
    [ "$folder" = "$checkout/.libtorch" ] || link "$folder"
    say "using LIBTORCH, $folder"
    exit
fi

if [ -n "${LIBTORCH_USE_PYTORCH:-}" ]; then
    found=$(python3 -c 'import torch; print(torch.__version__); print(torch.__path__[0])') ||
        fail "LIBTORCH_USE_PYTORCH is set, but python3 cannot import torch: pip install torch==$version"
    case $found in
    "$version"*) ;;
    *) fail "python3 has torch $(printf '%s' "$found" | head -n 1), labpress needs $version: pip install torch==$version" ;;
    esac
    folder=$(printf '%s\n' "$found" | tail -n 1)
    link "$folder"
    say "using the torch of python3, $folder"
    exit
fi

if is_whole; then
    link "$target"
    exit
fi

platform="$(uname -s) $(uname -m)"
[ "$platform" = "Linux x86_64" ] ||
    fail "no pinned wheel for $platform; unpack libtorch $version and set LIBTORCH to its folder, or pip install torch==$version and set LIBTORCH_USE_PYTORCH=1"
python3 -m pip --version >/dev/null 2>&1 ||
    fail "needs python3 with pip to fetch libtorch (on Debian: apt-get install python3-pip), or set LIBTORCH to a folder with libtorch $version"
command -v find >/dev/null && command -v flock >/dev/null || fail "needs the programs find and flock (findutils, util-linux)"

mkdir -p "$cache"
exec 9>"$cache/libtorch.lock"
flock -n 9 || { say "another process is fetching it, waiting"; flock 9; }
if is_whole; then # the other one did it
    link "$target"
    exit
fi

# What an interrupted call left; the lock says that nobody is at work in it.
rm -rf "$target".new.*
new=$(mktemp -d "$target.new.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT TERM HUP

say "fetching torch $version by pip (550 MB, once for all checkouts) into $cache"
python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
    --only-binary=:all: --implementation cp --python-version 311 --abi cp311 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 \
    --dest "$new/wheels" --requirement "$checkout/scripts/libtorch.txt" ||
    fail "pip could not fetch what scripts/libtorch.txt names (no network, or a digest that differs); or set LIBTORCH to a folder with libtorch $version"

say "unpacking"
python3 - "$new" <<'PYTHON'
import glob, os, re, shutil, sys, zipfile

new = sys.argv[1]
# Which files of the wheels are kept, and under which name.
KEPT = [
    (r"torch/include/(.+)", r"include/\1"),
    (r"torch/lib/(libc10\.so|libtorch_cpu\.so|libgomp\.so\.1)", r"lib/\1"),
    (r"nvidia/cu13/lib/(libcudart\.so\.13|libcupti\.so\.13)", r"lib/\1"),
    (r"(?:torch|nvidia_[a-z_]+)-[0-9.]+\.dist-info/(?:licenses/)?(?:.*/)?(LICENSE|NOTICE|License\.txt)", None),
]
for wheel in sorted(glob.glob(f"{new}/wheels/*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            for pattern, name in KEPT:
                if not (match := re.fullmatch(pattern, entry.filename)) or entry.is_dir():
                    continue
                name = match.expand(name) if name else f"licences/{os.path.basename(wheel).split('-')[0]}/{match[1]}"
                path = os.path.join(new, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(entry) as source, open(path, "wb") as kept:
                    shutil.copyfileobj(source, kept, 1 << 20)
PYTHON
rm -rf "$new/wheels"
# The wheel's own libtorch.so wants CUDA; all it is for is to be linked to.
ln -s libtorch_cpu.so "$new/lib/libtorch.so"
printf '%s+cpu\n' "$version" >"$new/build-version"
for library in libc10.so libtorch_cpu.so libgomp.so.1 libcudart.so.13 libcupti.so.13; do
    [ -s "$new/lib/$library" ] || fail "the wheels hold no $library; please report this"
done
chmod 755 "$new"
listing "$new" >"$new/files.txt"
sync -f "$new" 2>/dev/null || true
rm -rf "$target"
mv "$new" "$target"
link "$target"
say "ready, $target"
if [ -e /proc/driver/nvidia/version ]; then
    say "this machine has an NVIDIA driver, but this libtorch is for the CPU. To train on the GPU: pip install torch==$version, then LIBTORCH_USE_PYTORCH=1 make libtorch"
fi
