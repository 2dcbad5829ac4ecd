#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031
# The fastio command, as a user has it in the hand.

load ../lib/common
load ../lib/projects

bats_require_minimum_version 1.5.0

setup() {
	common_setup
	FASTIO=${FASTIO_TEST_COMMAND:-$ROOT/build/fastio}
	# the command takes the library beside it, whichever the other tests are about
	[[ -n ${FASTIO_TEST_COMMAND:-} ]] || FASTIO_LIB=$ROOT/build/libfastio.so
	mkdir "$W"
	cd "$W" || return
}

# archive N: archive.tar of N small files below src/
archive() {
	local i
	mkdir src
	for ((i = 0; i < $1; i++)); do
		printf 'content of %d\n' "$i" >"src/f$i"
	done
	chmod 0600 src/f1
	tar cf archive.tar src
	rm -r src
}

# ---- run ----

@test "command: help, version, wrong usage" {
	local verb
	run -0 "$FASTIO" --help
	assert_output --partial 'Usage: fastio'
	run -0 "$FASTIO" --version
	assert_output --regexp '^fastio [0-9]'
	for verb in run compare doctor trace top; do
		run -0 --separate-stderr "$FASTIO" "$verb" --help
		assert_output --partial "Usage: fastio "
		[[ -z $stderr ]]
		run -2 --separate-stderr "$FASTIO" "$verb" --no-such-option
		[[ -z $output && $stderr == *--no-such-option*--help* ]] || fail "$verb: $stderr"
	done
	run -2 "$FASTIO"
	for verb in 'run -o' 'trace --output' 'compare --runs' 'top --interval' 'run --engine'; do
		run -2 "$FASTIO" $verb
		assert_output --partial "a value is missing: ${verb#* }"
	done
	run -2 "$FASTIO" --engine fast true
	assert_output --partial 'ENGINE=fast'
}

@test "command: run hands status, arguments, streams and signals through" {
	run -7 "$FASTIO" sh -c 'exit 7'
	run -143 "$FASTIO" sh -c 'kill -TERM $$'
	run -0 "$FASTIO" -- printf '%s|' 'a b' '' --help
	assert_output 'a b||--help|'
	run -0 "$FASTIO" run echo run
	assert_output run
	run -3 bash -c '"$0" sh -c "cat; echo err >&2; exit 3" < <(echo in) 2>&1 | cat; exit "${PIPESTATUS[0]}"' "$FASTIO"
	assert_output "in
err"
	run -127 "$FASTIO" ./nothing-here
	assert_output --partial 'cannot run ./nothing-here: No such file'
	: >not-executable
	run -126 "$FASTIO" ./not-executable
	# in place of itself: the pid stays
	run -0 bash -c '"$0" sh -c "echo \$\$" & echo $!; wait' "$FASTIO"
	[[ ${lines[0]} == "${lines[1]}" ]]
}

@test "command: run preloads once, in front of others" {
	run -0 "$FASTIO" "$FASTIO" run sh -c 'echo "$LD_PRELOAD"'
	assert_output "$(readlink -f "$FASTIO_LIB")"
	run -0 env LD_PRELOAD=libm.so.6 "$FASTIO" sh -c 'echo "$LD_PRELOAD"'
	assert_output "$(readlink -f "$FASTIO_LIB"):libm.so.6"
	run -0 "$FASTIO" env -i sh -c 'echo "<$LD_PRELOAD>"'
	assert_output '<>'
}

@test "command: run options become FASTIO_ variables" {
	run -0 "$FASTIO" --engine sync --warmup=0 --max-file 4096 sh -c 'env | grep ^FASTIO_[^T] | sort'
	assert_output 'FASTIO_ENGINE=sync
FASTIO_MAX_FILE=4096
FASTIO_WARMUP=0'
}

@test "command: run --fsync says when a sync is done" {
	run -0 "$FASTIO" run --fsync=group sh -c 'env | grep ^FASTIO_FSYNC'
	assert_output 'FASTIO_FSYNC=group'
	mkdir w && cd w
	for when in strict group; do
		run -0 "$FASTIO" run --fsync "$when" --warmup 0 --json -o ../report "$PROGS/sync" create
		jq -e --arg when "$when" '(.deferred.fsync >= 40) == ($when == "group")' ../report
		rm f*
	done
	run -2 "$FASTIO" run --fsync=later true
	assert_output --partial 'FSYNC=later'
}

