#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# deb.sh BUILD VERSION - makes BUILD/fastio_VERSION_ARCH.deb; called by 'make deb'
#
# DEB_MAINTAINER='Name <address>', or DEBFULLNAME and DEBEMAIL, is its maintainer.
#
# The library goes into a directory of its own: it is preloaded by its path, nothing links with it.
set -euo pipefail

cd "$(dirname "$0")/.."
mkdir -p "$1"
build=$(cd "$1" && pwd)
version=$2
arch=$(dpkg --print-architecture)
lib=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
libdir=$lib/fastio
deb=$build/deb
root=$deb/root
# Who answers for this package: whoever builds it for others says so.
maintainer=${DEB_MAINTAINER:-${DEBFULLNAME:-local build} <${DEBEMAIL:-root@localhost}>}
date=${SOURCE_DATE_EPOCH:-$(stat -c %Y Makefile)}

rm -rf "$deb"
mkdir -p "$deb/obj" "$root/DEBIAN"
"${MAKE:-make}" --no-print-directory B="$deb/obj" PREFIX=/usr LIBDIR="$libdir" DESTDIR="$root" \
	PKGCONFIGDIR="$lib/pkgconfig" ZSHDIR=/usr/share/zsh/vendor-completions install >/dev/null
# What belongs to a build tree or to a development package
rm -r "$root/usr/bin/fastio-bench" "$root/usr/bin/fastio-audit" "$root/usr/include" \
	"$root$libdir/libfastio-core.a" "$root$lib/pkgconfig/fastio-core.pc"
strip --strip-unneeded "$root/usr/bin/fastio" "$root$libdir/libfastio.so"
find "$root/usr/share/man" -type f -exec gzip -9n {} +

doc=$root/usr/share/doc/fastio
mkdir -p "$doc"
{
	printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n'
	printf 'Upstream-Name: libfastio\n\nFiles: *\n'
	sed -n 's/^Copyright (c) /Copyright: /p' LICENSE
	printf 'License: Expat\n'
	sed '1,/^Copyright/d; /./,$!d; s/^$/./; s/^/ /' LICENSE | sed '1{/^ \.$/d}'
} >"$doc/copyright"
printf 'fastio (%s) unstable; urgency=medium\n\n  * Version %s.\n\n -- %s  %s\n' "$version" "$version" \
	"$maintainer" "$(date -u -R -d "@$date")" |
	gzip -9n >"$doc/changelog.gz"

mkdir -p "$deb/shlibs/debian"
printf 'Source: fastio\n\nPackage: fastio\nArchitecture: any\n' >"$deb/shlibs/debian/control"
depends=$(cd "$deb/shlibs" && dpkg-shlibdeps -O "../root/usr/bin/fastio" "../root$libdir/libfastio.so" |
	sed -n 's/^shlibs:Depends=//p')
cat >"$root/DEBIAN/control" <<END
Package: fastio
Version: $version
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f 1)
Depends: $depends
Section: utils
Priority: optional
Description: run programs with fast small files
 Preloads a library that answers creating, writing, closing and removing of
 small files at once and carries it out in the background, by io_uring or by
 plain system calls, before anybody can learn of the program's progress.
 .
 The command also measures the gain, verifies that the result is the same,
 says what is in the way on this system, and reports what was done.
END
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod -R u+rwX,go=rX "$root"
find "$root" -exec touch -h -d "@$date" {} +
SOURCE_DATE_EPOCH=$date dpkg-deb --root-owner-group -Zxz --build "$root" \
	"$build/fastio_${version}_$arch.deb"
