#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034
#
# slowfs.bats - fastio-slowfs, which the library is measured and tested on, is a correct file system

load fault

setup() { far_setup; }
teardown() { far_teardown; }

# everywhere: what a script says, and leaves, in a directory and in one seen through slowfs
everywhere() {
	local where
	far 0
	mkdir "$S/here" "$BACK/there"
	for where in here there; do
		(cd "$(readlink -e "$S/$where" "$D/$where")" && script) >"$S/$where.out" 2>&1 ||
			fail "$where:" "$(cat "$S/$where.out")"
	done
	[[ -s $S/here.out ]] || fail "it says nothing"
	diff "$S/here.out" "$S/there.out" || fail "it says something else"
	same_tree "$S/here" "$BACK/there" mtime
	same_tree "$S/here" "$D/there" mtime
	near
}

@test "slowfs: names, links, modes, owners, times, content" {
	need /usr/bin/python3
	script() {
		echo one >f && echo two >g && mv f g && cat g && ls # renamed over
		ln g h && ln -s g s && ln -s nowhere d && stat -c '%h %s %F' g h s d && readlink d && cat s
		[[ $(stat -c %i g) == "$(stat -c %i h)" ]] && rm g && cat h
		ln -P s s2 && stat -c '%h %F' s s2
		echo more >>h && echo again >>h && cat h && echo short >h && cat h
		truncate -s 100000 h && stat -c %s h && truncate -s 3 h && cat h && echo
		chmod 4751 h && stat -c %a h && mkdir -m 2775 m && touch m/f && stat -c %a m
		chown 12:34 h m && stat -c '%u %g %a' h m && chown -h 5:6 s && stat -c '%u %g' s
		touch -d '2001-02-03 04:05:06.789012345' h && touch -h -d '2002-02-03 04:05:06.123456789' s &&
			stat -c '%y' h s
		mkdir -p a/b/c && mv a/b m/ && rmdir a && ! rmdir m && find . | sort
		mkfifo p && mknod n c 1 3 && stat -c '%F %t %T' p n
		mv -T m/b/c x && ! mv x h && ! rmdir h && ! rm m && ! mkdir h && ! cat nothing
		head -c 3000000 /dev/zero | tr '\0' 'x' >big && sha1sum big && cp big big2 && cmp big big2
		exec 5<>h && rm h && echo unlinked >&5 && cat /proc/self/fd/5 && truncate -s 2 /proc/self/fd/5 &&
			cat /proc/self/fd/5 && exec 5>&-
		touch -d '2003-01-01' m big big2 x . m/b m/f p n
	}
	everywhere
}

@test "slowfs: what is made belongs to who made it, in the directory's group if it says so" {
	script() {
		mkdir -m 777 open && mkdir -m 2777 sgid && chgrp 77 sgid
		(cd open && setpriv --reuid=1234 --regid=2345 --clear-groups sh -c 'mkdir d; echo >f; ln -s x l; umask 0; echo >u')
		(cd sgid && setpriv --reuid=1234 --regid=2345 --clear-groups sh -c 'mkdir d; echo >f')
		mkdir -m 700 shut && ! setpriv --reuid=1234 --regid=2345 --clear-groups touch shut/f
		find . -printf '%P %m %U %G\n' | sort
		find . -exec touch -h -d 2001-01-01 {} +
	}
	need setpriv
	everywhere
}

@test "slowfs: extended attributes" {
	need setfattr getfattr
	script() {
		touch f && setfattr -n user.a -v 1 f && setfattr -n user.b -v "$(printf '%01000d' 5)" f
		getfattr -d f && getfattr --only-values -n user.b f && setfattr -x user.a f && getfattr -d f
		! getfattr -n user.none f
		touch -d 2001-01-01 f .
	}
	mount_on "$S" -t tmpfs tmpfs # which has them
	cp "${FASTIO_TEST_LIB:-$ROOT/build/libfastio.so}" "$LIB"
	everywhere
	far 0 --no-xattr
	touch "$D/f"
	run getfattr -n user.a "$D/f"
	[[ $output == *"not supported"* ]] || fail "$output"
}

