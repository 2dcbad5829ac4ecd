#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2317
#
# packages.bats - dpkg on a package made here

load apps

setup() {
	need dpkg-deb dpkg
	apps_setup
	make_package
}

teardown() {
	apps_teardown
}

make_package() {
	local v
	DEBS=$BATS_FILE_TMPDIR/debs
	[[ ! -d $DEBS ]] || return 0
	mkdir "$DEBS"
	for v in 1 2; do
		mkdir -p "$S/p$v/DEBIAN" "$S/p$v/etc" "$S/p$v/usr/share"
		/usr/bin/python3 "$BATS_TEST_DIRNAME/tree.py" "$S/p$v/usr/share/many" $((FILES * v / 4))
		# names that dpkg keeps in lists, one per line
		find "$S/p$v" -depth -name '*[[:blank:]\\]*' -delete
		echo "conf $v" >"$S/p$v/etc/many.conf"
		echo /etc/many.conf >"$S/p$v/DEBIAN/conffiles"
		printf '%s\n' 'Package: many' "Version: $v" 'Architecture: all' \
			'Maintainer: A <a@example.org>' 'Description: many files' >"$S/p$v/DEBIAN/control"
		dpkg-deb --root-owner-group -b "$S/p$v" "$DEBS/many_$v.deb" >/dev/null
	done
}

root_directory() {
	mkdir -p root/var/lib/dpkg/{info,updates,triggers}
	touch root/var/lib/dpkg/{status,available}
}

DPKG=(dpkg --force-not-root --force-bad-path --force-unsafe-io --instdir=root --admindir=root/var/lib/dpkg
	--log=/dev/null)

@test "dpkg-deb -x and -e" {
	app -t -d $((FILES / 8)) dpkg-deb -x "$DEBS/many_1.deb" out
	app -T dpkg-deb -R "$DEBS/many_2.deb" out
}

@test "dpkg -i, upgrade, remove, purge in a directory of its own" {
	need_root
	MODES="auto eager lag"
	app -T -p root_directory "${DPKG[@]}" -i "$DEBS/many_1.deb"
	app -T -p root_directory sh -c 'a=$1 b=$2; shift 2; "$@" -i "$a" && "$@" -i "$b" &&
		"$@" -V many; "$@" -r many && "$@" -P many && find root -name "many*"' \
		sh "$DEBS/many_1.deb" "$DEBS/many_2.deb" "${DPKG[@]}"
}

@test "dpkg -i with its syncs" {
	need_root
	local safe=("${DPKG[@]/--force-unsafe-io/--force-safe-io}")
	MODES="auto"
	app -T -p root_directory dpkg --force-not-root --force-bad-path --instdir=root \
		--admindir=root/var/lib/dpkg --log=/dev/null -i "$DEBS/many_1.deb"
}

@test "dpkg-deb -b" {
	need_root
	app -T sh -c 'dpkg-deb -R "$1" t && rm -r t/usr/share/many/dir0 &&
		SOURCE_DATE_EPOCH=1600000000 dpkg-deb -Znone --root-owner-group -b t t.deb >/dev/null &&
		dpkg-deb -c t.deb | sed "s/ 20..-.*:.. / /" && rm t.deb' sh "$DEBS/many_1.deb"
}
