#!/bin/sh
# Puts librpyc's bench programs into the folder $1 as server and client, for a kit that measures RPC libraries
# side by side: copy this folder into the kit as `librpyc`, then ./run.sh librpyc librpyc+nozip.
#   LIBRPYC_DIR   a clone of librpyc in which `make` has been run; by default the one that this file lies in
#   LIBRPYC_LIB   the folder that holds librpyc.so; by default $LIBRPYC_DIR/target/release
set -e
LIBRPYC_DIR=${LIBRPYC_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
LIBRPYC_LIB=${LIBRPYC_LIB:-$LIBRPYC_DIR/target/release}
[ -e "$LIBRPYC_LIB/librpyc.so" ] || { echo "no librpyc.so in $LIBRPYC_LIB: run make in $LIBRPYC_DIR" >&2; exit 1; }
for p in server client; do
    ${CC:-cc} -O2 -std=c11 -Wall -Wextra -I"$LIBRPYC_DIR/include" -o "$1/$p" "$LIBRPYC_DIR/benches/c/bench_$p.c" \
        -L"$LIBRPYC_LIB" -lrpyc -Wl,-rpath,"$LIBRPYC_LIB"
done