@test "command: run, the library from the build tree, from an installation, missing" {
	mkdir -p there/bin there/lib
	cp "$FASTIO" there/bin/fastio
	run -125 there/bin/fastio true
	assert_output --partial 'libfastio.so'
	cp "$FASTIO_LIB" there/lib
	run -0 there/bin/fastio sh -c 'echo "$LD_PRELOAD"'
	assert_output "$PWD/there/lib/libfastio.so"
	mv there 'with blank'
	run -125 'with blank/bin/fastio' true
	assert_output --partial "blank"
}

@test "command: run --report tells what was done, --json too, for the whole tree of processes" {
	archive 300
	run -0 --separate-stderr "$FASTIO" --report sh -c 'tar xf archive.tar; echo out'
	assert_output out
	[[ $stderr == *'deferred '*creates*'passed '*warm-up* ]] || fail "$stderr"
	rm -r src
	run -5 --separate-stderr "$FASTIO" --json -o report sh -c 'tar xf archive.tar; rm -r src; exit 5'
	[[ -z $output$stderr ]]
	jq -e '.status == 5 and .processes == 3 and .deferred.create > 200 and .deferred.unlink > 100
		and .pass.warmup > 0 and (.programs | map(.comm) | sort) == ["rm", "sh", "tar"]
		and .executed.task + .executed.ring + .executed.caller > 0 and .command[0] == "sh"' report
	run -0 --separate-stderr "$FASTIO" --report true
	[[ $stderr == *'Nothing was deferred: no file was created'* ]]
	run -0 --separate-stderr "$FASTIO" --report --engine off sh -c 'tar xf archive.tar; rm -r src'
	[[ $stderr == *'stopped '*'FASTIO_ENGINE is off 3'*'Nothing was deferred, mainly: FASTIO_ENGINE is off.' ]] ||
		fail "$stderr"
	run -0 --separate-stderr bash -c 'ulimit -f 100000; exec "$0" --report tar xf archive.tar' "$FASTIO"
	[[ $stderr == *'mainly: RLIMIT_NOFILE is too small or RLIMIT_FSIZE is set.' ]] || fail "$stderr"
	rm -r src
	rm -rf src
	FASTIO_STATS=$PWD/mine "$FASTIO" --report -o /dev/null tar xf archive.tar
	jq -e '.comm == "tar"' mine
	[[ -z $(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'fastio-??????' -newer archive.tar) ]]
}

@test "command: run --report ends as the command does" {
	run -143 --separate-stderr "$FASTIO" --report sh -c 'kill -TERM $$'
	[[ $stderr == *'ended by signal 15'* ]]
	run -127 --separate-stderr "$FASTIO" --report ./nothing-here
	[[ $stderr == *'cannot run ./nothing-here'* ]]
	# a signal to fastio reaches the command
	"$FASTIO" --report -o /dev/null sh -c 'trap "echo got it; exit 9" USR1; : >ready; while :; do sleep 0.05; done' >out &
	local pid=$! i status=0
	for ((i = 0; i < 100; i++)); do
		[[ -e ready ]] && break
		sleep 0.05
	done
	kill -USR1 "$pid"
	wait "$pid" || status=$?
	[[ $status == 9 && $(<out) == 'got it' ]] || fail "status $status: $(<out)"
}

# What is typed: the interrupt character, once the command is ready.
ctrl_c() {
	while [[ ! -e ready ]]; do sleep 0.05; done
	rm ready
	printf '\003'
	sleep 0.5
}

