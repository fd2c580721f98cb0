#!/bin/sh
# localise.sh ARCHIVE SYMBOLS RESULT: a static library that shows the functions of SYMBOLS and nothing else, so that it can
# be linked beside another library that holds Rust's runtime too.
set -eu
archive=$1 symbols=$2 result=$3
folder=$(dirname "$result")
mkdir -p "$folder"
work=$(mktemp -d "$folder/localise.XXXXXX")
trap 'rm -rf "$work"' EXIT

roots=$(sed -n 's/^\(rpyc_[a-z0-9_]*\) .*/-u \1/p' "$symbols")
# Without --force-group-allocation the reference to the unwinder's routine stays in a group of its own and is not found later.
# shellcheck disable=SC2086
"${LD:-ld}" -r --force-group-allocation --gc-sections $roots "$archive" -o "$work/one.o"
# The sections of bitcode would make ar call the linker's plugin.
"${OBJCOPY:-objcopy}" -w --keep-global-symbol='rpyc_*' -R .llvmbc -R .llvmcmd --strip-debug "$work/one.o" "$work/rpyc.o"
"${AR:-ar}" rcsD "$work/librpyc.a" "$work/rpyc.o"
mv "$work/librpyc.a" "$result"
