#!/bin/sh
# Checks that the libraries compile for Windows, and all packages except `lab` for macOS, as far as that can be told
# without these systems: nothing is linked or run. rustup installs the standard libraries.
#
# Since nothing is linked, no C compiler for these systems is needed: the C code of dependencies is replaced by empty
# files, which is what the two programs below make.
set -eu

cd "$(dirname "$0")/.."
folder=$PWD/target/platforms
mkdir -p "$folder"
cat >"$folder/no-compiler" <<'PROGRAM'
#!/bin/sh
while [ $# -gt 1 ]; do
    if [ "$1" = -o ]; then : >"$2"; fi
    shift
done
PROGRAM
printf '#!/bin/sh\n' >"$folder/no-archiver"
chmod +x "$folder/no-compiler" "$folder/no-archiver"

check() { # TARGET PACKAGES
    target=$1
    shift
    rustup target add "$target"
    name=$(echo "$target" | tr - _)
    env "CC_$name=$folder/no-compiler" "AR_$name=$folder/no-archiver" cargo check --locked --target "$target" "$@"
}

# labpress itself stops its runs by signals, limits them and makes links, as Unix does.
check x86_64-pc-windows-gnu --package kramdown --package labpress-runner
check aarch64-apple-darwin