@test "command: in a terminal, with Ctrl-C" {
	local args
	for args in '' --report; do
		# the terminal is the command's, which takes the character and decides
		run -0 "$PROGS/terminal" "$FASTIO" $args sh -c 'test -t 0 && test -t 1 && stty size && echo tty' </dev/null
		assert_output --partial tty
		run -42 "$PROGS/terminal" "$FASTIO" $args sh -c \
			'trap "echo interrupted; exit 42" INT; : >ready; while :; do sleep 0.05; done' < <(ctrl_c)
		assert_output --partial interrupted
		run -130 "$PROGS/terminal" "$FASTIO" $args sh -c ': >ready; sleep 20' < <(ctrl_c)
	done
}

@test "command: under sudo, setpriv, make and npm" {
	archive 300
	if [[ $(id -u) == 0 ]]; then
		chmod 777 .
		run -0 --separate-stderr "$FASTIO" --json -o report \
			setpriv --reuid=65534 --regid=65534 --clear-groups tar xf "$PWD/archive.tar"
		jq -e '.deferred.create > 200' report
		rm -r src
		if command -v sudo >/dev/null; then
			run -0 sudo -u nobody "$FASTIO" --report tar xf "$PWD/archive.tar"
			assert_output --partial creates
			rm -r src
		fi
	fi
	printf 'all: a b\na:\n\ttar xf archive.tar\nb:\n\techo b >b\n' >Makefile
	run -0 --separate-stderr "$FASTIO" --json -o report make -j2
	jq -e '.deferred.create > 200 and any(.programs[]; .comm == "make")' report
	rm -r src
	if command -v npm >/dev/null; then
		echo '{"scripts":{"unpack":"tar xf archive.tar"}}' >package.json
		HOME=$PWD run -0 --separate-stderr "$FASTIO" --json -o report npm run --silent unpack
		jq -e '.deferred.create > 200 and any(.programs[]; .comm == "tar")' report
	fi
}

@test "command: in a sandbox without io_uring" {
	archive 300
	run -0 --separate-stderr "$PROGS/fault-seccomp" io_uring_setup=EPERM -- \
		"$FASTIO" --json -o report tar xf archive.tar
	jq -e '.deferred.create > 200 and .ring.sqes == 0 and .executed.task > 0' report
}

@test "command: git clone" {
	need git
	git init -q repo
	(
		cd repo
		for i in {1..150}; do echo "$i" >"f$i"; done
		git add . && git -c user.name=a -c user.email=a@example.org commit -qm one
	)
	run -0 "$FASTIO" --json -o report git clone -q repo clone
	diff -r -x .git repo clone
	git -C clone fsck
	jq -e 'any(.programs[]; .comm == "git")' report
}

# ---- compare ----

# No copy is left beside or in the directory.
no_copies() {
	[[ -z $(find "$W" "$T" -maxdepth 1 -name '.fastio-*') ]] || fail "copies are left"
}

@test "command: compare says when the result is the same, and who was faster" {
	archive 200
	run --separate-stderr "$FASTIO" compare --runs 2 -- tar xf archive.tar
	((status == 0 || status == 1)) || fail "status $status: $output $stderr"
	[[ -z $stderr ]]
	assert_output --partial '202 entries, 0 differ'
	assert_output --partial 'with the same result.'
	assert_output --partial 'deferred or elided: '
	[[ ! -e src ]]
	run -0 "$FASTIO" compare --runs 5 -- sh -c 'test "$LD_PRELOAD" || sleep 0.1'
	assert_output --regexp 'times as fast, with the same result'
	run -1 "$FASTIO" compare --runs=5 -- sh -c 'test -z "$LD_PRELOAD" || sleep 0.1'
	assert_output --regexp "Slower .*with the same result"
	run -1 "$FASTIO" compare --json -- sleep 0.02
	jq -e '.verdict == "not faster" and .differ == 0 and .runs == 5 and .stock_ms >= 20' <<<"$output"
	no_copies
}

