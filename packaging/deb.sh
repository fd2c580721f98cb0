#!/bin/sh
# deb.sh: make deb. Packages of what was built: librpyc0 with the shared library, librpyc-dev with the rest, and librpyc-bin
# with the tool where there is one. Needs dpkg-deb and binutils, neither root nor a network.
set -eu
cd "$(dirname "$0")/.."
: "${OUT:?}" "${MAKE:=make}"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)-1
soname=$(sed -n 's/.*-soname,\(librpyc\.so\.[0-9]*\).*/\1/p' build.rs)
library=librpyc${soname##*.}
arch=$(dpkg --print-architecture)
triplet=$(${CC:-cc} -print-multiarch)
: "${triplet:?the compiler knows no multiarch folder; this is no Debian}"
libdir=/usr/lib/$triplet

rm -rf "$OUT"
mkdir -p "$OUT/all" "$OUT/$library/$libdir" "$OUT/librpyc-dev"
$MAKE --no-print-directory install DESTDIR="$OUT/all" PREFIX=/usr LIBDIR="$libdir" >"$OUT/install.log"

mv "$OUT/all$libdir/$soname" "$OUT/all$libdir/$soname".* "$OUT/$library$libdir/"
packages="$library librpyc-dev"
if [ -d "$OUT/all/usr/bin" ]; then
    packages="$packages librpyc-bin"
    mkdir -p "$OUT/librpyc-bin/usr/share/man"
    mv "$OUT/all/usr/bin" "$OUT/librpyc-bin/usr/"
    for shell in bash-completion zsh fish; do
        [ ! -d "$OUT/all/usr/share/$shell" ] || mv "$OUT/all/usr/share/$shell" "$OUT/librpyc-bin/usr/share/"
    done
    [ ! -d "$OUT/all/usr/share/man/man1" ] || mv "$OUT/all/usr/share/man/man1" "$OUT/librpyc-bin/usr/share/man/"
fi
# Each package has the licences in a folder of its own.
rm -r "$OUT/all/usr/share/doc/librpyc"
mv "$OUT/all/usr" "$OUT/librpyc-dev/"

# What the library needs of glibc, as the dynamic symbols say.
glibc=$(readelf --dyn-syms -W "$OUT/$library$libdir/$soname" | sed -n 's/.*@GLIBC_\([0-9.]*\).*/\1/p' | sort -V | tail -n 1)
needs="libc6 (>= $glibc), libgcc-s1 (>= 4.2)"

for package in $packages; do
    tree=$OUT/$package
    doc=$tree/usr/share/doc/$package
    mkdir -p "$tree/DEBIAN" "$doc"
    find "$tree/usr/share/man" -type f -exec gzip -9n {} + 2>/dev/null || true
    cp packaging/debian/copyright "$doc/copyright"
    cp THIRD-PARTY-NOTICES.txt "$doc/"
    gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
    size=$(du -sk --exclude=DEBIAN "$tree" | cut -f1)
    sed -e "s|@PACKAGE@|$package|" -e "s|@VERSION@|$version|" -e "s|@ARCH@|$arch|" -e "s|@SIZE@|$size|" \
        -e "s|@LIBRARY@|$library|" -e "s|@NEEDS@|$needs|" "packaging/debian/$(echo "$package" | tr -d 0-9).control" >"$tree/DEBIAN/control"
    (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
done
# For packages that are built against it, and for the loader's cache.
echo "librpyc ${soname##*.} $library (>= $version)" >"$OUT/$library/DEBIAN/shlibs"
{
    echo "$soname $library #MINVER#"
    sed -n 's/^\(rpyc_[a-z0-9_]*\) \(.*\)/ \1@Base \2/p' include/symbols.txt
} >"$OUT/$library/DEBIAN/symbols"
echo "activate-noawait ldconfig" >"$OUT/$library/DEBIAN/triggers"

for package in $packages; do
    chmod -R u=rwX,go=rX "$OUT/$package"
    dpkg-deb --root-owner-group -Zxz "-z${DEB_LEVEL:-6}" --build "$OUT/$package" "$OUT/${package}_${version}_$arch.deb"
    rm -rf "${OUT:?}/$package"
done
rm -rf "$OUT/all" "$OUT/install.log"
