# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# projects.bash - what users have at hand: an archive, an npm project, a repository, a wheel, a package;
# nothing of it needs a network

# real_archive TAR N: N of this system's own files, below linux/
real_archive() {
	(cd / && find usr/include usr/share/perl* usr/share/perl5 usr/lib/python3* -type f -size -24k -print0 2>/dev/null |
		head -z -n "$2" | tar cf "$1" --null --transform 's|^usr|linux|' -T -)
	[[ $(tar tf "$1" | wc -l) == "$2" ]] || fail "less than $2 files in this system"
}

# npm_project DIR N: a project whose dependencies, N files, are in a cache beside it. What 'npm ci' would
# ask of a registry is in .npmrc, as a site might have it.
npm_project() {
	mkdir "$1"
	(cd "$1" && node "$ROOT/bench/npm-cache.js" . "$2") || fail 'no npm cache'
	printf '%s\n' offline=true cache=./cache "registry=$(<"$1/url")" audit=false fund=false \
		progress=false update-notifier=false logs-max=0 >"$1/.npmrc"
}

# git_repository DIR N
git_repository() {
	local i
	git init -q "$1"
	for ((i = 0; i < $2; i++)); do echo "$i" >"$1/f$i"; done
	git -C "$1" add .
	git -C "$1" -c user.name=a -c user.email=a@example.org commit -qm one
}

# deb_repository DIR NAME N: an apt repository with one package of N files
deb_repository() {
	local i root=$1/package
	mkdir -p "$root/DEBIAN" "$root/usr/share/$2"
	for ((i = 0; i < $3; i++)); do echo "$i" >"$root/usr/share/$2/f$i"; done
	printf '%s\n' "Package: $2" 'Version: 99' 'Architecture: all' 'Maintainer: A <a@example.org>' \
		'Description: many files' >"$root/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$root" "$1/${2}_99_all.deb" >/dev/null
	rm -r "$root"
	(cd "$1" && dpkg-scanpackages -m . 2>/dev/null >Packages)
}