@test "command: compare sees other content, modes, owners, links, times and status" {
	local change
	echo old >file
	touch -d 2001-01-01 file
	ln -s file link
	for change in 'echo new >file2' 'echo Old >file' 'chmod 600 file' 'touch -d 2002-02-02 file' \
		'rm file' 'ln file other' 'ln -sfn other link' 'mkdir d' 'touch -h -d 2002-02-02 link'; do
		run -3 "$FASTIO" compare --runs 1 -- sh -c "test -z \"\$LD_PRELOAD\" || { $change; }"
		assert_output --partial 'not as without the library'
		assert_output --regexp 'stock: .*preloaded: '
	done
	run -3 "$FASTIO" compare --runs 1 -- sh -c 'test -z "$LD_PRELOAD"'
	assert_output --partial 'exit status preloaded: 1'
	# what was there before keeps its time, however young it is
	echo young >young
	run "$FASTIO" compare --runs 1 -- true
	((status < 2)) || fail "$output"
	# a time that is set but of the present is as good as any other of the run
	run "$FASTIO" compare --runs 2 -- sh -c 'touch file; echo x >new; touch -d @$(date +%s) whole'
	((status < 2)) || fail "$output"
	no_copies
}

@test "command: compare leaves out what is never the same, and what is excluded" {
	run "$FASTIO" compare --runs 3 -- sh -c 'date +%N >now; echo x >same'
	((status < 2)) || fail "$output"
	assert_output --partial '1 differ between stock runs as well'
	run -3 "$FASTIO" compare --runs 1 -- sh -c 'mktemp ./x.XXXXXX'
	run "$FASTIO" compare --runs 1 --exclude 'x.*' -- sh -c 'mktemp ./x.XXXXXX'
	((status < 2)) || fail "$output"
}

@test "command: compare, the copy, its place and what is prepared" {
	mkdir d d/sub
	echo mine >d/sub/f
	chmod 0710 d
	echo beside >beside
	run "$FASTIO" compare --runs 1 --in d --prepare 'echo more >>sub/f; test -z "$LD_PRELOAD"' -- \
		sh -c 'test "$(cat sub/f)" = "mine
more" && test "$(stat -c %a .)" = 710 && cat ../beside && test "$PWD" = "$(pwd -P)" && rm -r sub'
	((status < 2)) || fail "$output"
	refute_output --partial 'the command fails'
	[[ $(<d/sub/f) == mine ]]
	run -4 "$FASTIO" compare --prepare 'exit 1' -- true
	assert_output --partial '--prepare failed: exit 1'
	run -4 "$FASTIO" compare -- ./nothing-here
	assert_output --partial 'nothing-here: No such file'
	run -4 "$FASTIO" compare --in nowhere -- true
	assert_output --partial 'nowhere: No such file'
	run -2 "$FASTIO" compare --runs 0 -- true
	run "$FASTIO" compare --runs 1 -- sh -c 'echo so bad >&2; exit 9'
	((status < 2)) || fail "$output"
	assert_output --partial 'fails, with status 9'
	assert_output --partial 'so bad'
	no_copies
	run find d -maxdepth 1 -name '.fastio*'
	assert_output ''
}

@test "command: compare in a terminal shows its progress; Ctrl-C leaves nothing" {
	run "$PROGS/terminal" "$FASTIO" compare --runs 1 -- touch x </dev/null
	assert_output --partial '1 of 2: stock'
	(
		while ! compgen -G "$T/.fastio-*/ready" >/dev/null; do sleep 0.05; done
		printf '\003'
		sleep 1
	) | run -130 "$PROGS/terminal" "$FASTIO" compare -- sh -c ': >ready; sleep 20'
	no_copies
	run pgrep -f "sleep 2[0]$"
	refute_output
}

