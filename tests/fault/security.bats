#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# security.bats - programs that run with more rights than their caller

load fault

setup() {
	fault_setup
	need_root
	need setpriv
	NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	mkdir "$S/d" "$S/open"
	chmod 777 "$S/open"
	PRIVATE=$S/privileged
	cp "$T/fault-work" "$PRIVATE"
}

teardown() {
	fault_teardown
}

may_setuid() {
	! findmnt -no OPTIONS -T "$S" | grep -qw nosuid || skip "$S is mounted nosuid"
}

untouched() {
	[[ ! -e $S/open/log && ! -e $S/open/stats ]] ||
		fail "a privileged program obeyed the environment of its caller: $(ls "$S/open")"
}

@test "a setuid program takes neither the library nor its environment" {
	may_setuid
	chmod 4755 "$PRIVATE"
	# only the owner may write in $S/d: the program runs as root
	RUNNER=("${NOBODY[@]}")
	capture stock stock "$PRIVATE" -n 100 cmUr "$S/d"
	((RC == 0))
	find "$S/d" -mindepth 1 -delete
	EXTRA=(FASTIO_STATS="$S/open/stats" FASTIO_LOG="$S/open/log")
	capture fast eager "$PRIVATE" -n 100 cmUr "$S/d"
	same stock fast
	untouched
	[[ $(find "$S/d" -type f -user root | wc -l) == 100 ]]
}

@test "the same for file capabilities" {
	may_setuid
	need setcap
	setcap cap_dac_override+ep "$PRIVATE" || skip "no file capabilities here"
	RUNNER=("${NOBODY[@]}")
	capture stock stock "$PRIVATE" -n 100 cmUr "$S/d"
	((RC == 0))
	find "$S/d" -mindepth 1 -delete
	EXTRA=(FASTIO_STATS="$S/open/stats" FASTIO_LOG="$S/open/log")
	capture fast eager "$PRIVATE" -n 100 cmUr "$S/d"
	same stock fast
	untouched
	[[ $(find "$S/d" -type f | wc -l) == 100 ]]
}

@test "loaded into a setuid program by the administrator, the library stays passive" {
	local victim
	may_setuid
	need unshare
	[[ $FIRST != *libasan* ]] || skip "a setuid program cannot be given AddressSanitizer's runtime"
	chmod 4755 "$PRIVATE" "$LIB"
	# a trusted directory and a setuid library: the loader accepts it; in a mount namespace
	# of our own, over a library that nothing uses
	for victim in /lib/x86_64-linux-gnu/libmemusage.so /usr/lib/x86_64-linux-gnu/libmemusage.so; do
		[[ ! -e $victim ]] || break
	done
	[[ -e $victim ]] || skip "no library to hide"
	cat >"$S/in-namespace" <<-END
		mount --bind "$LIB" "$victim" || exit 90
		exec ${NOBODY[*]} env LD_PRELOAD=libmemusage.so FASTIO_WARMUP=0 \
			FASTIO_STATS="$S/open/stats" FASTIO_LOG="$S/open/log" \
			"$PRIVATE" -n 100 cmUr "$S/d"
	END
	RUNNER=("${NOBODY[@]}")
	capture stock stock "$PRIVATE" -n 100 cmUr "$S/d"
	find "$S/d" -mindepth 1 -delete
	RUNNER=()
	capture fast stock unshare -m --propagation private sh "$S/in-namespace"
	((RC != 90)) || skip "cannot mount"
	same stock fast
	untouched
	[[ $(find "$S/d" -type f -user root | wc -l) == 100 ]]
}

@test "log, statistics and trace are made 0600 and do not follow links" {
	echo precious >"$S/open/target"
	ln -s target "$S/open/log"
	ln -s target "$S/open/stats"
	ln -s target "$S/open/trace"
	EXTRA=(FASTIO_STATS="$S/open/stats" FASTIO_LOG="$S/open/log" FASTIO_TRACE="$S/open/trace")
	capture links eager "$T/fault-work" -n 100 c "$S/d"
	((RC == 0))
	quiet links
	[[ $(<"$S/open/target") == precious ]] || fail "wrote through a link: $(cat "$S/open/target")"
	rm "$S/open/log" "$S/open/stats" "$S/open/trace"
	find "$S/d" -mindepth 1 -delete
	EXTRA=(FASTIO_STATS="$S/open/stats" FASTIO_LOG="$S/open/log" FASTIO_ENGINE=bogus
		FASTIO_TRACE="$S/open/trace")
	capture fresh eager "$T/fault-work" -n 100 c "$S/d"
	((RC == 0))
	[[ $(stat -c %a "$S/open/stats" "$S/open/log" "$S/open/trace") == $'600\n600\n600' ]] ||
		fail "modes: $(ls -l "$S/open")"
}

