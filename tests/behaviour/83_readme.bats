#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2034
# Every command in README.md, run where a user would run it: in a copy of the project.

load ../lib/common
load ../lib/projects

bats_require_minimum_version 1.5.0

# The blocks of the README that are not run here, by their first line, with the reason.
not_run() {
	case $1 in
	'make check '*) why='it is what runs this test, and make fuzz, death and bench take minutes' ;;
	'make deb '*) why='82_package.bats runs it' ;;
	*) return 1 ;;
	esac
}

# blocks DIR: each fenced block of the README in a file DIR/NUMBER.LANGUAGE; DIR/list has number, language
# and heading of each.
blocks() {
	mkdir "$1"
	awk -v dir="$1" '
		!inside && /^#+ / { heading = $0; sub(/^#+ /, "", heading) }
		/^ *```/ && inside { inside = 0; close(file); next }
		/^ *```/ {
			inside = 1
			language = $0
			sub(/^ *```/, "", language)
			file = sprintf("%s/%02d.%s", dir, ++n, language)
			printf "%02d\t%s\t%s\n", n, language, heading >(dir "/list")
			next
		}
		inside { print >file }' "$ROOT/README.md"
}

setup_file() {
	local f
	# writing copies back is not what is tested here
	R=$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo "$BATS_FILE_TMPDIR")" fastio.XXXXXX)
	export R
	chmod 755 "$R"
	(
		set -e
		PATH=/usr/bin:/bin:$PATH
		blocks "$R/blocks"
		# the project, with a build of its own, since installing elsewhere changes it
		mkdir "$R/build" "$R/bin" "$R/home"
		for f in "$ROOT"/build/*; do
			[[ -d $f && ${f##*/} != obj ]] || cp -a "$f" "$R/build"
		done
		npm_project "$R/w" 300
		for f in "$ROOT"/*; do
			[[ ${f##*/} == build ]] || ln -s "$f" "$R/w/${f##*/}"
		done
		ln -s "$R/build" "$R/w/build"
		real_archive "$R/w/linux.tar" 500
		mkdir "$R/wheels"
		python3 "$ROOT/bench/wheel.py" "$R/wheels" 150
		echo manymods >"$R/w/requirements.txt"
		git_repository "$R/project" 200
		git -C "$R/project" branch other
		printf 'all: unpacked\nunpacked:\n\tmkdir $@ && tar xf ../linux.tar -C $@\n' >"$R/project/Makefile"
		git -C "$R/project" add Makefile
		git -C "$R/project" -c user.name=a -c user.email=a@example.org commit -qm two
		ln -s "$ROOT/tests/lib/docker.sh" "$R/bin/docker"
		printf '[url "%s"]\n\tinsteadOf = https://git.example.org/project.git\n[safe]\n\tdirectory = *\n' \
			"file://$R/project" >"$R/home/.gitconfig"
	) >"$R/setup" 2>&1 || echo failed >>"$R/setup"
}

teardown_file() {
	stop_docker
	rm -rf "$R"
}

setup() {
	common_setup
	need node npm git jq python3
	[[ $(tail -n 1 "$R/setup") != failed ]] || fail "$(cat "$R/setup")"
	cd "$R/w" || return
}

# As a user who has built the project: nothing of the test's environment, and no network.
as_user() {
	env -i HOME="$R/home" PATH="${BIN:-$R/bin}:$R/build:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin" LC_ALL=C.UTF-8 \
		TMPDIR="$T" PIP_NO_INDEX=1 PIP_FIND_LINKS="$R/wheels" PIP_DISABLE_PIP_VERSION_CHECK=1 \
		FASTIO_TEST_PROGS="$PROGS" "$@" </dev/null
}

# script FILE: runs a block; each command must succeed. 1 is a verdict of these two verbs.
script() {
	local status=0
	: >"$T/failed"
	{
		printf 'trap '\''echo "$? $BASH_COMMAND" >>%q'\'' ERR\n' "$T/failed"
		cat "$1"
	} >"$T/script"
	as_user timeout 120 bash "$T/script" >"$T/out" 2>&1 || status=$?
	cat "$T/out" >>"$T/all"
	if ((status < 124)) && ! grep -vE '^1 (build/)?fastio (compare|doctor) ' "$T/failed"; then
		status=0
	fi
	((status == 0)) || fail "status $status: $(cat "$1" "$T/failed" "$T/out")"
	! grep -q 'fastio compare' "$1" || grep -q 'with the same result' "$T/out" || fail "$(cat "$T/out")"
}

# section HEADING [RUN]: the blocks below it that are commands, by RUN or script, one after the other
section() {
	local number language heading any=''
	while IFS=$'\t' read -r number language heading; do
		[[ $heading == "$1" && $language == sh ]] || continue
		any=1
		not_run "$(head -n 1 "$R/blocks/$number.sh")" || "${2:-script}" "$R/blocks/$number.sh"
	done <"$R/blocks/list"
	[[ -n $any ]] || fail "README has no commands below '$1'"
	grep -qxF "$1" <(sections) || fail "'$1' is missing in the list of sections"
}

# All headings that have commands below them: each is a test here.
sections() {
	printf '%s\n' 'Start in 30 seconds' Recipes tar npm pip apt git make Docker 'Continuous integration' \
		Questions 'The statistics line' Figures 'The ring as a library' 'Building and installing'
}

@test "readme: every block is run, or says why not" {
	local number language heading first why left=0 target
	while IFS=$'\t' read -r number language heading; do
		case $language in
		sh) grep -qxF "$heading" <(sections) || fail "no test runs what is below '$heading'" ;;
		dockerfile) [[ $heading == Docker ]] || fail "no test runs the Dockerfile below '$heading'" ;;
		c | text) ;;
		*) fail "a block of language '$language', below '$heading', is not known here" ;;
		esac
		[[ $language == sh ]] || continue
		first=$(head -n 1 "$R/blocks/$number.sh")
		not_run "$first" || continue
		left=$((left + 1))
		echo "not run: $first: $why"
		# at least what they are to make exists
		for target in $(sed -n "s/#.*//; s/ [A-Z]*='[^']*'//; s/^make //p" "$R/blocks/$number.sh"); do
			make -n -C "$ROOT" "$target" >/dev/null || fail "no make $target"
		done
	done <"$R/blocks/list"
	((left <= 2)) || fail 'too many are not run'
	# code is fenced, and what is to be typed is no part of a sentence
	sed '/^ *```/,/^ *```/d' "$ROOT/README.md" >"$T/prose"
	run -1 grep -nP '^(    |\t)[^ ]' "$T/prose"
	run -1 grep -nE '`((build/|bench/|\./|LD_PRELOAD=)[^"` ]* [^`]|jq |sudo |docker )[^`]*`' "$T/prose"
}

@test "readme: links lead somewhere" {
	local link heading
	while read -r link; do
		case $link in
		http*) ;;
		\#*)
			heading=$(sed -n 's/^#* //p' "$ROOT/README.md" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n-' |
				grep -xF -- "${link#\#}") || fail "no heading for $link"
			;;
		*) [[ -e $ROOT/$link ]] || fail "no file $link" ;;
		esac
	done < <(grep -oE '\]\([^)]+\)' "$ROOT/README.md" | sed 's/^](//; s/)$//')
}

@test "readme: start in 30 seconds" {
	section 'Start in 30 seconds'
	grep '^fastio: 1 process' "$T/all"
}

@test "readme: sudo, tar, npm, pip, git, make" {
	section tar
	grep -q '^  deferred .*creates' report.txt || fail "$(cat report.txt)"
	section npm
	[[ $(find node_modules -name '*.js' | wc -l) -gt 250 ]]
	section pip
	venv/bin/manymods
	rm -r venv node_modules
	section git
	grep -q 'fastio: .* exit status 0' "$T/out"
	[[ -f project/f199 ]]
	git -C project checkout -q -
	section make
	jq -e '.deferred.create > 0' report.json
	need sudo
	[[ $(id -u) == 0 ]] || skip 'sudo asks for a password'
	rm -r project
	section Recipes
}

@test "readme: apt" {
	[[ $(id -u) == 0 ]] || skip 'needs root'
	need apt-get dpkg-scanpackages
	mkdir "$T/repository" "$T/lists" "$T/empty"
	deb_repository "$T/repository" hello 200
	echo 'deb [trusted=yes] file:/repository ./' >"$T/sources"
	in_debian() {
		as_user docker run --rm -v "$T/repository:/repository:ro" -v "$T/lists:/var/lib/apt/lists" \
			-v "$T/sources:/etc/apt/sources.list" -v "$T/empty:/etc/apt/sources.list.d" \
			-v "$R/build:/usr/local/bin:ro" -v "$R/blocks:/blocks:ro" debian:12 \
			bash -e -c '. "$1"; test -f /usr/share/hello/f199; dpkg -s hello' bash "/blocks/${1##*/}" \
			>"$T/out" 2>&1 || fail "$(cat "$T/out")"
	}
	section apt in_debian
	grep -q 'install ok installed' "$T/out"
}

# image DOCKERFILE: carries out what it says, in one container
image() {
	local word rest commands=''
	while read -r word rest; do
		case $word in
		FROM) ;;
		COPY) commands+="copy $rest"$'\n' ;;
		WORKDIR) commands+="mkdir -p $rest; cd $rest"$'\n' ;;
		RUN) commands+="$rest"$'\n' ;;
		*) fail "unknown in a Dockerfile: $word" ;;
		esac
	done <"$1"
	as_user docker run --rm -v "$PWD:/context:ro" -v "$R/build:$R/build:ro" -w /context image bash -e -c '
		copy() {
			local to=${!#}
			mkdir -p "$to"
			(cd /context && cp -R -H "${@:1:$#-1}" "$to")
		}
		'"$commands"'
		test "$(find /app/node_modules -name "*.js" | wc -l)" -gt 250; test -d /app/linux' >"$T/out" 2>&1 ||
		fail "$(cat "$1" "$T/out")"
}