@test "command: compare of a real tar on ext4 with a journal and on tmpfs: the verdict is what the figures say" {
	[[ $(id -u) == 0 ]] || skip "mounts need root"
	local fs n=2000 sentence
	real_archive "$PWD/real.tar" "$n"
	mkdir mnt
	for fs in ext4 tmpfs; do
		if [[ $fs == ext4 ]]; then
			truncate -s 300M image
			mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 image
			dumpe2fs -h image 2>/dev/null | grep -q has_journal
			mount -o loop image mnt || skip "no loop mounts"
		else
			mount -t tmpfs tmpfs mnt
		fi
		cp real.tar mnt
		# a mount point: the copy lies in it
		run "$FASTIO" compare --runs 3 --json --in mnt -- tar xf real.tar
		((status < 2)) || fail "$fs: $output"
		jq -e --argjson n "$n" --argjson status "$status" '
			.differ == 0 and .same_status and .status == 0 and .runs == 3
			and .entries > $n and .entries < 2 * $n and .deferred.create > 0
			and (.verdict == "faster") == ($status == 0) and (.verdict == "not faster") == ($status == 1)
			and (.verdict == "faster") == (.low > 1 and .speed > 1.2)
			and .low <= .speed and .speed <= .high
			and (.cpu - .preloaded_cpu_ms / .stock_cpu_ms | fabs) < 0.01' <<<"$output" || fail "$fs: $output"
		# and in words
		run "$FASTIO" compare --runs 1 --in mnt -- tar xf real.tar
		sentence=${lines[-1]}
		case $status in
		0) [[ $sentence == *' times as fast, with the same result.'* ]] ;;
		1) [[ $sentence == Slower*'with the same result.'* || $sentence == 'No difference beyond the noise, with'* ]] ;;
		*) fail "$fs: $output" ;;
		esac
		assert_output --partial 'entries, 0 differ'
		[[ -z $(find mnt -name '.fastio*') ]]
		umount mnt
	done
}

# ---- doctor ----

@test "command: doctor in a directory where the library helps" {
	[[ -w /dev/shm ]] || skip "no /dev/shm"
	local d
	d=$(mktemp -d /dev/shm/t.XXXXXX)
	run -0 --separate-stderr "$FASTIO" doctor "$d"
	rmdir "$d"
	[[ -z $stderr ]]
	assert_output --regexp "ok    Linux"
	assert_output --regexp "ok    tmpfs .*free"
	assert_output --regexp "takes [0-9.]+ us to make and [0-9.]+ us to remove"
	assert_output --partial '200 of 200 creates were deferred'
	# without an argument: here
	run "$FASTIO" doctor
	assert_line '.:'
	[[ -z $(find . -name '.fastio*') ]]
}

@test "command: doctor says what is in the way of a directory" {
	run -1 "$FASTIO" doctor /proc
	assert_output --regexp 'no    /proc is on proc'
	run -4 "$FASTIO" doctor ./nowhere
	assert_output --partial 'nowhere: No such file'
	[[ $(id -u) == 0 ]] || skip "mounts need root"
	mkdir m
	mount -t tmpfs tmpfs m
	mkdir m/acl
	if command -v setfacl >/dev/null; then
		setfacl -d -m u:12:r m/acl
		run -1 "$FASTIO" doctor m/acl
		assert_output --regexp 'no    .*default ACL'
	fi
	mount -o remount,ro m
	run -1 "$FASTIO" doctor m
	assert_output --regexp 'no    .*read-only'
	umount m
	mount -t tmpfs -o size=8M tmpfs m
	run -1 "$FASTIO" doctor m
	assert_output --regexp 'no    .*nearly full'
}

@test "command: doctor on programs" {
	run -0 "$FASTIO" doctor tar
	assert_output --regexp 'ok    .*/tar is dynamically linked'
	printf '#!/usr/bin/env -S sh\n' >script
	chmod +x script
	run -0 "$FASTIO" doctor ./script
	assert_output --partial 'is a script for sh'
	echo 'int main(void) { return 0; }' >s.c
	if ${CC:-cc} -static -o static s.c 2>/dev/null; then
		run -1 "$FASTIO" doctor ./static
		assert_output --regexp 'no    .*statically linked'
	fi
	cp "$(type -P true)" caps
	if [[ $(id -u) == 0 ]]; then
		cp caps suid
		chown 12 suid
		chmod u+s suid
		run -1 "$FASTIO" doctor ./suid
		assert_output --regexp 'no    .*setuid'
		setcap cap_net_raw+ep caps
		run -0 "$FASTIO" doctor ./caps
		assert_output --regexp 'note  .*capabilities'
	fi
	cp "$(type -P true)" musl
	sed -i 's|/lib64/ld-linux-x86-64.so.2|/lib/ld-musl-x86_64.so.1\x00\x00|' musl
	run "$FASTIO" doctor ./musl
	[[ $output == *'linked with musl'* ]] || [[ $(uname -m) != x86_64 ]] || fail "$output"
	cp "$(type -P true)" go
	printf '\377 Go buildinf:\010\002' >>go
	run -1 "$FASTIO" doctor ./go
	assert_output --partial 'Go program'
	echo text >text
	run -4 "$FASTIO" doctor ./text
	assert_output --partial 'Exec format error'
}

