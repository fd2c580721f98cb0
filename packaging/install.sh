#!/bin/sh
# install.sh install|uninstall: make install and make uninstall; the Makefile says where by the environment.
set -eu
cd "$(dirname "$0")/.."
action=$1
: "${BUILT:?}" "${ARCHIVE:?}" "${PREFIX:?}" "${LIBDIR:?}" "${INCLUDEDIR:?}" "${BINDIR:?}" "${MANDIR:?}"
DESTDIR=${DESTDIR:-}
# Folders that are made are for all users, whoever's umask it is.
umask 022

# Other places would make an rpyc.pc that nobody can use: pkg-config's words end at spaces.
for place in "PREFIX=$PREFIX" "LIBDIR=$LIBDIR" "INCLUDEDIR=$INCLUDEDIR" "BINDIR=$BINDIR" "MANDIR=$MANDIR"; do
    case ${place#*=} in
    *[!A-Za-z0-9/._+~:@-]*) echo "install.sh: $place: only letters, digits and /._+~:@- can be in it" >&2; exit 2 ;;
    /*) ;;
    *) echo "install.sh: $place: it must begin with /" >&2; exit 2 ;;
    esac
done

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
soname=$(sed -n 's/.*-soname,\(librpyc\.so\.[0-9]*\).*/\1/p' build.rs)
real=librpyc.so.$version
# An ABI of another number must not share a file's name: librpyc.so.0.1.0 is librpyc.so.0's.
case $real in "$soname".*) ;; *) real=$soname.$version ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# As pkg-config likes it, so that a moved tree is found with its --define-prefix.
below() {
    case $1 in "$PREFIX"/*) echo "\${prefix}${1#"$PREFIX"}" ;; *) echo "$1" ;; esac
}

# The files with places in them.
fill() {
    sed -e "s|@VERSION@|$version|g" -e "s|@PREFIX@|$PREFIX|g" -e "s|@LIBDIR@|$(below "$LIBDIR")|g" \
        -e "s|@INCLUDEDIR@|$(below "$INCLUDEDIR")|g" \
        -e "s|@SONAME@|$soname|g" -e "s|@REAL@|$real|g" \
        -e "s|@TO_LIBDIR@|$(realpath -m --relative-to="$LIBDIR/cmake/rpyc" "$LIBDIR")|g" \
        -e "s|@TO_INCLUDEDIR@|$(realpath -m --relative-to="$LIBDIR/cmake/rpyc" "$INCLUDEDIR")|g" "packaging/$1.in" >"$work/$1"
}
fill rpyc.pc
fill rpycConfig.cmake
fill rpycConfigVersion.cmake

# The tool prints its completions itself. One for another machine cannot, and is installed without them.
if [ "$action" = install ] && [ -x "$BUILT/rpyc" ]; then
    for shell in bash zsh fish; do
        "$BUILT/rpyc" completions "$shell" >"$work/$shell" 2>"$work/errors" || {
            rm -f "$work/$shell"
            echo "install.sh: no completions for $shell: $BUILT/rpyc cannot be run here" >&2
        }
    done
fi

# All that is installed: mode, from where, to where; or "link", its target, and its place.
files() {
    echo "755 $BUILT/librpyc.so $LIBDIR/$real"
    echo "link $real $LIBDIR/$soname"
    echo "link $soname $LIBDIR/librpyc.so"
    echo "644 $ARCHIVE $LIBDIR/librpyc.a"
    echo "644 $work/rpyc.pc $LIBDIR/pkgconfig/rpyc.pc"
    echo "644 $work/rpycConfig.cmake $LIBDIR/cmake/rpyc/rpycConfig.cmake"
    echo "644 $work/rpycConfigVersion.cmake $LIBDIR/cmake/rpyc/rpycConfigVersion.cmake"
    for header in include/*.h; do
        echo "644 $header $INCLUDEDIR/${header#include/}"
    done
    if [ -d bindings/cpp/include ]; then
        find bindings/cpp/include -type f -name '*.h*' | sort | while read -r header; do
            echo "644 $header $INCLUDEDIR/${header#bindings/cpp/include/}"
        done
    fi
    for page in docs/man/*.[1-9]; do
        [ ! -e "$page" ] || echo "644 $page $MANDIR/man${page##*.}/${page##*/}"
    done
    for text in LICENSE THIRD-PARTY-NOTICES.txt; do
        echo "644 $text $PREFIX/share/doc/librpyc/$text"
    done
    # The tool, where it was built; it may have been when the rest was installed.
    if [ -x "$BUILT/rpyc" ] || [ "$action" = uninstall ]; then
        echo "755 $BUILT/rpyc $BINDIR/rpyc"
        for place in bash-completion/completions/rpyc zsh/site-functions/_rpyc fish/vendor_completions.d/rpyc.fish; do
            from=$work/${place%%[-/]*}
            if [ -s "$from" ] || [ "$action" = uninstall ]; then
                echo "644 $from $PREFIX/share/$place"
            fi
        done
    fi
}

# Functions, each with the page that describes it: "rpyc_connection.3 rpyc_connect".
functions() {
    for page in docs/man/*.3; do
        sed -n "s|^\\.Fn \\([a-z0-9_]*\\).*|${page##*/} \\1|p" "$page"
    done
}

# `man rpyc_connect` shows the page that has it.
install_aliases() {
    mkdir "$work/man3"
    functions | while read -r page name; do
        [ -e "docs/man/$name.3" ] || echo ".so man3/$page" >"$work/man3/$name.3"
    done
    install -m 644 "$work"/man3/* "$DESTDIR$MANDIR/man3"
    echo "installed $DESTDIR$MANDIR/man3/: a name for each function"
}

uninstall_aliases() {
    functions | while read -r page name; do
        rm -f "$DESTDIR$MANDIR/man3/$name.3"
    done
}

install_all() {
    files | while read -r mode from to; do
        mkdir -p "$(dirname "$DESTDIR$to")"
        rm -f "$DESTDIR$to"
        if [ "$mode" = link ]; then
            ln -s "$from" "$DESTDIR$to"
        else
            install -m "$mode" "$from" "$DESTDIR$to"
            # Names of functions stay, for backtraces; 10 MB of debug information do not.
            [ "$mode" != 755 ] || "${OBJCOPY:-objcopy}" --strip-debug "$DESTDIR$to"
        fi
        echo "installed $DESTDIR$to"
    done
    install_aliases
    # The loader finds the library in the places that it knows.
    if [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ] && { [ "$PREFIX" = /usr ] || [ "$PREFIX" = /usr/local ]; }; then
        ldconfig
    fi
}

uninstall_all() {
    files | while read -r mode from to; do
        if [ -e "$DESTDIR$to" ] || [ -L "$DESTDIR$to" ]; then
            rm -f "$DESTDIR$to"
            echo "removed $DESTDIR$to"
        fi
    done
    uninstall_aliases
    # Folders that are nobody else's.
    for folder in "$LIBDIR/cmake/rpyc" "$INCLUDEDIR/rpyc" "$PREFIX/share/doc/librpyc"; do
        [ ! -d "$DESTDIR$folder" ] || find "$DESTDIR$folder" -depth -type d -empty -delete
    done
}

case $action in
install) install_all ;;
uninstall) uninstall_all ;;
*) sed -n 2p "$0"; exit 2 ;;
esac