@test "nothing of ours has a name that another user could open" {
	need /usr/bin/python3
	cat >"$S/p.py" <<-'END'
		import os, sys
		for i in range(60):
		    fd = os.open(f"{sys.argv[1]}/{i}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		    os.write(fd, b"x")
		    os.close(fd)
		held = os.open(f"{sys.argv[1]}/held", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		own = os.getpid()
		with open(f"/proc/self/task/{own}/children") as f:
		    pids = [own] + f.read().split()
		seen = set()
		for pid in pids:
		    for fd in os.listdir(f"/proc/{pid}/fd"):
		        try:
		            seen.add("fd " + os.readlink(f"/proc/{pid}/fd/{fd}"))
		        except FileNotFoundError:
		            pass
		with open("/proc/self/maps") as f:
		    for line in f:
		        part = line.split(None, 5)
		        if part[1].endswith("s"):
		            seen.add("shared " + (part[5].strip() if len(part) > 5 else "memory"))
		print(len(pids), *sorted(seen), sep="\n")
		for path in "/proc/net/unix", "/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg":
		    with open(path) as f:
		        print(f.read())
	END
	local mode inode sysv='^ +-?[0-9]+ +[0-9]+ +[0-7]+ '
	for mode in stock sync lag; do
		rm -rf "$S/d"
		mkdir "$S/d"
		capture "$mode" "$mode" /usr/bin/python3 "$S/p.py" "$S/d"
		((RC == 0)) || fail "$mode: $(<"$S/$mode.err")"
		grep -E '^(fd|shared) ' "$S/$mode.out" |
			grep -vE " ((socket|pipe|anon_inode):|$S/$mode\.(out|err)\$)" >"$S/$mode.names" || true
		[[ $mode != stock ]] || continue
		need_deferred "$mode" 50
		[[ $(head -n 1 "$S/$mode.out") == 2 ]] || fail "$mode: no task was there to look at"
		# what the program itself has, its directory, and memory without a name
		comm -13 "$S/stock.names" "$S/$mode.names" | grep -vxF "fd $S/d" |
			grep -vE '^((fd|shared) /memfd:[^/]* \(deleted\)|shared .*/build/cov/counts/.*)$' >"$S/more" || true
		[[ ! -s $S/more ]] || fail "$mode: can be opened by name:" "$(<"$S/more")"
		for inode in $(sed -n 's/^fd socket:\[\([0-9]*\)\]$/\1/p' "$S/$mode.out"); do
			! grep -qE " $inode [^ ]" "$S/$mode.out" || fail "$mode: a socket with a name"
		done
		diff <(grep -E "$sysv" "$S/stock.out") <(grep -E "$sysv" "$S/$mode.out") ||
			fail "$mode: System V objects"
	done
}

@test "a program that gives up its rights half way: later files are made by the new user" {
	need /usr/bin/python3
	chmod 777 "$S/d"
	cat >"$S/p.py" <<-'END'
		import os, sys
		d = sys.argv[1]
		def put(n):
		    for i in range(50):
		        with open(f"{d}/{n}{i}", "wb") as f:
		            f.write(b"x" * i)
		put("root")
		os.umask(0o077)
		put("umask")
		os.setegid(65534)
		os.seteuid(65534)
		put("effective")
		os.seteuid(0)
		put("back")
		os.setgroups([])
		os.setresgid(65534, 65534, 65534)
		os.setresuid(65534, 65534, 65534)
		put("nobody")
		try:
		    open("/etc/passwd", "ab")
		except OSError as e:
		    print(e.errno)
	END
	local mode
	for mode in stock auto eager sync lag; do
		capture "$mode" "$mode" /usr/bin/python3 "$S/p.py" "$S/d"
		cp -a "$S/d" "$S/tree.$mode"
		find "$S/d" -mindepth 1 -delete
		same stock "$mode"
		same_tree "$S/tree.stock" "$S/tree.$mode"
	done
}