@test "command: doctor on the system: no io_uring, limits, other libraries" {
	[[ -w /dev/shm ]] || skip "no /dev/shm"
	local err
	for err in EPERM ENOSYS; do
		run -0 "$PROGS/fault-seccomp" "io_uring_setup=$err" -- "$FASTIO" doctor /dev/shm
		assert_output --regexp 'note  io_uring is refused by a seccomp filter'
		assert_output --partial 'creates were deferred'
	done
	run -1 bash -c 'ulimit -n 100; exec "$0" doctor tar' "$FASTIO"
	assert_output --regexp 'no    only 100 open files'
	run -1 bash -c 'ulimit -f 1000; exec "$0" doctor /dev/shm' "$FASTIO"
	assert_output --regexp 'no    the size of files is limited'
	run -1 taskset -c 0 "$FASTIO" doctor tar
	assert_output --regexp 'no    only one processor'
	local f
	for f in /usr/lib/*/libeatmydata.so; do
		[[ -e $f ]] || continue
		run env LD_PRELOAD="$f" "$FASTIO" doctor /dev/shm
		assert_output --partial "LD_PRELOAD is set: $f"
	done
}

@test "command: doctor on the system: why there is no ring, few processes, what every program loads" {
	need strace
	local inject
	for inject in 'setup:error=ENOSYS:the kernel has no io_uring' 'setup:error=ENOMEM:io_uring gets no memory' \
		'setup:error=EMFILE:io_uring cannot be set up (Too many open files)' \
		'register:error=EINVAL:cannot do: openat write close unlinkat; these are done by plain calls'; do
		run -0 strace -f -o /dev/null -e "inject=io_uring_$(cut -d: -f1-2 <<<"$inject")" "$FASTIO" doctor tar
		assert_output --partial "$(cut -d: -f3- <<<"$inject")"
		assert_output --regexp 'note  .*plain calls'
	done
	[[ $(id -u) == 0 ]] || skip "other users and mounts need root"
	run -0 prlimit --nproc=20 setpriv --reuid=65534 --regid=65534 --clear-groups "$FASTIO" doctor tar
	assert_output --partial 'note  only 20 processes are allowed (RLIMIT_NPROC)'
	[[ ! -e /proc/sys/kernel/io_uring_disabled ]] || {
		echo 2 >disabled
		run -0 unshare -m bash -ec 'mount --bind disabled /proc/sys/kernel/io_uring_disabled
			exec "$@"' - "$PROGS/fault-seccomp" io_uring_setup=EPERM -- "$FASTIO" doctor tar
		assert_output --partial 'note  io_uring is disabled by sysctl (kernel.io_uring_disabled=2)'
		assert_output --partial '> for network and other slow file systems: sysctl kernel.io_uring_disabled=0'
	}
	echo libm.so.6 >preload
	mkdir etc
	run -0 unshare -m bash -ec 'mount --rbind /etc etc; mount -t tmpfs tmpfs /etc; cp -a etc/ld.so.cache /etc
		cp preload /etc/ld.so.preload; exec "$@"' - "$FASTIO" doctor tar
	assert_output --partial 'note  /etc/ld.so.preload loads libm.so.6 into every program'
}

@test "command: doctor beside fakeroot" {
	need fakeroot
	[[ -w /dev/shm ]] || skip "no /dev/shm"
	run -1 fakeroot "$FASTIO" doctor /dev/shm
	assert_output --regexp 'note  LD_PRELOAD is set: .*fakeroot'
	assert_output --partial 'no    calls pass through, mostly: another library interposes file calls'
}

# doctor_on TYPE OPTIONS [COMMAND...]: on a fresh file system, after a command in it, in d if that is there
doctor_on() {
	truncate -s 400M image
	"mkfs.$1" "-$([[ $1 == ext4 ]] && echo qF || echo qf)" image
	mount -o "loop,$2" image m || return
	(cd m && "${@:3}")
	run "$FASTIO" doctor "$([[ -d m/d ]] && echo m/d || echo m)"
	chattr -i -a m/d 2>/dev/null || true
	umount m
	rm image
	((status < 2)) || fail "$output"
}

@test "command: doctor on file systems, their options and attributes, in words" {
	[[ $(id -u) == 0 ]] || skip "mounts need root"
	local attribute
	mkdir m
	doctor_on ext4 usrquota true
	assert_output --regexp 'no    .* is on ext4 with quota'
	doctor_on ext4 sync true
	assert_output --regexp 'no    .* is on ext4 mounted with sync'
	for attribute in 'a append-only' 'i immutable' 'S synchronous' 'D synchronous for names'; do
		doctor_on ext4 defaults bash -c "mkdir d; chattr +${attribute%% *} d"
		assert_output --partial "no    the directory is ${attribute#* }"
		assert_output --partial "> chattr -${attribute%% *}"
	done
	doctor_on xfs defaults true
	assert_output --partial 'note  unlinks are not deferred on xfs'
	doctor_on btrfs defaults true
	assert_output --regexp 'ok    btrfs .* GiB free'
	assert_output --partial 'creates were deferred'
	[[ -e /dev/fuse ]] || return 0
	: >rules
	mkdir b
	"$PROGS/fault-faultfs" b rules log m &
	for ((i = 0; i < 100; i++)); do
		! mountpoint -q m || break
		sleep 0.05
	done
	run -1 "$FASTIO" doctor m
	assert_output --regexp 'no    .*/?m is on fuse.*, where calls are deferred only if each takes long'
	echo '* * * delay:400' >rules.new
	mv rules.new rules
	run -0 "$FASTIO" doctor m
	umount m
	wait
	assert_output --partial 'creates were deferred'
}