@test "readme: Docker, with its default seccomp profile" {
	local number language heading any=''
	[[ $(id -u) == 0 ]] || skip 'needs root'
	rm -rf node_modules stats.json linux
	section Docker
	[[ -d node_modules ]]
	jq -es 'any(.[]; .comm == "tar" and .deferred.create > 0 and .ring.sqes == 0)' stats.json
	while IFS=$'\t' read -r number language heading; do
		[[ $language == dockerfile ]] || continue
		any=1
		image "$R/blocks/$number.dockerfile"
	done <"$R/blocks/list"
	[[ -n $any ]]
}

# A Docker of our own, without networks, whose images 'debian:12' and 'node:20' are this system's files.
start_docker() {
	local i data=$BATS_FILE_TMPDIR/docker
	type -P dockerd >/dev/null || skip "no dockerd: 'tools/deps.sh docker' installs it"
	mkdir "$data" "$R/docker" "$T/bin"
	dockerd -H "unix://$R/docker/socket" -p "$R/docker/pid" --data-root "$data" --exec-root "$R/docker/exec" \
		--bridge none --iptables=false --ip6tables=false --ip-forward=false >"$R/docker/log" 2>&1 3>&- &
	cat >"$T/bin/docker" <<-EOF
		#!/bin/sh
		DOCKER_BUILDKIT=0 exec $(type -P docker) -H "unix://$R/docker/socket" "\$@"
	EOF
	chmod +x "$T/bin/docker"
	debian_image "$data/image.tar"
	for ((i = 0; i < 100; i++)); do
		[[ ! -S $R/docker/socket ]] || break
		kill -0 $! 2>/dev/null || skip "dockerd does not run here: $(tail -n 1 "$R/docker/log")"
		sleep 0.1
	done
	BIN=$T/bin
	run as_user docker import "$data/image.tar" debian:12
	((status == 0)) || skip "Docker takes no image here: $output"
	as_user docker tag debian:12 node:20
	run as_user docker run --rm --network none debian:12 true
	((status == 0)) || skip "Docker runs nothing here: $output"
}