@test "slowfs: mappings, sparse files, large directories with stable offsets" {
	need /usr/bin/python3
	script() {
		/usr/bin/python3 - <<-'END'
			import mmap, os
			with open("m", "wb") as f:
			    f.write(bytes(range(256)) * 100)
			with open("m", "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
			    print(m[300:310], len(m))
			    m[0:5] = b"hello"
			    m.flush()
			    f.seek(0)
			    print(f.read(8))
			with open("s", "wb") as f:
			    f.seek(1 << 20)
			    f.write(b"end")
			fd = os.open("s", os.O_RDWR | os.O_APPEND)
			print(os.lseek(fd, 0, os.SEEK_DATA), os.lseek(fd, 0, os.SEEK_HOLE))
			os.write(fd, b"appended")
			os.posix_fallocate(fd, 0, 2 << 20)
			os.fsync(fd)
			print(os.fstat(fd).st_size, os.pread(fd, 20, 1 << 20))
			os.mkdir("d")
			names = {f"name-{i:05}-{'x' * (i % 90)}" for i in range(5000)}
			for n in names:
			    os.close(os.open("d/" + n, os.O_CREAT | os.O_WRONLY))
			print(set(os.listdir("d")) == names)
			# removing what has been listed does not make others disappear from the list
			seen = set()
			with os.scandir("d") as d:
			    for e in d:
			        seen.add(e.name)
			        if len(seen) % 2:
			            os.unlink(e.path)
			print(seen == names, len(os.listdir("d")))
			for n in os.listdir("d"):
			    os.utime("d/" + n, (1, 1))
			for n in "d", "m", "s", ".":
			    os.utime(n, (1, 1))
		END
	}
	everywhere
}

# What is asked for in vain with N requests, one thread in each of M directories
ask='
import os, sys, threading, time
n, m, top = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
dirs = []
for i in range(m):
    os.mkdir(f"{top}/ask{i}")
    dirs.append(os.open(f"{top}/ask{i}", os.O_RDONLY))
def run(d):
    for i in range(n):
        try:
            os.stat(f"none{i}", dir_fd=d)
        except FileNotFoundError:
            pass
threads = [threading.Thread(target=run, args=(d,)) for d in dirs]
begin = time.monotonic()
for t in threads:
    t.start()
for t in threads:
    t.join()
print(int((time.monotonic() - begin) * 1000))
'

requests() {
	local i
	rm -f "$S/counts"
	kill -USR1 "$FS_PID"
	for i in {1..100}; do
		[[ ! -e $S/counts ]] || break
		sleep 0.02
	done
	jq "$1 // 0" "$S/counts"
}

@test "slowfs: each request takes its time, many at once no longer, and all are counted" {
	need /usr/bin/python3 jq
	local ms before
	far 5000 --attr-timeout 60000
	ms=$(/usr/bin/python3 -c "$ask" 20 1 "$D")
	((ms >= 100)) || fail "20 requests of 5 ms took $ms ms"
	near
	rm -rf "$BACK"
	far 20000 --attr-timeout 60000
	before=$(requests .requests.lookup)
	ms=$(/usr/bin/python3 -c "$ask" 10 150 "$D")
	((ms >= 200)) || fail "10 requests of 20 ms took $ms ms"
	# one after the other they would take 30 s
	((ms < 6000)) || fail "150 times 10 requests of 20 ms took $ms ms"
	ms=$(requests .requests.lookup)
	((ms - before >= 1650 && ms - before < 1700)) || fail "lookups counted: $((ms - before))"
	near
	(($(jq .round_trips "$S/counts") >= 1650)) || fail "$(cat "$S/counts")"
}

@test "slowfs: bandwidth and jitter" {
	local begin ms
	far 0 --bandwidth 1M --jitter-us 2000
	begin=${EPOCHREALTIME/./}
	head -c 300000 /dev/zero >"$D/f"
	ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
	((ms >= 250)) || fail "300000 bytes took $ms ms"
	near
	far 0 --bandwidth 1M
	begin=${EPOCHREALTIME/./}
	cat "$D/f" "$D/f" | cmp - <(head -c 600000 /dev/zero)
	ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
	((ms >= 250)) || fail "reading 600000 bytes took $ms ms"
}

@test "slowfs: it hangs when told so, lets go of who gets a signal, and goes on" {
	local pid i
	far 0 --hang-after 60
	for i in {1..100}; do
		stat "$D/none" 2>/dev/null || (($? == 1)) || break
		echo "$i" >"$S/asked"
	done 3>&- &
	pid=$!
	sleep 1
	kill -0 $pid || fail "it does not hang"
	i=$(<"$S/asked")
	((i > 10 && i < 61)) || fail "it hangs after $i"
	pkill -TERM -P $pid stat || fail "nobody hangs"
	timeout 2 tail --pid=$pid -f /dev/null || fail "who got a signal still hangs"
	kill -USR2 "$FS_PID" # goes on
	timeout 5 cat "$D/none" 2>&1 | grep -q 'No such file'
	kill -USR2 "$FS_PID" # hangs
	sleep 0.1
	timeout 20 cat "$D/nothing" 2>"$S/err" 3>&- &
	pid=$!
	sleep 0.3
	kill -USR2 "$FS_PID"
	wait $pid && fail "found"
	grep 'No such file' "$S/err"
	kill -TERM "$FS_PID"
	wait "$FS_PID"
	! mountpoint -q "$D" || fail "still mounted"
	MOUNTS=()
	FS_PID=
}

@test "slowfs: what is wrong is said" {
	local slowfs=$ROOT/build/fastio-slowfs
	run "$slowfs" --help
	((status == 0)) && [[ $output == Usage:* ]]
	run "$slowfs" "$S"
	((status == 2)) && [[ $output == *BACKING*--help* ]]
	run "$slowfs" --latency-us fast "$S" "$S"
	((status == 2)) && [[ $output == *fast* ]]
	run "$slowfs" --guess "$S" "$S"
	((status == 2)) && [[ $output == *--guess* ]]
	run "$slowfs" "$S/none" "$S"
	((status == 1)) && [[ $output == *"$S/none"* ]]
	run "$slowfs" "$S" "$S/none"
	((status == 1)) && [[ $output == *"$S/none"* ]]
}