@test "command: doctor on programs that load liburing or a sanitizer, or have a text in them" {
	local cc=${CC:-cc}
	echo 'int main(void) { return 0; }' >s.c
	"$cc" -Wl,--no-as-needed -o ring s.c -luring
	if ldd ring | grep -q liburing; then
		run -1 "$FASTIO" doctor ./ring
		assert_output --partial 'no    it loads liburing'
	fi
	if "$cc" -fsanitize=address -o asan s.c && ldd asan | grep -q libasan; then
		run -1 "$FASTIO" doctor ./asan
		assert_output --partial 'no    it loads libasan'
		# it is so
		run "$FASTIO" ./asan
		((status != 0))
	fi
	# the mark of Go's linker is a text in it
	run -0 "$FASTIO" doctor "$FASTIO"
	assert_output --partial 'is dynamically linked'
	# what a shell would run, not a file of that name
	: >tar
	run -0 "$FASTIO" doctor tar
	assert_output --regexp 'ok    /.*/tar is dynamically linked'
}

# ---- top ----

# A preloaded program that has deferred 20 files and waits for the end of its input.
busy_program() {
	mkfifo hold
	FASTIO_WARMUP=0 "$FASTIO" perl -e 'for (1..20) { sysopen F, "f$_", 0x41 or die; syswrite F, "x"; close F }
		open R, ">ready"; close R; <STDIN>' <hold &
	BUSY=$!
	exec 9>hold
	local i
	for ((i = 0; i < 100; i++)); do
		[[ -e ready ]] && return
		sleep 0.05
	done
	fail 'the program does not start'
}