stop_docker() {
	local i pid
	[[ -s $R/docker/pid ]] || return 0
	pid=$(<"$R/docker/pid")
	kill "$pid" || true
	for ((i = 0; i < 100; i++)); do
		[[ -d /proc/$pid ]] || break
		sleep 0.1
	done
}

# in_docker [OPTION...] COMMAND: with this project's build in it, as in the README
in_docker() {
	as_user docker run --rm "${@:1:$#-1}" -v "$R/build:/opt/fastio:ro" -v "$PWD:/src" -w /src debian:12 \
		bash -e -c "${!#}" 2>&1
}

@test "readme: a real Docker, with its default seccomp profile and without io_uring" {
	local profile number language heading any=''
	[[ $(id -u) == 0 ]] || skip 'needs root'
	rm -rf node_modules stats.json linux
	start_docker
	section Docker
	[[ -d node_modules ]]
	jq -es 'any(.[]; .comm == "tar" and .deferred.create > 0)' stats.json
	# the default profile of Docker 25 and later refuses io_uring, of those before not
	jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{action: "SCMP_ACT_ERRNO", errnoRet: 1,
		names: ["io_uring_setup", "io_uring_enter", "io_uring_register"]}]}' >"$T/no_ring"
	for profile in '' "--security-opt=seccomp=$T/no_ring"; do
		run in_docker $profile \
			'/opt/fastio/fastio doctor . tar || [ $? = 1 ]
			tar xf linux.tar
			mv linux stock
			/opt/fastio/fastio --engine uring --json -o report.json tar xf linux.tar'
		((status == 0)) || fail "$output"
		assert_output --partial '; in a Docker container'
		assert_output --partial 'creates were deferred'
		jq -e '.deferred.create > 0 and .errors.late == 0' report.json
		if [[ -n $profile || $output != *'ok    io_uring works'* ]]; then
			assert_output --regexp 'note  io_uring is refused by a seccomp filter \(.*\), in a Docker container'
			jq -e '.ring.sqes == 0 and .executed.task > 0' report.json
		else
			jq -e '.ring.sqes > 0' report.json
		fi
		diff -r stock linux
		rm -r stock linux report.json
	done
	# the Dockerfile
	mkdir context context/build
	cp -a .npmrc package*.json cache linux.tar context
	cp "$R/build/fastio" "$R/build/libfastio.so" context/build
	while IFS=$'\t' read -r number language heading; do
		[[ $language == dockerfile ]] || continue
		run as_user docker build --network none -q -t ours -f "$R/blocks/$number.dockerfile" context
		((status == 0)) || fail "$output"
		run -0 as_user docker run --rm ours sh -ec \
			'test "$(find node_modules -name "*.js" | wc -l)" -gt 250; test -d linux; fastio --version'
		assert_output --partial 'fastio '
		any=1
	done <"$R/blocks/list"
	[[ -n $any ]]
}

@test "readme: continuous integration" {
	rm -rf venv project node_modules linux stats.json
	section 'Continuous integration'
	[[ -x $R/home/.local/bin/fastio && -d node_modules && -d linux ]]
	jq -es 'any(.[]; .comm == "tar" and .deferred.create > 0)' stats.json
}

@test "readme: questions, statistics, figures, building, the ring as a library" {
	section Questions
	jq -e 'length > 10' trace.json # few are deferred on a busy machine
	section 'The statistics line'
	section Figures
	section 'Building and installing'
	section 'The ring as a library'
	run -0 ./copy README.md copied
	cmp README.md copied
}
