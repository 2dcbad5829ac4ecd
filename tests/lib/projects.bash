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

# debian_image TAR: the essential packages of this system, node and npm, for 'docker import'
debian_image() {
	local list=$1.list npm libs
	npm=$(readlink -f "$(type -P npm)")
	{
		dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p' | xargs dpkg-query -L
		type -P node npm | xargs -n 1 realpath -s
		find "${npm%/bin/*}"
	} | grep -Ev '^/(usr/share/(doc|man|locale|info)/|\.?$)| ' >"$list"
	# with the libraries that they load, by each of their names
	libs=$(grep -E '^(/usr)?/s?bin/' "$list" | xargs ldd 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*' | sort -u)
	{
		echo "$libs"
		xargs readlink -f <<<"$libs"
	} >>"$list"
	# /bin and its like are links, and come first
	{
		printf '%s\n' /usr /usr/bin /usr/sbin /usr/lib /usr/lib64 /bin /sbin /lib /lib64 /tmp /root \
			/etc/passwd /etc/group
		sed -E 's,^/(bin|sbin|lib|lib64)/,/usr/\1/,' "$list" | sort -u
	} | awk '!seen[$0]++' | tar -c --no-recursion -C / -T - 2>/dev/null >"$1" || true # files that were moved away
}
