#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016
# Manuals, completions, installation, the Debian package.

load ../lib/common
load ../lib/projects

bats_require_minimum_version 1.5.0

setup_file() {
	export PKG=$BATS_FILE_TMPDIR
	local root
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	make -s -C "$root" install DESTDIR="$PKG/dest" >/dev/null 2>"$PKG/install.err" ||
		echo failed >>"$PKG/install.err"
	# the package is built elsewhere, so that nothing meets a build that is under way
	if command -v dpkg-shlibdeps >/dev/null; then
		DEB_MAINTAINER='A Packager <packager@example.org>' make -s -C "$root" B="$PKG/build" deb >"$PKG/deb.log" 2>&1 || echo failed >>"$PKG/deb.log"
	fi
}

setup() {
	common_setup
	mkdir "$W"
	cd "$W" || return
}

need_deb() {
	need dpkg-deb dpkg-shlibdeps
	DEB=$(echo "$PKG"/build/*.deb)
	[[ -f $DEB ]] || fail "no package: $(cat "$PKG/deb.log")"
}

# Unpacks N small files with the fastio in the directory $1, as seen from there, and looks at the counters.
unpacks() {
	local prefix=("${@:2}") i
	mkdir "$1/try"
	mkdir src
	for i in {1..200}; do echo "$i" >"src/f$i"; done
	tar cf "$1/try/a.tar" src
	rm -r src
	run -0 "${prefix[@]}" fastio --engine sync --json -o /try/report tar xf /try/a.tar -C /try
	assert_output ''
	jq -e '.deferred.create > 0' "$1/try/report"
	[[ $(find "$1/try/src" -type f | wc -l) == 200 ]]
}

@test "package: the manuals are well-formed and tell of all options and verbs" {
	need mandoc
	run -0 mandoc -T lint -W warning "$ROOT/docs/fastio.1" "$ROOT/docs/libfastio.7"
	assert_output ''
	mandoc -T ascii "$ROOT/docs/libfastio.7" | col -b >manual
	local name verb
	for name in $(sed -n 's/^\t{"\([A-Z_]*\)", .*/\1/p' "$ROOT/core/options.c"); do
		grep -q "FASTIO_$name" manual || fail "libfastio(7) lacks FASTIO_$name"
		grep -q "^| \`FASTIO_$name\`" "$ROOT/README.md" || fail "README lacks FASTIO_$name"
	done
	mandoc -T ascii "$ROOT/docs/fastio.1" | col -b >manual
	for verb in $("$ROOT/build/fastio" --help | sed -n '/^Verbs/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		grep -q "fastio $verb" manual || fail "fastio(1) lacks $verb"
		# what the section on the verb describes are its options, all but --help
		sed -n "/^\.Ss $verb\$/,/^\.S[hs] /p" "$ROOT/docs/fastio.1" | grep '^\.It Fl' |
			grep -oE -- 'Fl -[a-z]+' | sed 's/Fl /-/' | sort -u >described
		"$ROOT/build/fastio" "$verb" --help | grep -v -- --NAME |
			sed -n 's/^  \(-., \)\{0,1\}\(--[a-z]*\).*/\2/p' | grep -vx -- --help | sort -u >offered
		diff offered described || fail "fastio(1) and 'fastio $verb --help' do not agree"
	done
}

@test "package: the README tells of every counter" {
	local name
	for name in $(FASTIO_STATS=$PWD/stats "$ROOT/build/fastio" true; jq -r 'paths | map(strings)[]' stats | sort -u); do
		grep -q "\`$name\`" "$ROOT/README.md" || fail "README lacks $name"
	done
}

@test "package: bash completes verbs, options and the command's own arguments" {
	mkdir some-directory
	cat >try <<-'E'
		source "$1"
		shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_fastio
		printf '%s\n' "${COMPREPLY[@]}"
	E
	complete_bash() {
		run -0 bash --norc try "$ROOT/docs/fastio.bash" "$@"
	}
	complete_bash fastio comp
	assert_line compare
	complete_bash fastio --en
	assert_line -- --engine
	complete_bash fastio run --engine u
	assert_output uring
	complete_bash fastio compare --ru
	assert_output -- --runs
	complete_bash fastio compare --in some
	assert_output some-directory
	complete_bash fastio --report ls some
	assert_line some-directory
	complete_bash fastio doctor some
	assert_line some-directory
	complete_bash fastio top --o
	assert_output -- --once
}

# The long options of a verb as --help names them, and the variables where it takes those.
verb_options() {
	local name
	"$ROOT/build/fastio" "$1" --help | tee help | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z][a-z-]*\).*/\2/p'
	grep -q -- '--NAME VALUE' help || return 0
	for name in $(sed -n 's/^\t{"\([A-Z_]*\)", .*/\1/p' "$ROOT/core/options.c" | tr 'A-Z_' 'a-z-'); do
		# these two are for fastio itself
		[[ $name == trace || ($name == stats && $1 != run) ]] || echo "--$name"
	done
}

