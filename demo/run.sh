#!/bin/sh
# Shows librpyc at work: C with C, Python with C, C with Python. `make demo` builds what this needs, and runs it.
#   TARGET        where the library and the examples were built (target)
#   RPYC_PYTHON   a Python that has rpyc (.venvs/rpyc-6.0.2/bin/python)
# Ends with 0 only if all of it went as it should.
set -eu
cd "$(dirname "$0")/.."
TARGET=${TARGET:-$PWD/target}
RPYC_PYTHON=${RPYC_PYTHON:-$PWD/.venvs/rpyc-6.0.2/bin/python}
LIB=$TARGET/release
WORK=$(mktemp -d)
SERVER=

finish() {
    if [ -n "$SERVER" ]; then
        kill "$SERVER" 2>/dev/null || true
        wait "$SERVER" 2>/dev/null || true
    fi
    rm -rf "$WORK"
}
trap finish EXIT
trap 'exit 1' INT TERM

heading() {
    printf '\n== %s\n' "$1"
}

# Starts a server and waits until it says where it listens: ADDRESS.
start() {
    "$@" >"$WORK/server" 2>&1 &
    SERVER=$!
    tries=0
    until ADDRESS=$(sed -n 's/^listening //p' "$WORK/server") && [ -n "$ADDRESS" ]; do
        tries=$((tries + 1))
        if [ $tries -gt 200 ] || ! kill -0 $SERVER 2>/dev/null; then
            echo "the server did not start: $*" >&2
            cat "$WORK/server" >&2
            exit 1
        fi
        sleep 0.05
    done
}

# Asks the server to end. Its exit code counts if it is one of ours: Python's just dies of the signal.
stop() {
    kill "$SERVER"
    code=0
    # Some shells say here that it was terminated.
    wait "$SERVER" 2>/dev/null || code=$?
    SERVER=
    if [ "$1" = graceful ] && [ $code -ne 0 ]; then
        echo "the server ended with $code:" >&2
        cat "$WORK/server" >&2
        exit 1
    fi
}

# Runs a program, shows what it prints, and compares that with a file.
same() {
    wanted=$1
    shift
    "$@" >"$WORK/output"
    sed 's/^/   /' "$WORK/output"
    diff "$wanted" "$WORK/output" >&2 || { echo "it should have printed what is in $wanted" >&2; exit 1; }
}

heading "C calls C: the server examples-c/02_server.c, the client examples-c/01_client.c"
start "$TARGET/c/02_server" tcp://127.0.0.1:0
same examples-c/expected/01_client.txt "$TARGET/c/01_client" "$ADDRESS"
echo "   and a C server that calls functions of its C client, over a Unix socket (examples-c/15_native_peers.c):"
same examples-c/expected/15_native_peers.txt "$TARGET/c/15_native_peers"

heading "Python calls C: stock RPyC, the same C server"
"$RPYC_PYTHON" demo/python_client.py "$ADDRESS" >"$WORK/output" || { cat "$WORK/output"; exit 1; }
sed 's/^/   /' "$WORK/output"
stop graceful

heading "C calls Python: SQL over a CSV file, with Python's csv and sqlite3 (demo/query.c, demo/sql_server.py)"
${CC:-cc} -std=c11 -O2 -Wall -Wextra -Iinclude -o "$WORK/query" demo/query.c -L"$LIB" -lrpyc -Wl,-rpath,"$LIB"
start "$RPYC_PYTHON" demo/sql_server.py 0
same demo/query.txt "$WORK/query" "$ADDRESS" "$PWD/demo/data/stations.csv"
stop python

printf '\nAll of it went as it should.\n'
