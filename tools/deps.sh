#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# deps.sh - sees to it that what building, testing or measuring needs is there
#
#	tools/deps.sh [build|bench|check|lint|docker|sshfs]
#
# Each thing is looked for by the command or file that is needed, since it need
# not come from a Debian package.  As root, missing packages are installed;
# otherwise they are named, with the command that installs them, and the status
# is 1.  Says nothing when nothing is missing.

[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -euo pipefail

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
missing=()
optional=()

want() { # PACKAGE PRESENT?
	[[ $2 == yes ]] || missing+=("$1")
}

# Not there is no failure: the tests that need it are skipped.
wish() {
	[[ $2 == yes ]] || optional+=("$1")
}

cmd() {
	if command -v "$1" >/dev/null 2>&1; then echo yes; else echo no; fi
}

file() {
	if compgen -G "$1" >/dev/null; then echo yes; else echo no; fi
}

# The package of the tests of Debian's python3, by its version.
python_tests() {
	local version
	version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
		version=3.11
	echo "libpython$version-testsuite"
}

build() {
	want gcc "$(cmd gcc)"
	want make "$(cmd make)"
	want binutils "$(cmd nm)"
	want libc6-dev "$(file '/usr/include/stdio.h')"
	want linux-libc-dev "$(file '/usr/include/linux/io_uring.h')"
	want liburing-dev "$(file '/usr/include/liburing.h')"
}

programs() {
	want jq "$(cmd jq)"
	want git "$(cmd git)"
	want unzip "$(cmd unzip)"
	want zip "$(cmd zip)"
	want nodejs "$(cmd node)"
	want npm "$(cmd npm)"
	want python3 "$(cmd /usr/bin/python3)"
	want e2fsprogs "$(cmd mkfs.ext4)"
	want xfsprogs "$(cmd mkfs.xfs)"
	want btrfs-progs "$(cmd mkfs.btrfs)"
	want util-linux "$(cmd prlimit)"
	want mount "$(cmd losetup)"
	want procps "$(cmd ps)"
}

bench() {
	build
	programs
	want hyperfine "$(cmd hyperfine)"
	want gnuplot-nox "$(cmd gnuplot)"
	want libfuse3-dev "$(file '/usr/include/fuse3/fuse.h')"
	wish eatmydata "$(file '/usr/lib/*/libeatmydata.so')"
}

check() {
	build
	programs
	want bats "$(cmd bats)"
	want bats-assert "$(file '/usr/lib/bats/bats-assert')"
	want bats-support "$(file '/usr/lib/bats/bats-support')"
	want rsync "$(cmd rsync)"
	want strace "$(cmd strace)"
	want python3-venv "$(file '/usr/lib/python3*/ensurepip')"
	want python3-pip-whl "$(file '/usr/share/python-wheels/pip-*.whl')"
	want perl "$(cmd perl)"
	want libcap2-bin "$(cmd setcap)"
	want libfuse3-dev "$(file '/usr/include/fuse3/fuse.h')"
	want pkg-config "$(cmd pkg-config)"
	want acl "$(cmd setfacl)"
	want mandoc "$(cmd mandoc)"
	want dpkg-dev "$(cmd dpkg-shlibdeps)"
	wish attr "$(cmd setfattr)"
	wish sudo "$(cmd sudo)"
	wish lintian "$(cmd lintian)"
	wish fish "$(cmd fish)"
	wish zsh "$(cmd zsh)"
	wish debootstrap "$(cmd debootstrap)"
	wish sqlite3 "$(cmd sqlite3)"
	wish fakeroot "$(cmd fakeroot)"
	wish eatmydata "$(file '/usr/lib/*/libeatmydata.so')"
	wish libjemalloc2 "$(file '/usr/lib/*/libjemalloc.so.2')"
	wish libmimalloc2.0 "$(file '/usr/lib/*/libmimalloc.so.2*')"
	wish stress-ng "$(cmd stress-ng)"
	wish fio "$(cmd fio)"
	wish tcl8.6 "$(cmd tclsh8.6)"
	wish "$(python_tests)" "$(file '/usr/lib/python3*/test/test_os.py')"
	wish autoconf "$(cmd autoconf)"
	wish automake "$(cmd automake)"
	wish libfaketime "$(file '/usr/lib/*/faketime/libfaketime.so.1')"
}

lint() {
	want clang "$(cmd clang)"
	want clang-format "$(cmd clang-format)"
	want clang-tidy "$(cmd clang-tidy)"
	want cppcheck "$(cmd cppcheck)"
	want shellcheck "$(cmd shellcheck)"
}

# One test wants a real Docker. Not in 'check': the package starts a service.
docker() {
	wish docker.io "$(cmd dockerd)"
}

# One of the file systems to measure on. Not in 'bench', for the same reason.
sshfs() {
	want sshfs "$(cmd sshfs)"
	want openssh-server "$(cmd sshd)"
}

case ${1:-check} in
build | bench | check | lint | docker | sshfs) "${1:-check}" ;;
*)
	echo "usage: ${0##*/} [build|bench|check|lint|docker|sshfs]" >&2
	exit 2
	;;
esac

install() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 install "$@"
}

all=("${missing[@]}" "${optional[@]}")
((${#all[@]})) || exit 0
if ((EUID != 0)); then
	((${#missing[@]})) || exit 0
	{
		echo "missing Debian packages: ${missing[*]}"
		echo "install them with: sudo apt-get install ${missing[*]}"
	} >&2
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	((${#missing[@]})) || exit 0
	echo "missing, and no apt-get to install them with: ${missing[*]}" >&2
	exit 1
fi
# Once with the package lists that are there, else with fresh ones.
if ! install "${all[@]}" >/dev/null 2>&1; then
	apt-get -q update
	((${#missing[@]} == 0)) || install "${missing[@]}"
	for p in "${optional[@]}"; do
		install "$p" || echo "optional package $p cannot be installed" >&2
	done
fi