@test "package: bash, zsh and fish complete exactly the options of each verb" {
	local verb
	cat >try.bash <<-'E'
		source "$1"
		COMP_WORDS=(fastio "$2" --)
		COMP_CWORD=2
		_fastio
		printf '%s\n' "${COMPREPLY[@]}"
	E
	# what the completion hands to zsh's own parser of options
	cat >try.zsh <<-'E'
		_arguments() {
			for o; do
				o=${o#\(*\)}
				o=${o#\*}
				[[ $o != --* ]] || print -r -- ${o%%[=\[]*}
			done
		}
		words=(fastio $2 --)
		CURRENT=3
		source $1
	E
	for verb in run compare doctor trace top; do
		verb_options "$verb" | sort -u >wanted
		[[ $(wc -l <wanted) -ge 1 ]]
		run -0 bash --norc try.bash "$ROOT/docs/fastio.bash" "$verb"
		diff wanted <(sort -u <<<"$output") || fail "bash, $verb"
		if command -v zsh >/dev/null; then
			run -0 zsh -f try.zsh "$ROOT/docs/fastio.zsh" "$verb"
			diff wanted <(sort -u <<<"$output") || fail "zsh, $verb"
		fi
		if command -v fish >/dev/null; then
			HOME=$PWD run -0 fish --no-config -c "source $ROOT/docs/fastio.fish; complete -C 'fastio $verb --'"
			diff wanted <(grep -o '^--[a-z-]*' <<<"$output" | sort -u) || fail "fish, $verb"
		fi
	done
}

@test "package: zsh and fish take the completions" {
	local any=''
	if command -v zsh >/dev/null; then
		any=1
		run -0 zsh -f -n "$ROOT/docs/fastio.zsh"
		mkdir functions
		cp "$ROOT/docs/fastio.zsh" functions/_fastio
		run -0 zsh -f -c 'fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -d ./dump; echo ${_comps[fastio]}'
		assert_output _fastio
	fi
	if command -v fish >/dev/null; then
		any=1
		HOME=$PWD run -0 fish --no-config -c "source $ROOT/docs/fastio.fish; complete -C 'fastio comp'"
		assert_output --partial compare
		HOME=$PWD run -0 fish --no-config -c "source $ROOT/docs/fastio.fish; complete -C 'fastio --engine '"
		assert_output --partial uring
		HOME=$PWD run -0 fish --no-config -c "source $ROOT/docs/fastio.fish; complete -C 'fastio doctor --'"
		refute_output --partial engine
	fi
	[[ -n $any ]] || skip 'neither zsh nor fish'
}

@test "package: make install puts all in its place, DESTDIR and PREFIX" {
	[[ ! -s $PKG/install.err ]] || fail "$(cat "$PKG/install.err")"
	run -0 find "$PKG/dest" -type f -printf '%m %P\n'
	assert_line '755 usr/local/bin/fastio'
	assert_line '644 usr/local/lib/libfastio.so'
	assert_line '644 usr/local/share/man/man1/fastio.1'
	assert_line '644 usr/local/share/man/man7/libfastio.7'
	assert_line '644 usr/local/share/bash-completion/completions/fastio'
	assert_line '644 usr/local/share/zsh/site-functions/_fastio'
	assert_line '644 usr/local/share/fish/vendor_completions.d/fastio.fish'
	assert_line '644 usr/local/lib/pkgconfig/libfastio.pc'
	# moved elsewhere it finds its library
	run -0 "$PKG/dest/usr/local/bin/fastio" sh -c 'echo "$LD_PRELOAD"'
	assert_output "$PKG/dest/usr/local/lib/libfastio.so"
}

@test "package: pkg-config" {
	need pkg-config
	export PKG_CONFIG_PATH=$PKG/dest/usr/local/lib/pkgconfig
	run -0 pkg-config --variable=library libfastio
	assert_output /usr/local/lib/libfastio.so
	run -0 pkg-config --modversion libfastio
	assert_output --regexp '^[0-9.]+$'
}

@test "package: the Debian package is in order, and works unpacked" {
	need_deb
	run -0 dpkg-deb -f "$DEB" Depends Architecture Maintainer
	assert_output --regexp 'Depends: libc6 \(>= [0-9.]+\)'
	assert_line 'Maintainer: A Packager <packager@example.org>'
	dpkg-deb -x "$DEB" root
	(cd root && dpkg-deb -I "$DEB" md5sums | md5sum --quiet -c)
	run -0 root/usr/bin/fastio sh -c 'echo "$LD_PRELOAD"'
	assert_output "$(echo "$PWD"/root/usr/lib/*/fastio/libfastio.so)"
	if command -v lintian >/dev/null; then
		run -0 lintian --allow-root --fail-on error,warning "$DEB"
	fi
}

@test "package: the Debian package is installed, used and removed with dpkg --root" {
	need_deb
	[[ $(id -u) == 0 ]] || skip 'needs root'
	mkdir -p root/var/lib/dpkg/{info,updates} root/try
	: >root/var/lib/dpkg/status
	dpkg --root="$PWD/root" --force-depends --log=/dev/null -i "$DEB"
	[[ -x root/usr/bin/fastio ]]
	run -0 dpkg --root="$PWD/root" -s fastio
	assert_output --partial 'install ok installed'
	dpkg --root="$PWD/root" --log=/dev/null -P fastio
	[[ ! -e root/usr/bin/fastio && ! -e root/usr/lib/$(gcc -print-multiarch 2>/dev/null)/fastio ]]
}

# apt-get in the root $1, where fastio is installed, with each verb that has a meaning there
apt_get() {
	command -v dpkg-scanpackages >/dev/null || return 0
	local in=(env -u TMPDIR DEBIAN_FRONTEND=noninteractive chroot "$1") verb
	mkdir "$1/repository"
	deb_repository "$1/repository" many 300
	echo 'deb [trusted=yes] file:/repository ./' >"$1/etc/apt/sources.list"
	run -0 "${in[@]}" fastio apt-get -q update
	run -0 "${in[@]}" fastio --json -o /try/apt apt-get -q -y install many
	assert_output --partial 'Setting up many (99)'
	jq -e '.status == 0 and .errors.late == 0 and any(.programs[]; .comm == "dpkg")' "$1/try/apt"
	[[ $(find "$1/usr/share/many" -type f | wc -l) == 300 ]]
	run -0 "${in[@]}" dpkg --verify many
	assert_output ''
	run -0 "${in[@]}" fastio trace -o /try/trace apt-get -q -y --reinstall install many
	jq -f "$BATS_TEST_DIRNAME/../lib/trace.jq" "$1/try/trace"
	mkdir "$1/try/here"
	run "${in[@]}" fastio compare --runs 2 --in /try/here -- apt-get -q download many
	((status < 2)) || fail "$output"
	assert_output --partial 'with the same result'
	run -0 "${in[@]}" fastio apt-get -q -y purge many
	[[ ! -e $1/usr/share/many ]]
}

@test "package: the Debian package in a fresh Debian" {
	need_deb
	need debootstrap
	[[ $(id -u) == 0 ]] || skip 'needs root'
	local mirror suite
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | head -n 1)
	debootstrap --variant=minbase "$suite" root ${mirror:+"$mirror"} >debootstrap.log 2>&1 ||
		skip "debootstrap fails: $(tail -n 1 debootstrap.log)"
	cp "$DEB" root/fastio.deb
	chroot root dpkg -i /fastio.deb
	mount -t proc proc root/proc
	unpacks root env -u TMPDIR chroot root
	run env -u TMPDIR chroot root fastio doctor /try tar
	((status < 2)) || fail "$output"
	assert_output --partial 'creates were deferred'
	apt_get root
	umount root/proc
	chroot root dpkg -P fastio
}