@test "command: top shows running processes, as text and as JSON, stripped too" {
	need perl
	local copy
	busy_program
	run -0 "$FASTIO" top --once
	assert_output --regexp "$BUSY perl  "
	run -0 "$FASTIO" top --json
	jq -es --argjson pid "$BUSY" 'any(.[]; .pid == $pid and .comm == "perl" and .deferred.create > 0)' <<<"$output"
	# the background task is not a second program
	local task
	task=$(pgrep -P "$BUSY")
	jq -es --argjson task "$task" 'all(.[]; .pid != $task)' <<<"$output"
	run -124 timeout 1 "$FASTIO" top --interval 0.2
	assert_output --partial 'per second'
	assert_output --regexp "$BUSY perl  "
	run -124 timeout --foreground 1 "$PROGS/terminal" "$FASTIO" top --interval 0.2 </dev/null
	assert_output --partial $'\033[H\033[J'
	if [[ $(id -u) == 0 ]]; then
		run setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
			"$FASTIO" top --once
		assert_output --partial 'may not be read' || [[ $output == *'0 preloaded'* ]]
	fi
	exec 9>&-
	wait "$BUSY"
	command -v strip >/dev/null || return 0
	copy=$PWD/stripped
	mkdir "$copy"
	cp "$FASTIO" "$FASTIO_LIB" "$copy"
	strip "$copy/libfastio.so"
	rm -f ready hold f*
	FASTIO=$copy/fastio busy_program
	run -0 "$FASTIO" top --once
	assert_output --regexp "$BUSY perl  "
	exec 9>&-
	wait "$BUSY"
}

# ---- trace ----

@test "command: trace is a valid timeline of all processes" {
	local engine
	archive 300
	for engine in sync uring; do
		run -6 --separate-stderr "$FASTIO" trace -o t.json --engine "$engine" sh -c 'tar xf archive.tar; rm -r src; exit 6'
		[[ -z $output$stderr ]]
		jq -f "$BATS_TEST_DIRNAME/../lib/trace.jq" t.json
		jq -e --arg dir "$PWD/src" --arg engine "$engine" '
			(map(select(.name == "process_name").args.name) | sort) as $programs
			| ($programs | index("tar")) != null and ($programs | index("rm")) != null
			and ([.[] | select(.cat == "deferred" and (.name | startswith("open ")))] | length) > 200
			and ([.[] | select(.cat == "executed" and (.name | startswith("create")) and (.args.path | startswith($dir + "/f"))
				and .args.size > 10 and .args.error == 0)] | length) > 200
			and any(.[]; .cat == "barrier" and .ph == "X" and (.args.cause | length) > 1)
			and any(.[]; .cat == "executed" and .args.by == (if $engine == "sync" then "the background task" else "the ring" end))
			and any(.[]; .cat == "batch") and .[0].args.lost == 0' t.json || fail "$engine: $(jq -c '.[]' t.json | head -n 5)"
	done
	[[ -z $(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'fastio-??????' -newer archive.tar) ]]
}

@test "command: trace, nothing to see, forks, nowhere to write" {
	run -0 "$FASTIO" trace -o t.json true
	jq -e 'type == "array"' t.json
	run -0 "$FASTIO" trace -o t.json --warmup 0 sh -c 'for i in 1 2 3; do (echo $i >f$i; echo x >g$i); done; wait; cat f*'
	jq -f "$BATS_TEST_DIRNAME/../lib/trace.jq" t.json
	run -125 "$FASTIO" trace -o /nowhere/t.json true
	assert_output --partial '/nowhere/t.json: No such file'
	run -2 "$FASTIO" trace true
	assert_output --partial '-o FILE'
	run -127 "$FASTIO" trace -o t.json ./nothing-here
	# what the library writes follows no symlink and is the user's alone
	rm -f f* g*
	ln -s target events
	FASTIO_TRACE=$PWD/events run -0 "$FASTIO" --warmup 0 sh -c 'echo 1 >f1; echo 2 >f2'
	[[ ! -e target ]]
	FASTIO_TRACE=$PWD/real run -0 "$FASTIO" --warmup 0 sh -c 'echo 1 >f1; echo 2 >f2'
	[[ $(stat -c %a real) == 600 ]]
}

@test "command: trace of a program that is killed has what was done before" {
	archive 300
	run -137 "$FASTIO" trace -o t.json --lag-us 1000 sh -c 'tar xf archive.tar & while [ ! -e src/f150 ]; do :; done; kill -KILL $! $$'
	sleep 0.3
	jq -e 'type == "array"' t.json
}
